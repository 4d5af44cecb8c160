//! Rust source as tokens: comments and strings are no code, and what a macro holds is.

use std::ops::RangeInclusive;

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// The first and the last line of something, counted from 1.
pub(crate) type Lines = RangeInclusive<usize>;

/// The tokens of a file, one list for the file itself and one for the inside of every pair of brackets.
///
/// # Errors
/// When the text is not Rust.
pub(crate) fn levels(text: &str) -> Result<Vec<Vec<TokenTree>>, String> {
    let stream: TokenStream = text.parse().map_err(|error| format!("not Rust: {error}"))?;
    let mut found = Vec::new();
    descend(stream, &mut found);
    Ok(found)
}

fn descend(stream: TokenStream, found: &mut Vec<Vec<TokenTree>>) {
    let level: Vec<TokenTree> = stream.into_iter().collect();
    let inner: Vec<TokenStream> = level.iter().filter_map(group).map(Group::stream).collect();
    found.push(level);
    for stream in inner {
        descend(stream, found);
    }
}

/// The rests of a list from each of its tokens on.
pub(crate) fn tails(level: &[TokenTree]) -> impl Iterator<Item = &[TokenTree]> {
    (0..level.len()).filter_map(|start| level.get(start..))
}

/// The line on which a token starts.
pub(crate) fn line(token: &TokenTree) -> usize {
    token.span().start().line
}

/// The line on which a token ends.
pub(crate) fn last_line(token: &TokenTree) -> usize {
    token.span().end().line
}

/// Whether a token is this word.
pub(crate) fn is_word(token: &TokenTree, word: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if ident == word)
}

/// Whether a token is this sign.
pub(crate) fn is_sign(token: &TokenTree, sign: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == sign)
}

/// Whether a token is a pair of braces.
pub(crate) fn is_block(token: &TokenTree) -> bool {
    group(token).is_some_and(|group| group.delimiter() == Delimiter::Brace)
}

/// The group that a token is, if it is one.
pub(crate) fn group(token: &TokenTree) -> Option<&Group> {
    match token {
        TokenTree::Group(group) => Some(group),
        _ => None,
    }
}

/// The words in a stream, at any depth.
pub(crate) fn words(stream: TokenStream) -> Vec<String> {
    let mut found = Vec::new();
    for token in stream {
        match token {
            TokenTree::Ident(ident) => found.push(ident.to_string()),
            TokenTree::Group(group) => found.extend(words(group.stream())),
            _ => {}
        }
    }
    found
}

/// The attributes in a list: the line of each, its words, and the tokens after it.
pub(crate) fn attributes(
    level: &[TokenTree],
) -> impl Iterator<Item = (usize, Vec<String>, &[TokenTree])> {
    tails(level).filter_map(|tail| match tail {
        [hash, TokenTree::Group(inside), rest @ ..] if is_sign(hash, '#') => {
            Some((line(hash), words(inside.stream()), rest))
        }
        _ => None,
    })
}

/// The lines of every item under `#[cfg(test)]`.
pub(crate) fn test_items(levels: &[Vec<TokenTree>]) -> Vec<Lines> {
    let attributes = levels.iter().flat_map(|level| attributes(level));
    let of_tests = attributes.filter(|(_, words, _)| is_cfg_test(words));
    of_tests.map(|(start, _, rest)| start..=item_end(rest).unwrap_or(start)).collect()
}

fn is_cfg_test(words: &[String]) -> bool {
    let has = |word: &str| words.iter().any(|other| other == word);
    words.first().is_some_and(|first| first == "cfg") && has("test") && !has("not")
}

/// An item ends with its first block or semicolon.
fn item_end(tokens: &[TokenTree]) -> Option<usize> {
    let end = tokens.iter().find(|token| is_block(token) || is_sign(token, ';'));
    end.or(tokens.last()).map(last_line)
}

#[test]
fn test_items_are_found_with_their_ends() {
    let text = "fn a() {}\n#[cfg(test)]\nmod tests;\n#[cfg(all(test, unix))]\nmod more {\n    fn b() {}\n}\n#[cfg(not(test))]\nfn c() {}\n";
    assert_eq!(test_items(&levels(text).unwrap()), [2..=3, 4..=7]);
}

#[test]
fn what_is_not_rust_is_refused() {
    assert!(levels("fn a( {").is_err());
}

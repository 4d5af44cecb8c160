//! How long a function and a file may be.

use proc_macro2::TokenTree;

use crate::files::Text;
use crate::tokens::{is_block, is_sign, is_word, last_line, levels, line, tails, test_items};

const FUNCTION_LINES_MAX: usize = 70;
const FILE_LINES_MAX: usize = 500;

/// Functions over the cap, tests too, inside macros too; a signature counts, its documentation does not.
pub(crate) fn long_functions(file: &Text) -> Vec<String> {
    let levels = match levels(&file.text) {
        Ok(levels) => levels,
        Err(error) => return vec![format!("{}: {error}", file.path)],
    };
    let functions = levels.iter().flat_map(|level| tails(level)).filter_map(function);
    let long = functions.filter(|(_, _, lines)| *lines > FUNCTION_LINES_MAX);
    long.map(|(name, line, lines)| format!("{}:{line}: {name} has {lines} lines", file.path))
        .collect()
}

/// The name, the line and the length of the function that starts here, if one does.
fn function(tokens: &[TokenTree]) -> Option<(String, usize, usize)> {
    let [keyword, TokenTree::Ident(name), rest @ ..] = tokens else {
        return None;
    };
    let end = rest.iter().find(|token| is_block(token) || is_sign(token, ';'))?;
    let is_function = is_word(keyword, "fn") && is_block(end);
    is_function.then(|| (name.to_string(), line(keyword), last_line(end) + 1 - line(keyword)))
}

/// Files over the cap. Empty lines, comments and items under `#[cfg(test)]` do not count.
pub(crate) fn long_files(file: &Text) -> Vec<String> {
    let tests = levels(&file.text).map(|levels| test_items(&levels)).unwrap_or_default();
    let lines = file.text.lines().enumerate().map(|(index, line)| (index + 1, line.trim_start()));
    let code = lines.filter(|(number, line)| {
        !line.is_empty()
            && !line.starts_with("//")
            && !tests.iter().any(|lines| lines.contains(number))
    });
    let count = code.count();
    if count > FILE_LINES_MAX {
        vec![format!("{}: {count} lines of code", file.path)]
    } else {
        Vec::new()
    }
}

#[cfg(test)]
fn function_of(lines: usize) -> String {
    format!("/// Does.\npub fn long() {{\n{}}}\n", "    step();\n".repeat(lines - 2))
}

#[test]
fn a_long_function_is_refused() {
    let text = |body: String| Text::sample("a.rs", &body);
    assert!(long_functions(&text(function_of(70))).is_empty());
    assert_eq!(long_functions(&text(function_of(71))), ["a.rs:2: long has 71 lines"]);
    let in_macro = format!("proptest! {{\n{}}}\n", function_of(71));
    assert_eq!(long_functions(&text(in_macro)).len(), 1);
    assert!(long_functions(&text("trait A { fn a(); }\ntype F = fn(u8);\n".to_owned())).is_empty());
}

#[test]
fn a_long_file_is_refused() {
    let text = |code: usize| {
        let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "const B: u8 = 0;\n".repeat(600));
        let body = format!("// Why.\n\n{}{tests}", "const A: u8 = 0;\n".repeat(code));
        Text::sample("a.rs", &body)
    };
    assert!(long_files(&text(500)).is_empty());
    assert_eq!(long_files(&text(501)), ["a.rs: 501 lines of code"]);
}

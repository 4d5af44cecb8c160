//! The English list of BIP-39: 2,048 words, which differ in their first four letters.

/// The words, one a line.
pub(crate) const WORD_LIST: &str = include_str!("word_list.txt");

/// The number of the last word.
pub(crate) const INDEX_MAX: u16 = 0x7ff;

/// The word of an 11-bit number.
pub(crate) fn word(index: u16) -> &'static str {
    WORD_LIST.lines().nth(usize::from(index & INDEX_MAX)).unwrap_or_default()
}

/// The 11-bit number of a word, in whatever case it was typed.
pub(crate) fn index(typed: &str) -> Option<u16> {
    let place = WORD_LIST.lines().position(|word| word.eq_ignore_ascii_case(typed))?;
    u16::try_from(place).ok()
}

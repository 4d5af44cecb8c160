//! The word list of the schema (PROTOCOL § 5): keys and codes that travel as small numbers.

use std::collections::HashMap;
use std::sync::LazyLock;

const TEXT: &str = include_str!("../../../../fixtures/words.txt");

static WORDS: LazyLock<Vec<&'static str>> = LazyLock::new(|| TEXT.lines().collect());
static NUMBERS: LazyLock<HashMap<&'static str, u64>> =
    LazyLock::new(|| WORDS.iter().copied().zip(0..).collect());

/// The n-th word.
pub(crate) fn word(number: u64) -> Option<&'static str> {
    WORDS.get(usize::try_from(number).ok()?).copied()
}

/// The number of a word.
pub(crate) fn number(word: &str) -> Option<u64> {
    NUMBERS.get(word).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::*;

    #[test]
    fn every_code_is_a_word_and_no_word_stands_twice() {
        assert_eq!(NUMBERS.len(), WORDS.len());
        let plain = Mode::ALL.iter().map(|c| c.to_string());
        let plain = plain.chain(SiteKind::ALL.iter().map(|c| c.to_string()));
        let plain = plain.chain(Setting::ALL.iter().map(|c| c.to_string()));
        let plain = plain.chain(Sex::ALL.iter().map(|c| c.to_string()));
        let plain = plain.chain(AgeBand::ALL.iter().map(|c| c.to_string()));
        let plain = plain.chain(Duration::ALL.iter().map(|c| c.to_string()));
        let plain = plain.chain(ClientStatus::ALL.iter().map(|c| c.to_string()));
        let lines = Item::ALL.iter().flat_map(|i| ["o", "f", "i"].map(|d| format!("{d}.{i}")));
        let services = Service::ALL.iter().map(|s| format!("v.{s}"));
        for word in plain.chain(lines).chain(services) {
            assert!(number(&word).is_some(), "{word}");
        }
    }

    #[test]
    fn the_list_only_grows_at_its_end() {
        let words = [0, 135, 136].map(word);
        insta::assert_snapshot!(format!("{} {words:?}", WORDS.len()),
            @r#"137 [Some("t"), Some("v.family"), Some("salt")]"#);
    }
}

//! Passphrases: what is taken, what is too weak, and a good one to begin with.

use rand_core::CryptoRng;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::{bytes, word_list};
use crate::Error;

const BYTES_MAX: usize = 1_024;
const WORDS_MIN: usize = 6;
const WORD_LETTERS_MIN: usize = 3;
const LETTERS_MIN: usize = 24;
const LETTERS_DIFFERENT_MIN: usize = 12;
const BOUND_LETTERS_MIN: usize = 8;

fn out_of_bounds() -> Error {
    Error::invalid("passphrase", "must have 1 to 1,024 bytes")
}

/// A passphrase: bytes, never a string, gone from memory when dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Passphrase(Vec<u8>);

impl Passphrase {
    /// Takes up to 1,024 bytes. An empty one can be tried like any other, and takes as long; none can be set.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it is too long.
    pub fn new(bytes: Vec<u8>) -> Result<Self, Error> {
        let passphrase = Self(bytes);
        match passphrase.0.len() {
            0..=BYTES_MAX => Ok(passphrase),
            _ => Err(out_of_bounds()),
        }
    }

    /// Refuses an empty one, which no store can be opened with: before a new one is set, and wherever a slip of the hand
    /// should not count as an attempt.
    ///
    /// # Errors
    /// [`Error::Invalid`].
    pub fn check_is_some(&self) -> Result<(), Error> {
        match self.0.is_empty() {
            true => Err(out_of_bounds()),
            false => Ok(()),
        }
    }

    /// Takes words of the list, which are within the bounds.
    pub(super) fn of_words(text: &[u8]) -> Self {
        Self(text.to_vec())
    }

    /// Six different random words of the BIP-39 list: 66 bits, more than anybody can try at any cost of stretching.
    #[must_use]
    pub fn suggest(random: &mut dyn CryptoRng) -> Self {
        let mut chosen = Zeroizing::new([u16::MAX; WORDS_MIN]);
        for place in 0..WORDS_MIN {
            let mut next = random_index(random);
            while chosen.contains(&next) {
                next = random_index(random);
            }
            chosen.iter_mut().skip(place).take(1).for_each(|index| *index = next);
        }
        // Of a fixed length, so that no copy stays behind where a buffer grew.
        let mut text = Vec::with_capacity(WORDS_MIN * 9);
        for index in chosen.iter() {
            if !text.is_empty() {
                text.push(b' ');
            }
            text.extend_from_slice(word_list::word(*index).as_bytes());
        }
        Self(text)
    }

    /// Refuses what somebody with a copy of the store could find by trying. How good a passphrase must be follows
    /// from whether each guess needs the device's own hardware.
    ///
    /// # Errors
    /// [`Error::WeakPassphrase`].
    pub fn check_strength(&self, guesses: Guesses) -> Result<(), Error> {
        let letters = Zeroizing::new(self.letters());
        match guesses {
            Guesses::AreFree if has_words(&letters) || is_long(&letters) => Ok(()),
            Guesses::AreFree => Err(Error::WeakPassphrase {
                rule: "without a hardware key it must have 6 different words, or 24 characters, 12 of them different: \
                       whoever copies this store tries all numbers of six digits in about 31 hours on one processor core",
            }),
            Guesses::NeedHardware if letters.len() < BOUND_LETTERS_MIN => {
                Err(Error::WeakPassphrase { rule: "it must have 8 characters or more" })
            }
            Guesses::NeedHardware if is_run(&letters) => Err(Error::WeakPassphrase {
                rule: "it must not be one character again and again, nor a run of them: those are tried first",
            }),
            Guesses::NeedHardware => Ok(()),
        }
    }

    /// The passphrase itself: for whoever has to write it down.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// Characters in lower case; bytes where they are no text.
    fn letters(&self) -> Vec<char> {
        let lower = |letter: char| letter.to_lowercase().next().unwrap_or(letter);
        let mut letters = Vec::with_capacity(self.0.len());
        match std::str::from_utf8(&self.0) {
            Ok(text) => letters.extend(text.chars().map(lower)),
            Err(_) => letters.extend(self.0.iter().map(|byte| char::from(*byte))),
        }
        letters
    }
}

impl std::fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Passphrase(…)")
    }
}

fn random_index(random: &mut dyn CryptoRng) -> u16 {
    u16::from_le_bytes(bytes(random)) & word_list::INDEX_MAX
}

/// What trying a guess takes, for somebody who has a copy of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guesses {
    /// A computer.
    AreFree,
    /// This device's hardware, too.
    NeedHardware,
}

fn has_words(letters: &[char]) -> bool {
    let long = |word: &&[char]| {
        word.len() >= WORD_LETTERS_MIN || word.iter().any(|letter| !letter.is_ascii())
    };
    let words: Vec<&[char]> =
        letters.split(|letter| letter.is_whitespace() || *letter == '-').filter(long).collect();
    let is_new = |n: &usize| {
        let (before, rest) = words.split_at(*n);
        rest.first().is_some_and(|word| !word.is_empty() && !before.contains(word))
    };
    (0..words.len()).filter(is_new).count() >= WORDS_MIN
}

fn is_long(letters: &[char]) -> bool {
    let is_new = |n: &usize| {
        let (before, rest) = letters.split_at(*n);
        rest.first().is_some_and(|letter| !before.contains(letter))
    };
    let different = (0..letters.len()).filter(is_new).count();
    letters.len() >= LETTERS_MIN && different >= LETTERS_DIFFERENT_MIN
}

/// All alike, or each the neighbour of the one before, always in one direction.
fn is_run(letters: &[char]) -> bool {
    let steps = |by: i64| {
        letters.windows(2).all(|pair| match pair {
            [a, b] => i64::from(u32::from(*b)) - i64::from(u32::from(*a)) == by,
            _ => true,
        })
    };
    [0, 1, -1].into_iter().any(steps)
}

#[cfg(test)]
mod tests {
    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

    use super::*;

    fn pass(text: &str) -> Passphrase {
        Passphrase::new(text.into()).unwrap()
    }

    #[test]
    fn strength() {
        let check = |guesses, text: &str, expect: bool| {
            assert_eq!(pass(text).check_strength(guesses).is_ok(), expect, "{guesses:?} {text}");
        };
        for (text, expect) in [
            ("123456", false),
            ("correct horse battery staple", true),
            ("one two three four five", false),
            ("one two one two one two", false),
            ("One one oNe onE ONE two", false),
            ("a b c d e f g", false),
            ("one two three four five six", true),
            ("one-two-six-ten-may-red", true),
            ("烟 花 三 月 下 扬", true),
            ("烟花三月下扬州", false),
            ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false),
            ("abcabcabcabcabcabcabcabcabc", false),
            ("abcdefghijklabcdefghijkl", true),
        ] {
            check(Guesses::AreFree, text, expect);
        }
        for (text, expect) in [
            ("1234567", false),
            ("12345678", false),
            ("87654321", false),
            ("00000000", false),
            ("aBcDeFgH", false),
            ("13572468", true),
            ("烟花三月下扬州城", true),
        ] {
            check(Guesses::NeedHardware, text, expect);
        }
        let binary = Passphrase::new((0..=255).collect()).unwrap();
        assert!(binary.check_strength(Guesses::AreFree).is_ok());
    }

    #[test]
    fn says_why() {
        insta::assert_snapshot!(pass("123456").check_strength(Guesses::AreFree).unwrap_err(), @"this passphrase is too weak: without a hardware key it must have 6 different words, or 24 characters, 12 of them different: whoever copies this store tries all numbers of six digits in about 31 hours on one processor core");
        insta::assert_snapshot!(pass("1234567").check_strength(Guesses::NeedHardware).unwrap_err(), @"this passphrase is too weak: it must have 8 characters or more");
    }

    #[test]
    fn a_suggestion_is_strong_and_not_shown() {
        let random = &mut ChaCha20Rng::seed_from_u64(1);
        let (one, two) = (Passphrase::suggest(random), Passphrase::suggest(random));
        assert_ne!(one.expose(), two.expose());
        insta::assert_snapshot!(String::from_utf8_lossy(one.expose()), @"viable anger boat cook treat spot");
        insta::assert_snapshot!(format!("{one:?}"), @"Passphrase(…)");
        (0..100).for_each(|seed| {
            let phrase = Passphrase::suggest(&mut ChaCha20Rng::seed_from_u64(seed));
            phrase.check_strength(Guesses::AreFree).unwrap();
        });
        assert!(Passphrase::new(vec![]).unwrap().check_is_some().is_err());
        assert!(Passphrase::new(vec![b'a'; BYTES_MAX + 1]).is_err());
    }
}

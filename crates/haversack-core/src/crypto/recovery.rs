//! The recovery code: 128 bits as twelve words, to be printed and locked away (BIP-39's words and checksum).

use rand_core::CryptoRng;
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::{Passphrase, bytes, word_list};
use crate::Error;

const WORDS: usize = 12;
const WORD_BITS: usize = 11;
const FIELD: &str = "recovery code";

/// What opens a store when its passphrase or its hardware key is lost. Gone from memory when dropped.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct RecoveryCode([u8; 16]);

impl RecoveryCode {
    pub(crate) fn make(random: &mut dyn CryptoRng) -> Self {
        Self(bytes(random))
    }

    /// Reads twelve words, in any case, with any white space between them.
    ///
    /// # Errors
    /// [`Error::Invalid`] for another number of words, a word that is not in the list, or a slip.
    pub fn parse(text: &[u8]) -> Result<Self, Error> {
        let refused = |rule: &str| Error::invalid(FIELD, rule);
        let text = std::str::from_utf8(text).map_err(|_| refused("must be twelve words"))?;
        if text.split_whitespace().count() != WORDS {
            return Err(refused("must be twelve words"));
        }
        let mut bits = Zeroizing::new([0; 17]);
        for (n, word) in text.split_whitespace().enumerate() {
            let unknown =
                || refused(&format!("has a word that is not in the list: word {}", n + 1));
            put_bits(&mut bits, n, word_list::index(word).ok_or_else(unknown)?);
        }
        let mut code = Self([0; 16]);
        code.0.iter_mut().zip(bits.iter()).for_each(|(to, from)| *to = *from);
        match bits.last() {
            Some(last) if *last == code.checksum() => Ok(code),
            _ => Err(refused("has a slip in it: compare it with the paper")),
        }
    }

    /// The twelve words, in lower case, with one space between them.
    #[must_use]
    pub fn words(&self) -> Zeroizing<Vec<u8>> {
        let mut bits = Zeroizing::new([0; 17]);
        bits.iter_mut().zip(self.0.iter()).for_each(|(to, from)| *to = *from);
        if let Some(last) = bits.last_mut() {
            *last = self.checksum();
        }
        // Of a fixed length, so that no copy stays behind where a buffer grew.
        let mut text = Zeroizing::new(Vec::with_capacity(WORDS * 9));
        for n in 0..WORDS {
            if n > 0 {
                text.push(b' ');
            }
            text.extend_from_slice(word_list::word(take_bits(&bits, n)).as_bytes());
        }
        text
    }

    /// What is stretched: the words.
    #[must_use]
    pub fn passphrase(&self) -> Passphrase {
        Passphrase::of_words(&self.words())
    }

    /// The first 4 bits of SHA-256, in the upper half of a byte.
    fn checksum(&self) -> u8 {
        Sha256::digest(self.0).first().copied().unwrap_or_default() & 0xf0
    }
}

impl std::fmt::Debug for RecoveryCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RecoveryCode(…)")
    }
}

/// The nth 11 bits, most significant first.
fn take_bits(bits: &[u8; 17], n: usize) -> u16 {
    let bit = |at: usize| bits.get(at / 8).is_some_and(|byte| byte >> (7 - at % 8) & 1 == 1);
    (0..WORD_BITS).fold(0, |value, m| value << 1 | u16::from(bit(n * WORD_BITS + m)))
}

fn put_bits(bits: &mut [u8; 17], n: usize, value: u16) {
    for m in 0..WORD_BITS {
        let at = n * WORD_BITS + m;
        if let Some(byte) = bits.get_mut(at / 8) {
            *byte |= u8::from(value >> (WORD_BITS - 1 - m) & 1 == 1) << (7 - at % 8);
        }
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

    use super::*;

    fn check(entropy: [u8; 16], words: &str) {
        let code = RecoveryCode(entropy);
        assert_eq!(String::from_utf8_lossy(&code.words()), words);
        assert_eq!(RecoveryCode::parse(words.as_bytes()).unwrap(), code);
        assert_eq!(code.passphrase().expose(), words.as_bytes());
    }

    /// From the test vectors of BIP-39.
    #[test]
    fn is_bip_39() {
        let most = "abandon ".repeat(11);
        check([0; 16], &format!("{most}about"));
        check(
            [0x7f; 16],
            "legal winner thank year wave sausage worth useful legal winner thank yellow",
        );
        check(
            [0x80; 16],
            "letter advice cage absurd amount doctor acoustic avoid letter advice cage above",
        );
        check([0xff; 16], &format!("{}wrong", "zoo ".repeat(11)));
    }

    #[test]
    fn slips_are_said_and_nothing_is_shown() {
        let code = RecoveryCode::make(&mut ChaCha20Rng::seed_from_u64(1));
        let words = String::from_utf8(code.words().to_vec()).unwrap();
        let typed = format!(" {}\n", words.to_uppercase().replace(' ', "\n\t "));
        assert_eq!(RecoveryCode::parse(typed.as_bytes()).unwrap(), code);
        insta::assert_snapshot!(format!("{code:?}"), @"RecoveryCode(…)");
        let refused = |text: &str| RecoveryCode::parse(text.as_bytes()).unwrap_err().to_string();
        insta::assert_snapshot!(refused("one two"), @"recovery code must be twelve words");
        insta::assert_snapshot!(refused(&"abandon ".repeat(12)), @"recovery code has a slip in it: compare it with the paper");
        insta::assert_snapshot!(refused(&words.replacen(' ', "x ", 2)), @"recovery code has a word that is not in the list: word 1");
    }
}

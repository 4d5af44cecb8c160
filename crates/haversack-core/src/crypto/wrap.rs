//! A bundle file under a passphrase (PROTOCOL § 8.1): what a file is, and how many frames it holds, shows to nobody who lacks it.

use haversack_wire::Reader;
use zeroize::Zeroizing;

use super::stretch::{argon2id, hkdf};
use super::{AadLabel, Cost, Passphrase, bytes, open, seal};
use crate::Error;

/// `"HSB" ‖ version ‖ wrap = 1`.
const START: [u8; 5] = *b"HSB\x01\x01";
/// `"HSB" ‖ version ‖ wrap = 0`.
const PLAIN: [u8; 5] = *b"HSB\x01\x00";
const HEADER_LEN: usize = START.len() + 12 + 32 + 32 + 19;
/// What a segment holds, but for the last, which may hold less.
const SEGMENT_LEN: usize = 65_536;
const TAG_LEN: usize = 16;

/// Whether a file is a bundle under a passphrase.
#[must_use]
pub fn is_wrapped(file: &[u8]) -> bool {
    file.starts_with(&START)
}

/// Puts a bundle under a passphrase.
///
/// # Errors
/// [`Error::Invalid`] for an empty passphrase, or when it is no bundle, or one under a passphrase already.
pub fn wrap_bundle(
    bundle: &[u8],
    passphrase: &Passphrase,
    cost: Cost,
    random: &mut dyn rand_core::CryptoRng,
) -> Result<Vec<u8>, Error> {
    passphrase.check_is_some()?;
    let records = bundle.strip_prefix(&PLAIN);
    let records = records.ok_or_else(|| Error::invalid("bundle", "is none to be wrapped"))?;
    let (salt, prefix): ([u8; 32], [u8; 19]) = (bytes(random), bytes(random));
    let keys = Keys::derive(passphrase, &salt, cost)?;
    let (memory, passes, lanes) = cost.parts();
    let mut out = START.to_vec();
    [memory, passes, lanes].iter().for_each(|part| out.extend(part.to_le_bytes()));
    out.extend(salt);
    out.extend(keys.commitment);
    out.extend(prefix);
    let aad = AadLabel::BUNDLE.with(&[&out]);
    let mut segments = records.chunks(SEGMENT_LEN).enumerate().peekable();
    while let Some((index, segment)) = segments.next() {
        let nonce = nonce(&prefix, index, segments.peek().is_none());
        out.extend(seal(&keys.key, &nonce, &aad, segment));
    }
    Ok(out)
}

/// Takes a bundle out of its passphrase: a plain bundle. Of a file that was cut, or is damaged somewhere, what comes before that,
/// whole segments only; it then reads as a bundle that was cut.
///
/// # Errors
/// [`Error::Wire`] when the file ends within its header; [`Error::Invalid`] for another passphrase, and when it asks for more memory than is allowed.
pub fn unwrap_bundle(file: &[u8], passphrase: &Passphrase) -> Result<Zeroizing<Vec<u8>>, Error> {
    let mut r = Reader::new("bundle", file);
    if r.array()? != START {
        return Err(Error::invalid("bundle", "is under no passphrase"));
    }
    let cost = Cost::new(r.u32()?, r.u32()?, r.u32()?)?;
    let (salt, commitment, prefix): ([u8; 32], [u8; 32], [u8; 19]) =
        (r.array()?, r.array()?, r.array()?);
    let keys = Keys::derive(passphrase, &salt, cost)?;
    if !bool::from(subtle::ConstantTimeEq::ct_eq(&keys.commitment[..], &commitment[..])) {
        return Err(Error::invalid("passphrase of the bundle", "does not open it"));
    }
    let aad = AadLabel::BUNDLE.with(&[file.get(..HEADER_LEN).unwrap_or_default()]);
    let mut plain = Zeroizing::new(PLAIN.to_vec());
    for (index, sealed) in r.rest().chunks(SEGMENT_LEN + TAG_LEN).enumerate() {
        let opened = [false, true].into_iter().find_map(|last| {
            Some((last, open(&keys.key, &nonce(&prefix, index, last), &aad, sealed)?))
        });
        match opened {
            Some((last, segment)) => {
                plain.extend_from_slice(&segment);
                if last {
                    break;
                }
            }
            None => break,
        }
    }
    Ok(plain)
}

/// `prefix ‖ index u32 ‖ 1 for the last segment, else 0`.
fn nonce(prefix: &[u8; 19], index: usize, last: bool) -> [u8; 24] {
    let counter = (index as u32).to_le_bytes();
    let mut parts = prefix.iter().chain(&counter).copied().chain([u8::from(last)]);
    std::array::from_fn(|_| parts.next().unwrap_or_default())
}

struct Keys {
    key: Zeroizing<[u8; 32]>,
    commitment: [u8; 32],
}

impl Keys {
    fn derive(passphrase: &Passphrase, salt: &[u8; 32], cost: Cost) -> Result<Self, Error> {
        let stretched = argon2id(passphrase.expose(), salt, cost)?;
        let mut keys = Self { key: Zeroizing::new([0; 32]), commitment: [0; 32] };
        hkdf(&[], &*stretched, b"haversack v1 bundle key", &mut *keys.key)?;
        hkdf(&[], &*stretched, b"haversack v1 bundle commitment", &mut keys.commitment)?;
        Ok(keys)
    }
}

#[cfg(test)]
mod tests {
    use haversack_wire::bundle::{Ending, decode, encode};
    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

    use super::*;

    fn pass(text: &str) -> Passphrase {
        Passphrase::new(text.into()).unwrap()
    }

    fn wrapped(frames: usize) -> (Vec<u8>, Vec<u8>) {
        let frame = vec![7; 32_000];
        let bundle = encode((0..frames).map(|_| frame.as_slice())).unwrap();
        let mut random = ChaCha20Rng::seed_from_u64(1);
        let file = wrap_bundle(&bundle, &pass("one"), Cost::FLOOR, &mut random).unwrap();
        (bundle, file)
    }

    #[test]
    fn opens_with_its_passphrase_and_no_other() {
        for frames in [0, 1, 5] {
            let (bundle, file) = wrapped(frames);
            assert!(is_wrapped(&file) && !is_wrapped(&bundle));
            assert_eq!(*unwrap_bundle(&file, &pass("one")).unwrap(), bundle);
            assert!(decode(&file).is_err());
            let refused = unwrap_bundle(&file, &pass("two")).unwrap_err().to_string();
            assert!(refused.contains("does not open it"), "{refused}");
        }
        let (bundle, file) = wrapped(1);
        let again =
            wrap_bundle(&file, &pass("one"), Cost::FLOOR, &mut ChaCha20Rng::seed_from_u64(1));
        assert!(again.is_err());
        assert!(unwrap_bundle(&bundle, &pass("one")).is_err());
    }

    #[test]
    fn a_file_that_was_cut_or_changed_gives_its_whole_segments() {
        let (_, file) = wrapped(5);
        let sealed = SEGMENT_LEN + TAG_LEN;
        let frames = |file: &[u8]| {
            let plain = unwrap_bundle(file, &pass("one")).unwrap();
            let bundle = decode(&plain).unwrap();
            (bundle.frames.len(), bundle.ending == Ending::Whole)
        };
        assert_eq!(frames(&file), (5, true));
        // Two frames of 32,000 bytes are in each whole segment.
        for (length, expect) in [
            (HEADER_LEN, 0),
            (HEADER_LEN + sealed - 1, 0),
            (HEADER_LEN + sealed, 2),
            (HEADER_LEN + 2 * sealed, 4),
            (file.len() - 1, 4),
        ] {
            assert_eq!(frames(&file[..length]), (expect, false), "{length}");
        }
        let mut longer = file.clone();
        longer.push(0);
        assert_eq!(frames(&longer), (4, false));
        let mut swapped = file.clone();
        let (one, two) = (HEADER_LEN, HEADER_LEN + sealed);
        swapped[one..two + sealed].rotate_left(sealed);
        assert_eq!(frames(&swapped), (0, false));
        let mut flipped = file.clone();
        flipped[two + 9] ^= 1;
        assert_eq!(frames(&flipped), (2, false));
    }

    #[test]
    fn what_a_file_asks_for_is_bounded_before_it_is_given() {
        let (_, file) = wrapped(1);
        for (at, value) in [(5, u32::MAX), (9, 17), (13, 5), (5, 1)] {
            let mut bad = file.clone();
            bad[at..at + 4].copy_from_slice(&value.to_le_bytes());
            let refused = unwrap_bundle(&bad, &pass("one")).unwrap_err().to_string();
            assert!(refused.contains("out of bounds"), "{refused}");
        }
        for length in 0..HEADER_LEN {
            assert!(unwrap_bundle(&file[..length], &pass("one")).is_err(), "{length}");
        }
    }
}

//! What lies inside every sealed frame: compressed, padded, bounded (PROTOCOL § 3.1).

use haversack_wire::codec::{bounded, put_blob, put_varint};
use haversack_wire::limits::{FRAME_MAX, RAW_MAX};
use haversack_wire::{Error, Padding, Reader};

use crate::compress::{DICTIONARY, For, compress, decompress};

const WHAT: &str = "envelope";
const DICTIONARY_NONE: u64 = 0;

/// Fills an envelope so that the whole frame, of which `around` bytes are not plaintext, is padded.
///
/// # Errors
/// [`Error::Limit`] when the content is over 256 KiB raw, or the frame over 32 KiB.
pub(super) fn pack(raw: &[u8], around: usize, padding: Padding) -> Result<Vec<u8>, Error> {
    bounded(WHAT, raw.len() as u64, RAW_MAX)?;
    let refused = Error::Malformed { what: WHAT, rule: "does not compress" };
    let packed = compress(raw, For::Sending).map_err(|_| refused)?;
    let mut out = Vec::with_capacity(packed.len() + 512);
    put_varint(&mut out, DICTIONARY);
    put_varint(&mut out, raw.len() as u64);
    put_blob(&mut out, &packed);
    let whole = padding.padded(out.len() + around)?;
    out.resize(whole - around, 0);
    Ok(out)
}

/// Empties an envelope, never taking more memory than its own bound.
///
/// # Errors
/// Whatever rule of § 3.1 is broken.
pub(super) fn unpack(plain: &[u8]) -> Result<Vec<u8>, Error> {
    let mut r = Reader::new(WHAT, plain);
    let dictionary = r.varint()?;
    if ![DICTIONARY_NONE, DICTIONARY].contains(&dictionary) {
        return Err(Error::Unknown { what: "dictionary", found: dictionary });
    }
    let length = r.count(RAW_MAX)?;
    let packed = r.blob(FRAME_MAX)?;
    if r.rest().iter().any(|byte| *byte != 0) {
        return Err(r.malformed("padding is not zero"));
    }
    let raw = decompress(packed, length, dictionary == DICTIONARY)
        .ok_or(r.malformed("does not decompress"))?;
    match raw.len() == length {
        true => Ok(raw),
        false => Err(r.malformed("length is wrong")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_have_padded_sizes() {
        for length in [0, 1, 100, 5_000, 200_000] {
            let raw: Vec<u8> = (0..length).map(|n: u32| (n % 7) as u8).collect();
            for padding in [Padding::Padme, Padding::HighRisk] {
                let plain = pack(&raw, 60, padding).unwrap();
                assert_eq!(padding.padded(plain.len() + 60), Ok(plain.len() + 60));
                assert_eq!(unpack(&plain).unwrap(), raw);
            }
        }
    }

    #[test]
    fn bombs_and_lies_are_refused() {
        let bomb = compress(&vec![0; 1 << 20], For::Sending).unwrap();
        let lie = |length: u64, tail: &[u8]| {
            let mut out = vec![1];
            put_varint(&mut out, length);
            put_blob(&mut out, &bomb);
            out.extend(tail);
            unpack(&out).unwrap_err().to_string()
        };
        insta::assert_snapshot!(lie(1 << 20, &[]), @"envelope: 1048576 is over the limit of 262144");
        insta::assert_snapshot!(lie(1_000, &[]), @"envelope: does not decompress");
        insta::assert_snapshot!(lie(1_000, &[1]), @"envelope: padding is not zero");
        insta::assert_snapshot!(unpack(&[2, 0]).unwrap_err(), @"dictionary: 2 is not known to this version");
    }
}

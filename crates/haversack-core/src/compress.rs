//! Compression with the dictionary that is part of the format (PROTOCOL § 3.1, ADR 0018): what is short compresses well only
//! beside what others like it have in common.

use std::sync::LazyLock;

use zstd::bulk::{Compressor, Decompressor};
use zstd::dict::{DecoderDictionary, EncoderDictionary};
use zstd::zstd_safe::{CParameter, find_frame_compressed_size};

use crate::Error;

/// The dictionary that is known to everybody, by its number in the format.
pub(crate) const DICTIONARY: u64 = 1;
/// Every zstd frame begins with it, so it is left out.
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

static TRAINED: &[u8] = include_bytes!("../../../fixtures/dictionary-1.zdict");
static SENT: LazyLock<EncoderDictionary<'static>> =
    LazyLock::new(|| EncoderDictionary::copy(TRAINED, 19));
static KEPT: LazyLock<EncoderDictionary<'static>> =
    LazyLock::new(|| EncoderDictionary::copy(TRAINED, 3));
static READ: LazyLock<DecoderDictionary<'static>> =
    LazyLock::new(|| DecoderDictionary::copy(TRAINED));

/// How much work a byte is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum For {
    /// It goes over the air, perhaps several times.
    Sending,
    /// It goes to this device's disk.
    Keeping,
}

/// One zstd frame, less its magic number, the length of its content and the number of the dictionary.
pub(crate) fn compress(raw: &[u8], what_for: For) -> Result<Vec<u8>, Error> {
    let dictionary = match what_for {
        For::Sending => &*SENT,
        For::Keeping => &*KEPT,
    };
    let run = || {
        let mut compressor = Compressor::with_prepared_dictionary(dictionary)?;
        compressor.set_parameter(CParameter::ContentSizeFlag(false))?;
        compressor.set_parameter(CParameter::DictIdFlag(false))?;
        compressor.compress(raw)
    };
    let mut packed = run().map_err(|source| Error::Io { what: "compression", source })?;
    packed.drain(..MAGIC.len().min(packed.len()));
    Ok(packed)
}

/// The content of what [`compress`] made: with the dictionary, or what was made without one. `None` when it is not one whole frame,
/// or has more than `length` bytes in it.
pub(crate) fn decompress(packed: &[u8], length: usize, with_dictionary: bool) -> Option<Vec<u8>> {
    let frame = [&MAGIC[..], packed].concat();
    // The library would go on to a second frame, and pass over one that it may skip: one content, two forms.
    if find_frame_compressed_size(&frame) != Ok(frame.len()) {
        return None;
    }
    let decompressor = match with_dictionary {
        true => Decompressor::with_prepared_dictionary(&READ),
        false => Decompressor::new(),
    };
    decompressor.and_then(|mut decompressor| decompressor.decompress(&frame, length)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_compressed_comes_back_under_its_bound() {
        for length in [0, 1, 300, 40_000] {
            let raw: Vec<u8> = (0..length).map(|n: u32| (n * n % 31) as u8).collect();
            for what_for in [For::Sending, For::Keeping] {
                let packed = compress(&raw, what_for).unwrap();
                assert_eq!(decompress(&packed, raw.len(), true).as_ref(), Some(&raw));
                assert_eq!(decompress(&packed, raw.len() + 9, true).as_ref(), Some(&raw));
                if let Some(less) = raw.len().checked_sub(1) {
                    assert_eq!(decompress(&packed, less, true), None);
                }
                assert_eq!(decompress(&[&packed[..], &[0]].concat(), raw.len(), true), None);
            }
        }
    }
}

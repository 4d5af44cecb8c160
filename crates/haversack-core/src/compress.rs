//! Compression with the dictionary that is part of the format (PROTOCOL § 3.1, ADR 0018): what is short compresses well only
//! beside what others like it have in common.

use std::cell::RefCell;
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

/// What zstd works with: some hundred KiB each, which cost more to make and to give back empty than most contents to compress.
#[derive(Default)]
struct Contexts {
    sending: Option<Compressor<'static>>,
    keeping: Option<Compressor<'static>>,
    with_dictionary: Option<Decompressor<'static>>,
    without: Option<Decompressor<'static>>,
}

thread_local! {
    static HELD: RefCell<Option<Contexts>> = const { RefCell::new(None) };
}

/// While it lives, this thread uses zstd's contexts again and again. They hold what went through them, so they go with it.
pub(crate) struct Reuse {
    is_outermost: bool,
}

impl Reuse {
    /// Begins it. Within another one it does nothing.
    pub(crate) fn begin() -> Self {
        let is_outermost = HELD.with_borrow(Option::is_none);
        if is_outermost {
            HELD.set(Some(Contexts::default()));
        }
        Self { is_outermost }
    }
}

impl Drop for Reuse {
    fn drop(&mut self) {
        if self.is_outermost {
            HELD.set(None);
        }
    }
}

/// Runs something with a context that is held, or with a new one. One that failed is not used again.
fn with_context<C, T>(
    slot: fn(&mut Contexts) -> &mut Option<C>,
    make: impl FnOnce() -> std::io::Result<C>,
    run: impl FnOnce(&mut C) -> std::io::Result<T>,
) -> std::io::Result<T> {
    let held = HELD.with_borrow_mut(|held| held.as_mut().and_then(|held| slot(held).take()));
    let mut context = held.map_or_else(make, Ok)?;
    let done = run(&mut context)?;
    HELD.with_borrow_mut(|held| held.as_mut().map(|held| *slot(held) = Some(context)));
    Ok(done)
}

/// One zstd frame, less its magic number, the length of its content and the number of the dictionary.
pub(crate) fn compress(raw: &[u8], what_for: For) -> Result<Vec<u8>, Error> {
    let make = || {
        let dictionary = match what_for {
            For::Sending => &*SENT,
            For::Keeping => &*KEPT,
        };
        let mut compressor = Compressor::with_prepared_dictionary(dictionary)?;
        compressor.set_parameter(CParameter::ContentSizeFlag(false))?;
        compressor.set_parameter(CParameter::DictIdFlag(false))?;
        Ok(compressor)
    };
    let slot: fn(&mut Contexts) -> &mut Option<Compressor<'static>> = match what_for {
        For::Sending => |held| &mut held.sending,
        For::Keeping => |held| &mut held.keeping,
    };
    let packed = with_context(slot, make, |compressor| compressor.compress(raw));
    let mut packed = packed.map_err(|source| Error::Io { what: "compression", source })?;
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
    let make = || match with_dictionary {
        true => Decompressor::with_prepared_dictionary(&READ),
        false => Decompressor::new(),
    };
    let slot: fn(&mut Contexts) -> &mut Option<Decompressor<'static>> = match with_dictionary {
        true => |held| &mut held.with_dictionary,
        false => |held| &mut held.without,
    };
    with_context(slot, make, |decompressor| decompressor.decompress(&frame, length)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A context that was used before, and failed in between, makes the same of the same.
    #[test]
    fn contexts_leave_no_trace_in_what_they_make() {
        let raws: Vec<Vec<u8>> =
            [0, 1, 300, 40_000].map(|n| (0..n).map(|n: u32| (n * n % 31) as u8).collect()).into();
        for what_for in [For::Sending, For::Keeping] {
            let alone: Vec<_> = raws.iter().map(|raw| compress(raw, what_for).unwrap()).collect();
            let reuse = Reuse::begin();
            for (raw, alone) in raws.iter().zip(&alone).chain(raws.iter().zip(&alone).rev()) {
                let _inner = Reuse::begin();
                assert_eq!(compress(raw, what_for).unwrap(), *alone);
                assert_eq!(decompress(&alone[1..], raw.len(), true), None);
                assert_eq!(decompress(alone, raw.len(), true).as_ref(), Some(raw));
            }
            assert!(HELD.with_borrow(Option::is_some));
            drop(reuse);
            assert!(HELD.with_borrow(Option::is_none));
        }
    }

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

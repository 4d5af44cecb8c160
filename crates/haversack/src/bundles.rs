//! Bundle files: under a passphrase, and in the hands of carriers, who need no store.

use std::collections::BTreeSet;

use haversack_core::{Error as EngineError, Passphrase};
use haversack_wire::FrameHash;
use haversack_wire::bundle::{Ending, decode, encode};

use crate::notebook::system_random;
use crate::{Cost, Error, is_wrapped};

/// Several bundles in one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carried {
    /// The bundle.
    pub bundle: Vec<u8>,
    /// Its frames: each that was in any of the files, once.
    pub frames: u32,
    /// Files that were cut; of those it has what was whole.
    pub cut: u32,
}

/// Puts a bundle under a passphrase, for a way on which it should not even show what it is.
///
/// # Errors
/// `Invalid` for an empty passphrase, or for a file that is no bundle.
pub fn wrap_bundle(bundle: &[u8], passphrase: &Passphrase, cost: Cost) -> Result<Vec<u8>, Error> {
    Ok(haversack_core::wrap_bundle(bundle, passphrase, cost, &mut *system_random())?)
}

/// Puts bundles into one, whosever they are. It takes no key, and nothing is read but where a frame ends: a carrier hands on
/// what is of teams that it is not in.
///
/// # Errors
/// `Wire` for a file that is no bundle or when there are too many frames, `Invalid` for one under a passphrase: that one travels as it is.
pub fn carry_bundles(files: &[Vec<u8>]) -> Result<Carried, Error> {
    let (mut seen, mut frames, mut cut) = (BTreeSet::new(), Vec::new(), 0);
    for file in files {
        if is_wrapped(file) {
            let rule = "is under a passphrase, and travels as it is".to_owned();
            return Err(EngineError::Invalid { field: "bundle", rule }.into());
        }
        let bundle = decode(file).map_err(refused)?;
        cut += u32::from(bundle.ending == Ending::Cut);
        frames.extend(bundle.frames.into_iter().filter(|frame| seen.insert(FrameHash::of(frame))));
    }
    let bundle = encode(frames.iter().copied()).map_err(refused)?;
    Ok(Carried { bundle, frames: frames.len() as u32, cut })
}

fn refused(error: haversack_wire::Error) -> Error {
    EngineError::from(error).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_frame_once_and_of_a_cut_file_what_is_whole() {
        let file = |fills: &[u8]| {
            let frames: Vec<Vec<u8>> = fills.iter().map(|fill| vec![*fill; 300]).collect();
            encode(frames.iter().map(Vec::as_slice)).unwrap()
        };
        let mut cut = file(&[3, 4]);
        cut.truncate(400);
        let carried = carry_bundles(&[file(&[1, 2]), cut, file(&[2, 1])]).unwrap();
        assert_eq!((carried.frames, carried.cut), (3, 1));
        assert_eq!(carried.bundle, file(&[1, 2, 3]));
        assert_eq!(carry_bundles(&[]).unwrap().bundle, file(&[]));
        assert!(carry_bundles(&[b"PK".to_vec()]).is_err());
        assert!(carry_bundles(&[b"HSB\x01\x01".to_vec()]).is_err());
    }
}

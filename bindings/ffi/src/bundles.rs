//! Bundle files: under a passphrase, and in the hands of carriers, who need no store.

use haversack::Passphrase;

use crate::HaversackError;

type Outcome<T> = Result<T, HaversackError>;

/// Several bundles in one.
#[derive(Debug, uniffi::Record)]
pub struct Carried {
    /// The bundle.
    pub bundle: Vec<u8>,
    /// Its frames: each that was in any of the files, once.
    pub frames: u32,
    /// Files that were cut; of those it has what was whole.
    pub cut: u32,
}

/// Puts a bundle under a passphrase, for a way on which it should not even show what it is. Takes about two seconds: it finds out
/// what stretching the device can bear.
///
/// # Errors
/// `FixInput` for an empty passphrase, or for a file that is no bundle.
#[uniffi::export]
#[expect(clippy::needless_pass_by_value, reason = "a borrowed one would be a ByteBuffer in Kotlin")]
pub fn wrap_bundle(bundle: Vec<u8>, passphrase: Vec<u8>) -> Outcome<Vec<u8>> {
    let passphrase = Passphrase::new(passphrase)?;
    Ok(haversack::wrap_bundle(&bundle, &passphrase, haversack::calibrated())?)
}

/// Whether a file is a bundle under a passphrase.
#[uniffi::export]
#[expect(clippy::needless_pass_by_value, reason = "a borrowed one would be a ByteBuffer in Kotlin")]
pub fn is_wrapped(file: Vec<u8>) -> bool {
    haversack::is_wrapped(&file)
}

/// Takes a bundle out of its passphrase, for `import_bundle`.
///
/// # Errors
/// `FixInput` for another passphrase, for a file that was changed, and for one that is under none.
#[uniffi::export]
#[expect(clippy::needless_pass_by_value, reason = "a borrowed one would be a ByteBuffer in Kotlin")]
pub fn unwrap_bundle(file: Vec<u8>, passphrase: Vec<u8>) -> Outcome<Vec<u8>> {
    Ok(haversack::unwrap_bundle(&file, &Passphrase::new(passphrase)?)?.to_vec())
}

/// Puts bundles into one, whosever they are, for somebody who carries files of teams that they are not in. It takes no key.
///
/// # Errors
/// `FixInput` for a file that is no bundle, for one under a passphrase, which travels as it is, and for too many frames.
#[uniffi::export]
pub fn carry_bundles(files: &[Vec<u8>]) -> Outcome<Carried> {
    let haversack::Carried { bundle, frames, cut } = haversack::carry_bundles(files)?;
    Ok(Carried { bundle, frames, cut })
}

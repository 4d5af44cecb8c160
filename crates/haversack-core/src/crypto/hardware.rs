//! The device's hardware factor, as a trait, and a file that stands in for it where there is none.

use std::io::{Read, Write};
use std::path::Path;

use haversack_wire::hash::{Label, derive, keyed};
use rand_core::CryptoRng;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::bytes;
use crate::Error;

/// The device's hardware factor: answers a stretched passphrase with a value that only this device's
/// hardware can make. It sees Argon2's output, so one leaked answer helps no other guess.
pub trait Bind: std::fmt::Debug {
    /// Answers; the same input always gives the same output.
    ///
    /// # Errors
    /// [`Error::Hardware`] when the hardware key is gone or refuses.
    fn bind(&self, stretched: [u8; 32]) -> Result<[u8; 32], Error>;
}

const MAGIC: &[u8; 4] = b"HSF1";
const LEN: usize = 36;
const WHAT: &str = "key file";

/// A secret of 32 bytes in a file outside the store's folder, in place of hardware: on a card that is kept elsewhere, or
/// in another folder of the same disk.
///
/// What it is worth: a copy of the store's folder alone cannot be guessed at. Whoever copies the whole disk, or finds
/// the card, has it too; it is no hardware. Losing it is losing the store, unless there is a recovery code.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct FileKey([u8; 32]);

impl FileKey {
    /// Makes a new secret and its file, for its owner alone. A file that is there stays as it is, and is refused.
    ///
    /// # Errors
    /// [`Error::Io`] when the file is there, or cannot be written; [`Error::Full`].
    pub fn make(path: &Path, random: &mut dyn CryptoRng) -> Result<Self, Error> {
        let key = Self(bytes(random));
        let content = Zeroizing::new([&MAGIC[..], &key.0].concat());
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let written = options.open(path).and_then(|mut file| {
            file.write_all(&content)?;
            file.sync_all()
        });
        written.map(|()| key).map_err(Error::io(WHAT))
    }

    /// Reads the secret of a file.
    ///
    /// # Errors
    /// [`Error::Hardware`] when there is no such file; [`Error::Io`]; [`Error::Damaged`] when it is none.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let file = std::fs::File::open(path).map_err(|source| match source.kind() {
            std::io::ErrorKind::NotFound => Error::Hardware,
            _ => Error::io(WHAT)(source),
        })?;
        let mut content = Zeroizing::new(Vec::with_capacity(LEN + 1));
        file.take(LEN as u64 + 1).read_to_end(&mut content).map_err(Error::io(WHAT))?;
        let secret = content.strip_prefix(MAGIC).and_then(|secret| secret.try_into().ok());
        secret.map(Self).ok_or(Error::damaged(WHAT, "it is not one"))
    }
}

impl Bind for FileKey {
    /// `keyed(derive("file key", secret), stretched)`
    fn bind(&self, stretched: [u8; 32]) -> Result<[u8; 32], Error> {
        let key = Zeroizing::new(derive(Label::FILE_KEY, &[&self.0]));
        Ok(keyed(&key, &[&stretched]))
    }
}

impl std::fmt::Debug for FileKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FileKey(…)")
    }
}

/// Hardware for tests: answers, or is gone.
#[cfg(test)]
#[derive(Debug)]
pub(crate) struct FakeHardware(Option<u8>);

#[cfg(test)]
impl FakeHardware {
    pub(crate) const fn new(device: u8) -> Self {
        Self(Some(device))
    }

    pub(crate) const fn gone() -> Self {
        Self(None)
    }
}

#[cfg(test)]
impl Bind for FakeHardware {
    fn bind(&self, stretched: [u8; 32]) -> Result<[u8; 32], Error> {
        self.0.map(|device| keyed(&[device; 32], &[&stretched])).ok_or(Error::Hardware)
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

    use super::*;

    #[test]
    fn a_key_file_is_made_once_and_answers_always_alike() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        assert!(matches!(FileKey::open(&path), Err(Error::Hardware)));
        let random = &mut ChaCha20Rng::seed_from_u64(1);
        let made = FileKey::make(&path, random).unwrap();
        assert!(matches!(FileKey::make(&path, random), Err(Error::Io { what: "key file", .. })));
        let opened = FileKey::open(&path).unwrap();
        assert_eq!(made.bind([1; 32]).unwrap(), opened.bind([1; 32]).unwrap());
        assert_ne!(made.bind([1; 32]).unwrap(), opened.bind([2; 32]).unwrap());
        insta::assert_snapshot!(format!("{made:?}"), @"FileKey(…)");
        for content in [&b""[..], b"HSF1", &[7; 36], &[b"HSF1", &[7; 33][..]].concat()] {
            std::fs::write(&path, content).unwrap();
            assert!(matches!(FileKey::open(&path), Err(Error::Damaged { what: "key file", .. })));
        }
    }
}

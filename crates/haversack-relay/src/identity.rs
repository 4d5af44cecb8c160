//! The relay's long-term key, by which devices know it again (§ 7).

use std::fmt;
use std::fs;
use std::io::ErrorKind;

use ed25519_dalek::{KEYPAIR_LENGTH, Signer, SigningKey};
use haversack_wire::{Relay, VERSION};
use zeroize::Zeroizing;

use crate::data_dir::write_whole;
use crate::{DataDir, Error};

/// `seed (32) ‖ public key (32)`: the second half shows a flipped bit in the first.
const FILE: &str = "key";

/// What a proof is signed under, with the zero byte that ends a label.
const PROOF_LABEL: &[u8] = b"haversack v1 relay proof\0";

/// The relay's Ed25519 key.
///
/// Every token and mailbox name is derived from it, so a relay whose key is lost has lost its
/// mailboxes: nothing here ever replaces a key that exists.
pub struct Identity {
    key: SigningKey,
}

impl Identity {
    /// A proof: `version u8 = 1 ‖ relay key (32) ‖ signature (64)`.
    pub const PROOF_LEN: usize = 97;

    /// The key made from a seed.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self { key: SigningKey::from_bytes(seed) }
    }

    /// Reads the directory's key; at the first start it is made from `make_seed` and written.
    ///
    /// # Errors
    /// [`Error::Damaged`] when the file is not a key, [`Error::Io`] and [`Error::NoRoom`] when it
    /// cannot be read or written, and whatever `make_seed` returns.
    pub fn open(
        dir: &DataDir,
        make_seed: impl FnOnce() -> Result<Zeroizing<[u8; 32]>, Error>,
    ) -> Result<Self, Error> {
        match fs::read(dir.file(FILE)) {
            Ok(bytes) => Self::read(&Zeroizing::new(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let identity = Self::from_seed(&*make_seed()?);
                identity.write(dir)?;
                Ok(identity)
            }
            Err(error) => Err(Error::io("read the relay's key")(error)),
        }
    }

    fn read(bytes: &[u8]) -> Result<Self, Error> {
        let pair: &[u8; KEYPAIR_LENGTH] = bytes
            .try_into()
            .map_err(|_| Error::damaged("the key file has not the length of a key"))?;
        let key = SigningKey::from_keypair_bytes(pair)
            .map_err(|_| Error::damaged("the two halves of the key do not fit"))?;
        Ok(Self { key })
    }

    fn write(&self, dir: &DataDir) -> Result<(), Error> {
        write_whole(&dir.file(FILE), &*Zeroizing::new(self.key.to_keypair_bytes()))
            .map_err(Error::io("write the relay's key"))?;
        dir.sync()
    }

    /// The relay's id: `derive("relay", relay key)[..16]`.
    #[must_use]
    pub fn id(&self) -> Relay {
        Relay::of(self.key.verifying_key().as_bytes())
    }

    /// Proves to whoever chose `nonce` that this relay has the key.
    #[must_use]
    pub fn prove(&self, nonce: &[u8; 32]) -> [u8; Self::PROOF_LEN] {
        let signature = self.key.sign(&[PROOF_LABEL, nonce].concat()).to_bytes();
        let key = self.key.verifying_key().to_bytes();
        let mut bytes = [VERSION].into_iter().chain(key).chain(signature);
        std::array::from_fn(|_| bytes.next().unwrap_or_default())
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Identity").field(&self.id()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::{Signature, VerifyingKey};

    fn open(dir: &DataDir, seed: u8) -> Result<Identity, Error> {
        Identity::open(dir, || Ok(Zeroizing::new([seed; 32])))
    }

    #[test]
    fn is_made_once() {
        let temp = tempfile::tempdir().unwrap();
        let dir = DataDir::lock(temp.path()).unwrap();
        let first = open(&dir, 1).unwrap().id();
        assert_eq!(open(&dir, 2).unwrap().id(), first);
        insta::assert_debug_snapshot!(open(&dir, 3).unwrap(), @r"
        Identity(
            Relay(b21d9b99…),
        )
        ");
    }

    #[cfg(unix)]
    #[test]
    fn only_its_owner_may_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let temp = tempfile::tempdir().unwrap();
        let dir = DataDir::lock(temp.path()).unwrap();
        open(&dir, 1).unwrap();
        let mode = fs::metadata(dir.file(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_damaged_key_is_refused_and_left_alone() {
        let temp = tempfile::tempdir().unwrap();
        let dir = DataDir::lock(temp.path()).unwrap();
        open(&dir, 1).unwrap();
        let good = fs::read(dir.file(FILE)).unwrap();
        let mut flipped = good.clone();
        flipped[5] ^= 1;
        for bad in [&good[..63], &flipped, &[]] {
            fs::write(dir.file(FILE), bad).unwrap();
            assert!(matches!(open(&dir, 2), Err(Error::Damaged { .. })));
            assert_eq!(fs::read(dir.file(FILE)).unwrap(), bad);
        }
    }

    #[test]
    fn a_proof_verifies_under_the_key_it_names() {
        let identity = Identity::from_seed(&[7; 32]);
        let proof = identity.prove(&[9; 32]);
        let key: [u8; 32] = proof[1..33].try_into().unwrap();
        let signature = Signature::from_bytes(proof[33..].try_into().unwrap());
        let message = [&b"haversack v1 relay proof"[..], &[0], &[9; 32]].concat();
        let verifying = VerifyingKey::from_bytes(&key).unwrap();
        verifying.verify_strict(&message, &signature).unwrap();
        assert_eq!((proof[0], Relay::of(&key)), (1, identity.id()));
    }
}

//! From a passphrase to a slot's key (PROTOCOL § 10).

use argon2::{Algorithm, Argon2, Params, Version};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::{Bind, Cost, Passphrase};
use crate::Error;

/// What Argon2id made of a passphrase.
pub(crate) struct Stretched(Zeroizing<[u8; 32]>);

/// What opens a slot, and what recognises the slot that it opens.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub(crate) struct SlotKey {
    pub(crate) key: [u8; 32],
    pub(crate) commitment: [u8; 32],
}

/// `Argon2id(passphrase, salt)`, version 0x13, 32 bytes.
pub(crate) fn stretch(
    passphrase: &Passphrase,
    salt: &[u8; 32],
    cost: Cost,
) -> Result<Stretched, Error> {
    #[cfg(test)]
    super::count::add(super::count::Work::Stretch);
    argon2id(passphrase.expose(), salt, cost).map(Stretched)
}

/// Argon2id, version 0x13, 32 bytes. Published vectors check it here, beneath the fixed length of our salt.
pub(crate) fn argon2id(
    passphrase: &[u8],
    salt: &[u8],
    cost: Cost,
) -> Result<Zeroizing<[u8; 32]>, Error> {
    let refused = |_| Error::invalid("key stretching cost", "is out of bounds");
    let (memory_kib, passes, lanes) = cost.parts();
    let params = Params::new(memory_kib, passes, lanes, Some(32)).map_err(refused)?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let mut stretched = Zeroizing::new([0; 32]);
    argon2.hash_password_into(passphrase, salt, &mut *stretched).map_err(refused)?;
    Ok(stretched)
}

impl Cost {
    /// Stretches a passphrase of no meaning once at this cost, so that [`Cost::calibrate`] can be told how long
    /// it takes.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the device refuses the cost.
    pub fn try_out(self) -> Result<(), Error> {
        let passphrase = Passphrase::new(b"no passphrase".to_vec())?;
        stretch(&passphrase, &[0; 32], self).map(drop)
    }
}

impl Stretched {
    #[cfg(feature = "forensic")]
    pub(crate) fn expose(&self) -> [u8; 32] {
        *self.0
    }

    /// The key of a slot without hardware.
    pub(crate) fn plain(&self) -> SlotKey {
        derive(&self.0)
    }

    /// The key of a slot that is bound to hardware; without any, the plain one.
    ///
    /// # Errors
    /// [`Error::Hardware`], and nothing else, when it does not answer.
    pub(crate) fn bound(&self, hardware: Option<&dyn Bind>) -> Result<SlotKey, Error> {
        let Some(hardware) = hardware else { return Ok(self.plain()) };
        let bound = hardware.bind(*self.0).map(Zeroizing::new).map_err(|_| Error::Hardware)?;
        Ok(derive(&bound))
    }
}

/// HKDF-SHA256, once for the key and once for the commitment.
fn derive(secret: &[u8; 32]) -> SlotKey {
    let mut slot = SlotKey { key: [0; 32], commitment: [0; 32] };
    // 32 bytes are within HKDF's limit of 255 hashes.
    let _ = hkdf(&[], secret, b"haversack v1 slot key", &mut slot.key);
    let _ = hkdf(&[], secret, b"haversack v1 slot commitment", &mut slot.commitment);
    slot
}

/// HKDF-SHA256: extract and one expansion, of at most 8,160 bytes.
pub(crate) fn hkdf(salt: &[u8], input: &[u8], info: &[u8], out: &mut [u8]) -> Result<(), Error> {
    let expanded = Hkdf::<Sha256>::new(Some(salt), input).expand(info, out);
    expanded.map_err(|_| Error::invalid("derived key", "must have at most 8,160 bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::FakeHardware;

    #[test]
    fn each_input_matters() {
        let pass = |text: &str| Passphrase::new(text.into()).unwrap();
        let stretched = |p: &str, salt: u8| stretch(&pass(p), &[salt; 32], Cost::FLOOR).unwrap();
        let first = stretched("one", 1);
        let slot = first.plain();
        assert_eq!(slot.key, stretched("one", 1).plain().key);
        assert_ne!(slot.key, stretched("two", 1).plain().key);
        assert_ne!(slot.key, stretched("one", 2).plain().key);
        assert_ne!(slot.key, slot.commitment);
        assert_eq!(first.bound(None).unwrap().key, slot.key);
        let bound = |n| first.bound(Some(&FakeHardware::new(n))).unwrap().key;
        assert_ne!(bound(1), slot.key);
        assert_ne!(bound(1), bound(2));
        let gone = first.bound(Some(&FakeHardware::gone()));
        assert!(matches!(gone, Err(Error::Hardware)));
    }
}

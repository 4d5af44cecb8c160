//! From a passphrase to a slot's key (PROTOCOL § 10).

use argon2::{Algorithm, Argon2, Params, Version};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::Error;

/// A passphrase: bytes, never a string, gone from memory when dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Passphrase(Vec<u8>);

impl Passphrase {
    /// Takes 1 to 1,024 bytes.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it is empty or too long.
    pub fn new(bytes: Vec<u8>) -> Result<Self, Error> {
        let passphrase = Self(bytes);
        match passphrase.0.len() {
            1..=1_024 => Ok(passphrase),
            _ => Err(Error::invalid("passphrase", "must have 1 to 1,024 bytes")),
        }
    }
}

impl std::fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Passphrase(…)")
    }
}

/// The device's hardware factor: answers a stretched passphrase with a value that only this device's
/// hardware can make. It sees Argon2's output, so one leaked answer helps no other guess.
pub trait Bind {
    /// Answers; the same input always gives the same output.
    ///
    /// # Errors
    /// [`Error::Hardware`] when the hardware key is gone or refuses.
    fn bind(&self, stretched: [u8; 32]) -> Result<[u8; 32], Error>;
}

/// No hardware: the strength is the passphrase's alone.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoHardware;

impl Bind for NoHardware {
    fn bind(&self, stretched: [u8; 32]) -> Result<[u8; 32], Error> {
        Ok(stretched)
    }
}

/// What stretching a passphrase costs, within bounds that are checked before memory is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl Cost {
    /// The floor: 19 MiB, two passes (OWASP's minimum for Argon2id).
    pub const FLOOR: Self = Self { memory_kib: 19_456, passes: 2, lanes: 1 };
    /// What a new store takes where nothing was calibrated: 64 MiB, three passes.
    pub const DEFAULT: Self = Self { memory_kib: 65_536, passes: 3, lanes: 1 };

    /// Checks the bounds: memory 19,456–1,048,576 KiB, passes 2–16, lanes 1–4.
    ///
    /// # Errors
    /// [`Error::Invalid`] outside of them.
    pub fn new(memory_kib: u32, passes: u32, lanes: u32) -> Result<Self, Error> {
        let within = (19_456..=1_048_576).contains(&memory_kib)
            && (2..=16).contains(&passes)
            && (1..=4).contains(&lanes);
        match within {
            true => Ok(Self { memory_kib, passes, lanes }),
            false => Err(Error::invalid("key stretching cost", "is out of bounds")),
        }
    }

    /// (memory in KiB, passes, lanes)
    #[must_use]
    pub const fn parts(&self) -> (u32, u32, u32) {
        (self.memory_kib, self.passes, self.lanes)
    }
}

/// What opens a slot, and what recognises the slot that it opens.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct SlotKey {
    pub(crate) key: [u8; 32],
    pub(crate) commitment: [u8; 32],
}

/// `bind(Argon2id(passphrase, salt))`, then HKDF-SHA256 once for the key and once for the commitment.
pub(crate) fn stretch(
    passphrase: &Passphrase,
    salt: &[u8; 32],
    cost: Cost,
    hardware: &dyn Bind,
) -> Result<SlotKey, Error> {
    let stretched = argon2id(&passphrase.0, salt, cost)?;
    let bound = Zeroizing::new(hardware.bind(*stretched)?);
    let mut slot = SlotKey { key: [0; 32], commitment: [0; 32] };
    hkdf(&[], &*bound, b"haversack v1 slot key", &mut slot.key)?;
    hkdf(&[], &*bound, b"haversack v1 slot commitment", &mut slot.commitment)?;
    Ok(slot)
}

/// Argon2id, version 0x13, 32 bytes. Published vectors check it here, beneath the fixed length of our salt.
pub(super) fn argon2id(
    passphrase: &[u8],
    salt: &[u8],
    cost: Cost,
) -> Result<Zeroizing<[u8; 32]>, Error> {
    let refused = |_| Error::invalid("key stretching cost", "is out of bounds");
    let params =
        Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(32)).map_err(refused)?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let mut stretched = Zeroizing::new([0; 32]);
    argon2.hash_password_into(passphrase, salt, &mut *stretched).map_err(refused)?;
    Ok(stretched)
}

/// HKDF-SHA256: extract and one expansion, of at most 8,160 bytes.
pub(super) fn hkdf(salt: &[u8], input: &[u8], info: &[u8], out: &mut [u8]) -> Result<(), Error> {
    let expanded = Hkdf::<Sha256>::new(Some(salt), input).expand(info, out);
    expanded.map_err(|_| Error::invalid("derived key", "must have at most 8,160 bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cost_has_bounds() {
        assert!(Cost::new(19_455, 2, 1).is_err());
        assert!(Cost::new(u32::MAX, 2, 1).is_err());
        assert!(Cost::new(65_536, 17, 1).is_err());
        assert!(Cost::new(65_536, 3, 0).is_err());
        assert_eq!(Cost::new(65_536, 3, 1).unwrap(), Cost::DEFAULT);
    }

    #[test]
    fn each_input_matters() {
        let pass = |text: &str| Passphrase::new(text.into()).unwrap();
        let slot =
            |p: &str, salt: u8| stretch(&pass(p), &[salt; 32], Cost::FLOOR, &NoHardware).unwrap();
        let first = slot("one", 1);
        assert_eq!(first.key, slot("one", 1).key);
        assert_ne!(first.key, slot("two", 1).key);
        assert_ne!(first.key, slot("one", 2).key);
        assert_ne!(first.key, first.commitment);
        insta::assert_snapshot!(format!("{:?}", pass("one")), @"Passphrase(…)");
        assert!(Passphrase::new(vec![]).is_err());
    }
}

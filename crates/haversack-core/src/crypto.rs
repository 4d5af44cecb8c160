//! The few operations that touch keys: seal, open, derive, sign, verify, stretch.
//!
//! Standard primitives behind a narrow face, one type for each role a key can play. Nothing outside
//! this folder names a primitive. Every secret type zeroizes on drop and prints as `Name(…)`.

mod aead;
mod hpke;
mod keys;
#[cfg(test)]
mod published;
mod random;
mod sign;
mod stretch;
mod suite;

pub(crate) use aead::{AadLabel, open, seal};
pub(crate) use hpke::{KemSecret, Sealed, open_from_anyone, open_with_psk, seal_to, seal_with_psk};
pub use keys::ClientKey;
pub(crate) use keys::{
    DocumentKey, EpochSecret, GenerationSecret, KeyringKey, OneTimeKey, PurposeKey, VaultKey,
};
pub use random::Random;
pub(crate) use random::bytes;
pub(crate) use sign::{SignKey, message, verify};
pub use stretch::{Bind, Cost, NoHardware, Passphrase};
pub(crate) use stretch::{SlotKey, stretch};
#[cfg(test)]
pub(crate) use suite::Symbolic;
pub(crate) use suite::{Real, Suite};

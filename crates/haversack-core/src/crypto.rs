//! The few operations that touch keys: seal, open, derive, sign, verify, stretch.
//!
//! Standard primitives behind a narrow face, one type for each role a key can play. Nothing outside
//! this folder names a primitive. Every secret type zeroizes on drop and prints as `Name(…)`.

mod aead;
mod cost;
#[cfg(test)]
pub(crate) mod count;
mod hardware;
mod hpke;
mod keys;
mod passphrase;
#[cfg(test)]
mod published;
mod random;
mod recovery;
mod sign;
mod split;
mod stretch;
mod suite;
mod word_list;
mod wrap;

pub(crate) use aead::{AadLabel, open, seal};
pub use cost::Cost;
#[cfg(test)]
pub(crate) use hardware::FakeHardware;
pub use hardware::{Bind, FileKey};
pub(crate) use hpke::{KemSecret, Sealed, open_from_anyone, open_with_psk, seal_to, seal_with_psk};
pub use keys::ClientKey;
pub(crate) use keys::{
    DocumentKey, EpochSecret, GenerationSecret, KeyringKey, OneTimeKey, PackKey, PurposeKey,
    VaultKey,
};
pub use passphrase::{Guesses, Passphrase};
pub use random::Random;
pub(crate) use random::bytes;
pub use recovery::RecoveryCode;
pub(crate) use sign::{SignKey, message, verify};
pub use split::RootShare;
pub(crate) use split::{join as join_shares, split as split_key};
pub(crate) use stretch::{SlotKey, Stretched, stretch};
#[cfg(test)]
pub(crate) use stretch::{argon2id, hkdf};
#[cfg(test)]
pub(crate) use suite::Symbolic;
pub(crate) use suite::{Real, Suite};
pub(crate) use word_list::WORD_LIST;
pub use wrap::{is_wrapped, unwrap_bundle, wrap_bundle};

//! The engine of Haversack: offline-first, end-to-end-encrypted outreach records.
//!
//! An [`Engine`] is one open store. It logs contacts, holds client files, closes what is unsent into signed
//! and sealed chunks, takes the chunks of others in any order and however often, and shows what it all adds
//! up to. It has no sockets and no clock, its randomness is handed in, and what several threads work out
//! ahead comes to the same: whole fleets of engines run in one thread under a seed.
//!
//! The loop of a device:
//!
//! 1. [`Engine::log`] while outdoors. When it returns, the contact survives a power cut.
//! 2. When a relay is in reach: [`Engine::begin_exchange`], send [`Exchange::request`], give what comes back
//!    to [`Engine::feed`] as it comes, and read [`Engine::end_exchange`]. Stop at any byte; nothing is lost.
//! 3. Without a relay: [`Engine::export_bundle`] here, [`Engine::import_bundle`] there; or, over anything that carries bytes,
//!    [`Engine::begin_meeting`] here, and [`Engine::take_request`] and [`Engine::next_answer`] there.
//!
//! ```
//! use haversack_core::{CreateOptions, Engine, Passphrase, model::*};
//! # use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
//! # let folder = tempfile::tempdir().unwrap();
//! # let random = || Box::new(ChaCha20Rng::seed_from_u64(1));
//! let passphrase = Passphrase::new(b"six words or more, please".to_vec())?;
//! let options = CreateOptions::cheapest();
//! let mut engine = Engine::create(&folder.path().join("store"), &passphrase, options, random())?;
//! engine.found_space()?;
//! let site = Site { code: SiteCode::new("KM-V")?, kind: SiteKind::MOBILE_VAN, setting: None, closes: None };
//! engine.put_site(&site)?;
//! assert_eq!(engine.sites()?, [site]);
//! # Ok::<(), haversack_core::Error>(())
//! ```
//!
//! What it refuses to do: hold a name, a number that identifies, an address or a coordinate; show anything to
//! anyone without a key; order or expire anything by a clock; delete a store that it cannot open.

mod compress;
mod crypto;
mod docs;
mod engine;
mod error;
#[cfg(feature = "forensic")]
pub mod forensic;
mod members;
pub mod model;
mod seeded;
#[cfg(feature = "sim")]
pub mod sim;
mod store;
mod sync;
#[cfg(test)]
mod vectors;
mod view;

pub use crypto::{
    Bind, ClientKey, Cost, FileKey, Guesses, Passphrase, Random, RecoveryCode, RootShare,
    is_wrapped, unwrap_bundle, wrap_bundle,
};
pub use engine::{
    Answering, BundleOutcome, CarryOutcome, ContactDraft, CreateOptions, DeviceHas, DeviceRow,
    DropBox, Dropped, Engine, Erasure, Exchange, Exposure, Fault, Holders, Ledger, OpenOptions,
    OpenedBy, Owed, PackMade, PackProgress, Quarantined, Reason, Reasons, Received, RecordId,
    RecordState, RelayFault, RelayHolds, RelayRoute, Saved, SecretOptions, Slots, Status,
    SyncOutcome, Whereabouts, WhoDraft, Witness, check_locked, wipe,
};
pub use error::{Error, WireError};
pub use members::{Member, RelayAddress, Role, Words, code_parts};
pub use store::{Attempts, attempts, wait};
pub use sync::proof::relay_of_proof;
pub use view::{ClientId, ClientRow, ContactFilter, ContactId, ContactRow, Person};

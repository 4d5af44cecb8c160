//! The face that Kotlin, Swift and Python see.
//!
//! A [`Notebook`] is one device's records; a [`Following`] and a [`PeerServer`] stand for something that goes on until it is
//! stopped. What an app implements is a trait: [`HttpClient`], [`HardwareKey`], [`SyncListener`], [`PackListener`]. Everything else
//! is plain data, converted by hand to and from the types of the crate `haversack`, where every rule lives. This is the only crate
//! that knows uniffi; the foreign code is generated from the built library by `cargo xtask bindings`.
//!
//! Codes (a site's kind, an item, a service) are text, since lists grow: [`code_lists`] gives what this
//! version takes, and a code of a newer app is shown as it is. Days are `YYYY-MM-DD`. A call either does what
//! it says, durably, or raises a [`HaversackError`] and changes nothing. Calls that touch the disk block; what
//! waits for a network, and the timers, are asynchronous.

uniffi::setup_scaffolding!("haversack");

mod bundles;
mod client;
mod codes;
mod contact;
mod error;
mod follow;
mod handover;
mod http;
mod keys;
mod ledger;
mod members;
mod notebook;
mod packs;
mod peer;
mod person;
mod quarantine;
mod relays;
mod report;
mod root;
mod site;
mod spaces;
mod status;
mod sync;
mod team;

pub use bundles::{Carried, carry_bundles, is_wrapped, unwrap_bundle, wrap_bundle};
pub use client::{BirthBand, Client, ClientFile, Erasure};
pub use codes::{CodeLists, code_lists};
pub use contact::{Contact, ContactFilter, Direction, Line, NewContact};
pub use error::HaversackError;
pub use follow::{Following, ListenerFailure, SyncListener};
pub use handover::Owed;
pub use http::{HttpAnswer, HttpClient, HttpFailure, HttpHeader, HttpRequest};
pub use keys::{
    Attempts, HardwareFailure, HardwareKey, Slots, attempts, request_lifetime, suggest_passphrase,
    wipe,
};
pub use ledger::{DeviceHas, Holders, Padding, RecordState, RelayFault, RelayHolds, Whereabouts};
pub use members::{DeviceFile, Exposure};
pub use notebook::Notebook;
pub use packs::{PackListener, PackMade, PackProgress};
pub use peer::{PeerReport, PeerServer};
pub use person::{Person, Who};
pub use quarantine::Refused;
pub use relays::{RelayAddress, RelaySynced};
pub use report::{Indicators, Report};
pub use site::Site;
pub use spaces::CarryOutcome;
pub use status::{Ledger, Status};
pub use sync::{BundleOutcome, Received, SyncReport};
pub use team::{Invitation, Member, Role, code_parts};

/// What is freed is overwritten: nothing of an open store stays in memory once it is locked.
#[global_allocator]
static HEAP: haversack::ZeroAlloc<std::alloc::System> = haversack::ZeroAlloc(std::alloc::System);

/// Returns the version of the engine, as in `0.1.0`.
#[uniffi::export]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}

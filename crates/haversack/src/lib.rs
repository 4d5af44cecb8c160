//! Offline-first, end-to-end-encrypted outreach records: the client library.
//!
//! A [`Notebook`] is one device's store. Everything but [`Notebook::sync`] works without a network; a
//! relay only ever sees padded, sealed frames.
//!
//! ```no_run
//! use haversack::{ContactDraft, CreateOptions, Notebook, Passphrase, WhoDraft, model::*};
//!
//! # async fn example() -> Result<(), haversack::Error> {
//! let passphrase = Passphrase::new(b"six words or more, please".to_vec())?;
//! let notebook = Notebook::create("team.store".as_ref(), &passphrase, CreateOptions::default())?;
//! notebook.found_space()?;
//! let van = SiteCode::new("KM-V")?;
//! notebook.put_site(&Site { code: van.clone(), kind: SiteKind::MOBILE_VAN, setting: None, closes: None })?;
//! let given = Line { direction: Direction::Out, item: Item::SYRINGE_FIXED_1ML };
//! let contact = ContactDraft::new(WhoDraft::default(), van).line(given, Quantity::new(10)?);
//! notebook.log("2008-02-04".parse()?, &[contact])?; // on the disk when this returns
//! notebook.sync(&"https://relay.example".parse()?).await?;
//! # Ok(())
//! # }
//! ```
//!
//! What it refuses to do: call a record synced that nobody acknowledged, lose what arrived before a connection
//! broke, talk to another relay than the one it met before.

mod address;
mod answer;
mod bundles;
mod connect;
mod direct;
mod error;
mod follow;
mod http;
mod http_client;
mod keys;
mod ledger;
mod network;
mod notebook;
mod peer;
mod proxy;
mod relays;
mod spaces;
mod sync;
mod team;

pub use address::{RelayUrl, Scheme};
pub use bundles::{Carried, carry_bundles, wrap_bundle};
pub use error::Error;
pub use haversack_core::model;
pub use haversack_core::{
    Attempts, Bind, BundleOutcome, CarryOutcome, ClientId, ClientRow, ContactDraft, ContactFilter,
    ContactId, ContactRow, Cost, CreateOptions, DeviceHas, DeviceRow, Erasure,
    Error as EngineError, Exposure, Fault, FileKey, Guesses, Holders, Ledger, Member, OpenedBy,
    Owed, PackMade, PackProgress, Passphrase, Person, Quarantined, Reason, Reasons, Received,
    RecordId, RecordState, RecoveryCode, RelayAddress, RelayFault, RelayHolds, Role, RootShare,
    Saved, SecretOptions, Slots, Status, SyncOutcome, Whereabouts, WhoDraft, Witness, Words,
    code_parts, is_wrapped, unwrap_bundle,
};
pub use haversack_memory::ZeroAlloc;
pub use haversack_report::{Indicators, Period, Report, percent, rate};
pub use haversack_tls::{Pin, Refusal as TlsRefusal};
pub use haversack_wire::{Device, Padding, Relay, Space};
pub use http_client::{HttpAnswer, HttpClient, HttpFault, HttpMethod, HttpRequest, HttpSending};
pub use keys::{
    REQUEST_LIFETIME, attempts, calibrated, check_locked, make_file_key, suggest_passphrase, wipe,
};
pub use notebook::Notebook;
pub use peer::{PeerReport, PeerServer};
pub use proxy::{Proxy, ProxyError};
pub use relays::RelaySynced;
pub use sync::SyncReport;

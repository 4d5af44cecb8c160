//! The engine: one open store.
//!
//! Data flows one way. [`write`] makes changes and saves them; [`outgoing`] closes unsent changes into
//! signed bodies; [`incoming`] opens frames, checks them and saves what they bring; [`documents`] holds
//! what the log adds up to, and keeps the view in step with it. Whatever is said to be saved was committed first.

mod ahead;
mod answer;
mod apply;
mod batch;
mod belief;
mod branches;
mod bundles;
mod cache;
mod documents;
mod drops;
mod ending;
mod enrolment;
mod erase;
mod exposure;
mod faults;
#[cfg(feature = "forensic")]
mod forensic;
#[cfg(feature = "forensic")]
pub(crate) use forensic::expanded;
mod fork;
mod former;
mod full;
mod handover;
mod horizon;
#[cfg(test)]
mod hostile;
mod incarnation;
mod incoming;
mod intake;
mod kept;
mod keys;
mod lane;
mod ledger;
mod lines;
mod log;
mod mark;
mod mend;
mod named;
mod names;
mod open;
mod options;
mod outgoing;
mod own;
mod pack;
mod peer;
mod pinned;
mod refused;
mod renewal;
mod reply;
mod room;
mod root;
mod route;
mod say_again;
#[cfg(feature = "sim")]
mod sim;
mod spaces;
mod state;
mod status;
mod team;
#[cfg(test)]
mod tests;
mod wait;
mod write;

use std::collections::BTreeMap;

use automerge::ActorId;
use haversack_wire::{Device, Document, Lane};

pub use answer::Answering;
#[cfg(test)]
pub(crate) use answer::Asked;
pub use batch::Received;
pub use bundles::BundleOutcome;
pub use drops::{CarryOutcome, DropBox, Dropped};
pub use ending::SyncOutcome;
pub use erase::Erasure;
pub use exposure::Exposure;
pub use faults::{Fault, RelayFault};
pub use handover::Owed;
pub use keys::{OpenedBy, Slots, check_locked, wipe};
pub use ledger::{
    DeviceHas, Holders, Ledger, RecordId, RecordState, RelayHolds, Whereabouts, Witness,
};
pub use names::DeviceRow;
pub use options::{CreateOptions, OpenOptions, SecretOptions};
pub use pack::{PackMade, PackProgress};
pub use refused::{Quarantined, Reason, Reasons};
pub use route::RelayRoute;
pub use status::Status;
pub use write::{ContactDraft, Saved, WhoDraft};

use crate::Error;
use crate::crypto::{ClientKey, Random};
use crate::docs::Author;
use crate::members::actor;
use crate::store::{Db, Keyring, Purpose, Vault};
use crate::view::View;
use documents::Documents;
use log::Index;
use state::{DeviceState, Mark, SpaceState};

pub use crate::sync::exchange::Exchange;

/// An open store: everything a device can do without a network.
///
/// Randomness is handed in when it is opened; it has no clock. It is used by one thread at a time.
pub struct Engine {
    db: Db,
    vault: Vault,
    ring: Keyring,
    random: Random,
    device: DeviceState,
    space: Option<SpaceState>,
    mark: Mark,
    index: Index,
    documents: Documents,
    /// Own bodies, by sequence.
    bodies: BTreeMap<u32, kept::Kept>,
    /// Rows of documents' caches.
    caches: BTreeMap<Document, i64>,
    client_keys: BTreeMap<Document, ClientKey>,
    /// Who wrote what was carried here from other spaces.
    strangers: BTreeMap<ActorId, Device>,
    waiting: kept::Waiting,
    /// Branches that relays were asked for since this store was opened.
    looked: std::collections::BTreeSet<(haversack_wire::Relay, branches::Look)>,
    /// Named bodies that could not be sealed anew.
    unnamed: std::collections::BTreeSet<named::Named>,
    erasing: erase::Erasing,
    view: View,
    /// Whether the view does not show what is saved.
    view_is_due: bool,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Engine(…)")
    }
}

impl Engine {
    fn space(&self) -> Result<&SpaceState, Error> {
        self.space.as_ref().ok_or(Error::NoSpace)
    }

    fn state_key(&self) -> Result<[u8; 32], Error> {
        self.ring.purpose(Purpose::State).map(|key| *key.expose())
    }

    /// The key of own bodies and kept frames.
    fn outbox_key(&self) -> Result<[u8; 32], Error> {
        self.ring.purpose(Purpose::Outbox).map(|key| *key.expose())
    }

    /// The author that writes on a lane.
    fn author(&self, lane: &Lane) -> Result<Author, Error> {
        let space = self.space()?;
        let state = space.lanes.get(lane).ok_or(Error::damaged("state", "a lane is missing"))?;
        Ok(Author::new(&actor(space.space(), &state.device_key, state.incarnation)))
    }
}

//! Where records are, and who says so.

use haversack::{Device, RecordId};

use crate::team::device_text;
use crate::{HaversackError, Notebook};

/// The safest place that a record is known to be in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum RecordState {
    /// On this device only.
    HereOnly,
    /// In a file for somebody to carry, or come by one.
    Carried,
    /// Held by a relay, which proves nothing.
    Relayed,
    /// Acknowledged by the signature of a coordinator or an archive.
    Acknowledged,
}

impl From<haversack::RecordState> for RecordState {
    fn from(state: haversack::RecordState) -> Self {
        match state {
            haversack::RecordState::HereOnly => Self::HereOnly,
            haversack::RecordState::Carried => Self::Carried,
            haversack::RecordState::Relayed => Self::Relayed,
            haversack::RecordState::Acknowledged => Self::Acknowledged,
        }
    }
}

/// Where one record is, and who says so.
#[derive(Debug, uniffi::Record)]
pub struct Whereabouts {
    /// The safest place.
    pub state: RecordState,
    /// The relays that say that they hold it, by id.
    pub relays: Vec<String>,
    /// The devices that have signed that they have it and keep the team's work.
    pub keepers: Vec<String>,
    /// The other devices that have signed that they have it.
    pub others: Vec<String>,
    /// The devices that have signed that they refused a part of what it came with.
    pub refused: Vec<String>,
}

impl From<haversack::Whereabouts> for Whereabouts {
    fn from(of: haversack::Whereabouts) -> Self {
        let devices = |keeps| {
            let all = of.devices.iter().filter(move |one| one.keeps == keeps);
            all.map(|one| device_text(one.device)).collect()
        };
        let relay = |relay: &haversack::Relay| device_text(Device::new(relay.to_bytes()));
        Self {
            state: of.state.into(),
            relays: of.relays.iter().map(relay).collect(),
            keepers: devices(true),
            others: devices(false),
            refused: of.refused.iter().copied().map(device_text).collect(),
        }
    }
}

/// What a relay did that it should not.
#[derive(Debug, uniffi::Record)]
pub struct RelayFault {
    /// The relay, by id.
    pub relay: String,
    /// What it did, as a short word for programs.
    pub fault: String,
    /// How many frames it is about, or how many times.
    pub count: u32,
    /// The same in words, beginning after "the relay".
    pub text: String,
}

impl From<&haversack::RelayFault> for RelayFault {
    fn from(fault: &haversack::RelayFault) -> Self {
        Self {
            relay: device_text(Device::new(fault.relay.to_bytes())),
            fault: fault.fault.code().to_owned(),
            count: fault.count,
            text: fault.to_string(),
        }
    }
}

#[uniffi::export]
impl Notebook {
    /// Where a contact is, as far as this device knows, and who says so.
    ///
    /// # Errors
    /// `FixInput` for a contact that is not here.
    pub fn contact_whereabouts(&self, contact: &str) -> Result<Whereabouts, HaversackError> {
        Ok(self.0.whereabouts(&RecordId::Contact(contact.parse()?))?.into())
    }

    /// Where a client's file is.
    ///
    /// # Errors
    /// `FixInput` for a file that is not here.
    pub fn client_whereabouts(&self, client: &str) -> Result<Whereabouts, HaversackError> {
        Ok(self.0.whereabouts(&RecordId::Client(client.parse()?))?.into())
    }

    /// What relays did that they should not, as far as it showed.
    ///
    /// # Errors
    /// `JoinSpace`.
    pub fn relay_faults(&self) -> Result<Vec<RelayFault>, HaversackError> {
        Ok(self.0.relay_faults()?.iter().map(RelayFault::from).collect())
    }
}

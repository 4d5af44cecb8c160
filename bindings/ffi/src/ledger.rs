//! Where records are, and who says so.

use haversack::RecordId;

use crate::relays::relay_text;
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
        Self {
            state: of.state.into(),
            relays: of.relays.iter().copied().map(relay_text).collect(),
            keepers: devices(true),
            others: devices(false),
            refused: of.refused.iter().copied().map(device_text).collect(),
        }
    }
}

impl From<haversack::Holders> for Holders {
    fn from(of: haversack::Holders) -> Self {
        let relay = |one: &haversack::RelayHolds| RelayHolds {
            relay: relay_text(one.relay),
            holds: one.holds,
            lacks: one.lacks,
        };
        let device = |one: &haversack::DeviceHas| DeviceHas {
            device: device_text(one.witness.device),
            keeps: one.witness.keeps,
            has: one.has,
        };
        let (relays, devices) = (of.relays.iter().map(relay), of.devices.iter().map(device));
        Self { relays: relays.collect(), devices: devices.collect() }
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
            relay: relay_text(fault.relay),
            fault: fault.fault.code().to_owned(),
            count: fault.count,
            text: fault.to_string(),
        }
    }
}

/// How much of the lengths of this device's frames shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum Padding {
    /// At most 12 % is added.
    Padme,
    /// One of five lengths, 2 to 32 KiB: for teams to which even that is too much.
    HighRisk,
}

/// Where this device's work is, relay by relay and device by device.
#[derive(Debug, uniffi::Record)]
pub struct Holders {
    /// The relays that the roster names or that were synced with.
    pub relays: Vec<RelayHolds>,
    /// The devices that have signed that they have any of it.
    pub devices: Vec<DeviceHas>,
}

/// How much of this device's work a relay says that it holds.
#[derive(Debug, uniffi::Record)]
pub struct RelayHolds {
    /// The relay, by id.
    pub relay: String,
    /// This device's changes that it holds.
    pub holds: u64,
    /// This device's changes that it does not.
    pub lacks: u64,
}

/// How much of this device's work another device has signed that it has.
#[derive(Debug, uniffi::Record)]
pub struct DeviceHas {
    /// The device.
    pub device: String,
    /// Whether it keeps the team's work: a coordinator or an archive.
    pub keeps: bool,
    /// This device's changes that it has.
    pub has: u64,
}

#[uniffi::export]
impl Notebook {
    /// Where this device's work is, relay by relay and device by device.
    ///
    /// # Errors
    /// `Unlock`.
    pub fn holders(&self) -> Result<Holders, HaversackError> {
        Ok(self.0.holders()?.into())
    }

    /// How much of the lengths of this device's frames shows.
    ///
    /// # Errors
    /// `JoinSpace`.
    pub fn padding(&self) -> Result<Padding, HaversackError> {
        Ok(match self.0.padding()? {
            haversack::Padding::Padme => Padding::Padme,
            haversack::Padding::HighRisk => Padding::HighRisk,
        })
    }

    /// Sets how much of the lengths of this device's frames shows, from the next one on.
    ///
    /// # Errors
    /// `JoinSpace`.
    pub fn set_padding(&self, padding: Padding) -> Result<(), HaversackError> {
        let padding = match padding {
            Padding::Padme => haversack::Padding::Padme,
            Padding::HighRisk => haversack::Padding::HighRisk,
        };
        Ok(self.0.set_padding(padding)?)
    }

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

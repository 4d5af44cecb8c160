//! What a coordinator's app decides about devices, and what it says when one is lost.

use haversack::model::Label;
use haversack::{Device, EngineError};

use crate::team::{device_text, id_of, shown_role};
use crate::{HaversackError, Notebook, Role};

type Outcome<T> = Result<T, HaversackError>;

/// A device that is or was in the space.
#[derive(Debug, uniffi::Record)]
pub struct DeviceFile {
    /// The device.
    pub device: String,
    /// What it is called on this device, and only here.
    pub name: Option<String>,
    /// What it may do, or might before it was removed; absent for a role of a newer version.
    pub role: Option<Role>,
    /// Whether it is this device.
    pub own: bool,
    /// Whether it is a member no more.
    pub removed: bool,
}

/// What a device could have read. Every number is an upper bound, judged from what is on this device: whether it had received it
/// all, nobody else knows.
#[derive(Debug, uniffi::Record)]
pub struct Exposure {
    /// The device.
    pub device: String,
    /// What it may do, or might; absent for a role of a newer version.
    pub role: Option<Role>,
    /// Whether it is a member no more.
    pub removed: bool,
    /// How many epochs it could hold the keys of.
    pub epochs: u64,
    /// How many of those it has to have destroyed, if it has synced since.
    pub expired: u64,
    /// How many rotations ago the oldest of those was made.
    pub since: u64,
    /// How many rotations ago the newest was.
    pub until: u64,
    /// The first day of the contacts that it could have read, `YYYY-MM-DD`.
    pub first: Option<String>,
    /// The last.
    pub last: Option<String>,
    /// How many contacts these are.
    pub contacts: u64,
    /// Contacts without a usable date, beside these.
    pub undated: u64,
    /// Client files that it could have read.
    pub clients: u64,
}

#[uniffi::export]
impl Notebook {
    /// Every device that is or was in the space, members first.
    ///
    /// # Errors
    /// `JoinSpace`.
    pub fn devices(&self) -> Outcome<Vec<DeviceFile>> {
        Ok(self.0.devices()?.iter().map(DeviceFile::from).collect())
    }

    /// Gives a device a name on this device, or takes it away. Nobody else learns of it.
    ///
    /// # Errors
    /// `FixInput` for a name that is none or taken, or a device that is not known.
    pub fn rename_device(&self, device: &str, name: Option<String>) -> Outcome<()> {
        let name = name.map(|name| Label::new(&name)).transpose()?;
        Ok(self.0.rename(read_device(device)?, name)?)
    }

    /// Removes a device for good: nothing is sealed to it from then on, by whoever has synced. With `undo`, what it
    /// decided about others is void too. Show [`Notebook::exposure`] afterwards.
    ///
    /// # Errors
    /// `AskCoordinator` when this device's role does not allow it, `FixInput` for a device that is not known, or this one.
    pub fn revoke(&self, device: &str, undo: bool) -> Outcome<()> {
        Ok(self.0.revoke(read_device(device)?, undo)?)
    }

    /// Gives a device another role.
    ///
    /// # Errors
    /// As [`Notebook::revoke`].
    pub fn set_role(&self, device: &str, role: Role) -> Outcome<()> {
        Ok(self.0.set_role(read_device(device)?, role.into())?)
    }

    /// Makes new keys for what is written from now on. [`Notebook::sync`] does so every week.
    ///
    /// # Errors
    /// `AskCoordinator` when this device's role does not allow it.
    pub fn rotate(&self) -> Outcome<()> {
        Ok(self.0.rotate()?)
    }

    /// Goes on under new keys, as the same member: for when somebody may have seen this device's. Whoever has those is not locked
    /// out by it: that takes a removal.
    ///
    /// # Errors
    /// `JoinSpace`, `AskCoordinator` when this device was removed.
    pub fn renew_device(&self) -> Outcome<()> {
        Ok(self.0.renew_device()?)
    }

    /// What a device could have read.
    ///
    /// # Errors
    /// `FixInput` for a device that is not known.
    pub fn exposure(&self, device: &str) -> Outcome<Exposure> {
        Ok(Exposure::from(&self.0.exposure(read_device(device)?)?))
    }
}

impl From<&haversack::DeviceRow> for DeviceFile {
    fn from(row: &haversack::DeviceRow) -> Self {
        Self {
            device: device_text(row.device),
            name: row.name.as_ref().map(ToString::to_string),
            role: row.role.and_then(shown_role),
            own: row.own,
            removed: row.removed,
        }
    }
}

impl From<&haversack::Exposure> for Exposure {
    fn from(exposure: &haversack::Exposure) -> Self {
        Self {
            device: device_text(exposure.device),
            role: exposure.role.and_then(shown_role),
            removed: exposure.removed,
            epochs: exposure.epochs,
            expired: exposure.expired,
            since: exposure.since,
            until: exposure.until,
            first: exposure.first.map(|day| day.to_string()),
            last: exposure.last.map(|day| day.to_string()),
            contacts: exposure.contacts,
            undated: exposure.undated,
            clients: exposure.clients,
        }
    }
}

/// A device, by all the digits of its id.
fn read_device(text: &str) -> Outcome<Device> {
    let unknown = EngineError::Unknown { what: "device" };
    Ok(Device::new(id_of(text).ok_or(unknown)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_read_as_it_is_shown() {
        let device = Device::new([0x0f; 16]);
        assert_eq!(read_device(&device_text(device)).unwrap(), device);
        for none in ["", "0f", "+f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f", &"0g".repeat(16)] {
            assert!(matches!(read_device(none), Err(HaversackError::FixInput(_))), "{none}");
        }
    }
}

//! Who is in the team and who is not any more; the keys that follow from it; the root key above them.

use std::time::{SystemTime, UNIX_EPOCH};

use haversack_core::model::{Day, Label};
use haversack_core::{
    DeviceRow, Engine, Exposure, PackMade, PackProgress, RelayAddress, Role, RootShare,
};
use haversack_wire::{Device, Space};

use crate::{Error, Notebook};

/// Days begin to count with the year 2000.
const DAYS_1970_TO_2000: i64 = 10_957;

impl Notebook {
    /// The team that this store is in.
    ///
    /// # Errors
    /// `NoSpace`.
    pub fn space(&self) -> Result<Space, Error> {
        self.with(|engine| engine.space_id())
    }

    /// This device, as others name it.
    ///
    /// # Errors
    /// [`Error::Closed`].
    pub fn device(&self) -> Result<Device, Error> {
        self.with(|engine| Ok(engine.device()))
    }

    /// Every device that is or was a member, with the name that it has here.
    ///
    /// # Errors
    /// `NoSpace`.
    pub fn devices(&self) -> Result<Vec<DeviceRow>, Error> {
        self.with(|engine| engine.devices())
    }

    /// Gives a device a name in this store, or takes it away. Nobody else learns of it.
    ///
    /// # Errors
    /// `Unknown`, `Invalid` for a name that is taken, and the errors of saving.
    pub fn rename(&self, device: Device, name: Option<Label>) -> Result<(), Error> {
        self.with(|engine| engine.rename(device, name))
    }

    /// Removes a device for good. It keeps what it has; it opens nothing that is sealed by whoever has learned of this,
    /// and that takes a sync of theirs. With `undo`, what it decided before is void too.
    ///
    /// # Errors
    /// `NotAllowed`, `Removed`, `Unknown`, `Invalid` for this very device, and the errors of saving.
    pub fn revoke(&self, device: Device, undo: bool) -> Result<(), Error> {
        self.with(|engine| engine.revoke(device, undo))
    }

    /// Gives a member another role.
    ///
    /// # Errors
    /// As [`Notebook::revoke`].
    pub fn set_role(&self, device: Device, role: Role) -> Result<(), Error> {
        self.with(|engine| engine.set_role(device, role))
    }

    /// Goes on under new keys, as the same member: for when somebody may have seen this device's. It does not lock out whoever
    /// has those: that takes a removal.
    ///
    /// # Errors
    /// `NoSpace`, `Removed`, `NotAllowed` in a role of a newer version, and the errors of saving.
    pub fn renew_device(&self) -> Result<(), Error> {
        self.with(Engine::renew_device)
    }

    /// What a device could have read: upper bounds.
    ///
    /// # Errors
    /// `Unknown`, `NoSpace`, and the errors of reading.
    pub fn exposure(&self, device: Device) -> Result<Exposure, Error> {
        self.with(|engine| engine.exposure(device))
    }

    /// Makes new keys for what is written from here on. [`Notebook::sync`] does so every week where it is due.
    ///
    /// # Errors
    /// `NotAllowed`, `Removed`, and the errors of saving.
    pub fn rotate(&self) -> Result<(), Error> {
        self.with(Engine::rotate)
    }

    /// Packs everything that the team has written, for new devices and for those that were away for long. It is pushed with the next
    /// syncs. `progress` is told how many documents of how many are in it.
    ///
    /// # Errors
    /// `NotAllowed`, `Removed`, and the errors of reading and saving.
    pub fn make_pack(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<PackMade, Error> {
        self.with(|engine| engine.make_pack(progress))
    }

    /// The pack that this device made, as a bundle. Nothing when it has made none.
    ///
    /// # Errors
    /// `NoSpace`, and the errors of saving.
    pub fn export_pack(&self) -> Result<Option<Vec<u8>>, Error> {
        self.with(Engine::export_pack)
    }

    /// How far a pack is taken that is still coming: nothing when none is.
    ///
    /// # Errors
    /// [`Error::Closed`].
    pub fn pack_progress(&self) -> Result<PackProgress, Error> {
        self.with(|engine| Ok(engine.pack_progress()))
    }

    /// Names relays of the team, each in place of what was said of it before; one without an address answers nowhere any more.
    ///
    /// # Errors
    /// `NotAllowed`, `Removed`, and the errors of saving.
    pub fn set_relays(&self, relays: &[RelayAddress]) -> Result<(), Error> {
        self.with(|engine| engine.set_relays(relays))
    }

    /// Whether the team's root key is kept in this store.
    ///
    /// # Errors
    /// `NoSpace`.
    pub fn keeps_root(&self) -> Result<bool, Error> {
        self.with(|engine| engine.keeps_root())
    }

    /// Splits the root key into shares, `needed` of which give it back.
    ///
    /// # Errors
    /// `Unknown` when the root key is not here, `Invalid` unless 2 ≤ needed ≤ shares ≤ 16.
    pub fn split_root(&self, needed: u8, shares: u8) -> Result<Vec<RootShare>, Error> {
        self.with(|engine| engine.split_root(needed, shares))
    }

    /// Proves that shares give the present root key. Changes nothing.
    ///
    /// # Errors
    /// `Shares`, `SharesMissing`.
    pub fn rehearse_root(&self, shares: &[RootShare]) -> Result<(), Error> {
        self.with(|engine| engine.rehearse_root(shares))
    }

    /// Keeps the root key here, made of its shares.
    ///
    /// # Errors
    /// As [`Notebook::rehearse_root`], and the errors of saving.
    pub fn use_root(&self, shares: &[RootShare]) -> Result<(), Error> {
        self.with(|engine| engine.use_root(shares))
    }

    /// Makes a new root key, which is kept here; the old one decides nothing any more.
    ///
    /// # Errors
    /// `Unknown` when the root key is not here, and the errors of saving.
    pub fn replace_root(&self) -> Result<(), Error> {
        self.with(Engine::replace_root)
    }

    /// Forgets the root key that is kept here.
    ///
    /// # Errors
    /// `Unknown` when there is none, and the errors of saving.
    pub fn forget_root(&self) -> Result<(), Error> {
        self.with(Engine::forget_root)
    }

    /// Makes new keys if it is time to, by this device's calendar, and with them a pack if much came since the last one; a pack also
    /// when something in the last one was erased. A calendar that is wrong by years makes keys once too often, and destroys nothing.
    pub(crate) fn rotate_when_due(&self) -> Result<(), Error> {
        self.with(|engine| {
            let rotated = today().map(|today| engine.rotate_when_due(today)).transpose()?;
            // A pack that cannot be made keeps nobody from syncing; whoever makes one by hand is told why.
            let _not_now = engine.pack_when_due(rotated.unwrap_or_default());
            Ok(())
        })
    }
}

/// The day by this device's clock. Only weeks are counted with it, so the hour at which it begins does not matter. A clock that
/// was never set has none.
fn today() -> Option<Day> {
    const SECONDS_OF_DAY: u64 = 86_400;
    let since = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    let days = i64::try_from(since.as_secs() / SECONDS_OF_DAY).ok()?;
    Day::from_number(days - DAYS_1970_TO_2000).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn today_is_counted_from_the_year_2000() {
        // 946,684,800 s is the first second of 2000.
        assert_eq!(DAYS_1970_TO_2000 * 86_400, 946_684_800);
        // Whoever runs this has a clock.
        assert!(today().is_some_and(|day| day.number() > 9_000));
    }
}

//! What this store calls devices: names that are nobody else's to see, and the list that shows them.

use std::collections::BTreeMap;

use haversack_wire::codec::{put_blob, put_varint};
use haversack_wire::{Device, Reader, Space};

use super::Engine;
use crate::Error;
use crate::members::Role;
use crate::model::Label;
use crate::store::Table;

/// The names' row among the single values. Far from those that are part of the state.
const NAMES: i64 = 32;
const NAME_MAX: usize = 16;

/// A device of the space, as this store shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceRow {
    /// The device.
    pub device: Device,
    /// What it is called here, and only here.
    pub name: Option<Label>,
    /// What it may do, or might before it was removed; `None` for a role of a newer version.
    pub role: Option<Role>,
    /// Whether it is this device.
    pub own: bool,
    /// Whether it is a member no more.
    pub removed: bool,
    /// How many of its bodies are kept that speak against other bodies of its own: it has had two lives at once, or is lying.
    pub forked: u64,
}

impl Engine {
    /// Gives a device a name, or takes it away. The name is kept in this store, sealed, and shared with nobody.
    ///
    /// # Errors
    /// [`Error::Unknown`] for a device that was never a member, [`Error::Invalid`] for a name that another device has
    /// here, [`Error::NoSpace`], and the errors of saving.
    pub fn rename(&mut self, device: Device, name: Option<Label>) -> Result<(), Error> {
        let line = self.space()?.group.roster.standing().device(&device);
        let line = line.ok_or(Error::Unknown { what: "device" })?;
        let mut names = self.names()?;
        names.remove(&line);
        if let Some(name) = name {
            if names.values().any(|known| *known == name) {
                return Err(Error::invalid("name", "is another device's here already"));
            }
            names.insert(line, name);
        }
        let mut out = Vec::new();
        put_varint(&mut out, names.len() as u64);
        for (device, name) in &names {
            out.extend_from_slice(device.as_bytes());
            put_blob(&mut out, name.as_str().as_bytes());
        }
        let key = self.state_key()?;
        let mut writer = self.db.write()?;
        writer.put_sealed(Table::Values, &key, NAMES, &out, &mut *self.random)?;
        writer.commit()
    }

    /// The space that this store is in.
    ///
    /// # Errors
    /// [`Error::NoSpace`].
    pub fn space_id(&self) -> Result<Space, Error> {
        self.space().map(|space| *space.space())
    }

    /// Every device that is or was a member, members first.
    ///
    /// # Errors
    /// [`Error::NoSpace`], and the errors of reading.
    pub fn devices(&self) -> Result<Vec<DeviceRow>, Error> {
        let (space, names, own) = (self.space()?, self.names()?, self.device());
        let standing = space.group.roster.standing();
        let gone = standing.attackers.values().filter(|line| standing.is_revoked(line));
        let lines = standing.members.keys().chain(gone);
        let row = |line: &Device| DeviceRow {
            device: *line,
            name: names.get(line).cloned(),
            role: space.group.last_role(line),
            own: *line == own,
            removed: !standing.members.contains_key(line),
            forked: self.forked_of(space, line),
        };
        let mut rows: Vec<DeviceRow> = lines.map(row).collect();
        rows.sort_by_key(|row| (row.removed, row.device));
        rows.dedup_by_key(|row| row.device);
        Ok(rows)
    }

    fn names(&self) -> Result<BTreeMap<Device, Label>, Error> {
        let Some(bytes) = self.db.row(Table::Values, &self.state_key()?, NAMES)? else {
            return Ok(BTreeMap::new());
        };
        let mut r = Reader::new("names", &bytes);
        let mut names = BTreeMap::new();
        for _ in 0..r.listed()? {
            let device = Device::new(r.array()?);
            names.insert(device, Label::new(r.text(NAME_MAX)?)?);
        }
        r.end()?;
        Ok(names)
    }
}

//! What a device that is lost could have read: said when it is removed, and before.

use std::collections::{BTreeMap, BTreeSet};

use haversack_wire::{Device, Document, Space, StatementHash};

use super::Engine;
use super::log::{Row, RowKind};
use crate::Error;
use crate::members::Role;
use crate::model::Day;
use crate::view::ContactFilter;

/// What a device could have read of a space, judged from what is known here.
///
/// These are upper bounds. Whoever holds a device holds the keys that it had, and all that it had received; which of the records
/// it *had* received, nobody else knows, so all are counted that anybody signed before learning of its removal, of whatever
/// role it was: every member's device takes every record. What this device has not received is not in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exposure {
    /// The space.
    pub space: Space,
    /// The device.
    pub device: Device,
    /// What it may do, or might before it was removed; `None` for a role of a newer version.
    pub role: Option<Role>,
    /// Whether it is a member no more. Nothing that is sealed from then on, by whoever knows it, does it open.
    pub removed: bool,
    /// How many epochs it could hold the keys of.
    pub epochs: u64,
    /// How many of those it has to have destroyed, if it went by the rules and has exchanged since. They are counted in
    /// `epochs` all the same, and the records under them too.
    pub expired: u64,
    /// How many epochs ago the oldest of those was minted; by default one is minted every week, and one at each removal.
    pub since: u64,
    /// How many epochs ago the newest was: 0 as long as it is a member.
    pub until: u64,
    /// The first day of the contacts that it could have read.
    pub first: Option<Day>,
    /// The last.
    pub last: Option<Day>,
    /// How many contacts these are.
    pub contacts: u64,
    /// Contacts of outings whose date cannot be used, every one that is here.
    pub undated: u64,
    /// Client files that it could have read.
    pub clients: u64,
}

impl Engine {
    /// What a device could have read, member or removed. Changes nothing.
    ///
    /// # Errors
    /// [`Error::NoSpace`], [`Error::Unknown`] for a device that was never a member, and the errors of reading.
    pub fn exposure(&self, device: Device) -> Result<Exposure, Error> {
        let space = self.space()?;
        let standing = space.group.roster.standing();
        let line = standing.device(&device).ok_or(Error::Unknown { what: "device" })?;
        let exposed = space.group.exposed(&line, &space.table);
        let documents = self.exposed_documents(&line)?;
        let contacts = self.view()?.contacts(&ContactFilter::default())?.into_iter();
        let days: Vec<Day> = contacts
            .filter(|contact| documents.contains(&contact.id.outing))
            .map(|contact| contact.day)
            .collect();
        let clients = self.view()?.clients()?.into_iter();
        Ok(Exposure {
            space: *space.space(),
            device: line,
            role: space.group.last_role(&line),
            removed: !standing.members.contains_key(&line),
            epochs: exposed.epochs,
            expired: exposed.expired,
            since: exposed.since,
            until: exposed.until,
            first: days.iter().min_by_key(|day| day.number()).copied(),
            last: days.iter().max_by_key(|day| day.number()).copied(),
            contacts: days.len() as u64,
            undated: self.view()?.totals()?.1,
            clients: clients.filter(|client| documents.contains(&client.id.0)).count() as u64,
        })
    }

    /// Documents of which something was sent by somebody who had not learned of a device's removal.
    fn exposed_documents(&self, line: &Device) -> Result<BTreeSet<Document>, Error> {
        let space = self.space()?;
        let mut known: BTreeMap<&[StatementHash], bool> = BTreeMap::new();
        let mut was_sent = |row: &Row| {
            // What is in no body has not left this device.
            let (Some(lane), Some(_)) = (space.lanes.get(&row.head.lane), row.head.sequence) else {
                return false;
            };
            let heads = lane.heads_at(row.head.sequence);
            let could = || space.group.could_read(line, heads);
            row.head.kind == RowKind::Changes && *known.entry(heads).or_insert_with(could)
        };
        let documents = self.index.documents();
        let exposed = documents.filter(|(_, entry)| entry.rows.iter().any(&mut was_sent));
        Ok(exposed.map(|(document, _)| *document).collect())
    }
}

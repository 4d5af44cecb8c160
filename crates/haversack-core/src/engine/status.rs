//! Reading: what the view shows, where records stand, and the canonical content of a store.

use std::collections::BTreeMap;

use automerge::{Automerge, ObjId, ObjType, ROOT, ReadDoc, Value};
use haversack_wire::codec::{put_blob, put_varint};
use haversack_wire::{Document, Relay};

use super::Engine;
use super::kept::Keep;
use super::ledger::Ledger;
use super::log::{Row, RowKind};
use crate::Error;
use crate::model::Site;
use crate::view::{ClientRow, ContactFilter, ContactRow};

/// Where a store stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Status {
    /// Contacts shown.
    pub contacts: u64,
    /// Contacts of outings whose date cannot be used.
    pub undated: u64,
    /// Documents in the log.
    pub documents: u64,
    /// The same contacts, whoever logged them, by where they are.
    pub whereabouts: Ledger,
    /// This device's changes, by where they are.
    pub own: Ledger,
    /// Frames that wait for something missing.
    pub waiting: u64,
    /// Frames refused.
    pub quarantined: u64,
    /// Frames that found no room here when relays were last asked: they are asked for again.
    pub dropped: u64,
    /// Frames kept for the next relay.
    pub carried: u64,
    /// Changes by removed members, beyond what is believed of them: kept, not shown.
    pub doubted: u64,
    /// Bodies of devices with two lives that speak against other bodies of theirs: kept, not shown. What they brought is shown once
    /// the device has said it again.
    pub forked: u64,
    /// Whether this device was removed from its team.
    pub removed: bool,
}

impl Engine {
    /// Contacts, newest day first.
    ///
    /// # Errors
    /// [`Error::Database`] when the view cannot be read.
    pub fn contacts(&self, filter: &ContactFilter) -> Result<Vec<ContactRow>, Error> {
        let mut rows = self.view()?.contacts(filter)?;
        let keys = rows.iter().map(|row| (row.id.outing, row.id.key.as_str()));
        let states = self.contact_states(keys)?;
        rows.iter_mut().zip(states).for_each(|(row, state)| row.state = state);
        Ok(rows)
    }

    /// Every client file held here, in order of label.
    ///
    /// # Errors
    /// [`Error::Database`] when the view cannot be read.
    pub fn clients(&self) -> Result<Vec<ClientRow>, Error> {
        let mut rows = self.view()?.clients()?;
        let states = self.client_states(rows.iter().map(|row| &row.id));
        rows.iter_mut().zip(states).for_each(|(row, state)| row.state = state);
        Ok(rows)
    }

    /// Every site, in order of code.
    ///
    /// # Errors
    /// [`Error::Database`] when the view cannot be read.
    pub fn sites(&self) -> Result<Vec<Site>, Error> {
        self.view()?.sites()
    }

    /// Where this store stands.
    ///
    /// # Errors
    /// [`Error::Database`] when the view cannot be read.
    pub fn status(&self) -> Result<Status, Error> {
        let (contacts, undated) = self.view()?.totals()?;
        let count = |keep| self.waiting.of(keep).count() as u64;
        Ok(Status {
            contacts,
            undated,
            documents: self.index.documents().filter(|(_, entry)| entry.is_said()).count() as u64,
            whereabouts: self.contact_ledger()?,
            own: self.ledger(),
            waiting: self.waiting.waits().count() as u64,
            quarantined: self.waiting.refused().count() as u64,
            dropped: self.dropped(),
            carried: count(Keep::Carried),
            doubted: self.doubted()?,
            forked: self.index.forked().map(|(_, bodies)| bodies.rivals.len() as u64).sum(),
            removed: self.space.is_some() && self.still_member().is_err(),
        })
    }

    fn dropped(&self) -> u64 {
        // Which of a relay's mailboxes they were from is not told apart.
        let mut dropped: BTreeMap<Relay, u32> = BTreeMap::new();
        for ((relay, _), route) in self.space.iter().flat_map(|space| &space.routes) {
            let most = dropped.entry(*relay).or_default();
            *most = route.dropped.max(*most);
        }
        dropped.into_values().map(u64::from).sum()
    }

    /// Everything that the documents and the roster say, as bytes that do not depend on the order or the way
    /// in which it came: two stores with the same content give the same bytes.
    ///
    /// # Errors
    /// [`Error::Damaged`] when the log does not open.
    pub fn canonical(&mut self) -> Result<Vec<u8>, Error> {
        let mut out = Vec::new();
        // What is dropped into other spaces is kept until it is safe there, here longer than elsewhere.
        let is_here = |row: &Row| {
            let kind = row.head.kind;
            kind.beside().is_none()
                && !matches!(kind, RowKind::Gone | RowKind::Drop | RowKind::Erased)
        };
        let here = self
            .index
            .documents()
            .filter(|(_, entry)| !entry.is_gone() && entry.rows.iter().any(is_here));
        let ids: Vec<Document> = here.map(|(id, _)| *id).collect();
        for id in ids {
            let document = self.believed(&id)?;
            let heads = document.get_heads();
            if heads.is_empty() {
                // Nothing of it is believed: to others it may be unknown.
                continue;
            }
            out.extend_from_slice(id.as_bytes());
            put_varint(&mut out, heads.len() as u64);
            heads.iter().for_each(|head| out.extend_from_slice(&head.0));
            put_object(&mut out, &document, &ROOT);
            if let Some(key) = self.client_keys.get(&id) {
                out.extend_from_slice(key.expose());
            }
        }
        self.erased().iter().for_each(|id| out.extend_from_slice(id.as_bytes()));
        if let Some(space) = &self.space {
            space
                .group
                .roster
                .heads()
                .iter()
                .for_each(|head| out.extend_from_slice(head.as_bytes()));
        }
        Ok(out)
    }
}

/// Every key of a map with every value that concurrent writers left there, in Automerge's own order.
fn put_object(out: &mut Vec<u8>, document: &Automerge, object: &ObjId) {
    for key in document.keys(object) {
        put_blob(out, key.as_bytes());
        for (value, id) in document.get_all(object, key.as_str()).unwrap_or_default() {
            match value {
                Value::Object(ObjType::Map) => put_object(out, document, &id),
                value => put_blob(out, value.to_string().as_bytes()),
            }
        }
    }
}

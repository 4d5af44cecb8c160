//! Drop-boxes (PROTOCOL § 6.5): records that this device writes for a space which it does not read, and those that it carries
//! between two spaces which it is in.
//!
//! ```text
//! here:  drop_contacts ─► note ─► drop ─► own body             (the plain text is kept nowhere)
//! there: dropped_for (one engine) ─► carry (another engine of the same device) ─► own body there
//! ```

use std::collections::BTreeMap;

use automerge::{ActorId, Automerge, Change};
use haversack_wire::limits::DROPS_MAX;
use haversack_wire::{Device, Document, Epoch, Position, Space};

use super::apply::head_of;
use super::batch::{Batch, Opened};
use super::documents::Staged;
use super::incoming::acknowledged;
use super::log::{Row, RowHead, RowKind};
use super::state::SpaceState;
use super::write::put_outing;
use super::{ContactDraft, Engine, Saved};
use crate::Error;
use crate::crypto::bytes;
use crate::docs::rebuild::{Refusal, Tip};
use crate::members::{Content, Role, Written, device};
use crate::model::{Contact, Day, SpaceName};
use crate::store::Log;
use crate::sync::drop::{Carried, Drop, Note, Taken};

/// Contacts of one drop.
const CONTACTS_MAX: usize = 50;

/// Where records for a space are dropped: what another space of its members has to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DropBox {
    /// The space that reads it.
    pub space: Space,
    /// Its present public key: a new one with each generation.
    pub key: [u8; 32],
}

/// Something that members of a space dropped for another one, sealed, with what shows who its author is.
#[derive(Debug, Clone)]
pub struct Dropped {
    drop: Drop,
    root: [u8; 32],
    author: [u8; 32],
    introduction: Vec<Vec<u8>>,
}

/// What came of carrying.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CarryOutcome {
    /// Drops that are new there.
    pub taken: u64,
    /// Drops that were there.
    pub known: u64,
    /// Drops that do not open with any key that is held there, yet or any more.
    pub sealed: u64,
    /// Drops that are no good, or whose author may not.
    pub refused: u64,
    /// Those that somebody there who keeps the team's work has, by their names here.
    safe: Vec<Document>,
}

impl CarryOutcome {
    /// Adds what came of carrying elsewhere.
    pub fn add(&mut self, other: &Self) {
        self.taken += other.taken;
        self.known += other.known;
        self.sealed += other.sealed;
        self.refused += other.refused;
        self.safe.extend_from_slice(&other.safe);
    }
}

/// What a chunk drops and carries.
#[derive(Default)]
pub(super) struct Brought {
    drops: Vec<(Document, Vec<u8>)>,
    carried: Vec<(Document, Device, ActorId, Vec<u8>)>,
    /// What was carried and nobody takes, by its name.
    aside: Vec<(Document, Vec<u8>)>,
    /// The carried documents, as they are with what was carried.
    pub(super) documents: BTreeMap<Document, Automerge>,
    /// Whether something of it is no good.
    pub(super) refused: bool,
}

impl Engine {
    /// The names of this space's drop-boxes.
    ///
    /// # Errors
    /// [`Error::NoSpace`].
    pub fn drop_boxes(&self) -> Result<Vec<SpaceName>, Error> {
        let boxes = self.space()?.group.roster.drop_boxes();
        Ok(boxes.into_values().map(|(_, name)| name.clone()).collect())
    }

    /// Where records for this space are dropped.
    ///
    /// # Errors
    /// [`Error::NoSpace`], [`Error::Removed`].
    pub fn drop_box(&self) -> Result<DropBox, Error> {
        let space = self.space()?;
        let live = space.live.ok_or(Error::Removed)?;
        let missing = Error::damaged("keyring", "the generation's secret is missing");
        let secret = space.group.generations.get(&live.generation).ok_or(missing)?;
        Ok(DropBox { space: *space.space(), key: secret.drop_key().public() })
    }

    /// The first root key of this space: what another space takes drops of.
    ///
    /// # Errors
    /// [`Error::NoSpace`].
    pub fn first_root(&self) -> Result<[u8; 32], Error> {
        Ok(*self.space()?.group.roster.first_root())
    }

    /// Names a drop-box to the members of this space, under its key or its new key. Says whether that is news.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] but for an admin, [`Error::Invalid`] for the name of another drop-box and for this very space,
    /// and the errors of saving.
    pub fn open_drop_box(&mut self, name: &SpaceName, target: &DropBox) -> Result<bool, Error> {
        let mut space = self.space()?.clone();
        let boxes = space.group.roster.drop_boxes();
        let is_other =
            |(to, (_, its)): (&Space, &(_, &SpaceName))| *to != target.space && *its == name;
        if boxes.iter().any(is_other) || target.space == *space.space() {
            return Err(Error::invalid("drop-box", "is another space's, under this name"));
        }
        if boxes.get(&target.space) == Some(&(&target.key, name)) {
            return Ok(false);
        }
        let (target, key, name) = (target.space, target.key, name.clone());
        self.say_as_admin(&mut space, Content::DropBox { target, key, name })?;
        self.commit(Staged { space: Some(space), ..Staged::default() }).map(|()| true)
    }

    /// Names the new key of a drop-box that is named here, if this device may and it is news. Says whether it did.
    ///
    /// # Errors
    /// [`Error::NoSpace`], and the errors of saving.
    pub fn renew_drop_box(&mut self, target: &DropBox) -> Result<bool, Error> {
        let boxes = self.space()?.group.roster.drop_boxes();
        match boxes.get(&target.space).map(|(_, name)| (*name).clone()) {
            Some(name) if self.role()?.is_some_and(Role::is_admin) => {
                self.open_drop_box(&name, target)
            }
            _ => Ok(false),
        }
    }

    /// From now on takes what members of the space with this first root key drop. Says whether that is news.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] but for an admin, and the errors of saving.
    pub fn take_drops_of(&mut self, root: &[u8; 32]) -> Result<bool, Error> {
        let mut space = self.space()?.clone();
        if space.group.roster.takes_drops(root) {
            return Ok(false);
        }
        self.say_as_admin(&mut space, Content::TakeDrops { root: *root })?;
        self.commit(Staged { space: Some(space), ..Staged::default() }).map(|()| true)
    }

    /// Writes contacts of one day for the space that reads a drop-box. Only who reads it can open them: this device keeps
    /// them sealed until they are safe, and shows them never again.
    ///
    /// # Errors
    /// [`Error::Unknown`] for a drop-box, a site or a client that is not here, and those of [`Engine::log`].
    pub fn drop_contacts(
        &mut self,
        into: &SpaceName,
        day: Day,
        drafts: &[ContactDraft],
    ) -> Result<Saved<()>, Error> {
        let space = self.space()?;
        let (from, lane, boxes) = (*space.space(), space.lane, space.group.roster.drop_boxes());
        let (to, key) = boxes
            .into_iter()
            .find_map(|(to, (key, name))| (name == into).then_some((to, *key)))
            .ok_or(Error::Unknown { what: "drop-box" })?;
        self.still_member()?;
        if !self.role()?.is_some_and(|role| role.may_write(Written::Records)) {
            return Err(Error::NotAllowed { what: "write this kind of record" });
        }
        let mut staged = Staged::default();
        for contacts in self.contacts_of(day, drafts)?.chunks(CONTACTS_MAX) {
            let drop = self.sealed_note((&from, &to), &key, day, contacts)?;
            let (kind, tip) = (RowKind::Drop, Tip::default());
            let (sequence, since) = (None, Epoch::default());
            let head = RowHead { document: drop.id(), kind, lane, sequence, tip, since };
            staged.rows.push((head, drop.encode()));
        }
        self.commit(staged).map(Saved)
    }

    fn say_as_admin(&self, space: &mut SpaceState, content: Content) -> Result<(), Error> {
        self.admin("link spaces")?;
        let sign = self.device.identity.sign.clone();
        self.say(space, &sign, content)
    }

    fn sealed_note(
        &mut self,
        ends: (&Space, &Space),
        key: &[u8; 32],
        day: Day,
        contacts: &[Contact],
    ) -> Result<Drop, Error> {
        let random = &mut *self.random;
        // The actor that it will have follows from what it says.
        let mut document = Automerge::new().with_actor(ActorId::from(bytes::<16>(random)));
        put_outing(&mut document, day, contacts)?;
        let note = Note::sign(ends, &self.device.identity.sign, &mut document, random)?;
        note.seal(ends, key, random).ok_or(Error::invalid("drop-box", "has no good key"))
    }

    /// What members of this space dropped for another one, as far as it is here and believed.
    ///
    /// # Errors
    /// [`Error::NoSpace`], and the errors of reading.
    pub fn dropped_for(&self, target: &Space) -> Result<Vec<Dropped>, Error> {
        let space = self.space()?;
        let roster = &space.group.roster;
        let mut introductions = BTreeMap::new();
        let mut found = Vec::new();
        for (id, entry) in self.index.documents() {
            let Some(row) = entry.rows.iter().find(|row| row.head.kind == RowKind::Drop) else {
                continue;
            };
            let drop = Drop::decode(&self.entry(row)?)?;
            if drop.target != *target || self.is_doubted(id, Written::Records) {
                continue;
            }
            let missing = Error::damaged("state", "a lane is missing");
            let author = space.lanes.get(&row.head.lane).ok_or(missing)?.device_key;
            let introduce = || roster.member(&author).and_then(|_| roster.introduction(&author));
            let introduction = introductions.entry(author).or_insert_with(introduce).clone();
            let root = *roster.first_root();
            let dropped = |introduction| Dropped { drop, root, author, introduction };
            found.extend(introduction.map(dropped));
        }
        Ok(found)
    }

    /// Takes what was dropped for this space in another one, and passes it on to its members.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] when this device's role writes no records or nobody said that drops of that space are taken,
    /// and the errors of saving.
    pub fn carry(&mut self, dropped: &[Dropped]) -> Result<CarryOutcome, Error> {
        let mut outcome = CarryOutcome::default();
        for some in dropped.chunks(DROPS_MAX) {
            let mut staged = Staged::default();
            for one in some {
                self.carry_one(one, &mut staged, &mut outcome)?;
            }
            if !staged.rows.is_empty() {
                self.commit(staged)?;
            }
        }
        Ok(outcome)
    }

    fn carry_one(
        &self,
        dropped: &Dropped,
        staged: &mut Staged,
        outcome: &mut CarryOutcome,
    ) -> Result<(), Error> {
        self.still_member()?;
        let space = self.space()?;
        let may_write = self.role()?.is_some_and(|role| role.may_write(Written::Records));
        if !may_write || !space.group.roster.takes_drops(&dropped.root) {
            return Err(Error::NotAllowed { what: "carry drops into this space" });
        }
        let secrets = space.group.generations.values().map(|secret| secret.drop_key());
        let mut secrets = secrets.filter(|secret| secret.public() == dropped.drop.key);
        let Some(secret) = secrets.next() else {
            outcome.sealed += 1;
            return Ok(());
        };
        let from = crate::members::space_of(&dropped.root);
        let note = dropped.drop.open(&from, &secret).and_then(Result::ok);
        let note = note.filter(|note| note.device_key == dropped.author);
        let Some(note) = note else {
            outcome.refused += 1;
            return Ok(());
        };
        let introduction = dropped.introduction.clone();
        let carried = Carried { root: dropped.root, note, introduction };
        let id = carried.id(space.space());
        if let Some(entry) = self.index.document(&id) {
            outcome.known += 1;
            let mine = acknowledged(space, &self.bodies);
            let safe = |row: &Row| self.is_safe(&mine, row);
            if entry.is_gone() || entry.rows.iter().any(safe) {
                outcome.safe.push(dropped.drop.id());
            }
            return Ok(());
        }
        match carried.check(space.space()) {
            Ok(taken) if !staged.documents.contains_key(&id) => {
                outcome.taken += 1;
                let (kind, lane, tip) = (RowKind::Carried, space.lane, Tip::default());
                let (sequence, since) = (None, Epoch::default());
                let head = RowHead { document: id, kind, lane, sequence, tip, since };
                staged.rows.push((head, carried.encode()));
                let author = device(&carried.note.device_key);
                staged.strangers.push((carried.actor(space.space()), author));
                staged.documents.insert(id, taken.document);
            }
            Ok(_) => outcome.known += 1,
            Err(_) => outcome.refused += 1,
        }
        Ok(())
    }

    /// Lets go of drops that are safe in the space that they are for. What is not sent yet stays.
    ///
    /// # Errors
    /// The errors of saving.
    pub fn let_go(&mut self, outcome: &CarryOutcome) -> Result<(), Error> {
        let mut staged = Staged::default();
        for id in &outcome.safe {
            let rows = self.index.document(id).map(|entry| entry.rows.as_slice());
            let sent = rows
                .unwrap_or_default()
                .iter()
                .filter(|row| row.head.kind == RowKind::Drop && row.head.sequence.is_some());
            let ids: Vec<i64> = sent.map(|row| row.id).collect();
            staged.replaced.insert(*id, ids);
        }
        self.commit(staged)
    }

    /// The content of a row that is no document's own changes.
    pub(super) fn entry(&self, row: &Row) -> Result<Vec<u8>, Error> {
        let key = self.ring.document(&row.head.document)?.expose();
        self.db.entry(Log::Changes, key, row.id)
    }

    /// The changes of a row that was carried here.
    pub(super) fn carried_changes(&self, row: &Row) -> Result<Vec<Change>, Error> {
        let damaged = |_| Error::damaged("log", "a carried drop does not fit together");
        let carried = Carried::decode(&self.entry(row)?)?;
        Ok(carried.rebuild(self.space()?.space()).map_err(damaged)?.changes)
    }

    /// Remembers who wrote what was carried here.
    pub(super) fn know_stranger(&mut self, id: i64, head: &RowHead) -> Result<(), Error> {
        let carried = Carried::decode(&self.entry(&Row { id, head: *head })?)?;
        self.strangers
            .insert(carried.actor(self.space()?.space()), device(&carried.note.device_key));
        Ok(())
    }

    /// Checks what a chunk drops and carries. Nothing when something of it is for a newer version to judge.
    pub(super) fn brought(
        &mut self,
        batch: &Batch,
        chunk: &Opened,
        role: Role,
    ) -> Result<Option<Brought>, Error> {
        let mut brought = Brought::default();
        let may_write = role.may_write(Written::Records);
        for bytes in &chunk.body.drops {
            match Drop::decode(bytes) {
                Ok(drop) if may_write => brought.drops.push((drop.id(), bytes.clone())),
                _ => brought.refused = true,
            }
        }
        for bytes in &chunk.body.carried {
            match self.checked(batch, bytes, may_write) {
                Ok((carried, taken)) => self.bring(batch, &mut brought, &carried, taken)?,
                Err(Refusal::Missing) => return Ok(None),
                Err(Refusal::Broken(_)) => {
                    brought.refused = true;
                    let id = Carried::decode(bytes).map(|carried| carried.id(batch.space.space()));
                    let id = id.ok().filter(|id| !self.index.is_gone(id));
                    brought.aside.extend(id.map(|id| (id, bytes.clone())));
                }
            }
        }
        Ok(Some(brought))
    }

    fn checked(
        &self,
        batch: &Batch,
        bytes: &[u8],
        may_write: bool,
    ) -> Result<(Carried, Taken), Refusal> {
        let form = |_| Refusal::Broken("a carried drop does not decode");
        let carried = Carried::decode(bytes).map_err(form)?;
        match may_write && batch.space.group.roster.takes_drops(&carried.root) {
            true => carried.check(batch.space.space()).map(|taken| (carried, taken)),
            false => Err(Refusal::Broken("drops of that space are not taken")),
        }
    }

    fn bring(
        &mut self,
        batch: &Batch,
        brought: &mut Brought,
        carried: &Carried,
        taken: Taken,
    ) -> Result<(), Error> {
        if self.index.is_gone(&taken.id) {
            return Ok(());
        }
        let mut document = match brought.documents.remove(&taken.id) {
            Some(document) => document,
            None => self.staged_document(batch, &taken.id)?,
        };
        document.apply_changes(taken.changes).map_err(|_| Error::Document { what: "carried" })?;
        brought.documents.insert(taken.id, document);
        let actor = carried.actor(batch.space.space());
        let author = device(&carried.note.device_key);
        brought.carried.push((taken.id, author, actor, carried.encode()));
        Ok(())
    }
}

impl Brought {
    /// Stages the rows of what was brought.
    pub(super) fn stage(self, batch: &mut Batch, chunk: &Opened, position: Position) {
        let head = |document, kind| head_of(chunk, document, kind);
        for (document, content) in self.drops {
            batch.staged.rows.push((head(document, RowKind::Drop), content));
        }
        for (document, content) in self.aside {
            batch.staged.rows.push((head(document, RowKind::AsideDrop(position)), content));
        }
        for (document, author, actor, content) in self.carried {
            batch.staged.rows.push((head(document, RowKind::Carried), content));
            batch.staged.strangers.push((actor, author));
        }
    }
}

#[cfg(test)]
mod tests;

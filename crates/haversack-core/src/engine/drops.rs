//! Drop-boxes (PROTOCOL § 6.5): records that this device writes for a space which it does not read, and those that it carries
//! between two spaces which it is in.
//!
//! ```text
//! here:  drop_contacts ─► note ─► drop ─► own body             (the plain text is kept nowhere)
//! there: dropped_for (one engine) ─► carry (another engine of the same device) ─► own body there
//! ```

use std::collections::{BTreeMap, BTreeSet};

use automerge::{ActorId, Automerge, Change};
use haversack_wire::limits::DROPS_MAX;
use haversack_wire::{Device, Document, Lane, Position, Space, StatementHash};

use super::apply::head_of;
use super::batch::{Batch, Opened};
use super::documents::Staged;
use super::horizon::gone;
use super::incoming::acknowledged;
use super::log::{Row, RowHead, RowKind};
use super::state::SpaceState;
use super::write::put_outing;
use super::{ContactDraft, Engine, Saved, WhoDraft};
use crate::Error;
use crate::crypto::bytes;
use crate::docs::rebuild::{Built, Refusal, Tip};
use crate::members::{Content, Role, Written, device};
use crate::model::{Contact, Day, SpaceName};
use crate::store::Log;
use crate::sync::drop::{Carried, Drop, Note, Taken};

/// Contacts of one drop.
const CONTACTS_MAX: usize = 50;

/// Where records for a space are dropped: what another space of its members has to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DropBox {
    /// The space that reads it.
    pub space: Space,
    /// Its present public key: a new one with each generation.
    pub key: [u8; 32],
    /// The keys that it had before, as far as they are known here: this one may take the place of those, and of no other.
    former: BTreeSet<[u8; 32]>,
}

/// Something that members of a space dropped for another one, sealed, with what shows who its author is.
#[derive(Debug, Clone)]
pub struct Dropped {
    drop: Drop,
    root: [u8; 32],
    /// Who said it: more than one when somebody copied it. Which of them wrote it shows once it is opened.
    authors: Vec<Author>,
}

/// Who may have written a drop.
#[derive(Debug, Clone)]
struct Author {
    /// The keys of the device that said it.
    keys: BTreeSet<[u8; 32]>,
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

impl Brought {
    /// The carried documents, read.
    pub(super) fn built(&self) -> impl Iterator<Item = (Document, Built)> {
        self.documents.iter().map(|(id, document)| (*id, Built::of(document.clone())))
    }
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
        let generations = &space.group.generations;
        let secret = generations.get(&live.generation).ok_or(missing)?;
        let ranked = space.table.generations().into_iter().map(|(id, _)| id);
        let former = ranked.skip_while(|id| *id != live.generation).skip(1);
        let former = former.filter_map(|id| Some(generations.get(&id)?.drop_key().public()));
        let (space, key) = (*space.space(), secret.drop_key().public());
        Ok(DropBox { space, key, former: former.collect() })
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

    /// Names the new key of a drop-box that is named here, if this device may and it is news: not in place of one that may be
    /// newer, which somebody named who knows more of the other space. Says whether it did.
    ///
    /// # Errors
    /// [`Error::NoSpace`], and the errors of saving.
    pub fn renew_drop_box(&mut self, target: &DropBox) -> Result<bool, Error> {
        let boxes = self.space()?.group.roster.drop_boxes();
        let named = boxes.get(&target.space).filter(|(key, _)| target.former.contains(*key));
        match named.map(|(_, name)| (*name).clone()) {
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
        let named = boxes.into_iter().filter(|(_, (_, name))| *name == into);
        let named: Vec<_> = named.map(|(to, (key, _))| (to, *key)).collect();
        let (to, key) = match named.as_slice() {
            [] => return Err(Error::Unknown { what: "drop-box" }),
            [one] => *one,
            _ => return Err(Error::invalid("drop-box", "has the name of another one")),
        };
        self.still_member()?;
        if !self.role()?.is_some_and(|role| role.may_write(Written::Records)) {
            return Err(Error::NotAllowed { what: "write this kind of record" });
        }
        if drafts.iter().any(|draft| matches!(draft.who, WhoDraft::Client(_))) {
            // Its tag is the same in all that is written about the client here: it is for this space alone.
            return Err(Error::invalid(
                "client",
                "has a file in this space, which the other one cannot read",
            ));
        }
        let contacts = self.contacts_of(day, drafts)?;
        let mut staged = Staged::default();
        let mut open: Vec<&[Contact]> = contacts.chunks(CONTACTS_MAX).rev().collect();
        while let Some(some) = open.pop() {
            match self.sealed_note((&from, &to), &key, day, some)? {
                Some(drop) => {
                    let head = RowHead::open(drop.id(), RowKind::Drop, lane);
                    staged.rows.push((head, drop.encode()));
                }
                None if some.len() > 1 => {
                    let (one, other) = some.split_at(some.len() / 2);
                    open.extend([other, one]);
                }
                None => return Err(Error::invalid("contact", "has too many lines for a drop-box")),
            }
        }
        self.commit(staged).map(Saved)
    }

    fn say_as_admin(&self, space: &mut SpaceState, content: Content) -> Result<(), Error> {
        self.admin("link spaces")?;
        let sign = self.device.identity.sign.clone();
        self.say(space, &sign, content)
    }

    /// Nothing when it is too much for one.
    fn sealed_note(
        &mut self,
        ends: (&Space, &Space),
        key: &[u8; 32],
        day: Day,
        contacts: &[Contact],
    ) -> Result<Option<Drop>, Error> {
        let random = &mut *self.random;
        // The actor that it will have follows from what it says.
        let mut document = Automerge::new().with_actor(ActorId::from(bytes::<16>(random)));
        put_outing(&mut document, day, contacts)?;
        let note = Note::sign(ends, &self.device.identity.sign, &mut document, random)?;
        if !note.fits() {
            return Ok(None);
        }
        let drop = note.seal(ends, key, random);
        drop.map(Some).ok_or(Error::invalid("drop-box", "has no good key"))
    }

    /// What members of this space dropped for another one, as far as it is here and believed.
    ///
    /// # Errors
    /// [`Error::NoSpace`], and the errors of reading.
    pub fn dropped_for(&self, target: &Space) -> Result<Vec<Dropped>, Error> {
        let root = self.first_root()?;
        let mut introductions = BTreeMap::new();
        let mut found = Vec::new();
        for (_, entry) in self.index.documents().filter(|(_, entry)| !entry.is_gone()) {
            let rows = || entry.rows.iter().filter(|row| row.head.kind == RowKind::Drop);
            let Some(row) = rows().next() else { continue };
            let drop = Drop::decode(&self.entry(row)?)?;
            if drop.target != *target {
                continue;
            }
            let lanes: BTreeSet<Lane> =
                rows().filter(|row| !self.is_cut(row)).map(|row| row.head.lane).collect();
            let mut authors = Vec::new();
            for lane in lanes {
                let author = introductions.entry(lane).or_insert_with(|| self.author_on(&lane));
                authors.extend(author.clone());
            }
            if !authors.is_empty() {
                found.push(Dropped { drop, root, authors });
            }
        }
        Ok(found)
    }

    /// Whose lane it is, if it is a member's who can be introduced.
    fn author_on(&self, lane: &Lane) -> Option<Author> {
        let space = self.space().ok()?;
        let key = space.lanes.get(lane)?.device_key;
        let roster = &space.group.roster;
        let member = roster.member(&key)?;
        let keys = roster.keys_of(&member.device);
        Some(Author { keys, introduction: roster.introduction(&key)? })
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
        let carried = note.and_then(|note| {
            let wrote = |author: &&Author| author.keys.contains(&note.device_key);
            let introduction = dropped.authors.iter().find(wrote)?.introduction.clone();
            Some(Carried { root: dropped.root, note, introduction })
        });
        let Some(carried) = carried else {
            outcome.refused += 1;
            return Ok(());
        };
        let id = carried.id(space.space());
        if self.was_carried(&id) || staged.documents.contains_key(&id) {
            outcome.known += 1;
            if self.is_carried_safely(space, &id) {
                outcome.safe.push(dropped.drop.id());
            }
            return Ok(());
        }
        let Ok(taken) = carried.check(space.space()) else {
            outcome.refused += 1;
            return Ok(());
        };
        outcome.taken += 1;
        let head = RowHead::open(id, RowKind::Carried, space.lane);
        staged.rows.push((head, carried.encode()));
        let author = device(&carried.note.device_key);
        staged.strangers.push((carried.actor(space.space()), author));
        // Somebody may have written there who knew the note, and not carried it.
        let mut document = self.rebuild_document(&id)?;
        document.apply_changes(taken.changes).map_err(|_| Error::Document { what: "carried" })?;
        staged.documents.insert(id, Built::of(document));
        Ok(())
    }

    /// Whether something was carried here by somebody who is believed, now or before it was let go of.
    fn was_carried(&self, id: &Document) -> bool {
        let Some(entry) = self.index.document(id) else { return false };
        let is_carried = |row: &Row| row.head.kind == RowKind::Carried && !self.is_cut(row);
        entry.is_gone() || entry.rows.iter().any(is_carried)
    }

    /// Whether, moreover, somebody who keeps the team's work has what one of those carried.
    fn is_carried_safely(&self, space: &SpaceState, id: &Document) -> bool {
        let Some(entry) = self.index.document(id) else { return false };
        let mine = acknowledged(space, &self.bodies);
        let is_safe = |row: &Row| {
            row.head.kind == RowKind::Carried && !self.is_cut(row) && self.is_safe(&mine, row)
        };
        entry.is_gone() || entry.rows.iter().any(is_safe)
    }

    /// What is not sent yet, and what nobody would take any more, is not carried: it stays where it was dropped.
    pub(super) fn leave_untaken(&mut self) -> Result<(), Error> {
        let roster = &self.space()?.group.roster;
        let mut staged = Staged::default();
        for row in self.index.open_rows().iter().filter(|row| row.head.kind == RowKind::Carried) {
            let carried = Carried::decode(&self.entry(row)?)?;
            if !roster.takes_drops(&carried.root) {
                staged.replaced.entry(row.head.document).or_default().push(row.id);
                staged.doubted.push(row.head.document);
            }
        }
        if staged.replaced.is_empty() {
            return Ok(());
        }
        self.commit(staged)
    }

    /// Lets go of drops that are safe in the space that they are for. What is not sent yet stays.
    ///
    /// # Errors
    /// The errors of saving.
    pub fn let_go(&mut self, outcome: &CarryOutcome) -> Result<(), Error> {
        let mut staged = Staged::default();
        let lane = self.space()?.lane;
        for id in &outcome.safe {
            let rows = self.index.document(id).map(|entry| entry.rows.as_slice());
            let rows = rows.unwrap_or_default();
            let is_sent = |row: &Row| row.head.kind == RowKind::Drop && row.head.sequence.is_some();
            if rows.is_empty() || !rows.iter().all(is_sent) {
                continue;
            }
            // What is left of it says so: its key goes when the keyring is written anew.
            staged.rows.push((gone(*id, lane, Tip::default()), Vec::new()));
            staged.replaced.insert(*id, rows.iter().map(|row| row.id).collect());
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
        (role, heads): (Role, &[StatementHash]),
    ) -> Result<Option<Brought>, Error> {
        let mut brought = Brought::default();
        let may_write = role.may_write(Written::Records);
        let roster = &batch.space.group.roster;
        let takes = |root: &[u8; 32]| may_write && roster.took_drops(heads, root);
        for bytes in &chunk.body.drops {
            match Drop::decode(bytes) {
                Ok(drop) if self.index.is_gone(&drop.id()) => {}
                Ok(drop) if may_write => brought.drops.push((drop.id(), bytes.clone())),
                Ok(drop) => {
                    brought.refused = true;
                    brought.aside.push((drop.id(), bytes.clone()));
                }
                _ => brought.refused = true,
            }
        }
        for bytes in &chunk.body.carried {
            match checked(batch.space.space(), bytes, takes) {
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

/// Judged by what its bringer had seen, like everything that it says: so all readers come to one verdict.
fn checked(
    to: &Space,
    bytes: &[u8],
    takes: impl Fn(&[u8; 32]) -> bool,
) -> Result<(Carried, Taken), Refusal> {
    let form = |_| Refusal::Broken("a carried drop does not decode");
    let carried = Carried::decode(bytes).map_err(form)?;
    match takes(&carried.root) {
        true => carried.check(to).map(|taken| (carried, taken)),
        false => Err(Refusal::Broken("drops of that space are not taken")),
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

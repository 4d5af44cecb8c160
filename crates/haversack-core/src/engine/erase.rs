//! Erasing a client (PROTOCOL § 4.3): the key of the client's file and all that is sealed under it are destroyed, wherever the
//! erasure comes; for good.
//!
//! That a file is erased is a row of the log of its own, which outlives the file. Whether it counts is judged like a change: by
//! who its author was, and what was said against it since. What is destroyed stays so, whatever is said later.
//!
//! A file is also in the bodies that brought it, with other records. They cannot be made anew without it, since what was signed is
//! the whole; so what a device keeps to be sent goes once nobody needs it from there any more.

mod outbox;

use std::collections::{BTreeMap, BTreeSet};

use haversack_wire::{Document, Lane};

pub(super) use outbox::Erasing;

use super::Engine;
use super::batch::{Batch, Opened};
use super::belief::cutters;
use super::documents::Staged;
use super::horizon::gone;
use super::log::{Row, RowHead, RowKind};
use super::state::SpaceState;
use crate::Error;
use crate::docs::read;
use crate::docs::rebuild::Tip;
use crate::members::{Role, Written};
use crate::store::Dropped;
use crate::view::ClientId;

/// An erased client's file, and how far the erasure has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Erasure {
    /// The file. Nothing else is left of it.
    pub client: ClientId,
    /// How many members have said, signed, that the erasure has come to them; this device among them.
    pub confirmed: u64,
    /// How many members there are.
    pub members: u64,
}

impl Engine {
    /// Erases a client's file, on this device at once, on every other one at its next sync. Contacts stay; whom they were with
    /// nobody can tell any more. Nothing takes it back.
    ///
    /// # Errors
    /// [`Error::Unknown`] for a client whose file is not here, [`Error::NotAllowed`] for roles other than supervisor and
    /// coordinator, [`Error::Removed`], [`Error::NoSpace`], and the errors of saving. If the disk fails only after the erasure
    /// was saved, the rest follows when the store is used or opened next.
    pub fn erase_client(&mut self, client: ClientId) -> Result<(), Error> {
        let lane = self.space()?.lane;
        self.still_member()?;
        if !self.role()?.is_some_and(|role| role.may_write(Written::Erasure)) {
            return Err(Error::NotAllowed { what: "erase a client" });
        }
        let document = client.0;
        if !self.view()?.clients()?.iter().any(|row| row.id == client) {
            return Err(Error::Unknown { what: "client" });
        }
        if !self.is_erased(&document) {
            let rows = vec![(erased(document, lane, None), Vec::new())];
            self.commit(Staged { rows, ..Staged::default() })?;
        }
        self.erase_due()
    }

    /// Every erased client, with how many members are known to have let go of it.
    ///
    /// # Errors
    /// [`Error::NoSpace`].
    pub fn erasures(&self) -> Result<Vec<Erasure>, Error> {
        let space = self.space()?;
        let standing = space.group.roster.standing();
        let mut found = Vec::new();
        for document in self.erased() {
            let rows: Vec<RowHead> = self.counted(&document).map(|row| row.head).collect();
            let knows = |line: &&_| {
                let said = |row: &RowHead| match row.sequence {
                    Some(sequence) => self.has_body(space, line, &row.lane, sequence),
                    None => false,
                };
                **line == self.device() || rows.iter().any(said)
            };
            let confirmed = standing.members.keys().filter(knows).count() as u64;
            let members = standing.members.len() as u64;
            found.push(Erasure { client: ClientId(document), confirmed, members });
        }
        Ok(found)
    }

    /// The files that are erased, as far as that is known and counts: a set that outlives every horizon.
    pub(super) fn erased(&self) -> BTreeSet<Document> {
        let all = self.index.erased().map(|(id, _)| *id);
        all.filter(|id| self.is_erased(id)).collect()
    }

    /// Whether a document is erased.
    pub(super) fn is_erased(&self, document: &Document) -> bool {
        self.counted(document).next().is_some()
    }

    /// Whether a document was let go that is to be had from others.
    pub(super) fn has_let_go(&self) -> bool {
        self.index.documents().any(|(id, entry)| entry.is_gone() && !self.is_erased(id))
    }

    /// The erasures of a document that count.
    pub(super) fn counted<'a>(&'a self, document: &Document) -> impl Iterator<Item = &'a Row> {
        let rows = self.index.document(document).into_iter().flat_map(|entry| entry.erasures());
        rows.filter(|row| {
            let (lane, sequence) = (row.head.lane, row.head.sequence);
            let cut = |space| !cutters(space, &lane, sequence, Written::Erasure).is_empty();
            !self.space.as_ref().is_some_and(cut)
        })
    }

    /// Stages the erasures of a body. Says whether its author's role allows them.
    pub(super) fn stage_erasures(&self, batch: &mut Batch, chunk: &Opened, role: Role) -> bool {
        if !role.may_write(Written::Erasure) {
            return chunk.body.erasures.is_empty();
        }
        let files = &chunk.body.erasures;
        files
            .iter()
            .for_each(|file| self.stage_erasure(batch, *file, &chunk.body.lane, chunk.sequence));
        true
    }

    /// Stages an erasure that counts.
    pub(super) fn stage_erasure(&self, batch: &mut Batch, file: Document, lane: &Lane, said: u32) {
        // A team can see how many have heard of it.
        batch.space.owes_word = true;
        let rows = self.index.document(&file).into_iter().flat_map(|entry| entry.erasures());
        let place = (*lane, Some(said));
        if !rows.into_iter().any(|row| (row.head.lane, row.head.sequence) == place) {
            batch.staged.rows.push((erased(file, *lane, Some(said)), Vec::new()));
        }
    }

    /// Destroys the files whose erasure has come, if there are any.
    pub(super) fn erase_due(&mut self) -> Result<(), Error> {
        match self.due_erasures()?.is_empty() {
            true => Ok(()),
            false => self.let_go_of_erased(),
        }
    }

    /// Erased files of which there is something here.
    fn due_erasures(&self) -> Result<BTreeSet<Document>, Error> {
        let mut due = BTreeSet::new();
        for (id, entry) in self.index.erased() {
            let is_here = entry.left().next().is_some();
            if is_here && self.is_erased(id) && (entry.is_gone() || self.is_file(id)?) {
                due.insert(*id);
            }
        }
        Ok(due)
    }

    /// Whether a document began as a client's file, whatever was made of it since.
    fn is_file(&self, id: &Document) -> Result<bool, Error> {
        Ok(self.known_changes(id)?.iter().any(|known| read::begins_client(&known.change)))
    }

    /// Destroys the files whose erasure has come, and what is kept to be sent that holds something of erased ones, as far as
    /// nobody needs it from here.
    pub(super) fn let_go_of_erased(&mut self) -> Result<(), Error> {
        let due = self.due_erasures()?;
        let Some(space) = self.space.clone().filter(|_| self.index.erased().next().is_some())
        else {
            return Ok(());
        };
        let mut staged = Staged::default();
        for id in &due {
            self.stage_gone(id, &mut staged);
        }
        let all: BTreeSet<Document> = due.union(&self.gone_files()).copied().collect();
        staged.resealed = self.spent_bodies(&space, &all)?;
        self.scan_frames(&all, !due.is_empty());
        staged.drop_frames = self.spent_frames(&space);
        if due.is_empty()
            && staged.resealed.is_empty()
            && staged.drop_frames.is_empty()
            && !self.erasing.unfinished
        {
            return Ok(());
        }
        if !due.is_empty() {
            // Once all have said so, nobody has to keep the bodies that brought it.
            let mut space = SpaceState { owes_word: true, ..space };
            space.packs.note_erased(space.group.packs.order());
            staged.space = Some(space);
        }
        self.erasing.unfinished = true;
        self.commit(staged)?;
        self.rewrite_keyring(&Dropped { documents: due.clone(), ..Dropped::default() })?;
        self.erasing.unfinished = false;
        self.forget_files(&due);
        Ok(())
    }

    /// The erased files that were let go here.
    fn gone_files(&self) -> BTreeSet<Document> {
        let gone = self.index.erased().filter(|(id, entry)| entry.is_gone() && self.is_erased(id));
        gone.map(|(id, _)| *id).collect()
    }

    /// Keeps of a file how far its authors had come in it, and which bodies of this device have something of it.
    fn stage_gone(&self, id: &Document, staged: &mut Staged) {
        let own = self.space.as_ref().map(|space| space.lane);
        let rows = self.index.document(id).into_iter().flat_map(|entry| entry.left());
        let mut tips: BTreeMap<(Lane, u32), Tip> = BTreeMap::new();
        for row in rows {
            let lane = row.head.lane;
            let sequence = row.head.sequence.filter(|_| own == Some(lane)).unwrap_or_default();
            tips.insert((lane, sequence), self.index.tip(id, &lane));
        }
        for ((lane, sequence), tip) in tips {
            let head = RowHead { sequence: Some(sequence), ..gone(*id, lane, tip) };
            staged.rows.push((head, Vec::new()));
        }
    }

    /// Forgets, in memory, what is here of files whose keys are gone.
    fn forget_files(&mut self, files: &BTreeSet<Document>) {
        for id in files {
            let left = self.index.document(id).into_iter().flat_map(|entry| entry.left());
            let rows = left.map(|row| row.id).collect();
            self.index.remove(id, &rows);
            self.documents.forget(id);
            self.caches.remove(id);
            self.client_keys.remove(id);
        }
        let waiting = &self.waiting;
        self.erasing.frames.retain(|id| waiting.get(*id).is_some());
        self.view_is_due |= self.view.forget(files).is_err();
    }
}

/// That a file is erased.
pub(super) fn erased(document: Document, lane: Lane, sequence: Option<u32>) -> RowHead {
    let (tip, since) = Default::default();
    RowHead { document, kind: RowKind::Erased, lane, sequence, tip, since }
}

#[cfg(test)]
pub(super) mod tests;

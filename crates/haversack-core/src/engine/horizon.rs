//! Letting go of what has grown old (PROTOCOL § 6.3, R6): epochs' secrets on every device, outings on those that go
//! outdoors.
//!
//! Age is counted in rotations, never by a clock, and an outing goes only once a device that keeps the team's work has
//! said, signed, that it has it. What is left is how far each author had come in it.

use std::collections::{BTreeMap, BTreeSet};

use haversack_wire::{Document, Epoch, Frame, Lane};

use super::Engine;
use super::documents::Staged;
use super::incoming::acknowledged;
use super::kept::{Keep, KeptBody};
use super::log::{Row, RowHead, RowKind};
use super::state::{LaneState, Said, SpaceState};
use crate::Error;
use crate::docs::ops;
use crate::docs::read::Record;
use crate::members::FIELD_AGE;
use crate::store::{Dropped, Table};
use crate::sync::body::Body;
use crate::sync::drop::{Carried, Drop};

impl Engine {
    /// Lets go of what has grown old.
    pub(super) fn grow_old(&mut self) -> Result<(), Error> {
        let Some(role) = self.role()? else { return Ok(()) };
        let space = self.space()?.clone();
        let Some(live) = space.live else { return Ok(()) };
        let held = self.ring.epochs();
        let epochs: BTreeSet<Epoch> =
            space.group.outlived(&live, role, &space.table, held).into_iter().collect();
        let epochs: BTreeSet<Epoch> =
            epochs.into_iter().filter(|epoch| !self.opens_what_waits(epoch)).collect();
        let outings = if role.rotates() { BTreeSet::new() } else { self.old_outings(&space)? };
        if epochs.is_empty() && outings.is_empty() {
            return Ok(());
        }
        self.mark_gone(&space, &outings)?;
        self.drop_keys(&Dropped { documents: outings, epochs, ..Dropped::default() })
    }

    /// Whether a chunk is kept sealed under an epoch that will have to be opened once more: because it waits for something else, or
    /// is to be sealed anew.
    fn opens_what_waits(&self, epoch: &Epoch) -> bool {
        let Some(secret) = self.ring.epochs().get(epoch) else { return false };
        let hint = secret.hint_key();
        let former = self.waiting.of(Keep::Former).map(|(_, frame)| frame);
        let crashed = self.waiting.crashed().map(|(_, frame)| frame);
        let waits = self.waiting.waits().map(|(_, _, frame)| frame);
        let mut kept = waits.chain(former).chain(crashed);
        kept.any(|frame| match Frame::parse(frame) {
            Ok(Frame::Chunk(header, _)) => hint.hint(&header.nonce) == header.hint,
            _ => false,
        })
    }

    /// The outings that are older than the horizon, and safe elsewhere; and those that were let go, but not wholly.
    fn old_outings(&self, space: &SpaceState) -> Result<BTreeSet<Document>, Error> {
        let Some(live) = space.live else { return Ok(BTreeSet::new()) };
        let mine = acknowledged(space, &self.bodies);
        let mut ages: BTreeMap<Epoch, u64> = BTreeMap::new();
        let mut age = |since: Epoch| {
            let count = || space.table.age(&since, &live.hash, &space.group.roster);
            *ages.entry(since).or_insert_with(count)
        };
        let mut old = BTreeSet::new();
        for (id, entry) in self.index.documents() {
            let left: Vec<&Row> = entry.left().collect();
            let Some(first) = left.first() else { continue };
            let safe = |row: &&Row| self.is_safe(&mine, row);
            let kept = || left.iter().filter(|row| !is_refused(row.head.kind));
            let grown = age(first.head.since) >= FIELD_AGE && kept().all(safe);
            let is_drop = kept().all(|row| row.head.kind == RowKind::Drop);
            if entry.is_gone() || (grown && (is_drop || self.is_outing(id)?)) {
                old.insert(*id);
            }
        }
        Ok(old)
    }

    /// Whether somebody who keeps the team's work has what a row is from: an acknowledgement counts for the branch that it names.
    pub(super) fn is_safe(&self, mine: &BTreeSet<u32>, row: &Row) -> bool {
        let (Some(space), Some(sequence)) = (&self.space, row.head.sequence) else { return false };
        if row.head.kind.beside().is_some() && !self.index.is_of_believed(&row.head) {
            return false;
        }
        if row.head.lane == space.lane {
            return mine.contains(&sequence);
        }
        let is_here = |said: &Said| self.names_what_is_here(&row.head.lane, said);
        let packed = space.lanes.get(&row.head.lane).and_then(|lane| lane.packed.as_ref());
        let has_packed = packed.is_some_and(|packed| {
            sequence < packed.said.next
                && !packed.said.quarantined.contains(&sequence)
                && space.is_keeper(&packed.by)
        });
        let keepers = space.lanes.iter().filter(|(_, lane)| lane.keeps_work(&space.group.roster));
        let has = |(id, lane): (&Lane, &LaneState)| {
            let said = lane.vector.get(&row.head.lane).filter(|said| is_here(said));
            let applied =
                |said: &Said| sequence < said.next && !said.quarantined.contains(&sequence);
            *id == row.head.lane || said.is_some_and(applied)
        };
        has_packed || keepers.into_iter().any(has)
    }

    fn is_outing(&self, id: &Document) -> Result<bool, Error> {
        Ok(matches!(self.record(id, &self.rebuild_document(id)?), Record::Outing(_)))
    }

    /// Keeps of each outing how far its authors had come, and drops the bodies that repeat it.
    fn mark_gone(&mut self, space: &SpaceState, outings: &BTreeSet<Document>) -> Result<(), Error> {
        let mut staged = Staged::default();
        for id in outings.iter().filter(|id| !self.index.is_gone(id)) {
            let rows = self.index.document(id).map(|entry| entry.rows.as_slice());
            let lanes: BTreeSet<Lane> =
                rows.unwrap_or_default().iter().map(|row| row.head.lane).collect();
            for lane in lanes {
                staged.rows.push((gone(*id, lane, self.index.tip(id, &lane)), Vec::new()));
            }
        }
        staged.resealed = self.bodies_with(space, outings)?;
        self.commit(staged)
    }

    /// Own bodies, acknowledged, in which there is something of these documents: emptied. Their positions stay, which
    /// acknowledgements name.
    fn bodies_with(
        &self,
        space: &SpaceState,
        documents: &BTreeSet<Document>,
    ) -> Result<Vec<(i64, KeptBody)>, Error> {
        let author = self.author(&space.lane)?;
        let mut found = Vec::new();
        for sequence in acknowledged(space, &self.bodies) {
            let Some(kept) = self.bodies.get(&sequence) else { continue };
            let Some(bytes) = self.db.row(Table::Bodies, &self.outbox_key()?, kept.row)? else {
                continue;
            };
            let kept_body = KeptBody::decode(&bytes)?;
            if kept_body.is_empty() {
                continue;
            }
            let (body, _, _) = Body::decode(&kept_body.raw)?;
            let changes = body.changes.map(|item| ops::decode(&author, &item)).transpose()?;
            let carried = body.carried.iter().filter_map(|bytes| Carried::decode(bytes).ok());
            let carried = carried.map(|carried| carried.id(space.space()));
            let dropped = body.drops.iter().filter_map(|bytes| Drop::decode(bytes).ok());
            let dropped = dropped.map(|drop| drop.id());
            let names = changes.into_iter().flatten().map(|changes| changes.document);
            if names.chain(carried).chain(dropped).any(|document| documents.contains(&document)) {
                found.push((kept.row, kept_body.emptied()));
            }
        }
        Ok(found)
    }
}

/// Whether nobody takes what a row holds: whoever breaks a rule in an outing does not keep it here by that.
const fn is_refused(kind: RowKind) -> bool {
    matches!(kind, RowKind::Passed(_) | RowKind::AsideDrop(_))
}

/// That a document was let go, and how far an author had come in it.
pub(super) fn gone(document: Document, lane: Lane, tip: crate::docs::rebuild::Tip) -> RowHead {
    let (kind, sequence, since) = (RowKind::Gone, Some(0), Epoch::default());
    RowHead { document, kind, lane, sequence, tip, since }
}

//! One part of a segment: rebuilt, verified, cut to what is new here.

use haversack_wire::{Document, Epoch, Lane};

use super::super::Engine;
use super::super::batch::Batch;
use super::super::documents::{RowContent, row_item};
use super::super::log::{RowHead, RowKind};
use super::super::state::SpaceState;
use crate::Error;
use crate::crypto::verify;
use crate::docs::ops::Part;
use crate::docs::rebuild::{self, Refusal, Tip};
use crate::docs::{Author, RawChange};
use crate::members::Role;
use crate::sync::pack::{PackAuthor, PartProof};
use crate::sync::tree::{Tree, signed};

/// What a part comes to.
pub(super) enum Verdict {
    /// All of it is here.
    Known,
    New(Box<New>),
    /// Something is missing that another segment, or the roster, may bring.
    Waits,
    /// Its author did not sign it, or not so.
    Told,
    /// It is of another body than the one that is believed here at its place: that body brings it, if any does.
    Beside,
}

/// How far the author of a part stands in its document.
#[derive(Clone, Copy)]
pub(super) struct Stands {
    pub(super) tip: Tip,
    /// The body of its lane that the last of it came from.
    pub(super) from: Option<u32>,
}

/// A part that its author signed, as far as it is new here.
pub(super) struct New {
    pub(super) document: Document,
    pub(super) lane: Lane,
    pub(super) role: Role,
    pub(super) author: Author,
    pub(super) raw: Vec<RawChange>,
    pub(super) changes: Vec<automerge::Change>,
    pub(super) before: Tip,
    pub(super) tip: Tip,
    /// (sequence on the lane, how many of the changes)
    runs: Vec<(u32, usize)>,
    proof: PartProof,
}

impl New {
    /// How far its author stands with it.
    pub(super) fn stands(&self) -> Stands {
        Stands { tip: self.tip, from: self.runs.last().map(|(sequence, _)| *sequence) }
    }

    pub(super) fn made(&self) -> rebuild::Made<'_> {
        rebuild::Made { raw: &self.raw, changes: &self.changes, before: self.before }
    }

    /// The rows of the log that it makes: one for each position of the lane that it came from.
    pub(super) fn rows(&self) -> Result<Vec<(RowHead, Vec<u8>)>, Error> {
        let (mut rows, mut from) = (Vec::new(), 0);
        for (place, (sequence, count)) in self.runs.iter().enumerate() {
            let upto = from + count;
            let raw = self.raw.get(from..upto).unwrap_or_default().to_vec();
            let last = upto.checked_sub(1).and_then(|last| self.changes.get(last));
            let tip = last.map_or(Tip::default(), tip_of);
            let item = row_item(&self.author, self.document, raw)?;
            let is_last = place + 1 == self.runs.len();
            let signed = is_last.then(|| (self.proof.signature, self.proof.proof.clone()));
            let head = RowHead {
                document: self.document,
                kind: RowKind::Changes,
                lane: self.lane,
                sequence: Some(*sequence),
                tip,
                since: Epoch::default(),
            };
            rows.push((head, RowContent { item, signed }.encode()?));
            from = upto;
        }
        Ok(rows)
    }
}

pub(super) fn tip_of(change: &automerge::Change) -> Tip {
    Tip { sequence: change.seq(), hash: Some(change.hash()) }
}

/// The role of an author by what it had seen when it signed a position. Nothing when it was none that is known, an error when the roster
/// that it names is not here.
pub(super) fn role_at(
    space: &SpaceState,
    author: &PackAuthor,
    sequence: u32,
) -> Result<Option<Role>, ()> {
    let named = author.rosters.iter().rev().find(|(from, _)| *from <= sequence);
    let Some((_, heads)) = named else { return Ok(None) };
    let stood = space.group.roster.stood(heads).ok_or(())?;
    Ok(stood.current(&author.device_key).and_then(|member| member.role))
}

impl Engine {
    /// Looks at a part. What its author stands at is with what the batch brings.
    pub(super) fn judge_part(
        &mut self,
        batch: &Batch,
        author: &PackAuthor,
        (part, proof): (Part, PartProof),
        Stands { tip: here, from }: Stands,
    ) -> Result<Verdict, Error> {
        let space = *batch.space.space();
        let (id, lane) = (author.author(&space), author.lane(&space));
        let (Some(first), Some(last)) = (part.changes.first(), part.changes.last()) else {
            return Ok(Verdict::Told);
        };
        if here.sequence >= last.sequence || lane == batch.space.lane {
            return Ok(Verdict::Known);
        }
        if first.sequence > here.sequence + 1 {
            return Ok(Verdict::Waits);
        }
        let Some(before) = self.tip_at(&part.document, &lane, first.sequence, here)? else {
            return Ok(Verdict::Told);
        };
        let sequence = proof.runs.last().map(|(sequence, _)| *sequence).unwrap_or_default();
        let role = match role_at(&batch.space, author, sequence) {
            Err(()) => return Ok(Verdict::Waits),
            Ok(None) => return Ok(Verdict::Told),
            Ok(Some(role)) => role,
        };
        let changes = match rebuild::changes(&id, part.changes.clone(), before) {
            Ok(changes) => changes,
            Err(Refusal::Missing) => return Ok(Verdict::Waits),
            Err(Refusal::Broken(_)) => return Ok(Verdict::Told),
        };
        let tip = changes.last().map(tip_of).unwrap_or_default();
        let tree = Tree::new(&space);
        let root = tip.hash.map(|hash| tree.root_of(&proof.proof, &part.document, &hash));
        let is_signed = root.is_some_and(|root| {
            let message = signed(&space, &lane, sequence, &root);
            verify(&author.device_key, &message, &proof.signature)
        });
        let known = (here.sequence + 1).saturating_sub(first.sequence) as usize;
        let meets = match known.checked_sub(1).and_then(|last| changes.get(last)) {
            Some(change) => here.hash == Some(change.hash()),
            None => here.hash == before.hash,
        };
        if !is_signed || !meets {
            return Ok(Verdict::Told);
        }
        let position = root.map(|root| tree.position(&lane, sequence, &root));
        let believed = self.index.bodies(&lane).and_then(|bodies| bodies.at(sequence));
        if believed.is_some() && believed != position {
            return Ok(Verdict::Beside);
        }
        let Some(runs) = after(beyond(&proof.runs, known), from) else {
            return Ok(Verdict::Told);
        };
        let new = New {
            document: part.document,
            lane,
            role,
            author: id,
            raw: part.changes.into_iter().skip(known).collect(),
            changes: changes.into_iter().skip(known).collect(),
            before: if known > 0 { here } else { before },
            tip,
            runs,
            proof,
        };
        Ok(Verdict::New(Box::new(new)))
    }

    /// The body of a lane that the last of what it has in a document came from. No later change is of an earlier body: but what forks,
    /// or a pack that lies, says so.
    pub(in crate::engine) fn came_from(
        &self,
        batch: &Batch,
        document: &Document,
        lane: &Lane,
    ) -> Option<u32> {
        let is_its = |head: &&RowHead| {
            (head.document, head.lane, head.kind) == (*document, *lane, RowKind::Changes)
        };
        let is_staged = batch.tips.contains_key(&(*document, *lane));
        let staged = batch.staged.rows.iter().map(|(head, _)| head);
        let staged = is_staged.then(|| staged.rev().find(is_its)).flatten();
        let kept =
            || self.index.document(document)?.rows.iter().map(|row| &row.head).rev().find(is_its);
        staged.or_else(kept)?.sequence
    }

    /// Where an author stood in a document before one of its changes. Nothing when that is not here.
    pub(in crate::engine) fn tip_at(
        &self,
        document: &Document,
        lane: &Lane,
        first: u64,
        here: Tip,
    ) -> Result<Option<Tip>, Error> {
        match first.checked_sub(1) {
            None => return Ok(None),
            Some(0) => return Ok(Some(Tip::default())),
            Some(before) if before == here.sequence => return Ok(Some(here)),
            Some(_) => {}
        }
        let rows = self.index.document(document).map(|entry| entry.rows.as_slice());
        let rows = rows.unwrap_or_default().iter();
        let its = rows.filter(|row| row.head.lane == *lane && row.head.kind == RowKind::Changes);
        for row in its.filter(|row| row.head.tip.sequence + 1 >= first) {
            let changes = self.row_changes(row)?;
            if let Some(change) = changes.iter().find(|change| change.seq() + 1 == first) {
                return Ok(Some(tip_of(change)));
            }
        }
        Ok(None)
    }
}

/// The runs of bodies after the one that the last of what is here came from. Of which body a change is, is the maker's word but for the
/// last, which its author signed: what is said to be of too early a one counts to the next. Nothing where all of it is.
fn after(runs: Vec<(u32, usize)>, from: Option<u32>) -> Option<Vec<(u32, usize)>> {
    let (mut left, mut early) = (Vec::new(), 0);
    for (sequence, count) in runs {
        match from {
            Some(from) if sequence <= from => early += count,
            _ => left.push((sequence, count + std::mem::take(&mut early))),
        }
    }
    (early == 0).then_some(left)
}

/// The runs without the changes that are here already.
fn beyond(runs: &[(u32, usize)], mut known: usize) -> Vec<(u32, usize)> {
    let mut left = Vec::new();
    for (sequence, count) in runs {
        let here = known.min(*count);
        known -= here;
        if *count > here {
            left.push((*sequence, count - here));
        }
    }
    left
}

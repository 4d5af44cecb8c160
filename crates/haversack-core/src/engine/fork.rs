//! Forks: one position of a lane with two bodies (PROTOCOL § 4.2), as when two live copies of one store both write.
//!
//! All bodies are kept, those of one branch are believed. Which one follows from the bodies and from what the team's keepers
//! have signed, so that all devices come to the same; it may be another one once more is known. The log holds documents of
//! the believed branch only. What of other authors builds on the rest is put aside with it, document by document.

use std::collections::BTreeSet;

use automerge::ChangeHash;
use haversack_wire::{Device, Document, FrameHash, Lane, Position, Reader, Space, StatementHash};

use super::Engine;
use super::apply::{Judged, Made, Rebuilt, Verdict, check_form, head_of, judge, row_of};
use super::batch::{Batch, Opened, Received};
use super::incoming::{keep, keep_waiting, quarantine};
use super::kept::Keep;
use super::log::{Bodies, DocumentRows, Path, Row, RowHead, RowKind};
use super::refused::{Reason, Refused};
use super::room::Room;
use super::state::{LaneState, SpaceState};
use super::wait::Need;
use crate::Error;
use crate::docs::rebuild::{self, Tip};
use crate::store::Log;
use crate::sync::body::Body;
use crate::sync::drop::{Carried, Drop};

/// A change of the log or put aside, and the row that it is in.
pub(super) struct Known {
    pub(super) row: Row,
    pub(super) change: automerge::Change,
}

/// The row that a body leaves beside those of its documents. What it carried has rows of its own, under the keys of its documents:
/// here it stands by name.
pub(super) fn body_row(
    to: &Space,
    kind: RowKind,
    sequence: u32,
    body: &Body,
) -> Result<(RowHead, Vec<u8>), Error> {
    let lean = lean(to, body);
    let (document, tip, since) = Default::default();
    let head = RowHead { document, kind, lane: body.lane, sequence: Some(sequence), tip, since };
    Ok((head, lean.encode_kept()?.bytes))
}

fn lean(to: &Space, body: &Body) -> Body {
    let Body { heads, vector, statements, drops, erasures, carried, retired, other, .. } = body;
    Body {
        lane: body.lane,
        heads: heads.clone(),
        previous: body.previous,
        vector: vector.clone(),
        statements: statements.clone(),
        opening: body.opening,
        drops: drops.iter().map(|bytes| KeptDrop::of_drop(bytes).encode()).collect(),
        carried: carried.iter().map(|bytes| KeptDrop::of(to, bytes).encode()).collect(),
        erasures: erasures.clone(),
        retired: retired.clone(),
        other: other.clone(),
        ..Body::default()
    }
}

/// What the row of a body says of something that the body dropped or carried.
pub(super) enum KeptDrop {
    /// It has a row of its own, in this document and with this content.
    Row(Document, FrameHash),
    /// It is no drop, and stands here in full.
    Whole(Vec<u8>),
}

impl KeptDrop {
    fn of(to: &Space, bytes: &[u8]) -> Self {
        match Carried::decode(bytes) {
            Ok(carried) => Self::Row(carried.id(to), FrameHash::of(bytes)),
            Err(_) => Self::Whole(bytes.to_vec()),
        }
    }

    fn of_drop(bytes: &[u8]) -> Self {
        match Drop::decode(bytes) {
            Ok(drop) => Self::Row(drop.id(), FrameHash::of(bytes)),
            Err(_) => Self::Whole(bytes.to_vec()),
        }
    }

    fn encode(&self) -> Vec<u8> {
        match self {
            Self::Row(document, hash) => {
                [&[0], &document.as_bytes()[..], &hash.as_bytes()[..]].concat()
            }
            Self::Whole(bytes) => [&[1], &bytes[..]].concat(),
        }
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut r = Reader::new("log", bytes);
        let is_row = r.u8()? == 0;
        Ok(match is_row {
            true => Self::Row(Document::new(r.array()?), FrameHash::new(r.array()?)),
            false => Self::Whole(r.rest().to_vec()),
        })
    }
}

impl Engine {
    /// Whether a chunk is known, or speaks against what is here of its lane. Nothing when neither shows.
    pub(super) fn rival(&self, batch: &Batch, chunk: &Opened) -> Option<Verdict> {
        let (id, sequence) = (chunk.body.lane, chunk.sequence);
        let lane = batch.space.lanes.get(&id)?;
        let bodies = self.index.bodies(&id);
        if self.is_known(chunk) || is_applied(batch, chunk) {
            return Some(Verdict::Known);
        }
        let is_off = match sequence.cmp(&lane.next) {
            std::cmp::Ordering::Less => {
                let here = bodies.is_some_and(|bodies| bodies.spine.contains_key(&sequence));
                here || batch.marks.contains_key(&(id, sequence))
            }
            // Of a body on this device's lane that it has not written, another life of it is the author.
            std::cmp::Ordering::Equal => {
                chunk.body.previous != lane.position
                    || (id == batch.space.lane && !chunk.frame.is_empty())
            }
            std::cmp::Ordering::Greater => {
                let forked = bodies.is_some_and(|bodies| !bodies.rivals.is_empty());
                forked || batch.rivals.iter().any(|rival| rival.body.lane == id)
            }
        };
        is_off.then_some(Verdict::Rival)
    }

    fn is_known(&self, chunk: &Opened) -> bool {
        let Some(bodies) = self.index.bodies(&chunk.body.lane) else { return false };
        let mut here = bodies.marks_at(chunk.sequence);
        !chunk.frame.is_empty() && here.any(|mark| mark.is_signed_by(&chunk.signature))
    }

    /// How many bodies of a device are kept that are on branches that are not believed.
    pub(super) fn forked_of(&self, space: &SpaceState, line: &Device) -> u64 {
        let standing = space.group.roster.standing();
        let is_its = |lane: &Lane| {
            let state = space.lanes.get(lane);
            state.is_some_and(|state| standing.line(&state.device_key) == Some(*line))
        };
        let its = self.index.forked().filter(|(lane, _)| is_its(lane));
        its.map(|(_, bodies)| bodies.rivals.len() as u64).sum()
    }

    /// Takes in what contradicts what is here, as far as it is signed and in order. Says also whether something found no room.
    /// What was kept stays kept until it is taken.
    pub(super) fn take_rivals(
        &mut self,
        mut rivals: Vec<Opened>,
        carry: bool,
    ) -> Result<(Received, bool), Error> {
        if rivals.is_empty() {
            return Ok((Received::default(), false));
        }
        rivals.sort_by_key(|chunk| (chunk.body.lane, chunk.sequence));
        let (mut received, mut lost) = (Received::default(), false);
        loop {
            let before = rivals.len();
            for chunk in std::mem::take(&mut rivals) {
                let mut batch = self.open_all(&[], &[], carry)?.batch;
                match self.take_rival(&mut batch, &chunk)? {
                    Verdict::Wait(need) => rivals.push(Opened { need, ..chunk }),
                    verdict => {
                        settle(&mut batch, &chunk, verdict);
                        received.add(batch.received);
                        lost |= batch.lost;
                        if batch.space.owes_word != self.space()?.owes_word {
                            batch.staged.space = Some(batch.space);
                        }
                        self.commit(batch.staged)?;
                    }
                }
            }
            if rivals.len() == before {
                break;
            }
        }
        let left = self.keep_rivals(rivals, carry)?;
        received.add(left.0);
        Ok((received, lost | left.1))
    }

    /// Keeps rivals that lack something. What lacks the body before it waits for the next one of its lane, on any branch.
    fn keep_rivals(&mut self, rivals: Vec<Opened>, carry: bool) -> Result<(Received, bool), Error> {
        let mut batch = self.open_all(&[], &[], carry)?.batch;
        let rows: Vec<i64> = rivals.iter().filter_map(|chunk| chunk.row).collect();
        batch.room = Room::beside(&self.waiting, &rows);
        batch.staged.drop_frames = rows;
        let beside = |chunk: Opened| match chunk.need {
            Need::Before => {
                let need = Need::Branch(self.growth_of(&chunk.body.lane));
                Opened { need, ..chunk }
            }
            _ => chunk,
        };
        keep_waiting(&mut batch, rivals.into_iter().map(beside));
        batch.staged.mark = Some(self.mark.after_success());
        let found = (batch.received, batch.lost);
        self.commit(batch.staged).map(|()| found)
    }

    /// Stages a body on a branch of its own, if everything about it is in order.
    fn take_rival(&mut self, batch: &mut Batch, chunk: &Opened) -> Result<Verdict, Error> {
        let (id, sequence) = (chunk.body.lane, chunk.sequence);
        let Some(lane) = batch.space.lanes.get(&id).cloned() else {
            return Ok(Verdict::Wait(Need::Before));
        };
        if let Err(verdict) = check_form(&batch.space, chunk) {
            return Ok(verdict);
        }
        if self.is_known(chunk) {
            return Ok(Verdict::Known);
        }
        let bodies = self.index.bodies(&id).cloned().unwrap_or_default();
        let Some(path) = bodies.path(sequence, chunk.body.previous) else {
            return Ok(Verdict::Wait(Need::Before));
        };
        let before = self.heads_on(&lane, &bodies, &path, chunk)?;
        let known = |document: &Document, _| {
            let tip = self.tip_on(document, &id, &bodies, &path);
            Some((tip, tip))
        };
        let judged = match judge(&batch.space, chunk, (&lane, &before), known, None) {
            Ok(judged) => judged,
            Err(verdict) => return Ok(verdict),
        };
        let position = judged.made.signed.mark.position;
        let beside: Vec<Position> = bodies.children(sequence, chunk.body.previous).collect();
        if beside.contains(&position) {
            return Ok(Verdict::Known);
        }
        // The lowest of all is taken in whatever came before it: it may be the one that is believed.
        if bodies.is_full() && beside.iter().any(|other| *other < position) {
            return Ok(Verdict::Quarantine(Reason::Previous));
        }
        // What was carried proves itself: it does not fall with who carried it.
        let heads = chunk.body.heads.as_deref().unwrap_or(&before);
        let Some(brought) = self.brought(batch, chunk, (judged.role, heads))? else {
            return Ok(Verdict::Wait(Need::Version));
        };
        batch.staged.documents.extend(brought.built());
        brought.stage(batch, chunk, position);
        self.stage_erasures(batch, chunk, judged.role);
        stage_rival(batch, chunk, judged)?;
        Ok(Verdict::Applied)
    }

    /// What the author of a lane had seen of the roster before a body.
    pub(super) fn heads_on(
        &self,
        lane: &LaneState,
        bodies: &Bodies,
        path: &Path,
        chunk: &Opened,
    ) -> Result<Vec<StatementHash>, Error> {
        let (mut sequence, mut at) = (chunk.sequence, chunk.body.previous);
        while sequence > path.from {
            sequence -= 1;
            let Some((row, mark)) = bodies.rivals.get(&(sequence, at)) else { break };
            if let Some(heads) = self.lean_body(*row)?.heads {
                return Ok(heads);
            }
            at = mark.previous;
        }
        let trunk = path.from.checked_sub(1).map(|before| lane.heads_at(Some(before)).to_vec());
        Ok(trunk.unwrap_or_default())
    }

    /// What a body's row holds: the body without its documents. Its signature is in the row's head.
    pub(super) fn lean_body(&self, row: i64) -> Result<Body, Error> {
        let content = self.db.entry(Log::Changes, &self.state_key()?, row)?;
        Ok(Body::decode(&[&content[..], &[0; 64]].concat())?.0)
    }

    /// How far an author had come in a document, on the way to a body.
    pub(super) fn tip_on(
        &self,
        document: &Document,
        lane: &Lane,
        bodies: &Bodies,
        path: &Path,
    ) -> Tip {
        let rows = self.index.document(document).map(|entry| entry.rows.as_slice());
        let mine = rows.unwrap_or_default().iter().filter(|row| row.head.lane == *lane);
        let tips = mine.filter(|row| bodies.leads(path, &row.head)).map(|row| row.head.tip);
        tips.max_by_key(|tip| tip.sequence).unwrap_or_default()
    }

    /// Whether a part of a body builds on what is put aside or passed over, apart from itself: it may lie there until its turn comes.
    pub(super) fn builds_on_rivals(&self, part: &Rebuilt) -> Result<bool, Error> {
        if !self.index.document(&part.document).is_some_and(DocumentRows::has_beside) {
            return Ok(false);
        }
        let aside = |known: &Known| known.row.head.kind.beside().is_some();
        let known = self.known_changes(&part.document)?;
        let aside: BTreeSet<ChangeHash> =
            known.iter().filter(|known| aside(known)).map(|known| known.change.hash()).collect();
        let own: BTreeSet<ChangeHash> = part.changes.iter().map(|change| change.hash()).collect();
        let mut dependencies = part.changes.iter().flat_map(|change| change.deps());
        Ok(dependencies.any(|hash| aside.contains(hash) && !own.contains(hash)))
    }

    /// Every change of a document that is here, carried, put aside, passed over or none of these.
    pub(super) fn known_changes(&self, document: &Document) -> Result<Vec<Known>, Error> {
        let rows = self.index.document(document).map(|entry| entry.rows.as_slice());
        let mut known = Vec::new();
        for row in rows.unwrap_or_default() {
            let changes = match row.head.kind {
                RowKind::Changes | RowKind::Aside(..) | RowKind::Passed(_) => {
                    self.row_changes(row)?
                }
                RowKind::Carried => self.carried_changes(row)?,
                _ => continue,
            };
            known.extend(changes.into_iter().map(|change| Known { row: *row, change }));
        }
        Ok(known)
    }

    pub(super) fn row_changes(&self, row: &Row) -> Result<Vec<automerge::Change>, Error> {
        let damaged = |_| Error::damaged("log", "a document's changes do not fit together");
        let raws = self.read_row(row)?;
        let author = self.author(&row.head.lane)?;
        rebuild::changes(&author, raws, self.tip_before(row)).map_err(damaged)
    }

    /// Where the author of a row stood in its document before it.
    pub(super) fn tip_before(&self, row: &Row) -> Tip {
        let (head, none) = (&row.head, Bodies::default());
        let bodies = self.index.bodies(&head.lane).unwrap_or(&none);
        let previous = match (head.kind.beside(), head.sequence) {
            (Some(position), Some(sequence)) => {
                let rival = bodies.rivals.get(&(sequence, position)).map(|(_, mark)| mark.previous);
                let spine = bodies.spine.get(&sequence).map(|(_, mark)| mark.previous);
                rival.or(spine).and_then(|previous| bodies.path(sequence, previous))
            }
            (_, sequence) => Some(Path { from: sequence.unwrap_or(u32::MAX), ..Path::default() }),
        };
        let rows = self.index.document(&head.document).map(|entry| entry.rows.as_slice());
        let rows = rows.unwrap_or_default().iter();
        let leads = |other: &&Row| {
            let open = head.sequence.is_none() && other.head.sequence.is_none();
            let led = previous.as_ref().is_some_and(|path| bodies.leads(path, &other.head));
            other.head.lane == head.lane
                && other.head.tip.sequence < head.tip.sequence
                && other.head.kind != RowKind::ClientKey
                && (led || open)
        };
        let tips = rows.filter(leads).map(|other| other.head.tip);
        tips.max_by_key(|tip| tip.sequence).unwrap_or_default()
    }
}

/// Stages the rows of a rival.
fn stage_rival(batch: &mut Batch, chunk: &Opened, judged: Judged) -> Result<(), Error> {
    let Made { parts, signed, .. } = judged.made;
    let (position, rows) = (signed.mark.position, &mut batch.staged.rows);
    for part in parts {
        rows.push(row_of(chunk, part, RowKind::Aside(position, false))?);
    }
    for (document, key) in &chunk.body.client_keys {
        let head = head_of(chunk, *document, RowKind::AsideKey(position));
        rows.push((head, key.expose().to_vec()));
    }
    let kind = RowKind::Rival(signed.mark);
    rows.push(body_row(batch.space.space(), kind, chunk.sequence, &chunk.body)?);
    Ok(())
}

fn is_applied(batch: &Batch, chunk: &Opened) -> bool {
    let mark = batch.marks.get(&(chunk.body.lane, chunk.sequence));
    mark.is_some_and(|mark| mark.is_signed_by(&chunk.signature))
}

fn settle(batch: &mut Batch, chunk: &Opened, verdict: Verdict) {
    batch.staged.drop_frames.extend(chunk.row);
    match verdict {
        Verdict::Applied => {
            // Taken in, and not believed for now.
            batch.received.quarantined += 1;
            if batch.carry || chunk.row.is_some() {
                keep(batch, Keep::Carried, &chunk.frame);
            }
        }
        Verdict::Quarantine(reason) => {
            let refused = Refused::chunk(&batch.space, chunk, reason);
            quarantine(batch, &chunk.frame, refused);
        }
        _ => batch.received.known += 1,
    }
}

#[cfg(test)]
mod tests;

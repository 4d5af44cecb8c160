//! Bringing what is believed in step with what is known of forks (PROTOCOL § 4.2).
//!
//! Each step is a transaction of its own and follows from what is there, so that whatever cuts it off, the next one goes on.

use std::collections::{BTreeMap, BTreeSet};

use automerge::{Automerge, ChangeHash};
use haversack_wire::{Document, Epoch, FrameHash, Lane, LaneTag, Position};

use super::Engine;
use super::batch::Opened;
use super::documents::Staged;
use super::fork::{KeptDrop, Known};
use super::log::{Bodies, Row, RowHead, RowKind};
use super::outgoing::go_on;
use super::state::{LaneState, Mark, SpaceState};
use super::wait::Need;
use crate::Error;
use crate::crypto::ClientKey;
use crate::docs::rebuild::{self, Refusal};
use crate::docs::{DocumentChanges, ops};
use crate::store::Log;
use crate::sync::body::Body;
use crate::sync::branches::{Place, believed};

/// Repairs follow from each other: a fork, the documents that build on it, what waited for them.
const ROUNDS_MAX: usize = 32;

/// The rows of a lane's bodies, by body.
pub(super) type Parts = BTreeMap<Place, Vec<Row>>;

impl Engine {
    /// Goes on with repairs that were cut off. If that fails now, whatever comes or goes next tries again; if it stops this program,
    /// the mark says so.
    pub(super) fn mend_at_opening(&mut self) -> Result<(), Error> {
        if self.mark.is_past_mending() || !self.is_to_mend() {
            return Ok(());
        }
        let mendings = self.mark.mendings + 1;
        self.set_mark(Mark { mendings, ..self.mark.clone() })?;
        drop(self.mend());
        self.set_mark(Mark { mendings: 0, frames: Vec::new(), ..self.mark.clone() })
    }

    fn is_to_mend(&self) -> bool {
        let is_forked = self.index.forked().next().is_some();
        // What was put aside may lack more than the branch that it builds on, and so outlast it.
        is_forked || self.index.is_aside_due() || self.is_any_line_full() || self.is_beside_itself()
    }

    /// Brings what is believed in step with what is known of forks, and this device out of a place that is not its own any
    /// more. Does nothing where nothing is forked, and nobody has too many
    /// lanes.
    pub(super) fn mend(&mut self) -> Result<(), Error> {
        for _ in 0..ROUNDS_MAX {
            if !self.is_to_mend() || self.mark.is_past_mending() {
                return Ok(());
            }
            let changed = self.go_on_anew()?
                | self.turn_all()?
                | self.extend_all()?
                | self.take_back()?
                | self.say_lost_again()?;
            if !changed {
                return Ok(());
            }
            // What waited may have waited for this.
            self.take_due()?;
        }
        Ok(())
    }

    /// Turns every lane of which another branch is to be believed.
    fn turn_all(&mut self) -> Result<bool, Error> {
        let lanes: Vec<Lane> = self.index.forked().map(|(lane, _)| *lane).collect();
        let mut changed = false;
        for lane in lanes {
            if self.turn_at(&lane)?.is_some() && self.is_in_step()? {
                // What is not signed yet was written on top of what may go.
                if !self.index.open_rows().is_empty() {
                    self.close_unsent()?;
                }
                if let Some(from) = self.turn_at(&lane)? {
                    self.turn(&lane, from)?;
                    self.go_on_anew()?;
                    changed = true;
                }
            }
        }
        Ok(changed)
    }

    /// Whether this device can sign what it has not signed yet.
    fn is_in_step(&self) -> Result<bool, Error> {
        let live = self.space()?.live.is_some();
        let can_sign = live && self.still_member().is_ok() && self.has_a_lane();
        Ok(can_sign || self.index.open_rows().is_empty())
    }

    /// The first sequence at which another body of a lane is to be believed.
    fn turn_at(&self, lane: &Lane) -> Result<Option<u32>, Error> {
        let Some((from, path)) = self.believed_path(lane)? else { return Ok(None) };
        let bodies = self.index.bodies(lane);
        let differs = |(n, position): (u32, &Position)| {
            let here = bodies.and_then(|bodies| bodies.at(from + n));
            here.is_some_and(|here| here != *position).then_some(from + n)
        };
        Ok((0..).zip(&path).find_map(differs))
    }

    /// The positions that are to be believed of a lane, from its first fork on.
    fn believed_path(&self, lane: &Lane) -> Result<Option<(u32, Vec<Position>)>, Error> {
        let Some(bodies) = self.index.bodies(lane) else { return Ok(None) };
        // What lies below the end of a pack its maker has settled: what would tell is not here.
        let packed = self.space()?.lanes.get(lane).map_or(0, LaneState::packed_next);
        let mut rivals = bodies.rivals.range((packed, Position::default())..);
        let Some(((from, _), _)) = rivals.next() else { return Ok(None) };
        let start = from.checked_sub(1).map_or(Some(Position::default()), |n| bodies.at(n));
        let Some(start) = start else { return Ok(None) };
        let spine = bodies.spine.range(*from..).map(|(at, (_, mark))| (*at, mark));
        let rivals = bodies.rivals.iter().map(|((at, _), (_, mark))| (*at, mark));
        let all: BTreeMap<Place, Position> =
            spine.chain(rivals).map(|(at, mark)| ((at, mark.position), mark.previous)).collect();
        let named = named(self.space()?, lane, &all, |lane| self.index.is_forked(lane));
        Ok(Some((*from, believed((*from, start), &all, &named))))
    }

    /// Puts aside what of a lane is believed from a sequence on, and what builds on it.
    fn turn(&mut self, lane: &Lane, from: u32) -> Result<(), Error> {
        let bodies = self.index.bodies(lane).cloned().unwrap_or_default();
        let mut staged = Staged::default();
        let mut space = self.space()?.clone();
        let touched: Vec<Document> = self.documents_of(|other| other == lane);
        for document in touched {
            let rows = self.rows_from(&document, lane, from);
            let mut gone: BTreeSet<i64> = rows.iter().map(|row| row.id).collect();
            let is_told = rows.iter().any(|row| row.head.kind == RowKind::Changes);
            for row in rows {
                let sequence = row.head.sequence.unwrap_or_default();
                let position = bodies.at(sequence).unwrap_or_default();
                match row.head.kind {
                    RowKind::Changes => {
                        self.relabel(&mut staged, &row, RowKind::Aside(position, false))?;
                    }
                    _ => {
                        self.relabel(&mut staged, &row, RowKind::AsideKey(position))?;
                        staged.keys_aside.push(document);
                    }
                }
            }
            if is_told {
                self.put_orphans_aside(&document, &mut gone, &mut space, &mut staged)?;
                staged.doubted.push(document);
                staged.stale_caches.push(document);
            }
        }
        for (sequence, (row, mark)) in bodies.spine.range(from..) {
            let (kind, sequence) = (RowKind::Rival(*mark), Some(*sequence));
            let (document, tip, since) = Default::default();
            let head = RowHead { document, kind, lane: *lane, sequence, tip, since };
            staged.rows.push((head, self.lean_body(*row)?.encode_kept()?.bytes));
            staged.replaced.entry(Document::default()).or_default().push(*row);
        }
        let state = self.lane_before(&space, lane, &bodies, from)?;
        space.lanes.extend(state.map(|state| (*lane, state)));
        staged.space = Some(space);
        self.commit(staged)
    }

    /// The rows of a lane in a document, from a sequence on, that are believed.
    fn rows_from(&self, document: &Document, lane: &Lane, from: u32) -> Vec<Row> {
        let rows = self.index.document(document).map(|entry| entry.rows.as_slice());
        let is_it = |row: &&Row| {
            row.head.lane == *lane
                && row.head.sequence.is_some_and(|sequence| sequence >= from)
                && matches!(row.head.kind, RowKind::Changes | RowKind::ClientKey)
        };
        rows.unwrap_or_default().iter().filter(is_it).copied().collect()
    }

    /// Puts aside the rows of other authors that build on rows that go.
    fn put_orphans_aside(
        &self,
        document: &Document,
        gone: &mut BTreeSet<i64>,
        space: &mut SpaceState,
        staged: &mut Staged,
    ) -> Result<(), Error> {
        let known = self.known_changes(document)?;
        let is_aside = |known: &Known| known.row.head.kind.beside().is_some();
        loop {
            let lost: BTreeSet<ChangeHash> = known
                .iter()
                .filter(|known| gone.contains(&known.row.id) || is_aside(known))
                .map(|known| known.change.hash())
                .collect();
            let stays = |known: &&Known| !gone.contains(&known.row.id) && !is_aside(known);
            let falls = |known: &&Known| known.change.deps().iter().any(|hash| lost.contains(hash));
            let row = known.iter().filter(stays).find(falls).map(|known| known.row);
            let Some(row) = row else { return Ok(()) };
            gone.insert(row.id);
            let Some(sequence) = row.head.sequence else { continue };
            let position = self.index.bodies(&row.head.lane).and_then(|b| b.at(sequence));
            let kind = RowKind::Aside(position.unwrap_or_default(), false);
            self.relabel(staged, &row, kind)?;
            if let Some(lane) = space.lanes.get_mut(&row.head.lane) {
                lane.quarantine([sequence]);
            }
        }
    }

    /// Stages a row of the log once more, as another kind.
    pub(super) fn relabel(
        &self,
        staged: &mut Staged,
        row: &Row,
        kind: RowKind,
    ) -> Result<(), Error> {
        let key = self.ring.document(&row.head.document)?.expose();
        let content = self.db.entry(Log::Changes, key, row.id)?;
        staged.rows.push((RowHead { kind, ..row.head }, content.to_vec()));
        staged.replaced.entry(row.head.document).or_default().push(row.id);
        Ok(())
    }

    /// What was known of a lane before a body of it.
    pub(super) fn lane_before(
        &self,
        space: &SpaceState,
        lane: &Lane,
        bodies: &Bodies,
        from: u32,
    ) -> Result<Option<LaneState>, Error> {
        let Some(now) = space.lanes.get(lane) else { return Ok(None) };
        let packed = now.packed.as_ref().filter(|packed| packed.end.next <= from);
        let mut state = match packed {
            Some(packed) => LaneState::packed((*packed.end).clone(), packed.by),
            None => LaneState::new(now.device_key, now.incarnation),
        };
        let begins = state.next;
        for (sequence, (row, mark)) in bodies.spine.range(begins..from) {
            let body = self.lean_body(*row)?;
            go_on(&mut state, &space.group.roster, &body, *sequence, mark.position);
        }
        state.quarantined = now.quarantined.iter().copied().filter(|n| *n < from).collect();
        Ok(Some(state))
    }

    /// Applies what is to be believed of every forked lane and is not yet.
    fn extend_all(&mut self) -> Result<bool, Error> {
        let lanes: Vec<Lane> = self.index.forked().map(|(lane, _)| *lane).collect();
        let mut changed = false;
        for lane in lanes {
            changed |= self.extend(&lane)?;
        }
        Ok(changed)
    }

    fn extend(&mut self, lane: &Lane) -> Result<bool, Error> {
        let is_mine = self.space()?.lane == *lane;
        if is_mine && !self.index.open_rows().is_empty() {
            // Another life has gone on from here. What this one has to say comes first, on a branch of its own.
            return Ok(self.is_in_step()? && self.close_unsent()? > 0);
        }
        let Some((from, path)) = self.believed_path(lane)? else { return Ok(false) };
        let next = self.space()?.lanes.get(lane).map_or(0, |lane| lane.next);
        let parts = self.parts_of(lane);
        let mut batch = self.open_all(&[], &[], false)?.batch;
        let mut changed = false;
        for (sequence, position) in (from..).zip(path).filter(|(sequence, _)| *sequence >= next) {
            let Some(chunk) = self.rebuilt_chunk(lane, (sequence, position), &parts)? else {
                break;
            };
            self.try_apply(&mut batch, &chunk)?;
            let now = batch.space.lanes.get(lane).map_or(0, |lane| lane.next);
            if now != sequence + 1 {
                break;
            }
            changed = true;
            self.replace_rival(lane, (sequence, position), &parts, &mut batch.staged);
        }
        if changed {
            batch.space.refresh(&batch.held);
            batch.staged.space = Some(batch.space);
            self.commit(batch.staged)?;
        }
        Ok(changed)
    }

    fn replace_rival(&self, lane: &Lane, place: Place, parts: &Parts, staged: &mut Staged) {
        for row in parts.get(&place).into_iter().flatten() {
            staged.replaced.entry(row.head.document).or_default().push(row.id);
        }
        let rival = self.index.bodies(lane).and_then(|bodies| bodies.rivals.get(&place));
        let row = rival.map(|(row, _)| *row);
        staged.replaced.entry(Document::default()).or_default().extend(row);
    }

    /// The rows of a lane's bodies, by body.
    pub(super) fn parts_of(&self, lane: &Lane) -> Parts {
        let mut parts = Parts::new();
        let bodies = self.index.bodies(lane);
        let believed = |sequence| bodies.and_then(|bodies| bodies.at(sequence));
        let rows = self.index.documents().flat_map(|(_, entry)| &entry.rows);
        for row in rows.filter(|row| row.head.lane == *lane) {
            let Some(sequence) = row.head.sequence else { continue };
            let position = match row.head.kind {
                RowKind::Changes | RowKind::ClientKey => believed(sequence),
                kind => kind.beside(),
            };
            if let Some(position) = position {
                parts.entry((sequence, position)).or_default().push(*row);
            }
        }
        parts
    }

    /// A body as it came: its bytes may be others, what was signed is the same. Nothing when it cannot be put together: some of it was
    /// let go, or it came in a shorter form than this program has for it and is too long now.
    pub(super) fn rebuilt_chunk(
        &self,
        lane: &Lane,
        place: Place,
        parts: &Parts,
    ) -> Result<Option<Opened>, Error> {
        match self.rebuilt(lane, place, parts) {
            Err(Error::Wire(_)) => Ok(None),
            rebuilt => rebuilt,
        }
    }

    fn rebuilt(&self, lane: &Lane, place: Place, parts: &Parts) -> Result<Option<Opened>, Error> {
        let found = self.index.bodies(lane).and_then(|bodies| bodies.body(&place));
        let Some((row, mark)) = found else { return Ok(None) };
        let (mut body, signature) = (self.lean_body(*row)?, mark.signature);
        let author = self.author(lane)?;
        let mut documents = Vec::new();
        for row in parts.get(&place).into_iter().flatten() {
            let document = row.head.document;
            match row.head.kind {
                RowKind::Changes | RowKind::Aside(..) | RowKind::Passed(_) => {
                    documents.push(DocumentChanges { document, changes: self.read_row(row)? });
                }
                RowKind::AsideDrop(_) => {}
                _ => {
                    let key = self.ring.document(&document)?.expose();
                    let content = self.db.entry(Log::Changes, key, row.id)?;
                    let key = content.as_slice().try_into().map(ClientKey::new);
                    let damaged = |_| Error::damaged("log", "a client key has another length");
                    body.client_keys.push((document, key.map_err(damaged)?));
                }
            }
        }
        let kept = |names: &[Vec<u8>], kind| self.kept_drops(lane, place, names, kind);
        let Some(drops) = kept(&body.drops, RowKind::Drop)? else { return Ok(None) };
        let Some(carried) = kept(&body.carried, RowKind::Carried)? else { return Ok(None) };
        (body.drops, body.carried) = (drops, carried);
        body.client_keys.sort_by_key(|(document, _)| *document);
        documents.sort_by_key(|changes| changes.document);
        let item = (!documents.is_empty()).then(|| ops::encode(&author, &documents)).transpose()?;
        body.changes = item;
        let raw = [&body.encode()?.bytes[..], &signature].concat();
        let (body, rest, signature) = Body::decode(&raw)?;
        let place = (Epoch::default(), (LaneTag::default(), place.0));
        let (signed, size) = ((body, rest, signature), (raw.len() as u32, Need::Before));
        Ok(Some(Opened::new((Vec::new(), None), place, signed, size)))
    }

    /// What a body dropped or carried, by the names that its row has. Nothing when some of it was let go.
    fn kept_drops(
        &self,
        lane: &Lane,
        (sequence, position): Place,
        names: &[Vec<u8>],
        kind: RowKind,
    ) -> Result<Option<Vec<Vec<u8>>>, Error> {
        let mut kept = Vec::new();
        for name in names {
            let (document, hash) = match KeptDrop::decode(name)? {
                KeptDrop::Row(document, hash) => (document, hash),
                KeptDrop::Whole(bytes) => {
                    kept.push(bytes);
                    continue;
                }
            };
            let kinds = [kind, RowKind::AsideDrop(position)];
            let is_its = |row: &&Row| {
                let head = &row.head;
                kinds.contains(&head.kind) && (head.lane, head.sequence) == (*lane, Some(sequence))
            };
            let rows = self.index.document(&document).map(|entry| entry.rows.as_slice());
            let rows = rows.unwrap_or_default().iter().filter(is_its);
            let all: Vec<Vec<u8>> = rows.map(|row| self.entry(row)).collect::<Result<_, _>>()?;
            // Bodies at one place may carry one note with several introductions.
            let is_it = |bytes: &Vec<u8>| FrameHash::of(bytes) == hash;
            let Some(bytes) = all.into_iter().find(is_it) else { return Ok(None) };
            kept.push(bytes);
        }
        Ok(Some(kept))
    }

    /// Takes back what was put aside and builds on nothing any more that is.
    fn take_back(&mut self) -> Result<bool, Error> {
        let (mut changed, mut looked) = (false, BTreeSet::new());
        while let Some(document) = self.index.next_due() {
            if !looked.insert(document) {
                // It is as it was left: what was taken back made rows of its own.
                continue;
            }
            loop {
                match self.take_back_one(&document) {
                    Ok(true) => changed = true,
                    Ok(false) => break,
                    Err(error) => {
                        self.index.still_due(document);
                        return Err(error);
                    }
                }
            }
        }
        Ok(changed)
    }

    fn take_back_one(&mut self, id: &Document) -> Result<bool, Error> {
        let mut rows = self.index.document(id).map(|entry| entry.rows.clone()).unwrap_or_default();
        rows.retain(|row| self.index.is_orphan(&row.head));
        for row in &rows {
            let (before, base) = (self.tip_before(row), self.document(id)?);
            if before
                != self
                    .index
                    .document(id)
                    .map(|entry| entry.tip(&row.head.lane))
                    .unwrap_or_default()
            {
                continue;
            }
            let (raws, changes) = (self.read_row(row)?, self.row_changes(row)?);
            let mut staged = Staged::default();
            let mut space = self.space()?.clone();
            match rebuild::apply(&base, &raws, &changes, before) {
                Err(Refusal::Missing) => continue,
                Ok(built) if self.could_write(&space, row, [&base, &built.document]) => {
                    self.relabel(&mut staged, row, RowKind::Changes)?;
                    staged.documents.insert(*id, built);
                    self.settle_orphan(&mut space, row);
                }
                _ => {
                    let position = row.head.kind.beside().unwrap_or_default();
                    self.relabel(&mut staged, row, RowKind::Passed(position))?;
                }
            }
            staged.space = Some(space);
            return self.commit(staged).map(|()| true);
        }
        Ok(false)
    }

    fn could_write(&self, space: &SpaceState, row: &Row, states: [&Automerge; 2]) -> bool {
        let Some(lane) = space.lanes.get(&row.head.lane) else { return false };
        let stood = space.group.roster.stood(lane.heads_at(row.head.sequence));
        let member = stood.as_ref().and_then(|stood| stood.member(&lane.device_key));
        let role = member.and_then(|member| member.role);
        role.is_some_and(|role| self.may_write(role, row.head.document, states))
    }

    /// A body of which nothing is put aside any more was not refused.
    fn settle_orphan(&self, space: &mut SpaceState, row: &Row) {
        let (lane, sequence) = (row.head.lane, row.head.sequence);
        let mut rows = self.index.documents().flat_map(|(_, entry)| &entry.rows);
        let is_left = rows.any(|other| {
            let same = other.head.lane == lane && other.head.sequence == sequence;
            let is_key = matches!(other.head.kind, RowKind::AsideKey(_));
            same && other.id != row.id && !is_key && self.index.is_of_believed(&other.head)
        });
        if let (false, Some(state)) = (is_left, space.lanes.get_mut(&lane)) {
            state.quarantined.retain(|refused| Some(*refused) != sequence);
        }
    }
}

/// The bodies of a lane that somebody who keeps the team's work says to have applied. Whoever is forked itself names nothing:
/// so no two forks decide each other.
fn named(
    space: &SpaceState,
    lane: &Lane,
    bodies: &BTreeMap<Place, Position>,
    is_forked: impl Fn(&Lane) -> bool,
) -> BTreeSet<Place> {
    let keepers = space.lanes.iter().filter(|(id, keeper)| {
        *id != lane && keeper.keeps_work(&space.group.roster) && !is_forked(id)
    });
    let said = keepers.filter_map(|(_, keeper)| keeper.vector.get(lane));
    let places = said.filter_map(|said| {
        let at = said.next.checked_sub(1)?;
        let is_it = |(place, position): &&Place| {
            *place == at && position.as_bytes().starts_with(&said.hash)
        };
        bodies.keys().find(is_it).copied()
    });
    places.collect()
}

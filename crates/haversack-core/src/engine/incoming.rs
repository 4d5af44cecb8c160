//! Opening frames, checking what they bring, applying it.
//!
//! A batch of frames is one transaction, under a durable mark: a batch that kills the process is taken
//! frame by frame at the next start, and a frame that kills it alone is never tried again. A frame that
//! cannot be applied yet *waits*; one that never can is *quarantined*; neither blocks another lane.

use std::collections::{BTreeMap, BTreeSet};

use haversack_wire::{FrameHash, Lane};

use super::Engine;
use super::apply::Verdict;
use super::batch::{Batch, Opened, Received};
use super::documents::Staged;
use super::intake::{GrantIs, Intake};
use super::kept::{Keep, Kept, KeptFrame};
use super::pack::is_pack;
use super::refused::{Reason, Refused};
use super::state::{LaneState, Mark, SpaceState, value};
use super::wait::{Need, Wait, version};
use crate::Error;
use crate::compress::Reuse;
use crate::crypto::Real;
use crate::members::{Group, Role, RosterSegment, Statement, statement_hash};
use crate::seeded::{Bug, seeded};
use crate::store::{Table, Writer};
use crate::sync::body::Body;

/// Frames are applied in batches of at most this many.
const BATCH_MAX: usize = 32;

/// What came of frames that were taken in.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct TakenIn {
    pub(super) received: Received,
    /// Whether something found no room that could be applied once what it lacks is here.
    pub(super) lost: bool,
    /// Whether keys came.
    pub(super) keys: bool,
}

impl TakenIn {
    pub(super) fn add(&mut self, other: Self) {
        self.received.add(other.received);
        self.lost |= other.lost;
        self.keys |= other.keys;
    }
}

impl Engine {
    /// Takes frames, in any order and however often. `carry` keeps what was new for the next relay. What they erase is destroyed.
    pub(super) fn receive(&mut self, frames: &[Vec<u8>], carry: bool) -> Result<Received, Error> {
        let taken = self.take_in(frames, carry)?;
        // As with repairs: what failed is tried again.
        drop(self.erase_due());
        Ok(taken.received)
    }

    /// As [`Engine::receive`], of a part of what comes; says also what that means for what is asked for next. What it erases stays for now:
    /// what comes after it may say that its author was removed.
    pub(super) fn take_in(&mut self, frames: &[Vec<u8>], carry: bool) -> Result<TakenIn, Error> {
        let taken = self.take_in_batches(frames, carry);
        if !self.mark.frames.is_empty() {
            // What failed was not the frames' fault: a full disk, or its like.
            let _ = self.set_mark(Mark { frames: Vec::new(), ..self.mark.clone() });
        }
        if taken.is_err() {
            self.waiting.tried.clear();
        }
        let taken = taken?;
        if self.mark.cautious {
            self.set_mark(Mark { cautious: false, ..self.mark.clone() })?;
        }
        Ok(taken)
    }

    fn take_in_batches(&mut self, frames: &[Vec<u8>], carry: bool) -> Result<TakenIn, Error> {
        let mut taken = TakenIn::default();
        let size = if self.mark.cautious { 1 } else { BATCH_MAX };
        let (heads, segments) = (self.space()?.group.roster.heads(), self.segments_here());
        // Each part of a pack is taken by itself, after what came with it: keys and the roster.
        let mut some = frames.to_vec();
        let packs: Vec<Vec<u8>> = some.extract_if(.., |frame| is_pack(frame)).collect();
        for batch in some.chunks(size) {
            taken.add(self.take_batch(batch, &[], carry)?);
        }
        taken.add(self.take_packs(&packs)?);
        taken.add(self.take_due()?);
        if (self.space()?.group.roster.heads(), self.segments_here()) != (heads, segments) {
            // A part of a pack may have waited for the roster, or for another version.
            taken.add(self.take_kept_segments()?);
        }
        // All of this is saved, whatever becomes of the repairs: what failed is tried again with the next frames.
        drop(self.mend());
        Ok(taken)
    }

    /// Takes what is kept and whose time has come.
    pub(super) fn take_due(&mut self) -> Result<TakenIn, Error> {
        let mut taken = TakenIn::default();
        let size = if self.mark.cautious { 1 } else { BATCH_MAX };
        loop {
            let due = self.due();
            if due.is_empty() {
                return Ok(taken);
            }
            for rows in due.chunks(size) {
                taken.add(self.take_batch(&[], rows, false)?);
            }
        }
    }

    /// Takes fresh frames, and frames that were kept in rows once more.
    fn take_batch(
        &mut self,
        frames: &[Vec<u8>],
        rows: &[i64],
        carry: bool,
    ) -> Result<TakenIn, Error> {
        let _reuse = Reuse::begin();
        let is_fatal = |frame: &[u8]| self.mark.poison.contains(&FrameHash::of(frame));
        let mut met = BTreeSet::new();
        let fresh = frames.iter().filter(|frame| !self.waiting.holds(frame));
        let fresh = fresh.filter(|frame| met.insert(FrameHash::of(frame)));
        let (mut fatal, fresh): (Vec<&Vec<u8>>, Vec<&Vec<u8>>) =
            fresh.partition(|frame| is_fatal(frame));
        let of_row = |row: &i64| self.waiting.get(*row).map(|kept| kept.frame.clone());
        let (fatal_rows, rows): (Vec<i64>, Vec<i64>) =
            rows.iter().partition(|row| of_row(row).is_some_and(|frame| is_fatal(&frame)));
        let crashed: Vec<Vec<u8>> = fatal_rows.iter().filter_map(of_row).collect();
        fatal.extend(&crashed);
        let again = rows.iter().filter_map(of_row).map(|frame| FrameHash::of(&frame));
        let marked: Vec<FrameHash> =
            fresh.iter().map(|frame| FrameHash::of(frame)).chain(again).collect();
        if !marked.is_empty() {
            // Before anything of it is opened: unpacking may be what stops this process.
            self.note_mark(Mark { frames: marked, ..self.mark.clone() })?;
        }
        let mut intake = self.open_all(&fresh, &rows, carry)?;
        let can_sign = self.space()?.live.is_some();
        if can_sign && intake.judges(self.space()?) && self.close_unsent()? > 0 {
            // What was written before a removal was learned of is signed as that, before it is learned of.
            intake = self.open_all(&fresh, &rows, carry)?;
        }
        intake.batch.staged.drop_frames.extend(fatal_rows);
        let refused = Refused::unplaced(Reason::Crash);
        fatal.into_iter().for_each(|frame| quarantine(&mut intake.batch, frame, refused));
        self.finish(intake)
    }

    /// Applies what was opened, and saves it.
    fn finish(&mut self, intake: Intake) -> Result<TakenIn, Error> {
        let Intake { mut batch, segments, opened, grants, .. } = intake;
        grants.into_iter().for_each(|(kind, frame)| keep_new(&mut batch, kind, &frame));
        segments
            .into_iter()
            .for_each(|(frame, segment)| take_segment(&mut batch, &frame, &segment));
        self.apply_all(&mut batch, opened)?;
        batch.space.refresh(&batch.held);
        let keys = !batch.staged.epochs.is_empty();
        let (received, lost) = (batch.received, batch.lost);
        // What contradicts the rest is rebuilt after this, under the same mark.
        let is_through = batch.rivals.is_empty();
        batch.staged.mark = is_through.then(|| self.mark.after_success());
        batch.staged.space = Some(batch.space);
        self.commit(batch.staged)?;
        let mut taken = TakenIn { received, lost, keys };
        let more = self.take_rivals(batch.rivals, batch.carry)?;
        taken.received.add(more.0);
        taken.lost |= more.1;
        Ok(taken)
    }

    /// What waits for the body before it, on a lane with several branches, waits for the next body of any.
    pub(super) fn beside(&self, chunk: Opened) -> Opened {
        let is_forked =
            self.index.bodies(&chunk.body.lane).is_some_and(|bodies| !bodies.rivals.is_empty());
        match chunk.need {
            Need::Before if is_forked => {
                let need = Need::Branch(self.growth_of(&chunk.body.lane));
                Opened { need, ..chunk }
            }
            _ => chunk,
        }
    }

    /// Saves a mark that matters to the next process, and not to one after the power went: what stops a process does not stop the
    /// machine. Once something has, it is told for certain: what exhausts a phone until its battery is taken out is found out too.
    pub(super) fn note_mark(&mut self, mark: Mark) -> Result<(), Error> {
        if mark.cautious {
            return self.set_mark(mark);
        }
        let key = self.state_key()?;
        let random = &mut *self.random;
        let put = |writer: &mut Writer<'_>| {
            writer.put_sealed(Table::Values, &key, value::MARK, &mark.encode(), random)
        };
        self.db.write_unsynced(put)?;
        self.mark = mark;
        Ok(())
    }

    pub(super) fn set_mark(&mut self, mark: Mark) -> Result<(), Error> {
        self.commit(Staged { mark: Some(mark), ..Staged::default() })
    }

    /// Applies what can be applied until nothing more can; keeps the rest.
    pub(super) fn apply_all(
        &mut self,
        batch: &mut Batch,
        opened: Vec<Opened>,
    ) -> Result<(), Error> {
        let mut pending: BTreeMap<(Lane, u32), Vec<Opened>> = BTreeMap::new();
        let waits = self.waiting.waits().filter_map(|(_, wait, _)| match wait.need {
            Need::Statement(hash) => Some(hash),
            _ => None,
        });
        let named = opened.iter().filter_map(|chunk| chunk.body.heads.as_ref()).flatten().copied();
        let Group { roster, epochs, .. } = &mut batch.space.group;
        let minted = epochs.statements().flat_map(|epoch| epoch.heads.iter().copied());
        roster.want(waits.chain(named).chain(minted));
        add_statements(&mut batch.space, &opened);
        batch.space.refresh(&batch.held);
        self.work_ahead(batch, &opened);
        for chunk in opened {
            pending.entry((chunk.body.lane, chunk.sequence)).or_default().push(chunk);
        }
        loop {
            let mut progress = false;
            for (place, candidates) in std::mem::take(&mut pending) {
                for chunk in candidates {
                    match self.try_apply(batch, &chunk)? {
                        Verdict::Wait(need) => {
                            pending.entry(place).or_default().push(Opened { need, ..chunk });
                        }
                        Verdict::Rival => {
                            // It stays where it was kept until it is taken.
                            batch.staged.drop_frames.retain(|row| Some(*row) != chunk.row);
                            batch.rivals.push(chunk);
                        }
                        verdict => {
                            if verdict == Verdict::Applied {
                                note_epoch(&mut batch.space, &chunk);
                                owe_word(&mut batch.space, &chunk.body);
                            }
                            progress |= verdict != Verdict::Known;
                            settle(batch, &chunk, verdict);
                        }
                    }
                }
            }
            if !progress {
                break;
            }
        }
        let pending = pending.into_values().flatten().map(|chunk| self.beside(chunk));
        keep_waiting(batch, pending);
        Ok(())
    }
}

/// Which of this device's bodies are acknowledged, by the signature of a device that keeps the team's work:
/// those up to what it says it has applied, if it means the very body that is there, less those it refused.
pub(super) fn acknowledged(space: &SpaceState, positions: &BTreeMap<u32, Kept>) -> BTreeSet<u32> {
    let keeps = |lane: &&LaneState| lane.keeps_work(&space.group.roster);
    let said = space.lanes.values().filter(keeps).filter_map(|lane| lane.vector.get(&space.lane));
    let mine = said.filter(|said| {
        let last = said.next.checked_sub(1).and_then(|last| positions.get(&last));
        last.is_some_and(|kept| kept.position == said.hash || seeded(Bug::AckWithoutHash))
    });
    mine.flat_map(|said| (0..said.next).filter(|n| !said.quarantined.contains(n))).collect()
}

/// Statements prove themselves: all of a batch are read together, before anything else and whatever becomes of the
/// rest.
fn add_statements(space: &mut SpaceState, opened: &[Opened]) {
    let id = *space.space();
    let roster = &space.group.roster;
    let all = opened.iter().flat_map(|chunk| chunk.body.statements.iter().map(Vec::as_slice));
    let news = all.filter(|bytes| roster.statement(&statement_hash(bytes)).is_none());
    let sound: Vec<&[u8]> =
        news.filter(|bytes| Statement::decode::<Real>(&id, bytes).is_ok()).collect();
    // A roster that is full takes nothing more, and goes on as it is. Even without news something that waited may be wanted now.
    let _ = space.group.roster.add::<Real>(sound);
}

fn keep_new(batch: &mut Batch, kind: GrantIs, frame: &[u8]) {
    match kind {
        GrantIs::Taken => batch.received.applied += 1,
        GrantIs::Known => batch.received.known += 1,
        GrantIs::Passed => {
            batch.received.known += 1;
            if batch.carry {
                keep(batch, Keep::Carried, frame);
            }
        }
        GrantIs::Strange => {
            batch.received.foreign += 1;
            if batch.carry {
                keep(batch, Keep::Foreign { ours: false }, frame);
            }
        }
        GrantIs::Broken => quarantine(batch, frame, Refused::unplaced(Reason::Grant)),
    }
}

fn take_segment(batch: &mut Batch, frame: &[u8], segment: &RosterSegment) {
    let before = batch.space.group.epochs.statements().count();
    match batch.space.group.take_segment::<Real>(segment) {
        Ok(0) if batch.space.group.epochs.statements().count() == before => {
            batch.received.known += 1;
        }
        Ok(_) => batch.received.applied += 1,
        Err(_) => quarantine(batch, frame, Refused::unplaced(Reason::Roster)),
    }
}

/// Who seals under an epoch has its secret.
fn note_epoch(space: &mut SpaceState, chunk: &Opened) {
    let key = space.lanes.get(&chunk.body.lane).map(|lane| lane.device_key);
    if let Some(key) = key {
        space.group.wrote_under(&key, &chunk.epoch);
    }
}

/// Who keeps the team's work says so with the next sync, once some has come: until then nobody may let go of it. Words alone
/// are not answered, so that two who keep it do not answer each other for ever.
fn owe_word(space: &mut SpaceState, body: &Body) {
    let role =
        space.lanes.get(&space.lane).and_then(|own| space.group.roster.member(&own.device_key));
    let keeps = role.and_then(|member| member.role).is_some_and(Role::keeps_work);
    let items = [&body.statements, &body.drops, &body.carried];
    let brings = body.changes.is_some()
        || !body.client_keys.is_empty()
        || !body.erasures.is_empty()
        || items.iter().any(|items| !items.is_empty())
        || seeded(Bug::AnswerWords);
    space.owes_word |= keeps && brings;
}

fn settle(batch: &mut Batch, chunk: &Opened, verdict: Verdict) {
    match verdict {
        Verdict::Applied => {
            batch.received.applied += 1;
            // What waited may have come by a file: the next relay says whether it has it.
            if batch.carry || chunk.row.is_some() {
                keep(batch, Keep::Carried, &chunk.frame);
            }
            // Items of a newer version are in nobody's rows: the frame keeps them.
            if !chunk.body.other.is_empty() {
                keep(batch, Keep::Newer, &chunk.frame);
            }
        }
        Verdict::Known => batch.received.known += 1,
        Verdict::PassedOver(reason) | Verdict::Quarantine(reason) => {
            let refused = Refused::chunk(&batch.space, chunk, reason);
            quarantine(batch, &chunk.frame, refused);
        }
        Verdict::Wait(_) | Verdict::Rival => {}
    }
}

pub(super) fn keep_waiting(batch: &mut Batch, chunks: impl Iterator<Item = Opened>) {
    for chunk in chunks.filter(|_| !seeded(Bug::ForgetWaiting)) {
        let Opened { sequence, size: raw, need, .. } = chunk;
        let (lane, version) = (chunk.body.lane, version());
        let stray = !batch.space.lanes.contains_key(&lane);
        let wait = Wait { lane, sequence, raw, stray, need, version };
        let is_new = chunk.row.is_none();
        match keep(batch, Keep::Waiting(wait), &chunk.frame) {
            true => batch.received.waiting += u32::from(is_new),
            false => batch.lost = true,
        }
    }
}

pub(super) fn quarantine(batch: &mut Batch, frame: &[u8], refused: Refused) {
    keep(batch, Keep::Quarantined(refused), frame);
    batch.received.quarantined += 1;
    batch.received.reasons.count(refused.reason);
}

/// Keeps a frame if there is room. Says whether; what would have to be tried again later, and found no room, is counted.
pub(super) fn keep(batch: &mut Batch, keep: Keep, frame: &[u8]) -> bool {
    let has_room = batch.room.take(&keep, frame);
    if has_room {
        batch.staged.frames.push(KeptFrame { keep, frame: frame.to_vec() });
    } else if !matches!(keep, Keep::Quarantined(_)) {
        batch.received.dropped += 1;
    }
    has_room
}

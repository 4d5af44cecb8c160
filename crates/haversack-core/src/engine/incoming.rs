//! Opening frames, checking what they bring, applying it.
//!
//! A batch of frames is one transaction, under a durable mark: a batch that kills the process is taken
//! frame by frame at the next start, and a frame that kills it alone is never tried again. A frame that
//! cannot be applied yet *waits*; one that never can is *quarantined*; neither blocks another lane.

use std::collections::{BTreeMap, BTreeSet};

use haversack_wire::limits::WAITING_MAX;
use haversack_wire::{Frame, FrameHash, Lane};

use super::Engine;
use super::apply::Verdict;
use super::batch::{Batch, Opened, Received};
use super::documents::Staged;
use super::kept::{Keep, Kept, KeptFrame};
use super::state::{LaneState, Mark, SpaceState};
use crate::Error;
use crate::members::{Role, RosterSegment, Statement};
use crate::sync::body::Body;
use crate::sync::chunk;

/// Frames are applied in batches of at most this many.
const BATCH_MAX: usize = 64;

impl Engine {
    /// Takes frames, in any order and however often. `carry` keeps what was new for the next relay.
    pub(super) fn receive(&mut self, frames: &[Vec<u8>], carry: bool) -> Result<Received, Error> {
        let mut received = Received::default();
        let size = if self.mark.cautious { 1 } else { BATCH_MAX };
        for batch in frames.chunks(size) {
            match self.receive_batch(batch, carry) {
                Ok(one) => received.add(one),
                Err(error) => {
                    // What failed was not the frames' fault: a full disk, or its like.
                    let _ = self.set_mark(Mark { frames: Vec::new(), ..self.mark.clone() });
                    return Err(error);
                }
            }
        }
        if self.mark.cautious {
            self.set_mark(Mark { cautious: false, ..self.mark.clone() })?;
        }
        Ok(received)
    }

    fn receive_batch(&mut self, frames: &[Vec<u8>], carry: bool) -> Result<Received, Error> {
        let (space, room) = (self.space()?.clone(), self.waiting.room());
        let (staged, received) = Default::default();
        let mut batch = Batch { space, staged, received, carry, room, tips: BTreeMap::new() };
        let is_fatal = |frame: &&Vec<u8>| self.mark.poison.contains(&FrameHash::of(frame));
        let fresh = frames.iter().filter(|frame| !self.waiting.holds(frame));
        let (fatal, fresh): (Vec<_>, Vec<_>) = fresh.partition(is_fatal);
        fatal.into_iter().for_each(|frame| quarantine(&mut batch, frame));
        let mut opened = Vec::new();
        for frame in fresh {
            opened.extend(self.take_frame(&mut batch, frame)?);
        }
        opened.extend(self.open_waiting(&mut batch)?);
        let frames = opened.iter().map(|chunk| FrameHash::of(&chunk.frame)).collect();
        if !opened.is_empty() {
            self.set_mark(Mark { frames, ..self.mark.clone() })?;
        }
        self.apply_all(&mut batch, opened)?;
        batch.staged.mark = Some(self.mark.after_success());
        batch.staged.space = Some(batch.space);
        self.commit(batch.staged)?;
        Ok(batch.received)
    }

    fn set_mark(&mut self, mark: Mark) -> Result<(), Error> {
        self.commit(Staged { mark: Some(mark), ..Staged::default() })
    }

    /// Opens a frame, or keeps it.
    fn take_frame(&self, batch: &mut Batch, frame: &[u8]) -> Result<Option<Opened>, Error> {
        match Frame::parse(frame) {
            Ok(Frame::Chunk(header, sealed)) => {
                let keys = self.ring.epochs().iter();
                let space = *batch.space.space();
                let opened = keys
                    .filter_map(|(id, secret)| chunk::open((secret, id), &space, &header, sealed))
                    .next();
                Ok(take_opened(batch, frame, header.sequence, opened))
            }
            Ok(Frame::Roster(header, sealed)) => {
                let keys = self.ring.epochs().iter();
                let space = *batch.space.space();
                let opened = keys
                    .filter_map(|(id, secret)| {
                        chunk::open_roster((secret, id), &space, &header, sealed)
                    })
                    .next();
                take_roster(batch, frame, opened);
                Ok(None)
            }
            Ok(Frame::Grant(..) | Frame::Other) => {
                keep(batch, Keep::Foreign, frame);
                Ok(None)
            }
            Err(_) => {
                quarantine(batch, frame);
                Ok(None)
            }
        }
    }

    /// Frames that waited are tried again with each batch.
    fn open_waiting(&self, batch: &mut Batch) -> Result<Vec<Opened>, Error> {
        let waiting: Vec<_> =
            self.waiting.of(Keep::Waiting).map(|(id, f)| (id, f.to_vec())).collect();
        let mut opened = Vec::new();
        for (id, frame) in waiting {
            if !matches!(Frame::parse(&frame), Ok(Frame::Chunk(..))) {
                continue;
            }
            let (staged, received) = Default::default();
            let (space, room) = (batch.space.clone(), batch.room);
            let tips = BTreeMap::new();
            let mut quiet = Batch { space, staged, received, carry: false, room, tips };
            if let Some(found) = self.take_frame(&mut quiet, &frame)? {
                opened.push(Opened { row: Some(id), ..found });
            }
        }
        Ok(opened)
    }

    /// Applies what can be applied until nothing more can; keeps the rest.
    fn apply_all(&mut self, batch: &mut Batch, opened: Vec<Opened>) -> Result<(), Error> {
        let mut pending: BTreeMap<(Lane, u32), Vec<Opened>> = BTreeMap::new();
        add_statements(&mut batch.space, &opened);
        for chunk in opened {
            pending.entry((chunk.body.lane, chunk.sequence)).or_default().push(chunk);
        }
        loop {
            let mut progress = false;
            for (place, candidates) in std::mem::take(&mut pending) {
                for chunk in candidates {
                    match self.try_apply(batch, &chunk)? {
                        Verdict::Wait => pending.entry(place).or_default().push(chunk),
                        verdict => {
                            progress |= matches!(verdict, Verdict::Applied | Verdict::Quarantine);
                            settle(batch, &chunk, verdict);
                        }
                    }
                }
            }
            if !progress {
                break;
            }
        }
        keep_waiting(batch, pending.into_values().flatten());
        Ok(())
    }
}

/// Which of this device's bodies are acknowledged, by the signature of a device that keeps the team's work:
/// those up to what it says it has applied, if it means the very body that is there, less those it refused.
pub(super) fn acknowledged(space: &SpaceState, positions: &BTreeMap<u32, Kept>) -> BTreeSet<u32> {
    let keeps = |lane: &&LaneState| {
        let member = space.roster.member(&lane.device_key);
        member.and_then(|member| member.role).is_some_and(Role::keeps_work)
    };
    let said = space.lanes.values().filter(keeps).filter_map(|lane| lane.vector.get(&space.lane));
    let mine = said.filter(|said| {
        let last = said.next.checked_sub(1).and_then(|last| positions.get(&last));
        last.is_some_and(|kept| kept.position == said.hash)
    });
    mine.flat_map(|said| (0..said.next).filter(|n| !said.quarantined.contains(n))).collect()
}

/// Statements prove themselves: all of a batch are read together, before anything else and whatever becomes of the
/// rest.
fn add_statements(space: &mut SpaceState, opened: &[Opened]) {
    let id = *space.space();
    let all = opened.iter().flat_map(|chunk| chunk.body.statements.iter().map(Vec::as_slice));
    let sound = all.filter(|bytes| Statement::decode(&id, bytes).is_ok());
    // A roster that is full takes nothing more, and goes on as it is.
    let _ = space.roster.add(sound);
}

fn take_opened(
    batch: &mut Batch,
    frame: &[u8],
    sequence: u32,
    opened: Option<Result<Vec<u8>, haversack_wire::Error>>,
) -> Option<Opened> {
    let decoded = match opened {
        None => {
            batch.received.foreign += 1;
            keep(batch, Keep::Foreign, frame);
            return None;
        }
        Some(raw) => raw.and_then(|raw| Body::decode(&raw)),
    };
    match decoded {
        Ok((body, rest, signature)) => {
            Some(Opened { frame: frame.to_vec(), row: None, sequence, body, rest, signature })
        }
        Err(haversack_wire::Error::Unknown { .. }) => {
            keep(batch, Keep::Waiting, frame);
            None
        }
        Err(_) => {
            quarantine(batch, frame);
            None
        }
    }
}

fn take_roster(
    batch: &mut Batch,
    frame: &[u8],
    opened: Option<Result<Vec<u8>, haversack_wire::Error>>,
) {
    let Some(raw) = opened else {
        batch.received.foreign += 1;
        return keep(batch, Keep::Foreign, frame);
    };
    let added = raw
        .and_then(|raw| RosterSegment::decode(&raw))
        .and_then(|segment| batch.space.roster.add(segment.statements.iter().map(Vec::as_slice)));
    match added {
        Ok(0) => batch.received.known += 1,
        Ok(_) => batch.received.applied += 1,
        Err(_) => quarantine(batch, frame),
    }
}

fn settle(batch: &mut Batch, chunk: &Opened, verdict: Verdict) {
    batch.staged.drop_frames.extend(chunk.row);
    match verdict {
        Verdict::Applied => {
            batch.received.applied += 1;
            // What waited may have come by a file: the next relay says whether it has it.
            if batch.carry || chunk.row.is_some() {
                keep(batch, Keep::Carried, &chunk.frame);
            }
            // Items of a newer version are in nobody's rows: the frame keeps them.
            if !chunk.body.other.is_empty() {
                keep(batch, Keep::Foreign, &chunk.frame);
            }
        }
        Verdict::Known => batch.received.known += 1,
        Verdict::Quarantine => quarantine(batch, &chunk.frame),
        Verdict::Wait => {}
    }
}

fn keep_waiting(batch: &mut Batch, chunks: impl Iterator<Item = Opened>) {
    let mut per_lane: BTreeMap<Lane, usize> = BTreeMap::new();
    for chunk in chunks {
        let count = per_lane.entry(chunk.body.lane).or_default();
        *count += 1;
        if chunk.row.is_some() {
            continue;
        }
        match *count <= WAITING_MAX {
            true => {
                keep(batch, Keep::Waiting, &chunk.frame);
                batch.received.waiting += 1;
            }
            false => batch.received.dropped += 1,
        }
    }
}

fn quarantine(batch: &mut Batch, frame: &[u8]) {
    keep(batch, Keep::Quarantined, frame);
    batch.received.quarantined += 1;
}

fn keep(batch: &mut Batch, keep: Keep, frame: &[u8]) {
    if batch.room.take(keep) {
        batch.staged.frames.push(KeptFrame { keep, frame: frame.to_vec() });
    } else if keep == Keep::Waiting {
        batch.received.dropped += 1;
    }
}

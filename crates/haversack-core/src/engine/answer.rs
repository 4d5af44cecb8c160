//! The answering half of an exchange between two devices of a space (PROTOCOL § 7.1).
//!
//! Bytes in, bytes out: what carries them is somebody else's affair. The asking device shows by a token that it is, or was, a
//! member; what it brings is judged as anything that comes by file.

use std::collections::{BTreeMap, BTreeSet};

use haversack_wire::answer::{Part, START, Stored};
use haversack_wire::limits::REQUEST_MAX;
use haversack_wire::request::{Basis, Event, RequestReader, SectionHead};
use haversack_wire::{CursorDigest, Error as WireError, Generation, LaneTag, Relay};

use super::Engine;
use super::batch::Received;
use super::peer::PAGE_BODIES;
use super::state::SpaceState;
use crate::Error;
use crate::crypto::GenerationSecret;
use crate::sync::exchange::place;

/// Frames are made durable once there are this many bytes of them, and when the request is over.
const BATCH_BYTES: usize = 256 * 1024;
/// A piece of the answer ends with the frame that brings it over this size.
const PAGE_BYTES: usize = 64 * 1024;

/// An answer to another device, from the first byte of its request on. Drop it at any point: what was taken stays.
pub struct Answering {
    reader: RequestReader,
    bytes: usize,
    /// Whether some section has shown that its sender was a member.
    is_member: bool,
    batch: Vec<Vec<u8>>,
    batch_bytes: usize,
    receipts: Vec<Vec<Stored>>,
    /// The generations by which it was asked.
    generations: Vec<Generation>,
    /// What the asking device has, by the lanes' tags in any generation.
    vector: BTreeMap<LaneTag, u32>,
    received: Received,
    stage: Stage,
}

/// What goes out next.
enum Stage {
    Heads,
    Frames(std::vec::IntoIter<Vec<u8>>),
    Bodies(Vec<u32>),
    Done,
}

/// What has come of a request.
pub(crate) enum Asked {
    /// A section begins.
    Section,
    /// A frame of it.
    Frame(Vec<u8>),
}

impl std::fmt::Debug for Answering {
    /// Counts only: tokens are among the rest.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answering").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

impl Default for Answering {
    fn default() -> Self {
        Self {
            reader: RequestReader::new(),
            bytes: 0,
            is_member: false,
            batch: Vec::new(),
            batch_bytes: 0,
            receipts: Vec::new(),
            generations: Vec::new(),
            vector: BTreeMap::new(),
            received: Received::default(),
            stage: Stage::Heads,
        }
    }
}

impl Answering {
    /// An answer to a request of which nothing has come.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether the request is over: nothing more of it is taken, and the answer may begin.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.reader.finish().is_ok()
    }

    /// Whether the answer's last bytes were given.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        matches!(self.stage, Stage::Done)
    }

    /// What the request brought.
    #[must_use]
    pub const fn received(&self) -> Received {
        self.received
    }

    /// Takes bytes of the request, to be read by [`Answering::next`].
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.reader.feed(bytes);
    }

    /// What has come next, once it is whole: to the device with this id, which has the secrets of these generations.
    ///
    /// # Errors
    /// [`Error::Wire`] when it is no request to a device; [`Error::Foreign`] when its sender has shown none of the secrets.
    pub(crate) fn next(
        &mut self,
        me: &Relay,
        secrets: &BTreeMap<Generation, GenerationSecret>,
    ) -> Result<Option<Asked>, Error> {
        match self.reader.next_event()? {
            Some(Event::Section(head)) => {
                let known = secrets.iter().filter(|(_, secret)| secret.token(me) == head.token);
                self.generations.extend(known.map(|(generation, _)| *generation));
                self.is_member |= !self.generations.is_empty();
                self.vector.extend(vector_of(head)?);
                Ok(Some(Asked::Section))
            }
            Some(Event::Frame(frame)) if self.is_member => Ok(Some(Asked::Frame(frame))),
            Some(Event::Frame(_)) => Err(NOT_A_MEMBER),
            None if self.is_asked() && !self.is_member => Err(NOT_A_MEMBER),
            None => Ok(None),
        }
    }

    fn lacks(&self, frame: &[u8]) -> bool {
        let has = |(tag, sequence): (LaneTag, u32)| {
            self.vector.get(&tag).is_some_and(|next| sequence < *next)
        };
        !place(frame).is_some_and(has)
    }
}

impl Engine {
    /// Takes bytes of another device's request. Whole frames are durable here after 256 KiB, and all of them when it is over.
    ///
    /// # Errors
    /// [`Error::Wire`] when it is no request or over a limit; [`Error::Foreign`] when its sender shows no key of this space;
    /// [`Error::NoSpace`], [`Error::Removed`], and the errors of saving. Frames before that point stay.
    pub fn take_request(&mut self, answering: &mut Answering, bytes: &[u8]) -> Result<(), Error> {
        self.still_member()?;
        answering.bytes += bytes.len();
        haversack_wire::codec::bounded("request", answering.bytes as u64, REQUEST_MAX)?;
        answering.feed(bytes);
        let me = self.peer_id();
        while let Some(asked) = answering.next(&me, &self.space()?.group.generations)? {
            match asked {
                Asked::Section => {
                    self.settle(answering)?;
                    answering.receipts.push(Vec::new());
                }
                Asked::Frame(frame) => {
                    answering.batch_bytes += frame.len();
                    answering.batch.push(frame);
                    if answering.batch_bytes >= BATCH_BYTES {
                        self.settle(answering)?;
                    }
                }
            }
        }
        if answering.is_asked() {
            self.settle(answering)?;
            self.erase_due()?;
        }
        Ok(())
    }

    /// Makes durable what has come, and says of each frame what became of it.
    fn settle(&mut self, answering: &mut Answering) -> Result<(), Error> {
        let batch = std::mem::take(&mut answering.batch);
        answering.batch_bytes = 0;
        if batch.is_empty() {
            return Ok(());
        }
        let before = self.applied()?;
        let known: Vec<bool> = batch.iter().map(|frame| self.has(frame, &before)).collect();
        answering.received.add(self.take_in(&batch, true)?.received);
        let after = self.applied()?;
        let became = |(frame, known): (&Vec<u8>, bool)| match (known, self.has(frame, &after)) {
            (true, _) => Stored::Duplicate,
            (false, true) => Stored::New,
            (false, false) => Stored::Full,
        };
        let receipts = batch.iter().zip(known).map(became);
        answering.receipts.last_mut().into_iter().for_each(|all| all.extend(receipts.clone()));
        Ok(())
    }

    /// What is applied here, by the lanes' tags in every generation.
    fn applied(&self) -> Result<BTreeMap<LaneTag, u32>, Error> {
        let space = self.space()?;
        let secrets = space.group.generations.values();
        Ok(secrets.flat_map(|secret| self.vector(space, secret)).collect())
    }

    /// Whether a frame's content is here, or the frame itself is kept.
    fn has(&self, frame: &[u8], applied: &BTreeMap<LaneTag, u32>) -> bool {
        let is_applied = |(tag, sequence): (LaneTag, u32)| {
            applied.get(&tag).is_some_and(|next| sequence < *next)
        };
        // Rosters and grants are taken, or of no use here.
        place(frame).is_none_or(is_applied) || self.waiting.holds(frame)
    }

    /// The next bytes of the answer, once the request is over; `None` after the last.
    ///
    /// # Errors
    /// [`Error::Removed`] when the request brought this device's removal, and the errors of saving.
    pub fn next_answer(&mut self, answering: &mut Answering) -> Result<Option<Vec<u8>>, Error> {
        let mut page = Vec::new();
        while page.len() < PAGE_BYTES && answering.is_asked() && !answering.is_done() {
            let stage = std::mem::replace(&mut answering.stage, Stage::Done);
            answering.stage = self.go_on(answering, stage, &mut page)?;
        }
        Ok(Some(page).filter(|page| !page.is_empty()))
    }

    fn go_on(
        &mut self,
        answering: &Answering,
        stage: Stage,
        page: &mut Vec<u8>,
    ) -> Result<Stage, Error> {
        match stage {
            Stage::Heads => {
                put_heads(answering, page)?;
                Ok(Stage::Frames(self.first_frames(answering)?.into_iter()))
            }
            Stage::Frames(mut frames) => match frames.next() {
                Some(frame) => {
                    put_frame(answering, &frame, page)?;
                    Ok(Stage::Frames(frames))
                }
                None => Ok(Stage::Bodies(self.bodies.keys().rev().copied().collect())),
            },
            Stage::Bodies(mut left) => {
                let some = left.split_off(left.len().saturating_sub(PAGE_BODIES));
                if some.is_empty() {
                    put_end(page)?;
                    Part::Done.encode(page)?;
                    return Ok(Stage::Done);
                }
                let sequences: Vec<u32> = some.into_iter().rev().collect();
                let space = self.space()?.clone();
                for frame in self.own_frames(&space, &sequences)? {
                    put_frame(answering, &frame, page)?;
                }
                Ok(Stage::Bodies(left))
            }
            Stage::Done => Ok(Stage::Done),
        }
    }

    /// What goes before own bodies; and for those who know old generations only, what tells them of their removal.
    fn first_frames(&mut self, answering: &Answering) -> Result<Vec<Vec<u8>>, Error> {
        self.prepare()?;
        self.close_unsent()?;
        let space: SpaceState = self.space()?.clone();
        let live = space.live.ok_or(Error::Removed)?;
        let old: BTreeSet<Generation> = answering.generations.iter().copied().collect();
        let mut frames = Vec::new();
        if !old.contains(&live.generation) {
            for generation in old {
                frames.extend(self.notices(&space, &generation)?);
            }
        }
        frames.extend(self.frames_at_hand(&space, &live)?);
        Ok(frames)
    }
}

/// What a section says that the asking device has. One that goes by a relay's cursors is for a relay.
fn vector_of(head: SectionHead) -> Result<Vec<(LaneTag, u32)>, WireError> {
    match head.basis {
        Basis::Vector(digest, lanes)
            if (head.cursor, digest) == Default::default()
                && head.admission.is_empty()
                && head.resume.is_none() =>
        {
            Ok(lanes)
        }
        _ => Err(WireError::Malformed { what: "request", rule: "is for a relay" }),
    }
}

const NOT_A_MEMBER: Error = Error::Foreign { what: "request" };

/// Everything before the frames, which are all in the last section.
fn put_heads(answering: &Answering, page: &mut Vec<u8>) -> Result<(), Error> {
    page.extend_from_slice(&START);
    for (section, receipts) in (0..).zip(&answering.receipts) {
        if section > 0 {
            put_end(page)?;
        }
        Part::Section(section).encode(page)?;
        for (index, stored) in (0..).zip(receipts) {
            Part::Ack { index, stored: *stored, cursor: 0 }.encode(page)?;
        }
    }
    Ok(())
}

fn put_frame(answering: &Answering, frame: &[u8], page: &mut Vec<u8>) -> Result<(), Error> {
    match answering.lacks(frame) {
        true => Ok(Part::Frame { cursor: 0, frame }.encode(page)?),
        false => Ok(()),
    }
}

fn put_end(page: &mut Vec<u8>) -> Result<(), Error> {
    Ok(Part::End { cursor: 0, digest: CursorDigest::default() }.encode(page)?)
}

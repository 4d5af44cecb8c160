//! Giving an answer, page by page.

use std::collections::{BTreeSet, VecDeque};

use haversack_wire::answer::{Part, START, Stored};
use haversack_wire::request::{Basis, NO_CURSOR, Resume};
use haversack_wire::{Error as WireError, FrameHash, LaneTag, Mailbox};

use super::{Refusal, intake::Section};
use crate::Error;
use crate::storage::{Entry, Head, Place, Receipt, Storage};

/// A page ends with the part that brings it over this size; the frames of the next are not yet read.
pub const PAGE_BYTES: usize = 128 * 1024;

/// Frames of which the places are looked at in one go.
const ENTRIES_MAX: usize = 512;

/// How often that is done for one page, even if nothing is to be sent: whoever hung up is not worked for any longer.
const LOOKS_MAX: usize = 64;

/// An answer while it is given.
#[derive(Debug)]
pub struct Answer {
    sections: VecDeque<Section>,
    pushed: BTreeSet<(Mailbox, u64)>,
    index: u8,
    state: State,
}

#[derive(Debug)]
enum State {
    Start,
    Between,
    Sending(Sending),
    Done,
}

/// A section of which the frames are being sent.
#[derive(Debug)]
struct Sending {
    mailbox: Mailbox,
    asked: Asked,
    /// What was newest when the section began: later frames are for another exchange.
    head: Head,
    /// Every cursor up to here has been looked at.
    seen: u64,
    /// What is still to be sent of them.
    queue: VecDeque<Next>,
    /// The cursor that went out as a tail.
    resumed: Option<u64>,
}

impl Answer {
    pub(super) fn new(sections: Vec<Section>) -> Self {
        let pushed = sections.iter().flat_map(|section| {
            let cursors = section.receipts.iter().filter_map(|receipt| receipt.cursor());
            cursors.map(|cursor| (section.mailbox, cursor))
        });
        Self { pushed: pushed.collect(), sections: sections.into(), index: 0, state: State::Start }
    }

    /// Whether the last page has been given.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// The next bytes, which may be none yet where there is much that is not for the device; `None` after the last.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`] when the storage fails. Once pages are out, the answer is then cut.
    pub fn next_page(&mut self, storage: &dyn Storage) -> Result<Option<Vec<u8>>, Refusal> {
        if self.is_done() {
            return Ok(None);
        }
        let (mut page, mut steps) = (Vec::new(), 0);
        while page.len() < PAGE_BYTES && steps < LOOKS_MAX && !self.is_done() {
            self.step(storage, &mut page).map_err(Refusal::Unavailable)?;
            steps += 1;
        }
        Ok(Some(page))
    }

    fn step(&mut self, storage: &dyn Storage, page: &mut Vec<u8>) -> Result<(), Error> {
        self.state = match std::mem::replace(&mut self.state, State::Done) {
            State::Start => {
                page.extend_from_slice(&START);
                State::Between
            }
            State::Between => match self.sections.pop_front() {
                Some(section) => self.begin(storage, section, page)?,
                None => {
                    put(page, &Part::Done)?;
                    State::Done
                }
            },
            State::Sending(mut sending) => match sending.send(storage, &self.pushed, page)? {
                Progress::More => State::Sending(sending),
                Progress::Over => {
                    sending.end(storage, page)?;
                    State::Between
                }
            },
            State::Done => State::Done,
        };
        Ok(())
    }

    /// Writes what comes before a section's frames.
    fn begin(
        &mut self,
        storage: &dyn Storage,
        section: Section,
        page: &mut Vec<u8>,
    ) -> Result<State, Error> {
        put(page, &Part::Section(self.index))?;
        self.index += 1;
        put_receipts(page, &section.receipts)?;
        let mailbox = section.mailbox;
        let head = storage.head(mailbox)?;
        let is_known = match &section.basis {
            Basis::Loose => section.cursor <= head.cursor,
            Basis::Vector(..) | Basis::Chunks(..) if section.cursor == NO_CURSOR => true,
            Basis::Digest(digest) | Basis::Vector(digest, _) | Basis::Chunks(digest, _) => {
                storage.digest_at(mailbox, section.cursor)? == Some(*digest)
            }
        };
        if !is_known {
            put(page, &Part::Need)?;
            return Ok(State::Between);
        }
        let (asked, seen) = match section.basis {
            Basis::Vector(_, vector) => (Asked::Beyond(vector, section.cursor, true), 0),
            Basis::Chunks(_, vector) => (Asked::Beyond(vector, section.cursor, false), 0),
            Basis::Loose => (Asked::Loose, section.cursor),
            Basis::Digest(_) => (Asked::After(section.cursor), section.cursor),
        };
        let resumed = match section.resume {
            Some(resume) => put_tail(page, storage, mailbox, resume)?,
            None => None,
        };
        let queue = VecDeque::new();
        Ok(State::Sending(Sending { mailbox, asked, head, seen, queue, resumed }))
    }
}

/// Which frames a device asks for.
#[derive(Debug)]
enum Asked {
    /// All after its cursor, but for packs.
    After(u64),
    /// All after its cursor, but for packs; up to it chunks that are not below a vector, and whether also what is no chunk.
    Beyond(Vec<(LaneTag, u32)>, u64, bool),
    /// All after its cursor but chunks.
    Loose,
}

impl Asked {
    fn takes(&self, entry: &Entry) -> bool {
        match (self, entry.place) {
            (Self::Loose, place) => !matches!(place, Place::Lane(..)),
            (_, Place::Pack) => false,
            (Self::After(_), _) => true,
            // What came after the cursor may be a second chunk at a place of which the device has the first.
            (Self::Beyond(_, after, _), _) if entry.cursor > *after => true,
            (Self::Beyond(vector, ..), Place::Lane(tag, sequence)) => {
                let found = vector.binary_search_by_key(&tag, |(tag, _)| *tag).ok();
                let next = found.and_then(|at| vector.get(at)).map_or(0, |(_, next)| *next);
                sequence >= next
            }
            (Self::Beyond(_, _, loose), Place::Loose) => *loose,
        }
    }

    /// From which cursor on the device counts every frame.
    const fn counts_from(&self) -> Option<u64> {
        match self {
            Self::After(cursor) | Self::Beyond(_, cursor, _) => Some(*cursor),
            Self::Loose => None,
        }
    }
}

/// What a section sends next.
#[derive(Debug)]
enum Next {
    /// The frame at a cursor, of a length.
    Frame(u64, usize),
    /// That up to this cursor there is nothing for the device: parts of packs, and what was dropped.
    Passed(u64),
}

enum Progress {
    More,
    Over,
}

impl Sending {
    /// Sends a page's worth of frames.
    fn send(
        &mut self,
        storage: &dyn Storage,
        pushed: &BTreeSet<(Mailbox, u64)>,
        page: &mut Vec<u8>,
    ) -> Result<Progress, Error> {
        if self.queue.is_empty() {
            if self.seen >= self.head.cursor {
                return Ok(Progress::Over);
            }
            self.look(storage, pushed)?;
        }
        let cursors = self.take(PAGE_BYTES.saturating_sub(page.len()));
        let frames = storage.frames(self.mailbox, &cursors)?;
        for (&cursor, frame) in cursors.iter().zip(&frames) {
            match frame.is_empty() {
                false => put(page, &Part::Frame { cursor, frame })?,
                // It was dropped since it was looked at.
                true if self.counts(cursor) => self.put_passed(storage, cursor, page)?,
                true => {}
            }
        }
        while let Some(Next::Passed(cursor)) = self.queue.front() {
            let cursor = *cursor;
            self.put_passed(storage, cursor, page)?;
            self.queue.pop_front();
        }
        Ok(Progress::More)
    }

    fn put_passed(
        &self,
        storage: &dyn Storage,
        cursor: u64,
        page: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let digest = storage.digest_at(self.mailbox, cursor)?.unwrap_or_default();
        put(page, &Part::Passed { cursor, digest })
    }

    /// Whether the device counts what is at a cursor.
    fn counts(&self, cursor: u64) -> bool {
        self.asked.counts_from().is_some_and(|from| cursor > from)
    }

    /// Queues what the device lacks among the next entries, and where there is nothing for it.
    fn look(
        &mut self,
        storage: &dyn Storage,
        pushed: &BTreeSet<(Mailbox, u64)>,
    ) -> Result<(), Error> {
        let range = self.seen + 1..=self.head.cursor;
        let entries = storage.entries(self.mailbox, range, ENTRIES_MAX)?;
        let is_last = entries.len() < ENTRIES_MAX;
        for entry in &entries {
            self.pass(entry.cursor - 1);
            self.seen = entry.cursor;
            let is_known = Some(entry.cursor) == self.resumed
                || pushed.contains(&(self.mailbox, entry.cursor));
            match entry.place {
                _ if is_known => {}
                _ if self.asked.takes(entry) => {
                    self.queue.push_back(Next::Frame(entry.cursor, entry.length));
                }
                Place::Pack => self.passed(entry.cursor),
                _ => {}
            }
        }
        if is_last {
            self.pass(self.head.cursor);
        }
        Ok(())
    }

    /// Everything that is not seen up to a cursor was dropped.
    fn pass(&mut self, upto: u64) {
        if upto > self.seen {
            self.seen = upto;
            self.passed(upto);
        }
    }

    fn passed(&mut self, upto: u64) {
        if self.counts(upto) {
            match self.queue.back_mut() {
                Some(Next::Passed(last)) => *last = upto,
                _ => self.queue.push_back(Next::Passed(upto)),
            }
        }
    }

    /// Takes the cursors of frames off the queue until they make up `room` bytes; one at least, if one is next.
    fn take(&mut self, room: usize) -> Vec<u64> {
        let mut cursors = Vec::new();
        let mut bytes = 0;
        while let Some(Next::Frame(cursor, length)) = self.queue.front() {
            if bytes > 0 && bytes + length > room {
                break;
            }
            bytes += length;
            cursors.push(*cursor);
            self.queue.pop_front();
        }
        cursors
    }

    /// Writes what comes after a section's frames.
    fn end(&self, storage: &dyn Storage, page: &mut Vec<u8>) -> Result<(), Error> {
        if !matches!(self.asked, Asked::After(_)) {
            put(page, &Part::Have(storage.have(self.mailbox)?))?;
        }
        let Head { cursor, digest } = self.head;
        put(page, &Part::End { cursor, digest })
    }
}

fn put_receipts(page: &mut Vec<u8>, receipts: &[Receipt]) -> Result<(), Error> {
    (0..).zip(receipts).try_for_each(|(index, receipt)| {
        let (stored, cursor) = match receipt {
            Receipt::New(cursor) => (Stored::New, *cursor),
            Receipt::Duplicate(cursor) => (Stored::Duplicate, *cursor),
            Receipt::Full => (Stored::Full, 0),
        };
        put(page, &Part::Ack { index, stored, cursor })
    })
}

/// Goes on with a frame that broke off, if what is stored there begins with what the device has of it, and is longer.
fn put_tail(
    page: &mut Vec<u8>,
    storage: &dyn Storage,
    mailbox: Mailbox,
    resume: Resume,
) -> Result<Option<u64>, Error> {
    let Resume { cursor, offset, frame: begins } = resume;
    if storage.entries(mailbox, cursor..=cursor, 1)?.is_empty() {
        return Ok(None);
    }
    for frame in storage.frames(mailbox, &[cursor])? {
        let Some((start, rest)) = frame.split_at_checked(offset as usize) else { continue };
        if !rest.is_empty() && FrameHash::of(start) == begins {
            put(page, &Part::Tail { cursor, offset, rest })?;
            return Ok(Some(cursor));
        }
    }
    Ok(None)
}

/// Parts are made of what is stored: one over its maximum means that the storage is not in order.
fn put(page: &mut Vec<u8>, part: &Part<'_>) -> Result<(), Error> {
    let over = |error: WireError| Error::Damaged {
        what: "a part of an answer is over its maximum",
        cause: Some(error.into()),
    };
    part.encode(page).map_err(over)
}

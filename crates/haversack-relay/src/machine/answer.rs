//! Giving an answer, page by page.

use std::collections::{BTreeSet, VecDeque};

use haversack_wire::answer::{Part, START, Stored};
use haversack_wire::request::{Basis, Resume};
use haversack_wire::{Error as WireError, FrameHash, LaneTag, Mailbox};

use super::{Refusal, intake::Section};
use crate::Error;
use crate::storage::{Entry, Head, Place, Receipt, Storage};

/// A page ends with the part that brings it over this size; the frames of the next are not yet read.
pub const PAGE_BYTES: usize = 128 * 1024;

/// Frames of which the places are looked at in one go.
const ENTRIES_MAX: usize = 512;

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
    vector: Option<Vec<(LaneTag, u32)>>,
    /// The cursor that the request names.
    asked_from: u64,
    /// What was newest when the section began: later frames are for another exchange.
    head: Head,
    /// Every cursor up to here has been looked at.
    seen: u64,
    /// What is still to be sent of them: cursor and length.
    queue: VecDeque<(u64, usize)>,
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

    /// The mailboxes that the request's frames are in.
    pub(crate) fn changed(&self) -> BTreeSet<Mailbox> {
        self.pushed.iter().map(|(mailbox, _)| *mailbox).collect()
    }

    /// Whether the last page has been given.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// The next bytes; `None` after the last.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`] when the storage fails. Once pages are out, the answer is then cut.
    pub fn next_page(&mut self, storage: &dyn Storage) -> Result<Option<Vec<u8>>, Refusal> {
        let mut page = Vec::new();
        while page.len() < PAGE_BYTES && !self.is_done() {
            self.step(storage, &mut page).map_err(Refusal::Unavailable)?;
        }
        Ok(Some(page).filter(|page| !page.is_empty()))
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
        let (vector, seen) = match section.basis {
            Basis::Vector(vector) => (Some(vector), 0),
            Basis::Digest(digest) => {
                if storage.digest_at(mailbox, section.cursor)? != Some(digest) {
                    put(page, &Part::Need)?;
                    return Ok(State::Between);
                }
                (None, section.cursor)
            }
        };
        let resumed = match section.resume {
            Some(resume) => put_tail(page, storage, mailbox, resume)?,
            None => None,
        };
        Ok(State::Sending(Sending {
            mailbox,
            vector,
            asked_from: section.cursor,
            head: storage.head(mailbox)?,
            seen,
            queue: VecDeque::new(),
            resumed,
        }))
    }
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
            put(page, &Part::Frame { cursor, frame })?;
        }
        Ok(Progress::More)
    }

    /// Queues what the device lacks among the next entries.
    fn look(
        &mut self,
        storage: &dyn Storage,
        pushed: &BTreeSet<(Mailbox, u64)>,
    ) -> Result<(), Error> {
        let range = self.seen + 1..=self.head.cursor;
        let entries = storage.entries(self.mailbox, range, ENTRIES_MAX)?;
        self.seen = entries.last().map_or(self.head.cursor, |last| last.cursor);
        let lacks = |entry: &&Entry| {
            Some(entry.cursor) != self.resumed
                && !pushed.contains(&(self.mailbox, entry.cursor))
                && self.is_asked_for(entry)
        };
        let lacking = entries.iter().filter(lacks);
        self.queue = lacking.map(|entry| (entry.cursor, entry.length)).collect();
        Ok(())
    }

    /// A vector says what is here up to the cursor beside it, lane by lane; what came after that may be a second chunk at a
    /// place of which the device has the first.
    fn is_asked_for(&self, entry: &Entry) -> bool {
        match (&self.vector, entry.place) {
            _ if entry.cursor > self.asked_from => true,
            (Some(vector), Place::Lane(tag, sequence)) => {
                let found = vector.binary_search_by_key(&tag, |(tag, _)| *tag).ok();
                let next = found.and_then(|at| vector.get(at)).map_or(0, |(_, next)| *next);
                sequence >= next
            }
            (None, _) | (_, Place::Loose) => true,
        }
    }

    /// Takes cursors off the queue until they make up `room` bytes; one at least.
    fn take(&mut self, room: usize) -> Vec<u64> {
        let mut cursors = Vec::new();
        let mut bytes = 0;
        while let Some((cursor, length)) = self.queue.front() {
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
        if self.vector.is_some() {
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

/// Goes on with a frame that broke off, if one is stored that begins with what the device has of it, and is longer.
fn put_tail(
    page: &mut Vec<u8>,
    storage: &dyn Storage,
    mailbox: Mailbox,
    resume: Resume,
) -> Result<Option<u64>, Error> {
    let cursors = storage.candidates(mailbox, resume.tag, resume.sequence)?;
    let (offset, frames) = (resume.offset, storage.frames(mailbox, &cursors)?);
    for (cursor, frame) in cursors.into_iter().zip(frames) {
        let Some((start, rest)) = frame.split_at_checked(offset as usize) else { continue };
        if !rest.is_empty() && FrameHash::of(start) == resume.frame {
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

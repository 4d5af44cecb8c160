//! One exchange with a relay, from the device's side: a request out, an answer in, no IO (PROTOCOL § 7).
//!
//! The machine knows bytes, cursors and digests. What frames mean is the engine's to say: it takes
//! [`Step`]s as they come, makes frames durable, and only then counts them as delivered.

use std::collections::{BTreeMap, BTreeSet};

use crate::engine::Received;
use haversack_wire::answer::{AnswerReader, Part, Stored};
use haversack_wire::request::{Section, encode};
use haversack_wire::{CursorDigest, Epoch, Error, FrameHash, Generation, LaneTag, Relay};

/// A frame that was pushed, as the acknowledgement will name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pushed {
    pub(crate) hash: FrameHash,
    /// The chunk's place; `None` for other frames.
    pub(crate) place: Option<(LaneTag, u32)>,
    /// The row that carried it, when it is another device's.
    pub(crate) carried: Option<i64>,
    /// Whether it is the last of the roster's.
    pub(crate) roster: bool,
    /// The key that it grants the live epoch to.
    pub(crate) grant: Option<[u8; 32]>,
}

/// What an answer says next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// The relay took, had, or refused a pushed frame.
    Acknowledged(Pushed, Stored),
    /// A frame to make durable.
    Frame(u64, Vec<u8>),
    /// What the relay holds of each lane.
    Have(Vec<(LaneTag, u32)>),
    /// The relay's memory is not ours.
    Need,
    /// Everything was delivered up to here.
    End(u64, CursorDigest),
}

/// An exchange under way. Drop it at any point: what was applied stays, the rest comes again.
pub struct Exchange {
    relay: Relay,
    /// The epoch that was live when it began.
    pub(crate) live: Epoch,
    request: Vec<u8>,
    mailboxes: Vec<MailboxTrail>,
    /// The mailbox that the answer is about.
    at: usize,
    reader: AnswerReader,
    pub(crate) tally: Tally,
    /// Whether another device answers, and no relay.
    pub(crate) is_meeting: bool,
    /// What it took, in this exchange and those that it goes on after.
    pub(crate) handed: BTreeSet<FrameHash>,
}

/// One mailbox of an exchange.
#[derive(Debug)]
pub(crate) struct MailboxTrail {
    generation: Generation,
    pushed: Vec<Pushed>,
    trail: Trail,
}

impl MailboxTrail {
    pub(crate) const fn new(
        generation: Generation,
        pushed: Vec<Pushed>,
        (cursor, digest): (u64, CursorDigest),
    ) -> Self {
        Self { generation, pushed, trail: Trail { cursor, digest, ahead: BTreeMap::new() } }
    }
}

/// What an exchange has done so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Tally {
    pub(crate) pushed: u32,
    pub(crate) full: u32,
    pub(crate) again: bool,
    pub(crate) received: Received,
    /// Whether something found no room that could be applied once what it lacks is here.
    pub(crate) lost: bool,
    /// Whether keys came.
    pub(crate) keys: bool,
    /// Contacts that were here when it began.
    pub(crate) contacts_before: u64,
    /// The first of this device's own bodies in it.
    pub(crate) own_from: Option<u32>,
}

impl std::fmt::Debug for Exchange {
    /// Without the request: the right to the mailbox is in it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Exchange").field("relay", &self.relay).finish_non_exhaustive()
    }
}

/// A cursor counts frames of one mailbox; beyond this it counts nothing real.
const CURSOR_MAX: u64 = 1 << 48;

impl Exchange {
    /// Begins an exchange about mailboxes, the live one first.
    pub(crate) fn new(
        relay: Relay,
        live: Epoch,
        sections: &[Section],
        mailboxes: Vec<MailboxTrail>,
    ) -> Result<Self, Error> {
        let (request, reader) = (encode(sections)?, AnswerReader::new());
        let (tally, is_meeting, handed) = Default::default();
        Ok(Self { relay, live, request, mailboxes, at: 0, reader, tally, is_meeting, handed })
    }

    /// The body of the one request.
    #[must_use]
    pub fn request(&self) -> &[u8] {
        &self.request
    }

    /// The relay that it is for.
    #[must_use]
    pub const fn relay(&self) -> Relay {
        self.relay
    }

    /// Whether the answer has been read to its end.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        self.reader.is_done()
    }

    /// How far this device has read each mailbox without a gap.
    pub(crate) fn cursors(&self) -> impl Iterator<Item = (Generation, (u64, CursorDigest))> {
        let cursor = |m: &MailboxTrail| (m.generation, (m.trail.cursor, m.trail.digest));
        self.mailboxes.iter().map(cursor)
    }

    /// Takes bytes of the answer and gives the steps that are whole, each with its mailbox.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Result<Vec<(Generation, Step)>, Error> {
        self.reader.feed(bytes);
        let mut steps = Vec::new();
        while let Some(part) = self.reader.next_part()? {
            if let Part::Section(index) = part {
                self.at = index.into();
            }
            let mailbox = self.mailboxes.get_mut(self.at).ok_or(UNASKED)?;
            let generation = mailbox.generation;
            steps.extend(step(mailbox, part)?.map(|step| (generation, step)));
        }
        Ok(steps)
    }

    /// Counts a delivered frame, once it is durable here.
    pub(crate) fn delivered(&mut self, generation: &Generation, cursor: u64, frame: FrameHash) {
        self.trail(generation).into_iter().for_each(|trail| trail.add(cursor, frame));
    }

    /// Takes the relay's word for the cursor at the end of a mailbox's part of the answer.
    pub(crate) fn ended(&mut self, generation: &Generation, cursor: u64, digest: CursorDigest) {
        if let Some(trail) = self.trail(generation) {
            (trail.cursor, trail.digest) = (cursor, digest);
        }
    }

    fn trail(&mut self, generation: &Generation) -> Option<&mut Trail> {
        let mut mailboxes = self.mailboxes.iter_mut();
        mailboxes.find(|m| m.generation == *generation).map(|mailbox| &mut mailbox.trail)
    }
}

fn step(mailbox: &mut MailboxTrail, part: Part<'_>) -> Result<Option<Step>, Error> {
    Ok(Some(match part {
        Part::Ack { cursor, .. } | Part::Frame { cursor, .. } | Part::End { cursor, .. }
            if cursor > CURSOR_MAX =>
        {
            return Err(UNASKED);
        }
        Part::Ack { index, stored, cursor } => {
            let pushed = *mailbox.pushed.get(index as usize).ok_or(UNASKED)?;
            if stored != Stored::Full {
                mailbox.trail.add(cursor, pushed.hash);
            }
            Step::Acknowledged(pushed, stored)
        }
        Part::Frame { cursor, frame } => Step::Frame(cursor, frame.to_vec()),
        Part::Have(lanes) => Step::Have(lanes),
        Part::Need => Step::Need,
        Part::End { cursor, digest } => Step::End(cursor, digest),
        Part::Section(_) | Part::Done | Part::Other => return Ok(None),
        Part::Tail { .. } => return Err(UNASKED),
    }))
}

const UNASKED: Error = Error::Malformed { what: "answer", rule: "names what was not asked" };

/// The rolling digest over a mailbox's frames, as far as there is no gap.
#[derive(Debug)]
struct Trail {
    cursor: u64,
    digest: CursorDigest,
    ahead: BTreeMap<u64, FrameHash>,
}

impl Trail {
    fn add(&mut self, cursor: u64, frame: FrameHash) {
        if cursor > self.cursor {
            self.ahead.insert(cursor, frame);
        }
        while let Some(next) = self.ahead.remove(&(self.cursor + 1)) {
            self.cursor += 1;
            self.digest = self.digest.next(next);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_trail_stops_at_a_gap() {
        let mut trail =
            Trail { cursor: 0, digest: CursorDigest::default(), ahead: BTreeMap::new() };
        let frame = |n| FrameHash::new([n; 16]);
        trail.add(2, frame(2));
        assert_eq!(trail.cursor, 0);
        trail.add(1, frame(1));
        trail.add(1, frame(9));
        assert_eq!(trail.cursor, 2);
        assert_eq!(trail.digest, CursorDigest::default().next(frame(1)).next(frame(2)));
    }
}

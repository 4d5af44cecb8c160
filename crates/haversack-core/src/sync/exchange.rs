//! One exchange with a relay, from the device's side: a request out, an answer in, no IO (PROTOCOL § 7).
//!
//! The machine knows bytes, cursors and digests. What frames mean is the engine's to say: it takes
//! [`Step`]s as they come, makes frames durable, and only then counts them as delivered.

use std::collections::{BTreeMap, BTreeSet};

use crate::engine::{Fault, Received};
use haversack_wire::answer::{AnswerReader, Broken, Part, Stored};
use haversack_wire::codec::put_varint;
use haversack_wire::limits::FRAME_MAX;
use haversack_wire::request::{NO_CURSOR, Resume, Section, encode};
use haversack_wire::{
    CursorDigest, Epoch, Error, Frame, FrameHash, Generation, LaneTag, Pack, Reader, Relay,
};

/// A frame that was pushed, as the acknowledgement will name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pushed {
    pub(crate) hash: FrameHash,
    /// Its length in bytes.
    pub(crate) size: u32,
    /// The chunk's place; `None` for other frames.
    pub(crate) place: Option<(LaneTag, u32)>,
    /// The row that keeps it, when it is of another lane than the present one.
    pub(crate) carried: Option<i64>,
    /// Whether it is the last of the roster's.
    pub(crate) roster: bool,
    /// The key that it grants the live epoch to.
    pub(crate) grant: Option<[u8; 32]>,
    /// What it is of a pack of this device.
    pub(crate) pack: Option<PackPush>,
    /// The epoch that was live when it was pushed.
    pub(crate) epoch: Epoch,
}

/// Packs that a mailbox is asked for, in place of chunks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) packs: Vec<Pack>,
    /// After which cursor.
    pub(crate) from: u64,
}

/// What is pushed of this device's own pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PackPush {
    /// The n-th of its frames.
    Part(Pack, u32),
    /// What the relay may drop, now that it has the pack.
    Retire(Pack),
}

impl Pushed {
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.hash.as_bytes());
        put_varint(out, self.size.into());
        out.push(self.place.is_some().into());
        if let Some((tag, sequence)) = self.place {
            out.extend_from_slice(tag.as_bytes());
            put_varint(out, sequence.into());
        }
        put_varint(out, self.carried.map_or(0, |row| row.unsigned_abs() + 1));
        out.extend([u8::from(self.roster), u8::from(self.grant.is_some())]);
        out.extend(self.grant.iter().flatten());
        match self.pack {
            None => out.push(0),
            Some(PackPush::Part(pack, place)) => {
                out.push(1);
                out.extend_from_slice(pack.as_bytes());
                put_varint(out, place.into());
            }
            Some(PackPush::Retire(pack)) => {
                out.push(2);
                out.extend_from_slice(pack.as_bytes());
            }
        }
        out.extend_from_slice(self.epoch.as_bytes());
    }

    pub(crate) fn decode(r: &mut Reader<'_>) -> Result<Self, Error> {
        let (hash, size) = (FrameHash::new(r.array()?), r.varint_u32()?);
        let place = match r.u8()? {
            0 => None,
            _ => Some((LaneTag::new(r.array()?), r.varint_u32()?)),
        };
        let carried = r.varint()?.checked_sub(1).and_then(|row| i64::try_from(row).ok());
        let roster = r.u8()? == 1;
        let grant = match r.u8()? {
            0 => None,
            _ => Some(r.array()?),
        };
        let pack = match r.u8()? {
            0 => None,
            1 => Some(PackPush::Part(Pack::new(r.array()?), r.varint_u32()?)),
            _ => Some(PackPush::Retire(Pack::new(r.array()?))),
        };
        let epoch = Epoch::new(r.array()?);
        Ok(Self { hash, size, place, carried, roster, grant, pack, epoch })
    }
}

/// What an answer says next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// The relay took, had, or refused a pushed frame; and whether it says so of a place in the mailbox that the digest at its end is
    /// about.
    Acknowledged(Pushed, Stored, bool),
    /// A frame to make durable.
    Frame(u64, Vec<u8>),
    /// Up to here there is nothing for this device.
    Passed(u64, CursorDigest),
    /// The relay's memory is not ours.
    Need,
    /// Everything was delivered up to here.
    End(u64, CursorDigest),
}

/// What the end of a mailbox's part of an answer shows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Ended {
    /// Frames that the relay counts and neither delivered nor acknowledged, where it was to deliver all.
    pub(crate) left_out: u64,
    /// Whether the digest is not that of the frames that it delivered, or the cursor goes back.
    pub(crate) differs: bool,
    /// Whether it does where the request said by a vector what is here: a relay that has another past has no other way to say so.
    pub(crate) is_as_needed: bool,
    /// What was pushed before a line broke and turns out to be there, by its hash.
    pub(crate) confirmed: Vec<Pushed>,
}

/// Fewer bytes than this cost more to ask on from than to get again.
const PART_MIN: usize = 44;

/// A frame of which an answer brought a part before it broke off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Partial {
    /// The relay's mark of it.
    pub(crate) cursor: u64,
    pub(crate) bytes: Vec<u8>,
}

impl Partial {
    /// A part that is worth going on with.
    pub(crate) fn new(cursor: u64, bytes: Vec<u8>) -> Option<Self> {
        let fits = (PART_MIN..FRAME_MAX).contains(&bytes.len()) && cursor <= NO_CURSOR;
        fits.then_some(Self { cursor, bytes })
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether the rest of a frame is that of this one.
    fn goes_on(&self, cursor: u64, offset: u32) -> bool {
        (self.cursor, self.bytes.len()) == (cursor, offset as usize)
    }

    /// How a request asks for the rest.
    pub(crate) fn resume(&self) -> Resume {
        let (offset, frame) = (self.bytes.len() as u32, FrameHash::of(&self.bytes));
        Resume { cursor: self.cursor, offset, frame }
    }
}

/// The lane position of a chunk.
pub(crate) fn place(frame: &[u8]) -> Option<(LaneTag, u32)> {
    match Frame::parse(frame) {
        Ok(Frame::Chunk(header, _)) => Some((header.tag, header.sequence)),
        _ => None,
    }
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
    /// The mailboxes that are asked for packs, and not for chunks.
    pub(crate) loose: BTreeMap<Generation, Wanted>,
    pub(crate) tally: Tally,
    /// Whether another device answers, and no relay.
    pub(crate) is_meeting: bool,
    /// What it took, in this exchange and those that it goes on after.
    pub(crate) handed: BTreeSet<FrameHash>,
    /// What the relay did that it should not.
    pub(crate) faults: BTreeMap<Fault, u32>,
    /// Places on this device's lane that the relay took.
    pub(crate) sent: BTreeSet<u32>,
    /// Own bodies that it delivered.
    pub(crate) shown: BTreeSet<(Generation, u32)>,
    /// Own bodies that it delivered under a key that others may lack.
    pub(crate) stale: BTreeSet<(Generation, u32)>,
    /// What it took that has no place, or was carried: counts once its section ends in order.
    pub(crate) taken: Vec<(Generation, Pushed)>,
    /// What it had no room for.
    pub(crate) full: Vec<Pushed>,
    /// Keys that lacked a grant when it began.
    pub(crate) owed: BTreeSet<[u8; 32]>,
}

/// One mailbox of an exchange.
#[derive(Debug)]
pub(crate) struct MailboxTrail {
    pub(crate) generation: Generation,
    pub(crate) pushed: Vec<Pushed>,
    /// Which of the pushed frames the relay has said something about.
    answered: BTreeSet<u32>,
    /// The vector by which the request says what is here, if it does so.
    pub(crate) vector: Option<Vec<(LaneTag, u32)>>,
    /// Whether the relay's cursors say nothing to this device: then nothing shows by them what it leaves out.
    pub(crate) differs: bool,
    /// Whether it is asked for packs: then no digest at its end speaks of what it acknowledges.
    pub(crate) is_loose: bool,
    /// Where the device was when it began.
    start: (u64, CursorDigest),
    /// The places of chunks that the answer has named so far.
    shown: BTreeSet<(LaneTag, u32)>,
    /// What the relay says that it holds of each lane. Counts once all that belongs to it came: at the end.
    have: Option<Vec<(LaneTag, u32)>>,
    /// A frame that is to be gone on with.
    pub(crate) partial: Option<Partial>,
    /// What was pushed before a line broke, in order: it may be there, or not.
    pub(crate) unsure: Vec<Pushed>,
    /// From which own body on it is to show what it has, as it was before this exchange, less what was shown since.
    pub(crate) to_show: Option<u32>,
    /// From which own body on it was looked for there and not shown. What the relay says of that to have had all along it dropped for a
    /// pack.
    pub(crate) sought: Option<u32>,
    /// The pushed frames that it dropped so.
    dropped: BTreeSet<u32>,
    pub(crate) is_ended: bool,
    trail: Trail,
}

impl MailboxTrail {
    pub(crate) const fn new(
        generation: Generation,
        pushed: Vec<Pushed>,
        (cursor, digest): (u64, CursorDigest),
    ) -> Self {
        Self {
            generation,
            pushed,
            answered: BTreeSet::new(),
            vector: None,
            differs: false,
            is_loose: false,
            start: (cursor, digest),
            shown: BTreeSet::new(),
            have: None,
            partial: None,
            unsure: Vec::new(),
            to_show: None,
            sought: None,
            dropped: BTreeSet::new(),
            is_ended: false,
            trail: Trail { cursor, digest, ahead: BTreeMap::new() },
        }
    }

    /// Whether all that was asked for came to a device that had read nothing there.
    pub(crate) const fn enters(&self) -> bool {
        self.is_ended && self.start.0 == 0 && !self.differs
    }

    /// Up to where the request says that a lane is known to be there, so that it is not shown.
    pub(crate) fn named(&self, tag: &LaneTag) -> u32 {
        let named = self.vector.iter().flatten().find(|(named, _)| named == tag);
        named.map_or(0, |(_, next)| *next)
    }

    /// How many chunks the relay says that it has, was asked for, and did not deliver. `packed` says up to where a lane's chunks may
    /// be dropped, because a pack has them.
    pub(crate) fn held_back(
        &self,
        have: &[(LaneTag, u32)],
        packed: impl Fn(&LaneTag) -> u32,
    ) -> u64 {
        if self.vector.is_none() {
            return 0;
        }
        let lane = |(tag, next): &(LaneTag, u32)| {
            let known = self.named(tag).max(packed(tag));
            let most = (*next).max(known);
            let came = self.shown.range((*tag, known)..(*tag, most)).count() as u64;
            u64::from(most - known) - came
        };
        have.iter().map(lane).sum()
    }

    /// From which body of a lane on the relay is still to show what it has: because it was before, or because it acknowledged that one at
    /// a cursor up to which not everything is here; where a vector says what is here, or packs are asked for, no cursor shows anything.
    pub(crate) fn unproved(&self, lane: LaneTag) -> Option<u32> {
        let is_ahead = |hash: FrameHash| self.trail.ahead.values().any(|ahead| *ahead == hash);
        let is_open =
            |(index, pushed): &(u32, &Pushed)| match self.vector.is_some() || self.is_loose {
                true => self.answered.contains(index) && !self.dropped.contains(index),
                false => is_ahead(pushed.hash),
            };
        let open = (0..).zip(&self.pushed).filter(is_open);
        let places = open.filter_map(|(_, pushed)| pushed.place);
        let of_lane = places.filter(|(tag, _)| *tag == lane).map(|(_, sequence)| sequence);
        of_lane.chain(self.to_show).min()
    }

    /// The pushed frames of which the relay has said nothing.
    pub(crate) fn unanswered(&self) -> impl Iterator<Item = Pushed> + '_ {
        let all = (0..).zip(&self.pushed);
        all.filter(|(index, _)| !self.answered.contains(index)).map(|(_, pushed)| *pushed)
    }
}

/// What an exchange has done so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Tally {
    pub(crate) pushed: u32,
    pub(crate) pushed_bytes: u64,
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

impl Exchange {
    /// Begins an exchange about mailboxes, the live one first.
    pub(crate) fn new(
        relay: Relay,
        live: Epoch,
        sections: &[Section],
        mailboxes: Vec<MailboxTrail>,
    ) -> Result<Self, Error> {
        let (request, reader) = (encode(sections)?, AnswerReader::new());
        let (tally, faults, sent, full, owed) = Default::default();
        let (at, is_meeting, handed, shown, loose) = Default::default();
        let (stale, taken) = Default::default();
        Ok(Self {
            relay,
            live,
            request,
            mailboxes,
            at,
            reader,
            tally,
            is_meeting,
            handed,
            faults,
            sent,
            shown,
            stale,
            taken,
            full,
            owed,
            loose,
        })
    }

    pub(crate) fn blame(&mut self, fault: Fault, count: u64) {
        let sum = self.faults.entry(fault).or_default();
        *sum = sum.saturating_add(u32::try_from(count).unwrap_or(u32::MAX));
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

    /// How far this device has read each mailbox without a gap. Of one that is asked for packs in place of chunks it stays where it was,
    /// unless it has read nothing there and the relay says how far its packs go: what came before is to be what it was.
    pub(crate) fn cursors(&self) -> impl Iterator<Item = (Generation, (u64, CursorDigest))> {
        let is_read = |m: &&MailboxTrail| !self.loose.contains_key(&m.generation) || m.enters();
        let cursor = |m: &MailboxTrail| (m.generation, (m.trail.cursor, m.trail.digest));
        self.mailboxes.iter().filter(is_read).map(cursor)
    }

    /// The mailboxes that it is about.
    pub(crate) fn mailboxes(&self) -> &[MailboxTrail] {
        &self.mailboxes
    }

    /// Takes bytes of the answer and gives the steps that are whole, each with its mailbox; and, where something is no answer,
    /// what is wrong with it. What came before that counts.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> (Vec<(Generation, Step)>, Option<Error>) {
        self.reader.feed(bytes);
        let mut steps = Vec::new();
        loop {
            match self.next_step() {
                Ok(Some(step)) => steps.extend(step),
                Ok(None) => return (steps, None),
                Err(error) => return (steps, Some(error)),
            }
        }
    }

    /// The next part, and what it says. `None` when more bytes are needed.
    #[expect(clippy::option_option, reason = "a part may say nothing")]
    fn next_step(&mut self) -> Result<Option<Option<(Generation, Step)>>, Error> {
        let Some(part) = self.reader.next_part()? else { return Ok(None) };
        if let Part::Section(index) = part {
            self.at = index.into();
        }
        let is_last = self.at + 1 == self.mailboxes.len();
        if self.is_meeting && !may_answer_a_meeting(&part, is_last) {
            return Err(UNASKED);
        }
        let mailbox = self.mailboxes.get_mut(self.at).ok_or(UNASKED)?;
        let generation = mailbox.generation;
        Ok(Some(step(mailbox, part)?.map(|step| (generation, step))))
    }

    /// Counts a delivered frame, once it is durable here. Says whether it is one that was pushed before a line broke.
    pub(crate) fn delivered(
        &mut self,
        generation: &Generation,
        cursor: u64,
        frame: FrameHash,
    ) -> Option<Pushed> {
        let mailbox = self.mailbox(generation)?;
        mailbox.trail.add(cursor, frame);
        let at = mailbox.unsure.iter().position(|pushed| pushed.hash == frame)?;
        Some(mailbox.unsure.remove(at))
    }

    /// What the relay has said that it holds of each lane, once.
    pub(crate) fn told(&mut self, generation: &Generation) -> Option<Vec<(LaneTag, u32)>> {
        self.mailbox(generation)?.have.take()
    }

    /// Takes the relay's word that up to a cursor there is nothing for this device beyond what it has seen.
    pub(crate) fn passed(&mut self, generation: &Generation, cursor: u64, digest: CursorDigest) {
        if let Some(mailbox) = self.mailbox(generation) {
            mailbox.trail.jump(cursor, digest);
        }
    }

    /// Takes the relay's word for the cursor at the end of a mailbox's part of the answer, and says what shows there. Where that is not
    /// in order, and is not to be taken all the same, the device stays where it was.
    pub(crate) fn ended(
        &mut self,
        generation: &Generation,
        cursor: u64,
        (digest, all_the_same): (CursorDigest, bool),
    ) -> Ended {
        let Some(mailbox) = self.mailbox(generation) else { return Ended::default() };
        let trail = &mut mailbox.trail;
        let mut ended = Ended::default();
        let mut unsure = std::mem::take(&mut mailbox.unsure);
        unsure.truncate(trail.filled(cursor, digest, &unsure));
        ended.confirmed = unsure;
        if !mailbox.differs {
            let missing = cursor.saturating_sub(trail.cursor) - trail.beyond(cursor);
            ended.left_out = missing;
            let is_back = cursor < trail.cursor || trail.is_beyond(cursor);
            ended.differs = is_back || (cursor == trail.cursor && digest != trail.digest);
            ended.is_as_needed = ended.differs && mailbox.vector.is_some();
        }
        let is_in_order = ended.left_out == 0 && !ended.differs;
        (trail.cursor, trail.digest) = match is_in_order || all_the_same {
            true => (cursor, digest),
            false => mailbox.start,
        };
        mailbox.partial = None;
        ended
    }

    /// The mailbox in which the answer broke off, and the frame of which it brought a part.
    pub(crate) fn broken_off(&self) -> Option<(Generation, Partial)> {
        let mailbox = self.mailboxes.get(self.at)?;
        let Broken { cursor, offset, bytes } = self.reader.broken_off()?;
        let before = match offset {
            0 => &[][..],
            _ => mailbox.partial.as_ref().filter(|before| before.goes_on(cursor, offset))?.bytes(),
        };
        let partial = Partial::new(cursor, [before, bytes].concat())?;
        Some((mailbox.generation, partial))
    }

    pub(crate) fn mailbox(&mut self, generation: &Generation) -> Option<&mut MailboxTrail> {
        self.mailboxes.iter_mut().find(|mailbox| mailbox.generation == *generation)
    }
}

/// Whether a device may say that to another one, in the last section or before it: it remembers no cursors.
fn may_answer_a_meeting(part: &Part<'_>, is_last: bool) -> bool {
    match part {
        Part::Ack { cursor, .. } => *cursor == 0,
        Part::Frame { cursor, .. } => *cursor == 0 && is_last,
        Part::End { cursor, digest } => (*cursor, *digest) == (0, CursorDigest::default()),
        Part::Tail { .. } | Part::Have(_) | Part::Need | Part::Passed { .. } => false,
        Part::Section(_) | Part::Done | Part::Other => true,
    }
}

fn step(mailbox: &mut MailboxTrail, part: Part<'_>) -> Result<Option<Step>, Error> {
    Ok(Some(match part {
        Part::Ack { cursor, .. }
        | Part::Frame { cursor, .. }
        | Part::Passed { cursor, .. }
        | Part::End { cursor, .. }
            if cursor > NO_CURSOR || mailbox.is_ended =>
        {
            return Err(UNASKED);
        }
        Part::Ack { index, stored, cursor } => {
            let pushed = *mailbox.pushed.get(index as usize).ok_or(UNASKED)?;
            if !mailbox.answered.insert(index) {
                return Err(UNASKED);
            }
            if stored != Stored::Full {
                mailbox.trail.add(cursor, pushed.hash);
            }
            if stored != Stored::Full {
                mailbox.shown.extend(pushed.place);
            }
            let place = pushed.place.map(|(_, sequence)| sequence);
            let was_sought = mailbox.sought.is_some_and(|from| place.is_some_and(|at| at >= from));
            // What it took after the look it may forget as anything else.
            if stored == Stored::Duplicate && was_sought && cursor <= mailbox.start.0 {
                mailbox.dropped.insert(index);
            }
            // What lies before was read, or is shown by what the relay says that it has.
            let is_proved = cursor > mailbox.start.0 || mailbox.vector.is_some();
            Step::Acknowledged(pushed, stored, is_proved)
        }
        Part::Frame { cursor, frame } => {
            mailbox.shown.extend(place(frame));
            Step::Frame(cursor, frame.to_vec())
        }
        Part::Have(lanes) => {
            mailbox.have = Some(lanes);
            return Ok(None);
        }
        Part::Passed { cursor, digest } => Step::Passed(cursor, digest),
        // A cursor that says nothing cannot be wrong.
        Part::Need if mailbox.vector.is_some() && mailbox.differs => return Err(UNASKED),
        Part::Need => Step::Need,
        Part::End { cursor, digest } => {
            mailbox.is_ended = true;
            Step::End(cursor, digest)
        }
        Part::Section(_) | Part::Done | Part::Other => return Ok(None),
        Part::Tail { cursor, offset, rest } => {
            let partial = mailbox.partial.take().ok_or(UNASKED)?;
            if !partial.goes_on(cursor, offset) || rest.len() + partial.bytes.len() > FRAME_MAX {
                return Err(UNASKED);
            }
            let frame = [&partial.bytes, rest].concat();
            mailbox.shown.extend(place(&frame));
            Step::Frame(cursor, frame)
        }
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
        self.go_on();
    }

    fn go_on(&mut self) {
        while let Some(next) = self.ahead.remove(&(self.cursor + 1)) {
            self.cursor += 1;
            self.digest = self.digest.next(next);
        }
    }

    /// Goes on at a cursor further on.
    fn jump(&mut self, cursor: u64, digest: CursorDigest) {
        if cursor > self.cursor {
            (self.cursor, self.digest) = (cursor, digest);
            self.ahead = self.ahead.split_off(&(cursor + 1));
            self.go_on();
        }
    }

    /// How many frames beyond a gap are here, up to a cursor.
    fn beyond(&self, cursor: u64) -> u64 {
        if cursor <= self.cursor {
            return 0;
        }
        self.ahead.range(self.cursor + 1..=cursor).count() as u64
    }

    /// Whether anything was told of a cursor beyond what is said to be the end.
    fn is_beyond(&self, end: u64) -> bool {
        self.ahead.last_key_value().is_some_and(|(cursor, _)| *cursor > end)
    }

    /// How many of these frames, in their order, fill the gaps up to a cursor: all or none, as the digest there shows.
    fn filled(&self, cursor: u64, digest: CursorDigest, frames: &[Pushed]) -> usize {
        let gaps = cursor.saturating_sub(self.cursor) - self.beyond(cursor);
        if gaps == 0 || gaps > frames.len() as u64 {
            return 0;
        }
        let mut filling = frames.iter();
        let mut at = self.digest;
        for place in self.cursor + 1..=cursor {
            let next = self.ahead.get(&place).copied();
            let Some(next) = next.or_else(|| filling.next().map(|frame| frame.hash)) else {
                return 0;
            };
            at = at.next(next);
        }
        if at == digest { gaps as usize } else { 0 }
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

    #[test]
    fn what_a_broken_line_left_open_is_told_by_the_digest() {
        let frame = |n| FrameHash::new([n; 16]);
        let pushed = |n| {
            let (place, carried, roster, grant, pack, epoch) = Default::default();
            Pushed { hash: frame(n), size: 300, place, carried, roster, grant, pack, epoch }
        };
        let open = [pushed(1), pushed(2), pushed(3)];
        let check = |stored: &[u8], delivered: &[u64], expect: usize| {
            let digest = stored.iter().fold(CursorDigest::default(), |d, n| d.next(frame(*n)));
            let mut trail =
                Trail { cursor: 0, digest: CursorDigest::default(), ahead: BTreeMap::new() };
            for at in delivered {
                trail.add(*at, frame(stored[*at as usize - 1]));
            }
            assert_eq!(trail.filled(stored.len() as u64, digest, &open), expect, "{stored:?}");
        };
        check(&[], &[], 0);
        check(&[1], &[], 1);
        check(&[1, 2, 3], &[], 3);
        // Others pushed meanwhile.
        check(&[9, 1, 8, 2], &[1, 3], 2);
        // Something else lies where this device's frame would be.
        check(&[7, 2], &[], 0);
        check(&[2], &[], 0);
        check(&[1, 2, 3, 4], &[], 0);
    }

    #[test]
    fn what_is_worth_it_is_gone_on_with_whatever_it_is() {
        assert!(Partial::new(7, vec![1; PART_MIN - 1]).is_none());
        assert!(Partial::new(7, vec![1; FRAME_MAX]).is_none());
        assert!(Partial::new(NO_CURSOR + 1, vec![1; 300]).is_none());
        for kind in 1..=99 {
            let part = vec![kind; 300];
            let resume = Partial::new(7, part.clone()).unwrap().resume();
            assert_eq!((resume.cursor, resume.offset), (7, 300));
            assert_eq!(resume.frame, FrameHash::of(&part));
        }
    }
}

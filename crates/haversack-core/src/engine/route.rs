//! The routes that frames take: a relay, or a bundle file. Both end in the same `receive`.

use haversack_wire::answer::Stored;
use haversack_wire::bundle::{self, Ending};
use haversack_wire::request::{Basis, Section, SectionHead};
use haversack_wire::{Frame, FrameHash, LaneTag, Relay};

use super::Engine;
use super::batch::Received;
use super::documents::Staged;
use super::kept::{Keep, KeptBody};
use super::state::{RelayState, SpaceState};
use crate::Error;
use crate::members::RosterSegment;
use crate::store::Table;
use crate::sync::chunk;
use crate::sync::exchange::{Exchange, Pushed, Step};

/// Bytes of frames pushed in one request; the rest goes with the next.
const PUSH_BYTES_MAX: usize = 8 << 20;
const PUSH_FRAMES_MAX: usize = haversack_wire::limits::PUSH_FRAMES_MAX;

/// A frame for a relay.
struct Offer {
    frame: Vec<u8>,
    /// The row that keeps it, when it is another device's.
    carried: Option<i64>,
    roster: bool,
}

impl Offer {
    fn pushed(&self) -> Pushed {
        let (hash, place) = (FrameHash::of(&self.frame), place(&self.frame));
        Pushed { hash, place, carried: self.carried, roster: self.roster }
    }
}

/// How many of the offers fit one request.
fn room(offers: &[Offer]) -> usize {
    let sizes = offers.iter().scan(0, |sum, offer| {
        *sum += offer.frame.len();
        Some(*sum)
    });
    sizes.take(PUSH_FRAMES_MAX).take_while(|sum| *sum <= PUSH_BYTES_MAX).count()
}

/// A relay to sync with: its id, and the right to create a mailbox there if it asks for one.
#[derive(Clone, PartialEq, Eq)]
pub struct RelayRoute {
    /// The hash of its long-term key.
    pub relay: Relay,
    /// An admission token; empty where none is asked for.
    pub admission: Vec<u8>,
}

/// What an exchange did. Nothing here says "safe": that takes a signed acknowledgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SyncOutcome {
    /// Frames that the relay stored, or had.
    pub pushed: u32,
    /// Frames that the relay had no room for.
    pub full: u32,
    /// What came.
    pub received: Received,
    /// Contacts that are new here.
    pub contacts: u64,
    /// Whether the answer was read to its end. If not, what came is kept and the rest comes next time.
    pub complete: bool,
    /// Whether another exchange at once would bring or take more.
    pub again: bool,
}

/// What importing a bundle did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BundleOutcome {
    /// Whole frames in the file.
    pub frames: u32,
    /// What they brought.
    pub received: Received,
    /// Contacts that are new here.
    pub contacts: u64,
    /// Whether the file goes to its end.
    pub whole: bool,
}

impl Engine {
    /// Begins an exchange: closes what is unsent, and puts it into one request with what this relay lacks.
    ///
    /// # Errors
    /// [`Error::NoSpace`], and the errors of saving.
    pub fn begin_exchange(&mut self, route: &RelayRoute) -> Result<Exchange, Error> {
        self.close_unsent()?;
        let space = self.space()?.clone();
        let relay = space.relays.get(&route.relay).cloned().unwrap_or_default();
        let mut offers = self.offers(&space, &relay)?;
        let fits = room(&offers);
        let more = fits < offers.len();
        offers.truncate(fits);
        let pushed = offers.iter().map(Offer::pushed).collect();
        let frames = offers.into_iter().map(|offer| offer.frame).collect();
        let basis = match relay.needs_vector {
            true => Basis::Vector(relay.known.iter().map(|(tag, next)| (*tag, *next)).collect()),
            false => Basis::Digest(relay.digest),
        };
        let head = SectionHead {
            token: space.generation.1.token(&route.relay),
            retire: space.retire_hash(),
            admission: route.admission.clone(),
            cursor: relay.cursor,
            basis,
            resume: None,
            frames: 0,
        };
        let start = (relay.cursor, relay.digest);
        let mut exchange = Exchange::new(route.relay, &Section { head, frames }, pushed, start)?;
        exchange.tally.again = more;
        exchange.tally.contacts_before = self.contact_count()?;
        Ok(exchange)
    }

    /// The frames that a relay does not have yet: the roster, what is carried, own bodies.
    fn offers(&mut self, space: &SpaceState, relay: &RelayState) -> Result<Vec<Offer>, Error> {
        let mut offers = Vec::new();
        if !relay.has_roster && space.root.is_some() {
            let frames = self.roster_frames(space)?.into_iter();
            offers.extend(frames.map(|frame| Offer { frame, carried: None, roster: true }));
        }
        for (id, frame) in self.waiting.of(Keep::Carried) {
            if place(frame).is_none_or(|place| is_news(relay, place)) {
                offers.push(Offer { frame: frame.to_vec(), carried: Some(id), roster: false });
            }
        }
        let tag = space.lane_tag(&space.lane);
        for (sequence, kept) in self.bodies.clone() {
            if is_news(relay, (tag, sequence)) {
                let frame = self.own_frame(space, sequence, kept.row)?;
                offers.push(Offer { frame, carried: None, roster: false });
            }
        }
        Ok(offers)
    }

    fn roster_frames(&mut self, space: &SpaceState) -> Result<Vec<Vec<u8>>, Error> {
        let epoch = space.epoch_id();
        let missing = Error::damaged("keyring", "the write key is missing");
        let secret = self.ring.epochs().get(&epoch).ok_or(missing)?;
        let mut frames = Vec::new();
        for segment in RosterSegment::split(&space.epoch, space.roster.statements())? {
            let content = segment.encode();
            frames.push(chunk::seal_roster(
                (secret, &epoch),
                space.space(),
                &content,
                &mut *self.random,
            )?);
        }
        Ok(frames)
    }

    /// A body of this device as it was sealed when it was closed: offered again, it is the same frame, and no
    /// second candidate for its place. Under another epoch it is sealed anew.
    fn own_frame(&mut self, space: &SpaceState, sequence: u32, row: i64) -> Result<Vec<u8>, Error> {
        let kept = self.db.row(Table::Bodies, &self.outbox_key()?, row)?;
        let missing = Error::damaged("outgoing bodies", "one is missing");
        let body = KeptBody::decode(&kept.ok_or(missing)?)?;
        match body.epoch == space.epoch_id() {
            true => Ok(body.frame),
            false => self.seal(space, sequence, &body.raw),
        }
    }

    /// Takes bytes of the answer. What is whole in them is applied and durable when this returns.
    ///
    /// # Errors
    /// [`Error::Wire`] and [`Error::Relay`] when the answer is not one; what was applied before stays.
    pub fn feed(&mut self, exchange: &mut Exchange, bytes: &[u8]) -> Result<Received, Error> {
        let steps = exchange.feed(bytes)?;
        if steps.is_empty() {
            return Ok(Received::default());
        }
        let frames: Vec<Vec<u8>> = steps
            .iter()
            .filter_map(|step| match step {
                Step::Frame(_, frame) => Some(frame.clone()),
                _ => None,
            })
            .collect();
        let received = self.receive(&frames, false)?;
        exchange.tally.received.add(received);
        let mut space = self.space()?.clone();
        let mut relay = space.relays.get(&exchange.relay()).cloned().unwrap_or_default();
        let before = relay.clone();
        // What the relay delivers it has: nobody need carry it there.
        let mut dropped: Vec<i64> =
            frames.iter().filter_map(|frame| self.waiting.carried(frame)).collect();
        for step in steps {
            take_step(exchange, &mut relay, step, &mut dropped, &space);
        }
        relay.needs_vector |= received.dropped > 0;
        (relay.cursor, relay.digest) = exchange.cursor();
        if relay != before || !dropped.is_empty() {
            space.relays.insert(exchange.relay(), relay);
            self.commit(Staged { space: Some(space), drop_frames: dropped, ..Staged::default() })?;
        }
        Ok(received)
    }

    /// Says what an exchange came to, whether or not it came to its end.
    ///
    /// # Errors
    /// [`Error::Database`] when the view cannot be read.
    pub fn end_exchange(&self, exchange: &Exchange) -> Result<SyncOutcome, Error> {
        let tally = exchange.tally;
        Ok(SyncOutcome {
            pushed: tally.pushed,
            full: tally.full,
            received: tally.received,
            contacts: self.contact_count()?.saturating_sub(tally.contacts_before),
            complete: exchange.is_done(),
            again: tally.again,
        })
    }

    /// The relay that was pinned for an address.
    ///
    /// # Errors
    /// [`Error::NoSpace`].
    pub fn pinned_relay(&self, address: &str) -> Result<Option<Relay>, Error> {
        let space = self.space()?;
        let mut met = space.relays.iter().filter(|(_, relay)| relay.address == address);
        let named = || {
            let mut relays = space.roster.relays().into_iter();
            let is_it = |known: &String| known.trim_start_matches("http://") == address;
            relays.find(|relay| relay.addresses.iter().any(is_it))
        };
        Ok(met.next().map(|(id, _)| *id).or_else(|| named().map(|relay| relay.relay)))
    }

    /// Pins the relay that answered at an address: another one there is refused from now on.
    ///
    /// # Errors
    /// [`Error::NoSpace`], and the errors of saving.
    pub fn pin_relay(&mut self, address: &str, relay: Relay) -> Result<(), Error> {
        let mut space = self.space()?.clone();
        address.clone_into(&mut space.relays.entry(relay).or_default().address);
        self.commit(Staged { space: Some(space), ..Staged::default() })
    }

    /// Writes a bundle: everything of this device that is not acknowledged, and what it carries for others.
    ///
    /// # Errors
    /// [`Error::NoSpace`], and the errors of saving.
    pub fn export_bundle(&mut self) -> Result<Vec<u8>, Error> {
        self.close_unsent()?;
        let space = self.space()?.clone();
        let mut frames = self.roster_frames(&space)?;
        frames.extend(self.waiting.of(Keep::Carried).map(|(_, frame)| frame.to_vec()));
        for (sequence, kept) in self.bodies.clone() {
            frames.push(self.own_frame(&space, sequence, kept.row)?);
        }
        Ok(bundle::encode(frames.iter().map(Vec::as_slice))?)
    }

    /// Takes a bundle. What is new is kept for the next relay as well.
    ///
    /// # Errors
    /// [`Error::Wire`] when it is not a bundle, [`Error::Foreign`] when nothing in it is for this space. Nothing
    /// is changed then.
    pub fn import_bundle(&mut self, bytes: &[u8]) -> Result<BundleOutcome, Error> {
        self.space()?;
        let parsed = bundle::decode(bytes)?;
        let ours: Vec<Vec<u8>> = parsed
            .frames
            .iter()
            .filter(|frame| self.is_ours(frame))
            .map(|frame| frame.to_vec())
            .collect();
        if ours.is_empty() && !parsed.frames.is_empty() {
            return Err(Error::Foreign { what: "bundle" });
        }
        let before = self.view.totals()?.0;
        let received = self.receive(&ours, true)?;
        Ok(BundleOutcome {
            frames: parsed.frames.len() as u32,
            received,
            contacts: self.view.totals()?.0.saturating_sub(before),
            whole: parsed.ending == Ending::Whole,
        })
    }

    /// Whether a frame's hint names an epoch that is held here.
    fn is_ours(&self, frame: &[u8]) -> bool {
        let hinted = |nonce, hint| {
            self.ring.epochs().values().any(|secret| secret.hint_key().hint(nonce) == hint)
        };
        match Frame::parse(frame) {
            Ok(Frame::Chunk(header, _)) => hinted(&header.nonce, header.hint),
            Ok(Frame::Roster(header, _)) => hinted(&header.nonce, header.hint),
            _ => false,
        }
    }

    /// How many contacts there are here.
    ///
    /// # Errors
    /// [`Error::Database`] when the view cannot be read.
    pub fn contact_count(&self) -> Result<u64, Error> {
        Ok(self.view.totals()?.0)
    }
}

fn take_step(
    exchange: &mut Exchange,
    relay: &mut RelayState,
    step: Step,
    dropped: &mut Vec<i64>,
    space: &SpaceState,
) {
    match step {
        Step::Acknowledged(_, Stored::Full) => exchange.tally.full += 1,
        Step::Acknowledged(pushed, _) => {
            exchange.tally.pushed += 1;
            relay.has_roster |= pushed.roster;
            dropped.extend(pushed.carried);
            pushed.place.into_iter().for_each(|place| learn(relay, place));
        }
        Step::Frame(cursor, frame) => {
            exchange.delivered(cursor, FrameHash::of(&frame));
            let applied = place(&frame).filter(|place| has_applied(space, *place));
            applied.into_iter().for_each(|place| learn(relay, place));
        }
        Step::Have(lanes) => {
            relay.needs_vector = false;
            let own = space.lane_tag(&space.lane);
            let has = lanes.iter().find(|(tag, _)| *tag == own).map_or(0, |(_, next)| *next);
            if relay.known.get(&own).is_some_and(|known| *known > has) {
                relay.known.insert(own, has);
                exchange.tally.again = true;
            }
            relay.has_roster &= !lanes.is_empty();
        }
        Step::Need => {
            relay.needs_vector = true;
            exchange.tally.again = true;
        }
        Step::End(cursor, digest) => exchange.ended(cursor, digest),
    }
}

/// The lane position of a chunk.
fn place(frame: &[u8]) -> Option<(LaneTag, u32)> {
    match Frame::parse(frame) {
        Ok(Frame::Chunk(header, _)) => Some((header.tag, header.sequence)),
        _ => None,
    }
}

/// Whether a delivered chunk's place is one that this device has applied. A header alone proves nothing: a
/// frame that somebody else put at my next place must not keep me from sending mine.
fn has_applied(space: &SpaceState, (tag, sequence): (LaneTag, u32)) -> bool {
    let others = space.lanes.iter().filter(|(id, _)| **id != space.lane);
    others.into_iter().any(|(id, lane)| sequence < lane.next && space.lane_tag(id) == tag)
}

fn is_news(relay: &RelayState, (tag, sequence): (LaneTag, u32)) -> bool {
    relay.known.get(&tag).is_none_or(|next| sequence >= *next)
}

/// Remembers that the relay has a chunk, as far as it has the lane without a gap.
fn learn(relay: &mut RelayState, (tag, sequence): (LaneTag, u32)) {
    let next = relay.known.entry(tag).or_insert(0);
    if sequence == *next {
        *next += 1;
    }
}

//! The way by a relay. It ends in the same `receive` as that by a file.

use std::collections::BTreeSet;

use haversack_wire::answer::Stored;
use haversack_wire::codec::bounded;
use haversack_wire::request::{Basis, Section, SectionHead};
use haversack_wire::{Epoch, Frame, FrameHash, Generation, LaneTag, Relay, RetireHash};

use super::Engine;
use super::batch::Received;
use super::documents::Staged;
use super::incoming::{TakenIn, acknowledged};
use super::kept::{Keep, KeptBody};
use super::state::{KNOWN_MAX, PINNED_MAX, RouteState, SpaceState, TEXT_MAX};
use crate::Error;
use crate::crypto::{GenerationSecret, Real};
use crate::members::{Live, Owed};
use crate::store::Table;
use crate::sync::chunk;
use crate::sync::exchange::{Exchange, MailboxTrail, Pushed, Step, Tally};

/// Bytes of frames pushed in one request; the rest goes with the next.
const PUSH_BYTES_MAX: usize = 8 << 20;
const PUSH_FRAMES_MAX: usize = haversack_wire::limits::PUSH_FRAMES_MAX;

/// A frame for a relay.
pub(super) struct Offer {
    pub(super) frame: Vec<u8>,
    /// The row that keeps it, when it is another device's.
    carried: Option<i64>,
    /// Whether it is the last of the roster's.
    roster: bool,
    /// The key that it grants the live epoch to.
    grant: Option<[u8; 32]>,
}

impl Offer {
    const fn new(frame: Vec<u8>) -> Self {
        Self { frame, carried: None, roster: false, grant: None }
    }

    /// The same once more, for another mailbox.
    fn again(&self) -> Self {
        Self { frame: self.frame.clone(), ..*self }
    }

    fn pushed(&self) -> Pushed {
        let (hash, place) = (FrameHash::of(&self.frame), place(&self.frame));
        let Self { carried, roster, grant, .. } = *self;
        Pushed { hash, place, carried, roster, grant }
    }
}

/// What room one request has for frames.
struct Room {
    bytes: usize,
    frames: usize,
}

impl Room {
    /// Takes offers as long as they fit, in their order; says whether all did.
    fn take(&mut self, offers: &mut Vec<Offer>) -> bool {
        let all = offers.len();
        let sizes = offers.iter().scan(0, |sum, offer| {
            *sum += offer.frame.len();
            Some(*sum)
        });
        let fit = sizes.take(self.frames).take_while(|sum| *sum <= self.bytes).count();
        offers.truncate(fit);
        self.frames -= fit;
        self.bytes -= offers.iter().map(|offer| offer.frame.len()).sum::<usize>();
        fit == all
    }
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

impl Engine {
    /// Begins an exchange: closes what is unsent, and puts it into one request with what this relay lacks. The mailboxes of all
    /// generations that may still hold something are read; what is new goes to the live one.
    ///
    /// # Errors
    /// [`Error::NoSpace`], [`Error::Removed`], and the errors of saving.
    pub fn begin_exchange(&mut self, route: &RelayRoute) -> Result<Exchange, Error> {
        self.prepare()?;
        self.close_unsent()?;
        self.meet_relay(&route.relay)?;
        let space = self.space()?.clone();
        let live = space.live.ok_or(Error::Removed)?;
        let mut room = Room { bytes: PUSH_BYTES_MAX, frames: PUSH_FRAMES_MAX };
        let me = self.device.identity.sign.public();
        let owed = space.owed_at(&route.relay, &me);
        let mut grants = self.grants(&space, &live, owed);
        let mut more = !room.take(&mut grants);
        let (mut sections, mut mailboxes) = (Vec::new(), Vec::new());
        let mut own_from = None;
        for (generation, secret, retire) in space.mailboxes(&route.relay, &me) {
            let state = space.routes.get(&(route.relay, generation)).cloned().unwrap_or_default();
            let mut offers = self.roster_offers(&space, &live, &state)?;
            if generation == live.generation {
                offers.extend(self.offers(&space, &state)?);
                let from = self.first_owed(&space, &state);
                own_from = self.bodies.range(from..).next().map(|(sequence, _)| *sequence);
            } else if !offers.is_empty() {
                let notices = self.notices(&space, &generation)?.into_iter().map(Offer::new);
                offers.splice(0..0, notices);
            }
            more |= !room.take(&mut offers);
            let took = |offer: &Offer| {
                offer.grant.is_some_and(|key| state.granted.contains(&(live.epoch, key)))
            };
            let mut all: Vec<Offer> =
                grants.iter().filter(|offer| !took(offer)).map(Offer::again).collect();
            all.append(&mut offers);
            let pushed = all.iter().map(Offer::pushed).collect();
            let start = (state.cursor, state.digest);
            mailboxes.push(MailboxTrail::new(generation, pushed, start));
            let frames = all.into_iter().map(|offer| offer.frame).collect();
            let head = section_head(route, &secret, retire, &state);
            sections.push(Section { head, frames });
        }
        let mut exchange = Exchange::new(route.relay, live.epoch, &sections, mailboxes)?;
        exchange.tally.again = more;
        exchange.tally.own_from = own_from;
        exchange.tally.contacts_before = self.contact_count()?;
        Ok(exchange)
    }

    /// What a relay is asked to wait by: the mailboxes that an exchange would read, and how far each is read. It brings and takes
    /// nothing, and the relay answers as soon as another exchange would bring something (PROTOCOL § 7.3).
    ///
    /// # Errors
    /// [`Error::NoSpace`], [`Error::Removed`].
    pub fn wake_request(&self, route: &RelayRoute) -> Result<Vec<u8>, Error> {
        self.still_member()?;
        let space = self.space()?;
        let me = self.device.identity.sign.public();
        let mailboxes = space.mailboxes(&route.relay, &me).into_iter();
        let sections = mailboxes.map(|(generation, secret, retire)| {
            let state = space.routes.get(&(route.relay, generation)).cloned().unwrap_or_default();
            let state = RouteState { needs_vector: false, ..state };
            Section { head: section_head(route, &secret, retire, &state), frames: Vec::new() }
        });
        Ok(haversack_wire::request::encode(&sections.collect::<Vec<_>>())?)
    }

    /// At a relay that was not used before, while another was, nothing is delivered: whoever finds only this one lacks the grants
    /// that lie in the other (R3).
    fn meet_relay(&mut self, relay: &Relay) -> Result<(), Error> {
        let space = self.space()?;
        let is_first = space.routes.is_empty() || space.group.delivered.is_empty();
        if is_first || space.routes.keys().any(|(known, _)| known == relay) {
            return Ok(());
        }
        let mut space = space.clone();
        space.group.delivered.clear();
        self.commit(Staged { space: Some(space), ..Staged::default() })
    }

    /// The grants that are owed.
    pub(super) fn grants(
        &mut self,
        space: &SpaceState,
        live: &Live,
        owed: Vec<Owed>,
    ) -> Vec<Offer> {
        let keys = (live, &space.table, self.ring.epochs());
        let mut grants = Vec::new();
        for owed in owed {
            let frame = space.group.grant::<Real>(owed, keys, &mut *self.random);
            grants.extend(frame.map(|f| Offer { grant: Some(owed.key), ..Offer::new(f) }));
        }
        grants
    }

    /// The roster under the live epoch, for a mailbox that lacks it: whoever minted the epoch brings it, or whoever has read there and not
    /// found it.
    fn roster_offers(
        &mut self,
        space: &SpaceState,
        live: &Live,
        state: &RouteState,
    ) -> Result<Vec<Offer>, Error> {
        let minter = space.table.get(&live.hash).map(|facts| facts.statement.minter);
        let is_mine = minter == Some(self.device.identity.sign.public());
        if state.roster == Some(live.epoch) || !(is_mine || state.cursor > 0) {
            return Ok(Vec::new());
        }
        let mut offers: Vec<Offer> =
            self.roster_frames(space)?.into_iter().map(Offer::new).collect();
        offers.last_mut().into_iter().for_each(|last| last.roster = true);
        Ok(offers)
    }

    /// The frames that the live mailbox does not have yet: what is carried, own bodies.
    fn offers(&mut self, space: &SpaceState, state: &RouteState) -> Result<Vec<Offer>, Error> {
        let mut offers = Vec::new();
        let forked = self.forked_tags(space);
        for (id, frame) in self.waiting.of(Keep::Carried) {
            // Of a forked lane the relay may have the place, and not the body.
            let may_lack =
                |place: (LaneTag, u32)| is_news(state, place) || forked.contains(&place.0);
            if place(frame).is_none_or(may_lack) {
                offers.push(Offer { carried: Some(id), ..Offer::new(frame.to_vec()) });
            }
        }
        let former = self.former_frames(space)?.into_iter();
        let is_news = |frame: &Vec<u8>| place(frame).is_none_or(|place| is_news(state, place));
        offers.extend(former.filter(is_news).map(Offer::new));
        let from = self.first_owed(space, state);
        let sequences: Vec<u32> =
            self.bodies.range(from..).map(|(sequence, _)| *sequence).collect();
        for frame in self.own_frames(space, &sequences)? {
            offers.push(Offer::new(frame));
        }
        Ok(offers)
    }

    /// The tags of forked lanes in the live mailbox.
    fn forked_tags(&self, space: &SpaceState) -> BTreeSet<LaneTag> {
        let live = space.live.as_ref();
        let secret = live.and_then(|live| space.group.generations.get(&live.generation));
        let lanes = self.index.forked().map(|(lane, _)| lane);
        secret.map(|secret| lanes.map(|lane| secret.lane_tag(lane)).collect()).unwrap_or_default()
    }

    /// The first own body that a mailbox lacks. One that is new because somebody was removed gets what nobody has acknowledged; the
    /// rest is in the one before.
    fn first_owed(&self, space: &SpaceState, state: &RouteState) -> u32 {
        let live = space.live.as_ref();
        let secret = live.and_then(|live| space.group.generations.get(&live.generation));
        let known = secret.and_then(|secret| state.known.get(&secret.lane_tag(&space.lane)));
        if let Some(next) = known {
            return *next;
        }
        if live.is_none_or(|live| live.number == 0) {
            return 0;
        }
        let acknowledged = acknowledged(space, &self.bodies);
        (0..).find(|sequence| !acknowledged.contains(sequence)).unwrap_or(0)
    }

    pub(super) fn roster_frames(&mut self, space: &SpaceState) -> Result<Vec<Vec<u8>>, Error> {
        let live = space.live.ok_or(Error::Removed)?;
        let missing = Error::damaged("keyring", "the write key is missing");
        let secret = self.ring.epochs().get(&live.epoch).ok_or(missing)?;
        let mut frames = Vec::new();
        for segment in space.group.segments(&live, &space.table)? {
            let content = segment.encode();
            let key = (secret, &live.epoch);
            frames.push(chunk::seal_roster(key, space.space(), &content, &mut *self.random)?);
        }
        Ok(frames)
    }

    /// Own bodies as they were sealed when they were closed: offered again, each is the same frame, and no second candidate for
    /// its place. What was sealed under an epoch that is not live any more is sealed anew, and kept so (R5).
    pub(super) fn own_frames(
        &mut self,
        space: &SpaceState,
        sequences: &[u32],
    ) -> Result<Vec<Vec<u8>>, Error> {
        let live = space.live.ok_or(Error::Removed)?;
        let (mut frames, mut resealed) = (Vec::new(), Vec::new());
        for sequence in sequences {
            let missing = || Error::damaged("outgoing bodies", "one is missing");
            let row = self.bodies.get(sequence).ok_or_else(missing)?.row;
            let kept = self.db.row(Table::Bodies, &self.outbox_key()?, row)?;
            let mut body = KeptBody::decode(&kept.ok_or_else(missing)?)?;
            if body.is_empty() {
                continue;
            }
            if body.epoch != live.epoch {
                body.frame = self.seal(space, *sequence, &body.raw)?;
                body.epoch = live.epoch;
                resealed.push((row, body.clone()));
            }
            frames.push(body.frame);
        }
        if !resealed.is_empty() {
            self.commit(Staged { resealed, ..Staged::default() })?;
        }
        Ok(frames)
    }

    /// Takes bytes of the answer. What is whole in them is applied and durable when this returns.
    ///
    /// # Errors
    /// [`Error::Wire`] and [`Error::Relay`] when the answer is not one; what was applied before stays.
    pub fn feed(&mut self, exchange: &mut Exchange, bytes: &[u8]) -> Result<Received, Error> {
        if exchange.is_meeting {
            return self.feed_meeting(exchange, bytes);
        }
        let steps = exchange.feed(bytes)?;
        if steps.is_empty() {
            return Ok(Received::default());
        }
        let frames: Vec<Vec<u8>> = steps
            .iter()
            .filter_map(|(_, step)| match step {
                Step::Frame(_, frame) => Some(frame.clone()),
                _ => None,
            })
            .collect();
        let TakenIn { received, lost, keys } = self.take_in(&frames, false)?;
        exchange.tally.received.add(received);
        exchange.tally.lost |= lost;
        exchange.tally.keys |= keys;
        let before = self.space()?.clone();
        let mut space = before.clone();
        // What the relay delivers it has: nobody need carry it there.
        let mut dropped: Vec<i64> =
            frames.iter().filter_map(|frame| self.waiting.carried(frame)).collect();
        for (generation, step) in steps {
            self.take_step(exchange, &mut space, (generation, step), &mut dropped);
        }
        for (generation, cursor) in exchange.cursors() {
            let route = space.routes.entry((exchange.relay(), generation)).or_default();
            note_dropped(route, &exchange.tally);
            (route.cursor, route.digest) = cursor;
        }
        if space.routes != before.routes || !dropped.is_empty() {
            self.commit(Staged { space: Some(space), drop_frames: dropped, ..Staged::default() })?;
        }
        Ok(received)
    }

    fn take_step(
        &self,
        exchange: &mut Exchange,
        space: &mut SpaceState,
        (generation, step): (Generation, Step),
        dropped: &mut Vec<i64>,
    ) {
        let applied = |place| has_applied(space, &generation, place);
        let found = match &step {
            Step::Frame(_, frame) => place(frame).filter(|place| applied(*place)),
            _ => None,
        };
        let roster = match &step {
            Step::Frame(_, frame) => self.is_roster_of(frame, &exchange.live),
            _ => false,
        };
        let own =
            space.group.generations.get(&generation).map(|secret| secret.lane_tag(&space.lane));
        let route = space.routes.entry((exchange.relay(), generation)).or_default();
        route.roster = if roster { Some(exchange.live) } else { route.roster };
        match step {
            Step::Acknowledged(_, Stored::Full) => exchange.tally.full += 1,
            Step::Acknowledged(pushed, _) => {
                exchange.tally.pushed += 1;
                route.roster = if pushed.roster { Some(exchange.live) } else { route.roster };
                dropped.extend(pushed.carried);
                pushed.place.into_iter().for_each(|place| learn(route, place));
                if let Some(key) = pushed.grant {
                    route.granted.retain(|(epoch, _)| *epoch == exchange.live);
                    route.granted.insert((exchange.live, key));
                }
            }
            Step::Frame(cursor, frame) => {
                exchange.delivered(&generation, cursor, FrameHash::of(&frame));
                found.into_iter().for_each(|place| learn(route, place));
            }
            Step::Have(lanes) => exchange.tally.again |= take_have(route, own, &lanes),
            Step::Need => {
                route.needs_vector = true;
                exchange.tally.again = true;
            }
            Step::End(cursor, digest) => {
                route.ended = true;
                exchange.ended(&generation, cursor, digest);
            }
        }
    }

    /// Whether a frame is of the roster under an epoch.
    fn is_roster_of(&self, frame: &[u8], epoch: &Epoch) -> bool {
        match (Frame::parse(frame), self.ring.epochs().get(epoch)) {
            (Ok(Frame::Roster(header, _)), Some(secret)) => {
                secret.hint_key().hint(&header.nonce) == header.hint
            }
            _ => false,
        }
    }

    /// Says what an exchange came to, whether or not it came to its end. After a whole one, in which nothing waited for a
    /// key, the secrets of epochs that have grown old are destroyed (R6).
    ///
    /// # Errors
    /// [`Error::Database`] when the view cannot be read, and the errors of saving.
    pub fn end_exchange(&mut self, exchange: &Exchange) -> Result<SyncOutcome, Error> {
        if exchange.is_meeting {
            return self.end_meeting(exchange);
        }
        let mut tally = exchange.tally;
        if exchange.is_done() {
            tally.again |= self.exchanged(exchange)?;
        }
        Ok(SyncOutcome {
            pushed: tally.pushed,
            full: tally.full,
            received: tally.received,
            contacts: self.contact_count()?.saturating_sub(tally.contacts_before),
            complete: exchange.is_done(),
            again: tally.again,
        })
    }

    /// Takes note of a whole exchange. Says whether another one at once would be of use: because another epoch is live now, or none
    /// is, or because somebody turned out to lack a key.
    fn exchanged(&mut self, exchange: &Exchange) -> Result<bool, Error> {
        if self.still_member().is_err() {
            return Ok(false);
        }
        let live = exchange.live;
        self.offer_anew(exchange)?;
        let mut space = self.space()?.clone();
        if !space.group.seen.is_empty() {
            space.group.exchanged();
            self.commit(Staged { space: Some(space), ..Staged::default() })?;
        }
        self.forget_former_keys()?;
        self.drop_former()?;
        self.let_go_of_erased()?;
        self.grow_old()?;
        let space = self.space()?;
        let me = self.device.identity.sign.public();
        let owes = !space.owed_at(&exchange.relay(), &me).is_empty();
        Ok(space.live.is_none_or(|now| now.epoch != live || owes))
    }

    /// What was pushed under an epoch that turned out to be old is offered once more, under the new one: others may have destroyed
    /// the old one's secret (R5).
    fn offer_anew(&mut self, exchange: &Exchange) -> Result<(), Error> {
        let mut space = self.space()?.clone();
        let Some(live) = space.live.filter(|live| live.epoch != exchange.live) else {
            return Ok(());
        };
        let Some(secret) = space.group.generations.get(&live.generation) else { return Ok(()) };
        let tag = secret.lane_tag(&space.lane);
        let place = (exchange.relay(), live.generation);
        let before = space.routes.get(&place).cloned().unwrap_or_default();
        let mut route = before.clone();
        if let (Some(from), Some(next)) = (exchange.tally.own_from, route.known.get_mut(&tag)) {
            *next = (*next).min(from);
        }
        self.offer_former(&space, &live, &mut route);
        if route == before {
            return Ok(());
        }
        space.routes.insert(place, route);
        self.commit(Staged { space: Some(space), ..Staged::default() })
    }

    /// The relay that is known to answer at an address: of several, the one that is expected. What the team's roster says goes
    /// before what was met there: a relay may have got another key.
    ///
    /// # Errors
    /// [`Error::NoSpace`].
    pub fn pinned_relay(
        &self,
        address: &str,
        expected: Option<Relay>,
    ) -> Result<Option<Relay>, Error> {
        let space = self.space()?;
        let is_it = |known: &String| known.trim_start_matches("http://") == address;
        let relays = space.group.roster.relays().into_iter();
        let mut known: Vec<Relay> = relays
            .filter(|relay| relay.addresses.iter().any(is_it))
            .map(|relay| relay.relay)
            .collect();
        let met = space.pinned.iter().find(|(_, met)| *met == address).map(|(id, _)| *id);
        if known.is_empty() {
            known.extend(met);
        }
        let of_these = |wanted: Option<Relay>| wanted.filter(|relay| known.contains(relay));
        Ok(of_these(expected).or_else(|| of_these(met)).or_else(|| known.first().copied()))
    }

    /// Pins the relay that answered at an address: another one there is refused from now on.
    ///
    /// # Errors
    /// [`Error::NoSpace`], and the errors of saving.
    pub fn pin_relay(&mut self, address: &str, relay: Relay) -> Result<(), Error> {
        let mut space = self.space()?.clone();
        bounded("address of a relay", address.len() as u64, TEXT_MAX)?;
        space.pinned.insert(relay, address.to_owned());
        bounded("relays that are pinned", space.pinned.len() as u64, PINNED_MAX)?;
        self.commit(Staged { space: Some(space), ..Staged::default() })
    }

    /// How many contacts there are here.
    ///
    /// # Errors
    /// [`Error::Database`] when the view cannot be read.
    pub fn contact_count(&self) -> Result<u64, Error> {
        Ok(self.view()?.totals()?.0)
    }
}

fn section_head(
    route: &RelayRoute,
    secret: &GenerationSecret,
    retire: RetireHash,
    state: &RouteState,
) -> SectionHead {
    let basis = match state.needs_vector {
        true => Basis::Vector(state.known.iter().map(|(tag, next)| (*tag, *next)).collect()),
        false => Basis::Digest(state.digest),
    };
    SectionHead {
        token: secret.token(&route.relay),
        retire,
        admission: route.admission.clone(),
        cursor: state.cursor,
        basis,
        resume: None,
        frames: 0,
    }
}

/// What found no room is asked for again: at the next exchange, or, if only another key can open it, once keys came.
fn note_dropped(route: &mut RouteState, tally: &Tally) {
    route.dropped = route.dropped.max(tally.received.dropped);
    route.needs_vector |= tally.lost || (tally.keys && route.dropped > 0);
}

/// Takes what a relay says that it holds. Says whether it lost something of this device.
fn take_have(route: &mut RouteState, own: Option<LaneTag>, lanes: &[(LaneTag, u32)]) -> bool {
    route.needs_vector = false;
    route.dropped = 0;
    route.roster = route.roster.filter(|_| !lanes.is_empty());
    let Some(own) = own else { return false };
    let has = lanes.iter().find(|(tag, _)| *tag == own).map(|(_, next)| *next);
    let lost = route.known.get(&own).is_some_and(|known| has.is_none_or(|has| *known > has));
    if lost {
        route.known.remove(&own);
        route.known.extend(has.map(|has| (own, has)));
    }
    lost
}

/// The lane position of a chunk.
pub(super) fn place(frame: &[u8]) -> Option<(LaneTag, u32)> {
    match Frame::parse(frame) {
        Ok(Frame::Chunk(header, _)) => Some((header.tag, header.sequence)),
        _ => None,
    }
}

/// Whether a delivered chunk's place is one that this device has applied. A header alone proves nothing: a
/// frame that somebody else put at my next place must not keep me from sending mine.
fn has_applied(
    space: &SpaceState,
    generation: &Generation,
    (tag, sequence): (LaneTag, u32),
) -> bool {
    let Some(secret) = space.group.generations.get(generation) else { return false };
    let others = space.lanes.iter().filter(|(id, _)| **id != space.lane);
    others.into_iter().any(|(id, lane)| sequence < lane.next && secret.lane_tag(id) == tag)
}

fn is_news(relay: &RouteState, (tag, sequence): (LaneTag, u32)) -> bool {
    relay.known.get(&tag).is_none_or(|next| sequence >= *next)
}

/// Remembers that the mailbox has a chunk, as far as it has the lane without a gap from where it begins there.
pub(super) fn learn(route: &mut RouteState, (tag, sequence): (LaneTag, u32)) {
    if route.known.len() >= KNOWN_MAX && !route.known.contains_key(&tag) {
        // It is offered, or delivered, once more.
        return;
    }
    let next = route.known.entry(tag).or_insert(sequence);
    if sequence == *next {
        *next += 1;
    }
}

//! The way to a relay: what a request says and brings. What the answer says is `answer`'s.

use std::collections::{BTreeMap, BTreeSet};

use haversack_wire::request::{Basis, NO_CURSOR, Section, SectionHead};
use haversack_wire::{
    CursorDigest, Epoch, FrameHash, Generation, Lane, LaneTag, Relay, RetireHash,
};

use super::Engine;
use super::documents::Staged;
use super::kept::{Keep, KeptBody};
use super::own::own_tag;
use super::state::{KNOWN_MAX, RouteState, SpaceState};
use crate::Error;
use crate::crypto::{GenerationSecret, Real};
use crate::members::{Live, Owed};
use crate::seeded::{Bug, seeded};
use crate::store::Table;
use crate::sync::chunk;
use crate::sync::exchange::{Exchange, MailboxTrail, PackPush, Partial, Pushed, place};

/// Bytes of frames pushed in one request; the rest goes with the next.
const PUSH_BYTES_MAX: usize = 8 << 20;
const PUSH_FRAMES_MAX: usize = haversack_wire::limits::PUSH_FRAMES_MAX;
/// Own bodies that are read, and sealed anew where that is due, at a time.
const OWN_FRAMES_READ: usize = 256;

/// A frame for a relay.
pub(super) struct Offer {
    pub(super) frame: Vec<u8>,
    /// The row that keeps it, when it is of another lane than the present one.
    carried: Option<i64>,
    /// Whether it is the last of the roster's.
    roster: bool,
    /// The key that it grants the live epoch to.
    grant: Option<[u8; 32]>,
    /// What it is of this device's own pack.
    pack: Option<PackPush>,
}

impl Offer {
    const fn new(frame: Vec<u8>) -> Self {
        Self { frame, carried: None, roster: false, grant: None, pack: None }
    }

    /// The same once more, for another mailbox.
    fn again(&self) -> Self {
        Self { frame: self.frame.clone(), ..*self }
    }

    fn pushed(&self, epoch: Epoch) -> Pushed {
        let (hash, place) = (FrameHash::of(&self.frame), place(&self.frame));
        let Self { ref frame, carried, roster, grant, pack } = *self;
        let size = frame.len() as u32;
        Pushed { hash, size, place, carried, roster, grant, pack, epoch }
    }
}

/// What room one request has for frames.
struct Room {
    bytes: usize,
    frames: usize,
}

impl Room {
    const fn whole() -> Self {
        Self { bytes: PUSH_BYTES_MAX, frames: PUSH_FRAMES_MAX }
    }

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

/// What a request is being loaded with.
struct Load {
    room: Room,
    /// The grants that are owed, for each mailbox that lacks them.
    grants: Vec<Offer>,
    /// The first of this device's own bodies in it.
    own_from: Option<u32>,
    /// Whether something found no room.
    more: bool,
}

/// A relay to sync with: its id, and the right to create a mailbox there if it asks for one.
#[derive(Clone, PartialEq, Eq)]
pub struct RelayRoute {
    /// The hash of its long-term key.
    pub relay: Relay,
    /// An admission token; empty where none is asked for.
    pub admission: Vec<u8>,
}

impl Engine {
    /// Begins an exchange: closes what is unsent, and puts it into one request with what this relay lacks. The mailboxes of all
    /// generations that may still hold something are read; what is new goes to the live one. Where a line broke while much was
    /// on its way, the request asks how far it came, and nothing is sent twice.
    ///
    /// # Errors
    /// [`Error::NoSpace`], [`Error::Removed`], and the errors of saving.
    pub fn begin_exchange(&mut self, route: &RelayRoute) -> Result<Exchange, Error> {
        self.prepare()?;
        self.close_unsent()?;
        self.meet_relay(&route.relay)?;
        let space = self.space()?.clone();
        let live = space.live.ok_or(Error::Removed)?;
        let me = self.device.identity.sign.public();
        let owed = space.owed_at(&route.relay, &me);
        let owed_keys = owed.iter().map(|owed| owed.key).collect();
        let all = space.mailboxes(&route.relay, &me);
        let states: Vec<RouteState> =
            all.iter().map(|(id, ..)| space.route(&route.relay, id)).collect();
        let asks = states.iter().any(|state| !state.unsure.is_empty());
        let mut load = Load { room: Room::whole(), own_from: None, more: asks, grants: Vec::new() };
        if !asks {
            load.grants = self.grants(&space, &live, owed);
            load.more = !load.room.take(&mut load.grants);
        }
        let (mut sections, mut mailboxes) = (Vec::new(), Vec::new());
        let mut loose = BTreeMap::new();
        for ((generation, secret, retire), state) in all.into_iter().zip(states) {
            let wanted = self.wanted(&space, &route.relay, &generation).filter(|_| !asks);
            let offers = match asks {
                true => Vec::new(),
                false => {
                    let is_loose = wanted.is_some();
                    let mailbox = (&route.relay, &generation, is_loose);
                    self.for_mailbox(&space, mailbox, &state, &mut load)?
                }
            };
            let mut head = section_head(route, (&secret, retire, &space.lane), &state);
            space.packs.ask(&(route.relay, generation), wanted.as_ref(), &mut head);
            loose.extend(wanted.map(|wanted| (generation, wanted)));
            mailboxes.push(trail(generation, (&offers, live.epoch), &head, state));
            let frames = offers.into_iter().map(|offer| offer.frame).collect();
            sections.push(Section { head, frames });
        }
        let mut exchange = Exchange::new(route.relay, live.epoch, &sections, mailboxes)?;
        exchange.loose = loose;
        exchange.tally.again = load.more;
        exchange.tally.own_from = load.own_from;
        exchange.tally.contacts_before = self.contact_count()?;
        exchange.owed = owed_keys;
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
            let state = space.route(&route.relay, &generation);
            let (needs_vector, unsure) = Default::default();
            let state = RouteState { needs_vector, unsure, partial: None, ..state };
            Section {
                head: section_head(route, (&secret, retire, &space.lane), &state),
                frames: Vec::new(),
            }
        });
        Ok(haversack_wire::request::encode(&sections.collect::<Vec<_>>())?)
    }

    /// The frames for one mailbox, as far as there is room.
    fn for_mailbox(
        &mut self,
        space: &SpaceState,
        (relay, generation, is_loose): (&Relay, &Generation, bool),
        state: &RouteState,
        load: &mut Load,
    ) -> Result<Vec<Offer>, Error> {
        let live = space.live.ok_or(Error::Removed)?;
        let is_live = *generation == live.generation;
        if is_live {
            let from = self.first_owed(space, relay, state);
            load.own_from = self.bodies.range(from..).next().map(|(sequence, _)| *sequence);
        }
        if is_loose {
            // No digest in the answer speaks of what it takes: own bodies alone are looked for afterwards, the rest goes next.
            let mut own = match is_live {
                true => self.own_offers(space, relay, state)?,
                false => Vec::new(),
            };
            load.more |= !load.room.take(&mut own);
            return Ok(own);
        }
        let mut offers = self.roster_offers(space, &live, state)?;
        if is_live {
            offers.extend(self.offers(space, relay, state)?);
            let pack = self.pack_offers(space, relay, generation)?.into_iter();
            offers.extend(pack.map(|(f, pack)| Offer { pack: Some(pack), ..Offer::new(f) }));
        } else if !offers.is_empty() {
            let notices = self.notices(space, generation)?.into_iter().map(Offer::new);
            offers.splice(0..0, notices);
        }
        load.more |= !load.room.take(&mut offers);
        let took = |offer: &Offer| {
            offer.grant.is_some_and(|key| state.granted.contains(&(live.epoch, key)))
        };
        let grants = load.grants.iter().filter(|offer| !took(offer)).map(Offer::again);
        Ok(grants.chain(offers).collect())
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
    fn offers(
        &mut self,
        space: &SpaceState,
        relay: &Relay,
        state: &RouteState,
    ) -> Result<Vec<Offer>, Error> {
        let forked = self.forked_tags(space);
        let took =
            |frame: &[u8]| !state.took.is_empty() && state.took.contains(&FrameHash::of(frame));
        let mut offers = Vec::new();
        for (id, frame) in self.waiting.of(Keep::Carried) {
            // Of a forked lane the relay may have the place, and not the body.
            let may_lack =
                |place: (LaneTag, u32)| is_news(state, place) || forked.contains(&place.0);
            if !took(frame) && place(frame).is_none_or(may_lack) {
                offers.push(Offer { carried: Some(id), ..Offer::new(frame.to_vec()) });
            }
        }
        let former = self.former_frames(space)?.into_iter();
        // What nobody believes stays, and may lie there behind a gap.
        let is_news = |(_, frame): &(i64, Vec<u8>)| {
            !took(frame) && place(frame).is_none_or(|place| is_news(state, place))
        };
        let offer = |(row, frame)| Offer { carried: Some(row), ..Offer::new(frame) };
        offers.extend(former.filter(is_news).map(offer));
        offers.extend(self.own_offers(space, relay, state)?);
        // Last: whoever forks without end keeps nobody's work back.
        let named = self.waiting.named().filter_map(|(_, id)| Some((id, self.waiting.get(id)?)));
        let named = named.filter(|(_, kept)| !took(&kept.frame));
        offers.extend(
            named.map(|(id, kept)| Offer { carried: Some(id), ..Offer::new(kept.frame.clone()) }),
        );
        Ok(offers)
    }

    /// The own bodies that the live mailbox does not have yet: as many as a request has room for, and some more where there are.
    fn own_offers(
        &mut self,
        space: &SpaceState,
        relay: &Relay,
        state: &RouteState,
    ) -> Result<Vec<Offer>, Error> {
        let from = self.first_owed(space, relay, state);
        let sequences: Vec<u32> =
            self.bodies.range(from..).map(|(sequence, _)| *sequence).collect();
        let (mut offers, mut bytes) = (Vec::new(), 0);
        for some in sequences.chunks(OWN_FRAMES_READ) {
            let frames = self.own_frames(space, some)?;
            bytes += frames.iter().map(Vec::len).sum::<usize>();
            offers.extend(frames.into_iter().map(Offer::new));
            if bytes > PUSH_BYTES_MAX || offers.len() > PUSH_FRAMES_MAX {
                break;
            }
        }
        Ok(offers)
    }

    /// The tags of forked lanes in the live mailbox.
    pub(super) fn forked_tags(&self, space: &SpaceState) -> BTreeSet<LaneTag> {
        let live = space.live.as_ref();
        let secret = live.and_then(|live| space.group.generations.get(&live.generation));
        let lanes = self.index.forked().map(|(lane, _)| lane);
        secret.map(|secret| lanes.map(|lane| secret.lane_tag(lane)).collect()).unwrap_or_default()
    }

    /// The first own body that the live mailbox of a relay lacks. One that is new because somebody was removed gets what nobody has
    /// acknowledged; the rest is in the one before, unless that one has lost it.
    pub(super) fn first_owed(&self, space: &SpaceState, relay: &Relay, state: &RouteState) -> u32 {
        let live = space.live.as_ref();
        let secret = live.and_then(|live| space.group.generations.get(&live.generation));
        let tag = secret.map(|secret| secret.lane_tag(&space.lane));
        if let Some(next) = tag.and_then(|tag| state.known.get(&tag)) {
            return *next;
        }
        match tag.filter(|_| live.is_some_and(|live| live.number > 0)) {
            Some(tag) => self.first_at_risk(tag).min(left_before(space, relay).unwrap_or(u32::MAX)),
            None => 0,
        }
    }

    /// The first place on this device's lane that nobody who keeps the team's work has acknowledged.
    pub(super) fn first_at_risk(&self, own: LaneTag) -> u32 {
        let safe = self.acknowledged_tags();
        (0..u32::MAX).find(|sequence| !safe.contains((own, *sequence))).unwrap_or_default()
    }

    pub(super) fn roster_frames(&mut self, space: &SpaceState) -> Result<Vec<Vec<u8>>, Error> {
        let live = space.live.ok_or(Error::Removed)?;
        let missing = Error::damaged("keyring", "the write key is missing");
        let secret = self.ring.epochs().get(&live.epoch).ok_or(missing)?;
        let mut frames = Vec::new();
        for segment in space.group.segments(&live, &space.table)? {
            let content = (&segment.encode()[..], space.padding);
            let key = (secret, &live.epoch);
            frames.push(chunk::seal_roster_padded(key, space.space(), content, &mut *self.random)?);
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
            if body.epoch != live.epoch && !seeded(Bug::ResealNever) {
                let frame = self.seal(space, *sequence, &body.raw)?;
                body = KeptBody { epoch: live.epoch, ..body.sealed_anew(frame) };
                resealed.push((row, body.clone()));
            }
            frames.push(body.frame);
        }
        if !resealed.is_empty() {
            self.commit(Staged { resealed, ..Staged::default() })?;
        }
        Ok(frames)
    }
}

fn section_head(
    route: &RelayRoute,
    (secret, retire, own): (&GenerationSecret, RetireHash, &Lane),
    state: &RouteState,
) -> SectionHead {
    let asks = !state.unsure.is_empty();
    // Nothing is sent again only because it came after a cursor that says nothing.
    let (cursor, digest) = match asks || state.differs {
        true => (NO_CURSOR, CursorDigest::default()),
        false => (state.cursor, state.digest),
    };
    let basis = match state.needs_vector || asks {
        true => Basis::Vector(digest, vector(state, secret.lane_tag(own))),
        false => Basis::Digest(digest),
    };
    SectionHead {
        token: secret.token(&route.relay),
        retire,
        admission: route.admission.clone(),
        cursor,
        basis,
        resume: state.partial.as_ref().map(Partial::resume),
        frames: 0,
    }
}

/// What a relay need not send: what it delivered or acknowledged, and what may have reached it when a line broke. What it acknowledged
/// in an answer that came to no end it is to show, unless it is asked just that.
fn vector(state: &RouteState, own: LaneTag) -> Vec<(LaneTag, u32)> {
    let mut lanes = state.known.clone();
    if let (Some(first), true) = (state.unproved, state.unsure.is_empty()) {
        // Below where it begins there nothing is to be named.
        match (state.begins.is_some_and(|begins| begins < first), lanes.get_mut(&own)) {
            (true, Some(next)) => *next = (*next).min(first),
            _ => drop(lanes.remove(&own)),
        }
    }
    for (tag, sequence) in state.unsure.iter().filter_map(|pushed| pushed.place) {
        if lanes.len() < KNOWN_MAX || lanes.contains_key(&tag) {
            let next = lanes.entry(tag).or_default();
            *next = (*next).max(sequence.saturating_add(1));
        }
    }
    lanes.into_iter().take(KNOWN_MAX).collect()
}

fn trail(
    generation: Generation,
    (offers, live): (&[Offer], Epoch),
    head: &SectionHead,
    state: RouteState,
) -> MailboxTrail {
    let pushed = offers.iter().map(|offer| offer.pushed(live)).collect();
    let mut trail = MailboxTrail::new(generation, pushed, (state.cursor, state.digest));
    trail.vector = match &head.basis {
        Basis::Vector(_, vector) | Basis::Chunks(_, vector) => Some(vector.clone()),
        Basis::Digest(_) | Basis::Loose => None,
    };
    trail.differs = state.differs || !state.unsure.is_empty();
    trail.is_loose = head.basis == Basis::Loose;
    (trail.to_show, trail.sought) = (state.unproved, state.sought);
    (trail.partial, trail.unsure) = (state.partial, state.unsure);
    trail
}

/// How far this device's lane is in the mailbox of a relay that was the live one before.
fn left_before(space: &SpaceState, relay: &Relay) -> Option<u32> {
    let live = space.live?.generation;
    let before = space.table.generations().into_iter().filter(|(id, _)| *id != live);
    before.into_iter().find_map(|(id, _)| {
        let route = space.routes.get(&(*relay, id))?;
        route.known.get(&own_tag(space, &id)?).copied()
    })
}

pub(super) fn is_news(relay: &RouteState, (tag, sequence): (LaneTag, u32)) -> bool {
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

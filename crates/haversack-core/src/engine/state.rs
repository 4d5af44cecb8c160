//! What a store remembers beside documents: who it is, its space, its lanes, its relays.
//!
//! Private to the store and sealed; `docs/PROTOCOL.md` leaves these bytes to each implementation.

use std::collections::{BTreeMap, BTreeSet};

use haversack_wire::codec::{bounded, put_blob, put_varint};
use haversack_wire::limits::{EPOCHS_MAX, FRAME_MAX, LANES_MAX};
use haversack_wire::{
    CursorDigest, Epoch, EpochHash, Error, FrameHash, Generation, Incarnation, Lane, LaneTag,
    Padding, Reader, Relay, RetireHash, Space,
};

use super::faults::{self, Faults};
pub(super) use super::lane::{LaneState, Packed, Said};
pub(super) use super::mark::Mark;
use super::pack::PackState;
use crate::crypto::{GenerationSecret, KemSecret, OneTimeKey, Real, SignKey};
use crate::members::{
    EpochStatement, Group, Held, Identity, Live, Member, Owed, Pending, Role, Roster, Table,
    put_epochs, put_statements, read_epochs, read_statements,
};

use crate::sync::exchange::{Partial, Pushed};

const WHAT: &str = "state";
pub(super) const TEXT_MAX: usize = 1_024;
const REQUEST_MAX: usize = 256;

/// Row numbers of the single values.
pub(super) mod value {
    pub(in crate::engine) const IDENTITY: i64 = 1;
    pub(in crate::engine) const SPACE: i64 = 2;
    pub(in crate::engine) const LANES: i64 = 3;
    pub(in crate::engine) const RELAYS: i64 = 4;
    pub(in crate::engine) const MARK: i64 = 5;
    pub(in crate::engine) const PACKS: i64 = 6;
}

/// Lanes of which it is remembered how far a mailbox has them: as many as a request's vector may name.
pub(super) const KNOWN_MAX: usize = LANES_MAX;
/// Mailboxes, of all relays, that are remembered; relays that are pinned.
const ROUTES_MAX: usize = LANES_MAX;
pub(super) const PINNED_MAX: usize = 256;
/// Kinds of faults, of all relays, that are remembered.
pub(super) const FAULTS_MAX: usize = 1_024;
/// Generations that are remembered: the best of those that an epoch which stands here names, and those of which nothing is
/// known yet.
const GENERATIONS_MAX: usize = 64;
const UNNAMED_MAX: usize = 256;

/// A mailbox at a relay, as far as this device has come with it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct RouteState {
    pub(super) cursor: u64,
    pub(super) digest: CursorDigest,
    /// The first sequence of each lane that this relay neither delivered nor acknowledged.
    pub(super) known: BTreeMap<LaneTag, u32>,
    /// The epoch whose roster was pushed there, or came from there.
    pub(super) roster: Option<Epoch>,
    /// Whether the next request should carry a vector: the relay's memory differs from ours, or something that it sent
    /// found no room here.
    pub(super) needs_vector: bool,
    /// Own grants that it took: (epoch, recipient's signing key).
    pub(super) granted: BTreeSet<(Epoch, [u8; 32])>,
    /// Frames from there that found no room here since it was last asked with a vector.
    pub(super) dropped: u32,
    /// Whether it was ever read to its end.
    pub(super) ended: bool,
    /// Whether the relay's memory is known to be another one: then its cursors say nothing.
    pub(super) differs: bool,
    /// How often in a row the end of its answer was not in order.
    pub(super) strikes: u8,
    /// A frame of which a part came before the line broke.
    pub(super) partial: Option<Partial>,
    /// What was on its way there when the line broke, in order: it may be there, or not.
    pub(super) unsure: Vec<Pushed>,
    /// The frames of other lanes that it has.
    pub(super) took: BTreeSet<FrameHash>,
    /// From which own body on it is to show what it has: it said that it took it, in an answer that broke off before that showed, or
    /// its past is another.
    pub(super) unproved: Option<u32>,
    /// From which own body on it was looked for and not shown, so that it was brought again.
    pub(super) sought: Option<u32>,
    /// The first own body that it ever had: a mailbox that is new because somebody was removed has no lane from its beginning on.
    pub(super) begins: Option<u32>,
}

impl RouteState {
    /// The relay's past is another: what has no place on a lane may not be there any more, and is sent again.
    pub(super) fn forget_sent(&mut self) {
        self.roster = None;
        self.granted.clear();
        self.took.clear();
    }

    fn encode(&self, out: &mut Vec<u8>) {
        put_varint(out, self.cursor);
        out.extend_from_slice(self.digest.as_bytes());
        put_varint(out, self.known.len() as u64);
        for (tag, next) in &self.known {
            out.extend_from_slice(tag.as_bytes());
            put_varint(out, (*next).into());
        }
        out.extend_from_slice(self.roster.unwrap_or_default().as_bytes());
        out.extend([u8::from(self.needs_vector), u8::from(self.ended)]);
        put_varint(out, self.dropped.into());
        put_varint(out, self.granted.len() as u64);
        for (epoch, key) in &self.granted {
            out.extend_from_slice(epoch.as_bytes());
            out.extend_from_slice(key);
        }
        out.extend([u8::from(self.differs), self.strikes]);
        put_varint(out, self.partial.as_ref().map_or(0, |partial| partial.cursor));
        put_blob(out, self.partial.as_ref().map_or(&[], |partial| partial.bytes.as_slice()));
        put_varint(out, self.unsure.len() as u64);
        self.unsure.iter().for_each(|pushed| pushed.encode(out));
        put_varint(out, self.took.len() as u64);
        self.took.iter().for_each(|hash| out.extend_from_slice(hash.as_bytes()));
        for sequence in [self.unproved, self.sought, self.begins] {
            put_varint(out, sequence.map_or(0, |sequence| u64::from(sequence) + 1));
        }
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, Error> {
        let mut relay = Self { cursor: r.varint()?, ..Self::default() };
        relay.digest = CursorDigest::new(r.array()?);
        for _ in 0..r.listed()? {
            relay.known.insert(LaneTag::new(r.array()?), r.varint_u32()?);
        }
        relay.roster = Some(Epoch::new(r.array()?)).filter(|epoch| *epoch != Epoch::default());
        (relay.needs_vector, relay.ended) = (r.u8()? == 1, r.u8()? == 1);
        relay.dropped = r.varint_u32()?;
        for _ in 0..r.listed()? {
            relay.granted.insert((Epoch::new(r.array()?), r.array()?));
        }
        (relay.differs, relay.strikes) = (r.u8()? == 1, r.u8()?);
        relay.partial = Partial::new(r.varint()?, r.blob(FRAME_MAX)?.to_vec());
        for _ in 0..r.listed()? {
            relay.unsure.push(Pushed::decode(r)?);
        }
        for _ in 0..r.varint()? {
            relay.took.insert(FrameHash::new(r.array()?));
        }
        for sequence in [&mut relay.unproved, &mut relay.sought, &mut relay.begins] {
            *sequence = r.varint()?.checked_sub(1).and_then(|first| u32::try_from(first).ok());
        }
        Ok(relay)
    }
}

/// The space that a store is in.
#[derive(Clone)]
pub(super) struct SpaceState {
    pub(super) group: Group,
    /// The epochs as they stand: follows from the group and the secrets.
    pub(super) table: Table,
    /// The epoch that new chunks are sealed under, if there is one.
    pub(super) live: Option<Live>,
    /// The present root key, on a device that keeps it.
    pub(super) root: Option<SignKey>,
    /// Preimages of retire hashes, on the device that made them.
    pub(super) retire_preimages: Vec<[u8; 32]>,
    pub(super) lane: Lane,
    pub(super) lanes: BTreeMap<Lane, LaneState>,
    pub(super) routes: BTreeMap<(Relay, Generation), RouteState>,
    /// Where each relay answered when it was pinned.
    pub(super) pinned: BTreeMap<Relay, String>,
    /// What relays did that they should not.
    pub(super) faults: Faults,
    /// The first sequence of each of this device's lanes that was never written into a file.
    pub(super) filed: BTreeMap<Lane, u32>,
    /// The lanes that this device left because a relay had no room there, and from which sequence on it said its work again.
    pub(super) left: BTreeMap<Lane, u32>,
    /// How much of the lengths of this device's frames shows.
    pub(super) padding: Padding,
    /// Statements to be sent with the next body.
    pub(super) unsent: Vec<Vec<u8>>,
    /// Whether the next body is to be closed even if there is nothing in it but how far this device has come: who rotates
    /// tells once a week what it has, so that others may let go of it.
    pub(super) owes_word: bool,
    /// The day on which this device last saw a new epoch, by its own clock: when to rotate follows from it.
    pub(super) rotated_on: Option<u16>,
    /// What is known of packs, beside their keys.
    pub(super) packs: PackState,
}

impl SpaceState {
    pub(super) fn new(group: Group, lane: Lane, own: LaneState) -> Self {
        Self {
            group,
            table: Table::default(),
            live: None,
            root: None,
            retire_preimages: Vec::new(),
            lane,
            lanes: [(lane, own)].into(),
            routes: BTreeMap::new(),
            pinned: BTreeMap::new(),
            faults: Faults::new(),
            filed: BTreeMap::new(),
            left: BTreeMap::new(),
            padding: Padding::default(),
            unsent: Vec::new(),
            owes_word: false,
            rotated_on: None,
            packs: PackState::default(),
        }
    }

    pub(super) fn space(&self) -> &Space {
        self.group.space()
    }

    /// Whether a device key is of a member that keeps the team's work, as the roster is here now.
    pub(super) fn is_keeper(&self, key: &[u8; 32]) -> bool {
        let member = self.group.roster.member(key);
        let is_current = |member: &Member| member.current.contains_key(key);
        member.is_some_and(|it| it.role.is_some_and(Role::keeps_work) && is_current(it))
    }

    /// A mailbox at a relay, as far as this device has come with it.
    pub(super) fn route(&self, relay: &Relay, generation: &Generation) -> RouteState {
        self.routes.get(&(*relay, *generation)).cloned().unwrap_or_default()
    }

    /// Whether what this device said at a place was said again on another lane.
    pub(super) fn has_left(&self, lane: &Lane, sequence: Option<u32>) -> bool {
        let left = self.left.get(lane).zip(sequence);
        left.is_some_and(|(from, sequence)| *from <= sequence)
    }

    /// Judges the epochs anew, after the group or the secrets changed.
    pub(super) fn refresh(&mut self, held: &Held) {
        self.table = self.group.table();
        self.group.epochs.bound(&self.table);
        self.bound_generations();
        let before = self.live;
        self.live = self.group.live(&self.table, held);
        if self.live.map(|live| live.epoch) != before.map(|live| live.epoch) {
            self.rotated_on = None;
        }
    }

    /// Forgets the secrets of generations that nobody reads any more, and what no epoch here explains, beyond a bound: whoever is
    /// a member can grant what it likes. Whose turn it is follows from the epochs and the ids alone.
    fn bound_generations(&mut self) {
        let named = self.table.generations().into_iter().map(|(id, _)| id);
        let named: BTreeSet<Generation> = named.collect();
        let best = self.table.generations().into_iter().map(|(id, _)| id);
        let held = &self.group.generations;
        let best = best.filter(|id| held.contains_key(id)).take(GENERATIONS_MAX);
        let unnamed = held.keys().filter(|id| !named.contains(id)).take(UNNAMED_MAX).copied();
        let keep: BTreeSet<Generation> = best.chain(unnamed).collect();
        self.group.generations.retain(|id, _| keep.contains(id));
        self.routes.retain(|(_, id), _| keep.contains(id));
    }

    /// The keys that lack a grant of the live epoch and whose grant some mailbox of a relay did not take yet.
    pub(super) fn owed_at(&self, relay: &Relay, me: &[u8; 32]) -> Vec<Owed> {
        let Some(live) = &self.live else { return Vec::new() };
        let packed = self.have_packed(me);
        let mut owed = self.group.owed(live.epoch, &self.table, me, packed.as_ref());
        let all = self.group.mailboxes(&self.table, &owed, |_| true);
        let lacks = |owed: &Owed, id: &Generation| {
            let route = self.routes.get(&(*relay, *id));
            !route.is_some_and(|route| route.granted.contains(&(live.epoch, owed.key)))
        };
        owed.retain(|owed| all.iter().any(|(id, _, _)| lacks(owed, id)));
        owed
    }

    /// The keys that lack a grant of the live epoch, as far as files go. One's own files one does not read.
    pub(super) fn owed_by_file(&self, live: &Live, me: &[u8; 32]) -> Vec<Owed> {
        let (group, packed) = (self.group.by_files(), self.have_packed(me));
        let mut owed = group.owed(live.epoch, &self.table, me, packed.as_ref());
        owed.retain(|owed| owed.key != *me);
        owed
    }

    /// The mailboxes of an exchange with a relay, that of the best generation first.
    pub(super) fn mailboxes(
        &self,
        relay: &Relay,
        me: &[u8; 32],
    ) -> Vec<(Generation, GenerationSecret, RetireHash)> {
        let owed = self.owed_at(relay, me);
        let route = |id: &Generation| self.routes.get(&(*relay, *id));
        let is_unread = |id: &Generation| !route(id).is_some_and(|route| route.ended);
        let read = self.group.mailboxes(&self.table, &owed, is_unread).into_iter();
        let retire = |number| self.group.roster.retire_hash(number).unwrap_or_default();
        read.map(|(id, number, secret)| (id, secret.clone(), retire(number))).collect()
    }

    /// Everything but lanes and relays.
    pub(super) fn encode(&self) -> Vec<u8> {
        let group = &self.group;
        let mut out = group.roster.first_root().to_vec();
        group.roster.encode(&mut out);
        let epochs: Vec<_> = group.epochs.statements().map(|epoch| epoch.bytes.clone()).collect();
        put_epochs(&mut out, &epochs);
        put_varint(&mut out, group.epochs.anchors().len() as u64);
        group.epochs.anchors().iter().for_each(|anchor| out.extend_from_slice(anchor.as_bytes()));
        put_varint(&mut out, group.generations.len() as u64);
        group.generations.values().for_each(|secret| out.extend_from_slice(secret.expose()));
        put_grants(&mut out, group);
        out.push(self.root.is_some().into());
        self.root.iter().for_each(|root| out.extend_from_slice(root.expose()));
        put_varint(&mut out, self.retire_preimages.len() as u64);
        self.retire_preimages.iter().for_each(|preimage| out.extend_from_slice(preimage));
        out.extend_from_slice(self.lane.as_bytes());
        put_statements(&mut out, &self.unsent);
        out.push(self.owes_word.into());
        put_varint(&mut out, self.rotated_on.map_or(0, |day| u64::from(day) + 1));
        put_places(&mut out, &self.filed);
        put_places(&mut out, &self.left);
        out.push(u8::from(self.padding == Padding::HighRisk));
        out
    }

    /// # Errors
    /// [`Error::Limit`] for what could not be read again: nothing is saved then.
    pub(super) fn encode_lanes(&self) -> Result<Vec<u8>, Error> {
        let mut out = Vec::new();
        put_varint(&mut out, bounded("lanes", self.lanes.len() as u64, 2 * LANES_MAX)? as u64);
        for (id, lane) in &self.lanes {
            out.extend_from_slice(id.as_bytes());
            lane.encode(&mut out);
        }
        Ok(out)
    }

    /// # Errors
    /// As [`SpaceState::encode_lanes`].
    pub(super) fn encode_relays(&self) -> Result<Vec<u8>, Error> {
        let mut out = Vec::new();
        put_varint(&mut out, bounded("relays", self.pinned.len() as u64, PINNED_MAX)? as u64);
        for (id, address) in &self.pinned {
            out.extend_from_slice(id.as_bytes());
            put_blob(&mut out, address.as_bytes());
        }
        put_varint(&mut out, bounded("mailboxes", self.routes.len() as u64, ROUTES_MAX)? as u64);
        for ((relay, generation), route) in &self.routes {
            out.extend_from_slice(relay.as_bytes());
            out.extend_from_slice(generation.as_bytes());
            route.encode(&mut out);
        }
        faults::encode(&self.faults, &mut out);
        Ok(out)
    }

    pub(super) fn decode(
        space: &[u8],
        lanes: &[u8],
        relays: &[u8],
        held: &Held,
    ) -> Result<Self, Error> {
        let mut r = Reader::new(WHAT, space);
        let group = decode_group(&mut r)?;
        let root = match r.u8()? {
            0 => None,
            _ => Some(SignKey::from_seed(&r.array()?)),
        };
        let mut retire_preimages = Vec::new();
        for _ in 0..r.varint()? {
            retire_preimages.push(r.array()?);
        }
        let lane = Lane::new(r.array()?);
        let unsent = read_statements(&mut r)?;
        let owes_word = r.u8()? == 1;
        let rotated_on = r.varint()?.checked_sub(1).and_then(|day| u16::try_from(day).ok());
        let (filed, left) = (read_places(&mut r)?, read_places(&mut r)?);
        let padding = if r.u8()? == 1 { Padding::HighRisk } else { Padding::Padme };
        r.end()?;
        let (pinned, routes, faults) = decode_relays(relays)?;
        let own = LaneState::new([0; 32], Incarnation::default());
        let mut state = Self::new(group, lane, own);
        state.refresh(held);
        let lanes = decode_lanes(lanes)?;
        Ok(Self {
            root,
            retire_preimages,
            lanes,
            routes,
            pinned,
            faults,
            filed,
            left,
            padding,
            unsent,
            owes_word,
            rotated_on,
            ..state
        })
    }
}

fn put_places(out: &mut Vec<u8>, places: &BTreeMap<Lane, u32>) {
    put_varint(out, places.len() as u64);
    for (lane, sequence) in places {
        out.extend_from_slice(lane.as_bytes());
        put_varint(out, (*sequence).into());
    }
}

fn read_places(r: &mut Reader<'_>) -> Result<BTreeMap<Lane, u32>, Error> {
    let count = r.listed()?;
    (0..count).map(|_| Ok((Lane::new(r.array()?), r.varint_u32()?))).collect()
}

fn decode_group(r: &mut Reader<'_>) -> Result<Group, Error> {
    let root = r.array()?;
    let mut group = Group { roster: Roster::decode::<Real>(root, r)?, ..Group::new(root) };
    let space = *group.space();
    // More than stand: some are not judged yet.
    for bytes in read_epochs(r, 2 * EPOCHS_MAX)? {
        group.epochs.add(EpochStatement::decode::<Real>(&space, &bytes)?);
    }
    for _ in 0..r.listed()? {
        group.epochs.add_anchor(EpochHash::new(r.array()?));
    }
    for _ in 0..r.varint()? {
        let secret = GenerationSecret::new(r.array()?);
        group.generations.insert(secret.id(&space), secret);
    }
    for _ in 0..r.varint()? {
        group.delivered.insert((Epoch::new(r.array()?), r.array()?));
    }
    for _ in 0..r.varint()? {
        group.seen.insert((Epoch::new(r.array()?), r.array()?), r.u8()?);
    }
    for _ in 0..r.varint()? {
        group.wrote.insert(r.array()?, Epoch::new(r.array()?));
    }
    Ok(group)
}

fn put_grants(out: &mut Vec<u8>, group: &Group) {
    let put = |out: &mut Vec<u8>, epoch: &Epoch, key: &[u8; 32]| {
        out.extend_from_slice(epoch.as_bytes());
        out.extend_from_slice(key);
    };
    put_varint(out, group.delivered.len() as u64);
    group.delivered.iter().for_each(|(epoch, key)| put(out, epoch, key));
    put_varint(out, group.seen.len() as u64);
    for ((epoch, key), left) in &group.seen {
        put(out, epoch, key);
        out.push(*left);
    }
    put_varint(out, group.wrote.len() as u64);
    for (key, epoch) in &group.wrote {
        out.extend_from_slice(key);
        out.extend_from_slice(epoch.as_bytes());
    }
}

// More than others may open: a new life of this device always has room.
fn decode_lanes(bytes: &[u8]) -> Result<BTreeMap<Lane, LaneState>, Error> {
    let mut r = Reader::new(WHAT, bytes);
    let count = r.listed()?;
    (0..count).map(|_| Ok((Lane::new(r.array()?), LaneState::decode(&mut r)?))).collect()
}

type Routes = BTreeMap<(Relay, Generation), RouteState>;

fn decode_relays(bytes: &[u8]) -> Result<(BTreeMap<Relay, String>, Routes, Faults), Error> {
    let mut r = Reader::new(WHAT, bytes);
    let (mut pinned, mut routes) = (BTreeMap::new(), Routes::new());
    for _ in 0..r.listed()? {
        pinned.insert(Relay::new(r.array()?), r.text(TEXT_MAX)?.to_owned());
    }
    for _ in 0..r.listed()? {
        let place = (Relay::new(r.array()?), Generation::new(r.array()?));
        routes.insert(place, RouteState::decode(&mut r)?);
    }
    Ok((pinned, routes, faults::decode(&mut r, FAULTS_MAX)?))
}

/// Who this device is, and a request that waits for its answer.
#[derive(Clone)]
pub(super) struct DeviceState {
    pub(super) identity: Identity,
    pub(super) pending: Option<Pending>,
    /// Where the store lay when it was last open.
    pub(super) place: Option<[u8; 16]>,
    /// Keys for being sealed to from before a renewal: others may not have heard of it.
    pub(super) former_kems: Vec<KemSecret>,
    /// Whether this is not the store's first life: another one may go on in the documents that both have.
    pub(super) lived_before: bool,
}

/// Renewals that nobody has taken note of, at most.
const FORMER_KEMS_MAX: usize = 64;

impl DeviceState {
    pub(super) const fn new(identity: Identity, place: Option<[u8; 16]>) -> Self {
        Self { identity, pending: None, place, former_kems: Vec::new(), lived_before: false }
    }

    /// The same device under other keys.
    pub(super) fn renewed(&self, identity: Identity) -> Self {
        let mut former_kems = self.former_kems.clone();
        former_kems.push(self.identity.kem.clone());
        let spare = former_kems.len().saturating_sub(FORMER_KEMS_MAX);
        former_kems.drain(..spare);
        Self { identity, former_kems, ..self.clone() }
    }

    /// The keys that grants to this device may be sealed to.
    pub(super) fn kems(&self) -> impl Iterator<Item = &KemSecret> {
        std::iter::once(&self.identity.kem).chain(&self.former_kems)
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.identity.encode(&mut out);
        out.push(self.pending.is_some().into());
        if let Some(pending) = &self.pending {
            out.extend_from_slice(pending.one_time.expose());
            put_blob(&mut out, &pending.request);
        }
        out.push(self.place.is_some().into());
        out.extend(self.place.iter().flatten());
        put_varint(&mut out, self.former_kems.len() as u64);
        self.former_kems.iter().for_each(|kem| out.extend_from_slice(kem.expose()));
        out.push(self.lived_before.into());
        out
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut r = Reader::new(WHAT, bytes);
        let identity = Identity::decode(&mut r)?;
        let pending = match r.u8()? {
            0 => None,
            _ => Some(Pending {
                one_time: OneTimeKey::new(r.array()?),
                request: r.blob(REQUEST_MAX)?.to_vec(),
            }),
        };
        let place = match r.u8()? {
            0 => None,
            _ => Some(r.array()?),
        };
        let former = 0..r.listed()?;
        let former_kems =
            former.map(|_| r.array().map(KemSecret::new)).collect::<Result<_, _>>()?;
        let lived_before = r.u8()? == 1;
        r.end().map(|()| Self { identity, pending, place, former_kems, lived_before })
    }
}

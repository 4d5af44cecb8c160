//! What a store remembers of packs, beside their keys.

use std::collections::{BTreeMap, BTreeSet};

use automerge::ChangeHash;
use haversack_wire::codec::put_varint;
use haversack_wire::{
    Document, Error, FrameHash, Generation, Lane, Pack, Reader, Relay, StatementHash,
};

use super::super::Engine;
use super::super::state::{LaneState, Packed, SpaceState};
use crate::crypto::PackKey;
use crate::docs::rebuild::Tip;
use crate::members::Packs;

const WHAT: &str = "packs";
/// Version of these bytes.
const VERSION: u8 = 1;

/// What is known of packs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::engine) struct PackState {
    /// Packs whose manifests are here, and how far they are taken.
    pub(super) taking: BTreeMap<Pack, Taking>,
    /// What mailboxes were asked for, and given.
    pub(super) routes: BTreeMap<(Relay, Generation), PackRoute>,
    /// What was said on each lane of packs: of which lanes, the first sequence that is in none.
    pub(super) said: BTreeMap<Lane, BTreeMap<Lane, u32>>,
    /// The pack that this device made.
    pub(super) mine: Option<Mine>,
    /// Packs in which there may be something that was erased since, as far as their keys were here then; and own ones of before the present one.
    pub(super) stale: Vec<Pack>,
    /// Lanes of which a pack had another branch than is believed here.
    pub(super) beside: BTreeSet<Lane>,
    /// Below this sequence, what this device wrote and others have is in packs, and let go here.
    pub(super) compacted: u32,
}

/// A pack that is being taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Taking {
    /// The device key of who made it.
    pub(super) signer: [u8; 32],
    pub(super) documents: u64,
    pub(super) segments: Vec<FrameHash>,
    /// The places of those that were taken whole.
    pub(super) taken: BTreeSet<u32>,
    /// Where lanes go on, once all are.
    pub(super) ends: Vec<(Lane, LaneState)>,
    /// Of lanes that were this device's before: up to where what it has of them is what was packed.
    pub(super) shared: BTreeMap<Lane, u32>,
    /// What bodies that are kept of such lanes brought, as far as it was packed.
    pub(super) shown: BTreeSet<FormerRow>,
}

/// A row of a body on a lane that was this device's before: its lane, the number of its kind, its document, and the body's place.
pub(super) type FormerRow = (Lane, u8, Document, u32);

/// A mailbox, as far as packs go.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct PackRoute {
    /// The cursor up to which frames that are no chunks were read.
    pub(super) loose: u64,
    /// The packs for whose sake it was read, and up to which cursor.
    pub(super) asked: Vec<Pack>,
    pub(super) reads: u64,
    /// Whether it has passed over something since.
    pub(super) more: bool,
    /// Whether it was read once more from the beginning, because the first time did not suffice.
    pub(super) again: bool,
    /// How many frames of this device's own pack it has, and of which.
    pub(super) delivered: (Pack, u32),
    /// The own pack after which it was told what to drop.
    pub(super) retired: Option<Pack>,
}

/// The pack that this device made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mine {
    pub(super) pack: Pack,
    /// Of each lane, the first sequence that is not in it.
    pub(super) vector: Vec<(Lane, u32)>,
    /// Frames of this device's packs before it.
    pub(super) old: Vec<FrameHash>,
    /// The first row of its segments, and that of the manifest, which is the last.
    pub(super) rows: (i64, i64),
    /// Frames of it, the manifest among them.
    pub(super) frames: u32,
    /// Whether it is still to be told on this device's lane what the pack has.
    pub(super) untold: bool,
    /// Whether there is something in it that was erased since.
    pub(super) is_stale: bool,
}

/// How far the packs that are here are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PackProgress {
    /// Segments taken.
    pub taken: u32,
    /// Segments in all.
    pub segments: u32,
    /// Documents in all.
    pub documents: u64,
}

impl Engine {
    /// How far the packs whose manifests are here are taken; nothing once they are.
    #[must_use]
    pub fn pack_progress(&self) -> PackProgress {
        let mut progress = PackProgress::default();
        for taking in self.space.iter().flat_map(|space| space.packs.taking.values()) {
            progress.taken += taking.taken.len() as u32;
            progress.segments += taking.segments.len() as u32;
            progress.documents += taking.documents;
        }
        progress
    }
}

#[cfg(feature = "sim")]
impl PackState {
    /// Whether packs that this device did not make are taken, or done with.
    pub(in crate::engine) fn has_taken(&self, packs: &Packs) -> bool {
        let mine = self.mine.as_ref().map(|mine| mine.pack);
        packs.spent().iter().any(|pack| Some(*pack) != mine)
    }
}

impl SpaceState {
    /// Whether there is anything to remember of packs. Once there is, it stays so: which were taken is not forgotten.
    pub(in crate::engine) fn knows_packs(&self) -> bool {
        let packs = &self.group.packs;
        let is_new = packs.order().is_empty() && packs.spent().is_empty();
        !is_new || self.packs != PackState::default()
    }

    pub(in crate::engine) fn encode_packs(&self) -> Vec<u8> {
        let (mut out, state) = (vec![VERSION], &self.packs);
        for packs in [self.group.packs.order(), self.group.packs.spent()] {
            put_packs(&mut out, packs);
        }
        put_varint(&mut out, state.taking.len() as u64);
        for (pack, taking) in &state.taking {
            out.extend_from_slice(pack.as_bytes());
            taking.encode(&mut out);
        }
        put_varint(&mut out, state.routes.len() as u64);
        for ((relay, generation), route) in &state.routes {
            out.extend_from_slice(relay.as_bytes());
            out.extend_from_slice(generation.as_bytes());
            route.encode(&mut out);
        }
        put_varint(&mut out, state.said.len() as u64);
        for (by, said) in &state.said {
            out.extend_from_slice(by.as_bytes());
            let said: Vec<(Lane, u32)> = said.iter().map(|(lane, next)| (*lane, *next)).collect();
            put_lanes(&mut out, &said);
        }
        out.push(state.mine.is_some().into());
        state.mine.iter().for_each(|mine| mine.encode(&mut out));
        put_packs(&mut out, &state.stale);
        put_varint(&mut out, state.compacted.into());
        put_varint(&mut out, state.beside.len() as u64);
        state.beside.iter().for_each(|lane| out.extend_from_slice(lane.as_bytes()));
        let told = self.lanes.iter();
        let told = told.filter(|(_, lane)| lane.packed.is_some() || !lane.told.is_empty());
        let told: Vec<_> = told.collect();
        put_varint(&mut out, told.len() as u64);
        for (id, lane) in told {
            out.extend_from_slice(id.as_bytes());
            put_packed(&mut out, lane.packed.as_ref());
            put_rosters(&mut out, &lane.told);
            put_passed(&mut out, &lane.passed);
        }
        out
    }

    /// Reads what is known of packs; nothing in a store of before there were any.
    pub(in crate::engine) fn decode_packs(
        &mut self,
        bytes: Option<&[u8]>,
        keys: &BTreeMap<Pack, PackKey>,
    ) -> Result<(), Error> {
        let Some(bytes) = bytes else { return Ok(()) };
        let mut r = Reader::new(WHAT, bytes);
        match r.u8()? {
            VERSION => {}
            found => return Err(Error::Unknown { what: WHAT, found: found.into() }),
        }
        let (order, spent) = (read_packs(&mut r)?, read_packs(&mut r)?);
        self.group.packs = Packs::load(keys.clone(), order, spent);
        for _ in 0..r.listed()? {
            let pack = Pack::new(r.array()?);
            self.packs.taking.insert(pack, Taking::decode(&mut r)?);
        }
        for _ in 0..r.listed()? {
            let place = (Relay::new(r.array()?), Generation::new(r.array()?));
            self.packs.routes.insert(place, PackRoute::decode(&mut r)?);
        }
        for _ in 0..r.listed()? {
            let by = Lane::new(r.array()?);
            self.packs.said.insert(by, read_lanes(&mut r)?.into_iter().collect());
        }
        self.packs.mine = match r.u8()? {
            0 => None,
            _ => Some(Mine::decode(&mut r)?),
        };
        self.packs.mine.iter().for_each(|mine| self.group.packs.own(mine.pack));
        self.packs.stale = read_packs(&mut r)?;
        self.packs.compacted = r.varint_u32()?;
        for _ in 0..r.listed()? {
            self.packs.beside.insert(Lane::new(r.array()?));
        }
        for _ in 0..r.listed()? {
            let id = Lane::new(r.array()?);
            let (packed, told) = (read_packed(&mut r)?, read_rosters(&mut r)?);
            let passed = read_passed(&mut r)?;
            if let Some(lane) = self.lanes.get_mut(&id) {
                (lane.packed, lane.told, lane.passed) = (packed, told, passed);
            }
        }
        r.end()
    }
}

impl Taking {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.signer);
        put_varint(out, self.documents);
        put_hashes(out, &self.segments);
        put_varint(out, self.taken.len() as u64);
        self.taken.iter().for_each(|place| put_varint(out, (*place).into()));
        put_varint(out, self.ends.len() as u64);
        for (id, lane) in &self.ends {
            out.extend_from_slice(id.as_bytes());
            put_end(out, lane);
        }
        put_varint(out, self.shared.len() as u64);
        for (id, place) in &self.shared {
            out.extend_from_slice(id.as_bytes());
            put_varint(out, (*place).into());
        }
        put_varint(out, self.shown.len() as u64);
        for (lane, kind, document, place) in &self.shown {
            out.extend_from_slice(lane.as_bytes());
            out.push(*kind);
            out.extend_from_slice(document.as_bytes());
            put_varint(out, (*place).into());
        }
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, Error> {
        let (signer, documents, segments) = (r.array()?, r.varint()?, read_hashes(r)?);
        let taken = (0..r.listed()?).map(|_| r.varint_u32());
        let taken = taken.collect::<Result<_, _>>()?;
        let ends = (0..r.listed()?)
            .map(|_| Ok((Lane::new(r.array()?), read_end(r)?)))
            .collect::<Result<_, Error>>()?;
        let shared = (0..r.listed()?).map(|_| Ok((Lane::new(r.array()?), r.varint_u32()?)));
        let shared = shared.collect::<Result<_, Error>>()?;
        let shown = (0..r.listed()?).map(|_| {
            Ok((Lane::new(r.array()?), r.u8()?, Document::new(r.array()?), r.varint_u32()?))
        });
        let shown = shown.collect::<Result<_, Error>>()?;
        Ok(Self { signer, documents, segments, taken, ends, shared, shown })
    }
}

impl PackRoute {
    fn encode(&self, out: &mut Vec<u8>) {
        put_varint(out, self.loose);
        put_packs(out, &self.asked);
        put_varint(out, self.reads);
        out.extend([u8::from(self.more), u8::from(self.again)]);
        out.extend_from_slice(self.delivered.0.as_bytes());
        put_varint(out, self.delivered.1.into());
        put_packs(out, self.retired.as_slice());
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, Error> {
        let (loose, asked) = (r.varint()?, read_packs(r)?);
        let (reads, more, again) = (r.varint()?, r.u8()? == 1, r.u8()? == 1);
        let delivered = (Pack::new(r.array()?), r.varint_u32()?);
        let retired = read_packs(r)?.pop();
        Ok(Self { loose, asked, reads, more, again, delivered, retired })
    }
}

impl Mine {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.pack.as_bytes());
        put_lanes(out, &self.vector);
        put_hashes(out, &self.old);
        for row in [self.rows.0, self.rows.1] {
            put_varint(out, row.unsigned_abs());
        }
        put_varint(out, self.frames.into());
        out.extend([u8::from(self.untold), u8::from(self.is_stale)]);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, Error> {
        let (pack, vector, old) = (Pack::new(r.array()?), read_lanes(r)?, read_hashes(r)?);
        let rows = (read_row(r)?, read_row(r)?);
        let (frames, untold, is_stale) = (r.varint_u32()?, r.u8()? == 1, r.u8()? == 1);
        Ok(Self { pack, vector, old, rows, frames, untold, is_stale })
    }
}

fn read_row(r: &mut Reader<'_>) -> Result<i64, Error> {
    let row = r.varint()?;
    i64::try_from(row).map_err(|_| r.malformed("a row is none"))
}

fn put_packed(out: &mut Vec<u8>, packed: Option<&Packed>) {
    out.push(packed.is_some().into());
    if let Some(Packed { end, by, .. }) = packed {
        put_end(out, end);
        out.extend_from_slice(by);
    }
}

fn put_end(out: &mut Vec<u8>, end: &LaneState) {
    end.encode(out);
    put_passed(out, &end.passed);
}

fn read_end(r: &mut Reader<'_>) -> Result<LaneState, Error> {
    let end = LaneState::decode(r)?;
    Ok(LaneState { passed: read_passed(r)?, ..end })
}

fn read_packed(r: &mut Reader<'_>) -> Result<Option<Packed>, Error> {
    if r.u8()? == 0 {
        return Ok(None);
    }
    let end = read_end(r)?;
    Ok(LaneState::packed(end, r.array()?).packed)
}

fn put_passed(out: &mut Vec<u8>, passed: &BTreeMap<Document, Tip>) {
    put_varint(out, passed.len() as u64);
    for (document, tip) in passed {
        out.extend_from_slice(document.as_bytes());
        put_varint(out, tip.sequence);
        out.extend_from_slice(&tip.hash.map_or([0; 32], |hash| hash.0));
    }
}

fn read_passed(r: &mut Reader<'_>) -> Result<BTreeMap<Document, Tip>, Error> {
    let entry = |r: &mut Reader<'_>| {
        let (document, sequence) = (Document::new(r.array()?), r.varint()?);
        Ok((document, Tip { sequence, hash: Some(ChangeHash(r.array()?)) }))
    };
    (0..r.listed()?).map(|_| entry(r)).collect()
}

fn put_packs(out: &mut Vec<u8>, packs: &[Pack]) {
    put_varint(out, packs.len() as u64);
    packs.iter().for_each(|pack| out.extend_from_slice(pack.as_bytes()));
}

fn read_packs(r: &mut Reader<'_>) -> Result<Vec<Pack>, Error> {
    (0..r.listed()?).map(|_| r.array().map(Pack::new)).collect()
}

fn put_hashes(out: &mut Vec<u8>, hashes: &[FrameHash]) {
    put_varint(out, hashes.len() as u64);
    hashes.iter().for_each(|hash| out.extend_from_slice(hash.as_bytes()));
}

fn read_hashes(r: &mut Reader<'_>) -> Result<Vec<FrameHash>, Error> {
    (0..r.listed()?).map(|_| r.array().map(FrameHash::new)).collect()
}

fn put_lanes(out: &mut Vec<u8>, lanes: &[(Lane, u32)]) {
    put_varint(out, lanes.len() as u64);
    for (lane, next) in lanes {
        out.extend_from_slice(lane.as_bytes());
        put_varint(out, (*next).into());
    }
}

fn read_lanes(r: &mut Reader<'_>) -> Result<Vec<(Lane, u32)>, Error> {
    (0..r.listed()?).map(|_| Ok((Lane::new(r.array()?), r.varint_u32()?))).collect()
}

fn put_rosters(out: &mut Vec<u8>, rosters: &[(u32, Vec<StatementHash>)]) {
    put_varint(out, rosters.len() as u64);
    for (from, heads) in rosters {
        put_varint(out, (*from).into());
        put_varint(out, heads.len() as u64);
        heads.iter().for_each(|head| out.extend_from_slice(head.as_bytes()));
    }
}

fn read_rosters(r: &mut Reader<'_>) -> Result<Vec<(u32, Vec<StatementHash>)>, Error> {
    let roster = |r: &mut Reader<'_>| {
        let from = r.varint_u32()?;
        let heads = (0..r.listed()?).map(|_| r.array().map(StatementHash::new));
        Ok((from, heads.collect::<Result<_, _>>()?))
    };
    (0..r.listed()?).map(|_| roster(r)).collect()
}

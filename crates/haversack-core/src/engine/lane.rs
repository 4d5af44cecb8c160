//! What is known of a lane: its author, how far it has come, what it said.

use std::collections::{BTreeMap, BTreeSet};

use haversack_wire::codec::put_varint;
use haversack_wire::limits::WAITING_MAX;
use haversack_wire::{Document, Error, Incarnation, Lane, Position, Reader, StatementHash};

use crate::docs::rebuild::Tip;
use crate::members::{Role, Roster, Standing};

/// What an author said of a lane: a signed acknowledgement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    /// The first sequence that it has not applied.
    pub(super) next: u32,
    /// The first 8 bytes of the position of `next − 1`.
    pub(super) hash: [u8; 8],
    /// Sequences that it refused.
    pub(super) quarantined: Vec<u32>,
}

/// A lane: a device incarnation's sequence of bodies, as far as it is known here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LaneState {
    pub(super) device_key: [u8; 32],
    pub(super) incarnation: Incarnation,
    /// The first sequence not applied yet.
    pub(super) next: u32,
    /// The position hash of `next − 1`.
    pub(super) position: Position,
    /// What its author had seen of the roster, from which sequence on.
    pub(super) rosters: Vec<(u32, Vec<StatementHash>)>,
    /// The lanes that its author has named, in order.
    pub(super) mentions: Vec<Lane>,
    /// What its author last said of the other lanes.
    pub(super) vector: BTreeMap<Lane, Said>,
    /// Sequences of which something was refused.
    pub(super) quarantined: Vec<u32>,
    /// What a pack tells to pass over of its author, and how far the author has come in it. Saved with what is known of packs.
    pub(super) passed: BTreeMap<Document, Tip>,
    /// What a pack tells of its author's roster, from which sequence on: counts for what is not applied yet. Saved with what is
    /// known of packs.
    pub(super) told: Vec<(u32, Vec<StatementHash>)>,
    /// Up to where a pack has it, and who made that. Saved with what is known of packs.
    pub(super) packed: Option<Packed>,
}

/// What a pack has of a lane: as its maker signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Packed {
    pub(super) said: Said,
    /// What was known of the lane where the pack ends: from there it goes on again when it turns out to fork.
    pub(super) end: Box<LaneState>,
    /// The device key of who made it.
    pub(super) by: [u8; 32],
}

impl LaneState {
    pub(super) fn new(device_key: [u8; 32], incarnation: Incarnation) -> Self {
        Self {
            device_key,
            incarnation,
            next: 0,
            position: Position::default(),
            rosters: Vec::new(),
            mentions: Vec::new(),
            vector: BTreeMap::new(),
            quarantined: Vec::new(),
            passed: BTreeMap::new(),
            told: Vec::new(),
            packed: None,
        }
    }

    /// Notes that of these bodies something was refused. Of many, the newest count: a vector has no room for more.
    pub(super) fn quarantine(&mut self, sequences: impl IntoIterator<Item = u32>) {
        let all: BTreeSet<u32> = self.quarantined.drain(..).chain(sequences).collect();
        self.quarantined.extend(all.iter().skip(all.len().saturating_sub(WAITING_MAX)));
    }

    /// Where a lane goes on that came by a pack.
    pub(super) fn packed(end: Self, by: [u8; 32]) -> Self {
        let (next, hash, quarantined) = (end.next, end.position_start(), end.quarantined.clone());
        let said = Said { next, hash, quarantined };
        Self { packed: Some(Packed { said, end: Box::new(end.clone()), by }), ..end }
    }

    /// The first 8 bytes of the position, as vectors carry it.
    pub(super) fn position_start(&self) -> [u8; 8] {
        haversack_wire::hash::cut(widen(self.position.to_bytes()))
    }

    /// The first sequence that did not come by a pack.
    pub(super) fn packed_next(&self) -> u32 {
        self.packed.as_ref().map_or(0, |packed| packed.said.next)
    }

    /// Whether its author keeps the team's work, and did from this lane's beginning: what it says that it has, it keeps.
    pub(super) fn keeps_work(&self, roster: &Roster) -> bool {
        let keeps = |standing: &Standing| {
            let role = standing.member(&self.device_key).and_then(|member| member.role);
            role.is_some_and(Role::keeps_work)
        };
        let first = roster.stood(self.heads_at(Some(0)));
        keeps(roster.standing()) && first.is_some_and(|first| keeps(&first))
    }

    /// What its author had last seen of the roster.
    pub(super) fn heads(&self) -> &[StatementHash] {
        self.rosters.last().map(|(_, heads)| heads.as_slice()).unwrap_or_default()
    }

    /// What its author had seen of the roster at a sequence; of what is not sent yet: the last.
    pub(super) fn heads_at(&self, sequence: Option<u32>) -> &[StatementHash] {
        let sequence = sequence.unwrap_or(u32::MAX);
        let is_told = sequence >= self.next && !self.told.is_empty();
        let rosters = if is_told { &self.told } else { &self.rosters };
        let named = rosters.iter().rev().find(|(from, _)| *from <= sequence);
        named.map(|(_, heads)| heads.as_slice()).unwrap_or_default()
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.device_key);
        out.extend_from_slice(self.incarnation.as_bytes());
        put_varint(out, self.next.into());
        out.extend_from_slice(self.position.as_bytes());
        put_varint(out, self.rosters.len() as u64);
        for (from, heads) in &self.rosters {
            put_varint(out, (*from).into());
            put_varint(out, heads.len() as u64);
            heads.iter().for_each(|head| out.extend_from_slice(head.as_bytes()));
        }
        put_varint(out, self.mentions.len() as u64);
        self.mentions.iter().for_each(|lane| out.extend_from_slice(lane.as_bytes()));
        put_varint(out, self.vector.len() as u64);
        for (lane, said) in &self.vector {
            out.extend_from_slice(lane.as_bytes());
            put_varint(out, said.next.into());
            out.extend_from_slice(&said.hash);
            put_sequences(out, &said.quarantined);
        }
        put_sequences(out, &self.quarantined);
    }

    pub(super) fn decode(r: &mut Reader<'_>) -> Result<Self, Error> {
        let mut lane = Self::new(r.array()?, Incarnation::new(r.array()?));
        lane.next = r.varint_u32()?;
        lane.position = Position::new(r.array()?);
        for _ in 0..r.varint()? {
            let from = r.varint_u32()?;
            let count = r.listed()?;
            let heads = (0..count).map(|_| r.array().map(StatementHash::new));
            lane.rosters.push((from, heads.collect::<Result<_, _>>()?));
        }
        for _ in 0..r.listed()? {
            lane.mentions.push(Lane::new(r.array()?));
        }
        for _ in 0..r.listed()? {
            let named = Lane::new(r.array()?);
            let (next, hash) = (r.varint_u32()?, r.array()?);
            let quarantined = read_sequences(r)?;
            lane.vector.insert(named, Said { next, hash, quarantined });
        }
        lane.quarantined = read_sequences(r)?;
        Ok(lane)
    }
}

pub(super) fn put_sequences(out: &mut Vec<u8>, sequences: &[u32]) {
    put_varint(out, sequences.len() as u64);
    sequences.iter().for_each(|sequence| put_varint(out, (*sequence).into()));
}

pub(super) fn read_sequences(r: &mut Reader<'_>) -> Result<Vec<u32>, Error> {
    (0..r.listed()?).map(|_| r.varint_u32()).collect()
}

fn widen(position: [u8; 16]) -> [u8; 32] {
    std::array::from_fn(|i| position.get(i).copied().unwrap_or_default())
}

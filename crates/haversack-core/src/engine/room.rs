//! How much is kept of what others send: by number and by bytes, so that whoever has a mailbox's token can fill it
//! with garbage and not the phone; and in parts, so that garbage does not take the place of what may be of use.

use std::collections::BTreeMap;

use haversack_wire::limits::{FRAME_MAX, WAITING_MAX};
use haversack_wire::{Frame, Lane, LaneTag};

use super::kept::{Keep, Waiting};

const MIB: usize = 1 << 20;

/// Places and bytes that are left.
#[derive(Debug, Clone, Copy)]
struct Pool {
    places: usize,
    bytes: usize,
}

impl Pool {
    const fn new(places: usize, bytes: usize) -> Self {
        Self { places, bytes }
    }

    const fn has(&self, bytes: usize) -> bool {
        self.places > 0 && self.bytes >= bytes
    }
}

/// How much more may be kept, of each kind that others can make.
#[derive(Debug, Clone)]
pub(super) struct Room {
    /// What waits, by the bytes that it unpacks to: that is what trying it again costs.
    waiting: Pool,
    /// Of that, what is on lanes that are not known.
    stray: Pool,
    lanes: BTreeMap<Lane, usize>,
    foreign: Pool,
    /// Of that, what is on no lane that is known.
    strange: Pool,
    tags: BTreeMap<LaneTag, usize>,
    quarantined: Pool,
    /// Of that, what nobody who has a key of the team made.
    unplaced: Pool,
    newer: Pool,
    /// Grants for others, which only they can open.
    grants: Pool,
    /// Parts of packs.
    segments: Pool,
    /// Bodies of forked lanes that this device has named.
    named: Pool,
}

impl Default for Room {
    fn default() -> Self {
        Self {
            waiting: Pool::new(1_024, 16 * MIB),
            stray: Pool::new(256, 4 * MIB),
            lanes: BTreeMap::new(),
            foreign: Pool::new(1_024, 16 * MIB),
            strange: Pool::new(512, 8 * MIB),
            tags: BTreeMap::new(),
            quarantined: Pool::new(1_024, 16 * MIB),
            unplaced: Pool::new(256, 2 * MIB),
            newer: Pool::new(256, 4 * MIB),
            grants: Pool::new(1_024, MIB),
            segments: Pool::new(64, 2 * MIB),
            named: Pool::new(512, 4 * MIB),
        }
    }
}

impl Room {
    /// What is left beside what is kept, some rows excepted.
    pub(super) fn beside(waiting: &Waiting, except: &[i64]) -> Self {
        let mut room = Self::default();
        for (id, kept) in waiting.iter() {
            if !except.contains(&id) {
                room.take(&kept.keep, &kept.frame);
            }
        }
        room
    }

    /// Whether whatever is refused next is kept.
    pub(super) const fn has_room_for_refused(&self) -> bool {
        self.quarantined.has(FRAME_MAX)
    }

    /// Takes a place, if there is one. What was verified and is carried always has one.
    pub(super) fn take(&mut self, keep: &Keep, frame: &[u8]) -> bool {
        let is_newer = matches!(Frame::parse(frame), Ok(Frame::Other));
        let is_grant = matches!(Frame::parse(frame), Ok(Frame::Grant(..)));
        let (pools, shared, bytes) = match keep {
            Keep::Former | Keep::Left | Keep::Pack => return true,
            Keep::Named(..) => ([Some(&mut self.named), None], None, frame.len()),
            Keep::Segment => ([Some(&mut self.segments), None], None, frame.len()),
            Keep::Carried if is_grant => ([Some(&mut self.grants), None], None, frame.len()),
            Keep::Carried if !is_newer => return true,
            Keep::Carried | Keep::Newer => ([Some(&mut self.newer), None], None, frame.len()),
            Keep::Waiting(wait) => {
                let stray = wait.stray.then_some(&mut self.stray);
                let lane = self.lanes.entry(wait.lane).or_default();
                ([Some(&mut self.waiting), stray], Some(lane), wait.raw as usize)
            }
            Keep::Quarantined(refused) => {
                let unplaced = refused.place.is_none().then_some(&mut self.unplaced);
                ([Some(&mut self.quarantined), unplaced], None, frame.len())
            }
            Keep::Foreign { ours } => {
                let strange = (!ours).then_some(&mut self.strange);
                let tag = tag_of(frame).map(|tag| self.tags.entry(tag).or_default());
                ([Some(&mut self.foreign), strange], tag, frame.len())
            }
        };
        let has_room = pools.iter().flatten().all(|pool| pool.has(bytes))
            && shared.as_ref().is_none_or(|count| **count < WAITING_MAX);
        if has_room {
            shared.into_iter().for_each(|count| *count += 1);
            for pool in pools.into_iter().flatten() {
                pool.places -= 1;
                pool.bytes -= bytes;
            }
        }
        has_room
    }
}

/// The lane that a chunk's clear header names.
pub(super) fn tag_of(frame: &[u8]) -> Option<LaneTag> {
    match Frame::parse(frame) {
        Ok(Frame::Chunk(header, _)) => Some(header.tag),
        _ => None,
    }
}

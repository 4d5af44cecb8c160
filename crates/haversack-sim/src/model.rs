//! What is known from outside of what was said, saved and sealed: what checkers compare with.

use std::collections::{BTreeMap, BTreeSet};

use haversack_wire::{Device, FrameHash, Lane, Position};

use crate::founding::FORBIDDEN;

/// The world as it should be.
#[derive(Debug, Default)]
pub(crate) struct Model {
    next: i64,
    forged: i64,
    /// Contacts that were said to be saved, and by which device.
    pub(crate) saved: BTreeMap<i64, Device>,
    /// Of those, what may be gone: it was in nobody's store any more when a copy was put back.
    pub(crate) excused: BTreeSet<i64>,
    /// Contacts that a device logged after all others knew that it was removed.
    pub(crate) too_late: BTreeMap<i64, Device>,
    /// Lanes of stores that were copied and may not have noticed.
    pub(crate) forked: BTreeSet<Lane>,
    /// Up to where of each lane somebody has made a pack.
    pub(crate) packed: BTreeMap<Lane, u32>,
    /// The bodies that their makers had: some may be left in packs alone.
    pub(crate) in_packs: BTreeSet<(Lane, u32, Position)>,
    /// Own bodies that were sent by who knew that a device was removed.
    pub(crate) sealed: Vec<(Device, Vec<u8>)>,
    /// Frames in files and meetings: the device that was the first to hand over each, and whom it knew to be removed.
    pub(crate) filed: BTreeMap<FrameHash, (usize, BTreeSet<Device>)>,
    /// Bodies that keepers have applied, by the start of their positions.
    pub(crate) kept: BTreeSet<(Lane, u32, [u8; 8])>,
    /// Whether a store was put back.
    pub(crate) put_back: bool,
    /// Whether a device was removed.
    pub(crate) removed: bool,
    /// Whether a relay has lost anything.
    pub(crate) rolled_back: bool,
    /// Rotations and removals: what makes keys and outings old.
    pub(crate) aged: u64,
}

impl Model {
    /// A count that no contact has yet.
    pub(crate) fn mark(&mut self) -> i64 {
        self.next += 1;
        self.next
    }

    /// The same, of what nobody may be shown.
    pub(crate) fn forged_mark(&mut self) -> i64 {
        self.forged += 1;
        FORBIDDEN + self.forged
    }
}

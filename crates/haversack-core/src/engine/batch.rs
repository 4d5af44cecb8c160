//! A batch of frames under way: what was opened, what will be saved.

use std::collections::{BTreeMap, BTreeSet};

use haversack_wire::{Document, Epoch, FrameHash, Lane, LaneTag};

use super::ahead::Ahead;
use super::documents::Staged;
use super::log::Mark;
use super::refused::Reasons;
use super::room::Room;
use super::state::SpaceState;
use super::wait::Need;
use crate::docs::rebuild::Tip;
use crate::members::Held;
use crate::sync::body::Body;

/// What a batch of frames brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Received {
    /// Bodies applied.
    pub applied: u32,
    /// Frames whose content was here before.
    pub known: u32,
    /// Frames that wait for something that is not here yet.
    pub waiting: u32,
    /// Frames refused, kept for an admin to look at.
    pub quarantined: u32,
    /// Why they were.
    pub reasons: Reasons,
    /// Frames under keys that this device does not have.
    pub foreign: u32,
    /// Frames that would have to be kept, until a key or something else comes, and found no room: they are asked for again.
    pub dropped: u32,
}

impl Received {
    /// Adds what another batch brought.
    pub fn add(&mut self, other: Self) {
        self.reasons.add(&other.reasons);
        self.applied += other.applied;
        self.known += other.known;
        self.waiting += other.waiting;
        self.quarantined += other.quarantined;
        self.foreign += other.foreign;
        self.dropped += other.dropped;
    }
}

/// A chunk that was opened.
#[derive(Clone)]
pub(super) struct Opened {
    pub(super) frame: Vec<u8>,
    /// The epoch that it was sealed under.
    pub(super) epoch: Epoch,
    /// The row that keeps it, when it waited before.
    pub(super) row: Option<i64>,
    /// The lane that the clear header names, and the place on it.
    pub(super) tag: LaneTag,
    pub(super) sequence: u32,
    pub(super) body: Body,
    pub(super) rest: Vec<u8>,
    pub(super) signature: [u8; 64],
    /// Bytes of the body.
    pub(super) size: u32,
    /// What it waits for, once it turned out to.
    pub(super) need: Need,
}

impl Opened {
    pub(super) fn new(
        (frame, row): (Vec<u8>, Option<i64>),
        (epoch, (tag, sequence)): (Epoch, (LaneTag, u32)),
        (body, rest, signature): (Body, Vec<u8>, [u8; 64]),
        (size, need): (u32, Need),
    ) -> Self {
        Self { frame, epoch, row, tag, sequence, body, rest, signature, size, need }
    }
}

/// A batch in the making.
pub(super) struct Batch {
    pub(super) space: SpaceState,
    pub(super) staged: Staged,
    pub(super) received: Received,
    pub(super) carry: bool,
    /// Whether something found no room that could be applied once what it lacks is here.
    pub(super) lost: bool,
    /// The secrets that are here, with those that the batch brings.
    pub(super) held: Held,
    pub(super) room: Room,
    /// How far authors have come in documents, with what the batch brings.
    pub(super) tips: BTreeMap<(Document, Lane), Tip>,
    /// Documents in which an author broke a rule.
    pub(super) passed: BTreeSet<(Document, Lane)>,
    /// The bodies that the batch applies.
    pub(super) marks: BTreeMap<(Lane, u32), Mark>,
    /// What contradicts what is here of its lane.
    pub(super) rivals: Vec<Opened>,
    /// Work that was done ahead, by the frame that its body came in: anybody can put another's signature under other words.
    pub(super) ahead: BTreeMap<FrameHash, Ahead>,
}

//! Sealed frames that are kept: for the next relay, until what is missing arrives, or to be looked at.

use std::collections::{BTreeMap, BTreeSet};

use haversack_wire::{FrameHash, Reader};

use crate::Error;

/// Why a frame is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    /// To be handed to a relay.
    Carried = 1,
    /// Until what is missing arrives.
    Waiting = 2,
    /// For an admin to look at.
    Quarantined = 3,
    /// Under keys, or of kinds, that are not known here.
    Foreign = 4,
}

/// A sealed frame that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KeptFrame {
    pub(super) keep: Keep,
    pub(super) frame: Vec<u8>,
}

impl KeptFrame {
    pub(super) fn encode(&self) -> Vec<u8> {
        [&[self.keep as u8][..], &self.frame].concat()
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut r = Reader::new("kept frames", bytes);
        let keep = match r.u8()? {
            1 => Keep::Carried,
            2 => Keep::Waiting,
            3 => Keep::Quarantined,
            4 => Keep::Foreign,
            other => {
                return Err(Error::Newer { what: "kept frames", found: other.into() });
            }
        };
        Ok(Self { keep, frame: r.rest().to_vec() })
    }
}

/// Frames that wait, and frames that were refused, are kept up to so many of each: whoever has a mailbox's
/// token can fill it with garbage, and must not fill the phone.
const KEPT_MAX: usize = 1_024;

/// The frames that are kept, by row.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    frames: BTreeMap<i64, KeptFrame>,
    hashes: BTreeSet<FrameHash>,
}

impl Waiting {
    pub(super) fn keep(&mut self, id: i64, frame: KeptFrame) {
        self.hashes.insert(FrameHash::of(&frame.frame));
        self.frames.insert(id, frame);
    }

    pub(super) fn forget(&mut self, ids: &[i64]) {
        for frame in ids.iter().filter_map(|id| self.frames.remove(id)) {
            self.hashes.remove(&FrameHash::of(&frame.frame));
        }
    }

    pub(super) fn of(&self, keep: Keep) -> impl Iterator<Item = (i64, &[u8])> {
        let kept = self.frames.iter().filter(move |(_, kept)| kept.keep == keep);
        kept.map(|(id, kept)| (*id, kept.frame.as_slice()))
    }

    pub(super) fn holds(&self, frame: &[u8]) -> bool {
        self.hashes.contains(&FrameHash::of(frame))
    }

    /// How many more frames may be kept.
    pub(super) fn room(&self) -> Room {
        let room = |keep| KEPT_MAX.saturating_sub(self.of(keep).count());
        Room {
            waiting: room(Keep::Waiting),
            quarantined: room(Keep::Quarantined),
            foreign: room(Keep::Foreign),
        }
    }
}

/// How many more frames may be kept, of each kind that others can make.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    waiting: usize,
    quarantined: usize,
    foreign: usize,
}

impl Room {
    /// Takes a place, if there is one. What is carried was verified, and always has one.
    pub(super) fn take(&mut self, keep: Keep) -> bool {
        let places = match keep {
            Keep::Carried => return true,
            Keep::Waiting => &mut self.waiting,
            Keep::Quarantined => &mut self.quarantined,
            Keep::Foreign => &mut self.foreign,
        };
        let has_room = *places > 0;
        *places = places.saturating_sub(1);
        has_room
    }
}

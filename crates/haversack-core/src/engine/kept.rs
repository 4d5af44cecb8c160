//! What is kept to be sent or tried again: own bodies, and sealed frames of others, for the next relay, until what is
//! missing arrives, or to be looked at.

use std::collections::BTreeMap;

use haversack_wire::codec::put_blob;
use haversack_wire::limits::{FRAME_MAX, RAW_MAX};
use haversack_wire::{Epoch, FrameHash, Reader};

use super::refused::Refused;
use crate::Error;

/// Why a frame is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    /// To be handed to a relay.
    Carried,
    /// Until what is missing arrives.
    Waiting,
    /// For an admin to look at.
    Quarantined(Refused),
    /// Under keys that are not known here.
    Foreign,
    /// A body of this device's former life: offered, and kept.
    Former,
}

/// A sealed frame that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KeptFrame {
    pub(super) keep: Keep,
    pub(super) frame: Vec<u8>,
}

impl KeptFrame {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.frame.len() + 64);
        match &self.keep {
            Keep::Carried => out.push(1),
            Keep::Waiting => out.push(2),
            Keep::Quarantined(refused) => {
                out.push(3);
                refused.encode(&mut out);
            }
            Keep::Foreign => out.push(4),
            Keep::Former => out.push(5),
        }
        out.extend_from_slice(&self.frame);
        out
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut r = Reader::new("kept frames", bytes);
        let keep = match r.u8()? {
            1 => Keep::Carried,
            2 => Keep::Waiting,
            3 => Keep::Quarantined(Refused::decode(&mut r)?),
            4 => Keep::Foreign,
            5 => Keep::Former,
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
    rows: BTreeMap<FrameHash, i64>,
}

impl Waiting {
    pub(super) fn keep(&mut self, id: i64, frame: KeptFrame) {
        self.rows.insert(FrameHash::of(&frame.frame), id);
        self.frames.insert(id, frame);
    }

    pub(super) fn forget(&mut self, ids: &[i64]) {
        for frame in ids.iter().filter_map(|id| self.frames.remove(id)) {
            self.rows.remove(&FrameHash::of(&frame.frame));
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (i64, &KeptFrame)> {
        self.frames.iter().map(|(id, kept)| (*id, kept))
    }

    pub(super) fn of(&self, keep: Keep) -> impl Iterator<Item = (i64, &[u8])> {
        let kept = self.frames.iter().filter(move |(_, kept)| kept.keep == keep);
        kept.map(|(id, kept)| (*id, kept.frame.as_slice()))
    }

    /// What was refused.
    pub(super) fn refused(&self) -> impl Iterator<Item = &Refused> {
        self.frames.values().filter_map(|kept| match &kept.keep {
            Keep::Quarantined(refused) => Some(refused),
            _ => None,
        })
    }

    pub(super) fn holds(&self, frame: &[u8]) -> bool {
        self.rows.contains_key(&FrameHash::of(frame))
    }

    /// The row that carries a frame.
    pub(super) fn carried(&self, frame: &[u8]) -> Option<i64> {
        let row = self.rows.get(&FrameHash::of(frame))?;
        self.frames.get(row).filter(|kept| kept.keep == Keep::Carried).map(|_| *row)
    }

    /// How many more frames may be kept.
    pub(super) fn room(&self) -> Room {
        let room = |keep| KEPT_MAX.saturating_sub(self.of(keep).count());
        Room {
            waiting: room(Keep::Waiting),
            quarantined: KEPT_MAX.saturating_sub(self.refused().count()),
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
            Keep::Carried | Keep::Former => return true,
            Keep::Waiting => &mut self.waiting,
            Keep::Quarantined(_) => &mut self.quarantined,
            Keep::Foreign => &mut self.foreign,
        };
        let has_room = *places > 0;
        *places = places.saturating_sub(1);
        has_room
    }
}

/// A body of this device: kept, and offered to whoever does not have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KeptBody {
    pub(super) sequence: u32,
    /// The first 8 bytes of its position, as others acknowledge it.
    pub(super) position: [u8; 8],
    /// The epoch under which `frame` is sealed.
    pub(super) epoch: Epoch,
    pub(super) raw: Vec<u8>,
    pub(super) frame: Vec<u8>,
}

/// Where a body is kept, and what an acknowledgement must name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) row: i64,
    pub(super) position: [u8; 8],
}

impl KeptBody {
    pub(super) const fn kept(&self, row: i64) -> Kept {
        Kept { row, position: self.position }
    }

    /// Whether its content was let go.
    pub(super) fn is_empty(&self) -> bool {
        self.raw.is_empty()
    }

    /// What is left of it once its content is let go.
    pub(super) fn emptied(self) -> Self {
        Self { raw: Vec::new(), frame: Vec::new(), ..self }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = self.sequence.to_le_bytes().to_vec();
        out.extend_from_slice(&self.position);
        out.extend_from_slice(self.epoch.as_bytes());
        put_blob(&mut out, &self.raw);
        put_blob(&mut out, &self.frame);
        out
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut r = Reader::new("outgoing bodies", bytes);
        let (sequence, position) = (r.u32()?, r.array()?);
        let epoch = Epoch::new(r.array()?);
        let (raw, frame) = (r.blob(RAW_MAX)?.to_vec(), r.blob(FRAME_MAX)?.to_vec());
        r.end()?;
        Ok(Self { sequence, position, epoch, raw, frame })
    }
}

//! Sealed frames that are kept: for the next relay, until what is missing arrives, or to be looked at.

use std::collections::BTreeMap;

use haversack_wire::Reader;

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
            other => {
                return Err(Error::Newer { what: "kept frames", found: other.into() });
            }
        };
        Ok(Self { keep, frame: r.rest().to_vec() })
    }
}

/// The frames that are kept, by row.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    frames: BTreeMap<i64, KeptFrame>,
}

impl Waiting {
    pub(super) fn keep(&mut self, id: i64, frame: KeptFrame) {
        self.frames.insert(id, frame);
    }

    pub(super) fn forget(&mut self, ids: &[i64]) {
        ids.iter().for_each(|id| drop(self.frames.remove(id)));
    }

    pub(super) fn of(&self, keep: Keep) -> impl Iterator<Item = (i64, &[u8])> {
        let kept = self.frames.iter().filter(move |(_, kept)| kept.keep == keep);
        kept.map(|(id, kept)| (*id, kept.frame.as_slice()))
    }

    pub(super) fn holds(&self, frame: &[u8]) -> bool {
        self.frames.values().any(|kept| kept.frame == frame)
    }
}

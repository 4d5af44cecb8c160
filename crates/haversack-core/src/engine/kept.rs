//! What is kept to be sent or tried again: own bodies, and sealed frames of others, for the next relay, until what is
//! missing arrives, or to be looked at.

use std::collections::{BTreeMap, BTreeSet};

use haversack_wire::codec::put_blob;
use haversack_wire::limits::{FRAME_MAX, RAW_MAX};
use haversack_wire::{Epoch, FrameHash, Lane, Position, Reader};

use super::refused::{Reason, Refused};
use super::wait::Wait;
use crate::Error;
use crate::sync::branches::Place;

/// Why a frame is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Keep {
    /// To be handed to a relay.
    Carried,
    /// Until what is missing arrives.
    Waiting(Wait),
    /// For an admin to look at.
    Quarantined(Refused),
    /// Under keys that are not known here: on a lane that is, or not.
    Foreign {
        /// Whether its clear header names a lane that is known here.
        ours: bool,
    },
    /// A body of this device's former life: offered, and kept.
    Former,
    /// A part of a pack, until what it lacks comes.
    Segment,
    /// A part of a pack that this device made, to be pushed to each mailbox.
    Pack,
    /// Of a newer version, or with items of one: kept raw, and passed on.
    Newer,
    /// A body of this device on a lane that it left because a relay had no room there. What is in it was said again; others may
    /// have built on it, so it is in every file.
    Left,
    /// A body of another device on a forked lane, which this one has named: offered until another keeper has it.
    Named(Lane, Place),
}

/// A sealed frame that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KeptFrame {
    pub(super) keep: Keep,
    pub(super) frame: Vec<u8>,
}

impl KeptFrame {
    /// Whether this program stopped over it, in this version or an older one.
    pub(super) fn has_crashed(&self) -> bool {
        matches!(&self.keep, Keep::Quarantined(refused) if refused.reason == Reason::Crash)
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.frame.len() + 64);
        match &self.keep {
            Keep::Carried => out.push(1),
            Keep::Waiting(wait) => {
                out.push(2);
                wait.encode(&mut out);
            }
            Keep::Quarantined(refused) => {
                out.push(3);
                refused.encode(&mut out);
            }
            Keep::Foreign { ours } => out.extend([4, u8::from(*ours)]),
            Keep::Former => out.push(5),
            Keep::Newer => out.push(6),
            Keep::Left => out.push(7),
            Keep::Segment => out.push(8),
            Keep::Pack => out.push(9),
            Keep::Named(lane, (sequence, position)) => {
                out.push(10);
                out.extend_from_slice(lane.as_bytes());
                out.extend_from_slice(&sequence.to_le_bytes());
                out.extend_from_slice(position.as_bytes());
            }
        }
        out.extend_from_slice(&self.frame);
        out
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut r = Reader::new("kept frames", bytes);
        let keep = match r.u8()? {
            1 => Keep::Carried,
            2 => Keep::Waiting(Wait::decode(&mut r)?),
            3 => Keep::Quarantined(Refused::decode(&mut r)?),
            4 => Keep::Foreign { ours: r.u8()? == 1 },
            5 => Keep::Former,
            6 => Keep::Newer,
            7 => Keep::Left,
            8 => Keep::Segment,
            9 => Keep::Pack,
            10 => {
                let lane = Lane::new(r.array()?);
                Keep::Named(lane, (r.u32()?, Position::new(r.array()?)))
            }
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
    /// Parts of packs that this device made: on the disk alone, for there may be many.
    parts: BTreeMap<i64, FrameHash>,
    rows: BTreeMap<FrameHash, BTreeSet<i64>>,
    /// The epochs whose secrets every foreign frame here was tried with.
    pub(super) tried: BTreeSet<Epoch>,
}

impl Waiting {
    pub(super) fn keep(&mut self, id: i64, frame: KeptFrame) {
        let hash = FrameHash::of(&frame.frame);
        if frame.keep == Keep::Pack {
            self.parts.insert(id, hash);
            return;
        }
        self.rows.entry(hash).or_default().insert(id);
        self.frames.insert(id, frame);
    }

    pub(super) fn forget(&mut self, ids: &[i64]) {
        for id in ids {
            self.parts.remove(id);
            let Some(frame) = self.frames.remove(id) else { continue };
            let hash = FrameHash::of(&frame.frame);
            let rows = self.rows.entry(hash).or_default();
            rows.remove(id);
            if rows.is_empty() {
                self.rows.remove(&hash);
            }
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (i64, &KeptFrame)> {
        self.frames.iter().map(|(id, kept)| (*id, kept))
    }

    pub(super) fn get(&self, id: i64) -> Option<&KeptFrame> {
        self.frames.get(&id)
    }

    pub(super) fn of(&self, keep: Keep) -> impl Iterator<Item = (i64, &[u8])> {
        let kept = self.frames.iter().filter(move |(_, kept)| kept.keep == keep);
        kept.map(|(id, kept)| (*id, kept.frame.as_slice()))
    }

    /// The rows of packs that this device made, or began to, and what is in them.
    pub(super) const fn parts(&self) -> &BTreeMap<i64, FrameHash> {
        &self.parts
    }

    /// What waits for something that is missing.
    pub(super) fn waits(&self) -> impl Iterator<Item = (i64, &Wait, &[u8])> {
        self.frames.iter().filter_map(|(id, kept)| match &kept.keep {
            Keep::Waiting(wait) => Some((*id, wait, kept.frame.as_slice())),
            _ => None,
        })
    }

    /// The bodies of others that are offered from here, and their rows.
    pub(super) fn named(&self) -> impl Iterator<Item = ((Lane, Place), i64)> {
        self.frames.iter().filter_map(|(id, kept)| match kept.keep {
            Keep::Named(lane, place) => Some(((lane, place), *id)),
            _ => None,
        })
    }

    /// What is handed on as it is, to everybody: frames of others, and what this device left behind.
    pub(super) fn handed_on(&self) -> impl Iterator<Item = &[u8]> {
        let is_it = |keep: &Keep| {
            matches!(keep, Keep::Carried | Keep::Newer | Keep::Left | Keep::Named(..))
        };
        self.frames.values().filter(move |kept| is_it(&kept.keep)).map(|kept| &kept.frame[..])
    }

    /// What is under keys that are not here.
    pub(super) fn foreign(&self) -> impl Iterator<Item = (i64, &[u8])> {
        let foreign = |kept: &KeptFrame| matches!(kept.keep, Keep::Foreign { .. });
        let kept = self.frames.iter().filter(move |(_, kept)| foreign(kept));
        kept.map(|(id, kept)| (*id, kept.frame.as_slice()))
    }

    /// How many of those are on lanes that are known here.
    pub(super) fn foreign_ours(&self) -> usize {
        let ours = |kept: &&KeptFrame| matches!(kept.keep, Keep::Foreign { ours: true });
        self.frames.values().filter(ours).count()
    }

    /// What this program stopped over, by row.
    pub(super) fn crashed(&self) -> impl Iterator<Item = (i64, &[u8])> {
        let kept = self.frames.iter().filter(|(_, kept)| kept.has_crashed());
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

    /// Whether a frame is kept as one that nobody here can open, or that was refused.
    pub(super) fn is_garbage(&self, frame: &[u8]) -> bool {
        let rows = self.rows.get(&FrameHash::of(frame)).into_iter().flatten();
        let is_it = |keep: &Keep| matches!(keep, Keep::Foreign { .. } | Keep::Quarantined(_));
        rows.filter_map(|row| self.get(*row)).any(|kept| is_it(&kept.keep))
    }

    /// The row that carries a frame.
    pub(super) fn carried(&self, frame: &[u8]) -> Option<i64> {
        let rows = self.rows.get(&FrameHash::of(frame))?;
        let carries = |row: &&i64| self.get(**row).is_some_and(|kept| kept.keep == Keep::Carried);
        rows.iter().find(carries).copied()
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
    /// How it was sealed before, under epochs whose secrets may be gone: relays may still show it so.
    pub(super) former: Vec<FrameHash>,
}

/// How many former seals of a body are known again.
const FORMER_MAX: usize = 16;

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
        Self { raw: Vec::new(), ..self.sealed_anew(Vec::new()) }
    }

    /// The same in another frame. The one before is known again.
    pub(super) fn sealed_anew(self, frame: Vec<u8>) -> Self {
        let mut former = self.former;
        former.drain(..(former.len() + 1).saturating_sub(FORMER_MAX));
        former.push(FrameHash::of(&self.frame));
        Self { former, frame, ..self }
    }

    /// Whether a frame is this body in a seal that was, or is, its own.
    pub(super) fn was(&self, frame: &[u8]) -> bool {
        self.frame == frame || self.former.contains(&FrameHash::of(frame))
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = self.sequence.to_le_bytes().to_vec();
        out.extend_from_slice(&self.position);
        out.extend_from_slice(self.epoch.as_bytes());
        put_blob(&mut out, &self.raw);
        put_blob(&mut out, &self.frame);
        let former: Vec<u8> = self.former.iter().flat_map(|hash| *hash.as_bytes()).collect();
        put_blob(&mut out, &former);
        out
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut r = Reader::new("outgoing bodies", bytes);
        let (sequence, position) = (r.u32()?, r.array()?);
        let epoch = Epoch::new(r.array()?);
        let (raw, frame) = (r.blob(RAW_MAX)?.to_vec(), r.blob(FRAME_MAX)?.to_vec());
        let hashes = r.blob(FORMER_MAX * FrameHash::LEN)?.chunks_exact(FrameHash::LEN);
        let former = hashes.filter_map(|hash| hash.try_into().ok()).map(FrameHash::new).collect();
        r.end()?;
        Ok(Self { sequence, position, epoch, raw, frame, former })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_known_in_each_of_its_last_seals() {
        let seal = |n: usize| vec![n as u8; 8];
        let (sequence, position, epoch) = Default::default();
        let mut body =
            KeptBody { sequence, position, epoch, raw: vec![1], frame: seal(0), former: vec![] };
        for n in 1..=FORMER_MAX + 1 {
            body = body.sealed_anew(seal(n));
        }
        let read = KeptBody::decode(&body.encode()).unwrap();
        assert_eq!(read, body);
        assert!(!read.was(&seal(0)), "of more than {FORMER_MAX} the first is forgotten");
        assert!((1..=FORMER_MAX + 1).all(|n| read.was(&seal(n))));
        let emptied = read.emptied();
        assert!(emptied.is_empty() && emptied.was(&seal(FORMER_MAX + 1)));
        assert!(!emptied.was(&seal(FORMER_MAX + 2)));
    }
}

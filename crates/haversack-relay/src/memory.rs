//! A storage that forgets, for tests and simulations.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::{Mutex, MutexGuard, PoisonError};

use haversack_wire::limits::{CANDIDATES_MAX, LANES_MAX};
use haversack_wire::{CursorDigest, FrameHash, LaneTag, Mailbox, Retire};

use crate::Error;
use crate::storage::{Entry, Head, Incoming, Place, Receipt, Storage};

/// Keeps everything in memory, deterministically and without threads.
#[derive(Debug, Default)]
pub struct Memory {
    mailboxes: Mutex<BTreeMap<Mailbox, Kept>>,
}

impl Memory {
    /// An empty storage.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Mailbox, Kept>> {
        self.mailboxes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read<T: Default>(&self, mailbox: Mailbox, read: impl FnOnce(&Kept) -> T) -> T {
        self.lock().get(&mailbox).map(read).unwrap_or_default()
    }
}

/// One mailbox. The n-th frame has cursor n + 1.
#[derive(Debug, Default)]
struct Kept {
    frames: Vec<(Incoming, CursorDigest)>,
    lanes: BTreeMap<LaneTag, BTreeMap<u32, Vec<u64>>>,
    /// What the last retire named of lanes.
    retired: Vec<(LaneTag, u32)>,
    /// The cursors of frames that were dropped: their bytes are gone, the rest of them stays.
    dropped: BTreeSet<u64>,
}

impl Kept {
    fn frame(&self, cursor: u64) -> Option<&(Incoming, CursorDigest)> {
        let index = usize::try_from(cursor.checked_sub(1)?).ok()?;
        self.frames.get(index)
    }

    fn head(&self) -> Head {
        let digest = self.frames.last().map(|(_, digest)| *digest);
        Head { cursor: self.frames.len() as u64, digest: digest.unwrap_or_default() }
    }

    fn candidates(&self, tag: LaneTag, sequence: u32) -> &[u64] {
        let lane = self.lanes.get(&tag);
        lane.and_then(|lane| lane.get(&sequence)).map_or(&[], Vec::as_slice)
    }

    fn find(&self, tag: LaneTag, sequence: u32, hash: FrameHash) -> Option<u64> {
        let is_it =
            |&cursor: &u64| self.frame(cursor).is_some_and(|(frame, _)| frame.hash() == hash);
        self.candidates(tag, sequence).iter().copied().find(is_it)
    }

    fn find_loose(&self, hash: FrameHash) -> Option<u64> {
        let is_loose = |frame: &Incoming| matches!(frame.place(), Place::Loose | Place::Pack);
        let is_it = |frame: &Incoming| is_loose(frame) && frame.hash() == hash;
        let index = self.frames.iter().position(|(frame, _)| is_it(frame));
        index.map(|index| index as u64 + 1)
    }

    fn is_full(&self, tag: LaneTag, sequence: u32) -> bool {
        match self.lanes.contains_key(&tag) {
            true => self.candidates(tag, sequence).len() >= CANDIDATES_MAX,
            false => self.lanes.len() >= LANES_MAX,
        }
    }

    fn push(&mut self, frame: Incoming) -> Receipt {
        let head = self.head();
        let cursor = head.cursor + 1;
        match frame.place() {
            Place::Loose | Place::Pack => {
                if let Some(first) = self.find_loose(frame.hash()) {
                    return Receipt::Duplicate(first);
                }
            }
            Place::Lane(tag, sequence) => {
                if let Some(first) = self.find(tag, sequence, frame.hash()) {
                    return Receipt::Duplicate(first);
                }
                if self.is_full(tag, sequence) {
                    return Receipt::Full;
                }
                let lane = self.lanes.entry(tag).or_default();
                lane.entry(sequence).or_default().push(cursor);
            }
        }
        let digest = head.digest.next(frame.hash());
        self.frames.push((frame, digest));
        Receipt::New(cursor)
    }

    fn have(&self) -> Vec<(LaneTag, u32)> {
        let next =
            |lane: &BTreeMap<u32, _>| (0..).zip(lane.keys()).take_while(|(n, s)| n == *s).count();
        let lanes = self.lanes.iter().map(|(tag, lane)| (*tag, next(lane) as u32));
        lanes.filter(|(_, next)| *next > 0).collect()
    }

    fn retire(&mut self, retire: &Retire) {
        let is_named = |frame: &Incoming| match frame.place() {
            Place::Pack => retire.frames.binary_search(&frame.hash()).is_ok(),
            _ => false,
        };
        let packs = (1..).zip(&self.frames).filter(|(_, (frame, _))| is_named(frame));
        let mut cursors: Vec<u64> = packs.map(|(cursor, _)| cursor).collect();
        if !retire.lanes.is_empty() && retire.lanes != self.retired {
            for (tag, next) in std::mem::replace(&mut self.retired, retire.lanes.clone()) {
                let lane = self.lanes.get(&tag).into_iter();
                cursors.extend(lane.flat_map(|lane| lane.range(..next)).flat_map(|(_, all)| all));
            }
        }
        for cursor in cursors {
            let index = usize::try_from(cursor).unwrap_or_default().checked_sub(1);
            if let Some((frame, _)) = index.and_then(|index| self.frames.get_mut(index)) {
                frame.empty();
            }
            self.dropped.insert(cursor);
        }
    }

    fn entry(&self, cursor: u64) -> Option<Entry> {
        if self.dropped.contains(&cursor) {
            return None;
        }
        self.frame(cursor).map(|(frame, _)| Entry {
            cursor,
            place: frame.place(),
            length: frame.bytes().len(),
        })
    }
}

impl Storage for Memory {
    fn push(&self, mailbox: Mailbox, frames: Vec<Incoming>) -> Result<Vec<Receipt>, Error> {
        if frames.is_empty() {
            return Ok(Vec::new());
        }
        let mut mailboxes = self.lock();
        let kept = mailboxes.entry(mailbox).or_default();
        Ok(frames.into_iter().map(|frame| kept.push(frame)).collect())
    }

    fn head(&self, mailbox: Mailbox) -> Result<Head, Error> {
        Ok(self.read(mailbox, Kept::head))
    }

    fn digest_at(&self, mailbox: Mailbox, cursor: u64) -> Result<Option<CursorDigest>, Error> {
        Ok(match cursor {
            0 => Some(CursorDigest::default()),
            _ => self.read(mailbox, |kept| kept.frame(cursor).map(|(_, digest)| *digest)),
        })
    }

    fn have(&self, mailbox: Mailbox) -> Result<Vec<(LaneTag, u32)>, Error> {
        Ok(self.read(mailbox, Kept::have))
    }

    fn entries(
        &self,
        mailbox: Mailbox,
        cursors: RangeInclusive<u64>,
        limit: usize,
    ) -> Result<Vec<Entry>, Error> {
        Ok(self.read(mailbox, |kept| {
            let last = kept.head().cursor.min(*cursors.end());
            let entries = (*cursors.start()..=last).filter_map(|cursor| kept.entry(cursor));
            entries.take(limit).collect()
        }))
    }

    fn retire(&self, mailbox: Mailbox, retire: &Retire) -> Result<(), Error> {
        if let Some(kept) = self.lock().get_mut(&mailbox) {
            kept.retire(retire);
        }
        Ok(())
    }

    fn frames(&self, mailbox: Mailbox, cursors: &[u64]) -> Result<Vec<Vec<u8>>, Error> {
        let bytes =
            |kept: &Kept, cursor| kept.frame(cursor).map(|(frame, _)| frame.bytes().to_vec());
        let frames = cursors.iter().map(|&cursor| self.read(mailbox, |kept| bytes(kept, cursor)));
        let frames: Option<Vec<_>> = frames.collect();
        frames.ok_or(Error::damaged("a frame is missing"))
    }
}

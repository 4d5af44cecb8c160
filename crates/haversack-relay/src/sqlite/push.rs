//! Storing frames, inside a transaction.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use haversack_wire::limits::{CANDIDATES_MAX, LANES_MAX};
use haversack_wire::{CursorDigest, FrameHash, LaneTag, Mailbox};
use rusqlite::{Connection, OptionalExtension, Result, params};

use super::cursor_value;
use crate::storage::{Head, Incoming, Place, Receipt};

/// The mailboxes that a transaction writes to. What many pushes change is written once, at the end.
pub(super) struct Pushes<'tx> {
    tx: &'tx Connection,
    open: BTreeMap<Mailbox, OpenMailbox<'tx>>,
}

impl<'tx> Pushes<'tx> {
    /// The transaction is the caller's.
    pub(super) const fn new(tx: &'tx Connection) -> Self {
        Self { tx, open: BTreeMap::new() }
    }

    /// Stores frames. They are found by others once [`Pushes::close`] was called.
    pub(super) fn push(&mut self, mailbox: Mailbox, frames: &[Incoming]) -> Result<Vec<Receipt>> {
        if frames.is_empty() {
            return Ok(Vec::new());
        }
        let open = match self.open.entry(mailbox) {
            Entry::Occupied(open) => open.into_mut(),
            Entry::Vacant(place) => place.insert(OpenMailbox::open(self.tx, mailbox)?),
        };
        frames.iter().map(|frame| open.push(frame)).collect()
    }

    /// Writes what is left to be written before the transaction's end.
    pub(super) fn close(self) -> Result<()> {
        self.open.into_values().try_for_each(OpenMailbox::close)
    }
}

/// A mailbox while frames are added to it.
struct OpenMailbox<'tx> {
    tx: &'tx Connection,
    id: i64,
    head: Head,
    lane_count: usize,
    lanes: BTreeMap<LaneTag, OpenLane>,
}

#[derive(Clone, Copy)]
struct OpenLane {
    id: i64,
    /// The first sequence missing when the lane was opened.
    next: u32,
}

impl<'tx> OpenMailbox<'tx> {
    /// Reads the mailbox; it is made if there is none.
    fn open(tx: &'tx Connection, mailbox: Mailbox) -> Result<Self> {
        const FIND: &str = "SELECT id, cursor, digest, lanes FROM mailbox WHERE name = ?1";
        const MAKE: &str =
            "INSERT INTO mailbox (name, cursor, digest, lanes) VALUES (?1, 0, zeroblob(16), 0)";
        let read = |row: &rusqlite::Row<'_>| {
            let head = Head { cursor: row.get(1)?, digest: CursorDigest::new(row.get(2)?) };
            Ok((row.get(0)?, head, row.get(3)?))
        };
        let name = [mailbox.as_bytes()];
        let found = tx.prepare_cached(FIND)?.query_row(name, read).optional()?;
        let (id, head, lane_count) = match found {
            Some(found) => found,
            None => (tx.prepare_cached(MAKE)?.insert(name)?, Head::default(), 0),
        };
        Ok(Self { tx, id, head, lane_count, lanes: BTreeMap::new() })
    }

    fn push(&mut self, frame: &Incoming) -> Result<Receipt> {
        match frame.place() {
            Place::Loose | Place::Pack => self.push_loose(frame),
            Place::Lane(tag, sequence) => self.push_chunk(frame, tag, sequence),
        }
    }

    fn push_loose(&mut self, frame: &Incoming) -> Result<Receipt> {
        const FIND: &str =
            "SELECT cursor FROM frame WHERE mailbox = ?1 AND hash = ?2 AND lane IS NULL";
        let first = self
            .tx
            .prepare_cached(FIND)?
            .query_row(params![self.id, frame.hash().as_bytes()], |row| row.get(0))
            .optional()?;
        match first {
            Some(cursor) => Ok(Receipt::Duplicate(cursor)),
            None => self.insert(frame, None),
        }
    }

    fn push_chunk(&mut self, frame: &Incoming, tag: LaneTag, sequence: u32) -> Result<Receipt> {
        let Some(lane) = self.lane(tag)? else {
            return Ok(Receipt::Full);
        };
        let candidates = self.candidates(lane.id, sequence)?;
        if let Some((_, first)) = candidates.iter().find(|(hash, _)| *hash == frame.hash()) {
            return Ok(Receipt::Duplicate(*first));
        }
        if candidates.len() >= CANDIDATES_MAX {
            return Ok(Receipt::Full);
        }
        self.insert(frame, Some((lane.id, sequence)))
    }

    /// The lane, made if there is none; `None` where there is no room for one more.
    fn lane(&mut self, tag: LaneTag) -> Result<Option<OpenLane>> {
        const FIND: &str = "SELECT id, next FROM lane WHERE mailbox = ?1 AND tag = ?2";
        const MAKE: &str = "INSERT INTO lane (mailbox, tag, next) VALUES (?1, ?2, 0)";
        if let Some(lane) = self.lanes.get(&tag) {
            return Ok(Some(*lane));
        }
        let key = params![self.id, tag.as_bytes()];
        let found = self
            .tx
            .prepare_cached(FIND)?
            .query_row(key, |row| Ok(OpenLane { id: row.get(0)?, next: row.get(1)? }));
        let lane = match found.optional()? {
            Some(lane) => lane,
            None if self.lane_count >= LANES_MAX => return Ok(None),
            None => {
                let id = self.tx.prepare_cached(MAKE)?.insert(key)?;
                self.lane_count += 1;
                OpenLane { id, next: 0 }
            }
        };
        self.lanes.insert(tag, lane);
        Ok(Some(lane))
    }

    fn candidates(&self, lane: i64, sequence: u32) -> Result<Vec<(FrameHash, u64)>> {
        const FIND: &str = "SELECT hash, cursor FROM frame WHERE lane = ?1 AND sequence = ?2";
        self.tx
            .prepare_cached(FIND)?
            .query_map((lane, sequence), |row| Ok((FrameHash::new(row.get(0)?), row.get(1)?)))?
            .collect()
    }

    /// Moves a lane's mark to its first gap.
    fn advance(&self, lane: OpenLane) -> Result<()> {
        const HELD: &str = "SELECT EXISTS (SELECT 1 FROM frame WHERE lane = ?1 AND sequence = ?2)";
        const MARK: &str = "UPDATE lane SET next = ?2 WHERE id = ?1";
        let mut held = self.tx.prepare_cached(HELD)?;
        let mut next = lane.next;
        while next < u32::MAX && held.query_row((lane.id, next), |row| row.get(0))? {
            next += 1;
        }
        match next > lane.next {
            true => self.tx.prepare_cached(MARK)?.execute((lane.id, next)).map(drop),
            false => Ok(()),
        }
    }

    fn insert(&mut self, frame: &Incoming, place: Option<(i64, u32)>) -> Result<Receipt> {
        const INSERT: &str =
            "INSERT INTO frame (mailbox, cursor, hash, digest, lane, sequence, bytes, pack)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        let cursor = self.head.cursor + 1;
        let digest = self.head.digest.next(frame.hash());
        self.tx.prepare_cached(INSERT)?.execute(params![
            self.id,
            cursor_value(cursor),
            frame.hash().as_bytes(),
            digest.as_bytes(),
            place.map(|(lane, _)| lane),
            place.map(|(_, sequence)| sequence),
            frame.bytes(),
            frame.place() == Place::Pack,
        ])?;
        self.head = Head { cursor, digest };
        Ok(Receipt::New(cursor))
    }

    fn close(self) -> Result<()> {
        const UPDATE: &str =
            "UPDATE mailbox SET cursor = ?2, digest = ?3, lanes = ?4 WHERE id = ?1";
        self.lanes.values().try_for_each(|lane| self.advance(*lane))?;
        let cursor = cursor_value(self.head.cursor);
        let digest = self.head.digest.as_bytes();
        let row = params![self.id, cursor, digest, self.lane_count as i64];
        self.tx.prepare_cached(UPDATE)?.execute(row).map(drop)
    }
}

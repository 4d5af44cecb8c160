//! What an opened chunk waits for. It is kept sealed, and opened again only once that may have come: opening costs
//! what it unpacks to, and anybody with a key of the team can make much that waits.

use std::collections::BTreeMap;

use haversack_wire::codec::put_varint;
use haversack_wire::{Document, Error, Frame, FrameHash, Lane, Reader, StatementHash};

use super::Engine;
use crate::seeded::{Bug, seeded};

/// A chunk that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wait {
    pub(super) lane: Lane,
    pub(super) sequence: u32,
    /// Bytes of its body.
    pub(super) raw: u32,
    /// Whether its lane was not known when it came.
    pub(super) stray: bool,
    pub(super) need: Need,
    /// The version of this program that it waits in: another one may know what it is about.
    pub(super) version: [u8; 3],
}

/// What is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// The body before it on its lane.
    Before,
    /// A statement that its author had seen.
    Statement(StatementHash),
    /// Something in a document, whose newest row was this one; 0 when there was none.
    Document(Document, i64),
    /// A body of its lane, on any branch: this much was known of the lane.
    Branch(i64),
    /// A newer version of this program.
    Version,
}

/// What tells versions of this program apart.
pub(super) fn version() -> [u8; 3] {
    let parts = [
        env!("CARGO_PKG_VERSION_MAJOR"),
        env!("CARGO_PKG_VERSION_MINOR"),
        env!("CARGO_PKG_VERSION_PATCH"),
    ];
    parts.map(|part| part.parse().unwrap_or_default())
}

impl Wait {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.lane.as_bytes());
        put_varint(out, self.sequence.into());
        put_varint(out, self.raw.into());
        out.push(self.stray.into());
        out.extend_from_slice(&self.version);
        match &self.need {
            Need::Before => out.push(0),
            Need::Statement(hash) => {
                out.push(1);
                out.extend_from_slice(hash.as_bytes());
            }
            Need::Document(document, newest) => {
                out.push(2);
                out.extend_from_slice(document.as_bytes());
                out.extend_from_slice(&newest.to_le_bytes());
            }
            Need::Version => out.push(3),
            Need::Branch(newest) => {
                out.push(4);
                out.extend_from_slice(&newest.to_le_bytes());
            }
        }
    }

    pub(super) fn decode(r: &mut Reader<'_>) -> Result<Self, Error> {
        let lane = Lane::new(r.array()?);
        let (sequence, raw) = (r.varint_u32()?, r.varint_u32()?);
        let (stray, version) = (r.u8()? == 1, r.array()?);
        let need = match r.u8()? {
            0 => Need::Before,
            1 => Need::Statement(StatementHash::new(r.array()?)),
            2 => Need::Document(Document::new(r.array()?), i64::from_le_bytes(r.array()?)),
            3 => Need::Version,
            4 => Need::Branch(i64::from_le_bytes(r.array()?)),
            other => return Err(Error::Unknown { what: "need", found: other.into() }),
        };
        Ok(Self { lane, sequence, raw, stray, need, version })
    }
}

impl Engine {
    /// What is known of a lane, as a number that changes with every body of it and with every pack by which it goes on.
    pub(super) fn growth_of(&self, lane: &Lane) -> i64 {
        let packed = || self.space.as_ref()?.lanes.get(lane)?.packed.as_ref();
        self.index.newest_body(lane) + packed().map_or(0, |packed| packed.end.next.into())
    }

    /// The newest row of a document.
    pub(super) fn newest_row(&self, document: &Document) -> i64 {
        let rows = self.index.document(document).map(|entry| entry.rows.as_slice());
        rows.unwrap_or_default().iter().map(|row| row.id).max().unwrap_or(0)
    }

    /// The frames that are kept and whose time may have come, by row: those before others on their lanes first.
    pub(super) fn due(&mut self) -> Vec<i64> {
        let mut due = self.due_foreign();
        // What an older version stopped over, this one may take.
        let is_open = |frame: &[u8]| !self.mark.poison.contains(&FrameHash::of(frame));
        due.extend(self.waiting.crashed().filter(|(_, frame)| is_open(frame)).map(|(row, _)| row));
        let Some(space) = &self.space else { return due };
        // What it lacks may have been refused meanwhile: then nothing waits for it any more.
        let is_vain = self.is_much_refused();
        let mut lanes: BTreeMap<Lane, Vec<(u32, i64)>> = BTreeMap::new();
        for (row, wait, _) in self.waiting.waits() {
            let has_come = wait.version != version()
                || match &wait.need {
                    // It may be on any branch: once tried, it waits for one of their bodies.
                    Need::Before if self.index.is_forked(&wait.lane) => true,
                    Need::Before => {
                        lanes.entry(wait.lane).or_default().push((wait.sequence, row));
                        false
                    }
                    Need::Statement(hash) => space.group.roster.statement(hash).is_some(),
                    Need::Document(document, newest) => {
                        is_vain || self.newest_row(document) != *newest
                    }
                    Need::Branch(known) => self.growth_of(&wait.lane) != *known,
                    Need::Version => false,
                };
            due.extend(has_come.then_some(row));
        }
        for (lane, mut waits) in lanes {
            let Some(mut next) = space.lanes.get(&lane).map(|lane| lane.next) else { continue };
            waits.sort_unstable();
            for (sequence, row) in waits {
                if sequence > next {
                    break;
                }
                next = next.max(sequence.saturating_add(1));
                due.push(row);
            }
        }
        due
    }

    /// Frames under keys that were not here, and are now.
    fn due_foreign(&mut self) -> Vec<i64> {
        let held = self.ring.epochs();
        let new = held.iter().filter(|(epoch, _)| !self.waiting.tried.contains(epoch));
        let keys: Vec<_> = new.map(|(_, secret)| secret.hint_key()).collect();
        if keys.is_empty() || seeded(Bug::ForeignNeverRetried) {
            return Vec::new();
        }
        let is_hinted = |frame: &[u8]| match Frame::parse(frame) {
            Ok(Frame::Chunk(header, _)) => {
                keys.iter().any(|key| key.hint(&header.nonce) == header.hint)
            }
            Ok(Frame::Roster(header, _)) => {
                keys.iter().any(|key| key.hint(&header.nonce) == header.hint)
            }
            _ => false,
        };
        let foreign = self.waiting.foreign().filter(|(_, frame)| is_hinted(frame));
        let due = foreign.map(|(row, _)| row).collect();
        self.waiting.tried = held.keys().copied().collect();
        due
    }
}

//! What is kept to be sent, and holds something of an erased file: whole bodies, which go once nobody needs them from here.

use std::collections::BTreeSet;

use haversack_wire::{Device, Document, Epoch, Frame, FrameHash, Lane};

use super::super::Engine;
use super::super::incoming::acknowledged;
use super::super::kept::{Keep, KeptBody, KeptFrame};
use super::super::state::{LaneState, SpaceState};
use crate::Error;
use crate::docs::{Author, ops};
use crate::members::actor;
use crate::store::Table;
use crate::sync::body::Body;
use crate::sync::chunk;

/// Kept frames in which there is something of an erased file.
#[derive(Debug, Default)]
pub(in crate::engine) struct Erasing {
    /// The newest row that was looked at.
    scanned: i64,
    pub(super) frames: BTreeSet<i64>,
    /// Whether the keyring is still to be rewritten after something was dropped.
    pub(super) unfinished: bool,
}

impl Engine {
    /// Own bodies with something of erased files that nobody needs from here: emptied.
    pub(super) fn spent_bodies(
        &self,
        space: &SpaceState,
        files: &BTreeSet<Document>,
    ) -> Result<Vec<(i64, KeptBody)>, Error> {
        let rows = files.iter().filter_map(|id| self.index.document(id)).flat_map(|d| &d.rows);
        let own = rows.filter(|row| row.head.lane == space.lane);
        let sequences: BTreeSet<u32> = own.filter_map(|row| row.head.sequence).collect();
        let mine = acknowledged(space, &self.bodies);
        let mut spent = Vec::new();
        for sequence in sequences {
            let Some(kept) = self.bodies.get(&sequence) else { continue };
            if !mine.contains(&sequence) && !self.all_have(space, &space.lane, sequence) {
                continue;
            }
            let row = self.db.row(Table::Bodies, &self.outbox_key()?, kept.row)?;
            let Some(body) = row.map(|bytes| KeptBody::decode(&bytes)).transpose()? else {
                continue;
            };
            if !body.is_empty() && self.holds(&body.raw, files) {
                spent.push((kept.row, body.emptied()));
            }
        }
        Ok(spent)
    }

    /// Looks for kept frames with something of erased files: in those that are new, or in all again. Of one that went since, the
    /// disk may still have the row.
    pub(super) fn scan_frames(&mut self, files: &BTreeSet<Document>, again: bool) {
        if again {
            self.erasing = Erasing::default();
        }
        let before = self.erasing.frames.len();
        let waiting = &self.waiting;
        self.erasing.frames.retain(|id| waiting.get(*id).is_some());
        self.erasing.unfinished |= self.erasing.frames.len() < before;
        let (from, mut newest) = (self.erasing.scanned, self.erasing.scanned);
        let mut holding = BTreeSet::new();
        for (id, kept) in self.waiting.iter().filter(|(id, _)| *id > from) {
            newest = newest.max(id);
            if self.opened_body(kept).is_some_and(|raw| self.holds(&raw, files)) {
                holding.insert(id);
            }
        }
        self.erasing.scanned = newest;
        self.erasing.frames.append(&mut holding);
    }

    /// Kept frames with something of erased files that nobody needs from here. What was refused nobody needs; what waits
    /// for something is waited for.
    pub(super) fn spent_frames(&self, space: &SpaceState) -> Vec<i64> {
        let kept = self.erasing.frames.iter().filter_map(|id| Some((*id, self.waiting.get(*id)?)));
        kept.filter(|(_, kept)| self.is_spent(space, kept)).map(|(id, _)| id).collect()
    }

    fn is_spent(&self, space: &SpaceState, kept: &KeptFrame) -> bool {
        match kept.keep {
            // What was said again elsewhere is needed from here no more than what was refused.
            Keep::Quarantined(_) | Keep::Left => true,
            Keep::Waiting(_) | Keep::Foreign { .. } | Keep::Segment | Keep::Pack => false,
            // Others have it from there, or it has no place there; and once that file is let go of, it is put together no more.
            Keep::Named(..) => {
                let hash = FrameHash::of(&kept.frame);
                space.routes.values().any(|route| route.took.contains(&hash))
            }
            Keep::Carried | Keep::Former | Keep::Newer => {
                let place = self.opened_body(kept).and_then(|raw| {
                    let Ok(Frame::Chunk(header, _)) = Frame::parse(&kept.frame) else {
                        return None;
                    };
                    Some((Body::decode(&raw).ok()?.0.lane, header.sequence))
                });
                place.is_some_and(|(lane, sequence)| self.all_have(space, &lane, sequence))
            }
        }
    }

    /// The body that a kept frame holds, where its key is here. What once stopped this process is not opened again.
    pub(in crate::engine) fn opened_body(&self, kept: &KeptFrame) -> Option<Vec<u8>> {
        let is_fatal = kept.has_crashed() || self.mark.poison.contains(&FrameHash::of(&kept.frame));
        let Ok(Frame::Chunk(header, sealed)) = Frame::parse(&kept.frame) else { return None };
        let space = self.space.as_ref().filter(|_| !is_fatal)?.space();
        let mut keys = self.ring.epochs().iter();
        let open = |(id, secret): (&Epoch, &_)| chunk::open((secret, id), space, &header, sealed);
        keys.find_map(open)?.ok()
    }

    /// Whether there is something of some documents in a body.
    pub(in crate::engine) fn holds(&self, raw: &[u8], documents: &BTreeSet<Document>) -> bool {
        let (Some(space), Ok((body, ..))) = (&self.space, Body::decode(raw)) else { return false };
        let opening = body.opening.map(|opening| (opening.device_key, opening.incarnation));
        let lane = space.lanes.get(&body.lane).map(|lane| (lane.device_key, lane.incarnation));
        let author = lane.or(opening);
        let author = author.map(|(key, life)| Author::new(&actor(space.space(), &key, life)));
        let changes = author.zip(body.changes.as_ref());
        let changes = changes.and_then(|(author, item)| ops::decode(&author, item).ok());
        let changed = changes.into_iter().flatten().map(|part| part.document);
        let keyed = body.client_keys.iter().map(|(document, _)| *document);
        changed.chain(keyed).any(|document| documents.contains(&document))
    }

    /// Whether every other member has said, signed, that it has a body, its author aside; and there is one.
    fn all_have(&self, space: &SpaceState, lane: &Lane, sequence: u32) -> bool {
        let standing = space.group.roster.standing();
        let author = space.lanes.get(lane).and_then(|lane| standing.line(&lane.device_key));
        let own = self.device();
        let mut others = standing.members.keys().filter(|line| **line != own);
        let mut others = others.by_ref().filter(|line| Some(**line) != author).peekable();
        // Alone, or with the author only, nobody has taken it over.
        others.peek().is_some() && others.all(|line| self.has_body(space, line, lane, sequence))
    }

    /// Whether a member has said, signed, that it has the believed body at a place of a lane, or wrote it.
    pub(super) fn has_body(
        &self,
        space: &SpaceState,
        line: &Device,
        lane: &Lane,
        sequence: u32,
    ) -> bool {
        let standing = space.group.roster.standing();
        let says = |(id, state): (&Lane, &LaneState)| {
            let said = state.vector.get(lane);
            let names = said.is_some_and(|said| {
                self.names_what_is_here(lane, said)
                    && sequence < said.next
                    && !said.quarantined.contains(&sequence)
            });
            standing.line(&state.device_key).as_ref() == Some(line) && (names || id == lane)
        };
        space.lanes.iter().any(says)
    }
}

//! What a keeper of the team's work has named in a fork, and others may be unable to come by.
//!
//! A keeper's word decides which branch everybody believes (PROTOCOL § 4.2), also of those who lack that branch: its author may have been
//! put back to before it, and the relay may have forgotten it. So a keeper offers what it believes of a forked lane, whoever wrote it,
//! until another keeper has signed that it has it. What is offered is the author's own signed body, sealed anew.

use std::collections::{BTreeMap, BTreeSet};

use haversack_wire::{Document, Frame, Lane};

use super::Engine;
use super::apply::judge;
use super::documents::Staged;
use super::kept::{Keep, KeptFrame};
use super::state::SpaceState;
use crate::Error;
use crate::members::Live;
use crate::seeded::{Bug, seeded};
use crate::sync::branches::Place;
use crate::sync::chunk;

/// Bodies of one lane, from its first fork on. What lies further its author goes on to offer, or a pack has it.
const NAMED_MAX: usize = 64;

/// A body, by its lane, sequence and position.
type Named = (Lane, Place);

impl Engine {
    /// Keeps what is to be offered of forked lanes, sealed under the live epoch, and lets go of what is not any more. Does nothing
    /// where nothing is forked.
    pub(super) fn keep_named(&mut self) -> Result<(), Error> {
        let space = self.space()?;
        let kept: BTreeMap<Named, i64> = self.waiting.named().collect();
        let is_due = !kept.is_empty() || self.index.forked().next().is_some();
        let Some(live) = space.live.filter(|_| is_due) else { return Ok(()) };
        let wanted = self.named(space);
        let is_stale = |(named, row): &(&Named, &i64)| {
            !wanted.contains(*named) || !self.is_under(&live, **row)
        };
        let drop_frames: Vec<i64> = kept.iter().filter(is_stale).map(|(_, row)| *row).collect();
        let stays = |named: &&Named| kept.get(*named).is_some_and(|row| !drop_frames.contains(row));
        let lacking: Vec<Named> = wanted.iter().filter(|named| !stays(named)).copied().collect();
        let mut staged = Staged { drop_frames, ..Staged::default() };
        for (lane, place) in lacking {
            if let Some(frame) = self.named_frame(&live, &lane, place)? {
                let keep = Keep::Named(lane, place);
                staged.frames.push(KeptFrame { keep, frame });
            }
        }
        match staged.frames.is_empty() && staged.drop_frames.is_empty() {
            true => Ok(()),
            false => self.commit(staged),
        }
    }

    /// What this device believes of other authors' forked lanes, if it is one whose word decides, and no other keeper is known to
    /// have.
    fn named(&self, space: &SpaceState) -> BTreeSet<Named> {
        let Some(own) = space.lanes.get(&space.lane) else { return BTreeSet::new() };
        let decides = own.keeps_work(&space.group.roster) && !self.index.is_forked(&space.lane);
        let secret = space.live.and_then(|live| space.group.generations.get(&live.generation));
        let (true, Some(secret)) = (decides && !seeded(Bug::ForgetNamed), secret) else {
            return BTreeSet::new();
        };
        let safe = self.acknowledged_tags();
        let standing = space.group.roster.standing();
        let line = standing.line(&own.device_key);
        let is_mine = |lane: &Lane| {
            let author = space.lanes.get(lane).map(|lane| standing.line(&lane.device_key));
            *lane == space.lane || author == Some(line)
        };
        let others = self.index.forked().filter(|(lane, _)| !is_mine(lane));
        others
            .flat_map(|(lane, bodies)| {
                let from = bodies.rivals.first_key_value().map_or(0, |((from, _), _)| *from);
                let believed = bodies.spine.range(from..).take(NAMED_MAX);
                believed.map(|(at, (_, mark))| (*lane, (*at, mark.position)))
            })
            .filter(|(lane, (at, _))| !safe.contains((secret.lane_tag(lane), *at)))
            .collect()
    }

    /// Whether a kept frame is sealed under the live epoch.
    fn is_under(&self, live: &Live, row: i64) -> bool {
        let secret = self.ring.epochs().get(&live.epoch);
        let frame = self.waiting.get(row).map(|kept| Frame::parse(&kept.frame));
        match (secret, frame) {
            (Some(secret), Some(Ok(Frame::Chunk(header, _)))) => {
                secret.hint_key().hint(&header.nonce) == header.hint
            }
            _ => false,
        }
    }

    /// A believed body, sealed at its place. Nothing where a part of it was let go, so that it cannot be put together again.
    fn named_frame(
        &mut self,
        live: &Live,
        lane: &Lane,
        place: Place,
    ) -> Result<Option<Vec<u8>>, Error> {
        let Some(raw) = self.signed_again(lane, place)? else { return Ok(None) };
        let space = self.space()?;
        let secret = self.ring.epochs().get(&live.epoch);
        let generation = space.group.generations.get(&live.generation);
        let (Some(secret), Some(generation)) = (secret, generation) else { return Ok(None) };
        let at = (generation.lane_tag(lane), place.0);
        let (id, padding, random) = (*space.space(), space.padding, &mut *self.random);
        Ok(Some(chunk::seal_padded((secret, &live.epoch), &id, at, (&raw, padding), random)?))
    }

    /// The bytes that the author of a body signed, and the signature, put together from the log.
    fn signed_again(&self, lane: &Lane, place: Place) -> Result<Option<Vec<u8>>, Error> {
        let (space, parts) = (self.space()?, self.parts_of(lane));
        let Some(state) = space.lanes.get(lane) else { return Ok(None) };
        let Some(chunk) = self.rebuilt_chunk(lane, place, &parts)? else { return Ok(None) };
        let bodies = self.index.bodies(lane).cloned().unwrap_or_default();
        let Some(path) = bodies.path(place.0, chunk.body.previous) else { return Ok(None) };
        let before = self.heads_on(state, &bodies, &path, &chunk)?;
        let known = |document: &Document, _| {
            let tip = self.tip_on(document, lane, &bodies, &path);
            Some((tip, tip))
        };
        let judged = judge(space, &chunk, (state, &before), known, None);
        let is_it = judged.is_ok_and(|judged| judged.made.signed.mark.position == place.1);
        let raw = [&chunk.body.encode()?.bytes[..], &chunk.signature].concat();
        Ok(is_it.then_some(raw))
    }
}

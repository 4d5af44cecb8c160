//! What is here of a fork, and others may be unable to come by.
//!
//! A keeper's word decides which branch everybody believes (PROTOCOL § 4.2), also of those who lack that branch: its author may have been
//! put back to before it, and the relay may have forgotten it. So a keeper offers what it believes of a forked lane, whoever wrote it,
//! until another keeper has signed that it has it. And where a relay was seen to have lost something, everybody offers the branches that
//! are not believed: what is in them is said again by who wrote it, once it is heard of. What is offered is the author's own signed body,
//! sealed anew, by all alike.

use std::collections::{BTreeMap, BTreeSet};

use haversack_wire::{Device, Document, Frame, FrameHash, Lane};

use super::Engine;
use super::apply::judge;
use super::documents::Staged;
use super::kept::{Keep, KeptFrame};
use super::mend::Parts;
use super::room::Room;
use super::state::{LaneState, Said, SpaceState};
use crate::Error;
use crate::members::Live;
use crate::seeded::{Bug, seeded};
use crate::sync::branches::Place;
use crate::sync::chunk;

/// Bodies of one author that are believed, and as many that are not, from the first fork of each lane on: who forks without end gets no
/// more room. What lies further its author goes on to offer, or a pack has it.
const OF_AUTHOR_MAX: usize = 64;
/// Bodies that could not be put together, and are not tried again while the store is open; beyond that each may be once more.
const FAILED_MAX: usize = 1_024;

/// A body, by its lane, sequence and position.
pub(super) type Named = (Lane, Place);

impl Engine {
    /// Keeps what is to be offered of forked lanes, sealed for the live mailbox, and lets go of what is not any more. Does nothing
    /// where nothing is forked.
    pub(super) fn keep_named(&mut self) -> Result<(), Error> {
        let space = self.space()?;
        let kept: BTreeMap<Named, i64> = self.waiting.named().collect();
        let is_due = !kept.is_empty() || self.index.forked().next().is_some();
        let Some(live) = space.live.filter(|_| is_due) else { return Ok(()) };
        let wanted = self.named(space);
        let is_stale = |(named, row): &(&Named, &i64)| {
            !wanted.contains(*named) || !self.is_current(&live, &named.0, **row)
        };
        let stale: BTreeMap<Named, i64> =
            kept.iter().filter(is_stale).map(|(named, row)| (*named, *row)).collect();
        let is_kept = |named: &Named| kept.contains_key(named) && !stale.contains_key(named);
        let lacking =
            wanted.iter().filter(|named| !is_kept(named) && !self.unnamed.contains(named)).copied();
        let lacking: Vec<Named> = lacking.collect();
        if lacking.is_empty() && stale.is_empty() {
            return Ok(());
        }
        let frames = self.named_frames(&live, &lacking, &stale)?;
        let drop_frames: Vec<i64> = stale.into_values().collect();
        let space = self.forgotten(&drop_frames)?;
        self.commit(Staged { drop_frames, frames, space, ..Staged::default() })
    }

    /// Seals bodies, as far as there is room for them, and takes note of those of which that cannot be done.
    fn named_frames(
        &mut self,
        live: &Live,
        lacking: &[Named],
        stale: &BTreeMap<Named, i64>,
    ) -> Result<Vec<KeptFrame>, Error> {
        let gone: Vec<i64> = stale.values().copied().collect();
        let mut room = Room::beside(&self.waiting, &gone);
        let mut frames = Vec::new();
        for of_lane in lacking.chunk_by(|(one, _), (other, _)| one == other) {
            let Some((lane, _)) = of_lane.first() else { continue };
            let parts = self.parts_of(lane);
            for (_, place) in of_lane {
                let keep = Keep::Named(*lane, *place);
                match self.named_frame(live, lane, *place, &parts) {
                    Ok(Some(frame)) if !room.take(&keep, &frame) => return Ok(frames),
                    Ok(Some(frame)) => frames.push(KeptFrame { keep, frame }),
                    // Its author may have found a shorter form than this program does.
                    Ok(None) | Err(Error::Wire(_)) => {
                        if self.unnamed.len() >= FAILED_MAX {
                            self.unnamed.clear();
                        }
                        self.unnamed.insert((*lane, *place));
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(frames)
    }

    /// The space without what relays took of frames that go; nothing where none did.
    pub(super) fn forgotten(&self, rows: &[i64]) -> Result<Option<SpaceState>, Error> {
        let frames = rows.iter().filter_map(|row| self.waiting.get(*row));
        let hashes: BTreeSet<FrameHash> = frames.map(|kept| FrameHash::of(&kept.frame)).collect();
        let space = self.space()?;
        if space.routes.values().all(|route| route.took.is_disjoint(&hashes)) {
            return Ok(None);
        }
        let mut space = space.clone();
        for route in space.routes.values_mut() {
            route.took.retain(|hash| !hashes.contains(hash));
        }
        Ok(Some(space))
    }

    /// Of other authors' forked lanes: what this device believes, if it is one whose word decides, and no other keeper is known to
    /// have, or not everybody; and what is not believed. The latter two where a relay has lost something.
    fn named(&self, space: &SpaceState) -> BTreeSet<Named> {
        let Some(own) = space.lanes.get(&space.lane) else { return BTreeSet::new() };
        let decides = own.keeps_work(&space.group.roster) && !self.index.is_forked(&space.lane);
        let secret = space.live.and_then(|live| space.group.generations.get(&live.generation));
        let is_lost = space.has_a_relay_lost();
        let offers = (decides || is_lost) && !seeded(Bug::ForgetNamed);
        let (true, Some(secret)) = (offers, secret) else { return BTreeSet::new() };
        let safe = self.acknowledged_tags();
        let standing = space.group.roster.standing();
        let line = standing.line(&own.device_key);
        let is_mine = |lane: &Lane| {
            let author = space.lanes.get(lane).map(|lane| standing.line(&lane.device_key));
            *lane == space.lane || author == Some(line)
        };
        let others = self.index.forked().filter(|(lane, _)| !is_mine(lane));
        let mut left: BTreeMap<Option<Device>, [usize; 2]> = BTreeMap::new();
        let mut named = BTreeSet::new();
        for (lane, bodies) in others {
            let author = space.lanes.get(lane).and_then(|lane| standing.line(&lane.device_key));
            let left = left.entry(author).or_insert([OF_AUTHOR_MAX; 2]);
            let from = bodies.rivals.first_key_value().map_or(0, |((from, _), _)| *from);
            let (from, tag) = (from.max(self.had_by_all(space, lane)), secret.lane_tag(lane));
            let spine = bodies.spine.range(from..).filter(|_| decides);
            // What a keeper has a relay may have lost, and those who lack it do not hear of it elsewhere.
            let lacking = spine.filter(|(at, _)| is_lost || !safe.contains((tag, **at)));
            let lacking = lacking.map(|(at, (_, mark))| (*at, mark.position)).collect();
            let rivals = bodies.rivals.keys().copied().filter(|_| is_lost).collect();
            // Neither takes the room of the other.
            for (left, places) in left.iter_mut().zip::<[Vec<Place>; 2]>([lacking, rivals]) {
                let places = places.into_iter().take(*left);
                let before = named.len();
                named.extend(places.map(|place| (*lane, place)));
                *left -= named.len() - before;
            }
        }
        named
    }

    /// How far all members have signed that they have a lane as it is here, its author by another lane. A device one life of which
    /// says another branch counts as one that lacks it: that life may be a copy, and the one that goes on.
    fn had_by_all(&self, space: &SpaceState, lane: &Lane) -> u32 {
        let (standing, own) = (space.group.roster.standing(), self.device());
        let had_by = |line: &Device| {
            let is_its = |(id, state): &(&Lane, &LaneState)| {
                **id != space.lane && standing.line(&state.device_key).as_ref() == Some(line)
            };
            let lives = space.lanes.iter().filter(is_its);
            let said = lives.filter_map(|(_, state)| state.vector.get(lane));
            let is_here = |said: &&Said| self.names_what_is_here(lane, said);
            let (here, elsewhere): (Vec<&Said>, Vec<&Said>) = said.partition(is_here);
            match here.iter().map(|said| said.next).max() {
                _ if !elsewhere.is_empty() => 0,
                _ if *line == own => u32::MAX,
                next => next.unwrap_or_default(),
            }
        };
        standing.members.keys().map(had_by).min().unwrap_or_default()
    }

    /// Whether a kept frame is sealed for the live mailbox, under a key that is still here. A new epoch of the same mailbox keeps nobody
    /// out: sealed anew, the body would take one of the few places of its position there, each week another.
    fn is_current(&self, live: &Live, lane: &Lane, row: i64) -> bool {
        let secret = self.space.as_ref().and_then(|s| s.group.generations.get(&live.generation));
        let frame = self.waiting.get(row).map(|kept| Frame::parse(&kept.frame));
        let (Some(secret), Some(Ok(Frame::Chunk(header, _)))) = (secret, frame) else {
            return false;
        };
        let mut epochs = self.ring.epochs().values();
        header.tag == secret.lane_tag(lane)
            && epochs.any(|epoch| epoch.hint_key().hint(&header.nonce) == header.hint)
    }

    /// A body, sealed at its place. Nothing where a part of it was let go, so that it cannot be put together again.
    fn named_frame(
        &self,
        live: &Live,
        lane: &Lane,
        place: Place,
        parts: &Parts,
    ) -> Result<Option<Vec<u8>>, Error> {
        let Some(raw) = self.signed_again(lane, place, parts)? else { return Ok(None) };
        let space = self.space()?;
        let secret = self.ring.epochs().get(&live.epoch);
        let generation = space.group.generations.get(&live.generation);
        let (Some(secret), Some(generation)) = (secret, generation) else { return Ok(None) };
        let at = (generation.lane_tag(lane), place.0);
        let key = (secret, &live.epoch);
        Ok(Some(chunk::seal_again(key, space.space(), at, (&raw, space.padding))?))
    }

    /// The bytes that the author of a body signed, and the signature, put together from the log.
    fn signed_again(
        &self,
        lane: &Lane,
        place: Place,
        parts: &Parts,
    ) -> Result<Option<Vec<u8>>, Error> {
        let space = self.space()?;
        let Some(state) = space.lanes.get(lane) else { return Ok(None) };
        let Some(chunk) = self.rebuilt_chunk(lane, place, parts)? else { return Ok(None) };
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

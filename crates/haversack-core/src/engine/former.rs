//! Bodies on lanes that were this device's before: its keys were renewed, or its store moved. They are offered like own ones,
//! until somebody who keeps the team's work has them.

use std::collections::{BTreeMap, BTreeSet};

use haversack_wire::{Epoch, Frame, Lane, LaneTag};

use super::Engine;
use super::documents::Staged;
use super::kept::{Keep, KeptFrame};
use super::state::{LaneState, RouteState, SpaceState};
use crate::Error;
use crate::crypto::EpochSecret;
use crate::members::Live;
use crate::sync::chunk;

/// A body of a former lane, as it is kept.
struct Former {
    row: i64,
    lane: Lane,
    sequence: u32,
    frame: Vec<u8>,
}

impl Engine {
    /// The bodies of former lanes, in order. (One whose tag is of no generation that is known here was copied from elsewhere.)
    fn former(&self, space: &SpaceState) -> Vec<Former> {
        let kept = self.waiting.of(Keep::Former).collect::<Vec<_>>();
        if kept.is_empty() {
            return Vec::new();
        }
        let tags = former_tags(space);
        let former = |(row, frame): (i64, &[u8])| match Frame::parse(frame) {
            Ok(Frame::Chunk(header, _)) => {
                let (lane, sequence) = (*tags.get(&header.tag)?, header.sequence);
                Some(Former { row, lane, sequence, frame: frame.to_vec() })
            }
            _ => None,
        };
        let mut all: Vec<Former> = kept.into_iter().filter_map(former).collect();
        all.sort_by_key(|one| (one.lane, one.sequence));
        all
    }

    /// The same as frames under the live epoch, with their rows.
    pub(super) fn former_frames(
        &mut self,
        space: &SpaceState,
    ) -> Result<Vec<(i64, Vec<u8>)>, Error> {
        self.seal_former_anew(space)?;
        Ok(self.former(space).into_iter().map(|one| (one.row, one.frame)).collect())
    }

    /// Seals anew what was sealed under another epoch than the live one, at its place and with its signature, and keeps it so (R5).
    fn seal_former_anew(&mut self, space: &SpaceState) -> Result<(), Error> {
        let live = space.live.ok_or(Error::Removed)?;
        let mut staged = Staged::default();
        for one in self.former(space) {
            let Some(frame) = self.sealed_anew(space, &live, &one)? else { continue };
            staged.drop_frames.push(one.row);
            staged.frames.push(KeptFrame { keep: Keep::Former, frame });
        }
        if staged.frames.is_empty() {
            return Ok(());
        }
        staged.space = self.forgotten(&staged.drop_frames)?;
        self.commit(staged)
    }

    /// Nothing where it is sealed under the live epoch, or under one whose secret is gone.
    fn sealed_anew(
        &mut self,
        space: &SpaceState,
        live: &Live,
        one: &Former,
    ) -> Result<Option<Vec<u8>>, Error> {
        let Ok(Frame::Chunk(header, sealed)) = Frame::parse(&one.frame) else { return Ok(None) };
        let held = self.ring.epochs();
        let key = (held.get(&live.epoch), space.group.generations.get(&live.generation));
        let (Some(secret), Some(generation)) = key else { return Ok(None) };
        if secret.hint_key().hint(&header.nonce) == header.hint {
            return Ok(None);
        }
        let open = |(id, secret): (&Epoch, &EpochSecret)| {
            chunk::open((secret, id), space.space(), &header, sealed)?.ok()
        };
        let Some(raw) = held.iter().find_map(open) else { return Ok(None) };
        let place = (generation.lane_tag(&one.lane), one.sequence);
        let (key, random) = ((secret, &live.epoch), &mut *self.random);
        Ok(Some(chunk::seal_padded(key, space.space(), place, (&raw, space.padding), random)?))
    }

    /// Lets go of what somebody who keeps the team's work has said, signed, that it has.
    pub(super) fn drop_former(&mut self) -> Result<(), Error> {
        let space = self.space()?;
        let safe = |one: &Former| is_acknowledged(space, &one.lane, one.sequence);
        let drop_frames: Vec<i64> =
            self.former(space).into_iter().filter(safe).map(|one| one.row).collect();
        if drop_frames.is_empty() {
            return Ok(());
        }
        let space = self.forgotten(&drop_frames)?;
        self.commit(Staged { drop_frames, space, ..Staged::default() })
    }

    /// The places of bodies that are kept here.
    pub(super) fn former_places(&self, space: &SpaceState) -> BTreeSet<(Lane, u32)> {
        self.former(space).into_iter().map(|one| (one.lane, one.sequence)).collect()
    }

    /// Makes a mailbox one that has none of the bodies that are kept here, so that they are offered anew.
    pub(super) fn offer_former(&self, space: &SpaceState, live: &Live, route: &mut RouteState) {
        let Some(secret) = space.group.generations.get(&live.generation) else { return };
        for one in self.former(space).iter().rev() {
            route.known.insert(secret.lane_tag(&one.lane), one.sequence);
        }
    }
}

/// Which lanes were this device's before, by their tags in every generation that is known here.
fn former_tags(space: &SpaceState) -> BTreeMap<LaneTag, Lane> {
    let standing = space.group.roster.standing();
    let own = space.lanes.get(&space.lane).map(|own| own.device_key).unwrap_or_default();
    let is_mine = |lane: &LaneState| {
        let line = standing.line(&lane.device_key);
        lane.device_key == own || (line.is_some() && line == standing.line(&own))
    };
    let former = space.lanes.iter().filter(|(id, lane)| **id != space.lane && is_mine(lane));
    let generations = || space.group.generations.values();
    former.flat_map(|(id, _)| generations().map(|secret| (secret.lane_tag(id), *id))).collect()
}

/// Whether another device that keeps the team's work has said that it has all of a lane that is here, and this of it.
fn is_acknowledged(space: &SpaceState, lane: &Lane, sequence: u32) -> bool {
    let (roster, Some(known)) = (&space.group.roster, space.lanes.get(lane)) else { return false };
    let line = roster.standing().line(&known.device_key);
    let is_other = |other: &&LaneState| roster.standing().line(&other.device_key) != line;
    let mut keepers =
        space.lanes.values().filter(is_other).filter(|other| other.keeps_work(roster));
    keepers.any(|keeper| {
        keeper.vector.get(lane).is_some_and(|said| {
            (said.next, said.hash) == (known.next, known.position_start())
                && !said.quarantined.contains(&sequence)
        })
    })
}

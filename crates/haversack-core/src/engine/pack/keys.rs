//! Whether this device needs a pack, and what it does with the keys of those that it has none of.

use std::collections::BTreeSet;

use haversack_wire::{Lane, Pack};

use super::super::Engine;
use super::super::documents::Staged;
use super::super::state::SpaceState;
use super::super::wait::{Need, Wait};
use super::state::PackState;
use crate::Error;
use crate::members::Role;
use crate::store::Dropped;
use crate::sync::exchange::place;

/// Keys of packs that a keeper keeps beside that of its own: as many as a grant brings, since of those nobody can tell the newest.
const KEEPER_KEYS: usize = 4;
/// Packs that are remembered as possibly having something that was erased: as many as there can be keys of.
const STALE_MAX: usize = 64;

impl Engine {
    /// Whether something is missing here that a pack may have: a lane that goes on beyond what is here, under keys or after bodies that
    /// are not.
    pub(super) fn is_behind(&self, space: &SpaceState) -> bool {
        let here = |lane: &Lane| space.lanes.get(lane).map_or(0, |lane| lane.next);
        // On a lane that forks no pack helps, nor with another branch below where it goes on.
        let is_ahead = |wait: &Wait| wait.sequence >= here(&wait.lane);
        let is_gap = |wait: &Wait| match wait.need {
            Need::Before => true,
            Need::Branch(_) => is_ahead(wait) && !self.index.is_forked(&wait.lane),
            _ => false,
        };
        let mut retired = space.retired().into_iter().filter(|(lane, _)| *lane != space.lane);
        retired.any(|(lane, next)| next > here(&lane))
            || self.waiting.waits().any(|(_, wait, _)| is_gap(wait))
            || self.lacks_a_key(space)
    }

    /// Whether a body is here sealed under a key that is not, and is not known from elsewhere.
    fn lacks_a_key(&self, space: &SpaceState) -> bool {
        if self.waiting.foreign_ours() == 0 {
            return false;
        }
        let foreign: BTreeSet<_> =
            self.waiting.foreign().filter_map(|(_, frame)| place(frame)).collect();
        let secrets = space.group.generations.values();
        let mut lanes = secrets.flat_map(|secret| {
            space.lanes.iter().map(|(id, lane)| (secret.lane_tag(id), lane.next))
        });
        lanes.any(|(tag, next)| foreign.range((tag, next)..=(tag, u32::MAX)).next().is_some())
    }

    /// After an exchange: destroys keys of packs that are of no use here any more.
    pub(in crate::engine) fn forget_packs(&mut self) -> Result<(), Error> {
        let space = self.space()?;
        let keeps = self.role()?.is_some_and(Role::keeps_work);
        let is_settled = self.was_read(space) && !self.is_behind(space);
        let gone = match keeps {
            true => of_no_use(space, is_settled),
            false => of_no_use_outdoors(space, is_settled),
        };
        if gone.is_empty() {
            return Ok(());
        }
        let mut space = space.clone();
        // What is not needed now may be yet: its key is taken again when it comes again. Of one with something that was erased too: that
        // there is something in it is a guess of who has not read it, and no other one may have what will be missing.
        space.group.packs.forget(&gone);
        space.packs.taking.retain(|pack, _| !gone.contains(pack));
        self.commit(Staged { space: Some(space), ..Staged::default() })?;
        self.rewrite_keyring(&Dropped { packs: gone.into_iter().collect(), ..Dropped::default() })
    }

    /// Whether some mailbox was read to its end: what is missing would have shown.
    fn was_read(&self, space: &SpaceState) -> bool {
        space.routes.values().any(|route| route.ended)
    }
}

/// The packs whose keys a device needs no more that does not hand them on: those that it has taken, and all once it lacks nothing. What
/// it does not need now it may need yet: then it takes the key again when that comes again.
fn of_no_use_outdoors(space: &SpaceState, is_settled: bool) -> Vec<Pack> {
    let packs = &space.group.packs;
    let is_it = |pack: &&Pack| is_settled || packs.spent().contains(pack);
    packs.order().iter().filter(is_it).copied().collect()
}

/// The packs whose keys a keeper needs no more: once it lacks nothing, all but its own and the newest others; and those that may have
/// something that was erased since, once there is one without and they are taken or not needed.
fn of_no_use(space: &SpaceState, is_settled: bool) -> Vec<Pack> {
    let (order, stale) = (space.group.packs.order(), &space.packs.stale);
    let is_clean = order.last().is_some_and(|newest| !stale.contains(newest));
    let is_mine = |pack: &Pack| space.packs.mine.as_ref().is_some_and(|mine| mine.pack == *pack);
    let others: Vec<Pack> = order.iter().filter(|pack| !is_mine(pack)).copied().collect();
    let (old, _) = others.split_at(others.len().saturating_sub(KEEPER_KEYS));
    let is_done = |pack: &Pack| is_settled || space.group.packs.spent().contains(pack);
    let is_it = |pack: &&Pack| {
        (is_settled && old.contains(pack)) || (is_clean && stale.contains(pack) && is_done(pack))
    };
    order.iter().filter(is_it).copied().collect()
}

impl PackState {
    /// This device goes on under other keys: nobody takes a pack under the old ones any more, and another is due.
    pub(in crate::engine) fn disown(&mut self) {
        self.mine.iter_mut().for_each(|mine| mine.is_stale = true);
    }

    /// Something was erased that may be in packs whose keys are here.
    pub(in crate::engine) fn note_erased(&mut self, packs: &[Pack]) {
        self.outdate(packs);
        self.mine.iter_mut().for_each(|mine| mine.is_stale = true);
    }

    /// Packs whose keys are not to be kept longer than they are needed.
    pub(super) fn outdate(&mut self, packs: &[Pack]) {
        let is_new = |pack: &&Pack| !self.stale.contains(pack);
        let new: Vec<Pack> = packs.iter().filter(is_new).copied().collect();
        self.stale.extend(new);
        let from = self.stale.len().saturating_sub(STALE_MAX);
        self.stale.drain(..from);
    }
}

//! Packs on the way by a relay: pushing one's own, asking for one, telling the relay what it may drop.

use std::collections::BTreeMap;

use haversack_wire::request::{Basis, SectionHead};
use haversack_wire::{
    Frame, FrameHash, Generation, Lane, LaneTag, Pack, Relay, Retire, RetireHash,
};

use super::super::Engine;
use super::super::kept::KeptFrame;
use super::super::lane::LaneState;
use super::super::state::SpaceState;
use super::state::{Mine, PackRoute, PackState};
use crate::Error;
use crate::store::Table;
use crate::sync::body::Body;
use crate::sync::exchange::{CURSOR_MAX, PackPush};
use haversack_wire::hash::{Label, derive};

/// Bytes of a pack in one request; the rest goes with the next.
const PUSH_BYTES_MAX: usize = 4 << 20;
/// Lanes that one body names as retired.
const RETIRED_MAX: usize = 1_024;
/// Frames of older packs that are named to be dropped.
const OLD_MAX: usize = 1_024;

/// Whether a frame is a part of a pack.
pub(in crate::engine) fn is_pack(frame: &[u8]) -> bool {
    matches!(Frame::parse(frame), Ok(Frame::Pack(..)))
}

impl Engine {
    /// The frames of this device's own pack that a mailbox does not have yet; once it has them all, what it may drop.
    pub(in crate::engine) fn pack_offers(
        &self,
        space: &SpaceState,
        relay: &Relay,
        generation: &Generation,
    ) -> Result<Vec<(Vec<u8>, PackPush)>, Error> {
        let Some(mine) = &space.packs.mine else { return Ok(Vec::new()) };
        let route = space.packs.route(relay, generation);
        let delivered = if route.delivered.0 == mine.pack { route.delivered.1 } else { 0 };
        if delivered >= mine.frames {
            let is_due = route.retired != Some(mine.pack);
            let retire = is_due.then(|| retire(space, mine, generation)).flatten();
            let retire = retire.map(|frame| (frame, PackPush::Retire(mine.pack)));
            return Ok(retire.into_iter().collect());
        }
        let (mut offers, mut bytes) = (Vec::new(), 0);
        for (place, row) in (0..).zip(self.own_parts(space)).skip(delivered as usize) {
            let frame = self.part(row)?;
            bytes += frame.len();
            if bytes > PUSH_BYTES_MAX {
                break;
            }
            offers.push((frame, PackPush::Part(mine.pack, place)));
        }
        Ok(offers)
    }

    /// The rows of this device's own pack, that of its manifest first.
    pub(in crate::engine) fn own_parts(&self, space: &SpaceState) -> Vec<i64> {
        let Some((first, last)) = space.packs.mine.as_ref().map(|mine| mine.rows) else {
            return Vec::new();
        };
        let segments = self.waiting.parts().range(first..last).map(|(row, _)| *row);
        std::iter::once(last).chain(segments).collect()
    }

    /// A part of this device's own pack.
    pub(in crate::engine) fn part(&self, row: i64) -> Result<Vec<u8>, Error> {
        let missing = Error::damaged("kept frames", "one is missing");
        let bytes = self.db.row(Table::Frames, &self.outbox_key()?, row)?.ok_or(missing)?;
        Ok(KeptFrame::decode(&bytes)?.frame)
    }

    /// Whether a mailbox is to be asked for packs, and not yet for chunks.
    pub(in crate::engine) fn wants_pack(
        &self,
        space: &SpaceState,
        relay: &Relay,
        generation: &Generation,
    ) -> bool {
        let asked = space.packs.routes.get(&(*relay, *generation));
        let is_asked = |pack: &Pack| asked.is_some_and(|route| route.asked.contains(pack));
        let is_new = space.group.packs.pending().any(|pack| !is_asked(pack));
        is_new && (!space.routes.values().any(|route| route.ended) || self.is_behind(space))
    }
}

/// What a relay may drop once it has a pack: for those alone who know how to prove it.
fn retire(space: &SpaceState, mine: &Mine, generation: &Generation) -> Option<Vec<u8>> {
    let secret = space.group.generations.get(generation)?;
    let generations = space.table.generations();
    let (_, number) = generations.into_iter().find(|(id, _)| id == generation)?;
    let hash: RetireHash = space.group.roster.retire_hash(number)?;
    let proves = |preimage: &&[u8; 32]| derive(Label::RETIRE, &[*preimage]) == *hash.as_bytes();
    let preimage = *space.retire_preimages.iter().find(proves)?;
    let mut lanes: Vec<(LaneTag, u32)> =
        mine.vector.iter().map(|(lane, next)| (secret.lane_tag(lane), *next)).collect();
    lanes.sort();
    let frames: Vec<FrameHash> = mine.old.iter().take(OLD_MAX).copied().collect();
    Retire { preimage, lanes, frames }.encode().ok()
}

impl PackState {
    fn route(&self, relay: &Relay, generation: &Generation) -> PackRoute {
        self.routes.get(&(*relay, *generation)).cloned().unwrap_or_default()
    }

    /// Asks a mailbox for packs in place of chunks, if one is wanted; and then for chunks, but not once more for what came with packs.
    pub(in crate::engine) fn ask(
        &self,
        mailbox: &(Relay, Generation),
        is_wanted: bool,
        head: &mut SectionHead,
    ) {
        let loose = self.routes.get(mailbox).map_or(0, |route| route.loose);
        head.basis = match std::mem::replace(&mut head.basis, Basis::Loose) {
            _ if is_wanted => {
                head.cursor = loose;
                Basis::Loose
            }
            Basis::Vector(vector)
                if loose > 0 && loose <= head.cursor && head.cursor < CURSOR_MAX =>
            {
                Basis::Chunks(vector)
            }
            basis => basis,
        };
    }

    /// A frame came from a mailbox that was asked for packs.
    pub(in crate::engine) fn read(&mut self, mailbox: (Relay, Generation), cursor: u64) {
        let route = self.routes.entry(mailbox).or_default();
        route.loose = route.loose.max(cursor);
    }

    /// A mailbox was read, chunks and all, or has to be.
    pub(in crate::engine) fn read_all(&mut self, mailbox: &(Relay, Generation)) {
        self.routes.get_mut(mailbox).into_iter().for_each(|route| route.loose = 0);
    }

    /// A mailbox is not the one that it was: what it took of this device's pack may be gone.
    pub(in crate::engine) fn start_over(&mut self, mailbox: &(Relay, Generation)) {
        if let Some(route) = self.routes.get_mut(mailbox) {
            (route.loose, route.delivered, route.retired) = Default::default();
        }
    }

    /// A relay took what was pushed of a pack. Says whether it has it all now.
    pub(in crate::engine) fn pushed(
        &mut self,
        mailbox: (Relay, Generation),
        pushed: PackPush,
    ) -> bool {
        let route = self.routes.entry(mailbox).or_default();
        match pushed {
            PackPush::Part(pack, place) => {
                if route.delivered.0 != pack {
                    route.delivered = (pack, 0);
                }
                if route.delivered.1 == place {
                    route.delivered.1 = place + 1;
                }
            }
            PackPush::Retire(pack) => {
                route.retired = Some(pack);
                let mut routes = self.routes.values().filter(|route| route.delivered.0 == pack);
                if routes.all(|route| route.retired == Some(pack)) {
                    // Every relay that has this one was told what came before it.
                    self.mine.iter_mut().for_each(|mine| mine.old.clear());
                }
            }
        }
        matches!(pushed, PackPush::Part(..)) && self.is_delivered()
    }

    /// Whether some relay has all of this device's pack.
    fn is_delivered(&self) -> bool {
        let mine = self.mine.as_ref().map(|mine| (mine.pack, mine.frames));
        self.routes.values().any(|route| Some(route.delivered) == mine)
    }

    /// What this device's next body says that a pack has.
    pub(in crate::engine) fn to_tell(&self) -> Vec<(Lane, u32)> {
        // Until a relay has it, everybody keeps what is in it.
        let mine = self.mine.iter().filter(|mine| mine.untold && self.is_delivered());
        mine.flat_map(|mine| mine.vector.iter().copied()).take(RETIRED_MAX).collect()
    }

    /// It was said.
    pub(in crate::engine) fn told(&mut self) {
        self.mine.iter_mut().for_each(|mine| mine.untold = false);
    }
}

impl SpaceState {
    /// A body may say what a pack has: that counts if its author keeps the team's work.
    pub(in crate::engine) fn note_retired(&mut self, body: &Body) {
        let keeps = |lane: &LaneState| lane.keeps_work(&self.group.roster);
        if body.retired.is_empty() || !self.lanes.get(&body.lane).is_some_and(keeps) {
            return;
        }
        for (lane, next) in &body.retired {
            let known = self.packs.retired.entry(*lane).or_default();
            *known = (*known).max(*next);
        }
    }

    /// A mailbox that was asked for packs has nothing more of that kind up to a cursor: chunks are asked for next, those that no pack
    /// brought.
    pub(in crate::engine) fn read_packs(&mut self, mailbox: (Relay, Generation), cursor: u64) {
        let packs = &self.group.packs;
        let asked = packs.order().iter().chain(packs.spent()).copied().collect();
        let pack_route = self.packs.routes.entry(mailbox).or_default();
        let route = self.routes.entry(mailbox).or_default();
        // What found no room is to come once more.
        let loose = if route.dropped > 0 { 0 } else { cursor };
        (pack_route.asked, pack_route.loose) = (asked, loose);
        // From here on the relay's cursors count.
        (route.needs_vector, route.differs) = (true, false);
        let Some(secret) = self.group.generations.get(&mailbox.1) else { return };
        for (id, lane) in self.lanes.iter().filter(|(_, lane)| lane.packed.is_some()) {
            let known = route.known.entry(secret.lane_tag(id)).or_default();
            *known = (*known).max(lane.packed_next());
        }
    }

    /// Of the lanes in a mailbox, the first sequence that no pack is known to have.
    pub(in crate::engine) fn packed(&self, generation: &Generation) -> BTreeMap<LaneTag, u32> {
        let Some(secret) = self.group.generations.get(generation) else { return BTreeMap::new() };
        let all = self.packs.retired.iter();
        all.map(|(lane, next)| (secret.lane_tag(lane), *next)).collect()
    }
}

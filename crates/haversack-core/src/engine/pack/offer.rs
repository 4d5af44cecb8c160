//! Packs on the way by a relay: pushing one's own, asking for one, telling the relay what it may drop.

use std::collections::BTreeMap;

use haversack_wire::limits::LANES_MAX;
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

/// Frames of a pack, and what each is.
type PackOffers = Vec<(Vec<u8>, PackPush)>;

/// Whether a frame is a part of a pack.
pub(in crate::engine) fn is_pack(frame: &[u8]) -> bool {
    matches!(Frame::parse(frame), Ok(Frame::Pack(..)))
}

impl Engine {
    /// The frames of this device's own pack that a mailbox does not have yet, and whether those are all; once it has them, what it may
    /// drop.
    pub(in crate::engine) fn pack_offers(
        &self,
        space: &SpaceState,
        relay: &Relay,
        generation: &Generation,
    ) -> Result<(PackOffers, bool), Error> {
        let Some(mine) = &space.packs.mine else { return Ok((Vec::new(), true)) };
        let route = space.packs.route(relay, generation);
        let delivered = if route.delivered.0 == mine.pack { route.delivered.1 } else { 0 };
        if delivered >= mine.frames {
            let is_due = route.retired != Some(mine.pack);
            let retire = is_due.then(|| retire(space, mine, generation)).flatten();
            let retire = retire.map(|frame| (frame, PackPush::Retire(mine.pack)));
            return Ok((retire.into_iter().collect(), true));
        }
        let (mut offers, mut bytes) = (Vec::new(), 0);
        for (place, row) in (0..).zip(self.own_parts(space)).skip(delivered as usize) {
            let frame = self.part(row)?;
            bytes += frame.len();
            if bytes > PUSH_BYTES_MAX {
                return Ok((offers, false));
            }
            offers.push((frame, PackPush::Part(mine.pack, place)));
        }
        Ok((offers, true))
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

    /// Whether a mailbox is to be asked for packs, and not yet for chunks: for one that it was not asked for yet, or that is not whole
    /// here while there is more in the mailbox than was read for it.
    pub(in crate::engine) fn wants_pack(
        &self,
        space: &SpaceState,
        relay: &Relay,
        generation: &Generation,
    ) -> bool {
        let asked = space.packs.route(relay, generation);
        let has_grown = space.route(relay, generation).cursor > asked.reads;
        let is_of_use = |pack: &Pack| has_grown || !asked.asked.contains(pack);
        let is_any = space.group.packs.pending().any(is_of_use);
        is_any && (!space.routes.values().any(|route| route.ended) || self.is_behind(space))
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
    let mut frames: Vec<FrameHash> = mine.old.iter().take(OLD_MAX).copied().collect();
    frames.sort();
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
        wanted: Option<&[Pack]>,
        head: &mut SectionHead,
    ) {
        let PackRoute { loose, reads, asked, .. } = self.route(&mailbox.0, &mailbox.1);
        head.basis = match (std::mem::replace(&mut head.basis, Basis::Loose), wanted) {
            (_, Some(wanted)) => {
                let is_read = wanted.iter().all(|pack| asked.contains(pack));
                head.cursor = if is_read { loose.max(reads) } else { loose };
                Basis::Loose
            }
            (Basis::Vector(vector), None)
                if loose > 0 && loose <= head.cursor && head.cursor < CURSOR_MAX =>
            {
                Basis::Chunks(vector)
            }
            (basis, None) => basis,
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
            *route = PackRoute::default();
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
                self.forget_old(pack);
            }
        }
        matches!(pushed, PackPush::Part(..)) && self.is_delivered()
    }

    /// Forgets what came before a pack, once every mailbox that ever had any of this device's was told to drop it; what one retire had no
    /// room for, the next one names.
    fn forget_old(&mut self, pack: Pack) {
        let used = |route: &&mut PackRoute| route.delivered.0 != Pack::default();
        if !self.routes.values_mut().filter(used).all(|route| route.retired == Some(pack)) {
            return;
        }
        let Some(mine) = &mut self.mine else { return };
        mine.old.drain(..mine.old.len().min(OLD_MAX));
        if !mine.old.is_empty() {
            self.routes.values_mut().for_each(|route| route.retired = None);
        }
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
        let said = self.packs.said.entry(body.lane).or_default();
        for (lane, next) in &body.retired {
            if said.len() < LANES_MAX || said.contains_key(lane) {
                let known = said.entry(*lane).or_default();
                *known = (*known).max(*next);
            }
        }
    }

    /// Of each lane, the first sequence that no pack is known to have: by the word of those who keep the team's work now, since nobody
    /// takes the packs of others.
    pub(in crate::engine) fn retired(&self) -> BTreeMap<Lane, u32> {
        let mut retired = BTreeMap::new();
        for (by, said) in &self.packs.said {
            if !self.lanes.get(by).is_some_and(|lane| lane.keeps_work(&self.group.roster)) {
                continue;
            }
            for (lane, next) in said {
                let known = retired.entry(*lane).or_default();
                *known = (*next).max(*known);
            }
        }
        retired
    }

    /// A mailbox that was asked for packs has nothing more of that kind up to a cursor: chunks are asked for next, those that no pack
    /// brought. A pack whose key came meanwhile, after its parts, was not asked for.
    pub(in crate::engine) fn read_packs(
        &mut self,
        mailbox: (Relay, Generation),
        cursor: u64,
        wanted: &[Pack],
    ) {
        let packs = &self.group.packs;
        let is_asked = |pack: &&Pack| wanted.contains(pack) || packs.spent().contains(pack);
        let all = packs.order().iter().chain(packs.spent());
        let asked = all.filter(is_asked).copied().collect();
        let pack_route = self.packs.routes.entry(mailbox).or_default();
        let route = self.routes.entry(mailbox).or_default();
        // What found no room is to come once more.
        let loose = if route.dropped > 0 { 0 } else { cursor };
        (pack_route.asked, pack_route.loose, pack_route.reads) = (asked, loose, loose);
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
        let all = self.retired().into_iter();
        all.map(|(lane, next)| (secret.lane_tag(&lane), next)).collect()
    }
}

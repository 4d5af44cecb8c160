//! Packs on the way by a relay: pushing one's own, asking for one, telling the relay what it may drop.

use std::collections::{BTreeMap, BTreeSet};

use haversack_wire::limits::LANES_MAX;
use haversack_wire::request::{Basis, NO_CURSOR, SectionHead};
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
use crate::sync::exchange::{PackPush, Wanted};
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
    /// The frames of this device's own pack that a mailbox does not have yet, as many as go into one request; once it has all, what it
    /// may drop.
    pub(in crate::engine) fn pack_offers(
        &self,
        space: &SpaceState,
        relay: &Relay,
        generation: &Generation,
    ) -> Result<Vec<(Vec<u8>, PackPush)>, Error> {
        let Some(mine) = space.packs.offered() else { return Ok(Vec::new()) };
        // Whether what is taken then is there to stay, the end of that answer does not say.
        if self.wants_pack(space, relay, generation) {
            return Ok(Vec::new());
        }
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

    /// The packs that a mailbox is to be asked for next, if it is.
    pub(in crate::engine) fn wanted(
        &self,
        space: &SpaceState,
        relay: &Relay,
        generation: &Generation,
    ) -> Option<Wanted> {
        let PackRoute { loose, reads, asked, .. } = space.packs.route(relay, generation);
        let packs: Vec<Pack> = space.group.packs.pending().copied().collect();
        let is_read = packs.iter().all(|pack| asked.contains(pack));
        let from = match is_read {
            true => loose.max(reads),
            // A line broke, and it is gone on with; else what came before may be of a pack whose key was not here.
            false => Some(loose).filter(|loose| *loose > reads).unwrap_or_default(),
        };
        self.wants_pack(space, relay, generation).then_some(Wanted { packs, from })
    }

    /// Whether a mailbox is to be asked for packs, and not yet for chunks: for one that it was not asked for yet, or that is not whole
    /// here while the mailbox has passed over more since.
    pub(in crate::engine) fn wants_pack(
        &self,
        space: &SpaceState,
        relay: &Relay,
        generation: &Generation,
    ) -> bool {
        let asked = space.packs.route(relay, generation);
        let is_of_use = |pack: &Pack| asked.more || !asked.asked.contains(pack);
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

    /// Asks a mailbox for packs in place of chunks, if some are wanted; and then for chunks, but not once more for what came with packs.
    pub(in crate::engine) fn ask(
        &self,
        mailbox: &(Relay, Generation),
        wanted: Option<&Wanted>,
        head: &mut SectionHead,
    ) {
        let loose = self.route(&mailbox.0, &mailbox.1).loose;
        head.basis = match (std::mem::replace(&mut head.basis, Basis::Loose), wanted) {
            (_, Some(wanted)) => {
                head.cursor = wanted.from;
                Basis::Loose
            }
            (Basis::Vector(digest, vector), None) if loose > 0 && head.cursor < NO_CURSOR => {
                Basis::Chunks(digest, vector)
            }
            (basis, None) => basis,
        };
    }

    /// This device's pack, unless nobody is to take it any more.
    fn offered(&self) -> Option<&Mine> {
        self.mine.as_ref().filter(|mine| !mine.is_stale)
    }

    /// A frame came from a mailbox that was asked for packs.
    pub(in crate::engine) fn read(&mut self, mailbox: (Relay, Generation), cursor: u64) {
        let route = self.routes.entry(mailbox).or_default();
        route.loose = route.loose.max(cursor);
    }

    /// A mailbox that was asked for chunks passed over something, which may be of a pack.
    pub(in crate::engine) fn passed(&mut self, mailbox: (Relay, Generation)) {
        self.routes.entry(mailbox).or_default().more = true;
    }

    /// A mailbox was asked with a cursor that says nothing, and ends at this one: to such a question it does not say what it passes over.
    pub(in crate::engine) fn may_have_passed(&mut self, mailbox: (Relay, Generation), cursor: u64) {
        let route = self.routes.get_mut(&mailbox).into_iter();
        route.for_each(|route| route.more |= cursor > route.reads);
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

    /// A relay took what was pushed of a pack.
    pub(in crate::engine) fn pushed(&mut self, mailbox: (Relay, Generation), pushed: PackPush) {
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
                self.forget_old(pack, mailbox.1);
            }
        }
    }

    /// Forgets what came before a pack, once every mailbox of the generation that ever had any of this device's was told to drop it; what
    /// one retire had no room for, the next one names. Mailboxes of other generations are told nothing any more.
    fn forget_old(&mut self, pack: Pack, live: Generation) {
        let all = self.routes.iter().filter(|((_, generation), _)| *generation == live);
        let mut used = all.filter(|(_, route)| route.delivered.0 != Pack::default());
        if !used.all(|(_, route)| route.retired == Some(pack)) {
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
        let mine = self.offered().filter(|mine| mine.untold && self.is_delivered());
        mine.into_iter().flat_map(|mine| mine.vector.iter().copied()).take(RETIRED_MAX).collect()
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

    /// Whose signed word says that they have all that packs have, where there is a pack whose key can be granted. Of a device each life
    /// has to say so: whether one goes on that has not heard of the others nobody can tell, and a grant costs little.
    pub(in crate::engine) fn have_packed(&self, me: &[u8; 32]) -> Option<BTreeSet<[u8; 32]>> {
        self.group.packs.newest().next()?;
        let mut packed = self.retired();
        for (lane, next) in self.packs.offered().into_iter().flat_map(|mine| &mine.vector) {
            let known = packed.entry(*lane).or_default();
            *known = (*next).max(*known);
        }
        let has = |by: (&Lane, &LaneState), (id, next): (&Lane, &u32)| {
            by.0 == id || by.1.vector.get(id).is_some_and(|said| said.next >= *next)
        };
        let has_all =
            |by: (&Lane, &LaneState)| *by.0 == self.lane || packed.iter().all(|lane| has(by, lane));
        let wrote = self.lanes.iter().filter(|(_, lane)| lane.next > 0);
        let behind = wrote.filter(|by| !has_all(*by));
        let behind: BTreeSet<[u8; 32]> = behind.map(|(_, by)| by.device_key).collect();
        let keys = self.lanes.values().map(|by| by.device_key).chain([*me]);
        Some(keys.filter(|key| !behind.contains(key)).collect())
    }

    /// A mailbox that was asked for packs has nothing more of that kind up to a cursor: chunks are asked for next. A pack whose key came
    /// meanwhile, after its parts, was not asked for.
    pub(in crate::engine) fn read_packs(
        &mut self,
        mailbox: (Relay, Generation),
        (cursor, enters): (u64, bool),
        Wanted { packs: wanted, from }: &Wanted,
    ) {
        let packs = &self.group.packs;
        let is_asked = |pack: &&Pack| wanted.contains(pack) || packs.spent().contains(pack);
        let all = packs.order().iter().chain(packs.spent());
        let asked = all.filter(is_asked).copied().collect();
        let pack_route = self.packs.routes.entry(mailbox).or_default();
        let route = self.routes.entry(mailbox).or_default();
        // Where a broken line was gone on with, nothing shows whether it was the same mailbox before; and what found no room is to come
        // once more.
        let is_new = |pack: &Pack| !pack_route.asked.contains(pack);
        let goes_on = *from > 0 && wanted.iter().any(is_new);
        let is_left = goes_on && packs.pending().any(|pack| wanted.contains(pack));
        // Once: what never gets whole is not to keep anybody from the chunks.
        pack_route.again = !pack_route.again && (is_left || route.dropped > 0);
        (pack_route.asked, pack_route.loose, pack_route.reads) = match pack_route.again {
            true => (Vec::new(), 0, 0),
            false => (asked, cursor, cursor),
        };
        pack_route.more = false;
        // Who enters takes the relay's cursor, and asks for what no pack brought; others go on from where they were, and say what they
        // counted up to there.
        route.needs_vector |= enters;
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

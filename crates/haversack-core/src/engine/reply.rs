//! The way back from a relay: what an answer brings, and what shows of the relay in it. Frames end in the same `receive` as those
//! of a file.

use haversack_wire::answer::Stored;
use haversack_wire::{CursorDigest, Epoch, Frame, FrameHash, Generation, Lane, LaneTag};

use super::Engine;
use super::batch::Received;
use super::documents::Staged;
use super::faults::Fault;
use super::incoming::TakenIn;
use super::kept::Keep;
use super::own::{note_unproved, own_tag};
use super::route::learn;
use super::state::{KNOWN_MAX, RouteState, SpaceState};
use crate::Error;
use crate::seeded::{Bug, seeded};
use crate::sync::exchange::{Exchange, PackPush, Pushed, Step, Tally, place};

/// How often in a row an end that is not in order is not taken, and all since the last good one asked for again. After that the device
/// takes it, and asks by a vector: the relay may have dropped what nobody needs any more.
const STRIKES_MAX: u8 = 8;

impl Engine {
    /// Takes bytes of the answer. What is whole in them is applied and durable when this returns.
    ///
    /// # Errors
    /// [`Error::Wire`] when the answer is none from there on; what came before that is applied, and stays.
    pub fn feed(&mut self, exchange: &mut Exchange, bytes: &[u8]) -> Result<Received, Error> {
        if exchange.is_meeting {
            return self.feed_meeting(exchange, bytes);
        }
        let (steps, nonsense) = exchange.feed(bytes);
        let received = self.take_steps(exchange, steps)?;
        match nonsense {
            None => Ok(received),
            Some(error) => {
                exchange.blame(Fault::Nonsense, 1);
                Err(error.into())
            }
        }
    }

    fn take_steps(
        &mut self,
        exchange: &mut Exchange,
        steps: Vec<(Generation, Step)>,
    ) -> Result<Received, Error> {
        if steps.is_empty() {
            return Ok(Received::default());
        }
        let frame = |(_, step): &(Generation, Step)| match step {
            Step::Frame(_, frame) => Some(frame.clone()),
            _ => None,
        };
        let all: Vec<Vec<u8>> = steps.iter().filter_map(frame).collect();
        let (own, frames): (Vec<_>, Vec<_>) = all.into_iter().partition(|f| self.is_kept(f));
        let TakenIn { mut received, lost, keys } = self.take_in(&frames, false)?;
        received.known += own.len() as u32;
        exchange.tally.received.add(received);
        exchange.tally.lost |= lost;
        exchange.tally.keys |= keys;
        let before = self.space()?.clone();
        let mut space = before.clone();
        // How far was read need not be on the disk before the end: what is read again is known, and a sync to the disk is dear.
        let is_between = steps.iter().all(|(_, step)| matches!(step, Step::Frame(..)));
        for generation in exchange.loose.keys() {
            let route = space.routes.entry((exchange.relay(), *generation)).or_default();
            note_dropped(route, &exchange.tally);
        }
        for (generation, step) in steps {
            self.take_step(exchange, &mut space, (generation, step));
        }
        for (generation, cursor) in exchange.cursors() {
            let route = space.routes.entry((exchange.relay(), generation)).or_default();
            note_dropped(route, &exchange.tally);
            (route.cursor, route.digest) = cursor;
        }
        for mailbox in exchange.mailboxes().iter().filter(|mailbox| !mailbox.is_ended) {
            note_unproved(&mut space, exchange.relay(), mailbox);
        }
        if is_between {
            self.space = Some(space);
        } else if space.routes != before.routes || space.packs != before.packs {
            self.commit(Staged { space: Some(space), ..Staged::default() })?;
        }
        Ok(received)
    }

    fn take_step(
        &self,
        exchange: &mut Exchange,
        space: &mut SpaceState,
        (generation, step): (Generation, Step),
    ) {
        match step {
            Step::Acknowledged(pushed, Stored::Full, _) => {
                exchange.tally.full += 1;
                let kept = pushed.carried.and_then(|row| self.waiting.get(row));
                if kept.is_some_and(|kept| matches!(kept.keep, Keep::Named(..))) {
                    // Whatever lies there will not make room for it.
                    let mailbox = (exchange.relay(), generation);
                    space.routes.entry(mailbox).or_default().took.insert(pushed.hash);
                }
                exchange.full.push(pushed);
            }
            Step::Acknowledged(pushed, _, is_proved) => {
                let own = own_tag(space, &generation);
                match pushed.place.filter(|(tag, _)| own == Some(*tag) && !is_proved) {
                    None => self.took(exchange, space, &generation, &pushed),
                    // All that lies there was read before, and this was not among it: let it be shown. Nor does the lane begin after it.
                    Some((tag, sequence)) => {
                        let route = space.routes.entry((exchange.relay(), generation)).or_default();
                        route.needs_vector = true;
                        if route.known.len() < KNOWN_MAX {
                            route.known.entry(tag).or_insert(sequence);
                        }
                    }
                }
            }
            Step::Frame(cursor, frame) => {
                self.take_frame(exchange, space, &generation, (cursor, &frame));
            }
            // Where no pack is known, nothing is passed over with good reason.
            Step::Passed(cursor, digest) if space.knows_packs() => {
                space.packs.passed((exchange.relay(), generation));
                exchange.passed(&generation, cursor, digest);
            }
            Step::Passed(..) => {}
            Step::Need if seeded(Bug::CursorAsTruth) => {}
            Step::Need => {
                space.packs.start_over(&(exchange.relay(), generation));
                self.offer_what_may_be_lost(exchange.relay(), space, &generation);
                let route = space.routes.entry((exchange.relay(), generation)).or_default();
                (route.needs_vector, route.differs) = (true, true);
                let to_show = route.unproved;
                exchange.mailbox(&generation).into_iter().for_each(|m| m.to_show = to_show);
                exchange.tally.again = true;
                exchange.blame(Fault::OtherPast, 1);
            }
            Step::End(cursor, digest) => {
                let mut mailboxes = exchange.mailboxes().iter();
                let mailbox = mailboxes.find(|mailbox| mailbox.generation == generation);
                mailbox.into_iter().for_each(|m| note_unproved(space, exchange.relay(), m));
                let have = exchange.told(&generation);
                let lost = have.and_then(|lanes| {
                    Self::ask_for_held_back(exchange, space, &generation, &lanes);
                    self.take_have(exchange, space, &generation, &lanes)
                });
                lost.into_iter().for_each(|from| self.offer_from(exchange.relay(), space, from));
                self.take_end(exchange, space, &generation, (cursor, digest));
            }
        }
    }

    fn take_end(
        &self,
        exchange: &mut Exchange,
        space: &mut SpaceState,
        generation: &Generation,
        (cursor, digest): (u64, CursorDigest),
    ) {
        if let Some(wanted) = exchange.loose.get(generation).cloned() {
            let enters = exchange.mailbox(generation).is_some_and(|mailbox| mailbox.enters());
            if enters {
                exchange.passed(generation, cursor, digest);
            }
            exchange.tally.again = true;
            space.read_packs((exchange.relay(), *generation), (cursor, enters), &wanted);
            settle_taken(exchange, space, generation);
            return;
        }
        if exchange.mailbox(generation).is_some_and(|mailbox| mailbox.differs) {
            space.packs.may_have_passed((exchange.relay(), *generation), cursor);
        }
        let Shows { lost, is_another } =
            self.read_end(exchange, space, generation, (cursor, digest));
        lost.into_iter().for_each(|from| self.offer_from(exchange.relay(), space, from));
        if is_another {
            space.packs.start_over(&(exchange.relay(), *generation));
            self.offer_what_may_be_lost(exchange.relay(), space, generation);
        }
    }

    /// Takes note of a frame that is durable here.
    fn take_frame(
        &self,
        exchange: &mut Exchange,
        space: &mut SpaceState,
        generation: &Generation,
        (cursor, frame): (u64, &[u8]),
    ) {
        let hash = FrameHash::of(frame);
        if let Some(pushed) = exchange.delivered(generation, cursor, hash) {
            // It arrived before the line broke.
            self.took(exchange, space, generation, &pushed);
        }
        let at = place(frame);
        let is_own = at.and_then(|at| self.is_own(space, at, frame));
        let is_there =
            |place: &(LaneTag, u32)| has_applied(space, generation, *place) || is_own == Some(true);
        let found = at.filter(is_there);
        let own = own_tag(space, generation);
        let stale = at.filter(|_| is_own == Some(false));
        exchange.stale.extend(stale.map(|(_, sequence)| (*generation, sequence)));
        let is_roster = self.is_roster_of(frame, &exchange.live);
        // What was let go is not known again, and may be sealed under a key that is gone.
        let is_old = |(_, sequence)| self.kept_body(sequence).is_some_and(|body| body.is_empty());
        let is_squatted = is_own.is_none() && self.is_squatted(space, generation, frame);
        if is_squatted && !at.is_some_and(is_old) {
            exchange.blame(Fault::Squatted, 1);
        }
        if exchange.loose.contains_key(generation) {
            space.packs.read((exchange.relay(), *generation), cursor);
        }
        let route = space.routes.entry((exchange.relay(), *generation)).or_default();
        route.partial = None;
        if let Some((_, sequence)) = found.filter(|(tag, _)| own == Some(*tag)) {
            exchange.shown.insert((*generation, sequence));
            route.begins = Some(route.begins.map_or(sequence, |first| first.min(sequence)));
            let mailbox = exchange.mailbox(generation).into_iter();
            mailbox.for_each(|m| m.to_show = m.to_show.map(|n| n + u32::from(n == sequence)));
        }
        route.roster = if is_roster { Some(exchange.live) } else { route.roster };
        if self.waiting.carried(frame).is_some() {
            route.took.insert(hash);
        }
        found.into_iter().for_each(|place| learn(route, place));
    }

    /// Whether a frame is of the roster under an epoch.
    fn is_roster_of(&self, frame: &[u8], epoch: &Epoch) -> bool {
        match (Frame::parse(frame), self.ring.epochs().get(epoch)) {
            (Ok(Frame::Roster(header, _)), Some(secret)) => {
                secret.hint_key().hint(&header.nonce) == header.hint
            }
            _ => false,
        }
    }

    /// What a relay has and did not deliver is asked for until it does, where it was asked for chunks.
    fn ask_for_held_back(
        exchange: &Exchange,
        space: &mut SpaceState,
        generation: &Generation,
        lanes: &[(LaneTag, u32)],
    ) {
        if exchange.loose.contains_key(generation) {
            return;
        }
        let packed = space.packed(generation);
        let packed = |tag: &LaneTag| packed.get(tag).copied().unwrap_or_default();
        let mut mailboxes = exchange.mailboxes().iter();
        let mailbox = mailboxes.find(|mailbox| mailbox.generation == *generation);
        let held_back = mailbox.is_some_and(|mailbox| mailbox.held_back(lanes, packed) > 0);
        let mailbox = (exchange.relay(), *generation);
        space.packs.read_all(&mailbox);
        let route = space.routes.entry(mailbox).or_default();
        (route.needs_vector, route.differs, route.dropped) = (held_back, held_back, 0);
    }

    /// Takes what a relay says that it holds. What it lost of this device is offered again: from where on, this gives. (A mailbox that
    /// is new because somebody was removed has no lane from its beginning on, so of that nothing can be told.)
    fn take_have(
        &self,
        exchange: &mut Exchange,
        space: &mut SpaceState,
        generation: &Generation,
        lanes: &[(LaneTag, u32)],
    ) -> Option<u32> {
        let own = own_tag(space, generation);
        let first = space
            .table
            .generations()
            .into_iter()
            .any(|(id, number)| id == *generation && number == 0);
        let mut mailboxes = exchange.mailboxes().iter();
        let mailbox = mailboxes.find(|mailbox| mailbox.generation == *generation);
        // What a keeper says that a pack has, a relay may have dropped, and need not get again.
        let packed = space.packed(generation);
        let packed = |tag: &LaneTag| packed.get(tag).copied().unwrap_or_default();
        let named = |own: LaneTag| mailbox.map_or(u32::MAX, |mailbox| mailbox.named(&own));
        let named = own.map_or(0, named);
        let is_named = named > 0;
        let route = space.routes.entry((exchange.relay(), *generation)).or_default();
        let has = |tag: &LaneTag| {
            let found = lanes.binary_search_by_key(tag, |(tag, _)| *tag).ok();
            found.and_then(|at| lanes.get(at)).map(|(_, next)| *next)
        };
        let (mut lost, mut from) = (0, None);
        for (tag, known) in route.known.clone() {
            let (has, is_own) = (has(&tag), own == Some(tag));
            // A lane that begins later it cannot name; but what the request did not name as known, this very answer has shown.
            let is_shown = has.is_none() && !first && !is_named;
            let is_judged = !seeded(Bug::SentIsSafe) && (is_own || first) && !is_shown;
            // Nor can it name what lies beyond a body that it lacks, and that is not offered any more.
            let begins_late = route.begins.is_some_and(|begins| begins > 0) && has.is_none();
            let first_missing = has.unwrap_or_default();
            let is_gap = self.is_let_go(first_missing) || first_missing < packed(&tag);
            let has = has.max(Some(packed(&tag)).filter(|packed| *packed > 0));
            let next = has.unwrap_or_default();
            if known <= next || !is_judged {
                continue;
            }
            if is_own && (begins_late || is_gap || self.is_let_go(next)) {
                // It is to show it.
                if named > next {
                    route.unproved = route.unproved.into_iter().chain([next]).min();
                    (route.needs_vector, exchange.tally.again) = (true, true);
                }
                continue;
            }
            // Whoever has it offers it again; until then it is not named as what is there.
            route.known.remove(&tag);
            route.known.extend(has.map(|has| (tag, has)));
            from = from.or(is_own.then_some(has.unwrap_or_default()));
            let is_told = is_own && (first || has.is_some());
            lost += if is_told { u64::from(known - has.unwrap_or_default()) } else { 0 };
        }
        if lost > 0 || (first && lanes.is_empty()) {
            route.forget_sent();
        }
        exchange.tally.again |= from.is_some();
        exchange.blame(Fault::RolledBack, lost);
        from
    }

    /// Takes the end of a mailbox's part of the answer.
    fn read_end(
        &self,
        exchange: &mut Exchange,
        space: &mut SpaceState,
        generation: &Generation,
        (cursor, digest): (u64, CursorDigest),
    ) -> Shows {
        let strikes = space.route(&exchange.relay(), generation).strikes;
        let is_enough = strikes >= STRIKES_MAX;
        let ended = exchange.ended(generation, cursor, (digest, is_enough));
        ended.confirmed.iter().for_each(|pushed| self.took(exchange, space, generation, pushed));
        exchange.blame(Fault::LeftOut, ended.left_out);
        exchange.blame(Fault::Digest, (ended.differs && !ended.is_as_needed).into());
        exchange.blame(Fault::OtherPast, ended.is_as_needed.into());
        let route = space.routes.entry((exchange.relay(), *generation)).or_default();
        (route.ended, route.partial) = (true, None);
        route.unsure.clear();
        let is_in_order = ended.left_out == 0 && !ended.differs;
        route.strikes = if is_in_order { 0 } else { (strikes + 1).min(STRIKES_MAX) };
        let is_another = strikes == 0 || ended.is_as_needed;
        let is_another = ended.differs && is_another && !seeded(Bug::CursorAsTruth);
        if is_in_order {
            settle_taken(exchange, space, generation);
            let lost = self.look_for_own(exchange, space, generation);
            let route = space.routes.entry((exchange.relay(), *generation)).or_default();
            route.sought = route.sought.filter(|_| lost.is_some());
            // Where a request only asked how far the last one came, the look is still to be taken.
            route.needs_vector |= route.unproved.is_some();
            return Shows { lost, is_another };
        }
        if !seeded(Bug::CursorAsTruth) {
            exchange.tally.again |= strikes == 0 || is_enough || ended.is_as_needed;
            // Nor is what it acknowledged to be relied on: what it has is to be shown.
            route.needs_vector = true;
            route.differs |= is_enough || ended.is_as_needed;
        }
        Shows { lost: None, is_another }
    }

    /// Takes note of a frame that the relay has.
    fn took(
        &self,
        exchange: &mut Exchange,
        space: &mut SpaceState,
        generation: &Generation,
        pushed: &Pushed,
    ) {
        exchange.tally.pushed += 1;
        exchange.tally.pushed_bytes += u64::from(pushed.size);
        let own = own_tag(space, generation);
        let mailbox = (exchange.relay(), *generation);
        exchange.taken.push((*generation, *pushed));
        let Some((tag, sequence)) = pushed.place.filter(|_| pushed.carried.is_none()) else {
            return;
        };
        let route = space.routes.entry(mailbox).or_default();
        if own == Some(tag) {
            exchange.sent.insert(sequence);
            route.begins = Some(route.begins.map_or(sequence, |first| first.min(sequence)));
            // What was let go is not offered, and is no gap.
            let known = route.known.get_mut(&tag).into_iter();
            known.for_each(|next| {
                while *next < sequence && self.is_let_go(*next) {
                    *next += 1;
                }
            });
        }
        learn_taken(route, &exchange.full, (tag, sequence));
    }
}

/// Remembers that the mailbox has a chunk that it took: its lane does not begin there after one that it had no room for.
fn learn_taken(route: &mut RouteState, full: &[Pushed], (tag, sequence): (LaneTag, u32)) {
    let refused = full.iter().filter_map(|pushed| pushed.place).filter(|(its, _)| *its == tag);
    let first = refused.map(|(_, at)| at).min().filter(|first| *first < sequence);
    if let Some(first) = first.filter(|_| route.known.len() < KNOWN_MAX) {
        route.known.entry(tag).or_insert(first);
    }
    learn(route, (tag, sequence));
}

/// Takes note, once its section ended in order, of what the relay took that has no place, or was carried: in an answer that broke off
/// before that, it may say so of what it has forgotten since. Of a pack, on which the relay is told to drop what is in it, only where
/// the digest at the end speaks of what was acknowledged.
fn settle_taken(exchange: &mut Exchange, space: &mut SpaceState, generation: &Generation) {
    let (live, mailbox) = (exchange.live, (exchange.relay(), *generation));
    let is_counted = exchange.mailbox(generation).is_some_and(|mailbox| !mailbox.differs);
    let taken: Vec<_> = exchange.taken.extract_if(.., |(at, _)| at == generation).collect();
    let packs = taken.iter().filter_map(|(_, pushed)| pushed.pack).filter(|_| is_counted);
    let packs: Vec<PackPush> = packs.collect();
    packs.iter().for_each(|pack| space.packs.pushed(mailbox, *pack));
    if packs.iter().any(|pack| matches!(pack, PackPush::Part(..))) {
        // More of it goes next; once all is there the relay is told what is in it, and the team.
        space.owes_word |= !space.packs.to_tell().is_empty();
        exchange.tally.again = true;
    }
    let route = space.routes.entry(mailbox).or_default();
    for (_, pushed) in taken {
        // What a line left open may have been pushed under an epoch that is not live any more.
        let is_live = pushed.epoch == live;
        route.roster = if pushed.roster && is_live { Some(live) } else { route.roster };
        if pushed.carried.is_some() {
            route.took.insert(pushed.hash);
            pushed.place.into_iter().for_each(|place| learn_taken(route, &exchange.full, place));
        }
        if let Some(key) = pushed.grant.filter(|_| is_live) {
            route.granted.retain(|(epoch, _)| *epoch == live);
            route.granted.insert((live, key));
        }
    }
}

/// What found no room is asked for again: at the next exchange, or, if only another key can open it, once keys came.
fn note_dropped(route: &mut RouteState, tally: &Tally) {
    route.dropped = route.dropped.max(tally.received.dropped);
    route.needs_vector |= tally.lost || (tally.keys && route.dropped > 0);
}

/// What the end of a mailbox's part of an answer shows of this device's own lane there.
struct Shows {
    /// From where on it is lost, that had been acknowledged.
    lost: Option<u32>,
    /// Whether, for the first time in a row, what was delivered is not what the relay counts.
    is_another: bool,
}

/// Whether a delivered chunk's place is one that this device has applied. A header alone proves nothing: a
/// frame that somebody else put at my next place must not keep me from sending mine.
fn has_applied(
    space: &SpaceState,
    generation: &Generation,
    (tag, sequence): (LaneTag, u32),
) -> bool {
    let Some(secret) = space.group.generations.get(generation) else { return false };
    let is_other = |id: &Lane| *id != space.lane || seeded(Bug::BelieveOwnTag);
    let others = space.lanes.iter().filter(|(id, _)| is_other(id));
    others.into_iter().any(|(id, lane)| sequence < lane.next && secret.lane_tag(id) == tag)
}

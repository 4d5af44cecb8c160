//! The way back from a relay: what an answer brings, and what shows of the relay in it. Frames end in the same `receive` as those
//! of a file.

use std::collections::{BTreeMap, BTreeSet};

use haversack_wire::answer::Stored;
use haversack_wire::limits::FRAME_MAX;
use haversack_wire::{CursorDigest, Epoch, Frame, FrameHash, Generation, Lane, LaneTag, Relay};

use super::Engine;
use super::batch::Received;
use super::documents::Staged;
use super::faults::{self, Fault, RelayFault};
use super::incoming::TakenIn;
use super::kept::{Keep, KeptBody};
use super::ledger::Ledger;
use super::route::{is_news, learn};
use super::state::{FAULTS_MAX, RouteState, SpaceState};
use crate::Error;
use crate::members::{Owed, RelayAddress};
use crate::seeded::{Bug, seeded};
use crate::store::Table;
use crate::sync::exchange::{Exchange, MailboxTrail, Pushed, Step, Tally, place};

/// What an exchange did. Nothing here says "safe": that takes a signed acknowledgement.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SyncOutcome {
    /// Frames that the relay stored, or had.
    pub pushed: u32,
    /// Their bytes.
    pub pushed_bytes: u64,
    /// This device's changes among them.
    pub records: u32,
    /// Frames that the relay had no room for.
    pub full: u32,
    /// What came.
    pub received: Received,
    /// Contacts that are new here.
    pub contacts: u64,
    /// Whether the answer was read to its end. If not, what came is kept and the rest comes next time.
    pub complete: bool,
    /// Whether another exchange at once would bring or take more.
    pub again: bool,
    /// Where this device's changes are now: what is not acknowledged is still owed.
    pub own: Ledger,
    /// What the relay did that it should not.
    pub faults: Vec<RelayFault>,
}

/// A frame that is carried: its row, its hash, and its place if it is a chunk.
type CarriedFrame = (i64, FrameHash, Option<(LaneTag, u32)>);

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
        let frames: Vec<Vec<u8>> = steps.iter().filter_map(frame).collect();
        let TakenIn { received, lost, keys } = self.take_in(&frames, false)?;
        exchange.tally.received.add(received);
        exchange.tally.lost |= lost;
        exchange.tally.keys |= keys;
        let before = self.space()?.clone();
        let mut space = before.clone();
        // How far was read need not be on the disk before the end: what is read again is known, and a sync to the disk is dear.
        let is_between = steps.iter().all(|(_, step)| matches!(step, Step::Frame(..)));
        for (generation, step) in steps {
            self.take_step(exchange, &mut space, (generation, step));
        }
        let own: BTreeMap<Generation, LaneTag> = exchange
            .mailboxes()
            .iter()
            .filter_map(|mailbox| Some((mailbox.generation, own_tag(&space, &mailbox.generation)?)))
            .collect();
        for (generation, cursor) in exchange.cursors() {
            let route = space.routes.entry((exchange.relay(), generation)).or_default();
            note_dropped(route, &exchange.tally);
            (route.cursor, route.digest) = cursor;
            let unproved =
                own.get(&generation).and_then(|own| exchange.unproved(&generation, *own));
            route.unproved = route.unproved.into_iter().chain(unproved).min();
        }
        if is_between {
            self.space = Some(space);
        } else if space.routes != before.routes {
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
                exchange.full.push(pushed);
            }
            Step::Acknowledged(pushed, _, is_proved) => {
                let own = own_tag(space, &generation);
                match pushed.place.is_some_and(|(tag, _)| own == Some(tag)) && !is_proved {
                    false => took(exchange, space, &generation, &pushed),
                    // All that lies there was read before, and this was not among it: let it be shown.
                    true => {
                        space
                            .routes
                            .entry((exchange.relay(), generation))
                            .or_default()
                            .needs_vector = true;
                    }
                }
            }
            Step::Frame(cursor, frame) => {
                self.take_frame(exchange, space, &generation, (cursor, &frame));
            }
            Step::Have(lanes) => {
                let lost = take_have(exchange, space, &generation, &lanes);
                lost.into_iter().for_each(|from| self.offer_from(exchange.relay(), space, from));
            }
            Step::Need if seeded(Bug::CursorAsTruth) => {}
            Step::Need => {
                let own = own_tag(space, &generation);
                let is_squatted = space.faults.contains_key(&(exchange.relay(), Fault::Squatted));
                let route = space.routes.entry((exchange.relay(), generation)).or_default();
                (route.needs_vector, route.differs) = (true, true);
                route.forget_sent();
                if is_squatted {
                    // What it holds of this lane may be garbage: all of it is sent again.
                    own.and_then(|own| route.known.remove(&own));
                }
                exchange.tally.again = true;
                exchange.blame(Fault::OtherPast, 1);
            }
            Step::End(cursor, digest) => take_end(exchange, space, &generation, cursor, digest),
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
            took(exchange, space, generation, &pushed);
        }
        let is_there = |place: &(LaneTag, u32)| {
            has_applied(space, generation, *place) || self.is_own(space, generation, *place, frame)
        };
        let found = place(frame).filter(is_there);
        let own = own_tag(space, generation);
        let is_roster = self.is_roster_of(frame, &exchange.live);
        if self.is_squatted(space, generation, frame) {
            exchange.blame(Fault::Squatted, 1);
        }
        let route = space.routes.entry((exchange.relay(), *generation)).or_default();
        route.partial = None;
        if let Some((_, sequence)) = found.filter(|(tag, _)| own == Some(*tag)) {
            exchange.shown.insert((*generation, sequence));
            let is_it = route.unproved == Some(sequence);
            route.unproved = route.unproved.map(|first| first + u32::from(is_it));
        }
        route.roster = if is_roster { Some(exchange.live) } else { route.roster };
        if self.waiting.carried(frame).is_some() {
            route.took.insert(hash);
        }
        found.into_iter().for_each(|place| learn(route, place));
    }

    /// Whether a frame is this device's own for its place, byte by byte.
    fn is_own(
        &self,
        space: &SpaceState,
        generation: &Generation,
        (tag, sequence): (LaneTag, u32),
        frame: &[u8],
    ) -> bool {
        let kept = self.bodies.get(&sequence).filter(|_| own_tag(space, generation) == Some(tag));
        let row = |row| self.db.row(Table::Bodies, &self.outbox_key().ok()?, row).ok()?;
        let body = kept.and_then(|kept| KeptBody::decode(&row(kept.row)?).ok());
        body.is_some_and(|body| body.frame == frame)
    }

    /// Whether a frame stands at a place on this device's lane and is nothing that has its keys.
    fn is_squatted(&self, space: &SpaceState, generation: &Generation, frame: &[u8]) -> bool {
        let Some(secret) = space.group.generations.get(generation) else { return false };
        let is_own = place(frame).is_some_and(|(tag, _)| tag == secret.lane_tag(&space.lane));
        is_own && self.waiting.is_garbage(frame)
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

    /// What an older mailbox has lost of this device is offered to the live one, whoever has acknowledged it: others may not have
    /// read it yet.
    fn offer_from(&self, relay: Relay, space: &mut SpaceState, from: u32) {
        let Some(live) = space.live else { return };
        let Some(tag) = own_tag(space, &live.generation) else { return };
        let owed = self.first_owed(space, &space.route(&relay, &live.generation));
        let route = space.routes.entry((relay, live.generation)).or_default();
        route.known.insert(tag, owed.min(from));
    }

    /// Says what an exchange came to, whether or not it came to its end. After a whole one, in which nothing waited for a
    /// key, the secrets of epochs that have grown old are destroyed (R6).
    ///
    /// # Errors
    /// [`Error::Database`] when the view cannot be read, and the errors of saving.
    pub fn end_exchange(&mut self, exchange: &Exchange) -> Result<SyncOutcome, Error> {
        if exchange.is_meeting {
            return self.end_meeting(exchange);
        }
        let mut tally = exchange.tally;
        let mut faults = exchange.faults.clone();
        if exchange.is_done() {
            let silent = exchange.mailboxes().iter().map(|mailbox| mailbox.unanswered().count());
            faults.insert(Fault::Unconfirmed, silent.sum::<usize>() as u32);
            tally.again |= self.exchanged(exchange)?;
            if self.leave_crowded(exchange)? {
                faults.insert(Fault::Crowded, 1);
                tally.again = true;
            }
        } else {
            self.note_broken(exchange)?;
        }
        self.drop_carried()?;
        faults.retain(|_, count| *count > 0);
        let withheld = self.remember_faults(exchange, &tally, &faults)?;
        if let Some(count) = withheld.filter(|count| *count > 0) {
            faults.insert(Fault::Withheld, count);
        }
        let relay = exchange.relay();
        let fault = |(fault, count)| RelayFault { relay, fault, count };
        Ok(SyncOutcome {
            pushed: tally.pushed,
            pushed_bytes: tally.pushed_bytes,
            records: self.own_changes_in(&exchange.sent),
            full: tally.full,
            received: tally.received,
            contacts: self.contact_count()?.saturating_sub(tally.contacts_before),
            complete: exchange.is_done(),
            again: tally.again,
            own: self.ledger(),
            faults: faults.into_iter().map(fault).collect(),
        })
    }

    /// Remembers what a relay did wrong. Gives how many bodies it withholds, where that can be told: once all was read that it has
    /// and nothing found no room.
    fn remember_faults(
        &mut self,
        exchange: &Exchange,
        tally: &Tally,
        seen: &BTreeMap<Fault, u32>,
    ) -> Result<Option<u32>, Error> {
        let mut space = self.space()?.clone();
        let is_settled = exchange.is_done() && !tally.again && tally.received.dropped == 0;
        let has_dropped = space.routes.values().any(|route| route.dropped > 0);
        let can_tell = is_settled && !has_dropped && self.still_member().is_ok();
        let withheld = can_tell.then(|| self.missing_bodies(&space));
        let before = space.faults.clone();
        faults::remember(&mut space.faults, exchange.relay(), seen, withheld, FAULTS_MAX);
        if space.faults != before {
            self.commit(Staged { space: Some(space), ..Staged::default() })?;
        }
        Ok(withheld)
    }

    /// Remembers where an answer broke off, and what was on its way: the next request goes on there. Of little it is not asked
    /// how far it came: it is sent again.
    fn note_broken(&mut self, exchange: &Exchange) -> Result<(), Error> {
        let mut space = self.space()?.clone();
        if let Some((generation, partial)) = exchange.broken_off() {
            space.routes.entry((exchange.relay(), generation)).or_default().partial = Some(partial);
        }
        for mailbox in exchange.mailboxes() {
            let open: Vec<Pushed> = mailbox.unanswered().collect();
            let bytes: usize = open.iter().map(|pushed| pushed.size as usize).sum();
            if bytes > FRAME_MAX {
                let place = (exchange.relay(), mailbox.generation);
                space.routes.entry(place).or_default().unsure = open;
            }
        }
        self.commit(Staged { space: Some(space), ..Staged::default() })
    }

    /// Takes note of a whole exchange. Says whether another one at once would be of use: because another epoch is live now, or none
    /// is, or because somebody turned out to lack a key.
    fn exchanged(&mut self, exchange: &Exchange) -> Result<bool, Error> {
        if self.still_member().is_err() {
            return Ok(false);
        }
        let live = exchange.live;
        self.offer_anew(exchange)?;
        let mut space = self.space()?.clone();
        if !space.group.seen.is_empty() {
            space.group.exchanged();
            self.commit(Staged { space: Some(space), ..Staged::default() })?;
        }
        self.forget_former_keys()?;
        self.drop_former()?;
        self.let_go_of_erased()?;
        self.grow_old()?;
        let looks = self.look_for_branches(exchange)?;
        let space = self.space()?;
        let me = self.device.identity.sign.public();
        // What this relay did not take now, it will not take at once.
        let is_new = |owed: &Owed| !exchange.owed.contains(&owed.key);
        let owes = space.owed_at(&exchange.relay(), &me).iter().any(is_new);
        Ok(looks || space.live.is_none_or(|now| now.epoch != live || owes))
    }

    /// Lets go of what is carried once every relay that the team names has it; where it names none, once any has. What somebody who
    /// keeps the team's work has acknowledged need not wait for relays that do not answer.
    fn drop_carried(&mut self) -> Result<(), Error> {
        let carried: Vec<CarriedFrame> = self
            .waiting
            .of(Keep::Carried)
            .map(|(row, frame)| (row, FrameHash::of(frame), place(frame)))
            .collect();
        if carried.is_empty() {
            return Ok(());
        }
        let space = self.space()?.clone();
        let Some(live) = space.live else { return Ok(()) };
        let forked = self.forked_tags(&space);
        let has = |relay: &Relay, (_, hash, place): &CarriedFrame| {
            let Some(route) = space.routes.get(&(*relay, live.generation)) else { return false };
            let is_there =
                |place: (LaneTag, u32)| !forked.contains(&place.0) && !is_news(route, place);
            route.took.contains(hash) || place.is_some_and(is_there)
        };
        let named: Vec<Relay> = space
            .group
            .roster
            .relays()
            .into_iter()
            .filter(answers)
            .map(|relay| relay.relay)
            .collect();
        let met: BTreeSet<Relay> = space.routes.keys().map(|(relay, _)| *relay).collect();
        let safe = self.acknowledged_tags();
        let is_done = |one: &CarriedFrame| {
            let any = met.iter().any(|relay| has(relay, one));
            let everywhere = named.iter().all(|relay| has(relay, one));
            any && (everywhere || one.2.is_some_and(|place| safe.contains(place)))
        };
        let done: Vec<_> = carried.iter().filter(|one| is_done(one)).collect();
        if done.is_empty() {
            return Ok(());
        }
        let mut space = space.clone();
        for route in space.routes.values_mut().filter(|route| !route.took.is_empty()) {
            route.took.retain(|took| done.iter().all(|(_, hash, _)| hash != took));
        }
        let drop_frames = done.iter().map(|(row, ..)| *row).collect();
        self.commit(Staged { space: Some(space), drop_frames, ..Staged::default() })
    }

    /// What was pushed under an epoch that turned out to be old is offered once more, under the new one: others may have destroyed
    /// the old one's secret (R5).
    fn offer_anew(&mut self, exchange: &Exchange) -> Result<(), Error> {
        let mut space = self.space()?.clone();
        let Some(live) = space.live.filter(|live| live.epoch != exchange.live) else {
            return Ok(());
        };
        let Some(secret) = space.group.generations.get(&live.generation) else { return Ok(()) };
        let tag = secret.lane_tag(&space.lane);
        let place = (exchange.relay(), live.generation);
        let before = space.routes.get(&place).cloned().unwrap_or_default();
        let mut route = before.clone();
        if let (Some(from), Some(next)) = (exchange.tally.own_from, route.known.get_mut(&tag)) {
            *next = (*next).min(from);
        }
        self.offer_former(&space, &live, &mut route);
        if route == before {
            return Ok(());
        }
        space.routes.insert(place, route);
        self.commit(Staged { space: Some(space), ..Staged::default() })
    }

    /// How many contacts there are here.
    ///
    /// # Errors
    /// [`Error::Database`] when the view cannot be read.
    pub fn contact_count(&self) -> Result<u64, Error> {
        Ok(self.view()?.totals()?.0)
    }
}

/// Takes note of a frame that the relay has.
fn took(exchange: &mut Exchange, space: &mut SpaceState, generation: &Generation, pushed: &Pushed) {
    exchange.tally.pushed += 1;
    exchange.tally.pushed_bytes += u64::from(pushed.size);
    let own = own_tag(space, generation);
    let route = space.routes.entry((exchange.relay(), *generation)).or_default();
    route.roster = if pushed.roster { Some(exchange.live) } else { route.roster };
    if pushed.carried.is_some() {
        route.took.insert(pushed.hash);
    }
    if let Some((tag, sequence)) = pushed.place {
        learn(route, (tag, sequence));
        exchange.sent.extend((own == Some(tag)).then_some(sequence));
    }
    if let Some(key) = pushed.grant {
        route.granted.retain(|(epoch, _)| *epoch == exchange.live);
        route.granted.insert((exchange.live, key));
    }
}

/// The tag of this device's lane in a generation.
fn own_tag(space: &SpaceState, generation: &Generation) -> Option<LaneTag> {
    space.group.generations.get(generation).map(|secret| secret.lane_tag(&space.lane))
}

/// What found no room is asked for again: at the next exchange, or, if only another key can open it, once keys came.
fn note_dropped(route: &mut RouteState, tally: &Tally) {
    route.dropped = route.dropped.max(tally.received.dropped);
    route.needs_vector |= tally.lost || (tally.keys && route.dropped > 0);
}

/// Takes what a relay says that it holds. What it lost of this device is offered again: from where on, this gives. (A mailbox that
/// is new because somebody was removed has no lane from its beginning on, so of that nothing can be told.)
fn take_have(
    exchange: &mut Exchange,
    space: &mut SpaceState,
    generation: &Generation,
    lanes: &[(LaneTag, u32)],
) -> Option<u32> {
    let own = own_tag(space, generation);
    let first =
        space.table.generations().into_iter().any(|(id, number)| id == *generation && number == 0);
    let mut mailboxes = exchange.mailboxes().iter();
    let mailbox = mailboxes.find(|mailbox| mailbox.generation == *generation);
    let held_back = mailbox.is_some_and(|mailbox: &MailboxTrail| mailbox.held_back(lanes) > 0);
    let is_named = own.is_some_and(|own| mailbox.is_none_or(|mailbox| mailbox.names(&own)));
    let route = space.routes.entry((exchange.relay(), *generation)).or_default();
    // What it has and did not deliver is asked for until it does.
    (route.needs_vector, route.differs, route.dropped) = (held_back, held_back, 0);
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
        if known <= has.unwrap_or_default() || !is_judged {
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
fn take_end(
    exchange: &mut Exchange,
    space: &mut SpaceState,
    generation: &Generation,
    cursor: u64,
    digest: CursorDigest,
) {
    let own = own_tag(space, generation);
    let strikes = space.route(&exchange.relay(), generation).strikes;
    let is_enough = strikes >= STRIKES_MAX;
    let ended = exchange.ended(generation, cursor, (digest, is_enough));
    ended.confirmed.iter().for_each(|pushed| took(exchange, space, generation, pushed));
    exchange.blame(Fault::LeftOut, ended.left_out);
    exchange.blame(Fault::Digest, ended.differs.into());
    let route = space.routes.entry((exchange.relay(), *generation)).or_default();
    (route.ended, route.partial) = (true, None);
    route.unsure.clear();
    let is_in_order = ended.left_out == 0 && !ended.differs;
    route.strikes = if is_in_order { 0 } else { (strikes + 1).min(STRIKES_MAX) };
    let unproved = route.unproved.take().filter(|_| is_in_order);
    if let Some((from, own)) = unproved.zip(own) {
        look_for_own(exchange, route, generation, (own, from));
    }
    if !is_in_order && !seeded(Bug::CursorAsTruth) {
        exchange.tally.again |= strikes == 0 || is_enough;
        // Nor is what it acknowledged to be relied on: what it has is to be shown.
        route.needs_vector = true;
        route.differs |= is_enough;
    }
}

/// What a relay acknowledged before a line broke lies beyond the cursor of then: by now it has delivered it, or it is not there, and is
/// offered again. (Where the request had a vector, `have` tells.)
fn look_for_own(
    exchange: &mut Exchange,
    route: &mut RouteState,
    generation: &Generation,
    (own, from): (LaneTag, u32),
) {
    let known = route.known.get(&own).copied().unwrap_or_default();
    let mailbox = exchange.mailboxes().iter().find(|mailbox| mailbox.generation == *generation);
    if mailbox.is_none_or(|mailbox| mailbox.vector.is_some()) {
        return;
    }
    let is_there = |sequence: &u32| {
        exchange.sent.contains(sequence) || exchange.shown.contains(&(*generation, *sequence))
    };
    let lost = (from..known).find(|sequence| !is_there(sequence));
    if let Some(first) = lost.filter(|_| !seeded(Bug::SentIsSafe)) {
        route.known.insert(own, first);
        exchange.tally.again = true;
        exchange.blame(Fault::RolledBack, (known - first).into());
    }
}

/// Whether the team says that a relay is anywhere.
fn answers(relay: &RelayAddress) -> bool {
    !relay.addresses.is_empty()
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

//! The end of an exchange: what it came to, what is remembered of the relay, what is done now that it is over.

use std::collections::{BTreeMap, BTreeSet};

use haversack_wire::limits::FRAME_MAX;
use haversack_wire::{FrameHash, Generation, LaneTag, Relay};

use super::Engine;
use super::batch::Received;
use super::documents::Staged;
use super::faults::{self, Fault, RelayFault};
use super::kept::Keep;
use super::ledger::Ledger;
use super::route::is_news;
use super::state::FAULTS_MAX;
use crate::Error;
use crate::members::{Live, Owed, RelayAddress};
use crate::sync::exchange::{Exchange, Pushed, Tally, place};

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

impl Engine {
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
        self.erase_due()?;
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
        self.forget_packs()?;
        self.compact()?;
        let space = self.space()?;
        let me = self.device.identity.sign.public();
        // What this relay did not take now, it will not take at once.
        let is_new = |owed: &Owed| !exchange.owed.contains(&owed.key);
        let owes = space.owed_at(&exchange.relay(), &me).iter().any(is_new);
        let wants = |id: Generation| self.wants_pack(space, &exchange.relay(), &id);
        let is_owed = |now: &Live| now.epoch != live || owes || wants(now.generation);
        Ok(looks || space.live.as_ref().is_none_or(is_owed))
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

/// Whether the team says that a relay is anywhere.
fn answers(relay: &RelayAddress) -> bool {
    !relay.addresses.is_empty()
}

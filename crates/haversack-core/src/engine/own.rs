//! What an answer shows of this device's own lane at a relay: which of its bodies lie there as they are kept here, and which are
//! offered again.

use haversack_wire::{Epoch, Frame, Generation, LaneTag, Relay};

use super::Engine;
use super::faults::Fault;
use super::kept::KeptBody;
use super::state::SpaceState;
use crate::seeded::{Bug, seeded};
use crate::store::Table;
use crate::sync::chunk;
use crate::sync::exchange::{Exchange, MailboxTrail, place};

impl Engine {
    /// Takes nothing for granted any more that a relay has which turned out to have another past: it is to show what it has of this lane,
    /// and what it does not show is sent again, from an older mailbox to the live one. Where garbage was seen at places of this lane,
    /// all is sent again at once: there may be more than is kept here and told apart.
    pub(super) fn offer_what_may_be_lost(
        &self,
        relay: Relay,
        space: &mut SpaceState,
        generation: &Generation,
    ) {
        if seeded(Bug::SentIsSafe) {
            return;
        }
        let own = own_tag(space, generation);
        let is_squatted = space.faults.contains_key(&(relay, Fault::Squatted));
        let is_live = space.live.is_some_and(|live| live.generation == *generation);
        let route = space.routes.entry((relay, *generation)).or_default();
        route.forget_sent();
        let from = match is_live {
            true => route.begins,
            false => own.map(|own| self.first_at_risk(own)).filter(|_| !is_squatted),
        };
        route.unproved = route.unproved.into_iter().chain([from.unwrap_or_default()]).min();
        route.sought = None;
        if is_squatted && is_live {
            own.and_then(|own| route.known.insert(own, 0));
        }
    }

    /// What an older mailbox has lost of this device is offered to the live one, whoever has acknowledged it: others may not have
    /// read it yet.
    pub(super) fn offer_from(&self, relay: Relay, space: &mut SpaceState, from: u32) {
        let Some(live) = space.live else { return };
        let Some(tag) = own_tag(space, &live.generation) else { return };
        let owed = self.first_owed(space, &relay, &space.route(&relay, &live.generation));
        let route = space.routes.entry((relay, live.generation)).or_default();
        route.known.insert(tag, owed.min(from));
    }

    /// Looks for own bodies that a relay was to show: by now it has delivered them, or they are not there, and are offered again, from
    /// the first on. (What the request said by a vector to be there is not delivered: it is looked for at another end.)
    pub(super) fn look_for_own(
        &self,
        exchange: &mut Exchange,
        space: &mut SpaceState,
        generation: &Generation,
    ) -> Option<u32> {
        let own = own_tag(space, generation)?;
        let packed = space.packed(generation).get(&own).copied().unwrap_or_default();
        let knows_packs = space.knows_packs();
        let mut mailboxes = exchange.mailboxes().iter();
        let mailbox = mailboxes.find(|mailbox| mailbox.generation == *generation)?;
        let route = space.routes.entry((exchange.relay(), *generation)).or_default();
        route.unproved.filter(|from| mailbox.named(&own) <= *from)?;
        let from = route.unproved.take()?.max(packed);
        let known = route.known.get(&own).copied().unwrap_or_default();
        let is_sent = |sequence: &u32| exchange.sent.contains(sequence);
        let is_there = |sequence: &u32| {
            exchange.shown.contains(&(*generation, *sequence)) || self.is_let_go(*sequence)
        };
        let (sent, lost): (Vec<u32>, Vec<u32>) =
            (from..known).filter(|sequence| !is_there(sequence)).partition(is_sent);
        // Where the end's digest says nothing, what was acknowledged just now is shown next time.
        route.unproved = sent.first().copied().filter(|_| mailbox.differs);
        exchange.tally.again |= route.unproved.is_some();
        let first = *lost.first().filter(|_| !seeded(Bug::SentIsSafe))?;
        route.known.insert(own, first);
        route.sought = Some(first).filter(|_| knows_packs);
        exchange.tally.again = true;
        let is_gone = |sequence: &&u32| !exchange.stale.contains(&(*generation, **sequence));
        let gone = lost.iter().filter(is_gone).count();
        exchange.blame(Fault::RolledBack, gone as u64);
        Some(first)
    }

    /// An own body, as it is kept to be sent.
    pub(super) fn kept_body(&self, sequence: u32) -> Option<KeptBody> {
        let row = self.bodies.get(&sequence)?.row;
        let bytes = self.db.row(Table::Bodies, &self.outbox_key().ok()?, row).ok()??;
        KeptBody::decode(&bytes).ok()
    }

    /// An own body for whose place a frame is.
    fn kept_for(&self, (tag, sequence): (LaneTag, u32)) -> Option<KeptBody> {
        let space = self.space.as_ref()?;
        let mut secrets = space.group.generations.values();
        let is_own = secrets.any(|secret| secret.lane_tag(&space.lane) == tag);
        if is_own { self.kept_body(sequence) } else { None }
    }

    /// Whether a frame is an own body as it is kept or was sealed before, byte by byte. There is nothing to take in, even if its key is
    /// gone by now.
    pub(super) fn is_kept(&self, frame: &[u8]) -> bool {
        let body = place(frame).and_then(|place| self.kept_for(place));
        body.is_some_and(|body| body.was(frame))
    }

    /// Whether a frame is this device's own body for its place, under whatever key, and whether it will do: in the live mailbox others may
    /// lack an older key, unless a keeper has the body.
    pub(super) fn is_own(
        &self,
        space: &SpaceState,
        at: (LaneTag, u32),
        frame: &[u8],
    ) -> Option<bool> {
        let body = self.kept_for(at)?;
        if body.frame == frame {
            return Some(true);
        }
        let is_of_now = match body.was(frame) {
            true => false,
            // A copy of this store may have sealed it.
            false => self.opened_as(space, frame, &body.raw)? == body.epoch,
        };
        let is_live = space.live.is_some_and(|live| own_tag(space, &live.generation) == Some(at.0));
        Some(!is_live || is_of_now || self.is_with_a_keeper(space, at.1))
    }

    /// The epoch under which a frame is the seal of a body, of those whose secrets are here.
    fn opened_as(&self, space: &SpaceState, frame: &[u8], body: &[u8]) -> Option<Epoch> {
        let Ok(Frame::Chunk(header, sealed)) = Frame::parse(frame) else { return None };
        self.ring.epochs().iter().find_map(|(epoch, secret)| {
            let raw = chunk::open((secret, epoch), space.space(), &header, sealed)?;
            raw.ok().filter(|raw| raw == body).map(|_| *epoch)
        })
    }

    /// Whether somebody else who keeps the team's work has signed to have an own body.
    fn is_with_a_keeper(&self, space: &SpaceState, sequence: u32) -> bool {
        let standing = space.group.roster.standing();
        let (own, me) = (space.lane, Some(self.device()));
        let mut others = space.lanes.values().filter(|lane| standing.line(&lane.device_key) != me);
        others.any(|lane| {
            let said = lane.vector.get(&own).filter(|_| lane.keeps_work(&space.group.roster));
            said.is_some_and(|said| {
                sequence < said.next
                    && !said.quarantined.contains(&sequence)
                    && self.names_what_is_here(&own, said)
            })
        })
    }

    /// Whether a frame stands at a place on this device's lane and is nothing that has its keys.
    pub(super) fn is_squatted(
        &self,
        space: &SpaceState,
        generation: &Generation,
        frame: &[u8],
    ) -> bool {
        let Some(secret) = space.group.generations.get(generation) else { return false };
        let is_own = place(frame).is_some_and(|(tag, _)| tag == secret.lane_tag(&space.lane));
        is_own && self.waiting.is_garbage(frame)
    }

    /// Whether the content of an own body was let go, so that it is not offered any more.
    pub(super) fn is_let_go(&self, sequence: u32) -> bool {
        !self.bodies.contains_key(&sequence)
            || self.kept_body(sequence).is_some_and(|body| body.is_empty())
    }
}

/// The tag of this device's lane in a generation.
pub(super) fn own_tag(space: &SpaceState, generation: &Generation) -> Option<LaneTag> {
    space.group.generations.get(generation).map(|secret| secret.lane_tag(&space.lane))
}

/// Remembers from which own body on a relay is still to show what it has.
pub(super) fn note_unproved(space: &mut SpaceState, relay: Relay, mailbox: &MailboxTrail) {
    let own = own_tag(space, &mailbox.generation);
    let route = space.routes.entry((relay, mailbox.generation)).or_default();
    route.unproved = own.map_or(mailbox.to_show, |own| mailbox.unproved(own));
}

//! What befalls relays, and what is said to them.

use std::collections::BTreeSet;

use haversack_core::{Error, Fault, Received, RelayRoute, SyncOutcome};
use haversack_wire::{ChunkHeader, Frame, LaneTag, bundle};

use crate::act::{Act, Lie};
use crate::checkers;
use crate::dice::Dice;
use crate::finding::{Checker, Finding};
use crate::founding::{contact, day};
use crate::relay::Answered;
use crate::world::{Done, World, unexpected};

/// Bytes of an answer that come at a time.
pub(super) const PIECE: usize = 1_500;

impl World {
    pub(super) fn play_relay(&mut self, act: &Act) -> Result<(), Finding> {
        let said = format!("{act:?}");
        let relays = self.relays.len().max(1);
        let number = match *act {
            Act::Rollback { relay, .. }
            | Act::Fork { relay }
            | Act::Merge { relay }
            | Act::Hostile { relay, .. } => relay % relays,
            _ => 0,
        };
        let Some(at) = self.relays.get_mut(number) else { return Ok(()) };
        match *act {
            Act::Rollback { keeps, .. } => {
                self.model.rolled_back = true;
                at.roll_back(keeps);
            }
            Act::Fork { .. } => at.fork(),
            Act::Merge { .. } => at.merge(),
            Act::Hostile { lie, exchanges, .. } => {
                self.model.rolled_back |= lie == Lie::Forgets;
                at.lies(lie, exchanges);
            }
            Act::Squat { relay, dice } => self.squat(relay % relays, dice),
            _ => {}
        }
        self.say(&said);
        Ok(())
    }

    pub(crate) fn sync(
        &mut self,
        number: usize,
        relay: usize,
        arrives: u16,
    ) -> Result<(), Finding> {
        self.exchange(number, relay, arrives).map(drop)
    }

    /// One exchange, of whose answer so much arrives. Nothing when the device did not come to its end.
    pub(crate) fn exchange(
        &mut self,
        number: usize,
        relay: usize,
        arrives: u16,
    ) -> Result<Option<SyncOutcome>, Finding> {
        let Some(id) = self.relays.get(relay).map(|relay| relay.id) else { return Ok(None) };
        let route = RelayRoute { relay: id, admission: Vec::new() };
        let removed = self.removed_for(number);
        let begun = self.ask(number, |engine| engine.begin_exchange(&route))?;
        let name = begun.name();
        let Done::Ok(mut under_way) = begun else {
            self.say(&format!("device {number} begins no exchange: {name}"));
            return Ok(None);
        };
        let Some(at) = self.relays.get_mut(relay) else { return Ok(None) };
        let Answered { answer, stored, honest } = at.exchange(number, under_way.request());
        checkers::note_sealed(self, number, &removed, &stored);
        let answer = answer.unwrap_or_default();
        let part = answer.get(..answer.len() * usize::from(arrives) / 1_000).unwrap_or_default();
        let fed = self.give(number, |engine| {
            let mut pieces = part.chunks(PIECE);
            let fed = pieces.try_for_each(|piece| engine.feed(&mut under_way, piece).map(drop));
            let outcome = engine.end_exchange(&under_way)?;
            fed.map(|()| outcome)
        })?;
        let at = self.relays.get_mut(relay);
        let must_notice = at.is_some_and(|relay| relay.must_be_noticed(number, stored.len()));
        self.note_kept(number);
        self.say(&format!(
            "device {number} syncs with relay {relay}: {} {}{}",
            fed.name(),
            told(&fed),
            kinds(&stored)
        ));
        if let Done::Refused(error @ (Error::Wire(_) | Error::Relay { .. })) = &fed
            && honest
        {
            return unexpected("an honest answer", error);
        }
        let outcome = fed.ok();
        let faults = outcome.iter().flat_map(|outcome| &outcome.faults);
        let is_past = faults.into_iter().any(|fault| fault.fault == Fault::OtherPast);
        if outcome.is_none() || is_past {
            // It takes nothing that it was told for granted any more, even if the line broke after that, or the relay still lied; or it
            // may have noticed, and died or failed before it could say so.
            self.relays.get_mut(relay).into_iter().for_each(|relay| relay.untell(number));
        }
        if let Some(outcome) = outcome.as_ref().filter(|_| honest) {
            let noticed = !must_notice || outcome.again || !outcome.faults.is_empty();
            let noticed = noticed || !outcome.complete;
            Checker::LossIsNoticed.expect(noticed, || format!("device {number}, relay {relay}"))?;
            // Who asks once more knows that it was not told all.
            if !is_past && !outcome.again && outcome.complete {
                self.relays.get_mut(relay).into_iter().for_each(|relay| relay.told_all(number));
            }
        }
        checkers::ledger(self, number)?;
        Ok(outcome)
    }

    /// The devices that one knows to be removed.
    pub(crate) fn removed_for(&self, number: usize) -> BTreeSet<haversack_wire::Device> {
        let Some(device) = self.devices.get(number) else { return BTreeSet::new() };
        let ids = self.devices.iter().map(|other| other.id);
        ids.filter(|id| device.knows_removed(id)).collect()
    }

    /// The next place of a lane that the relay holds, taken by nobody's frame.
    fn squat(&mut self, relay: usize, seed: u64) {
        let Some(relay) = self.relays.get_mut(relay) else { return };
        let mut dice = Dice::new(seed);
        let frames = relay.frames();
        let chunks = frames.iter().filter_map(|(mailbox, frame)| match Frame::parse(frame) {
            Ok(Frame::Chunk(header, sealed)) => Some((*mailbox, header, sealed.to_vec())),
            _ => None,
        });
        let chunks: Vec<_> = chunks.collect();
        let Some((mailbox, header, mut sealed)) = chunks.get(dice.below(chunks.len())).cloned()
        else {
            return;
        };
        let next = last_of(&chunks, &header.tag).saturating_add(1 + dice.below(2) as u32);
        sealed.iter_mut().step_by(7).for_each(|byte| *byte ^= 0x55);
        let header = ChunkHeader { sequence: next, ..header };
        relay.put(mailbox, &[&header.encode()[..], &sealed].concat());
    }

    /// A member writes in another's name: nobody may be shown it.
    pub(super) fn forge(&mut self, by: usize, victim: usize, by_file: bool) -> Result<(), Finding> {
        let mark = self.model.forged_mark();
        let done = self.ask(by, |engine| engine.forge(victim, day(0)?, &[contact(mark)?]))?;
        self.say(&format!("device {by} forges {mark}: {}", done.name()));
        let Done::Ok(frame) = done else { return Ok(()) };
        if by_file {
            if let Ok(file) = bundle::encode([frame.as_slice()]) {
                self.lay_down(file);
            }
        } else if let Some(relay) = self.relays.first_mut()
            && let Some((mailbox, _)) = relay.frames().last().cloned()
        {
            relay.put(mailbox, &frame);
        }
        Ok(())
    }
}

fn last_of(chunks: &[(haversack_wire::Mailbox, ChunkHeader, Vec<u8>)], tag: &LaneTag) -> u32 {
    let its = chunks.iter().filter(|(_, header, _)| header.tag == *tag);
    its.map(|(_, header, _)| header.sequence).max().unwrap_or_default()
}

pub(super) fn told(fed: &Done<SyncOutcome>) -> String {
    let Done::Ok(outcome) = fed else { return String::new() };
    let Received { applied, known, waiting, quarantined, foreign, dropped, .. } = outcome.received;
    let came = [applied, known, waiting, quarantined, foreign, dropped];
    let marks = [(outcome.complete, " to the end"), (outcome.again, ", again")];
    let marks: String = marks.iter().filter(|(is, _)| *is).map(|(_, mark)| *mark).collect();
    let faults: Vec<_> = outcome.faults.iter().map(|fault| (fault.fault, fault.count)).collect();
    format!("{} pushed, {came:?} came{marks}, {faults:?}", outcome.pushed)
}

/// What frames are, for who reads a trace.
fn kinds(frames: &[Vec<u8>]) -> String {
    let kind = |frame: &Vec<u8>| match Frame::parse(frame) {
        Ok(Frame::Chunk(header, _)) => format!(" chunk {}", header.sequence),
        Ok(Frame::Roster(..)) => " roster".into(),
        Ok(Frame::Grant(..)) => " grant".into(),
        _ => " other".into(),
    };
    let all: String = frames.iter().map(kind).collect();
    if all.is_empty() { all } else { format!(", new there:{all}") }
}

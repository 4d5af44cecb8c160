//! Packs by way of a relay: a small one, that does what § 7 says.

use std::collections::{BTreeMap, BTreeSet};

use haversack_wire::answer::{Part, START, Stored};
use haversack_wire::request::{Basis, Event, NO_CURSOR, RequestReader, SectionHead};
use haversack_wire::{CursorDigest, FrameHash, LaneTag, Mailbox, Relay, Retire};

use super::super::is_pack;
use super::*;

/// A relay in memory, and what it sent.
#[derive(Default)]
pub(super) struct Small {
    pub(super) frames: BTreeMap<Mailbox, Vec<Vec<u8>>>,
    dropped: Vec<FrameHash>,
    retires: Vec<Retire>,
    /// Bytes of answers, and how many chunks and parts of packs were in them.
    sent: (usize, usize, usize),
    requests: usize,
}

impl Small {
    fn serve(&mut self, request: &[u8]) -> Vec<u8> {
        let mut reader = RequestReader::new();
        reader.feed(request);
        let mut sections: Vec<(SectionHead, Vec<(Stored, u64)>)> = Vec::new();
        while let Some(event) = reader.next_event().unwrap() {
            match event {
                Event::Section(head) => sections.push((head, Vec::new())),
                Event::Frame(frame) => {
                    let (head, receipts) = sections.last_mut().unwrap();
                    let receipt = self.store(head, frame);
                    receipts.push(receipt);
                }
            }
        }
        let mut out = START.to_vec();
        for (index, (head, receipts)) in (0..).zip(&sections) {
            Part::Section(index).encode(&mut out).unwrap();
            for (index, (stored, cursor)) in (0..).zip(receipts) {
                Part::Ack { index, stored: *stored, cursor: *cursor }.encode(&mut out).unwrap();
            }
            self.answer(head, receipts, &mut out);
        }
        Part::Done.encode(&mut out).unwrap();
        self.sent.0 += out.len();
        self.requests += 1;
        out
    }

    fn store(&mut self, head: &SectionHead, frame: Vec<u8>) -> (Stored, u64) {
        if let Ok(Frame::Retire(retire)) = Frame::parse(&frame) {
            assert!(retire.proves(&head.retire));
            self.retires.push(retire);
            return (Stored::New, 0);
        }
        let frames = self.frames.entry(head.mailbox()).or_default();
        match frames.iter().position(|known| *known == frame) {
            Some(place) => (Stored::Duplicate, place as u64 + 1),
            None => {
                frames.push(frame);
                (Stored::New, frames.len() as u64)
            }
        }
    }

    fn answer(&mut self, head: &SectionHead, receipts: &[(Stored, u64)], out: &mut Vec<u8>) {
        let none = Vec::new();
        let frames = self.frames.get(&head.mailbox()).unwrap_or(&none);
        let digest = |upto: usize| {
            let known = frames.iter().take(upto);
            known.fold(CursorDigest::default(), |digest, f| digest.next(FrameHash::of(f)))
        };
        let theirs = match &head.basis {
            Basis::Digest(theirs) | Basis::Vector(theirs, _) | Basis::Chunks(theirs, _) => theirs,
            Basis::Loose => &CursorDigest::default(),
        };
        let is_checked = head.basis != Basis::Loose && head.cursor < NO_CURSOR;
        if is_checked && digest(head.cursor as usize) != *theirs {
            return Part::Need.encode(out).unwrap();
        }
        let mut have: BTreeMap<LaneTag, u32> = BTreeMap::new();
        for (cursor, frame) in (1..).zip(frames) {
            let place = match Frame::parse(frame) {
                Ok(Frame::Chunk(header, _)) => Some((header.tag, header.sequence)),
                _ => None,
            };
            if let Some((tag, sequence)) = place {
                let next = have.entry(tag).or_default();
                *next = (*next).max(sequence + 1);
            }
            let after = cursor > head.cursor;
            let is_asked = match (&head.basis, place) {
                (Basis::Loose, place) => after && place.is_none(),
                _ if is_pack(frame) => false,
                (Basis::Digest(_), _) => after,
                (Basis::Vector(..), None) => true,
                (Basis::Chunks(..), None) => after,
                (Basis::Vector(_, lanes) | Basis::Chunks(_, lanes), Some((tag, sequence))) => {
                    let next = lanes.iter().find(|(lane, _)| *lane == tag);
                    after || next.is_none_or(|(_, next)| sequence >= *next)
                }
            };
            let pushed = receipts.iter().any(|(_, own)| *own == cursor);
            let is_here = !self.dropped.contains(&FrameHash::of(frame));
            if is_asked && !pushed && is_here {
                self.sent.1 += usize::from(place.is_some());
                self.sent.2 += usize::from(is_pack(frame));
                Part::Frame { cursor, frame }.encode(out).unwrap();
            } else if after && head.basis != Basis::Loose && !pushed && (is_pack(frame) || !is_here)
            {
                let digest = digest(cursor as usize);
                Part::Passed { cursor, digest }.encode(out).unwrap();
            }
        }
        if !matches!(head.basis, Basis::Digest(_)) {
            Part::Have(have.into_iter().collect()).encode(out).unwrap();
        }
        let end = Part::End { cursor: frames.len() as u64, digest: digest(frames.len()) };
        end.encode(out).unwrap();
    }

    /// Drops the chunks that the last retire named, as a relay does after its grace.
    fn drop_retired(&mut self) {
        let retire = self.retires.last().unwrap();
        let is_named = |frame: &&Vec<u8>| match Frame::parse(frame) {
            Ok(Frame::Chunk(header, _)) => {
                let lane = retire.lanes.iter().find(|(tag, _)| *tag == header.tag);
                lane.is_some_and(|(_, next)| header.sequence < *next)
            }
            _ => false,
        };
        let named = self.frames.values().flatten().filter(is_named);
        self.dropped.extend(named.map(|frame| FrameHash::of(frame)));
    }
}

/// Syncs until nothing more is of use at once. Gives bytes, chunks and parts of packs that came.
pub(super) fn sync(engine: &mut Engine, relay: &mut Small) -> (usize, usize, usize) {
    let route = RelayRoute { relay: Relay::new([7; 16]), admission: Vec::new() };
    relay.sent = (0, 0, 0);
    for _ in 0..6 {
        let mut exchange = engine.begin_exchange(&route).unwrap();
        let answer = relay.serve(exchange.request());
        engine.feed(&mut exchange, &answer).unwrap();
        let outcome = engine.end_exchange(&exchange).unwrap();
        assert!(outcome.complete);
        if !outcome.again {
            return relay.sent;
        }
    }
    panic!("an exchange without end");
}

pub(super) fn synced(team: &mut Team, relay: &mut Small) {
    for phone in &mut team.phones {
        sync(phone, relay);
    }
    sync(&mut team.admin, relay);
}

#[test]
fn a_first_sync_brings_the_pack_and_no_chunk_that_it_has() {
    let (mut team, mut relay) = (Team::new(2), Small::default());
    for n in 0..6 {
        team.phones[n % 2].log(day(n as i64), &[draft(n as i64 + 1)]).unwrap();
        synced(&mut team, &mut relay);
    }
    let parts = team.pack().len();
    sync(&mut team.admin, &mut relay);
    sync(&mut team.admin, &mut relay);
    assert_eq!(relay.retires.len(), 1, "once the relay has the pack, it is told what it may drop");
    team.phones[0].log(day(9), &[draft(9)]).unwrap();
    let (_, _, others) = sync(&mut team.phones[0], &mut relay);
    assert_eq!(others, 0, "who lacks nothing gets no pack");
    let mut new = team.newcomer("new", Role::Educator);
    let (_, chunks, packs) = sync(&mut new, &mut relay);
    assert_eq!(packs, parts);
    sync(&mut team.admin, &mut relay);
    assert_eq!(new.canonical().unwrap(), team.admin.canonical().unwrap());
    // The word of the admin about the pack, and the new outing.
    assert!(chunks <= 3, "{chunks} chunks");
    assert!(new.space().unwrap().group.packs.keys().is_empty(), "its key is of no use any more");
    let (_, chunks, packs) = sync(&mut new, &mut relay);
    assert!(chunks <= 1 && packs == 0, "{chunks} chunks, {packs} parts");
}

#[test]
fn who_finds_the_chunks_dropped_comes_back_by_the_pack() {
    let (mut team, mut relay) = (Team::new(2), Small::default());
    team.phones[0].log(day(0), &[draft(1)]).unwrap();
    synced(&mut team, &mut relay);
    synced(&mut team, &mut relay);
    // One is away, and writes; the other goes on; what it said before the pack is dropped.
    team.phones[1].log(day(1), &[draft(2)]).unwrap();
    for n in 2..6 {
        team.phones[0].log(day(n), &[draft(n)]).unwrap();
        sync(&mut team.phones[0], &mut relay);
        sync(&mut team.admin, &mut relay);
    }
    team.pack();
    sync(&mut team.admin, &mut relay);
    sync(&mut team.admin, &mut relay);
    relay.drop_retired();
    team.phones[0].log(day(7), &[draft(7)]).unwrap();
    sync(&mut team.phones[0], &mut relay);
    let before = team.phones[1].status().unwrap().own;
    assert_eq!(before.here_only, 1);
    let (_, _, packs) = sync(&mut team.phones[1], &mut relay);
    assert!(packs > 0);
    // The admin says with its next sync what it has.
    synced(&mut team, &mut relay);
    synced(&mut team, &mut relay);
    sync(&mut team.phones[1], &mut relay);
    assert_eq!(team.phones[1].canonical().unwrap(), team.admin.canonical().unwrap());
    assert_eq!(team.phones[1].contact_count().unwrap(), 7);
    assert_eq!(team.phones[1].status().unwrap().own.acknowledged, 1);
    assert_eq!(team.phones[1].status().unwrap().waiting, 0);
}

/// Syncs once for each round of the way, and says what was noticed of the relay.
fn faults(engine: &mut Engine, relay: &mut Small) -> BTreeSet<Fault> {
    let route = RelayRoute { relay: Relay::new([7; 16]), admission: Vec::new() };
    let mut found = BTreeSet::new();
    for _ in 0..4 {
        let mut exchange = engine.begin_exchange(&route).unwrap();
        let answer = relay.serve(exchange.request());
        engine.feed(&mut exchange, &answer).unwrap();
        let outcome = engine.end_exchange(&exchange).unwrap();
        found.extend(outcome.faults.iter().map(|one| one.fault));
    }
    found
}

/// One phone's newest chunk is hidden from the other one, which hears from the admin that there is one.
fn hide_one(team: &mut Team, relay: &mut Small) {
    synced(team, relay);
    synced(team, relay);
    team.phones[0].log(day(8), &[draft(8)]).unwrap();
    sync(&mut team.phones[0], relay);
    let is_chunk = |frame: &&Vec<u8>| matches!(Frame::parse(frame), Ok(Frame::Chunk(..)));
    let newest = relay.frames.values().flatten().rfind(is_chunk).unwrap();
    let hidden = FrameHash::of(newest);
    sync(&mut team.admin, relay);
    sync(&mut team.admin, relay);
    relay.dropped.push(hidden);
}

#[test]
fn a_gap_counts_as_one_where_no_pack_is_known_and_shows_as_withheld_where_one_is() {
    for is_packed in [false, true] {
        let (mut team, mut relay) = (Team::new(2), Small::default());
        team.phones[0].log(day(0), &[draft(1)]).unwrap();
        synced(&mut team, &mut relay);
        if is_packed {
            team.pack();
        }
        hide_one(&mut team, &mut relay);
        let found = faults(&mut team.phones[1], &mut relay);
        assert_eq!(found.contains(&Fault::LeftOut), !is_packed, "{found:?}");
        assert!(found.contains(&Fault::Withheld), "a member has signed that it has it: {found:?}");
        assert!(!found.contains(&Fault::Digest), "{found:?}");
    }
}

#[test]
fn what_a_pack_has_is_no_gap() {
    let (mut team, mut relay) = (Team::new(2), Small::default());
    team.phones[0].log(day(0), &[draft(1)]).unwrap();
    synced(&mut team, &mut relay);
    team.pack();
    synced(&mut team, &mut relay);
    relay.drop_retired();
    team.phones[0].log(day(1), &[draft(2)]).unwrap();
    for _ in 0..2 {
        for phone in &mut team.phones {
            assert_eq!(faults(phone, &mut relay), BTreeSet::new());
        }
        assert_eq!(faults(&mut team.admin, &mut relay), BTreeSet::new());
    }
    let mut new = team.newcomer("new", Role::Educator);
    assert_eq!(faults(&mut new, &mut relay), BTreeSet::new());
    assert_eq!(new.contact_count().unwrap(), 2);
}

/// A pack of which the mailbox has a part so far is asked for again once there is more in it, and not before.
#[test]
fn a_pack_that_is_still_arriving_is_asked_for_until_it_is_whole() {
    let (mut team, mut relay) = (Team::new(2), Small::default());
    for n in 0..6 {
        team.phones[n % 2].log(day(n as i64), &[draft(n as i64 + 1)]).unwrap();
        synced(&mut team, &mut relay);
    }
    team.pack();
    sync(&mut team.admin, &mut relay);
    sync(&mut team.admin, &mut relay);
    relay.drop_retired();
    let mut new = team.newcomer("new", Role::Educator);
    sync(&mut team.admin, &mut relay);
    let frames = relay.frames.values_mut().next().unwrap();
    let first = frames.iter().position(|frame| is_segment(frame)).unwrap();
    let late = frames.remove(first);
    sync(&mut new, &mut relay);
    assert!(new.contact_count().unwrap() < 6, "a part is not there");
    let (_, _, parts) = sync(&mut new, &mut relay);
    assert_eq!(parts, 0, "nothing is asked for twice");
    relay.frames.values_mut().next().unwrap().push(late);
    for _ in 0..2 {
        sync(&mut new, &mut relay);
    }
    assert_eq!(new.pack_progress(), PackProgress::default());
    assert_eq!(new.contact_count().unwrap(), 6);
}

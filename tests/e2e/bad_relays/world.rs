//! A relay that can be made to lie, and what has to hold whatever it says.

use std::collections::{BTreeMap, BTreeSet};

use haversack_core::{ContactFilter, Fault, RecordState, RelayRoute, Role};
use haversack_relay::{Incoming, Memory, Storage, exchange};
use haversack_wire::answer::{AnswerReader, Part, START, Stored};
use haversack_wire::request::{Event, RequestReader, SectionHead};
use haversack_wire::{CursorDigest, LaneTag, Mailbox};

use crate::fleet::{Fleet, PHONES};
use crate::removal::log;

/// A part of an answer, to be changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Said {
    Section(u8),
    Ack(u32, Stored, u64),
    Frame(u64, Vec<u8>),
    Tail(u64, u32, Vec<u8>),
    Have(Vec<(LaneTag, u32)>),
    Need,
    End(u64, CursorDigest),
    Passed(u64, CursorDigest),
    Done,
}

pub(crate) fn said(answer: &[u8]) -> Vec<Said> {
    let mut reader = AnswerReader::new();
    reader.feed(answer);
    let mut all = Vec::new();
    while let Some(part) = reader.next_part().unwrap() {
        all.push(match part {
            Part::Section(index) => Said::Section(index),
            Part::Ack { index, stored, cursor } => Said::Ack(index, stored, cursor),
            Part::Frame { cursor, frame } => Said::Frame(cursor, frame.to_vec()),
            Part::Tail { cursor, offset, rest } => Said::Tail(cursor, offset, rest.to_vec()),
            Part::Have(lanes) => Said::Have(lanes),
            Part::Need => Said::Need,
            Part::End { cursor, digest } => Said::End(cursor, digest),
            Part::Passed { cursor, digest } => Said::Passed(cursor, digest),
            Part::Done => Said::Done,
            Part::Other => continue,
        });
    }
    all
}

pub(crate) fn saying(all: &[Said]) -> Vec<u8> {
    let mut out = START.to_vec();
    for said in all {
        let part = match said {
            Said::Section(index) => Part::Section(*index),
            Said::Ack(index, stored, cursor) => {
                Part::Ack { index: *index, stored: *stored, cursor: *cursor }
            }
            Said::Frame(cursor, frame) => Part::Frame { cursor: *cursor, frame },
            Said::Tail(cursor, offset, rest) => {
                Part::Tail { cursor: *cursor, offset: *offset, rest }
            }
            Said::Have(lanes) => Part::Have(lanes.clone()),
            Said::Need => Part::Need,
            Said::End(cursor, digest) => Part::End { cursor: *cursor, digest: *digest },
            Said::Passed(cursor, digest) => Part::Passed { cursor: *cursor, digest: *digest },
            Said::Done => Part::Done,
        };
        part.encode(&mut out).unwrap();
    }
    out
}

/// A fleet and a relay that lies for a while.
pub(crate) struct World {
    pub(crate) fleet: Fleet,
    pub(crate) mailboxes: BTreeSet<Mailbox>,
    /// Other states of the relay, or other relays behind the same door.
    pub(crate) others: Vec<Memory>,
    /// What was answered, and to whom.
    pub(crate) past: Vec<(usize, Vec<u8>)>,
    /// How many answers the relay has given while it lied.
    pub(crate) turn: usize,
    logged: u64,
}

/// What a relay answers to a device: nothing when it hangs up.
pub(crate) type Lie = fn(&mut World, usize, &[u8]) -> Option<Vec<u8>>;

/// Exchanges that a device makes at most before the relay is in order again with it.
const ROUNDS_MAX: usize = 8;

impl World {
    pub(crate) fn new() -> Self {
        let mut fleet = Fleet::new();
        fleet.settle();
        let (mailboxes, others, past) = Default::default();
        Self { fleet, mailboxes, others, past, turn: 0, logged: 0 }
    }

    /// A team whose mailbox has moved: a request asks for two.
    pub(crate) fn moved() -> Self {
        let mut world = Self::new();
        let last = world.fleet.device(PHONES).device();
        world.fleet.device(0).set_role(last, Role::Clinic).unwrap();
        world.fleet.settle();
        world
    }

    /// What an honest relay says.
    pub(crate) fn honest(&mut self, request: &[u8]) -> Vec<u8> {
        exchange(&self.fleet.relay, request).unwrap()
    }

    /// A copy of what the relay has, less what is not to be in it.
    pub(crate) fn copy(&self, keeps: impl Fn(&Incoming) -> bool) -> Memory {
        let copy = Memory::new();
        for mailbox in &self.mailboxes {
            let frames: Vec<Incoming> = self.frames(*mailbox).into_iter().filter(&keeps).collect();
            copy.push(*mailbox, frames).unwrap();
        }
        copy
    }

    pub(crate) fn frames(&self, mailbox: Mailbox) -> Vec<Incoming> {
        let last = self.fleet.relay.head(mailbox).unwrap().cursor;
        let cursors: Vec<u64> = (1..=last).collect();
        let frames = self.fleet.relay.frames(mailbox, &cursors).unwrap();
        frames.into_iter().map(|frame| Incoming::parse(frame).unwrap()).collect()
    }

    /// What a request asks and brings.
    pub(crate) fn asked(request: &[u8]) -> Vec<(SectionHead, Vec<Vec<u8>>)> {
        let mut reader = RequestReader::new();
        reader.feed(request);
        let mut all: Vec<(SectionHead, Vec<Vec<u8>>)> = Vec::new();
        while let Some(event) = reader.next_event().unwrap() {
            match event {
                Event::Section(head) => all.push((head, Vec::new())),
                Event::Frame(frame) => all.last_mut().unwrap().1.push(frame),
            }
        }
        all
    }

    /// One exchange, in which the relay lies or not. Says whether another would be of use.
    fn sync(&mut self, n: usize, lie: Option<Lie>) -> bool {
        let route = RelayRoute { relay: self.fleet.id, admission: Vec::new() };
        let mut under_way = self.fleet.device(n).begin_exchange(&route).unwrap();
        let request = under_way.request().to_vec();
        self.mailboxes.extend(Self::asked(&request).iter().map(|(head, _)| head.mailbox()));
        let answer = match lie {
            Some(lie) => lie(self, n, &request),
            None => Some(self.honest(&request)),
        };
        for piece in answer.iter().flat_map(|answer| answer.chunks(5_000)) {
            if self.fleet.device(n).feed(&mut under_way, piece).is_err() {
                break;
            }
        }
        self.turn += 1;
        self.past.extend(answer.map(|answer| (n, answer)));
        self.fleet.device(n).end_exchange(&under_way).unwrap().again
    }

    /// Lets the relay lie for a while, and checks what has to hold meanwhile and afterwards.
    pub(crate) fn check(&mut self, name: &str, lie: Lie, expect: Option<Fault>) {
        let before = self.faults(expect);
        self.log_everywhere();
        self.turn = 0;
        self.past.clear();
        for _ in 0..2 {
            for n in 0..=PHONES {
                for _ in 0..2 {
                    if !self.sync(n, Some(lie)) {
                        break;
                    }
                }
            }
            self.nobody_is_told_what_is_not_so(name);
            self.log_everywhere();
        }
        self.settle(name);
        self.all_is_well(name);
        if let Some(fault) = expect {
            assert!(self.faults(expect) > before, "{name}: {fault:?} was told to nobody");
        }
        self.others.clear();
    }

    fn log_everywhere(&mut self) {
        for n in 0..=PHONES {
            log(&mut self.fleet, n, (self.logged % 5) as u16);
            self.logged += 1;
        }
    }

    fn faults(&mut self, fault: Option<Fault>) -> u64 {
        let mut sum = 0;
        for n in 0..=PHONES {
            let faults = self.fleet.device(n).relay_faults().unwrap();
            let its = faults.iter().filter(|one| Some(one.fault) == fault);
            sum += its.map(|one| u64::from(one.count)).sum::<u64>();
        }
        sum
    }

    /// What anybody shows as acknowledged, the coordinator has.
    fn nobody_is_told_what_is_not_so(&mut self, name: &str) {
        let rows = self.fleet.device(0).contacts(&ContactFilter::default()).unwrap();
        let kept: BTreeSet<_> = rows.into_iter().map(|row| row.id).collect();
        for n in 1..=PHONES {
            let rows = self.fleet.device(n).contacts(&ContactFilter::default()).unwrap();
            let said = rows.iter().filter(|row| row.state == RecordState::Acknowledged);
            said.for_each(|row| assert!(kept.contains(&row.id), "{name}: device {n}"));
        }
    }

    /// The relay is honest now.
    fn settle(&mut self, name: &str) {
        for _ in 0..5 {
            for n in 0..=PHONES {
                let mut rounds = 0;
                while self.sync(n, None) {
                    rounds += 1;
                    assert!(rounds < ROUNDS_MAX, "{name}: device {n} asks for ever");
                }
            }
        }
    }

    fn all_is_well(&mut self, name: &str) {
        let first = self.fleet.device(0).canonical().unwrap();
        for n in 0..=PHONES {
            let rows = self.fleet.device(n).contacts(&ContactFilter::default()).unwrap();
            let sets: u64 = rows.iter().map(|row| row.sets()).sum();
            assert_eq!((rows.len() as u64, sets), (self.logged, 5 * self.logged), "{name}: {n}");
            let mut states: BTreeMap<RecordState, u64> = BTreeMap::new();
            rows.iter().for_each(|row| *states.entry(row.state).or_default() += 1);
            assert!(self.fleet.device(n).canonical().unwrap() == first, "{name}: {n}: others");
            let status = self.fleet.device(n).status().unwrap();
            assert_eq!((status.waiting, status.own.here_only), (0, 0), "{name}: {n}");
            let safe = n == 0 || states.keys().eq([&RecordState::Acknowledged]);
            assert!(safe, "{name}: {n}: {states:?}");
        }
    }
}

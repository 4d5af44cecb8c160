//! A line that breaks: at any byte of what goes up or comes down, whatever arrived whole stays, the next exchange goes on there,
//! and at most one segment is sent again.
//!
//! Whole engines are cut at every so many bytes of 200 KB, in both directions; `HAVERSACK_CUTS=1` cuts at every one. The machines
//! alone are cut at every byte in the suites of their crates.

use std::collections::BTreeMap;
use std::path::PathBuf;

use haversack_core::{Engine, Exchange, RelayRoute, SyncOutcome};
use haversack_relay::{Intake, Memory, Storage, exchange};
use haversack_wire::limits::FRAME_MAX;
use haversack_wire::{Mailbox, Padding};
use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Rng, SeedableRng},
};

use crate::bad_relays::World;
use crate::fleet::{Fleet, passphrase};
use crate::removal::log;

/// What a request or an answer has beside frames, at most.
const AROUND: usize = 2_500;

fn stride() -> usize {
    let asked = std::env::var("HAVERSACK_CUTS").ok().and_then(|text| text.parse().ok());
    asked.unwrap_or(6_007)
}

/// The files of a store that is closed, the lock excepted: put back over it, it is the same store as then.
struct Snapshot {
    folder: PathBuf,
    files: BTreeMap<PathBuf, Vec<u8>>,
}

impl Snapshot {
    fn take(fleet: &mut Fleet, n: usize) -> Self {
        fleet.devices[n].take().unwrap().close().unwrap();
        let folder = fleet.folder.path().join(n.to_string());
        let files = std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap());
        let files = files.filter(|file| file.file_name() != "lock" && file.path().is_file());
        let files = files.map(|file| (file.path(), std::fs::read(file.path()).unwrap())).collect();
        Self { folder, files }
    }

    fn put_back(&self, fleet: &mut Fleet, n: usize) {
        drop(fleet.devices[n].take());
        for file in std::fs::read_dir(&self.folder).unwrap() {
            let path = file.unwrap().path();
            if path.is_file() && !self.files.contains_key(&path) && !path.ends_with("lock") {
                std::fs::remove_file(path).unwrap();
            }
        }
        self.files.iter().for_each(|(path, bytes)| std::fs::write(path, bytes).unwrap());
        let random = Box::new(ChaCha20Rng::seed_from_u64(600 + n as u64));
        fleet.devices[n] = Some(Engine::open(&self.folder, &passphrase(), random).unwrap());
    }
}

fn route(fleet: &Fleet) -> RelayRoute {
    RelayRoute { relay: fleet.id, admission: Vec::new() }
}

/// A request of which so many bytes reach the relay: nothing when it is whole.
pub(crate) fn cut_request(relay: &Memory, request: &[u8], at: usize) -> Option<Vec<u8>> {
    if at >= request.len() {
        return Some(exchange(relay, request).unwrap());
    }
    Intake::new().feed(relay, &request[..at]).unwrap().cut(relay).unwrap();
    None
}

/// Reads so much of an answer, and ends there.
fn read(fleet: &mut Fleet, n: usize, under_way: &mut Exchange, answer: &[u8]) -> SyncOutcome {
    for piece in answer.chunks(900) {
        fleet.device(n).feed(under_way, piece).unwrap();
    }
    fleet.device(n).end_exchange(under_way).unwrap()
}

/// Syncs to the end. Says how many bytes of requests and of answers that took.
fn finish(fleet: &mut Fleet, n: usize) -> (usize, usize) {
    let (mut up, mut down) = (0, 0);
    for _ in 0..6 {
        let to = route(fleet);
        let mut under_way = fleet.device(n).begin_exchange(&to).unwrap();
        let answer = exchange(&fleet.relay, under_way.request()).unwrap();
        (up, down) = (up + under_way.request().len(), down + answer.len());
        if !read(fleet, n, &mut under_way, &answer).again {
            return (up, down);
        }
    }
    panic!("a sync asks for another for ever");
}

/// A phone that has 200 KB in 100 bodies which nobody else has.
fn loaded() -> Fleet {
    let mut fleet = Fleet::new();
    fleet.settle();
    fleet.device(1).set_padding(Padding::HighRisk).unwrap();
    for n in 0..100 {
        log(&mut fleet, 1, n % 5);
        // Closes what is unsent into a body of its own.
        let to = route(&fleet);
        fleet.device(1).begin_exchange(&to).unwrap();
    }
    fleet
}

fn mailbox(request: &[u8]) -> Mailbox {
    World::asked(request)[0].0.mailbox()
}

fn copy(relay: &Memory, mailbox: Mailbox) -> Memory {
    let copy = Memory::new();
    let cursors: Vec<u64> = (1..=relay.head(mailbox).unwrap().cursor).collect();
    let frames = relay.frames(mailbox, &cursors).unwrap().into_iter();
    let frames = frames.map(|frame| haversack_relay::Incoming::parse(frame).unwrap()).collect();
    copy.push(mailbox, frames).unwrap();
    copy
}

#[test]
fn what_goes_up_goes_on_at_a_frame() {
    let mut fleet = loaded();
    let snapshot = Snapshot::take(&mut fleet, 1);
    snapshot.put_back(&mut fleet, 1);
    let to = route(&fleet);
    let request = fleet.device(1).begin_exchange(&to).unwrap().request().to_vec();
    assert!(request.len() > 200_000, "{}", request.len());
    let mailbox = mailbox(&request);
    let before = copy(&fleet.relay, mailbox);
    let mut most = 0;
    for at in (0..request.len()).step_by(stride()) {
        fleet.relay = copy(&before, mailbox);
        snapshot.put_back(&mut fleet, 1);
        let under_way = fleet.device(1).begin_exchange(&to).unwrap();
        assert!(cut_request(&fleet.relay, under_way.request(), at).is_none());
        fleet.device(1).end_exchange(&under_way).unwrap();
        let (up, _) = finish(&mut fleet, 1);
        let again = (at + up).saturating_sub(request.len());
        // Where little was left, it is sent again without asking.
        assert!(again <= FRAME_MAX + AROUND, "cut at {at}: {again} bytes sent again");
        most = most.max(again);
        let frames =
            fleet.relay.head(mailbox).unwrap().cursor - before.head(mailbox).unwrap().cursor;
        assert_eq!(frames, 100, "cut at {at}: each frame is there once");
        assert_eq!(fleet.device(1).status().unwrap().own.here_only, 0, "cut at {at}");
    }
    while fleet.sync(2, 1_000) {}
    assert_eq!(fleet.device(2).contact_count().unwrap(), 100);
    assert!(most > 0);
}

#[test]
fn what_comes_down_goes_on_at_a_byte() {
    let mut fleet = loaded();
    finish(&mut fleet, 1);
    let snapshot = Snapshot::take(&mut fleet, 2);
    snapshot.put_back(&mut fleet, 2);
    let to = route(&fleet);
    let request = fleet.device(2).begin_exchange(&to).unwrap().request().to_vec();
    let answer = exchange(&fleet.relay, &request).unwrap();
    assert!(answer.len() > 200_000, "{}", answer.len());
    for at in (0..answer.len()).step_by(stride()) {
        snapshot.put_back(&mut fleet, 2);
        let mut under_way = fleet.device(2).begin_exchange(&to).unwrap();
        let outcome = read(&mut fleet, 2, &mut under_way, &answer[..at]);
        assert!(!outcome.complete);
        let (_, down) = finish(&mut fleet, 2);
        let again = (at + down).saturating_sub(answer.len());
        assert!(again <= 300, "cut at {at}: {again} bytes sent again");
        assert_eq!(fleet.device(2).contact_count().unwrap(), 100, "cut at {at}");
    }
}

/// A line that never holds: each exchange is cut somewhere, on its way up or down, and the app is killed now and then.
#[test]
fn a_line_that_never_holds_is_enough() {
    let mut fleet = loaded();
    let mut dice = ChaCha20Rng::seed_from_u64(5);
    let mut below = |n: usize| (dice.next_u64() % n.max(1) as u64) as usize;
    let (mut up, mut cuts) = (0, 0);
    for n in [1, 2] {
        loop {
            let to = route(&fleet);
            let mut under_way = fleet.device(n).begin_exchange(&to).unwrap();
            let request = under_way.request().to_vec();
            // A short line at first, then longer ones.
            let at = below(3_000 + cuts * 600);
            up += at.min(request.len());
            let answer = cut_request(&fleet.relay, &request, at).unwrap_or_default();
            let arrives = below(3_000 + cuts * 600).min(answer.len());
            let outcome = read(&mut fleet, n, &mut under_way, &answer[..arrives]);
            if outcome.complete && !outcome.again {
                break;
            }
            cuts += 1;
            assert!(cuts < 400, "no end");
            if cuts % 7 == 0 {
                crate::removal::reopen(&mut fleet, n);
            }
        }
    }
    assert!(cuts > 20, "{cuts}");
    assert!(up < 200_000 + cuts * (FRAME_MAX + AROUND), "{up}");
    assert_eq!(fleet.device(2).contact_count().unwrap(), 100);
    fleet.settle();
    crate::removal::same(&mut fleet, &[0, 1, 2, 3]);
}

//! A line that breaks: at any byte of what goes up or comes down, whatever arrived whole stays, the next exchange goes on there,
//! and at most one segment is sent again.
//!
//! 200 KB go each way. Usually some of their bytes are places of a cut, those around frames' ends among them; with `HAVERSACK_CUTS=1`,
//! as `cargo xtask soak cuts` sets it, every one is, with 16 every sixteenth. The machines alone are cut at every byte in the suites of their crates.

mod further;
mod sockets;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use haversack_core::model::*;
use haversack_core::{Engine, Exchange, RelayRoute, SyncOutcome};
use haversack_relay::{Head, Incoming, Intake, Memory, Storage, exchange};
use haversack_wire::limits::FRAME_MAX;
use haversack_wire::{LaneTag, Mailbox, Padding};
use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Rng, SeedableRng},
};

use crate::bad_relays::{Said, World, said};
use crate::fleet::{Fleet, passphrase};
use crate::removal::log;

/// Bodies that nobody else has; each is a frame.
const BODIES: usize = 100;
/// Client files that fill as much in a few bodies.
const FILES: usize = 2_500;
/// What a request or an answer has beside frames, at most.
const AROUND: usize = 2_500;
/// What an answer that goes on inside a frame has before it, at most, with the first bytes of a frame that are not kept.
const BEFORE_REST: usize = 300;

/// How many times as far apart as with all the time there is places are, if there is more time than usually.
fn asked() -> Option<usize> {
    std::env::var("HAVERSACK_CUTS").ok().and_then(|text| text.parse().ok())
}

/// How far apart places are.
fn step(usual: usize, with_time: usize) -> usize {
    asked().map_or(usual, |times| with_time * times)
}

/// Where cuts are made in so many bytes: just before, at and just after each of some ends, and every so many bytes.
fn places(length: usize, ends: impl Iterator<Item = usize>, step: usize) -> BTreeSet<usize> {
    let around = ends.flat_map(|end| end - 1..=end + 1);
    around.chain((0..length).step_by(step)).filter(|at| *at < length).collect()
}

/// Where each of some frames ends in what holds them.
fn ends<'a>(
    bytes: &'a [u8],
    frames: impl IntoIterator<Item = Vec<u8>> + 'a,
) -> impl Iterator<Item = usize> + 'a {
    let end = |frame: Vec<u8>| memchr::memmem::find(bytes, &frame).unwrap() + frame.len();
    frames.into_iter().map(end)
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

/// How many bytes went in requests, how many of those were of frames, and how many came in answers.
#[derive(Debug, Default)]
struct Sent {
    up: usize,
    frames: usize,
    down: usize,
}

/// Syncs to the end.
fn finish(fleet: &mut Fleet, n: usize) -> Sent {
    let mut sent = Sent::default();
    for _ in 0..6 {
        let to = route(fleet);
        let mut under_way = fleet.device(n).begin_exchange(&to).unwrap();
        let answer = exchange(&fleet.relay, under_way.request()).unwrap();
        let frames = World::asked(under_way.request()).into_iter().flat_map(|(_, frames)| frames);
        sent.frames += frames.map(|frame| frame.len()).sum::<usize>();
        sent.up += under_way.request().len();
        sent.down += answer.len();
        if !read(fleet, n, &mut under_way, &answer).again {
            return sent;
        }
    }
    panic!("a sync asks for another for ever");
}

/// A phone that has 200 KB in bodies which nobody else has.
fn loaded() -> Fleet {
    let mut fleet = Fleet::new();
    fleet.settle();
    fleet.device(1).set_padding(Padding::HighRisk).unwrap();
    for n in 0..BODIES {
        log(&mut fleet, 1, (n % 5) as u16);
        // Closes what is unsent into a body of its own.
        let to = route(&fleet);
        fleet.device(1).begin_exchange(&to).unwrap();
    }
    fleet
}

/// A phone that has as much in a few bodies: client files, which do not get small, for their keys are in them.
fn loaded_with_long_ones() -> Fleet {
    let mut fleet = Fleet::new();
    fleet.settle();
    let mut dice = ChaCha20Rng::seed_from_u64(7);
    let mut letter = || char::from(b'A' + (dice.next_u64() % 26) as u8);
    let mut label = || Label::new(&(0..16).map(|_| letter()).collect::<String>()).unwrap();
    let client = |_| Client { label: Some(label()), ..Client::default() };
    let clients: Vec<Client> = (0..FILES).map(client).collect();
    fleet.device(1).add_clients(&clients).unwrap();
    fleet
}

/// Everything that a relay has of one mailbox.
#[derive(PartialEq, Eq)]
struct Stored {
    mailbox: Mailbox,
    head: Head,
    have: Vec<(LaneTag, u32)>,
    frames: Vec<Vec<u8>>,
}

impl Stored {
    fn of(relay: &Memory, mailbox: Mailbox) -> Self {
        let (head, have) = (relay.head(mailbox).unwrap(), relay.have(mailbox).unwrap());
        let cursors: Vec<u64> = (1..=head.cursor).collect();
        Self { mailbox, head, have, frames: relay.frames(mailbox, &cursors).unwrap() }
    }

    /// Another relay that has the same.
    fn relay(&self) -> Memory {
        let relay = Memory::new();
        let frames = self.frames.iter().map(|frame| Incoming::parse(frame.clone()).unwrap());
        relay.push(self.mailbox, frames.collect()).unwrap();
        assert!(Self::of(&relay, self.mailbox) == *self);
        relay
    }
}

/// What is stored after a request was cut, and the last of the places of a cut that leave just this.
struct Left {
    stored: Stored,
    last: usize,
}

/// Cuts a request at each of these places, each time before a relay of its own.
fn cut_each(before: &Stored, request: &[u8], places: BTreeSet<usize>) -> Vec<Left> {
    let mut left: Vec<Left> = Vec::new();
    for at in places {
        let relay = before.relay();
        assert!(cut_request(&relay, request, at).is_none());
        let stored = Stored::of(&relay, before.mailbox);
        match left.last_mut() {
            Some(same) if same.stored == stored => same.last = at,
            _ => left.push(Left { stored, last: at }),
        }
    }
    left
}

/// What a device does after a cut follows from its store, the same each time, and from what the relay has: so where a relay was left with
/// the same by cuts at several bytes (which is compared, whole), one of them is gone on with for all. That most is sent again holds for the last of them.
#[test]
fn what_goes_up_goes_on_at_a_frame() {
    let (mut fleet, _) = goes_up(loaded(), (503, 1), (4, 1));
    assert_eq!(fleet.device(2).contact_count().unwrap(), BODIES as u64);
}

/// Frames so long that the bound would tell of two that went up in vain.
#[test]
fn what_goes_up_goes_on_at_a_frame_however_long() {
    let (mut fleet, longest) = goes_up(loaded_with_long_ones(), (2_003, 1), (1, 1));
    assert!(2 * longest > FRAME_MAX, "{longest}");
    let all = fleet.device(1).clients().unwrap().len();
    assert!(all > FILES && fleet.device(2).clients().unwrap().len() == all);
}

/// Cuts what the first phone has to send at places so far apart, and goes on after every so manieth that left a relay with something else.
/// Gives the fleet once another phone has it all, and how long the longest frame was.
fn goes_up(mut fleet: Fleet, apart: (usize, usize), every: (usize, usize)) -> (Fleet, usize) {
    let snapshot = Snapshot::take(&mut fleet, 1);
    snapshot.put_back(&mut fleet, 1);
    let to = route(&fleet);
    let request = fleet.device(1).begin_exchange(&to).unwrap().request().to_vec();
    assert!(request.len() > 200_000, "{}", request.len());
    let [(head, frames)] = World::asked(&request).try_into().unwrap();
    let (count, all) = (frames.len(), frames.iter().map(Vec::len).sum::<usize>());
    let begins = memchr::memmem::find(&request, &frames[0]).unwrap();
    let longest = frames.iter().map(Vec::len).max().unwrap();
    let before = Stored::of(&fleet.relay, head.mailbox());
    let places = places(request.len(), ends(&request, frames), step(apart.0, apart.1));
    println!("up: {} places of {} bytes", places.len(), request.len());
    let left = cut_each(&before, &request, places);
    // A cut within the last frame leaves all before it; none leaves all.
    assert_eq!(left.len(), count);
    let (mut most, mut around) = (0, 0);
    for Left { stored, last } in left.iter().step_by(step(every.0, every.1)) {
        fleet.relay = stored.relay();
        snapshot.put_back(&mut fleet, 1);
        let under_way = fleet.device(1).begin_exchange(&to).unwrap();
        assert!(under_way.request() == request, "the same store asks the same");
        fleet.device(1).end_exchange(&under_way).unwrap();
        let sent = finish(&mut fleet, 1);
        // What came before the cut was some of the frames; what is sent after it beyond the rest of them is sent again.
        let again = (last.saturating_sub(begins) + sent.frames).saturating_sub(all);
        assert!(again <= FRAME_MAX, "cut at {last}: {again} bytes of frames sent again");
        assert!(sent.up - sent.frames <= AROUND, "cut at {last}: {} around them", sent.up);
        (most, around) = (most.max(again), around.max(sent.up - sent.frames));
        let now = fleet.relay.head(before.mailbox).unwrap().cursor - before.head.cursor;
        assert_eq!(now, count as u64, "cut at {last}: each frame is there once");
        assert_eq!(fleet.device(1).status().unwrap().own.here_only, 0, "cut at {last}");
    }
    println!(
        "up: frames of {longest} bytes at most; {most} bytes of them sent again, and {around} around them"
    );
    assert!(most > 0);
    while fleet.sync(2, 1_000) {}
    (fleet, longest)
}

/// Each place from a fresh store.
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
    let frames = said(&answer).into_iter().filter_map(|said| match said {
        Said::Frame(_, frame) => Some(frame),
        _ => None,
    });
    let ends = ends(&answer, frames).step_by(step(12, 1));
    let (places, mut most) = (places(answer.len(), ends, step(12_007, 1_009)), 0);
    println!("down, each from a fresh store: {} places of {} bytes", places.len(), answer.len());
    for at in places {
        snapshot.put_back(&mut fleet, 2);
        let mut under_way = fleet.device(2).begin_exchange(&to).unwrap();
        let outcome = read(&mut fleet, 2, &mut under_way, &answer[..at]);
        assert!(!outcome.complete);
        let down = finish(&mut fleet, 2).down;
        let again = (at + down).saturating_sub(answer.len());
        assert!(again <= BEFORE_REST, "cut at {at}: {again} bytes sent again");
        most = most.max(again);
        assert_eq!(fleet.device(2).contact_count().unwrap(), BODIES as u64, "cut at {at}");
    }
    println!("down: {most} bytes sent again at most");
}

/// Grants, rosters, packs and chunks alike: a new phone on a line that never holds for longer than a small part of one of them.
#[test]
fn a_newcomer_comes_to_the_end_of_all_kinds_of_frames() {
    const HOLDS: usize = 600;
    let mut fleet = Fleet::new();
    fleet.device(0).set_padding(Padding::HighRisk).unwrap();
    for n in 0..40 {
        log(&mut fleet, 0, n % 20);
    }
    finish(&mut fleet, 0);
    fleet.device(0).make_pack(&mut |_, _| {}).unwrap();
    finish(&mut fleet, 0);
    log(&mut fleet, 0, 21);
    finish(&mut fleet, 0);
    let to = route(&fleet);
    let (mut cuts, mut longest) = (0, 0);
    loop {
        let mut under_way = fleet.device(2).begin_exchange(&to).unwrap();
        let answer = exchange(&fleet.relay, under_way.request()).unwrap();
        let frames = said(&answer).into_iter().filter_map(|said| match said {
            Said::Frame(_, frame) if frame.first() != Some(&1) => Some(frame.len()),
            _ => None,
        });
        longest = frames.fold(longest, usize::max);
        let arrives = &answer[..answer.len().min(HOLDS)];
        let outcome = read(&mut fleet, 2, &mut under_way, arrives);
        if outcome.complete && !outcome.again {
            break;
        }
        cuts += 1;
        assert!(cuts < 400, "it comes to no end");
    }
    assert!(longest > 2 * HOLDS && cuts > 10, "{cuts} cuts, {longest} bytes");
    assert_eq!(fleet.device(2).contact_count().unwrap(), 41);
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
    assert_eq!(fleet.device(2).contact_count().unwrap(), BODIES as u64);
    fleet.settle();
    crate::removal::same(&mut fleet, &[0, 1, 2, 3]);
}

//! What a relay and the network see (CT-4): padded sizes, numbers, tags. What can be told from them, and what cannot.

mod classify;

use std::collections::BTreeSet;

use haversack_core::model::*;
use haversack_core::{ContactDraft, Engine, RelayRoute, Saved, WhoDraft};
use haversack_relay::exchange;
use haversack_wire::answer::{AnswerReader, Part, START};
use haversack_wire::request::{Event, RequestReader};
use haversack_wire::{Frame, Mailbox, padded};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::fleet::Fleet;
use crate::removal::{log, same, settle, sync};
use crate::team::van;
use classify::{Sample, accuracy, matched};

const PHONE: usize = 1;
/// Outings of each phone whose traffic is looked at, of how many of them a sample consists, and in how many orders.
const PUSHES: usize = 480;
const WEEK: usize = 3;
const ORDERS: u64 = 12;

fn draft(who: WhoDraft, random: &mut ChaCha20Rng) -> ContactDraft {
    let line = |item| Line { direction: Direction::Out, item };
    let mut some = |most: u32| Quantity::new(i64::from(random.next_u32() % most)).unwrap();
    ContactDraft::new(who, van().code)
        .line(line(Item::SYRINGE_FIXED_1ML), some(20))
        .line(line(Item::CONDOM_M), some(5))
}

/// An outing: how many contacts it has, bytes of its frame, and what these would be without padding.
#[derive(Clone, Copy)]
struct Outing {
    contacts: usize,
    sealed: usize,
    plain: usize,
}

/// Outings with some clients in turn, one outing a push.
fn outings(
    clients: usize,
    pushes: usize,
    contacts: impl Fn(&mut ChaCha20Rng) -> usize,
) -> Vec<Outing> {
    let mut fleet = Fleet::new();
    let Saved(ids) = fleet.device(0).add_clients(&vec![Client::default(); clients]).unwrap();
    settle(&mut fleet, &[0, PHONE]);
    let random = &mut ChaCha20Rng::seed_from_u64(9);
    let mut next = ids.iter().cycle();
    let before = fleet.device(PHONE).frame_sizes().unwrap().len();
    let mut counts = Vec::new();
    for n in 0..pushes {
        let count = contacts(random);
        let drafts: Vec<_> =
            next.by_ref().take(count).map(|id| draft(WhoDraft::Client(*id), random)).collect();
        let day = Day::from_number(1_000 + n as i64).unwrap();
        fleet.device(PHONE).log(day, &drafts).unwrap();
        fleet.sync(PHONE, 1_000);
        counts.push(count);
    }
    let sizes = fleet.device(PHONE).frame_sizes().unwrap().split_off(before);
    assert_eq!(sizes.len(), pushes, "one frame an outing");
    let outing = |((sealed, plain), contacts)| {
        assert_eq!(padded(plain).unwrap(), sealed);
        Outing { contacts, sealed, plain }
    };
    sizes.into_iter().zip(counts).map(outing).collect()
}

/// Bytes of an outing without contacts, and of each contact, by the least squares.
fn line(outings: &[Outing]) -> (f64, f64) {
    let count = outings.len() as f64;
    let mean = |of: &dyn Fn(&Outing) -> f64| outings.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(&|one| one.contacts as f64), mean(&|one| one.plain as f64));
    let slope = mean(&|one| (one.contacts as f64 - x) * (one.plain as f64 - y))
        / mean(&|one| (one.contacts as f64 - x).powi(2));
    (y - slope * x, slope)
}

/// Outings of any volume, equally often: with so many contacts as that takes.
fn outings_of_volume(clients: usize) -> Vec<Outing> {
    let (base, slope) = line(&outings(clients, 24, |random| 5 + random.next_u32() as usize % 40));
    println!("{clients} clients: {base:.0} bytes, and {slope:.1} a contact");
    outings(clients, PUSHES, |random| {
        let volume = f64::from(340 + random.next_u32() % 320);
        ((volume - base) / slope).round().max(1.0) as usize
    })
}

/// Of either kind as many outings of each volume, and no more: what shows of them beside that is what is asked for.
fn equal(one: &[Outing], many: &[Outing]) -> (Vec<usize>, Vec<usize>) {
    let (mut ones, mut left) = (Vec::new(), many.iter().map(|o| o.sealed).collect::<Vec<_>>());
    let mut manys = Vec::new();
    for outing in one {
        if let Some(place) = left.iter().position(|size| *size == outing.sealed) {
            ones.push(outing.sealed);
            manys.push(left.swap_remove(place));
        }
    }
    (ones, manys)
}

/// Outings in one of many orders, a week of them a sample.
fn weeks(sizes: impl Iterator<Item = usize>, order: u64) -> Vec<Sample> {
    let random = &mut ChaCha20Rng::seed_from_u64(order);
    let mut sizes: Vec<(u64, usize)> = sizes.map(|size| (random.next_u64(), size)).collect();
    sizes.sort_unstable();
    let sizes: Vec<usize> = sizes.into_iter().map(|(_, size)| size).collect();
    sizes.chunks_exact(WEEK).map(Sample::of).collect()
}

#[test]
fn one_client_or_a_thousand_cannot_be_told_from_equal_volume() {
    let (one, many) = (outings_of_volume(1), outings_of_volume(1_000));
    let all = || one.iter().chain(&many);
    let sealed: BTreeSet<usize> = all().map(|outing| outing.sealed).collect();
    let plain: BTreeSet<usize> = all().map(|outing| outing.plain).collect();
    let (ones, manys) = equal(&one, &many);
    let of = |sizes: &[usize], order| weeks(sizes.iter().copied(), order);
    let rounds = (0..ORDERS).map(|order| matched(of(&ones, order), of(&manys, 100 + order)));
    let rounds: Vec<_> = rounds.collect();
    let told = rounds.iter().map(|pairs| accuracy(pairs)).sum::<f64>() / ORDERS as f64;
    let pairs = rounds.iter().map(Vec::len).min().unwrap() / 2;
    println!(
        "{} outings: {} sizes sealed, {} without padding; {pairs} pairs of equal volume, {:.1} % told",
        2 * PUSHES,
        sealed.len(),
        plain.len(),
        100.0 * told
    );
    assert!(pairs >= 40, "{pairs} pairs");
    assert!(told <= 0.55, "{told}");
    assert!(sealed.len() <= 24 && 5 * sealed.len() <= plain.len(), "few sizes");
}

#[test]
fn the_classifier_tells_them_where_nothing_is_padded_and_the_work_is_equal() {
    let (one, many) = (outings(1, 120, |_| 15), outings(1_000, 120, |_| 15));
    let plain = |outings: &[Outing]| weeks(outings.iter().map(|outing| outing.plain), 1);
    let both = plain(&one).into_iter().zip(plain(&many));
    let samples: Vec<_> = both.flat_map(|(one, many)| [(one, false), (many, true)]).collect();
    let told = accuracy(&samples);
    println!("without padding, 15 contacts each: {:.1} % told", 100.0 * told);
    assert!(told >= 0.95, "the classifier can tell: {told}");
}

/// What the relay sees of a push to the live mailbox: the mailbox, and the tags of the lanes.
fn seen(fleet: &mut Fleet, n: usize) -> (Mailbox, BTreeSet<[u8; 8]>) {
    let route = RelayRoute { relay: fleet.id, admission: Vec::new() };
    let under_way = fleet.device(n).begin_exchange(&route).unwrap();
    let mut reader = RequestReader::new();
    reader.feed(under_way.request());
    let (mut mailbox, mut tags) = (None, BTreeSet::new());
    while let Some(event) = reader.next_event().unwrap() {
        match event {
            Event::Section(head) => mailbox = mailbox.or(Some(head.mailbox())),
            Event::Frame(frame) => {
                if let Ok(Frame::Chunk(header, _)) = Frame::parse(&frame) {
                    tags.insert(header.tag.to_bytes());
                }
            }
        }
    }
    (mailbox.unwrap(), tags)
}

#[test]
fn tags_and_mailboxes_are_others_once_somebody_was_removed() {
    let mut fleet = Fleet::new();
    settle(&mut fleet, &[0, 1, 2, 3]);
    log(&mut fleet, PHONE, 1);
    let before = seen(&mut fleet, PHONE);
    sync(&mut fleet, PHONE).unwrap();
    fleet.device(0).rotate().unwrap();
    settle(&mut fleet, &[0, 1, 2, 3]);
    log(&mut fleet, PHONE, 2);
    assert_eq!(seen(&mut fleet, PHONE), before, "a week changes neither");
    let lost = fleet.device(3).device();
    fleet.device(0).revoke(lost, false).unwrap();
    settle(&mut fleet, &[0, 1, 2]);
    log(&mut fleet, PHONE, 3);
    let after = seen(&mut fleet, PHONE);
    assert_ne!(after.0, before.0);
    assert!(after.1.is_disjoint(&before.1) && (after.1.len(), before.1.len()) == (1, 1));
}

/// An exchange in which the relay answers with the frames as somebody changed them.
fn sync_with(fleet: &mut Fleet, n: usize, change: impl Fn(Vec<Vec<u8>>) -> Vec<Vec<u8>>) {
    let route = RelayRoute { relay: fleet.id, admission: Vec::new() };
    let mut under_way = fleet.device(n).begin_exchange(&route).unwrap();
    let answer = exchange(&fleet.relay, under_way.request()).unwrap();
    let mut reader = AnswerReader::new();
    reader.feed(&answer);
    let (mut frames, mut rest, mut first) = (Vec::new(), Vec::new(), 0);
    while let Some(part) = reader.next_part().unwrap() {
        match part {
            Part::Frame { cursor, frame } => {
                first = if frames.is_empty() { cursor } else { first };
                frames.push(frame.to_vec());
            }
            part => {
                let mut bytes = Vec::new();
                part.encode(&mut bytes).unwrap();
                rest.push((frames.is_empty(), bytes));
            }
        }
    }
    let mut lied = START.to_vec();
    rest.iter().filter(|(before, _)| *before).for_each(|(_, part)| lied.extend_from_slice(part));
    for (frame, cursor) in change(frames).iter().zip(first..) {
        Part::Frame { cursor, frame }.encode(&mut lied).unwrap();
    }
    rest.iter().filter(|(before, _)| !before).for_each(|(_, part)| lied.extend_from_slice(part));
    fleet.device(n).feed(&mut under_way, &lied).unwrap();
    fleet.device(n).end_exchange(&under_way).unwrap();
}

/// A fleet in which a phone has said three things that the coordinator has not read.
fn three_said() -> Fleet {
    let mut fleet = Fleet::new();
    settle(&mut fleet, &[0, 1, 2, 3]);
    for day in 1..=3 {
        log(&mut fleet, PHONE, day);
        sync(&mut fleet, PHONE).unwrap();
    }
    fleet
}

fn is_chunk(frame: &[u8]) -> bool {
    matches!(Frame::parse(frame), Ok(Frame::Chunk(..)))
}

fn contacts(engine: &Engine) -> u64 {
    engine.contact_count().unwrap()
}

#[test]
fn a_blob_that_a_relay_drops_is_missed() {
    let mut fleet = three_said();
    sync_with(&mut fleet, 0, |mut frames| {
        let first = frames.iter().position(|frame| is_chunk(frame)).unwrap();
        frames.remove(first);
        frames
    });
    let status = fleet.device(0).status().unwrap();
    assert_eq!(
        (contacts(fleet.device(0)), status.waiting),
        (0, 2),
        "what follows it shows that it is missing"
    );
    // By another way it comes, and all that waited for it counts.
    let bundle = fleet.device(PHONE).export_bundle().unwrap();
    fleet.device(0).import_bundle(&bundle).unwrap();
    let status = fleet.device(0).status().unwrap();
    assert_eq!((contacts(fleet.device(0)), status.waiting), (3, 0));
}

/// What a relay does to the frames that it delivers.
type Change = fn(Vec<Vec<u8>>) -> Vec<Vec<u8>>;

#[test]
fn blobs_that_a_relay_reorders_or_repeats_change_nothing() {
    let changes: [Change; 2] = [
        |mut frames| {
            frames.reverse();
            frames
        },
        |frames| frames.iter().chain(&frames).chain(&frames).cloned().collect(),
    ];
    for change in changes {
        let mut fleet = three_said();
        sync_with(&mut fleet, 0, change);
        let status = fleet.device(0).status().unwrap();
        assert_eq!((contacts(fleet.device(0)), status.waiting, status.quarantined), (3, 0, 0));
        settle(&mut fleet, &[0, 1, 2, 3]);
        same(&mut fleet, &[0, 1, 2, 3]);
    }
}

#[test]
fn a_blob_that_a_relay_puts_in_another_place_takes_nobodys() {
    let mut fleet = three_said();
    sync_with(&mut fleet, 0, |frames| {
        let chunks: Vec<_> = frames.iter().filter(|frame| is_chunk(frame)).collect();
        // The third is said to be the first: the sequence stands in the clear header, from byte 10 on.
        let mut moved = chunks[2].clone();
        moved[10..14].copy_from_slice(&chunks[0][10..14]);
        std::iter::once(moved).chain(frames).collect()
    });
    let status = fleet.device(0).status().unwrap();
    assert_eq!(
        (contacts(fleet.device(0)), status.waiting),
        (3, 0),
        "it opens at no place but its own"
    );
    settle(&mut fleet, &[0, 1, 2, 3]);
    same(&mut fleet, &[0, 1, 2, 3]);
}

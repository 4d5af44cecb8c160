//! Nobody fills a device, or makes it work without end.

use haversack_wire::hash::Label as HashLabel;
use haversack_wire::{ChunkHeader, Generation, KeyHint, Relay, StatementHash};

use super::*;
use crate::crypto::{GenerationSecret, Real};
use crate::engine::kept::{Keep, KeptFrame};
use crate::engine::refused::Refused;
use crate::engine::room::Room;
use crate::engine::state::{LaneState, RouteState, Said};
use crate::engine::wait::{Need, Wait, version};
use crate::members::{GrantEntry, RelayAddress, seal_grant};

/// A body that has 200,000 bytes and travels as a frame of 256, far ahead on its lane.
fn inflating(by: &Engine, ahead: u32) -> Vec<u8> {
    let body = Body { other: vec![(99, vec![0; 200_000])], ..Body::default() };
    Forged { body, ahead, ..Forged::default() }.frame(by)
}

#[test]
fn what_waits_is_bounded_by_what_it_unpacks_to_and_left_alone() {
    let Team { mut admin, mut insider, _folder, .. } = team();
    let frames: Vec<_> = (2..130).map(|ahead| inflating(&insider, ahead)).collect();
    assert!(frames.iter().all(|frame| frame.len() <= 512));
    let received = admin.receive(&frames, false).unwrap();
    assert_eq!(received.waiting + received.dropped, 128);
    let bytes: u32 = admin.waiting.waits().map(|(_, wait, _)| wait.raw).sum();
    assert!(received.dropped > 0 && bytes <= 16 << 20, "{bytes} bytes");
    // Nothing that they wait for has come: they are not opened again.
    assert!(admin.due().is_empty());
    client(&mut insider, "AFTER");
    carry(&mut insider, &mut admin);
    assert_eq!(admin.clients().unwrap().len(), 3);
    assert!(admin.due().is_empty());
}

#[test]
fn what_waited_is_tried_when_its_turn_has_come() {
    let Team { mut admin, mut phone, _folder, .. } = team();
    for n in 0..5 {
        client(&mut phone, &format!("K-{n}"));
        phone.close_unsent().unwrap();
    }
    let bundle = phone.export_bundle().unwrap();
    let parsed = haversack_wire::bundle::decode(&bundle).unwrap();
    let mut frames: Vec<Vec<u8>> = parsed.frames.iter().map(|frame| frame.to_vec()).collect();
    frames.retain(|frame| room::tag_of(frame).is_some());
    frames.reverse();
    frames.sort_by_key(|frame| std::cmp::Reverse(place(frame)));
    let (first, later) = (frames.split_off(4), frames);
    for frame in &later {
        assert_eq!(admin.receive(std::slice::from_ref(frame), false).unwrap().waiting, 1);
    }
    assert_eq!(admin.status().unwrap().waiting, 4);
    assert!(admin.receive(&first, false).unwrap().applied >= 5);
    assert_eq!((admin.status().unwrap().waiting, admin.clients().unwrap().len()), (0, 7));
}

/// The sequence of a chunk.
fn place(frame: &[u8]) -> u32 {
    u32::from_le_bytes(frame[10..14].try_into().unwrap())
}

/// The chunks of a phone that wrote twice, in order.
fn chunks_of_two(phone: &mut Engine) -> Vec<Vec<u8>> {
    client(phone, "ONE");
    phone.close_unsent().unwrap();
    client(phone, "TWO");
    let bundle = phone.export_bundle().unwrap();
    let parsed = haversack_wire::bundle::decode(&bundle).unwrap();
    let mut frames: Vec<Vec<u8>> = parsed.frames.iter().map(|frame| frame.to_vec()).collect();
    frames.retain(|frame| room::tag_of(frame).is_some());
    frames.sort_by_key(|frame| place(frame));
    frames
}

/// What waits and whose key is gone meanwhile is not tried for ever.
#[test]
fn what_waited_for_a_body_may_wait_for_a_key_in_the_end() {
    let Team { mut admin, mut phone, _folder, .. } = team();
    let mut frames = chunks_of_two(&mut phone);
    let last = frames.pop().unwrap();
    let old = admin.space().unwrap().live.unwrap().epoch;
    admin.receive(std::slice::from_ref(&last), false).unwrap();
    admin.receive(&frames[..frames.len() - 1], false).unwrap();
    admin.rotate().unwrap();
    carry(&mut admin, &mut phone);
    let epochs = [old].into();
    let dropped = crate::store::Dropped { epochs, ..Default::default() };
    admin.drop_keys(&dropped).unwrap();
    // The same body once more, under the new key: what waited behind it has its turn, and cannot be opened.
    let again = phone.export_bundle().unwrap();
    let again = haversack_wire::bundle::decode(&again).unwrap().frames;
    let is_first = |f: &&&[u8]| room::tag_of(f).is_some() && place(f) + 1 == place(&last);
    let again: Vec<Vec<u8>> = again.iter().filter(is_first).map(|f| f.to_vec()).collect();
    assert_eq!(admin.receive(&again, false).unwrap().applied, 1);
    assert_eq!(admin.status().unwrap().waiting, 0);
    assert!(admin.waiting.foreign().any(|(_, frame)| frame == last));
}

#[test]
fn a_frame_that_is_fatal_once_it_is_unpacked_again_is_found_out() {
    let Team { mut admin, mut phone, _folder, .. } = team();
    let mut frames = chunks_of_two(&mut phone);
    let last = frames.pop().unwrap();
    admin.receive(std::slice::from_ref(&last), false).unwrap();
    assert!(admin.waiting.holds(&last));
    // Three times this process ended while it alone was being opened.
    for _ in 0..3 {
        let frames = vec![haversack_wire::FrameHash::of(&last)];
        admin.mark = Mark { frames, ..admin.mark.clone() }.after_crash();
    }
    admin.receive(&frames, false).unwrap();
    let found = admin.quarantined();
    assert_eq!((found.len(), found[0].reason), (1, Reason::Crash));
    assert_eq!((admin.status().unwrap().waiting, admin.clients().unwrap().len()), (0, 3));
}

#[test]
fn a_member_has_only_so_many_lanes_and_a_newcomer_has_one() {
    let Team { mut admin, mut insider, _folder, .. } = team();
    let frames: Vec<_> = (0..230)
        .map(|n| {
            let (lane, body) = another_lane(&insider, n);
            Forged { lane: Some(lane), body, ..Forged::default() }.frame(&insider)
        })
        .collect();
    let received = admin.receive(&frames, false).unwrap();
    assert_eq!((received.applied, received.quarantined), (199, 31));
    let found = admin.quarantined();
    let too_many = |found: &Quarantined| {
        found.device == Some(insider.device()) && found.reason == Reason::Lanes
    };
    assert!(found.len() == 31 && found.iter().all(too_many));
    let mut late = engine(&_folder, "late", 6);
    join(&mut admin, &mut late, Role::Educator);
    for member in [&mut late, &mut insider] {
        client(member, "AFTER");
        carry(member, &mut admin);
    }
    assert_eq!(admin.clients().unwrap().len(), 4);
}

#[test]
fn generations_that_nobody_explains_are_not_kept_without_end() {
    let Team { mut admin, mut insider, _folder, .. } = team();
    let space = insider.space().unwrap();
    let kem = admin.device.identity.kem.public();
    let frames: Vec<_> = (0..12_u8)
        .map(|n| {
            let junk =
                |i: u8| GenerationSecret::new([[n; 16], [i; 16]].concat().try_into().unwrap());
            let mut entries: Vec<_> =
                std::iter::once(GrantEntry::Epoch(EpochSecret::new([n; 32]))).collect();
            entries.extend((0..60).map(|i| GrantEntry::Generation(junk(i))));
            entries[1..].sort_by_key(|entry| match entry {
                GrantEntry::Generation(secret) => *secret.expose(),
                _ => [0; 32],
            });
            let epoch = EpochSecret::new([n; 32]).id(space.space());
            let random = &mut ChaCha20Rng::seed_from_u64(n.into());
            seal_grant::<Real>(space.space(), &kem, epoch, &entries, random).unwrap()
        })
        .collect();
    let live = admin.space().unwrap().live.unwrap().generation;
    admin.receive(&frames, false).unwrap();
    let generations = &admin.space().unwrap().group.generations;
    assert!(generations.len() <= 64 + 256 && generations.contains_key(&live));
    client(&mut insider, "AFTER");
    carry(&mut insider, &mut admin);
    assert_eq!(admin.clients().unwrap().len(), 3);
}

#[test]
fn many_large_statements_are_divided_among_bodies() {
    let Team { mut admin, mut phone, _folder, .. } = team();
    let mut space = admin.space().unwrap().clone();
    let sign = admin.device.identity.sign.clone();
    for n in 0..40_u8 {
        let address = |i: u8| {
            let mut text = String::from("http://");
            let seed = haversack_wire::hash::derive(HashLabel::FRAME, &[&[n, i]]);
            (0..4).for_each(|_| text.extend(seed.iter().map(|b| char::from(b'a' + b % 26))));
            text + ":80"
        };
        let relays = (0..8)
            .map(|i| RelayAddress {
                relay: Relay::new([i * 30 + n / 2; 16]),
                addresses: (0..3).map(|a| address(i * 3 + a)).collect(),
                pins: vec![],
            })
            .collect();
        admin.say(&mut space, &sign, crate::members::Content::SetRelays(relays)).unwrap();
    }
    let unsent: usize = space.unsent.iter().map(Vec::len).sum();
    assert!(unsent > 100_000, "{unsent} bytes");
    admin.commit(documents::Staged { space: Some(space), ..Default::default() }).unwrap();
    client(&mut admin, "AFTER");
    carry(&mut admin, &mut phone);
    let [ours, theirs] =
        [&admin, &phone].map(|engine| engine.space().unwrap().group.roster.heads());
    assert_eq!(ours, theirs);
    assert!(phone.clients().unwrap().len() >= 2);
}

/// What grows is written as it will be read, when it is as large as it may be.
#[test]
fn the_largest_rows_are_read_again() {
    let Team { admin, _folder, .. } = team();
    let mut space = admin.space().unwrap().clone();
    let id = |n: u32| {
        let mut bytes = [0; 16];
        bytes[..4].copy_from_slice(&n.to_be_bytes());
        bytes
    };
    let mut full = LaneState::new([1; 32], Incarnation::new([1; 8]));
    let said = Said { next: 7, hash: [1; 8], quarantined: (0..256).collect() };
    full.rosters = vec![(0, (0..1_024).map(|n| StatementHash::new(id(n))).collect())];
    full.mentions = (0..4_096).map(|n| Lane::new(id(n))).collect();
    full.vector = full.mentions.iter().map(|lane| (*lane, said.clone())).collect();
    full.quarantined = (0..256).collect();
    space.lanes.insert(Lane::new([255; 16]), full);
    for n in 0..8_190 - space.lanes.len() as u32 {
        space.lanes.insert(Lane::new(id(n)), LaneState::new([2; 32], Incarnation::new([2; 8])));
    }
    let mut route = RouteState::default();
    for n in 0..5_000_u64 {
        route::learn(&mut route, (LaneTag::new(n.to_be_bytes()), 0));
    }
    assert_eq!(route.known.len(), 4_096);
    route.granted = (0..4_096).map(|n| (Epoch::new(id(n)), [3; 32])).collect();
    for n in 0..4_096 {
        let generation = Generation::new(id(n));
        let small = RouteState { dropped: n, ..RouteState::default() };
        let state = if n == 0 { route.clone() } else { small };
        space.routes.insert((Relay::new([1; 16]), generation), state);
    }
    space.pinned = (0..256).map(|n| (Relay::new(id(n)), "r".repeat(1_024))).collect();
    let rows = [space.encode(), space.encode_lanes().unwrap(), space.encode_relays().unwrap()];
    let held = admin.ring.epochs();
    let (lanes, routes) = (space.lanes.clone(), space.routes.clone());
    let again = SpaceState::decode(&rows[0], &rows[1], &rows[2], held).unwrap();
    assert!(again.lanes == lanes && again.routes == routes && again.pinned == space.pinned);
    for n in 0..10 {
        space.lanes.insert(Lane::new([n; 16]), LaneState::new([2; 32], Incarnation::new([2; 8])));
    }
    assert!(matches!(space.encode_lanes(), Err(haversack_wire::Error::Limit { .. })));
    space.pinned.insert(Relay::new([9; 16]), String::new());
    assert!(matches!(space.encode_relays(), Err(haversack_wire::Error::Limit { .. })));
}

#[test]
fn a_relay_s_address_is_no_longer_than_can_be_read_again() {
    let Team { mut admin, _folder, .. } = team();
    let refused = admin.pin_relay(&"r".repeat(1_025), Relay::new([1; 16]));
    assert!(matches!(refused, Err(Error::Wire(_))));
    assert!(admin.space().unwrap().pinned.is_empty());
}

proptest::proptest! {
    #[test]
    fn kept_frames_are_read_as_they_were_written(
        kind in 0..8_u8,
        n in proptest::prelude::any::<u32>(),
        frame in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300),
    ) {
        let document = Document::new([n as u8; 16]);
        let need = [
            Need::Before,
            Need::Version,
            Need::Document(document, i64::from(n) - 9),
            Need::Statement(StatementHash::new([n as u8; 16])),
            Need::Branch(i64::from(n) - 9),
        ][n as usize % 5];
        let (lane, stray) = (Lane::new([n as u8; 16]), n % 2 == 0);
        let wait = Wait { lane, sequence: n, raw: n, stray, need, version: version() };
        let keep = match kind {
            0 => Keep::Carried,
            1 => Keep::Former,
            2 => Keep::Newer,
            3 => Keep::Foreign { ours: stray },
            4 => Keep::Quarantined(Refused::unplaced(Reason::Form)),
            _ => Keep::Waiting(wait),
        };
        let kept = KeptFrame { keep, frame };
        proptest::prop_assert_eq!(KeptFrame::decode(&kept.encode()).unwrap(), kept);
    }

    #[test]
    fn one_tag_never_takes_all_the_room(tags in 1..6_u64) {
        let mut room = Room::default();
        let mut taken = 0;
        for n in 0..2_000_u64 {
            let header = ChunkHeader {
                tag: LaneTag::new((n % tags).to_le_bytes()),
                sequence: n as u32,
                length: 212,
                nonce: [1; 24],
                hint: KeyHint::new([1; 4]),
            };
            let frame = [&header.encode()[..], &[0; 212]].concat();
            taken += u64::from(room.take(&Keep::Foreign { ours: true }, &frame));
        }
        proptest::prop_assert_eq!(taken, (tags * 256).min(1_024));
    }
}

/// Whatever was put aside of a lane at once, no more is counted than a vector names, and what was saved can be read again.
#[test]
fn what_was_refused_of_a_lane_is_counted_up_to_a_limit() {
    let mut lane = LaneState::new([1; 32], Incarnation::new([1; 8]));
    lane.quarantine(0..300);
    lane.quarantine([100, 299, 7]);
    assert_eq!(lane.quarantined, (44..300).collect::<Vec<u32>>());
    lane.quarantined = (0..300).collect();
    let mut bytes = Vec::new();
    lane.encode(&mut bytes);
    assert_eq!(LaneState::decode(&mut haversack_wire::Reader::new("lane", &bytes)).unwrap(), lane);
}

//! Floods, several relays, and what a newer version made.

use haversack_wire::answer::{Part, START, Stored};
use haversack_wire::request::{Basis, Event, RequestReader};
use haversack_wire::{Frame, Relay};

use super::*;
use crate::engine::kept::Keep;
use crate::engine::tests::{answer, digest, garbage};
use crate::sync::exchange::Exchange;

fn route(n: u8) -> RelayRoute {
    RelayRoute { relay: Relay::new([n; 16]), admission: Vec::new() }
}

/// The frames of one kind that an exchange pushes, and whether it asks with a vector.
fn pushed(exchange: &Exchange) -> (Vec<Vec<u8>>, bool) {
    let mut reader = RequestReader::new();
    reader.feed(exchange.request());
    let (mut frames, mut vector) = (Vec::new(), false);
    while let Some(event) = reader.next_event().unwrap() {
        match event {
            Event::Section(head) => vector |= matches!(head.basis, Basis::Vector(..)),
            Event::Frame(frame) => frames.push(frame),
        }
    }
    (frames, vector)
}

fn grants(exchange: &Exchange) -> usize {
    let is_grant = |frame: &Vec<u8>| matches!(Frame::parse(frame), Ok(Frame::Grant(..)));
    pushed(exchange).0.iter().filter(|frame| is_grant(frame)).count()
}

#[test]
fn a_flood_does_not_take_the_place_of_what_waits_for_a_key() {
    let Team { mut admin, mut phone, _folder, .. } = team();
    // Sealed under a key that the phone gets only later.
    admin.rotate().unwrap();
    client(&mut admin, "AFTER");
    let mut frames: Vec<Vec<u8>> = (0..3_000_u32)
        .map(|n| garbage(LaneTag::new((u64::from(n) << 8).to_le_bytes()), n, n as u8))
        .collect();
    let bundle = admin.export_bundle().unwrap();
    let parsed = haversack_wire::bundle::decode(&bundle).unwrap().frames;
    let is_grant = |frame: &&[u8]| matches!(Frame::parse(frame), Ok(Frame::Grant(..)));
    let (keys, rest): (Vec<&[u8]>, Vec<&[u8]>) = parsed.into_iter().partition(is_grant);
    frames.extend(rest.into_iter().filter(|f| room::tag_of(f).is_some()).map(<[u8]>::to_vec));
    let mut exchange = phone.begin_exchange(&route(7)).unwrap();
    let received = phone.feed(&mut exchange, &answer(&frames)).unwrap();
    phone.end_exchange(&exchange).unwrap();
    assert!(received.dropped >= 3_000 - 1_024);
    assert_eq!(phone.status().unwrap().dropped, u64::from(received.dropped));
    assert!(phone.waiting.foreign().count() <= 1_024);
    // Another key changes what the rest of it may be: it is asked for again.
    assert!(!pushed(&phone.begin_exchange(&route(7)).unwrap()).1);
    let keys: Vec<Vec<u8>> = keys.into_iter().map(<[u8]>::to_vec).collect();
    let mut exchange = phone.begin_exchange(&route(7)).unwrap();
    phone.feed(&mut exchange, &answer(&keys)).unwrap();
    assert_eq!(phone.clients().unwrap().len(), 3, "what was kept is opened by the key");
    assert!(pushed(&phone.begin_exchange(&route(7)).unwrap()).1);
}

#[test]
fn a_flood_on_one_lane_leaves_room_for_the_others() {
    let Team { mut admin, mut phone, insider, _folder, .. } = team();
    let tag = |engine: &Engine, lane: &Lane| {
        let space = engine.space().unwrap();
        space.group.generations[&space.live.unwrap().generation].lane_tag(lane)
    };
    let theirs = insider.space().unwrap().lane;
    admin.rotate().unwrap();
    client(&mut admin, "AFTER");
    let bundle = admin.export_bundle().unwrap();
    phone
        .import_bundle(&{
            let parsed = haversack_wire::bundle::decode(&bundle).unwrap().frames;
            let rosters =
                parsed.iter().filter(|f| matches!(Frame::parse(f), Ok(Frame::Roster(..))));
            haversack_wire::bundle::encode(rosters.copied()).unwrap()
        })
        .unwrap_err();
    let flood: Vec<Vec<u8>> =
        (0..2_000).map(|n| garbage(tag(&phone, &theirs), n, n as u8)).collect();
    let received = phone.receive(&flood, false).unwrap();
    assert_eq!((received.foreign, phone.waiting.foreign().count()), (2_000, 256));
    assert_eq!(received.dropped, 2_000 - 256);
    phone.import_bundle(&bundle).unwrap();
    assert_eq!(phone.clients().unwrap().len(), 3);
}

#[test]
fn what_one_relay_has_another_may_lack() {
    let Team { mut admin, _folder, .. } = team();
    admin.rotate().unwrap();
    let first = admin.begin_exchange(&route(1)).unwrap();
    // Two members, and whoever minted the epoch.
    assert!(grants(&first) >= 3);
    let mut all = first;
    let frames = pushed(&all).0;
    let mut out = START.to_vec();
    let mut put = |part: Part<'_>| part.encode(&mut out).unwrap();
    put(Part::Section(0));
    for (index, cursor) in (0..frames.len() as u32).zip(1..) {
        put(Part::Ack { index, stored: Stored::New, cursor });
    }
    put(Part::End { cursor: frames.len() as u64, digest: digest(&frames) });
    put(Part::Done);
    admin.feed(&mut all, &out).unwrap();
    admin.end_exchange(&all).unwrap();
    assert_eq!(grants(&admin.begin_exchange(&route(1)).unwrap()), 0);
    assert_eq!(grants(&admin.begin_exchange(&route(2)).unwrap()), 3);
}

#[test]
fn what_a_newer_version_made_is_passed_on() {
    let Team { mut admin, mut phone, _folder, .. } = team();
    client(&mut admin, "AFTER");
    let bundle = admin.export_bundle().unwrap();
    let newer = [&[77, 1][..], &[5; 300]].concat();
    let frames = haversack_wire::bundle::decode(&bundle).unwrap().frames;
    let with = |more: &[u8]| {
        let all = frames.iter().copied().chain(std::iter::once(more));
        haversack_wire::bundle::encode(all).unwrap()
    };
    let outcome = phone.import_bundle(&with(&newer)).unwrap();
    assert_eq!((outcome.received.foreign, outcome.received.dropped), (1, 0));
    assert!(pushed(&phone.begin_exchange(&route(1)).unwrap()).0.contains(&newer));
    let again = phone.export_bundle().unwrap();
    assert!(haversack_wire::bundle::decode(&again).unwrap().frames.contains(&newer.as_slice()));
    // What came from a relay is in the next file.
    let other = [&[1, 9][..], &[5; 300]].concat();
    let mut exchange = phone.begin_exchange(&route(1)).unwrap();
    phone.feed(&mut exchange, &answer(std::slice::from_ref(&other))).unwrap();
    assert!(phone.waiting.of(Keep::Newer).any(|(_, frame)| frame == other));
    let again = phone.export_bundle().unwrap();
    assert!(haversack_wire::bundle::decode(&again).unwrap().frames.contains(&other.as_slice()));
    // Of a file that is not this space's, nothing.
    let foreign = haversack_wire::bundle::encode([other.as_slice()]).unwrap();
    assert!(matches!(admin.import_bundle(&foreign), Err(Error::Foreign { .. })));
}

/// What a device said as an educator, who lets go of things, it did not say as a keeper.
#[test]
fn who_is_made_a_keeper_says_so_on_a_new_lane() {
    for has_let_go in [false, true] {
        let Team { mut admin, mut phone, mut insider, _folder, .. } = team();
        if has_let_go {
            let lane = phone.space().unwrap().lane;
            let gone = horizon::gone(Document::new([6; 16]), lane, Default::default());
            let rows = vec![(gone, Vec::new())];
            phone.commit(documents::Staged { rows, ..Default::default() }).unwrap();
        }
        admin.set_role(phone.device(), Role::Archive).unwrap();
        carry(&mut admin, &mut phone);
        carry(&mut admin, &mut insider);
        client(&mut insider, "AFTER");
        carry(&mut insider, &mut phone);
        let before = phone.space().unwrap().lane;
        phone.rotate().unwrap();
        carry(&mut phone, &mut insider);
        let own = insider.status().unwrap().own;
        assert_eq!(before == phone.space().unwrap().lane, has_let_go);
        assert_eq!(own.here_only + own.carried + own.relayed == 0, !has_let_go, "{own:?}");
    }
}

#[test]
fn what_is_saved_is_saved_even_when_it_cannot_be_shown() {
    let Team { mut phone, _folder, .. } = team();
    let before = phone.clients().unwrap().len();
    phone.view.spoil();
    client(&mut phone, "AFTER");
    assert_eq!(phone.clients().unwrap().len(), before + 1);
}

/// Who forks without end gets what one author gets, after everybody's own work; and is offered as one frame for as long as the mailbox is
/// the same.
#[test]
fn what_was_named_is_bounded_comes_last_and_stays_as_it_was_sealed() {
    let mut team = team();
    let before = team.insider.space().unwrap().clone();
    for branch in [0, 1] {
        team.insider.space = Some(before.clone());
        let say = |n: u8| {
            let body = Body { other: vec![(99, vec![branch, n])], ..Body::default() };
            Forged::of(body).said(&mut team.insider)
        };
        let frames: Vec<Vec<u8>> = (0..100).map(say).collect();
        team.admin.receive(&frames, false).unwrap();
    }
    client(&mut team.admin, "OWN");
    let frames = pushed(&team.admin.begin_exchange(&route(7)).unwrap()).0;
    let tag = |engine: &Engine| {
        let space = engine.space().unwrap();
        Some(space.group.generations[&space.live.unwrap().generation].lane_tag(&space.lane))
    };
    let from = |tag| move |frame: &&Vec<u8>| room::tag_of(frame) == tag;
    assert_eq!(team.admin.waiting.named().count(), 64);
    let (others, named) = frames.split_at(frames.len() - 64);
    assert!(named.iter().all(|frame| from(tag(&team.insider))(&frame)));
    assert!(others.iter().any(|frame| from(tag(&team.admin))(&frame)));

    let sealed = |engine: &mut Engine| {
        engine.begin_exchange(&route(7)).unwrap();
        engine.waiting.named().map(|(_, row)| row).collect::<Vec<_>>()
    };
    let first = sealed(&mut team.admin);
    team.admin.rotate().unwrap();
    assert_eq!(sealed(&mut team.admin), first, "a new key of the same mailbox");
    team.admin.revoke(team.phone.device(), false).unwrap();
    let anew = sealed(&mut team.admin);
    assert_eq!(anew.len(), 64);
    assert!(anew.iter().all(|row| !first.contains(row)), "another mailbox");
}

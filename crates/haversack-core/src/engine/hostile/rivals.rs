//! What a member without scruples can do with two bodies at one place.

use haversack_wire::Relay;
use haversack_wire::limits::FRAME_MAX;
use rand_chacha::rand_core::Rng;

use super::*;
use crate::compress::{For, compress};
use crate::engine::refused::Reason;
use crate::engine::route::RelayRoute;
use crate::engine::state::{LaneState, Said};

/// The insider's next body, once as it should be and once otherwise, in both orders.
fn beside(team: &mut Team, honest: &Forged, other: &Forged) -> [Vec<Vec<u8>>; 2] {
    let (one, two) = (honest.frame(&team.insider), other.frame(&team.insider));
    [vec![one.clone(), two.clone()], vec![two, one]]
}

fn refused(engine: &Engine) -> Vec<Reason> {
    engine.quarantined().into_iter().map(|refused| refused.reason).collect()
}

#[test]
fn a_rival_s_header_names_its_lane() {
    let mut team = team();
    let body = Body { drops: vec![vec![1]], ..Body::default() };
    let other = Forged { body, tag: Some(LaneTag::new([9; 8])), ..Forged::default() };
    let [frames, _] = beside(&mut team, &Forged::default(), &other);
    team.admin.receive(&frames, false).unwrap();
    assert_eq!(refused(&team.admin), [Reason::Tag]);
    assert_eq!(team.admin.status().unwrap().forked, 0);
}

/// Who has seen that a key was renewed cannot say anything by the old one, on whatever branch.
#[test]
fn a_rival_by_a_key_that_was_renewed_is_refused() {
    let mut team = team();
    let (old, lane) =
        (team.insider.device.identity.sign.clone(), team.insider.space().unwrap().lane);
    let honest = Forged { lane: Some(lane), signer: Some(old.clone()), ..Forged::default() };
    let one = honest.frame(&team.insider);
    team.insider.renew_device().unwrap();
    carry(&mut team.insider, &mut team.admin);
    carry(&mut team.insider, &mut team.phone);
    let heads = Some(team.insider.space().unwrap().group.roster.heads());
    let two = Forged { body: Body { heads, ..Body::default() }, ..honest }.frame(&team.insider);
    team.admin.receive(&[one.clone(), two.clone()], false).unwrap();
    team.phone.receive(&[two, one], false).unwrap();
    for engine in [&team.admin, &team.phone] {
        assert_eq!((refused(engine), engine.status().unwrap().forked), (vec![Reason::Member], 0));
    }
}

/// A keeper's word about one branch frees nobody of keeping what is on another.
#[test]
fn what_a_keeper_has_of_another_branch_is_not_safe() {
    let mut team = team();
    client(&mut team.insider, "MORE");
    carry(&mut team.insider, &mut team.phone);
    let space = team.phone.space().unwrap().clone();
    let (lane, keeper) = (team.insider.space().unwrap().lane, team.admin.space().unwrap().lane);
    let row = |engine: &Engine| {
        let documents = engine.index.documents().flat_map(|(_, entry)| &entry.rows);
        let rows = documents.filter(|row| row.head.lane == lane);
        *rows.max_by_key(|row| row.head.sequence).unwrap()
    };
    let mut safe = |hash: [u8; 8], next: u32| {
        let said = Said { next, hash, quarantined: vec![] };
        let lanes = &mut team.phone.space.as_mut().unwrap().lanes;
        lanes.get_mut(&keeper).unwrap().vector.insert(lane, said);
        let row = row(&team.phone);
        team.phone.is_safe(&Default::default(), &row)
    };
    let here = &space.lanes[&lane];
    assert!(safe(here.position_start(), here.next));
    assert!(!safe([9; 8], here.next));
    assert!(!safe(here.position_start(), here.next - 1));
}

/// What is refused later of a lane that stands still is said with the next word.
#[test]
fn a_list_of_what_was_refused_is_said_when_it_changes() {
    let mut team = team();
    let lane = team.insider.space().unwrap().lane;
    team.admin.space.as_mut().unwrap().owes_word = true;
    team.admin.close_unsent().unwrap();
    let space = team.admin.space.as_mut().unwrap();
    space.lanes.get_mut(&lane).unwrap().quarantined.push(0);
    space.owes_word = true;
    team.admin.close_unsent().unwrap();
    let space = team.admin.space().unwrap();
    assert_eq!(space.lanes[&space.lane].vector[&lane].quarantined, [0]);
}

/// A device that was made to begin lane after lane says nothing on one that nobody would take, and loses nothing.
#[test]
fn what_no_lane_is_left_for_stays_here() {
    let mut team = team();
    let before = team.phone.space().unwrap().clone();
    for n in 0..haversack_wire::limits::CUT_MAX as u32 {
        let (lane, body) = another_lane(&team.phone, n);
        let opening = body.opening.unwrap();
        let mut state = LaneState::new(opening.device_key, opening.incarnation);
        state.next = 1;
        team.phone.space.as_mut().unwrap().lanes.insert(lane, state);
    }
    client(&mut team.phone, "ON-THIS-LANE");
    assert_eq!(team.phone.close_unsent().unwrap(), 1);
    let place = team.phone.device.place;
    team.phone.begin_anew(place).unwrap();
    client(&mut team.phone, "ON-NONE");
    assert_eq!(team.phone.close_unsent().unwrap(), 0);
    assert!(team.phone.status().unwrap().own.here_only > 0);
    let lanes = &mut team.phone.space.as_mut().unwrap().lanes;
    lanes.retain(|id, lane| before.lanes.contains_key(id) || lane.next != 1);
    assert_eq!(team.phone.close_unsent().unwrap(), 1);
}

/// A body that no program but its author's can put into a frame is not offered by others, and keeps them from nothing.
#[test]
fn what_only_its_author_can_pack_stops_nobody() {
    let mut team = team();
    let frames: Vec<Vec<u8>> = [1, 2].map(|seed| packed_by_its_author_alone(&team, seed)).to_vec();
    team.admin.receive(&frames, true).unwrap();
    assert!(team.admin.status().unwrap().forked > 0);
    let route = RelayRoute { relay: Relay::new([7; 16]), admission: Vec::new() };
    client(&mut team.admin, "ON");
    assert!(team.admin.begin_exchange(&route).is_ok());
    assert!(team.admin.waiting.named().next().is_none());
    carry(&mut team.admin, &mut team.phone);
    assert_eq!(team.phone.clients().unwrap().len(), 3);
    team.admin.revoke(team.insider.device(), false).unwrap();
}

/// The longest text that fits into a frame, packed as densely as can be: as everybody packs it, it does not.
fn packed_by_its_author_alone(team: &Team, seed: u64) -> Vec<u8> {
    // A few words again and again, in any order.
    let random = &mut ChaCha20Rng::seed_from_u64(seed);
    let words: Vec<u64> = (0..2_000).map(|_| random.next_u64()).collect();
    let text = (0..20_000).flat_map(|_| {
        let word = words[random.next_u32() as usize % words.len()];
        word.to_le_bytes().into_iter().take(6)
    });
    let text: Vec<u8> = text.collect();
    let body =
        |length: usize| Body { other: vec![(99, text[..length].to_vec())], ..Body::default() };
    let frame = |length| Forged { is_dense: true, ..Forged::of(body(length)) }.frame(&team.insider);
    let lengths: Vec<usize> = (60_000..90_000).collect();
    let fits = |length: &usize| frame(*length).len() <= FRAME_MAX;
    let longest = lengths[lengths.partition_point(fits) - 1];
    let packed = compress(&body(longest).encode().unwrap().bytes, For::Sending).unwrap();
    assert!(packed.len() > FRAME_MAX, "others have room for it: {}", packed.len());
    frame(longest)
}

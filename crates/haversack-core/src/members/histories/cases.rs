//! The cases that a team's keys were designed against, by number, as far as they are about members and keys. Each is played
//! in many orders of meeting, reaching a relay and losing the line, over the stand-in, and over the real primitives.
//!
//! Numbers 7, 10, 11, 17 and 18 are about bodies: the engine's tests have them.

use std::collections::BTreeSet;

use haversack_wire::{Generation, Relay};

use super::super::group::FIELD_AGE;
use super::super::roster::Roster;
use super::super::statement::{Content, Cut, RelayAddress, Role};
use super::phone::Frame;
use super::scene::{A, B, C, D, Scene};
use super::{Keys, count};
use crate::crypto::{Real, Symbolic};

/// Orders that are tried of each case.
const ORDERS: u64 = 60;

fn play<S: Keys>(orders: u64, case: fn(&mut Scene<S>)) {
    for order in 0..orders {
        let caught = std::panic::catch_unwind(|| case(&mut Scene::new(order)));
        assert!(caught.is_ok(), "order {order}");
    }
}

macro_rules! cases {
    ($($case:ident)*) => {
        mod symbolic {
            use super::*;
            $(#[test] fn $case() { play::<Symbolic>(count("HAVERSACK_ORDERS", ORDERS), super::$case); })*
        }
        mod real {
            use super::*;
            $(#[test] fn $case() { play::<Real>(1, super::$case); })*
        }
    };
}

cases! {
    a_newcomer_beside_a_rotation_ends_with_every_key
    two_removals_far_apart_leave_neither_device_a_key
    an_emptied_team_goes_on_with_whom_the_root_adds
    a_removal_is_of_all_keys_of_a_device
    twice_removed_is_once_removed
    removed_by_two_at_once_is_once_removed
    a_crash_between_removal_and_key_is_resumed
    no_key_travels_under_another
    a_removed_device_sees_no_new_mailbox
    only_rotations_and_removals_age_a_key
    a_removed_newcomer_gains_nothing_by_who_saw_only_its_adding
    a_seized_admin_voids_itself_by_being_removed
    a_root_undoes_what_a_seized_admin_said
    two_answers_to_one_removal_split_nobody_off
    three_in_a_ring_are_all_out_in_any_order
    an_insider_ages_nothing
    who_may_rotate_ages_by_rotating
    a_relay_that_moved_is_found
}

// 1.
fn a_newcomer_beside_a_rotation_ends_with_every_key<S: Keys>(s: &mut Scene<S>) {
    s.either(|s| _ = s.invite(A, Role::Educator), |s| s.mint(B));
    let newcomer = s.world.phones.len() - 1;
    s.either(|s| s.mint(A), |s| s.mint(B));
    s.wander_and_settle();
    s.are_one_team(&[A, B, C, D, newcomer]);
    for phone in [A, B, C, D] {
        assert!(s.group(newcomer).generations.contains_key(&s.live(phone).generation));
    }
    // What lost against another rotation comes with the next one's grant.
    let rotator = s.dice.below(2);
    s.mint([A, B][rotator]);
    s.wander_and_settle();
    s.opens_all(newcomer);
}

// 2.
fn two_removals_far_apart_leave_neither_device_a_key<S: Keys>(s: &mut Scene<S>) {
    let (c, d) = (s.revoke(A, C), s.revoke(B, D));
    s.wander_and_settle();
    s.are_one_team(&[A, B]);
    assert!(s.is_blind(C, &c) > 0 && s.is_blind(D, &d) > 0);
    let here = s.world.sealed.len();
    s.settle();
    let now = s.sealed_by(&[A, B], here);
    assert!(now.is_disjoint(&s.phone(C).ever) && now.is_disjoint(&s.phone(D).ever));
}

// 3.
fn an_emptied_team_goes_on_with_whom_the_root_adds<S: Keys>(s: &mut Scene<S>) {
    s.revoke(A, C);
    s.revoke(A, D);
    s.tell(A, B);
    s.revoke(A, B);
    s.revoke(B, A);
    s.wander();
    let at = s.dice.below(2);
    if s.dice.one_in(2) {
        s.tell(1 - at, at);
    }
    // What the root's phone has not heard of does not touch what it has.
    let left = s.members(at);
    assert!(left.is_empty() || left == [at]);
    let first = s.root_invites(at, Role::Coordinator);
    s.tell(A, first);
    s.tell(B, first);
    s.wander_and_settle();
    let second = s.invite(first, Role::Educator);
    s.wander_and_settle();
    s.are_one_team(&[&left[..], &[first, second]].concat());
    let now = s.live(first).epoch;
    let out = [A, B, C, D].into_iter().filter(|phone| !left.contains(phone));
    out.for_each(|phone| assert!(!s.phone(phone).ever.contains(&now), "is out"));
}

// 4.
fn a_removal_is_of_all_keys_of_a_device<S: Keys>(s: &mut Scene<S>) {
    let old = s.device(C);
    s.world.renew(C);
    let knows = s.dice.one_in(2);
    if knows {
        s.settle();
    }
    let device = if knows && s.dice.one_in(2) { s.device(C) } else { old };
    let removal = s.say(A, Content::Revoke { device, cut: Cut::new() });
    s.wander_and_settle();
    s.are_one_team(&[A, B, D]);
    assert!(s.group(A).roster.member(&s.phone(C).key()).is_none());
    assert!(s.is_blind(C, &removal) > 0);
    // Nor does it come back by a renewal that nobody had seen.
    s.world.renew(C);
    s.tell(C, A);
    s.settle();
    s.are_one_team(&[A, B, D]);
}

// 4, too: who removes what was removed changes no generation, and ages nothing, whoever answers.
fn twice_removed_is_once_removed<S: Keys>(s: &mut Scene<S>) {
    let first = s.live(A).epoch;
    s.revoke(A, C);
    s.settle();
    let (once, aged) = (s.live(B), s.age(D, &first));
    assert_eq!(aged, 1);
    let by_rotator = s.dice.one_in(2);
    let content = Content::Revoke { device: s.device(C), cut: Cut::new() };
    match by_rotator {
        true => s.say(B, content),
        false => s.say_only(B, content),
    };
    s.tell(B, D);
    s.give(D, B);
    s.wander_and_settle();
    s.are_one_team(&[A, B, D]);
    let twice = s.live(B);
    assert_eq!((once.generation, once.number), (twice.generation, twice.number));
    assert!(!by_rotator || s.minter(D) != s.phone(D).key());
    assert_eq!(s.age(D, &first), aged);
    // What follows without being called for is a rotation again.
    s.mint(A);
    s.wander_and_settle();
    assert_eq!(s.age(D, &first), aged + 1);
}

// 4, too: the same where neither had heard of the other, so that a third key answers both.
fn removed_by_two_at_once_is_once_removed<S: Keys>(s: &mut Scene<S>) {
    let first = s.live(A).epoch;
    s.either(|s| _ = s.revoke(A, C), |s| _ = s.revoke(B, C));
    s.wander_and_settle();
    s.are_one_team(&[A, B, D]);
    assert_eq!(s.live(A).number, 1);
    assert_eq!(s.age(D, &first), 1);
}

// 5.
fn a_crash_between_removal_and_key_is_resumed<S: Keys>(s: &mut Scene<S>) {
    let removal = s.say_only(A, Content::Revoke { device: s.device(C), cut: Cut::new() });
    // What was saved last, and comes back.
    s.world.phones[A].copy_store();
    if s.dice.one_in(2) {
        s.world.phones[A].mint_if_needed(&mut s.dice);
    }
    s.world.phones[A].restore();
    assert!(s.phone(A).live().is_none(), "nothing is written under what the removed device has");
    assert!(s.world.phones[A].write().is_none());
    s.wander_and_settle();
    s.are_one_team(&[A, B, D]);
    assert!(s.is_blind(C, &removal) > 0);
}

// 6.
fn no_key_travels_under_another<S: Keys>(s: &mut Scene<S>) {
    s.mint(B);
    s.wander();
    s.revoke(A, C);
    s.either(|s| _ = s.invite(B, Role::Clinic), |s| s.mint(A));
    s.wander_and_settle();
    let mut secrets = BTreeSet::new();
    for phone in &s.world.phones {
        secrets.extend(phone.held.values().map(|secret| *secret.expose()));
        secrets.extend(phone.group.generations.values().map(|secret| *secret.expose()));
    }
    let holds = |bytes: &[u8]| bytes.windows(32).any(|part| secrets.contains(part));
    let (mut grants, mut real) = (0, 0);
    for frame in s.world.mailboxes.values().flatten() {
        match frame {
            // Only the stand-in leaves to be read what it seals.
            Frame::Grant(bytes) => (grants, real) = (grants + 1, real + u32::from(!holds(bytes))),
            Frame::Segment(_, segment) => assert!(!holds(&segment.encode())),
            Frame::Chunk(chunk) => assert!(!chunk.statements.iter().any(|bytes| holds(bytes))),
        }
    }
    assert!(grants > 0 && (real == 0 || real == grants), "a grant is sealed to its device");
}

// 8.
fn a_removed_device_sees_no_new_mailbox<S: Keys>(s: &mut Scene<S>) {
    s.mint(A);
    s.wander();
    s.revoke(B, C);
    s.wander_and_settle();
    let space = *s.group(C).space();
    let held = s.phone(C).held.values().map(|secret| secret.generation().id(&space));
    let known: BTreeSet<Generation> = held.chain(s.group(C).generations.keys().copied()).collect();
    let chunks = |s: &Scene<S>| {
        let boxes = s.world.mailboxes.iter().filter(|(id, _)| known.contains(id));
        let is_new = |frame: &&Frame| match frame {
            Frame::Chunk(chunk) => chunk.author != s.phone(C).key(),
            _ => false,
        };
        boxes.flat_map(|(_, all)| all).filter(is_new).count()
    };
    let before = chunks(s);
    s.mint(A);
    s.invite(B, Role::Educator);
    s.wander_and_settle();
    assert_eq!(chunks(s), before, "nothing but its own");
    assert!([A, B, D].iter().all(|phone| !known.contains(&s.live(*phone).generation)));
}

// 9. There is no clock: what is not rotated away stays, however long it takes, and whatever else is done.
fn only_rotations_and_removals_age_a_key<S: Keys>(s: &mut Scene<S>) {
    let first = s.live(A).epoch;
    s.invite(A, Role::Educator);
    s.world.renew(D);
    let role = Some(Role::Coordinator);
    s.say(B, Content::SetRole { device: s.device(C), role, cut: Cut::new() });
    (0..4).for_each(|_| s.wander_and_settle());
    assert_eq!(s.age(D, &first), 0);
    for rotation in 1..FIELD_AGE {
        let rotator = s.dice.below(2);
        s.mint([A, B][rotator]);
        s.wander_and_settle();
        assert_eq!(s.age(D, &first), rotation);
    }
    let outlived = |s: &Scene<S>| {
        let (live, group) = (s.live(D), s.group(D));
        group.outlived(&live, Role::Educator, &group.table(), &s.phone(D).held)
    };
    assert!(outlived(s).is_empty());
    s.revoke(A, C);
    s.wander_and_settle();
    assert_eq!(outlived(s), [first]);
}

// 12.
fn a_removed_newcomer_gains_nothing_by_who_saw_only_its_adding<S: Keys>(s: &mut Scene<S>) {
    let newcomer = s.invite(A, Role::Educator);
    s.tell(A, C);
    // Another who knows neither makes a key; who saw the adding passes it on.
    s.mint(B);
    let rotated = s.live(B).epoch;
    s.give(B, C);
    let removal = s.revoke(A, newcomer);
    s.give(C, newcomer);
    assert!(s.phone(newcomer).ever.contains(&rotated));
    s.wander();
    s.give(C, newcomer);
    s.wander_and_settle();
    s.are_one_team(&[A, B, C, D]);
    assert!(s.is_blind(newcomer, &removal) > 0);
}

// 13.
fn a_seized_admin_voids_itself_by_being_removed<S: Keys>(s: &mut Scene<S>) {
    let others = s.dice.one_in(2);
    let order = if others { [C, D, B] } else { [B, C, D] };
    for whom in order {
        s.revoke(A, whom);
    }
    let removal = s.revoke(B, A);
    let mut to = vec![B, C, D];
    while !to.is_empty() {
        let next = to.swap_remove(s.dice.below(to.len()));
        s.tell(A, next);
        s.wander();
    }
    // Who spreads such things may be anywhere: what they said is everywhere in the end.
    s.wander_and_settle();
    (C..=D).for_each(|phone| s.tell(B, phone));
    s.settle();
    s.are_one_team(&[C, D]);
    s.is_blind(A, &removal);
    let first = s.root_invites(C, Role::Coordinator);
    s.wander_and_settle();
    s.are_one_team(&[C, D, first]);
}

// 13, too: the root comes before all others, also where everybody had believed the seized phone.
fn a_root_undoes_what_a_seized_admin_said<S: Keys>(s: &mut Scene<S>) {
    let before = s.group(A).roster.heads();
    for whom in [B, C, D] {
        s.revoke(A, whom);
    }
    let said_first = s.dice.one_in(2);
    if said_first {
        (B..=D).for_each(|phone| s.tell(A, phone));
        s.wander();
    }
    let removal = s.root_revokes(B, A, Some(before));
    (C..=D).for_each(|phone| s.tell(B, phone));
    s.wander();
    (B..=D).for_each(|phone| s.tell(A, phone));
    s.settle();
    s.are_one_team(&[B, C, D]);
    assert!(s.is_blind(A, &removal) > 0);
}

// 14.
fn two_answers_to_one_removal_split_nobody_off<S: Keys>(s: &mut Scene<S>) {
    let removal = s.say_only(A, Content::Revoke { device: s.device(D), cut: Cut::new() });
    s.tell(A, B);
    s.tell(A, C);
    let answers = [s.live(B), s.live(C)];
    assert_ne!(answers[0].generation, answers[1].generation);
    // Each writes under its own before it hears of the other's.
    s.either(|s| s.world.sync(&mut s.dice, B, true), |s| s.world.sync(&mut s.dice, C, true));
    s.wander_and_settle();
    s.are_one_team(&[A, B, C]);
    for phone in [A, B, C] {
        let read = s.group(phone).read_generations(&s.group(phone).table());
        let read: BTreeSet<_> = read.into_iter().map(|(id, _, _)| id).collect();
        // One whose line broke each time may have heard of the better answer before its own went out.
        let is_chunk = |frame: &Frame| matches!(frame, Frame::Chunk(_));
        let sent = |id| s.world.mailboxes.get(id).is_some_and(|all| all.iter().any(is_chunk));
        let mut used = answers.iter().filter(|answer| sent(&answer.generation));
        assert!(used.all(|answer| read.contains(&answer.generation)));
        s.opens_all(phone);
    }
    assert!(s.is_blind(D, &removal) > 0);
}

// 15.
fn three_in_a_ring_are_all_out_in_any_order<S: Keys>(s: &mut Scene<S>) {
    let third = s.invite(A, Role::Coordinator);
    s.settle();
    let ring = [(A, B), (B, third), (third, A)].map(|(by, whom)| s.revoke(by, whom));
    let space = *s.group(A).roster.first_root();
    let mut all: Vec<Vec<u8>> = Vec::new();
    for phone in [A, B, third] {
        all.extend(s.group(phone).roster.statements().map(<[u8]>::to_vec));
    }
    let mut roster = Roster::new(space);
    while !all.is_empty() {
        let next = all.swap_remove(s.dice.below(all.len()));
        roster.add::<S>([next.as_slice()]).unwrap();
    }
    assert!(ring.iter().all(|hash| roster.standing().attackers.contains_key(hash)));
    for phone in [A, B, third] {
        s.tell_all(phone);
        s.wander();
    }
    s.settle();
    s.are_one_team(&[C, D]);
    assert_eq!(s.group(C).roster.heads(), roster.heads());
    assert_eq!(*s.group(C).roster.standing(), *roster.standing());
    let here = s.world.sealed.len();
    s.settle();
    let now = s.sealed_by(&[C, D], here);
    assert!([A, B, third].iter().all(|phone| now.is_disjoint(&s.phone(*phone).ever)));
}

// 16.
fn an_insider_ages_nothing<S: Keys>(s: &mut Scene<S>) {
    let before = s.live(A);
    for _ in 0..FIELD_AGE + 1 {
        s.mint(C);
        let made = s.group(C).epochs.statements().find(|e| e.minter == s.phone(C).key());
        let made = made.unwrap().clone();
        let others = s.dice.below(4);
        s.world.phones[others].group.epochs.add(made);
        s.wander();
    }
    let all: Vec<_> = s.group(C).epochs.statements().cloned().collect();
    for phone in [A, B, C, D] {
        all.iter().for_each(|made| s.world.phones[phone].group.epochs.add(made.clone()));
    }
    s.settle();
    for phone in [A, B, C, D] {
        let (group, table) = (s.group(phone), s.group(phone).table());
        let by_it = group.epochs.statements().filter(|e| e.minter == s.phone(C).key());
        let by_it: Vec<_> = by_it.collect();
        assert!(by_it.len() as u64 > FIELD_AGE);
        assert!(by_it.into_iter().all(|epoch| table.get(&epoch.hash()).is_none()));
        assert_eq!(s.live(phone).hash, before.hash);
        assert_eq!(s.age(phone, &before.epoch), 0);
    }
}

// 16, too: who may rotate is trusted not to do so in a row.
fn who_may_rotate_ages_by_rotating<S: Keys>(s: &mut Scene<S>) {
    let before = s.live(A).epoch;
    (0..FIELD_AGE).for_each(|_| s.mint(B));
    s.wander_and_settle();
    s.are_one_team(&[A, B, C, D]);
    assert_eq!(s.age(C, &before), FIELD_AGE);
}

fn relay(name: u8, address: &str) -> RelayAddress {
    let addresses = vec![format!("https://{address}.example:443")];
    RelayAddress { relay: Relay::new([name; 16]), addresses, pins: vec![[address.len() as u8; 32]] }
}

// 19.
fn a_relay_that_moved_is_found<S: Keys>(s: &mut Scene<S>) {
    let found = |s: &Scene<S>| {
        let all = [A, B, C, D].map(|phone| s.group(phone).roster.relays());
        assert!(all.iter().all(|one| *one == all[0]), "everybody finds the same");
        all[0].clone()
    };
    let other = relay(9, "another");
    s.say(A, Content::SetRelays(vec![relay(1, "a"), other.clone()]));
    s.wander_and_settle();
    assert_eq!(found(s), [relay(1, "a"), other.clone()]);
    // It moves, and two say so who had not heard of each other.
    s.say(A, Content::SetRelays(vec![relay(1, "bb")]));
    s.say(B, Content::SetRelays(vec![relay(1, "ccc")]));
    s.wander_and_settle();
    let (mut both, more) = (relay(1, "bb"), relay(1, "ccc"));
    both.addresses.extend(more.addresses);
    both.pins.extend(more.pins);
    assert_eq!(found(s), [both, other.clone()]);
    s.say(B, Content::SetRelays(vec![relay(1, "dddd")]));
    s.wander_and_settle();
    assert_eq!(found(s), [relay(1, "dddd"), other]);
}

//! A relay that was put back to nothing while a team had moved to a new mailbox: what it lost is offered again, and everybody comes to
//! rest. And one that merely remembers all of it in another order: nothing is offered again, and nobody is told that anything is lost.

use std::collections::BTreeSet;

use haversack_core::model::*;
use haversack_core::{ContactDraft, ContactFilter, Fault, RelayRoute, Role, WhoDraft};
use haversack_relay::{Incoming, Memory, Storage};
use haversack_wire::{Frame, Mailbox};

use crate::bad_relays::world::World;
use crate::fleet::{Fleet, PHONES};

const AUTHOR: usize = 1;

fn log(fleet: &mut Fleet, n: usize) {
    let draft = ContactDraft::new(WhoDraft::default(), crate::team::van().code);
    fleet.device(n).log(Day::from_number(3_001).unwrap(), &[draft]).unwrap();
}

/// Signed as a removal is: what follows goes to a mailbox of its own.
fn move_on(fleet: &mut Fleet) {
    let other = fleet.device(PHONES).device();
    fleet.device(0).set_role(other, Role::Educator).unwrap();
}

fn everybody_has(fleet: &mut Fleet, contacts: usize) {
    fleet.settle();
    let first = fleet.device(0).canonical().unwrap();
    for n in 0..=PHONES {
        let shown = fleet.device(n).contacts(&ContactFilter::default()).unwrap();
        assert_eq!(shown.len(), contacts, "device {n}");
        assert_eq!(fleet.device(n).status().unwrap().waiting, 0, "device {n}");
        assert_eq!(fleet.device(n).canonical().unwrap(), first, "device {n}");
    }
}

#[test]
fn what_one_keeper_has_acknowledged_reaches_those_who_had_not_read_it() {
    let mut fleet = Fleet::new();
    log(&mut fleet, AUTHOR);
    for n in [AUTHOR, 0, 0, AUTHOR] {
        fleet.sync(n, 1_000);
    }
    fleet.relay = Memory::new();
    move_on(&mut fleet);
    log(&mut fleet, AUTHOR);
    everybody_has(&mut fleet, 2);
}

#[test]
fn keys_and_notices_of_a_removal_are_sent_again() {
    let mut fleet = Fleet::new();
    fleet.settle();
    move_on(&mut fleet);
    log(&mut fleet, AUTHOR);
    fleet.sync(0, 1_000);
    fleet.relay = Memory::new();
    everybody_has(&mut fleet, 1);
}

#[test]
fn a_lane_that_begins_late_in_its_mailbox_is_not_taken_for_lost() {
    let mut fleet = Fleet::new();
    log(&mut fleet, AUTHOR);
    fleet.settle();
    move_on(&mut fleet);
    log(&mut fleet, AUTHOR);
    fleet.settle();
    fleet.relay = Memory::new();
    everybody_has(&mut fleet, 2);
}

/// The mailboxes that the devices read.
fn mailboxes(fleet: &mut Fleet) -> BTreeSet<Mailbox> {
    let mut all = BTreeSet::new();
    for n in 0..=PHONES {
        let route = RelayRoute { relay: fleet.id, admission: Vec::new() };
        let under_way = fleet.device(n).begin_exchange(&route).unwrap();
        all.extend(World::asked(under_way.request()).iter().map(|(head, _)| head.mailbox()));
    }
    all
}

fn frames(fleet: &Fleet, mailbox: Mailbox) -> Vec<Vec<u8>> {
    let last = fleet.relay.head(mailbox).unwrap().cursor;
    fleet.relay.frames(mailbox, &(1..=last).collect::<Vec<_>>()).unwrap()
}

/// The chunks of all mailboxes.
fn chunks(fleet: &Fleet, mailboxes: &BTreeSet<Mailbox>) -> BTreeSet<Vec<u8>> {
    let all = mailboxes.iter().flat_map(|mailbox| frames(fleet, *mailbox));
    all.filter(|frame| matches!(Frame::parse(frame), Ok(Frame::Chunk(..)))).collect()
}

/// A relay that has the same, the other way round.
fn turned(fleet: &Fleet, mailboxes: &BTreeSet<Mailbox>) -> Memory {
    let other = Memory::new();
    for mailbox in mailboxes {
        let turned = frames(fleet, *mailbox).into_iter().rev();
        let turned = turned.map(|frame| Incoming::parse(frame).unwrap()).collect();
        other.push(*mailbox, turned).unwrap();
    }
    other
}

/// The relay has everything, and remembers it the other way round. What it has not lost must not be sent again, nor called lost.
fn nothing_is_taken_for_lost(name: &str, mut fleet: Fleet) {
    let mailboxes = mailboxes(&mut fleet);
    fleet.relay = turned(&fleet, &mailboxes);
    let before = chunks(&fleet, &mailboxes);
    fleet.settle();
    assert_eq!(chunks(&fleet, &mailboxes).difference(&before).count(), 0, "{name}");
    for n in 0..=PHONES {
        let faults = fleet.device(n).relay_faults().unwrap();
        let told = |is: Fault| faults.iter().any(|fault| fault.fault == is);
        assert!(told(Fault::OtherPast), "{name}: device {n}");
        let wrong = told(Fault::RolledBack) || told(Fault::Squatted);
        assert!(!wrong, "{name}: device {n}: {faults:?}");
    }
}

#[test]
fn what_is_there_is_not_taken_for_lost() {
    let worked = || {
        let mut fleet = Fleet::new();
        log(&mut fleet, AUTHOR);
        fleet.settle();
        log(&mut fleet, AUTHOR);
        fleet.settle();
        fleet
    };
    nothing_is_taken_for_lost("as it was sent", worked());

    // A file holds it under the new keys.
    let mut fleet = worked();
    fleet.device(0).rotate().unwrap();
    fleet.settle();
    fleet.device(AUTHOR).export_bundle().unwrap();
    nothing_is_taken_for_lost("sealed anew elsewhere", fleet);

    let mut fleet = worked();
    move_on(&mut fleet);
    log(&mut fleet, AUTHOR);
    fleet.settle();
    nothing_is_taken_for_lost("a lane that begins late", fleet);

    let mut fleet = worked();
    grow_old(&mut fleet);
    nothing_is_taken_for_lost("what was let go", fleet);
}

/// Until phones let go of what they logged.
fn grow_old(fleet: &mut Fleet) {
    for _ in 0..6 {
        fleet.device(0).rotate().unwrap();
        fleet.settle();
    }
    let left = fleet.device(AUTHOR).contacts(&ContactFilter::default()).unwrap().len();
    assert_eq!(left, 0, "a phone lets go of what has grown old");
}

#[test]
fn what_was_let_go_hides_no_loss_behind_it() {
    let mut fleet = Fleet::new();
    log(&mut fleet, AUTHOR);
    fleet.settle();
    grow_old(&mut fleet);
    log(&mut fleet, AUTHOR);
    assert!(!fleet.sync(AUTHOR, 1_000), "the relay has it, and nobody else");
    // So much that a broken line is asked about, by a request to which cursors say nothing.
    let route = RelayRoute { relay: fleet.id, admission: Vec::new() };
    for _ in 0..140 {
        log(&mut fleet, AUTHOR);
        fleet.device(AUTHOR).begin_exchange(&route).unwrap();
    }
    fleet.sync(AUTHOR, 0);
    fleet.relay = Memory::new();
    fleet.settle();
    let kept = fleet.device(0).contacts(&ContactFilter::default()).unwrap().len();
    assert_eq!(kept, 142);
}

#[test]
fn what_was_let_go_is_no_gap_for_another_relay() {
    let mut fleet = Fleet::new();
    log(&mut fleet, AUTHOR);
    fleet.settle();
    grow_old(&mut fleet);
    log(&mut fleet, AUTHOR);
    fleet.settle();
    (fleet.relay, fleet.id) = (Memory::new(), haversack_wire::Relay::new([9; 16]));
    fleet.settle();
    let route = RelayRoute { relay: fleet.id, admission: Vec::new() };
    let under_way = fleet.device(AUTHOR).begin_exchange(&route).unwrap();
    let asked = World::asked(under_way.request());
    assert!(asked.iter().all(|(_, frames)| frames.is_empty()), "it was all sent");
}

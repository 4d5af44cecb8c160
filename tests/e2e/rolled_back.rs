//! A relay that was put back to nothing while a team had moved to a new mailbox: what it lost is offered again, and everybody comes to
//! rest.

use haversack_core::model::*;
use haversack_core::{ContactDraft, ContactFilter, Role, WhoDraft};
use haversack_relay::Memory;

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

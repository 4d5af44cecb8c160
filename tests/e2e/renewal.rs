//! A device goes on under new keys: the same member, and nothing of its work is lost.

use haversack_core::model::Day;
use haversack_core::{ContactDraft, Error as EngineError, WhoDraft};

use crate::fleet::Fleet;
use crate::removal::{count, log, reopen, same, settle, sync};

#[test]
fn a_renewed_device_goes_on_and_its_records_with_it() {
    let mut fleet = Fleet::new();
    log(&mut fleet, 1, 1);
    settle(&mut fleet, &[0, 1, 2, 3]);
    // Written under the old keys, and on no way yet.
    log(&mut fleet, 1, 2);
    let device = fleet.device(1).device();
    fleet.device(1).renew_device().unwrap();
    log(&mut fleet, 1, 2);
    assert_eq!(fleet.device(1).device(), device, "the same member");
    assert_eq!(fleet.device(1).status().unwrap().own.here_only, 2);
    settle(&mut fleet, &[1, 0, 2, 3]);
    assert_eq!([0, 1, 2, 3].map(|n| count(&mut fleet, n)), [3; 4]);
    same(&mut fleet, &[0, 1, 2, 3]);
    let own = fleet.device(1).status().unwrap().own;
    assert_eq!((own.here_only, own.relayed), (0, 0), "a coordinator has it all");
    // It is one author, whichever key it wrote with.
    let filter = haversack_core::ContactFilter::default();
    let rows = fleet.device(0).contacts(&filter).unwrap();
    let authors: std::collections::BTreeSet<_> = rows.iter().map(|row| row.author).collect();
    assert_eq!(authors, [device].into());
}

#[test]
fn twice_renewed_and_reopened_it_still_goes_on() {
    let mut fleet = Fleet::new();
    settle(&mut fleet, &[0, 1, 2, 3]);
    for day in 1..=3 {
        log(&mut fleet, 1, day);
        fleet.device(1).renew_device().unwrap();
        reopen(&mut fleet, 1);
    }
    // Somebody rotates and grants before having heard of it: to a key from before.
    fleet.device(0).rotate().unwrap();
    settle(&mut fleet, &[0, 2, 3]);
    settle(&mut fleet, &[1, 0, 2, 3]);
    assert_eq!([0, 1, 2, 3].map(|n| count(&mut fleet, n)), [3; 4]);
    same(&mut fleet, &[0, 1, 2, 3]);
}

#[test]
fn two_months_late_and_renewed_loses_nothing() {
    let mut fleet = Fleet::new();
    settle(&mut fleet, &[0, 1, 2, 3]);
    (0..3).for_each(|day| log(&mut fleet, 1, day));
    fleet.device(1).renew_device().unwrap();
    log(&mut fleet, 1, 4);
    for _ in 0..8 {
        fleet.device(0).rotate().unwrap();
        settle(&mut fleet, &[0, 2, 3]);
    }
    settle(&mut fleet, &[1, 0, 2, 3]);
    // Nobody but the coordinator still had the keys that it wrote with.
    assert_eq!([0, 2, 3].map(|n| count(&mut fleet, n)), [4; 3]);
    assert_eq!(fleet.device(1).status().unwrap().own.here_only, 0);
}

#[test]
fn a_removed_device_does_not_renew_itself_back_in() {
    let mut fleet = Fleet::new();
    settle(&mut fleet, &[0, 1, 2, 3]);
    log(&mut fleet, 3, 1);
    let lost = fleet.device(3).device();
    fleet.device(0).revoke(lost, false).unwrap();
    settle(&mut fleet, &[0, 1, 2]);
    // It has not heard of it.
    fleet.device(3).renew_device().unwrap();
    log(&mut fleet, 3, 2);
    let _ = sync(&mut fleet, 3);
    settle(&mut fleet, &[0, 1, 2]);
    log(&mut fleet, 0, 5);
    settle(&mut fleet, &[0, 1, 2]);
    let _ = sync(&mut fleet, 3);
    assert_eq!(fleet.device(0).members().unwrap().len(), 3);
    assert_eq!([0, 1, 2].map(|n| count(&mut fleet, n)), [1; 3]);
    assert!(fleet.device(3).status().unwrap().removed);
    assert_eq!(count(&mut fleet, 3), 2, "its own, and nothing of what came after");
    assert!(matches!(fleet.device(3).renew_device(), Err(EngineError::Removed)));
}

#[test]
fn a_copy_that_was_left_with_the_old_keys_says_nothing_more() {
    let mut fleet = Fleet::new();
    settle(&mut fleet, &[0, 1, 2, 3]);
    let twin = crate::restored::twin_of(&mut fleet, 1);
    settle(&mut fleet, &[0, 1, 2, 3, twin]);
    fleet.device(1).renew_device().unwrap();
    log(&mut fleet, twin, 1);
    settle(&mut fleet, &[0, 1, 2, 3]);
    // What it wrote before it heard of it is signed before, and everybody has it.
    sync(&mut fleet, twin).unwrap();
    settle(&mut fleet, &[0, 1, 2, 3]);
    assert_eq!([0, 1, 2, 3].map(|n| count(&mut fleet, n)), [1; 4]);
    assert!(matches!(sync(&mut fleet, twin), Err(EngineError::Removed)));
    let draft = ContactDraft::new(WhoDraft::default(), crate::team::van().code);
    let day = Day::from_number(3_002).unwrap();
    assert!(matches!(fleet.device(twin).log(day, &[draft]), Err(EngineError::Removed)));
    assert!(matches!(fleet.device(twin).renew_device(), Err(EngineError::Removed)));
    settle(&mut fleet, &[0, 1, 2, 3]);
    assert_eq!([0, 1, 2, 3].map(|n| count(&mut fleet, n)), [1; 4]);
}

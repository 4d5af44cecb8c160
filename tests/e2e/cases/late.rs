//! Cases 7 and 10: who comes late, and who comes back.

use haversack_core::model::{Direction, Item, Line, Quantity};

use super::{Story, play};
use crate::restored::copy;

// 7.
fn sixty_days_late(s: &mut Story) {
    s.log(2, 0);
    s.settle(&[0, 1, 2, 3]);
    // A correction of another's record, and outings of its own.
    let row = s.device(1).contacts(&haversack_core::ContactFilter::default()).unwrap()[0].clone();
    let line = Line { direction: Direction::Out, item: Item::SYRINGE_FIXED_1ML };
    s.device(1).correct(&row.id, &line, Quantity::new(7).unwrap()).unwrap();
    for day in 1..=3 {
        s.log(1, day);
        if s.below(2) == 0 {
            s.write_file(1);
        }
    }
    let removed = s.below(9);
    for week in 0..9 {
        if week == removed {
            let lost = s.device(3).device();
            s.device(0).revoke(lost, false).unwrap();
        }
        s.device(0).rotate().unwrap();
        let about: &[usize] = if week < removed { &[0, 2, 3] } else { &[0, 2] };
        s.settle(about);
    }
    if s.below(2) == 0 {
        s.device(1).renew_device().unwrap();
    }
    s.wander(&[0, 1, 2]);
    s.settle(&[0, 1, 2]);
    // What is new to the others is not old to them, whenever it was written.
    assert_eq!(s.count(0), 4);
    assert!(s.count(2) <= 3, "its own was let go long ago, as was what a file brought then");
    let rows = s.device(0).contacts(&haversack_core::ContactFilter::default()).unwrap();
    assert_eq!(rows.iter().map(|row| row.sets()).sum::<u64>(), 22, "the correction arrived");
    s.device(0).rotate().unwrap();
    s.settle(&[0, 1, 2]);
    for n in [0, 1, 2] {
        let status = s.device(n).status().unwrap();
        assert_eq!((status.waiting, status.quarantined, status.doubted), (0, 0, 0), "{n}");
        let waits = status.own.here_only + status.own.carried + status.own.relayed;
        assert!(n == 0 || waits == 0, "{n}: the coordinator has acknowledged all");
    }
}

#[test]
fn two_months_late_in_any_order_loses_nothing() {
    play(sixty_days_late);
}

// 10: a phone is lost, and its copy from some time ago takes its place.
fn restored_from_a_copy(s: &mut Story) {
    let all = [0, 1, 2, 3];
    s.settle(&all);
    let mut logged = 0;
    for day in 0..s.below(3) {
        s.log(1, day as u16);
        logged += 1;
    }
    s.wander(&all);
    s.fleet.devices[1].take().unwrap().close().unwrap();
    let folder = s.fleet.folder.path().to_owned();
    copy(&folder.join("1"), &folder.join("copy"));
    s.open(1);
    s.wander(&all);
    for day in 0..1 + s.below(3) {
        s.log(1, 10 + day as u16);
        logged += 1;
        s.wander(&all);
    }
    // All of it gets to somebody before the phone is lost.
    while s.sync(1, 1_000) {}
    drop(s.fleet.devices[1].take());
    std::fs::remove_dir_all(folder.join("1")).unwrap();
    copy(&folder.join("copy"), &folder.join("1"));
    s.open(1);
    s.log(1, 20);
    s.wander(&all);
    s.log(1, 21);
    s.settle(&all);
    s.are_alike(&all, logged + 2);
}

#[test]
fn a_restored_copy_in_any_order_repeats_and_loses_nothing() {
    play(restored_from_a_copy);
}

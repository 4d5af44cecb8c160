//! Cases 17 and 18: what is said by whom, however it comes.

use haversack_core::model::{Direction, Item, Line, Quantity};
use haversack_core::{ContactFilter, Role};

use super::{Story, play};

// 17. What a removed device wrote late is believed where somebody built on it in good faith, and nowhere else; that is so for
// everybody, under whatever key it comes.
fn old_work_sealed_anew(s: &mut Story) {
    let all = [0, 1, 2, 3];
    s.log(3, 0);
    s.settle(&all);
    // The lost device goes on; one phone hears of it from hand to hand, and corrects what it reads.
    s.log(3, 1);
    let bundle = s.device(3).export_bundle().unwrap();
    s.device(1).import_bundle(&bundle).unwrap();
    let rows = s.device(1).contacts(&ContactFilter::default()).unwrap();
    let late = rows.iter().max_by_key(|row| row.day).unwrap().id.clone();
    let line = Line { direction: Direction::Out, item: Item::SYRINGE_FIXED_1ML };
    s.device(1).correct(&late, &line, Quantity::new(8).unwrap()).unwrap();
    s.log(1, 2);
    // It goes on further, and nobody builds on that.
    s.log(3, 3);
    let lost = s.device(3).device();
    s.device(0).revoke(lost, false).unwrap();
    s.log(0, 4);
    s.wander(&[0, 2]);
    // The lost device still sends, under what it has.
    s.write_file(3);
    s.sync(3, 1_000);
    s.wander(&[0, 1, 2]);
    for _ in 0..s.below(6) {
        s.device(0).rotate().unwrap();
        s.wander(&[0, 1, 2]);
    }
    s.settle(&[0, 1, 2]);
    s.settle(&[0, 1, 2]);
    for n in [0, 1, 2] {
        s.device(n).rebuild().unwrap();
    }
    let first = s.device(0).canonical().unwrap();
    let rows = s.device(0).contacts(&ContactFilter::default()).unwrap();
    assert_eq!(rows.len(), 4, "the first, the one built upon, and two of others");
    assert_eq!(rows.iter().map(|row| row.sets()).sum::<u64>(), 5 + 8 + 5 + 5);
    if s.count(1) == 4 && s.count(2) == 4 {
        // None has let go of anything yet.
        assert!([1, 2].iter().all(|n| s.device(*n).canonical().unwrap() == first));
    }
}

#[test]
fn old_work_is_judged_the_same_by_everybody() {
    play(old_work_sealed_anew);
}

// 18. Others may have it all, and carry it: it is acknowledged when a coordinator has signed that.
fn only_keepers_acknowledge(s: &mut Story) {
    s.settle(&[0, 1, 2, 3]);
    s.log(1, 1);
    while s.sync(1, 1_000) {}
    // Everybody but the coordinator has it, and says so in bodies of their own, by relay and by file.
    for round in 0..3 {
        for n in [2, 3] {
            s.log(n, 10 + round);
            s.write_file(n);
        }
        s.wander(&[1, 2, 3]);
    }
    s.settle(&[1, 2, 3]);
    assert_eq!(s.count(1), 7);
    let own = s.device(1).status().unwrap().own;
    assert_eq!((own.acknowledged, own.relayed + own.carried + own.here_only), (0, 1));
    // Who is made a coordinator now was none when it said so.
    let second = s.device(2).device();
    s.device(0).set_role(second, Role::Coordinator).unwrap();
    s.settle(&[1, 2, 3]);
    assert_eq!(s.device(1).status().unwrap().own.acknowledged, 0);
    s.settle(&[0, 1, 2, 3]);
    s.log(0, 20);
    s.wander(&[0, 1, 2, 3]);
    s.settle(&[0, 1, 2, 3]);
    assert_eq!(s.device(1).status().unwrap().own.acknowledged, 1);
    s.are_alike(&[0, 1, 2, 3], 8);
}

#[test]
fn only_who_keeps_the_work_frees_it() {
    play(only_keepers_acknowledge);
}

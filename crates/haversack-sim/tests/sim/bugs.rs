//! Each seeded fault is found, under the seed and by the checker that its row names; and without it that seed is sound.

use haversack_core::sim::Bug;
use haversack_sim::{BUGS, History, Setup, run_seed};

/// How many of them must be found.
const FOUND_MIN: usize = 15;

#[test]
fn seeded_faults_are_found_by_their_checkers() {
    for row in BUGS {
        let Some(seed) = row.seed else { continue };
        let setup = Setup::default();
        let checker = |bug| {
            let found = run_seed(seed, &Setup { bug, ..setup }).finding;
            found.map(|found| found.checker.name())
        };
        assert_eq!(checker(Some(row.bug)), Some(row.checker.name()), "{} under {seed}", row.name);
        assert_eq!(checker(None), None, "seed {seed} without {}", row.name);
    }
    assert!(BUGS.iter().filter(|row| row.seed.is_some()).count() >= FOUND_MIN);
}

/// What forks take to show is drawn too seldom: a history that once failed shows it.
#[test]
fn a_fault_of_forks_is_found_in_a_history() {
    let text =
        include_str!("../../../../fixtures/seeds/copy-went-on-at-a-place-that-nobody-offers.json");
    let history = History::read(text).unwrap();
    let found = history.play(Some(Bug::ForgetNamed)).finding;
    assert_eq!(found.map(|found| found.checker.name()), Some("acknowledged-is-kept"));
    assert_eq!(history.play(None).finding, None);
}

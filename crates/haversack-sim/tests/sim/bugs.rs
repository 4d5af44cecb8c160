//! Each seeded fault is found, under the seed and by the checker that its row names; and without it that seed is sound.

use haversack_sim::{BUGS, Setup, run_seed};

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

//! Each seeded fault is found, under the seed and by the checker that its row names.

use haversack_sim::{BUGS, Setup, run_seed};

#[test]
fn seeded_faults_are_found_by_their_checkers() {
    for row in BUGS {
        let Some(seed) = row.seed else { continue };
        let setup = Setup { steps: 150, bug: Some(row.bug), twice_every: 0, ..Setup::default() };
        let found = run_seed(seed, &setup).finding.map(|found| found.checker.name());
        assert_eq!(found, Some(row.checker.name()), "{} under seed {seed}", row.name);
    }
    assert!(BUGS.iter().filter(|row| row.seed.is_some()).count() >= 13);
}

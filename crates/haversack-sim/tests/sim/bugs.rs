//! Each seeded fault is found, under the seed and by the checker that its row names; and without it that seed is sound.

use std::path::Path;

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

/// What takes a fork or a copy to show is drawn too seldom: histories show it, whatever seeds draw.
#[test]
fn seldom_faults_are_found_in_histories() {
    let check = |file: &str, name: &str| {
        let row = BUGS.into_iter().find(|row| row.name == name).unwrap();
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(file);
        let history = History::read(&std::fs::read_to_string(path).unwrap()).unwrap();
        let found = history.play(Some(row.bug)).finding;
        let found = found.map(|found| found.checker.name());
        assert_eq!(found, Some(row.checker.name()), "{name} in {file}");
        assert_eq!(history.play(None).finding, None, "{file} without {name}");
    };
    check("seeds/copy-went-on-at-a-place-that-nobody-offers.json", "forget-named");
    check("faults/ack-without-hash.json", "ack-without-hash");
    check("faults/forget-former.json", "forget-former");
    check("faults/skip-cut.json", "skip-cut");
}

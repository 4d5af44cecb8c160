//! Fleets under many seeds, histories that once failed, and seeded faults.

mod bugs;

use std::path::Path;
use std::sync::Mutex;

use haversack_sim::{BUGS, Checker, History, Setup, draw, run_acts, run_many, shrink};

/// Seeds that every run of the tests plays, from 0; `HAVERSACK_SIM_SEEDS` asks for more.
const SEEDS: u64 = 50;

#[test]
fn every_promise_is_kept() {
    let asked = std::env::var("HAVERSACK_SIM_SEEDS").ok().and_then(|text| text.parse().ok());
    let failed = Mutex::new(Vec::new());
    run_many(
        0..asked.unwrap_or(SEEDS),
        &Setup { twice_every: 8, ..Setup::default() },
        &|seed, outcome| {
            failed
                .lock()
                .unwrap()
                .extend(outcome.finding.map(|found| format!("seed {seed}: {found}")));
            true
        },
    );
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "\n{}\n", failed.join("\n"));
}

#[test]
fn what_once_failed_does_not_any_more() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/seeds");
    let mut played = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let history = History::read(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let found = history.play(None).finding;
        assert_eq!(found, None, "{}: {}", path.display(), history.about);
        played += 1;
    }
    assert!(played > 0);
}

#[test]
fn other_seeds_and_other_acts_make_other_runs() {
    let setup = Setup { steps: 30, ..Setup::default() };
    let hash = |seed, acts| run_acts(seed, &setup, &draw(acts, 30), false).hash;
    assert_eq!(hash(1, 1), hash(1, 1));
    assert_ne!(hash(1, 1), hash(1, 2));
    assert_ne!(hash(1, 1), hash(2, 1));
}

/// What shows only beside another run of the same acts is made smaller beside that.
#[test]
fn what_other_clocks_change_is_made_smaller() {
    let bug = BUGS.into_iter().find(|row| row.name == "trust-the-clock").unwrap().bug;
    let setup = Setup { steps: 30, bug: Some(bug), ..Setup::default() };
    let (acts, outcome) = shrink(37, &setup, Checker::ClocksDoNotMatter);
    assert!(acts.len() < setup.steps);
    assert_eq!(outcome.finding.map(|found| found.checker), Some(Checker::ClocksDoNotMatter));
}

//! Making a failing run smaller: shorter, then with fewer things that go wrong, as long as the same checker finds something.

use crate::act::Act;
use crate::finding::Checker;
use crate::run::{Outcome, Setup, run_acts, run_compared};

/// Runs that are tried at most.
const TRIES_MAX: usize = 250;

/// The smallest run that was found, and what it came to.
#[must_use]
pub fn shrink(seed: u64, setup: &Setup, checker: Checker) -> (Vec<Act>, Outcome) {
    let run = |acts: &[Act]| match checker {
        Checker::Deterministic | Checker::ClocksDoNotMatter => run_compared(seed, setup, acts),
        _ => run_acts(seed, setup, acts, false),
    };
    let mut acts = setup.acts(seed);
    let mut outcome = run(&acts);
    let mut tries = 0;
    let mut size = acts.len().div_ceil(2);
    while size > 0 && tries < TRIES_MAX {
        let mut at = 0;
        while at < acts.len() && tries < TRIES_MAX {
            let mut fewer = acts.clone();
            fewer.drain(at..(at + size).min(acts.len()));
            let tried = run(&fewer);
            tries += 1;
            match tried.finding.as_ref().is_some_and(|found| found.checker == checker) {
                true => (acts, outcome) = (fewer, tried),
                false => at += size,
            }
        }
        size /= 2;
    }
    (acts, outcome)
}

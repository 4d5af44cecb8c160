//! Runs, alone and by the thousand.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use haversack_core::sim::Bug;

use crate::act::{Act, draw, with_meetings, with_packs};
use crate::finding::{Checker, Finding};
use crate::world::World;

/// What is run.
#[derive(Debug, Clone, Copy)]
pub struct Setup {
    /// Steps of a run.
    pub steps: usize,
    /// Devices of the team when a run begins: at least two.
    pub devices: usize,
    /// The fault that is seeded, if any.
    pub bug: Option<Bug>,
    /// Whether coordinators make packs.
    pub packs: bool,
    /// Whether devices meet without a relay, carriers join files, and clients are erased.
    pub meetings: bool,
    /// Every so many seeds, the same is run once more, and once with other clocks. 0 for never.
    pub twice_every: u64,
}

impl Default for Setup {
    fn default() -> Self {
        Self { steps: 60, devices: 4, bug: None, packs: false, meetings: false, twice_every: 50 }
    }
}

impl Setup {
    /// What happens under a seed.
    #[must_use]
    pub fn acts(&self, seed: u64) -> Vec<Act> {
        let acts = draw(seed, self.steps);
        let acts = if self.packs { with_packs(seed, acts) } else { acts };
        if self.meetings { with_meetings(seed, acts) } else { acts }
    }
}

/// What a run came to.
#[derive(Debug)]
pub struct Outcome {
    /// What was found, if anything.
    pub finding: Option<Finding>,
    /// What happened.
    pub trace: Vec<String>,
    /// The trace and the end state, in one hash.
    pub hash: String,
}

/// Runs some acts under a seed.
#[must_use]
pub fn run_acts(seed: u64, setup: &Setup, acts: &[Act], wrong_clocks: bool) -> Outcome {
    let world = World::new(seed, setup.devices, wrong_clocks);
    let mut world = match world {
        Ok(world) => world,
        Err(finding) => {
            return Outcome { finding: Some(finding), trace: Vec::new(), hash: String::new() };
        }
    };
    haversack_core::sim::seed(setup.bug);
    let run = catch_unwind(AssertUnwindSafe(|| world.run(acts)));
    haversack_core::sim::seed(None);
    let finding = match run {
        Ok(run) => run.err(),
        Err(_) => Checker::Liveness.found::<()>("the engine panicked").err(),
    };
    Outcome { finding, trace: world.trace.lines().to_vec(), hash: world.trace.hash() }
}

/// Runs a seed, and once more where its turn has come.
#[must_use]
pub fn run_seed(seed: u64, setup: &Setup) -> Outcome {
    let acts = setup.acts(seed);
    match setup.twice_every > 0 && seed.is_multiple_of(setup.twice_every) {
        true => run_compared(seed, setup, &acts),
        false => run_acts(seed, setup, &acts, false),
    }
}

/// Runs acts; where nothing is found, once more, and once with other clocks: all must come to the same.
#[must_use]
pub(crate) fn run_compared(seed: u64, setup: &Setup, acts: &[Act]) -> Outcome {
    let first = run_acts(seed, setup, acts, false);
    if first.finding.is_some() {
        return first;
    }
    let again = run_acts(seed, setup, acts, false);
    let other_clocks = run_acts(seed, setup, acts, true);
    let finding = if again.hash != first.hash {
        Checker::Deterministic.found::<()>("the same seed made another run").err()
    } else if other_clocks.hash != first.hash {
        let what =
            other_clocks.finding.map_or("the end is another".into(), |found| found.to_string());
        Checker::ClocksDoNotMatter.found::<()>(what).err()
    } else {
        None
    };
    Outcome { finding, ..first }
}

/// Runs many seeds, in as many threads as there are processors; `each` is told of every one, in no order, and says whether to go
/// on.
pub fn run_many(
    seeds: std::ops::Range<u64>,
    setup: &Setup,
    each: &(dyn Fn(u64, Outcome) -> bool + Sync),
) {
    let next = AtomicU64::new(seeds.start);
    let stopped = Mutex::new(false);
    let threads = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    let is_over = *stopped.lock().unwrap_or_else(PoisonError::into_inner);
                    if seed >= seeds.end || is_over {
                        return;
                    }
                    if !each(seed, run_seed(seed, setup)) {
                        *stopped.lock().unwrap_or_else(PoisonError::into_inner) = true;
                    }
                }
            });
        }
    });
}

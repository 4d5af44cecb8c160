//! Who does what when. Drawn from a seed, so that a run can be repeated.

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

/// Somebody who syncs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    Coordinator,
    /// An educator, from 0.
    Educator(usize),
}

/// What happens next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// The educator of the n-th outing logs it.
    Log(usize),
    /// Somebody meets the relay; the connection breaks after so many bytes, or not at all.
    Sync(Who, Option<u64>),
}

/// A run: which educator never meets the relay, which one only at the end, and the steps.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) carried: Option<usize>,
    pub(super) steps: Vec<Step>,
}

impl Plan {
    /// Draws a plan for outings, given by their educators in order of days.
    pub(super) fn draw(seed: u64, educators: usize, outings: &[usize]) -> Self {
        let mut dice = Dice(ChaCha20Rng::seed_from_u64(seed));
        let carried = (educators > 1).then(|| dice.below(educators));
        let late = (educators > 2).then(|| dice.below(educators));
        let mut steps = Vec::new();
        for outing in 0..outings.len() {
            steps.push(Step::Log(outing));
            if dice.below(3) == 0 {
                let who = match dice.below(educators + 1) {
                    n if n == educators => Who::Coordinator,
                    n => Who::Educator(n),
                };
                let meets = |n| Some(n) != carried && Some(n) != late;
                if matches!(who, Who::Coordinator) || matches!(who, Who::Educator(n) if meets(n)) {
                    dice.syncs(who, &mut steps);
                }
            }
        }
        dice.last_round(educators, carried, &mut steps);
        Self { carried, steps }
    }
}

struct Dice(ChaCha20Rng);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        (self.0.next_u64() % n.max(1) as u64) as usize
    }

    /// A sync, perhaps broken, perhaps once more.
    fn syncs(&mut self, who: Who, steps: &mut Vec<Step>) {
        let cut = match self.below(3) {
            0 => Some(self.below(6_000) as u64),
            _ => None,
        };
        steps.push(Step::Sync(who, cut));
        if self.below(4) == 0 {
            steps.push(Step::Sync(who, None));
        }
    }

    /// At the end everybody who meets the relay does so, in a drawn order, twice: then all have all.
    fn last_round(&mut self, educators: usize, carried: Option<usize>, steps: &mut Vec<Step>) {
        let mut all: Vec<Who> =
            (0..educators).filter(|n| Some(*n) != carried).map(Who::Educator).collect();
        all.push(Who::Coordinator);
        for _ in 0..2 {
            for n in (1..all.len()).rev() {
                all.swap(n, self.below(n + 1));
            }
            steps.extend(all.iter().map(|who| Step::Sync(*who, None)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_a_plan_and_everything_is_logged_once() {
        let outings = vec![0, 1, 2, 3, 4, 0, 1];
        let steps = |seed| Plan::draw(seed, 5, &outings).steps;
        assert_eq!(steps(1), steps(1));
        assert_ne!(steps(1), steps(2));
        let logged: Vec<_> =
            steps(3).into_iter().filter(|step| matches!(step, Step::Log(_))).collect();
        assert_eq!(logged, (0..7).map(Step::Log).collect::<Vec<_>>());
    }

    #[test]
    fn whoever_is_carried_never_syncs() {
        for seed in 0..50 {
            let plan = Plan::draw(seed, 5, &[0, 1, 2, 3, 4, 0, 1, 2, 3, 4]);
            let carried = Who::Educator(plan.carried.unwrap());
            assert!(
                plan.steps
                    .iter()
                    .all(|step| !matches!(step, Step::Sync(who, _) if *who == carried))
            );
        }
        assert_eq!(Plan::draw(1, 1, &[0]).carried, None);
    }
}

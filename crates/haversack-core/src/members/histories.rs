//! Random histories of teams: what must hold whatever happens, and in whatever order it is learned of.
//!
//! Phones are groups with keys, mailboxes are lists, and whatever the protocol leaves open is drawn: who meets whom, who
//! reads how far, who is seized and says what. The same runs over a stand-in for the primitives, thousands of
//! times, and over the real ones.

mod cases;
mod check;
mod compare;
mod exhaustive;
mod phone;
mod scene;
mod world;

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

use crate::crypto::{KemSecret, Real, SignKey, Suite, Symbolic};

/// Makes keys from numbers.
pub(super) trait Keys: Suite {
    fn sign_key(n: u64) -> Self::Sign;
    fn kem_key(n: u64) -> Self::Kem;
}

fn seed(n: u64) -> [u8; 32] {
    // Spread over all bytes: X25519 does not look at the lowest bits.
    haversack_wire::hash::keyed(&[7; 32], &[&n.to_le_bytes()])
}

impl Keys for Symbolic {
    fn sign_key(n: u64) -> [u8; 32] {
        seed(n)
    }

    fn kem_key(n: u64) -> [u8; 32] {
        seed(n + (1 << 32))
    }
}

impl Keys for Real {
    fn sign_key(n: u64) -> SignKey {
        SignKey::from_seed(&seed(n))
    }

    fn kem_key(n: u64) -> KemSecret {
        KemSecret::new(seed(n + (1 << 32)))
    }
}

/// What is drawn.
pub(super) struct Dice(ChaCha20Rng);

impl Dice {
    fn new(seed: u64) -> Self {
        Self(ChaCha20Rng::seed_from_u64(seed))
    }

    pub(super) fn below(&mut self, n: usize) -> usize {
        (self.0.next_u64() % n.max(1) as u64) as usize
    }

    pub(super) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub(super) fn pick<'t, T>(&mut self, all: &'t [T]) -> Option<&'t T> {
        all.get(self.below(all.len()))
    }
}

#[test]
fn one_history() {
    let Ok(seed) = std::env::var("HAVERSACK_HISTORY") else { return };
    let seed = seed.parse().unwrap();
    match std::env::var_os("HAVERSACK_REAL") {
        None => run::<Symbolic>(seed..seed + 1, 24),
        Some(_) => run::<Real>(seed..seed + 1, 24),
    }
}

fn run<S: Keys>(seeds: std::ops::Range<u64>, steps: usize) {
    for seed in seeds {
        let caught = std::panic::catch_unwind(|| {
            let mut dice = Dice::new(seed);
            let mut world = world::World::<S>::found(&mut dice);
            // Half of the teams meet no enemy: for those, more must hold.
            world.hostile = seed % 2 == 1;
            for _ in 0..steps {
                world.step(&mut dice);
            }
            world.settle(&mut dice);
            check::all(&world);
        });
        assert!(caught.is_ok(), "history {seed} of {steps} steps");
    }
}

/// Runs on both cores of a small machine.
fn run_all<S: Keys>(count: u64, steps: usize) {
    let half = count / 2;
    std::thread::scope(|scope| {
        scope.spawn(move || run::<S>(0..half, steps));
        scope.spawn(move || run::<S>(half..count, steps));
    });
}

fn count(variable: &str, usual: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

#[test]
fn symbolic_histories_keep_every_promise() {
    run_all::<Symbolic>(count("HAVERSACK_HISTORIES", 2_000), 24);
}

#[test]
fn real_histories_keep_every_promise() {
    run_all::<Real>(count("HAVERSACK_REAL_HISTORIES", 40), 24);
}

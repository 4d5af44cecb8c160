//! Chance, from a seed.

use haversack_core::Random;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Draws numbers.
#[derive(Debug)]
pub(crate) struct Dice(ChaCha20Rng);

impl Dice {
    /// The same numbers for the same seed.
    #[must_use]
    pub(crate) fn new(seed: u64) -> Self {
        Self(ChaCha20Rng::seed_from_u64(seed))
    }

    /// Any number.
    pub(crate) fn number(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number below another one, which is not 0.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.number() % (n.max(1) as u64)) as usize
    }
}

/// What an engine takes its randomness from: its own for every time that a store is opened.
#[must_use]
pub(crate) fn random(seed: u64, store: usize, opened: u64) -> Random {
    let mut key = [0; 32];
    let parts = [seed, store as u64, opened].map(u64::to_le_bytes).concat();
    key.iter_mut().zip(parts).for_each(|(to, from)| *to = from);
    Box::new(ChaCha20Rng::from_seed(key))
}

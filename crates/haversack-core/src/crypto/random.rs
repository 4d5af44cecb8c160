//! Randomness is handed in, so that a run can be replayed from a seed.

use rand_core::CryptoRng;

/// Where an engine takes its randomness from: the system's, or a seeded one in tests.
pub type Random = Box<dyn CryptoRng + Send>;

/// N random bytes.
pub(crate) fn bytes<const N: usize>(random: &mut dyn CryptoRng) -> [u8; N] {
    let mut out = [0; N];
    random.fill_bytes(&mut out);
    out
}

//! What stretching a passphrase costs, and finding out what a device can bear.

use std::time::Duration;

use crate::Error;

/// What stretching a passphrase costs, within bounds that are checked before memory is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

/// Passes that are measured, and the fewest that are ever made.
const PASSES_MIN: u32 = 2;
const PASSES_MAX: u32 = 16;
/// Memory that is tried in turn: 64, 48 and 32 MiB.
const MEMORY_KIB: [u32; 3] = [65_536, 49_152, 32_768];
const AIM_MIN: Duration = Duration::from_millis(600);
const AIM_MAX: Duration = Duration::from_millis(1_000);

impl Cost {
    /// The floor: 19 MiB, two passes (OWASP's minimum for Argon2id).
    pub const FLOOR: Self = Self { memory_kib: 19_456, passes: PASSES_MIN, lanes: 1 };
    /// What a new store takes where nothing was calibrated: 64 MiB, three passes.
    pub const DEFAULT: Self = Self { memory_kib: 65_536, passes: 3, lanes: 1 };

    /// Checks the bounds: memory 19,456–1,048,576 KiB, passes 2–16, lanes 1–4.
    ///
    /// # Errors
    /// [`Error::Invalid`] outside of them.
    pub fn new(memory_kib: u32, passes: u32, lanes: u32) -> Result<Self, Error> {
        let within = (19_456..=1_048_576).contains(&memory_kib)
            && (PASSES_MIN..=PASSES_MAX).contains(&passes)
            && (1..=4).contains(&lanes);
        match within {
            true => Ok(Self { memory_kib, passes, lanes }),
            false => Err(Error::invalid("key stretching cost", "is out of bounds")),
        }
    }

    /// Finds what takes 0.6 to 1.0 s with 32 to 64 MiB, the most memory first. `measure` stretches once at a
    /// cost and says how long it took. A device that is too slow for 32 MiB gets the floor, however long that takes;
    /// one that is fast gets sixteen passes at most.
    pub fn calibrate(mut measure: impl FnMut(Self) -> Duration) -> Self {
        let mut fits = |memory_kib| {
            let probe = Self { memory_kib, passes: PASSES_MIN, lanes: 1 };
            let took = measure(probe);
            (took <= AIM_MAX).then(|| Self { passes: passes_for(took), ..probe })
        };
        MEMORY_KIB.into_iter().find_map(&mut fits).unwrap_or(Self::FLOOR)
    }

    /// The higher of each part: a cost is never lowered.
    #[must_use]
    pub fn at_least(self, other: Self) -> Self {
        Self {
            memory_kib: self.memory_kib.max(other.memory_kib),
            passes: self.passes.max(other.passes),
            lanes: self.lanes.max(other.lanes),
        }
    }

    /// (memory in KiB, passes, lanes)
    #[must_use]
    pub const fn parts(&self) -> (u32, u32, u32) {
        (self.memory_kib, self.passes, self.lanes)
    }
}

/// The fewest passes that reach the aim, when [`PASSES_MIN`] took so long.
fn passes_for(took: Duration) -> u32 {
    let pass = (took / PASSES_MIN).as_micros().max(1);
    let passes = AIM_MIN.as_micros().div_ceil(pass);
    u32::try_from(passes).unwrap_or(PASSES_MAX).clamp(PASSES_MIN, PASSES_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cost_has_bounds() {
        assert!(Cost::new(19_455, 2, 1).is_err());
        assert!(Cost::new(u32::MAX, 2, 1).is_err());
        assert!(Cost::new(65_536, 17, 1).is_err());
        assert!(Cost::new(65_536, 3, 0).is_err());
        assert_eq!(Cost::new(65_536, 3, 1).unwrap(), Cost::DEFAULT);
    }

    #[test]
    fn is_never_lowered() {
        let many = Cost::new(32_768, 9, 1).unwrap();
        assert_eq!(Cost::DEFAULT.at_least(many).parts(), (65_536, 9, 1));
    }

    /// A device that needs so many microseconds for a pass over a MiB.
    fn check(micros: u64, expect: (u32, u32)) {
        let time = |cost: Cost| {
            let (memory, passes, _) = cost.parts();
            Duration::from_micros(micros * u64::from(memory / 1_024) * u64::from(passes))
        };
        let found = Cost::calibrate(time);
        assert_eq!((found.memory_kib / 1_024, found.passes), expect, "{micros}");
        let is_aimed_at = (AIM_MIN..=AIM_MAX).contains(&time(found));
        assert!(is_aimed_at || found.passes == PASSES_MAX || found == Cost::FLOOR, "{micros}");
    }

    #[test]
    fn every_device_gets_what_it_can_bear() {
        for (micros, expect) in [
            (0, (64, 16)),
            (100, (64, 16)),
            (583, (64, 16)),
            (1_000, (64, 10)),
            (5_000, (64, 2)),
            (7_800, (64, 2)),
            (8_000, (48, 2)),
            (12_000, (32, 2)),
            (15_600, (32, 2)),
            (16_000, (19, 2)),
            (1_000_000, (19, 2)),
        ] {
            check(micros, expect);
        }
        (600..15_600).step_by(7).for_each(|micros| {
            let time = |cost: Cost| {
                let (memory, passes, _) = cost.parts();
                Duration::from_micros(micros * u64::from(memory / 1_024) * u64::from(passes))
            };
            let found = Cost::calibrate(time);
            assert!((AIM_MIN..=AIM_MAX).contains(&time(found)), "{micros}");
        });
    }
}

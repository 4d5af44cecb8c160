//! Padding: PADMÉ with a floor (§ 3.1).

use crate::{
    Error,
    limits::{FRAME_MAX, FRAME_MIN},
};

/// The PADMÉ length of a frame, at least 256 and at most 32,768.
///
/// # Errors
/// [`Error::Limit`] when the frame is over 32,768 bytes before padding.
pub fn padded(frame_len: usize) -> Result<usize, Error> {
    if frame_len > FRAME_MAX {
        return Err(Error::Limit {
            what: "frame",
            found: frame_len as u64,
            limit: FRAME_MAX as u64,
        });
    }
    Ok(padme(frame_len).clamp(FRAME_MIN, FRAME_MAX))
}

/// How much of a frame's length shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Padding {
    /// PADMÉ over a floor of 256 bytes: at most 12 % is added.
    #[default]
    Padme,
    /// The next of 2, 4, 8, 16 and 32 KiB: for teams to which even that is too much.
    HighRisk,
}

impl Padding {
    /// The length that a frame gets.
    ///
    /// # Errors
    /// [`Error::Limit`] when the frame is over 32,768 bytes before padding.
    pub fn padded(self, frame_len: usize) -> Result<usize, Error> {
        let padded = padded(frame_len)?;
        Ok(match self {
            Self::Padme => padded,
            Self::HighRisk => frame_len.next_power_of_two().clamp(HIGH_RISK_MIN, FRAME_MAX),
        })
    }
}

/// The smallest frame under [`Padding::HighRisk`].
const HIGH_RISK_MIN: usize = 2_048;

/// PADMÉ (Nikitin et al., PoPETs 2019): rounds so that O(log log L) bits of a length show and at most
/// 12 % is added.
#[must_use]
pub fn padme(len: usize) -> usize {
    if len < 2 {
        return len;
    }
    let e = len.ilog2();
    let s = e.ilog2() + 1;
    let mask = (1_usize << (e - s.min(e))) - 1;
    (len + mask) & !mask
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors() {
        let check = |len, expect| assert_eq!(padded(len).unwrap(), expect, "{len}");
        check(0, 256);
        check(256, 256);
        check(257, 272);
        check(1_000, 1_024);
        check(1_025, 1_088);
        check(9_001, 9_216);
        check(32_768, 32_768);
        assert!(padded(32_769).is_err());
    }

    #[test]
    fn five_lengths_are_all_that_shows_under_high_risk() {
        let check = |len, expect| assert_eq!(Padding::HighRisk.padded(len).unwrap(), expect);
        check(0, 2_048);
        check(2_048, 2_048);
        check(2_049, 4_096);
        check(9_001, 16_384);
        check(16_385, 32_768);
        check(32_768, 32_768);
        assert!(Padding::HighRisk.padded(32_769).is_err());
        let lengths: std::collections::BTreeSet<usize> =
            (0..=FRAME_MAX).map(|len| Padding::HighRisk.padded(len).unwrap()).collect();
        assert_eq!(lengths.len(), 5);
        assert_eq!(Padding::default().padded(257), padded(257));
    }

    #[test]
    fn never_shorter_and_at_most_an_eighth_longer() {
        for len in 2..40_000 {
            let out = padme(len);
            assert!(out >= len && out - len <= len / 8 + 1, "{len} -> {out}");
        }
    }
}

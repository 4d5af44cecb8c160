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
    fn never_shorter_and_at_most_an_eighth_longer() {
        for len in 2..40_000 {
            let out = padme(len);
            assert!(out >= len && out - len <= len / 8 + 1, "{len} -> {out}");
        }
    }
}

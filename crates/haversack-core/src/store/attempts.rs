//! Wrong attempts: how long to wait after them.

use std::path::Path;
use std::time::Duration;

use super::HeaderFiles;
use crate::Error;

/// So many wrong attempts cost no waiting.
const FREE: u32 = 3;
const WAIT_MAX: Duration = Duration::from_secs(15 * 60);

/// Where the count of wrong attempts stands. It is in the header in plain: whoever has the folder can read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempts {
    /// Wrong ones since the last right one, and one that may be under way.
    pub wrong: u32,
    /// The wait before the next is taken.
    pub wait: Duration,
    /// How many more wrong ones wipe the store; `None` when none do.
    pub left: Option<u32>,
}

/// Where the count of wrong attempts of a folder's store stands. Tries nothing and changes nothing.
///
/// # Errors
/// [`Error::NoStore`], [`Error::Wiped`], [`Error::Damaged`], [`Error::Newer`], [`Error::Io`].
pub fn attempts(folder: &Path) -> Result<Attempts, Error> {
    let header = HeaderFiles::in_folder(folder).read()?;
    let limit = Some(u32::from(header.wipe_after)).filter(|limit| *limit > 0);
    Ok(Attempts {
        wrong: header.attempts,
        wait: wait(header.attempts),
        left: limit.map(|limit| limit.saturating_sub(header.attempts)),
    })
}

/// The wait before the next attempt, after so many wrong ones: none for the first three, then 1 s, doubled each time
/// up to 15 minutes.
#[must_use]
pub fn wait(attempts: u32) -> Duration {
    let doublings = match attempts.checked_sub(FREE + 1) {
        None => return Duration::ZERO,
        Some(doublings) => doublings.min(16),
    };
    Duration::from_secs(1 << doublings).min(WAIT_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_to_a_quarter_of_an_hour() {
        let seconds: Vec<u64> = (0..16).map(|attempts| wait(attempts).as_secs()).collect();
        assert_eq!(seconds, [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
        assert_eq!(wait(u32::MAX), WAIT_MAX);
    }
}

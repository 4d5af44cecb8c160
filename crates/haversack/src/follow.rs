//! Staying in touch: syncing whenever the relay says that there is something, and going easy on it when it does not answer.

use std::time::Duration;

use haversack_core::RelayRoute;
use tokio::time::{Instant, sleep};

use crate::notebook::blocking;
use crate::{Error, Notebook, RelayUrl, SyncReport, http};

/// The first pause after a failure; it doubles with each further one.
const PAUSE_MIN: Duration = Duration::from_secs(4);
/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(15 * 60);
/// A whole team hears of news at once: each device waits for up to so long before it comes.
const SPREAD_TIME_MAX: Duration = Duration::from_secs(2);
/// How an event begins; other lines are signs of life.
const NEWS: &[u8] = b"data:";

impl Notebook {
    /// Syncs with a relay, then again whenever it has something new, until that cannot work any more. `told` hears how each
    /// sync went. After a failure it waits, 4 seconds and more each time, up to a quarter of an hour, half of it by chance.
    ///
    /// Drop it to stop; nothing is lost. It does not keep the notebook from locking when idle, and ends with that.
    ///
    /// # Errors
    /// What trying again cannot mend: the address, the proxy's address, another relay, this store.
    pub async fn follow(
        &self,
        url: &RelayUrl,
        mut told: impl FnMut(&Result<SyncReport, Error>),
    ) -> Error {
        let this = self.in_background();
        let (mut failures, mut called) = (0, false);
        loop {
            let synced = this.sync(url).await;
            told(&synced);
            let moved = synced.as_ref().is_ok_and(|r| r.pushed > 0 || r.received.applied > 0);
            let began = Instant::now();
            let waited = match synced {
                Ok(_) => this.wait_for_news(url).await,
                Err(error) => Err(error),
            };
            // Whoever called for this sync, and had nothing, does not make up for it by keeping quiet for a while.
            let is_of_use = moved || (!called && began.elapsed() >= PAUSE_MIN);
            called = matches!(waited, Ok(true));
            let (from, to) = match waited {
                Err(error) if error.is_lasting() => return error,
                Ok(news) => rest(&mut failures, is_of_use, news),
                Err(_) => rest(&mut failures, false, false),
            };
            sleep(jittered(from, to)).await;
        }
    }

    /// Waits until a relay says that a sync would bring something; `false` when it has waited long enough without.
    ///
    /// # Errors
    /// As [`Notebook::sync`]; [`Error::NotARelay`] at one that cannot wake.
    pub async fn wait_for_news(&self, url: &RelayUrl) -> Result<bool, Error> {
        let way = self.way(url)?;
        let relay = self.meet(&way, &mut SyncReport::default()).await?;
        let (this, route) = (self.clone(), RelayRoute { relay, admission: Vec::new() });
        let request = blocking(move || this.with(|engine| engine.wake_request(&route))).await?;
        let mut answer = http::wake(&way, request).await?;
        let mut line = Vec::new();
        while let Some(bytes) = answer.next_chunk().await? {
            if is_news(&mut line, &bytes) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Whether a line that begins as an event does came with these bytes. Of a line only its beginning is kept.
fn is_news(line: &mut Vec<u8>, bytes: &[u8]) -> bool {
    for byte in bytes {
        match byte {
            b'\n' => line.clear(),
            byte if line.len() < NEWS.len() => line.push(*byte),
            _ => {}
        }
        if line == NEWS {
            return true;
        }
    }
    false
}

/// Between which times to wait before the next round: a little where there is news, longer and longer where one round after another
/// failed or came to nothing at once, as a relay can make them that ends every wait or cries wolf.
fn rest(failures: &mut u32, is_of_use: bool, news: bool) -> (Duration, Duration) {
    let spread = (Duration::ZERO, if news { SPREAD_TIME_MAX } else { Duration::ZERO });
    if is_of_use {
        *failures = 0;
        return spread;
    }
    let before = *failures;
    *failures = failures.saturating_add(1);
    match before {
        // Once may be by chance.
        0 if news => spread,
        _ => (pause(before) / 2, pause(before)),
    }
}

/// How long to wait after so many failures before this one.
fn pause(failures: u32) -> Duration {
    PAUSE_MIN.saturating_mul(2_u32.saturating_pow(failures)).min(PAUSE_MAX)
}

/// A time between two, by chance: a team that lost its relay must not come back in step.
fn jittered(from: Duration, to: Duration) -> Duration {
    let mut random = [0; 4];
    // Without randomness everybody takes the longest.
    let part = getrandom::fill(&mut random).map_or(u32::MAX, |()| u32::from_le_bytes(random));
    from + (to - from).mul_f64(f64::from(part) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_bound_and_differ() {
        assert_eq!([0, 1, 2].map(|n| pause(n).as_secs()), [4, 8, 16]);
        assert_eq!((pause(8), pause(u32::MAX)), (PAUSE_MAX, PAUSE_MAX));
        let times: Vec<Duration> = (0..32).map(|_| jittered(PAUSE_MIN, PAUSE_MAX)).collect();
        assert!(times.iter().all(|time| (PAUSE_MIN..=PAUSE_MAX).contains(time)));
        assert!(times.iter().any(|time| *time != times[0]));
    }

    /// A relay that ends every wait at once, or says every time that there is news where there is none, is asked less and less.
    #[test]
    fn who_cries_wolf_is_asked_less_and_less() {
        for news in [false, true] {
            let mut failures = 0;
            let waits = [(); 5].map(|()| rest(&mut failures, false, news).1.as_secs());
            let first = if news { 2 } else { 4 };
            assert_eq!(waits, [first, 8, 16, 32, 64]);
            let spread = rest(&mut failures, true, news).1;
            assert_eq!(
                (failures, spread),
                (0, if news { SPREAD_TIME_MAX } else { Duration::ZERO })
            );
        }
    }

    #[test]
    fn news_in_pieces_of_any_size() {
        let check = |text: &[u8], expect: bool| {
            for size in 1..=text.len() {
                let mut line = Vec::new();
                let found = text.chunks(size).any(|piece| is_news(&mut line, piece));
                assert_eq!(found, expect, "{} by {size}", text.escape_ascii());
            }
        };
        check(b":\n\n:\n\ndata: changed\n\n", true);
        check(b"event: x\ndata:\n\n", true);
        check(b":\n\n: data: no\n\n", false);
    }
}

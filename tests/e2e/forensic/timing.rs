//! Whether a clock tells what a passphrase was: right, wrong, for duress, or empty.
//!
//! No limit on a time: attempts of all kinds are made in random order in one run, and the ranks of their times compared. If
//! the kinds are alike, any order of the names is as likely as any other, however noisy the machine is, and the
//! Mann-Whitney statistic, as a number of standard errors, is over 5 once in two million comparisons.

use std::path::Path;
use std::time::Instant;

use haversack::Passphrase;
use haversack_core::forensic::unlock;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::image::{copy, duress, set_duress};
use crate::canaries::plant;
use crate::team::{Team, passphrase};

const KINDS: [&str; 4] = ["right", "wrong", "duress", "empty"];
/// Attempts of each kind. `cargo xtask soak timing` makes 1,000.
const RUNS: &str = "HAVERSACK_TIMING_RUNS";
const ERRORS_MAX: f64 = 5.0;

fn secrets() -> [Passphrase; 4] {
    let text = |text: &str| Passphrase::new(text.into()).unwrap();
    [passphrase(), text("ZQ neither this nor that"), duress(), text("")]
}

/// One attempt on the header as it was before: microseconds until the vault is open or is not.
fn attempt(
    folder: &Path,
    headers: &[Vec<u8>; 2],
    secret: &Passphrase,
    random: &mut ChaCha20Rng,
) -> f64 {
    for (name, header) in ["key.a", "key.b"].iter().zip(headers) {
        std::fs::write(folder.join(name), header).unwrap();
    }
    let start = Instant::now();
    let _ = unlock(folder, secret, random);
    start.elapsed().as_secs_f64() * 1e6
}

/// How many standard errors the ranks of two samples lie apart.
fn apart(a: &[f64], b: &[f64]) -> f64 {
    let below = |x: f64| {
        b.iter()
            .map(|y| {
                if *y < x {
                    1.0
                } else if *y == x {
                    0.5
                } else {
                    0.0
                }
            })
            .sum::<f64>()
    };
    let (n, m) = (a.len() as f64, b.len() as f64);
    let u: f64 = a.iter().map(|x| below(*x)).sum();
    ((u - n * m / 2.0) / (n * m * (n + m + 1.0) / 12.0).sqrt()).abs()
}

fn median(times: &[f64]) -> f64 {
    let mut times = times.to_vec();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// The times of each kind, taken in random order.
fn times(runs: usize) -> [Vec<f64>; 4] {
    let team = Team::new(0, 0);
    plant(&team);
    set_duress(&team.coordinator);
    team.coordinator.close().unwrap();
    let store = team.folder.path().join("copy");
    copy(&team.folder.path().join("coordinator"), &store);
    let headers = ["key.a", "key.b"].map(|name| std::fs::read(store.join(name)).unwrap());
    let (mut random, secrets) = (ChaCha20Rng::seed_from_u64(1), secrets());
    let mut order: Vec<usize> = (0..runs * KINDS.len()).map(|n| n % KINDS.len()).collect();
    (1..order.len()).rev().for_each(|n| order.swap(n, random.next_u32() as usize % (n + 1)));
    let mut times = [const { Vec::new() }; 4];
    for kind in order {
        times[kind].push(attempt(&store, &headers, &secrets[kind], &mut random));
    }
    times
}

#[test]
fn a_clock_does_not_tell_what_a_passphrase_was() {
    let runs = std::env::var(RUNS).ok().and_then(|text| text.parse().ok()).unwrap_or(40);
    let times = times(runs);
    for (kind, times) in KINDS.iter().zip(&times) {
        println!("{kind:6} {runs} attempts, median {:.0} microseconds", median(times));
    }
    let mut worst: f64 = 0.0;
    for (n, a) in times.iter().enumerate() {
        for (m, b) in times.iter().enumerate().take(n) {
            println!("{} and {}: {:.1} standard errors apart", KINDS[m], KINDS[n], apart(a, b));
            worst = worst.max(apart(a, b));
        }
    }
    assert!(worst < ERRORS_MAX, "{worst:.1} standard errors");
}

#[test]
fn the_comparison_sees_a_difference_of_a_tenth_of_the_noise() {
    let mut random = ChaCha20Rng::seed_from_u64(2);
    let mut sample = |shift: f64| {
        (0..10_000).map(|_| f64::from(random.next_u32() % 1_000) + shift).collect::<Vec<_>>()
    };
    let (a, b, c) = (sample(0.0), sample(0.0), sample(30.0));
    assert!(apart(&a, &b) < ERRORS_MAX && apart(&a, &c) > ERRORS_MAX);
}

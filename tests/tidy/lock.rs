//! One generation of cryptography: two of one crate mean two traits of one name, and two sets of bugs.

use std::collections::BTreeSet;

const CRYPTOGRAPHY: [&str; 11] = [
    "aead",
    "blake2",
    "chacha20poly1305",
    "cipher",
    "curve25519-dalek",
    "digest",
    "ed25519-dalek",
    "hkdf",
    "rand_core",
    "sha2",
    "zeroize",
];

/// Crates that the lock file does not hold at exactly one version.
pub(crate) fn doubled(lock: &str) -> Vec<String> {
    let found = CRYPTOGRAPHY.iter().map(|name| (name, versions(lock, name)));
    let wrong = found.filter(|(_, versions)| versions.len() != 1);
    wrong
        .map(|(name, versions)| format!("{name} must be locked at one version, found {versions:?}"))
        .collect()
}

fn versions<'a>(lock: &'a str, name: &str) -> BTreeSet<&'a str> {
    let name = format!("name = \"{name}\"");
    let lines = || lock.lines();
    let pairs = lines().zip(lines().skip(1)).filter(|(first, _)| *first == name);
    pairs.filter_map(|(_, second)| second.strip_prefix("version = ")).collect()
}

#[test]
fn a_second_version_is_refused() {
    let package = |name: &str, version: &str| {
        format!("[[package]]\nname = \"{name}\"\nversion = \"{version}\"\n\n")
    };
    let mut lock: String = CRYPTOGRAPHY.iter().map(|name| package(name, "1.0.0")).collect();
    assert!(doubled(&lock).is_empty());
    lock += &package("digest", "0.9.0");
    assert_eq!(doubled(&lock).len(), 1);
    assert_eq!(doubled("").len(), CRYPTOGRAPHY.len());
}

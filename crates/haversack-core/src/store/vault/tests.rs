use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use tempfile::TempDir;

use super::*;
use crate::crypto::{FakeHardware, count};

/// A header in a folder, and what is tried on it.
struct Bench {
    folder: TempDir,
    random: ChaCha20Rng,
}

type Hardware<'a> = Option<&'a FakeHardware>;

fn pass(text: &str) -> Passphrase {
    Passphrase::new(text.into()).unwrap()
}

impl Bench {
    fn new(hardware: Hardware<'_>, wipe_after: u16) -> (Self, Vault) {
        let mut bench =
            Self { folder: TempDir::new().unwrap(), random: ChaCha20Rng::seed_from_u64(1) };
        let (files, passphrase) = (bench.files(), pass("right"));
        let secret = Secret { passphrase: &passphrase, hardware: hardware.map(|key| key as _) };
        let cost = (Cost::FLOOR, wipe_after);
        let mut vault = Vault::make(files, secret, cost, &mut bench.random).unwrap();
        vault.write_new(&mut bench.random).unwrap();
        (bench, vault)
    }

    fn files(&self) -> HeaderFiles {
        HeaderFiles::in_folder(self.folder.path())
    }

    fn set(&mut self, vault: &mut Vault, kind: Kind, text: &str, hardware: Hardware<'_>) {
        let passphrase = pass(text);
        let secret = Secret { passphrase: &passphrase, hardware: hardware.map(|key| key as _) };
        vault.set(kind, secret, &mut self.random).unwrap();
    }

    fn attempt(&mut self, text: &str, hardware: Hardware<'_>, waited: u64) -> Result<Vault, Error> {
        let passphrase = pass(text);
        let secret = Secret { passphrase: &passphrase, hardware: hardware.map(|key| key as _) };
        let waited = Duration::from_secs(waited);
        Vault::unlock(self.files(), secret, waited, &mut self.random)
    }

    fn attempts(&self) -> u32 {
        self.files().read().unwrap().attempts
    }
}

fn refusal(result: Result<Vault, Error>) -> String {
    result.err().map(|error| error.to_string()).unwrap_or_default()
}

#[test]
fn every_attempt_takes_the_same_work() {
    for hardware in [None, Some(&FakeHardware::new(1)), Some(&FakeHardware::gone())] {
        let (mut bench, mut vault) = Bench::new(None, 0);
        bench.set(&mut vault, Kind::Duress, "duress", None);
        bench.set(&mut vault, Kind::Recovery, "code", None);
        for text in ["right", "wrong", "code", "duress", "duress", "right"] {
            count::take();
            let _ = bench.attempt(text, hardware, 0);
            assert_eq!(count::take(), [1, 17, 2], "{text} {hardware:?}");
        }
    }
}

#[test]
fn hardware_is_needed_for_the_passphrase_and_not_for_the_recovery_code() {
    let own = FakeHardware::new(1);
    let (mut bench, mut vault) = Bench::new(Some(&own), 3);
    bench.set(&mut vault, Kind::Recovery, "code", None);
    assert_eq!(bench.attempt("right", Some(&own), 0).unwrap().opened_by(), Kind::Normal);
    assert!(matches!(bench.attempt("right", None, 0), Err(Error::WrongPassphrase)));
    let other = FakeHardware::new(2);
    assert!(matches!(bench.attempt("right", Some(&other), 0), Err(Error::WrongPassphrase)));
    assert_eq!(bench.attempts(), 2);
    // It may have been right: it does not count.
    for _ in 0..5 {
        let gone = bench.attempt("right", Some(&FakeHardware::gone()), 0);
        assert!(matches!(gone, Err(Error::Hardware)));
    }
    assert_eq!(bench.attempts(), 2);
    let mut vault = bench.attempt("code", Some(&FakeHardware::gone()), 0).unwrap();
    assert_eq!((vault.opened_by(), bench.attempts()), (Kind::Recovery, 0));
    let passphrase = pass("another");
    let secret = Secret { passphrase: &passphrase, hardware: None };
    vault.change_passphrase(secret, Cost::FLOOR, &mut bench.random).unwrap();
    assert!(bench.attempt("another", None, 0).is_ok() && bench.attempt("code", None, 0).is_ok());
    assert!(bench.attempt("right", Some(&own), 0).is_err());
}

#[test]
fn wrong_attempts_are_counted_across_restarts_and_make_the_next_one_wait() {
    let (mut bench, _) = Bench::new(None, 0);
    for attempts in 1..=4 {
        assert!(matches!(bench.attempt("wrong", None, 0), Err(Error::WrongPassphrase)));
        assert_eq!(bench.attempts(), attempts);
    }
    count::take();
    insta::assert_snapshot!(refusal(bench.attempt("right", None, 0)), @"after so many wrong attempts, the next one is taken in 1 s");
    assert_eq!((count::take(), bench.attempts()), ([0, 0, 0], 4), "nothing was tried");
    assert!(matches!(bench.attempt("wrong", None, 1), Err(Error::WrongPassphrase)));
    let again = bench.attempt("wrong", None, 1);
    assert!(matches!(again, Err(Error::TooSoon { wait }) if wait.as_secs() == 2));
    assert!(bench.attempt("right", None, 2).is_ok());
    assert_eq!(bench.attempts(), 0);
    assert!(matches!(bench.attempt("wrong", None, 0), Err(Error::WrongPassphrase)));
}

#[test]
fn an_attempt_that_is_cut_off_was_counted() {
    let (mut bench, _) = Bench::new(None, 3);
    let mut header = bench.files().read().unwrap();
    // As it is written before anything is tried.
    header.attempts = 3;
    bench.files().write(&header, &mut bench.random).unwrap();
    assert!(matches!(bench.attempt("right", None, 0), Err(Error::Wiped)));
}

#[test]
fn so_many_wrong_attempts_end_the_store() {
    let (mut bench, _) = Bench::new(None, 3);
    (0..2).for_each(|_| drop(bench.attempt("wrong", None, 0)));
    bench.attempt("right", None, 0).unwrap();
    (0..2).for_each(|_| {
        assert!(matches!(bench.attempt("wrong", None, 0), Err(Error::WrongPassphrase)));
    });
    assert!(matches!(bench.attempt("wrong", None, 0), Err(Error::Wiped)));
    assert!(matches!(bench.attempt("right", None, 900), Err(Error::Wiped)));
}

#[test]
fn a_new_passphrase_leaves_the_other_slots_unless_the_cost_rises() {
    let (mut bench, mut vault) = Bench::new(None, 0);
    bench.set(&mut vault, Kind::Duress, "duress", None);
    bench.set(&mut vault, Kind::Recovery, "old code", None);
    bench.set(&mut vault, Kind::Recovery, "code", None);
    let change = |vault: &mut Vault, text: &str, cost, random: &mut ChaCha20Rng| {
        let passphrase = pass(text);
        let secret = Secret { passphrase: &passphrase, hardware: None };
        vault.change_passphrase(secret, cost, random)
    };
    let lower = Cost::FLOOR;
    change(&mut vault, "second", lower, &mut bench.random).unwrap();
    change(&mut vault, "third", lower, &mut bench.random).unwrap();
    for text in ["duress", "code"] {
        let refused = change(&mut vault, text, lower, &mut bench.random).unwrap_err();
        insta::allow_duplicates! { insta::assert_snapshot!(refused, @"passphrase opens this store already, in another way"); }
    }
    for text in ["right", "second", "old code"] {
        assert!(bench.attempt(text, None, 0).is_err(), "{text}");
    }
    assert_eq!(bench.attempt("code", None, 0).unwrap().opened_by(), Kind::Recovery);
    let mut vault = bench.attempt("third", None, 0).unwrap();
    assert!(vault.has(Kind::Recovery) && vault.has(Kind::Duress));
    let higher = Cost::new(20_000, 3, 1).unwrap();
    change(&mut vault, "third", higher, &mut bench.random).unwrap();
    change(&mut vault, "third", lower, &mut bench.random).unwrap();
    assert_eq!(
        (vault.cost(), vault.has(Kind::Recovery), vault.has(Kind::Duress)),
        (higher, false, false)
    );
    assert!(bench.attempt("code", None, 0).is_err() && bench.attempt("duress", None, 0).is_err());
    assert_eq!(bench.attempt("third", None, 0).unwrap().keyring_key(), vault.keyring_key());
}

#[test]
fn the_duress_slot_holds_no_key_and_destroys_the_others() {
    let (mut bench, mut vault) = Bench::new(None, 0);
    bench.set(&mut vault, Kind::Duress, "duress", None);
    bench.set(&mut vault, Kind::Recovery, "code", None);
    let header = bench.files().read().unwrap();
    let slot = stretch(&pass("duress"), &header.salt, header.cost).unwrap().plain();
    let found = try_all(&[slot], &header.salt, &header.slots).unwrap();
    assert!(found.vault != vault.key && header.open_box(&found.vault).is_err());
    let opened = bench.attempt("duress", None, 0).unwrap();
    assert_eq!((opened.opened_by(), opened.live()), (Kind::Normal, Live::Renew));
    assert!(opened.key != vault.key && !opened.has(Kind::Recovery) && !opened.has(Kind::Duress));
    let after = bench.files().read().unwrap();
    assert_eq!((after.salt, after.cost), (header.salt, header.cost));
    assert!((0..8).all(|n| after.slots[n] != header.slots[n]));
    for text in ["right", "code"] {
        assert!(matches!(bench.attempt(text, None, 0), Err(Error::WrongPassphrase)), "{text}");
    }
    assert_eq!(bench.attempt("duress", None, 0).unwrap().keyring_key(), opened.keyring_key());
}

#[test]
fn a_failed_writing_leaves_what_is_held_as_it_was() {
    let (mut bench, mut vault) = Bench::new(None, 0);
    let before = vault.keyring_key().clone();
    std::fs::remove_file(bench.folder.path().join("key.b")).unwrap();
    std::fs::create_dir(bench.folder.path().join("key.b")).unwrap();
    let key = KeyringKey::make(&mut bench.random);
    assert!(vault.turn_to(Live::Second, key, &mut bench.random).is_err());
    assert_eq!((vault.keyring_key(), vault.live()), (&before, Live::First));
}

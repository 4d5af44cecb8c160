use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use tempfile::TempDir;

use super::*;
use crate::crypto::FakeHardware;
use crate::engine::{CreateOptions, OpenOptions};
use crate::model::{Client, Label};

fn random(seed: u64) -> crate::Random {
    Box::new(ChaCha20Rng::seed_from_u64(seed))
}

fn pass(text: &str) -> Passphrase {
    Passphrase::new(text.into()).unwrap()
}

/// A file of a store, by name.
type Named = (String, Vec<u8>);

/// A store with two clients in it.
struct Bench {
    folder: TempDir,
}

impl Bench {
    fn new() -> (Self, Engine) {
        let bench = Self { folder: TempDir::new().unwrap() };
        let options = CreateOptions::cheapest();
        let mut engine =
            Engine::create(&bench.store(), &pass("right"), options, random(1)).unwrap();
        engine.found_space().unwrap();
        add(&mut engine, "KEPT");
        add(&mut engine, "GONE");
        (bench, engine)
    }

    fn store(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    fn open(&self, text: &str) -> Result<Engine, Error> {
        Engine::open(&self.store(), &pass(text), random(2))
    }

    /// The files of the store, by name, without the lock.
    fn files(&self) -> Vec<Named> {
        let mut files: Vec<_> = std::fs::read_dir(self.store())
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|entry| (entry.file_name().into_string().unwrap(), entry.path()))
            .filter(|(name, _)| name != "lock")
            .map(|(name, path)| (name, std::fs::read(path).unwrap()))
            .collect();
        files.sort();
        files
    }

    /// Another folder with these files.
    fn copy(&self, name: &str, files: &[Named]) -> PathBuf {
        let folder = self.folder.path().join(name);
        std::fs::create_dir(&folder).unwrap();
        files.iter().for_each(|(name, bytes)| std::fs::write(folder.join(name), bytes).unwrap());
        folder
    }
}

fn add(engine: &mut Engine, label: &str) {
    let label = Some(Label::new(label).unwrap());
    engine.add_client(&Client { label, ..Client::default() }).unwrap();
}

fn labels(engine: &Engine) -> Vec<String> {
    let clients = engine.clients().unwrap();
    clients.iter().filter_map(|row| Some(row.client.label.as_ref()?.to_string())).collect()
}

fn gone(engine: &Engine) -> Dropped {
    let clients = engine.clients().unwrap();
    let is_gone = |label: &Option<Label>| label.as_ref().is_some_and(|l| l.to_string() == "GONE");
    let gone = clients.iter().find(|row| is_gone(&row.client.label)).unwrap();
    Dropped { documents: BTreeSet::from([gone.id.0]), ..Dropped::default() }
}

/// Every sealed box of a copy of a store: its table, row and column.
fn boxes(folder: &Path) -> Vec<(String, i64, u8, Vec<u8>)> {
    let connection = rusqlite::Connection::open(folder.join("data.db")).unwrap();
    let mut all = Vec::new();
    for (table, column, part) in [
        ("a", "box", 1),
        ("b", "box", 1),
        ("c", "head", 0),
        ("c", "box", 1),
        ("d", "box", 1),
        ("e", "box", 1),
        ("f", "head", 0),
        ("f", "box", 1),
        ("g", "box", 1),
        ("h", "box", 1),
    ] {
        let mut rows = connection.prepare(&format!("SELECT id, {column} FROM {table}")).unwrap();
        let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        all.extend(rows.map(|row| row.unwrap()).map(|(id, b)| (table.to_owned(), id, part, b)));
    }
    all
}

/// Every key that the passphrase and a copy of the store give.
fn every_key(folder: &Path) -> Vec<[u8; 32]> {
    let engine = Engine::open(folder, &pass("right"), random(9)).unwrap();
    let mut keys = engine.ring.every_key();
    keys.push(*engine.vault.keyring_key().expose());
    keys
}

fn opens(keys: &[[u8; 32]], (table, id, part, sealed): &(String, i64, u8, Vec<u8>)) -> bool {
    let number = table.bytes().next().unwrap() - b'a' + 1;
    let place = [&[number][..], &id.to_le_bytes(), &[*part]].concat();
    keys.iter().any(|key| crate::store::open_row(key, &place, sealed))
}

#[test]
fn a_dropped_key_brings_nothing_back() {
    let (bench, mut engine) = Bench::new();
    let dropped = gone(&engine);
    engine.close().unwrap();
    let before = bench.files();
    let old_boxes = boxes(&bench.copy("before", &before));
    assert!(
        old_boxes.iter().all(|row| opens(&every_key(&bench.folder.path().join("before")), row))
    );

    engine = bench.open("right").unwrap();
    let rows: Vec<i64> = dropped
        .documents
        .iter()
        .flat_map(|id| engine.index.document(id).unwrap().rows.iter().map(|row| row.id))
        .collect();
    let bodies = engine.bodies.len();
    engine.drop_keys(&dropped).unwrap();
    assert_eq!((labels(&engine), engine.bodies.len()), (vec!["KEPT".to_owned()], bodies));
    add(&mut engine, "LATER");
    engine.close().unwrap();
    let after = bench.copy("after", &bench.files());
    let keys = every_key(&after);
    assert!(boxes(&after).iter().all(|row| opens(&keys, row)), "nothing here is out of reach");
    // Whoever kept the old boxes has no key for them: not for the document, nor for what may repeat it.
    for row in &old_boxes {
        let of_the_document = row.0 == "c" && row.2 == 1 && rows.contains(&row.1);
        let renewed = ["a", "d", "e", "g"].contains(&row.0.as_str());
        assert_eq!(
            opens(&keys, row),
            !of_the_document && !renewed,
            "{} {} {}",
            row.0,
            row.1,
            row.2
        );
    }
    assert!(rows.len() > 1);
    assert_eq!(labels(&bench.open("right").unwrap()), ["KEPT", "LATER"]);
}

#[test]
fn a_rewriting_that_is_cut_off_anywhere_loses_nothing() {
    for steps in 0..=4 {
        let (bench, mut engine) = Bench::new();
        engine.close_unsent().unwrap();
        let (bodies, dropped) = (engine.bodies.len(), gone(&engine));
        let old = bench.files();
        if steps > 0 {
            let next = engine.write_other_half(&dropped).unwrap();
            if steps > 1 {
                let (live, key) = next.key();
                engine.vault.turn_to(live, key, &mut *engine.random).unwrap();
                engine.ring = next;
            }
        }
        if steps == 2 {
            // Killed between copy B and copy A.
            let (_, a) = old.iter().find(|(name, _)| name == "key.a").unwrap();
            std::fs::write(bench.store().join("key.a"), a).unwrap();
        }
        if steps == 4 {
            engine.clear_other_half().unwrap();
        }
        engine.lock();
        let mut engine = bench.open("right").unwrap();
        let expect: &[&str] = if steps == 0 { &["GONE", "KEPT"] } else { &["KEPT"] };
        assert_eq!(
            (labels(&engine), engine.bodies.len()),
            (expect.iter().map(|l| (*l).to_owned()).collect(), bodies),
            "{steps}"
        );
        assert!(!engine.db.has_rows(Keyring::table(Keyring::other(engine.vault.live()))).unwrap());
        add(&mut engine, "LATER");
        engine.export_bundle().unwrap();
        engine.drop_keys(&Dropped::default()).unwrap();
        engine.lock();
        assert_eq!(
            bench.open("right").unwrap().clients().unwrap().len(),
            expect.len() + 1,
            "{steps}"
        );
    }
}

#[test]
fn after_a_rewriting_that_failed_halfway_nothing_is_added() {
    let (bench, mut engine) = Bench::new();
    let dropped = gone(&engine);
    let copy = bench.store().join("key.b");
    let content = std::fs::read(&copy).unwrap();
    std::fs::remove_file(&copy).unwrap();
    std::fs::create_dir(&copy).unwrap();
    assert!(engine.drop_keys(&dropped).is_err());
    let refused = engine.add_client(&Client::default()).unwrap_err();
    insta::assert_snapshot!(refused, @"the store's keyring is damaged: its rewriting was cut short: open the store again");
    engine.lock();
    std::fs::remove_dir(&copy).unwrap();
    std::fs::write(&copy, content).unwrap();
    let mut engine = bench.open("right").unwrap();
    add(&mut engine, "LATER");
    assert_eq!(labels(&engine), ["KEPT", "LATER"]);
}

#[test]
fn an_epoch_that_is_dropped_is_gone() {
    let (bench, mut engine) = Bench::new();
    let epochs: BTreeSet<_> = engine.ring.epochs().keys().copied().collect();
    assert_eq!(epochs.len(), 1);
    engine.drop_keys(&Dropped { epochs, ..Dropped::default() }).unwrap();
    engine.lock();
    assert!(bench.open("right").unwrap().ring.epochs().is_empty());
}

#[test]
fn a_lost_passphrase_is_replaced_with_the_recovery_code() {
    let (bench, mut engine) = Bench::new();
    let first = engine.add_recovery().unwrap();
    let code = engine.add_recovery().unwrap();
    let before = bench.files();
    engine.rehearse_recovery(&code).unwrap();
    assert!(matches!(engine.rehearse_recovery(&first), Err(Error::WrongRecoveryCode)));
    assert_eq!(bench.files(), before, "a rehearsal changes nothing");
    engine.lock();
    let words = code.passphrase();
    let gone = OpenOptions { hardware: Some(&FakeHardware::gone()), ..OpenOptions::default() };
    let mut engine = Engine::open_with(&bench.store(), &words, gone, random(3)).unwrap();
    assert_eq!(engine.opened_by(), OpenedBy::Recovery);
    let weak = engine.change_passphrase(&pass("short"), SecretOptions::default()).unwrap_err();
    assert!(matches!(weak, Error::WeakPassphrase { .. }));
    let strong = Passphrase::suggest(&mut *random(4));
    let dropped = engine.change_passphrase(&strong, SecretOptions::default()).unwrap();
    assert_eq!((dropped, engine.slots().recovery), (Slots::default(), true));
    engine.lock();
    assert!(bench.open("right").is_err());
    let mut engine = Engine::open(&bench.store(), &strong, random(5)).unwrap();
    assert_eq!((engine.opened_by(), labels(&engine).len()), (OpenedBy::Passphrase, 2));
    let costly = SecretOptions { cost: Some(Cost::DEFAULT), ..SecretOptions::default() };
    let dropped = engine.change_passphrase(&strong, costly).unwrap();
    assert_eq!(dropped, Slots { recovery: true, duress: false });
}

#[test]
fn duress_leaves_an_empty_store_that_works() {
    let (bench, mut engine) = Bench::new();
    let weak = SecretOptions { accept_weak: true, ..SecretOptions::default() };
    engine.set_duress(&pass("never"), weak).unwrap();
    engine.clear_duress().unwrap();
    engine.set_duress(&pass("duress"), weak).unwrap();
    assert!(engine.set_duress(&pass("right"), weak).is_err());
    engine.close().unwrap();
    assert!(matches!(bench.open("never"), Err(Error::WrongPassphrase)));
    let before = bench.copy("before", &bench.files());

    let engine = bench.open("duress").unwrap();
    assert!(engine.clients().unwrap().is_empty() && engine.space.is_none());
    engine.lock();
    let after = bench.copy("after", &bench.files());
    let keys = {
        let engine = Engine::open(&after, &pass("duress"), random(6)).unwrap();
        [engine.ring.every_key(), vec![*engine.vault.keyring_key().expose()]].concat()
    };
    assert!(!boxes(&before).iter().any(|row| opens(&keys, row)));
    assert!(matches!(bench.open("right"), Err(Error::WrongPassphrase)));
    let mut engine = bench.open("duress").unwrap();
    engine.found_space().unwrap();
    add(&mut engine, "NEW");
    engine.drop_keys(&Dropped::default()).unwrap();
    engine.close().unwrap();
    assert_eq!(labels(&bench.open("duress").unwrap()), ["NEW"]);
    // The duress passphrase gives nothing away on a copy from before either, but for destroying that copy.
    let copied = Engine::open(&before, &pass("duress"), random(7)).unwrap();
    assert!(copied.clients().unwrap().is_empty());
}

#[test]
fn duress_that_is_cut_off_is_finished_by_the_next_opening() {
    let (bench, mut engine) = Bench::new();
    let weak = SecretOptions { accept_weak: true, ..SecretOptions::default() };
    engine.set_duress(&pass("duress"), weak).unwrap();
    engine.lock();
    let old = bench.files();
    bench.open("duress").unwrap().lock();
    let new = bench.files();
    // What had reached the disk.
    let cuts = [
        ("headers only", &["key.a", "key.b"][..]),
        ("copy B only", &["key.b"]),
        ("all but one", &["key.b", "data.db", "data.db-wal", "data.db-shm"]),
    ];
    let names = |files: &[Named]| files.iter().map(|file| file.0.clone()).collect::<Vec<_>>();
    for (cut, done) in cuts {
        let pick = |(old, new): (&Named, &Named)| match done.contains(&old.0.as_str()) {
            true => new.clone(),
            false => old.clone(),
        };
        assert_eq!(names(&old), names(&new));
        let folder = bench.copy(cut, &old.iter().zip(&new).map(pick).collect::<Vec<_>>());
        assert!(Engine::open(&folder, &pass("right"), random(3)).is_err(), "{cut}");
        let mut engine = Engine::open(&folder, &pass("duress"), random(3)).unwrap();
        assert!(engine.clients().unwrap().is_empty(), "{cut}");
        engine.found_space().unwrap();
        engine.lock();
        assert!(Engine::open(&folder, &pass("duress"), random(4)).unwrap().space.is_some());
    }
}

#[test]
fn a_wipe_that_is_cut_off_is_finished_by_the_next_wipe_or_opening() {
    for step in [Step::Closed, Step::KeysGone, Step::DataGone, Step::Done] {
        for finish in ["open", "wipe", "create"] {
            let (bench, engine) = Bench::new();
            engine.lock();
            wipe_up_to(&bench.store(), step, &mut *random(3)).unwrap();
            match finish {
                "open" if step == Step::Done => {}
                "open" => assert!(matches!(bench.open("right"), Err(Error::Wiped)), "{step:?}"),
                "wipe" => {
                    let again = wipe(&bench.store(), &mut *random(4));
                    assert_eq!(again.is_ok(), step < Step::Done);
                }
                _ => {
                    let options = CreateOptions::cheapest();
                    let made = Engine::create(&bench.store(), &pass("new"), options, random(5));
                    assert!(made.unwrap().clients().unwrap().is_empty());
                    continue;
                }
            }
            assert!(matches!(bench.open("right"), Err(Error::NoStore)), "{step:?}");
            assert_eq!(std::fs::read_dir(bench.store()).unwrap().count(), 0, "{step:?} {finish}");
        }
    }
}

#[test]
fn a_store_that_is_open_is_wiped_and_does_not_come_back() {
    let (bench, mut engine) = Bench::new();
    assert!(matches!(check_locked(&bench.store()), Err(Error::Busy)));
    wipe_up_to(&bench.store(), Step::KeysGone, &mut *random(3)).unwrap();
    assert!(matches!(engine.add_recovery(), Err(Error::Wiped)));
    assert!(matches!(engine.drop_keys(&Dropped::default()), Err(Error::Wiped)));
    wipe(&bench.store(), &mut *random(4)).unwrap();
    assert!(matches!(engine.add_recovery(), Err(Error::Wiped)));
    engine.lock();
    assert!(matches!(bench.open("right"), Err(Error::NoStore)));
    assert!(matches!(check_locked(&bench.store()), Err(Error::NoStore)));
}

#[test]
fn wrong_attempts_wipe_a_store_that_says_so() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store");
    let options = |wipe_after| CreateOptions { wipe_after, ..CreateOptions::cheapest() };
    let refused = Engine::create(&path, &pass("right"), options(2), random(1)).unwrap_err();
    insta::assert_snapshot!(refused, @"wipe after must be 0 for never, or 3 wrong attempts or more");
    let strict = CreateOptions { accept_weak: false, ..options(3) };
    let refused = Engine::create(&path, &pass("right"), strict, random(1)).unwrap_err();
    assert!(matches!(refused, Error::WeakPassphrase { .. }) && !path.exists());
    Engine::create(&path, &pass("right"), options(3), random(1)).unwrap().lock();
    for expect in ["the passphrase", "the passphrase", "this store was wiped", "there is no store"]
    {
        let error = Engine::open(&path, &pass("wrong"), random(2)).unwrap_err().to_string();
        assert!(error.starts_with(expect), "{error}");
    }
}

#[test]
fn how_many_wrong_attempts_wipe_can_be_changed() {
    let (bench, mut engine) = Bench::new();
    assert_eq!(engine.wipe_after(), 0);
    for few in [1, 2] {
        assert!(matches!(engine.set_wipe_after(few), Err(Error::Invalid { .. })));
    }
    engine.set_wipe_after(3).unwrap();
    engine.close().unwrap();
    // Durable, and not a matter of which copy of the header is read.
    for lost in ["key.a", "key.b"] {
        let files: Vec<Named> =
            bench.files().into_iter().filter(|(name, _)| name != lost).collect();
        let copy = bench.copy(&format!("without-{lost}"), &files);
        assert_eq!(Engine::open(&copy, &pass("right"), random(3)).unwrap().wipe_after(), 3);
    }
    let wrong = || bench.open("wrong").unwrap_err();
    assert!((0..2).all(|_| matches!(wrong(), Error::WrongPassphrase)));
    let mut engine = bench.open("right").unwrap();
    engine.set_wipe_after(0).unwrap();
    drop(engine);
    assert!((0..4).all(|_| matches!(wrong(), Error::WrongPassphrase)));
    let waited = OpenOptions { waited: Duration::from_secs(1), ..OpenOptions::default() };
    let mut engine = Engine::open_with(&bench.store(), &pass("right"), waited, random(4)).unwrap();
    engine.set_wipe_after(3).unwrap();
    drop(engine);
    assert!((0..2).all(|_| matches!(wrong(), Error::WrongPassphrase)));
    assert!(matches!(wrong(), Error::Wiped));
    assert!(matches!(wrong(), Error::NoStore));
}

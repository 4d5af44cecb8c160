//! Copies of a store's folder: open, locked, closed, after duress, after a wipe, and what two of them give together.

use std::path::Path;

use haversack::model::{Site, SiteCode, SiteKind, SpaceName};
use haversack::{ContactFilter, Notebook, Passphrase, SecretOptions};
use haversack_core::Engine;
use haversack_core::forensic::{Named, Sealed};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

use super::search::Search;
use crate::canaries::{VOCABULARY, canaries, hits, image, plant};
use crate::fleet::{self, Fleet};
use crate::removal::{count, log, reopen, settle};
use crate::team::{Team, passphrase};

pub(crate) fn duress() -> Passphrase {
    Passphrase::new(b"ZQDURESS take it all away".to_vec()).unwrap()
}

pub(crate) fn set_duress(notebook: &Notebook) {
    let weak = SecretOptions { accept_weak: true, ..SecretOptions::default() };
    notebook.set_duress(&duress(), weak).unwrap();
}

/// A further space in the store, with a name and a site that nothing may show.
pub(crate) fn plant_space(notebook: &Notebook) {
    let space = notebook.add_space(&SpaceName::new("ZQSPACE").unwrap()).unwrap();
    space.found_space().unwrap();
    let (code, kind) = (SiteCode::new("ZQSITE-000").unwrap(), SiteKind::MOBILE_VAN);
    space.put_site(&Site { code, kind, setting: None, closes: None }).unwrap();
}

/// Copies a store's files and folders, without the locks.
pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        if entry.path().is_dir() {
            copy(&entry.path(), &to.join(entry.file_name()));
        } else if entry.file_name() != "lock" {
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

/// Every key that a passphrase gets out of a copy of a store.
pub(crate) fn keys(folder: &Path, passphrase: &Passphrase) -> Vec<Named> {
    let random = Box::new(ChaCha20Rng::seed_from_u64(1));
    Engine::open(folder, passphrase, random).unwrap().secrets(passphrase).unwrap()
}

fn bytes(folder: &Path) -> Vec<u8> {
    let mut out = Vec::new();
    image(folder, &mut out);
    out
}

/// Nothing that was written, no word of the field, and no passphrase.
fn shows_nothing(bytes: &[u8], when: &str) {
    let mut needles = canaries();
    needles.push("ZQSPACE".to_owned());
    needles.extend(VOCABULARY.map(str::to_owned));
    needles
        .extend([passphrase(), duress()].map(|p| String::from_utf8(p.expose().to_vec()).unwrap()));
    assert_eq!(hits(bytes, &needles), Vec::<String>::new(), "{when}");
}

#[test]
fn a_folder_shows_nothing_at_any_time() {
    let team = Team::new(0, 0);
    plant(&team);
    let (notebook, store) = (&team.coordinator, team.folder.path().join("coordinator"));
    plant_space(notebook);
    notebook.contacts(&ContactFilter::default()).unwrap();
    let clear = notebook.canonical().unwrap();
    assert_eq!(
        hits(&clear, &canaries()).len(),
        canaries().len(),
        "the search finds what is not sealed"
    );
    assert!(std::fs::metadata(store.join("data.db-wal")).unwrap().len() > 4_096, "copied in use");
    shows_nothing(&bytes(&store), "open");
    notebook.lock().unwrap();
    shows_nothing(&bytes(&store), "locked");
    let notebook = Notebook::open(&store, &passphrase()).unwrap();
    set_duress(&notebook);
    notebook.close().unwrap();
    shows_nothing(&bytes(&store), "closed");
    let copied = team.folder.path().join("copied");
    copy(&store, &copied);
    let empty = Notebook::open(&store, &duress()).unwrap();
    shows_nothing(&bytes(&store), "after duress, open");
    empty.close().unwrap();
    shows_nothing(&bytes(&store), "after duress");
    haversack::wipe(&copied).unwrap();
    assert_eq!(bytes(&copied), Vec::<u8>::new(), "after a wipe there is not so much as a name");
}

#[test]
fn after_duress_neither_passphrase_opens_an_earlier_copy_of_the_rows() {
    let team = Team::new(0, 0);
    plant(&team);
    let (notebook, store) = (&team.coordinator, team.folder.path().join("coordinator"));
    set_duress(notebook);
    notebook.close().unwrap();
    let at = |name: &str| team.folder.path().join(name);
    copy(&store, &at("before"));
    let rows = Sealed::all(&at("before")).unwrap();
    Notebook::open(&store, &duress()).unwrap().lock().unwrap();
    copy(&store, &at("after"));
    // The rows of the copy from before, with the header of the one from after.
    copy(&at("before"), &at("both"));
    for name in ["key.a", "key.b"] {
        std::fs::copy(at("after").join(name), at("both").join(name)).unwrap();
    }
    for folder in ["after", "both"] {
        let refused = Notebook::open(&at(folder), &passphrase()).unwrap_err();
        assert!(refused.to_string().starts_with("the passphrase does not open"), "{refused}");
    }
    let found = keys(&at("after"), &duress());
    assert!(rows.len() > 40 && !rows.iter().any(|row| row.opens_with(&found)));
    assert!(
        Engine::open(&at("both"), &duress(), Box::new(ChaCha20Rng::seed_from_u64(2)))
            .is_ok_and(|engine| engine.contact_count().unwrap() == 0)
    );
    // A copy from before is a copy, header and all: nothing destroys it.
    let own = keys(&at("before"), &passphrase());
    assert!(rows.iter().all(|row| row.opens_with(&own)));
}

/// What the rows of a copy hold, as far as these keys open them.
fn contents(rows: &[Sealed], keys: &[Named]) -> Vec<u8> {
    rows.iter().filter_map(|row| row.content(keys)).flatten().collect()
}

#[test]
fn an_expired_day_cannot_be_had_from_a_later_copy_and_the_passphrase() {
    let mut fleet = Fleet::new();
    let at = |fleet: &Fleet, name: &str| fleet.folder.path().join(name);
    (1..=2).for_each(|n| log(&mut fleet, n, 1));
    settle(&mut fleet, &[0, 1, 2, 3]);
    let names = ["1", "before", "rows"].map(|name| at(&fleet, name));
    copy(&names[0], &names[1]);
    copy(&names[0], &names[2]);
    let (rows, old) = (Sealed::all(&names[2]).unwrap(), keys(&names[1], &fleet::passphrase()));
    for _ in 0..5 {
        fleet.device(0).rotate().unwrap();
        settle(&mut fleet, &[0, 1, 2]);
    }
    assert_eq!(count(&mut fleet, 1), 0, "the day is over the horizon");
    log(&mut fleet, 1, 10);
    settle(&mut fleet, &[0, 1, 2]);
    reopen(&mut fleet, 1);
    let after = at(&fleet, "after");
    copy(&names[0], &after);
    let (image, left) = (bytes(&after), Sealed::all(&after).unwrap());
    let new = keys(&after, &fleet::passphrase());
    let lost: Vec<Named> = old.iter().filter(|key| !new.contains(key)).copied().collect();

    // The keys of two outings, of the snapshot, of the outbox, and of the epoch, with what follows from it.
    assert!(
        ["keyring", "chunk key", "roster key"].iter().all(|of| lost.iter().any(|key| key.0 == *of))
    );
    assert!(lost.iter().filter(|key| key.0 == "keyring").count() >= 5);
    let gone: Vec<&Sealed> = rows.iter().filter(|row| row.opens_with(&lost)).collect();
    assert!(
        gone.iter().filter(|row| row.table == "c").count() >= 2,
        "the outings' rows among them"
    );
    assert!(!gone.iter().any(|row| row.opens_with(&new)));

    let (mut sealed, mut written) = (Search::default(), Search::default());
    for row in gone.iter().filter(|row| row.table == "c") {
        sealed.raw("row", &row.bytes[..48]);
        written.raw("content", &row.content(&lost).unwrap()[8..32]);
    }
    lost.iter().for_each(|(_, key)| written.raw("key", key));
    assert!(!sealed.run(&bytes(&names[2])).is_empty(), "the search can find");
    assert_eq!(written.run(&contents(&rows, &old)).len(), 2, "both");
    assert!(sealed.run(&image).is_empty(), "not even the old rows are there");
    assert!(left.iter().all(|row| row.opens_with(&new)), "nothing is out of reach of this search");
    assert!(
        written.run(&contents(&left, &new)).is_empty(),
        "and no row brings a key or a contact back"
    );
}

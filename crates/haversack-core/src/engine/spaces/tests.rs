//! Further spaces, as one who holds the folder sees them, and as their user does.

use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use tempfile::TempDir;

use super::*;
use crate::engine::tests::client;
use crate::{CreateOptions, Passphrase, SecretOptions, wipe};

fn random(seed: u64) -> Random {
    Box::new(ChaCha20Rng::seed_from_u64(seed))
}

fn passphrase() -> Passphrase {
    Passphrase::new(b"first".to_vec()).unwrap()
}

fn name(text: &str) -> SpaceName {
    SpaceName::new(text).unwrap()
}

fn first(folder: &TempDir) -> Engine {
    Engine::create(folder.path(), &passphrase(), CreateOptions::cheapest(), random(1)).unwrap()
}

fn labels(engine: &Engine) -> Vec<String> {
    let clients = engine.clients().unwrap();
    clients.iter().map(|row| row.client.label.as_ref().unwrap().to_string()).collect()
}

/// A store with a space of its own, and a further one with a client file.
fn with_clinic(folder: &TempDir) -> Engine {
    let mut engine = first(folder);
    engine.found_space().unwrap();
    client(&mut engine, "STREET");
    let mut clinic = engine.add_space(&name("clinic"), random(2)).unwrap();
    clinic.found_space().unwrap();
    client(&mut clinic, "CLINIC");
    engine
}

#[test]
fn a_further_space_opens_with_the_store_and_shares_nothing_with_it() {
    let folder = TempDir::new().unwrap();
    with_clinic(&folder).close().unwrap();
    let engine = Engine::open(folder.path(), &passphrase(), random(3)).unwrap();
    assert_eq!(engine.spaces().unwrap(), [name("clinic")]);
    let clinic = engine.open_space(&name("clinic"), random(4)).unwrap();
    assert_eq!((labels(&engine), labels(&clinic)), (vec!["STREET".into()], vec!["CLINIC".into()]));
    assert_ne!(engine.space_id().unwrap(), clinic.space_id().unwrap());
    assert_ne!(engine.device(), clinic.device());
    let busy = engine.open_space(&name("clinic"), random(5));
    assert!(matches!(busy, Err(Error::Busy)));
    let unknown = engine.open_space(&name("office"), random(5));
    assert!(matches!(unknown, Err(Error::Unknown { what: "space" })));
}

#[test]
fn names_are_single_and_can_be_changed() {
    let folder = TempDir::new().unwrap();
    let mut engine = with_clinic(&folder);
    let twice = engine.add_space(&name("clinic"), random(5));
    assert!(matches!(twice, Err(Error::Invalid { field: "space name", .. })));
    engine.rename_space(&name("clinic"), &name("health")).unwrap();
    assert_eq!(engine.spaces().unwrap(), [name("health")]);
    let health = engine.open_space(&name("health"), random(5)).unwrap();
    assert_eq!(labels(&health), ["CLINIC"]);
}

#[test]
fn what_opens_a_store_is_the_first_ones_alone() {
    let folder = TempDir::new().unwrap();
    let engine = with_clinic(&folder);
    let mut clinic = engine.open_space(&name("clinic"), random(5)).unwrap();
    let options = SecretOptions { accept_weak: true, ..SecretOptions::default() };
    let refused = |result: Result<(), Error>| assert!(matches!(result, Err(Error::Inner)));
    refused(clinic.change_passphrase(&passphrase(), options).map(drop));
    refused(clinic.set_duress(&passphrase(), options));
    refused(clinic.clear_duress());
    refused(clinic.add_recovery().map(drop));
    refused(clinic.add_space(&name("inmost"), random(6)).map(drop));
    drop(clinic);
    let inner = inner_folder(folder.path(), engine.ring.inner().keys().next().unwrap());
    let opened = Engine::open(&inner, &passphrase(), random(7));
    assert!(matches!(opened, Err(Error::WrongPassphrase)));
}

#[test]
fn a_dropped_space_cannot_be_had_from_the_image_and_the_passphrase() {
    let folder = TempDir::new().unwrap();
    let mut engine = with_clinic(&folder);
    let id = *engine.ring.inner().keys().next().unwrap();
    let kept = TempDir::new().unwrap();
    for entry in std::fs::read_dir(inner_folder(folder.path(), &id)).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, kept.path().join(path.file_name().unwrap())).unwrap();
    }
    let open = engine.open_space(&name("clinic"), random(5)).unwrap();
    assert!(matches!(engine.drop_space(&name("clinic")), Err(Error::Busy)));
    drop(open);
    engine.drop_space(&name("clinic")).unwrap();
    assert!(!folder.path().join("inner").exists());
    assert!(engine.spaces().unwrap().is_empty());
    engine.lock();
    let engine = Engine::open(folder.path(), &passphrase(), random(6)).unwrap();
    assert_eq!(labels(&engine), ["STREET"]);
    assert!(engine.ring.inner().is_empty());
    for key in engine.ring.every_key() {
        let files = HeaderFiles::in_folder(kept.path());
        assert!(Vault::open_inner(files, VaultKey::new(key)).is_err());
    }
}

#[test]
fn a_wipe_and_duress_end_every_space() {
    for duress in [false, true] {
        let folder = TempDir::new().unwrap();
        let mut engine = with_clinic(&folder);
        let forced = Passphrase::new(b"forced".to_vec()).unwrap();
        let options = SecretOptions { accept_weak: true, ..SecretOptions::default() };
        engine.set_duress(&forced, options).unwrap();
        engine.lock();
        match duress {
            false => wipe(folder.path(), &mut *random(7)).unwrap(),
            true => {
                let engine = Engine::open(folder.path(), &forced, random(8)).unwrap();
                assert!(engine.spaces().unwrap().is_empty());
            }
        }
        assert!(!folder.path().join("inner").exists());
    }
}

#[test]
fn a_folder_that_a_crash_left_goes_with_the_next_space() {
    let folder = TempDir::new().unwrap();
    let mut engine = first(&folder);
    let left = inner_folder(folder.path(), &[7; 16]);
    std::fs::create_dir_all(&left).unwrap();
    std::fs::write(left.join("key.a"), b"cut").unwrap();
    engine.add_space(&name("clinic"), random(2)).unwrap();
    assert!(!left.exists());
    assert_eq!(std::fs::read_dir(folder.path().join("inner")).unwrap().count(), 1);
}

#[test]
fn a_copy_of_the_whole_store_goes_on_under_new_incarnations() {
    let folder = TempDir::new().unwrap();
    let engine = with_clinic(&folder);
    let clinic = engine.open_space(&name("clinic"), random(5)).unwrap();
    let (id, before) = (*engine.ring.inner().keys().next().unwrap(), clinic.space().unwrap().lane);
    drop((engine, clinic));
    let inner = inner_folder(folder.path(), &id);
    let bytes = std::fs::read(inner.join("lock")).unwrap();
    std::fs::remove_file(inner.join("lock")).unwrap();
    std::fs::write(inner.join("lock"), bytes).unwrap();
    let engine = Engine::open(folder.path(), &passphrase(), random(6)).unwrap();
    let clinic = engine.open_space(&name("clinic"), random(7)).unwrap();
    assert_ne!(clinic.space().unwrap().lane, before);
    assert_eq!(labels(&clinic), ["CLINIC"]);
}

use std::time::Duration;

use haversack_core::model::Client;
use haversack_core::{CreateOptions, Error as EngineError, Passphrase};
use tempfile::TempDir;

use super::*;

fn name(text: &str) -> SpaceName {
    SpaceName::new(text).unwrap()
}

fn store(folder: &TempDir) -> Notebook {
    let passphrase = Passphrase::new(b"right".to_vec()).unwrap();
    Notebook::create(&folder.path().join("store"), &passphrase, CreateOptions::cheapest()).unwrap()
}

#[test]
fn a_space_that_is_open_is_the_same_notebook() {
    let folder = TempDir::new().unwrap();
    let first = store(&folder);
    let clinic = first.add_space(&name("clinic")).unwrap();
    clinic.found_space().unwrap();
    let again = first.open_space(&name("clinic")).unwrap();
    again.add_clients(&[Client::default()]).unwrap();
    assert_eq!(clinic.clients().unwrap().len(), 1);
    clinic.close().unwrap();
    assert!(matches!(again.clients(), Err(Error::Closed)));
    assert_eq!(first.open_space(&name("clinic")).unwrap().clients().unwrap().len(), 1);
}

#[test]
fn a_space_ends_with_its_store_or_by_itself() {
    type End = fn(&Notebook);
    let ends: [(&str, End); 4] = [
        ("closed", |first| first.close().unwrap()),
        ("locked", |first| first.lock().unwrap()),
        ("renamed", |first| first.rename_space(&name("clinic"), &name("health")).unwrap()),
        ("dropped", |first| first.drop_space(&name("clinic")).unwrap()),
    ];
    for (how, end) in ends {
        let folder = TempDir::new().unwrap();
        let first = store(&folder);
        let clinic = first.add_space(&name("clinic")).unwrap();
        end(&first);
        assert!(matches!(clinic.status(), Err(Error::Closed)), "{how}");
    }
}

#[test]
fn what_is_none_is_said() {
    let folder = TempDir::new().unwrap();
    let first = store(&folder);
    let none = first.open_space(&name("clinic"));
    assert!(matches!(none, Err(Error::Engine(EngineError::Unknown { what: "space" }))));
}

#[tokio::test(start_paused = true)]
async fn who_uses_a_space_uses_the_store() {
    let idle = Duration::from_secs(120);
    let folder = TempDir::new().unwrap();
    let first = store(&folder);
    let clinic = first.add_space(&name("clinic")).unwrap();
    clinic.found_space().unwrap();
    let task = tokio::spawn(first.lock_when_idle(idle));
    for _ in 0..5 {
        tokio::time::advance(idle - Duration::from_millis(10)).await;
        clinic.status().unwrap();
    }
    first.status().unwrap();
    task.await.unwrap();
    assert!(matches!(first.status(), Err(Error::Closed)));
    assert!(matches!(clinic.status(), Err(Error::Closed)));
}

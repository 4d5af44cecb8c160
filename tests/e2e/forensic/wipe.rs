//! A wipe, and a locking, that are cut off at any moment.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use haversack::{ContactFilter, Notebook};
use haversack_core::forensic::{Sealed, calls, end_at};

use super::image::{copy, keys, plant_space};
use super::process::{FOLDER, Subject, wait_at};
use super::search::Search;
use crate::canaries::{image, plant};
use crate::team::{Team, passphrase};

const AT: &str = "HAVERSACK_TEST_END_AT";

/// What the killed process does; a pass of nothing when nobody asks for it.
#[test]
fn wiper() {
    let Some(at) = std::env::var_os(AT) else { return };
    let store = std::env::var_os(FOLDER).map(PathBuf::from).unwrap();
    end_at(at.to_str().unwrap().parse().unwrap());
    haversack::wipe(&store).unwrap();
    println!("\ncalls {}", calls());
}

/// Wipes a store in another process, up to a call. Gives what it said.
fn wipe_up_to(store: &Path, at: u32) -> Option<u32> {
    let done = Command::new(std::env::current_exe().unwrap())
        .args(["forensic::wipe::wiper", "--exact", "--nocapture"])
        .envs([(FOLDER, store.as_os_str()), (AT, at.to_string().as_ref())])
        .stderr(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8(done.stdout).unwrap();
    let calls = said.lines().find_map(|line| line.strip_prefix("calls "));
    assert_eq!(calls.is_some(), done.status.success(), "it ended by itself, or was killed");
    calls.map(|calls| calls.parse().unwrap())
}

fn files(folder: &Path) -> usize {
    std::fs::read_dir(folder).unwrap().count()
}

/// The parts of a header that hold anything: each slot, and the box of the keyring's key (PROTOCOL § 10).
fn secrets_of(header: &[u8]) -> Search {
    let mut search = Search::default();
    header[62..][..8 * 105 + 81].chunks(105).for_each(|part| search.raw("header", &part[..32]));
    search
}

#[test]
fn a_wipe_that_is_killed_at_any_call_has_not_begun_or_is_finished_by_the_next_call() {
    let team = Team::new(0, 0);
    plant(&team);
    plant_space(&team.coordinator);
    team.coordinator.close().unwrap();
    let at = |name: &str| team.folder.path().join(name);
    let whole = at("coordinator");
    let rows = Sealed::all(&whole).unwrap();
    let header = std::fs::read(whole.join("key.a")).unwrap();
    assert!(!secrets_of(&header).run(&header).is_empty(), "the search can find");
    copy(&whole, &at("counted"));
    let calls = wipe_up_to(&at("counted"), u32::MAX).unwrap();
    assert!(calls >= 16, "{calls} calls");
    let (mut untouched, mut first_without_keys) = (0, None);
    for call in 0..calls {
        let [killed, again] = [at(&format!("{call}-open")), at(&format!("{call}-wipe"))];
        copy(&whole, &killed);
        assert_eq!(wipe_up_to(&killed, call), None);
        copy(&killed, &again);
        let mut left = Vec::new();
        image(&killed, &mut left);
        if secrets_of(&header).run(&left).is_empty() {
            first_without_keys.get_or_insert(call);
        } else {
            assert_eq!(first_without_keys, None, "{call}: they do not come back");
        }
        match Notebook::open(&killed, &passphrase()) {
            Ok(notebook) => {
                assert_eq!(untouched, call, "nothing had begun");
                assert!(!notebook.contacts(&ContactFilter::default()).unwrap().is_empty());
                notebook.lock().unwrap();
                assert!(rows.iter().all(|row| row.opens_with(&keys(&killed, &passphrase()))));
                untouched += 1;
            }
            Err(error) => {
                let error = error.to_string();
                assert!(
                    error.contains("was wiped") || error.contains("there is no store"),
                    "{error}"
                );
                assert_eq!(files(&killed), 0, "{call}");
                let _ = haversack::wipe(&again);
                assert_eq!(files(&again), 0, "{call}");
            }
        }
    }
    println!(
        "{calls} calls; the store is whole before the first {untouched}, its keys are off the disk by call {first_without_keys:?}"
    );
    assert!((1..4).contains(&untouched) && first_without_keys.is_some_and(|call| call <= 8));
}

/// Locks when it is told to; a pass of nothing when nobody asks for it.
#[test]
fn locker() {
    let Some(store) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let notebook = Notebook::open(&store, &passphrase()).unwrap();
    wait_at("open");
    notebook.lock().unwrap();
    wait_at("locked");
}

#[test]
fn a_locking_that_is_killed_loses_nothing() {
    let team = Team::new(0, 0);
    plant(&team);
    let count = team.coordinator.status().unwrap().contacts;
    team.coordinator.lock().unwrap();
    let store = team.folder.path().join("coordinator");
    for _ in 0..5 {
        let mut subject = Subject::start("forensic::wipe::locker", &store);
        subject.reached("open");
        subject.go_on();
        drop(subject);
        let notebook = Notebook::open(&store, &passphrase()).unwrap();
        assert_eq!(notebook.status().unwrap().contacts, count);
        notebook.lock().unwrap();
    }
}

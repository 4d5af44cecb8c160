use std::path::PathBuf;

use haversack_core::{CreateOptions, Error as EngineError};
use tempfile::TempDir;

use super::*;

fn pass(text: &str) -> Passphrase {
    Passphrase::new(text.into()).unwrap()
}

fn store() -> (TempDir, PathBuf, Notebook) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store");
    let made = Notebook::create(&path, &pass("right"), CreateOptions::cheapest()).unwrap();
    (folder, path, made)
}

#[test]
fn many_wrong_attempts_make_the_next_one_wait() {
    let (_folder, path, notebook) = store();
    notebook.lock().unwrap();
    let mut waits = Vec::new();
    let mut open = |text: &str| {
        let wait = |time: Duration| waits.push(time.as_secs());
        Notebook::open_with(&path, &pass(text), None, wait)
    };
    for _ in 0..7 {
        let wrong = open("wrong").unwrap_err();
        assert!(matches!(wrong, Error::Engine(EngineError::WrongPassphrase)));
    }
    open("right").unwrap().close().unwrap();
    open("right").unwrap();
    assert_eq!(waits, [1, 2, 4, 8]);
}

#[test]
fn a_notebook_that_was_locked_opens_again() {
    let (_folder, path, notebook) = store();
    notebook.found_space().unwrap();
    let clone = notebook.clone();
    assert!(check_locked(&path).is_err());
    notebook.lock().unwrap();
    check_locked(&path).unwrap();
    assert!(matches!(clone.status(), Err(Error::Closed)));
    assert!(matches!(clone.lock(), Err(Error::Closed)));
    assert_eq!(Notebook::open(&path, &pass("right")).unwrap().members().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn locks_when_nobody_has_used_it_for_so_long() {
    let idle = Duration::from_secs(120);
    let (_folder, path, notebook) = store();
    let task = tokio::spawn(notebook.lock_when_idle(idle));
    for _ in 0..5 {
        tokio::time::advance(idle - Duration::from_millis(10)).await;
        notebook.status().unwrap();
    }
    task.await.unwrap();
    assert!(matches!(notebook.status(), Err(Error::Closed)));
    check_locked(&path).unwrap();
    // It ends at once where there is nothing to lock.
    notebook.lock_when_idle(idle).await;
    let other = Notebook::open(&path, &pass("right")).unwrap();
    let watch = other.lock_when_idle(idle);
    drop(other);
    watch.await;
}

#[test]
fn calibration_is_within_bounds() {
    let (memory_kib, passes, lanes) = calibrated().parts();
    assert!((19_456..=65_536).contains(&memory_kib) && (2..=16).contains(&passes) && lanes == 1);
}

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

/// What others bring about, such as a relay's news, is nobody's use of it.
#[tokio::test(start_paused = true)]
async fn what_others_bring_about_does_not_keep_it_from_locking() {
    let idle = Duration::from_secs(120);
    let (_folder, _, notebook) = store();
    let background = notebook.in_background();
    let task = tokio::spawn(notebook.lock_when_idle(idle));
    tokio::task::yield_now().await;
    tokio::time::advance(idle - Duration::from_millis(10)).await;
    background.status().unwrap();
    tokio::time::advance(Duration::from_millis(20)).await;
    task.await.unwrap();
    assert!(matches!(background.status(), Err(Error::Closed)));
}

#[test]
fn calibration_is_within_bounds() {
    let (memory_kib, passes, lanes) = calibrated().parts();
    assert!((19_456..=65_536).contains(&memory_kib) && (2..=16).contains(&passes) && lanes == 1);
}

#[tokio::test(start_paused = true)]
async fn forgets_a_request_that_nobody_answered() {
    let (_folder, _, notebook) = store();
    notebook.request_to_join().unwrap();
    let task = tokio::spawn(notebook.forget_request_after(REQUEST_LIFETIME));
    tokio::task::yield_now().await;
    tokio::time::advance(REQUEST_LIFETIME - Duration::from_millis(10)).await;
    assert!(notebook.pending_request().unwrap().is_some());
    task.await.unwrap();
    assert_eq!(notebook.pending_request().unwrap(), None);
    let refused = notebook.forget_request().unwrap_err();
    assert!(matches!(refused, Error::Engine(EngineError::Unknown { what: "request" })));
    // It ends at once where there is nothing to forget.
    notebook.forget_request_after(REQUEST_LIFETIME).await;
}

#[tokio::test(start_paused = true)]
async fn a_request_s_timer_forgets_no_other() {
    let (_folder, path, notebook) = store();
    notebook.request_to_join().unwrap();
    let first = notebook.forget_request_after(REQUEST_LIFETIME);
    let second = notebook.request_to_join().unwrap();
    first.await;
    assert_eq!(notebook.pending_request().unwrap().as_ref(), Some(&second));
    // A store that was closed meanwhile is left alone; opened again, it is counted anew.
    let late = notebook.forget_request_after(Duration::from_secs(1));
    notebook.lock().unwrap();
    late.await;
    let again = Notebook::open(&path, &pass("right")).unwrap();
    assert_eq!(again.pending_request().unwrap(), Some(second));
    again.forget_request_after(Duration::from_secs(1)).await;
    assert_eq!(again.pending_request().unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_was_answered_is_left_alone() {
    let (_folder, _, phone) = store();
    let (_other, _, office) = store();
    office.found_space().unwrap();
    let request = phone.request_to_join().unwrap();
    let timer = phone.forget_request_after(REQUEST_LIFETIME);
    let (answer, _) = office.invite(&request, haversack_core::Role::Educator, &[]).unwrap();
    phone.join(&answer).unwrap();
    assert_eq!(phone.pending_request().unwrap(), None);
    timer.await;
    assert_eq!(phone.members().unwrap().len(), 2);
}

#[test]
fn a_forgotten_request_s_answer_is_refused() {
    let (_folder, _, phone) = store();
    let (_other, _, office) = store();
    office.found_space().unwrap();
    let request = phone.request_to_join().unwrap();
    let (answer, _) = office.invite(&request, haversack_core::Role::Educator, &[]).unwrap();
    phone.forget_request().unwrap();
    let refused = phone.join(&answer).unwrap_err();
    assert!(matches!(refused, Error::Engine(EngineError::Enrolment { what: "answer", .. })));
}

#[test]
fn a_store_is_given_up_when_nothing_is_owed() {
    let (_folder, path, notebook) = store();
    notebook.found_space().unwrap();
    let kept = notebook.hand_over(&notebook.owed().unwrap()).unwrap_err();
    assert!(matches!(kept, Error::Engine(EngineError::RootKept)));
    notebook.forget_root().unwrap();
    let owed = notebook.hand_over(&Owed::default()).unwrap_err();
    assert!(matches!(owed, Error::Engine(EngineError::Owed { .. })));
    let clone = notebook.clone();
    notebook.hand_over(&clone.owed().unwrap()).unwrap();
    assert!(matches!(clone.owed(), Err(Error::Closed)));
    assert!(matches!(clone.hand_over(&Owed::default()), Err(Error::Closed)));
    let gone = Notebook::open(&path, &pass("right")).unwrap_err();
    assert!(matches!(gone, Error::Engine(EngineError::NoStore)));
}

#[test]
fn how_many_wrong_passphrases_wipe_is_changed() {
    let (_folder, path, notebook) = store();
    let refused = notebook.set_wipe_after(2).unwrap_err();
    assert!(matches!(refused, Error::Engine(EngineError::Invalid { field: "wipe after", .. })));
    notebook.set_wipe_after(10).unwrap();
    notebook.lock().unwrap();
    assert_eq!(Notebook::open(&path, &pass("right")).unwrap().wipe_after().unwrap(), 10);
}

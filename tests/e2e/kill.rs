//! A process that is killed while it logs: what it said was saved is there afterwards.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use haversack::{Notebook, WhoDraft};

use crate::team::{create, day, given, passphrase, van};

const STORE: &str = "HAVERSACK_TEST_STORE";
const SAVED: &str = "saved ";

/// What the killed process does; a pass of nothing when nobody asks for it.
#[test]
fn victim() {
    let Some(store) = std::env::var_os(STORE).map(PathBuf::from) else { return };
    let notebook = Notebook::open(&store, &passphrase()).unwrap();
    for n in 1.. {
        notebook.log(day("2008-02-04"), &[given(WhoDraft::default(), n % 100)]).unwrap();
        println!("\n{SAVED}{n}");
    }
}

#[test]
fn what_was_acknowledged_survives() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    let notebook = create(&store);
    notebook.found_space().unwrap();
    notebook.put_site(&van()).unwrap();
    drop(notebook);
    let mut before = 0;
    for lines in [1, 2, 17, 40] {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["kill::victim", "--exact", "--nocapture"])
            .env(STORE, &store)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let saved = output.lines().map(Result::unwrap).filter(|line| line.starts_with(SAVED));
        assert_eq!(saved.take(lines).count(), lines);
        child.kill().unwrap();
        child.wait().unwrap();
        let notebook = Notebook::open(&store, &passphrase()).unwrap();
        let now = notebook.status().unwrap().contacts;
        assert!(now >= before + lines as u64, "{now} after {before} and {lines}");
        before = now;
    }
}

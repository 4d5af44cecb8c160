//! Logging, merging and opening.

use haversack::{Notebook, Role};

use crate::measure::{log, make, passphrase, time};

const CONTACTS: usize = 5_000;

/// Prints the milliseconds of each part.
pub(crate) fn run(variant: &str) {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let notebook = make(&at("one"));
    let other = Notebook::create(&at("other"), &passphrase(), haversack::CreateOptions::cheapest());
    let other = other.unwrap();
    let request = other.request_to_join().unwrap();
    let (answer, _) = notebook.invite(&request, Role::Educator, &[]).unwrap();
    other.join(&answer).unwrap();
    let (logging, ()) = time(|| log(&notebook, CONTACTS));
    let bundle = notebook.export_bundle().unwrap();
    let (merging, outcome) = time(|| other.import_bundle(&bundle).unwrap());
    assert!(outcome.whole);
    other.lock().unwrap();
    let (opening, other) = time(|| Notebook::open(&at("other"), &passphrase()).unwrap());
    assert_eq!(other.status().unwrap().contacts, CONTACTS as u64);
    for (name, ms) in [("log", logging), ("merge", merging), ("open", opening)] {
        println!("{}", serde_json::json!({ "work": name, "variant": variant, "ms": ms }));
    }
}

//! Logging, merging and opening.

use haversack::{Notebook, Role};

use crate::measure::{log, make, passphrase};

const CONTACTS: usize = 5_000;
/// Milliseconds of what the system counts processor time in.
const TICK_MS: f64 = 10.0;

/// Milliseconds of processor time that something takes, whatever else the machine does meanwhile.
fn work<T>(run: impl FnOnce() -> T) -> (f64, T) {
    let start = ticks();
    let done = run();
    ((ticks() - start) * TICK_MS, done)
}

/// Ticks of this process so far, its own and the system's for it: the 14th and 15th field.
fn ticks() -> f64 {
    let line = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields = line.rsplit_once(')').unwrap().1.split_whitespace().skip(11).take(2);
    fields.map(|field| field.parse::<f64>().unwrap()).sum()
}

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
    let (logging, ()) = work(|| log(&notebook, CONTACTS));
    let bundle = notebook.export_bundle().unwrap();
    let (merging, outcome) = work(|| other.import_bundle(&bundle).unwrap());
    assert!(outcome.whole);
    other.lock().unwrap();
    let (opening, other) = work(|| Notebook::open(&at("other"), &passphrase()).unwrap());
    assert_eq!(other.status().unwrap().contacts, CONTACTS as u64);
    for (name, ms) in [("log", logging), ("merge", merging), ("open", opening)] {
        println!("{}", serde_json::json!({ "work": name, "variant": variant, "ms": ms }));
    }
}

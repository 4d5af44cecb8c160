//! Opening a store of 25,000 contacts, less what stretching the passphrase takes. Counting the attempt, which takes two synced writings
//! of the header, is in it.

use std::path::Path;

use haversack::{Cost, Notebook};

use crate::figure::Figure;
use crate::machine::{median, time};
use crate::team::{Teams, passphrase};

const RUNS: usize = 11;

pub(super) fn run(teams: &Teams) {
    let team = teams.large();
    let empty = team.new_device("empty");
    let full = team.reader("unlocked");
    Figure::new("unlock", "unlock after stretching, 25,000", opening(&full), "ms")
        .beside("the same of a store with nothing in it", opening(&empty))
        .at_most(30.0)
        .print();
}

fn opening(store: &Path) -> f64 {
    let run = |_| {
        let (stretching, ()) = time(|| Cost::FLOOR.try_out().unwrap());
        let (opening, notebook) = time(|| Notebook::open(store, &passphrase()).unwrap());
        notebook.close().unwrap();
        opening - stretching
    };
    median((0..RUNS).map(run).collect())
}

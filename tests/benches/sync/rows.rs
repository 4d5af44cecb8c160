//! The rows, one a file.

mod disk;
mod first_sync;
mod idle;
mod log;
mod merge;
mod push;
mod relay;
mod unlock;

use crate::reference::Data;
use crate::team::Teams;

type Row = (&'static str, fn(&Teams));

/// Rows that are about chunks come before the one that makes packs.
const ROWS: [Row; 8] = [
    ("idle", idle::run),
    ("push", push::run),
    ("merge", merge::run),
    ("disk", disk::run),
    ("first", first_sync::run),
    ("log", log::run),
    ("unlock", unlock::run),
    ("relay", relay::run),
];

/// Measures the rows with these names, or all.
pub(crate) fn run(names: &[&str]) {
    Data::check();
    let unknown = names.iter().find(|name| ROWS.iter().all(|(row, _)| row != *name));
    assert!(unknown.is_none(), "no row is called {unknown:?}");
    let teams = Teams::default();
    let wanted = ROWS.iter().filter(|(row, _)| names.is_empty() || names.contains(row));
    wanted.for_each(|(_, run)| run(&teams));
}

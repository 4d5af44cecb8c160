//! The store on disk: a header twice, one SQLite file of sealed rows, a lock.
//!
//! ```text
//! passphrase ─► header slot ─► vault key ─► keyring key ─► keyring rows ─► state key, one key a document, epochs
//! ```
//!
//! Nothing on disk says what a row is: tables have letters for names (see [`db`]), rows are sealed under
//! padded sizes and bound to their place. The signed log is the truth; caches and the snapshot can be
//! dropped at any time.

mod attempts;
pub(crate) mod db;
pub(crate) mod files;
mod header;
mod header_files;
mod inner;
mod keyring;
mod lock;
mod place;
mod row;
mod slots;
mod vault;
mod wipe;

pub use attempts::{Attempts, attempts, wait};
pub(crate) use db::{Db, Log, Table, Writer, plan_once};
pub(crate) use files::sync_folder;
pub(crate) use header::Live;
pub(crate) use header_files::HeaderFiles;
pub(crate) use inner::{InnerId, inner_folder, remove_inner};
pub(crate) use keyring::{Dropped, Keyring, Purpose};
pub(crate) use lock::Lock;
pub(crate) use place::place;
pub(crate) use slots::Kind;
pub(crate) use vault::{Secret, Vault};
pub(crate) use wipe::{DATABASE, Step, remove_database, wipe_up_to};

/// Where a test may end the process: before each call to the system that changes a file of a wipe.
fn before_call() {
    #[cfg(feature = "forensic")]
    crate::forensic::call();
}

/// What a row of a copy holds.
#[cfg(feature = "forensic")]
pub(crate) fn content_of_row(key: &[u8; 32], place: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    row::open(key, place, sealed, "row").ok()
}

/// Whether a key opens a row of a copy.
#[cfg(test)]
pub(crate) fn open_row(key: &[u8; 32], place: &[u8], sealed: &[u8]) -> bool {
    row::open(key, place, sealed, "row").is_ok()
}

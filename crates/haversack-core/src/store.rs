//! The store on disk: a header twice, one SQLite file of sealed rows, a lock.
//!
//! ```text
//! passphrase ─► header slot ─► vault key ─► keyring key ─► keyring rows ─► state key, one key a document, epochs
//! ```
//!
//! Nothing on disk says what a row is: tables have letters for names (see [`db`]), rows are sealed under
//! padded sizes and bound to their place. The signed log is the truth; caches and the snapshot can be
//! dropped at any time.

pub(crate) mod db;
mod header;
mod keyring;
mod row;

pub(crate) use db::{Db, Log, Table, Writer};
pub(crate) use header::{Header, HeaderFiles};
pub(crate) use keyring::{Keyring, Purpose};

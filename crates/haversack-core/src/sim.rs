//! What only the simulator needs. No released build has this: see the feature's description.
//!
//! It enters below the key derivation ([`Engine::create_below`](crate::Engine::create_below)), keeps stores on a
//! [`Disk`] of its own, seeds faults, and looks at what an engine holds.

use std::cell::Cell;
use std::path::Path;

use haversack_wire::{Document, Lane, Position};

pub use crate::seeded::Bug;

/// Where the stores of a thread lie.
pub trait Disk {
    /// The file system of databases, by the name that SQLite knows it by.
    fn file_system(&self) -> &str;
    /// Whether there is such a file.
    fn exists(&self, path: &Path) -> bool;
    /// All of a file.
    ///
    /// # Errors
    /// When it is not there, or the disk fails.
    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>>;
    /// Writes a whole file in place and syncs it.
    ///
    /// # Errors
    /// When the disk fails.
    fn write_through(&self, path: &Path, bytes: &[u8]) -> std::io::Result<()>;
    /// The mark of a store's place, if there is any.
    fn place(&self, folder: &Path) -> Option<[u8; 16]>;
}

thread_local! {
    static DISK: Cell<Option<&'static dyn Disk>> = const { Cell::new(None) };
}

/// From here on, all stores of this thread lie on that disk.
pub fn use_disk(disk: &'static dyn Disk) {
    DISK.set(Some(disk));
}

/// Seeds a fault in this thread's engines, or none.
pub fn seed(bug: Option<Bug>) {
    crate::seeded::seed(bug);
}

pub(crate) fn disk() -> Option<&'static dyn Disk> {
    DISK.get()
}

/// A body that a store has applied, or holds against another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct BodyAt {
    /// Its lane.
    pub lane: Lane,
    /// Its place there.
    pub sequence: u32,
    /// What it is, by its signed content.
    pub position: Position,
    /// Whether it is on a branch that is not believed.
    pub rival: bool,
}

/// The last change of an author in a row of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChangeAt {
    /// The document.
    pub document: Document,
    /// The author's lane: one lane, one actor.
    pub lane: Lane,
    /// The actor's number of the change.
    pub sequence: u64,
    /// Its hash.
    pub hash: [u8; 32],
}

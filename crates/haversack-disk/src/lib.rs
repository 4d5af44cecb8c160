//! A disk in memory that fails as disks do.
//!
//! Each thread has one [`Disk`], which holds the files of many stores: the part of a path before the first `/` names the
//! store. What was written and not synced is kept apart from what was, so that a power cut can drop, tear or reorder it
//! ([`Disk::power_cut`]); a kill leaves it as it is ([`Disk::kill`]). [`Disk::plan`] makes a later call fail: the store is
//! dead from then on, or full, or broken for a while.
//!
//! SQLite reaches it by the file system [`NAME`], once [`register`] was called. Only the simulator uses this crate.
//!
//! What it does not model: names of files are durable at once, and what was synced never rots by itself.

mod disk;
mod fault;
mod file;
mod vfs;

pub use disk::{Disk, Image, with};
pub use fault::{Fault, Trouble};
pub use vfs::{NAME, register};

//! Whole devices and a whole relay: real stores on disk, real sockets.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test fails by panicking"
)]

mod bad_relays;
mod canaries;
mod convergence;
mod fleet;
mod full_disk;
mod handover;
mod kill;
mod register;
mod removal;
mod renewal;
mod restored;
mod team;
mod wire_size;

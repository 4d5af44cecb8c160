//! Whole devices and a whole relay: real stores on disk, real sockets.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test fails by panicking"
)]

/// As the command and the bindings have it: what is found in memory here is what would be found there.
#[global_allocator]
static HEAP: haversack::ZeroAlloc<std::alloc::System> = haversack::ZeroAlloc(std::alloc::System);

mod bad_files;
mod bad_relays;
mod canaries;
mod cases;
mod convergence;
mod cuts;
mod erase;
mod fleet;
mod forensic;
mod forks;
mod full_disk;
mod handover;
mod kill;
mod ledger;
mod packs;
mod padding;
mod peers;
mod plugged;
mod proxies;
mod quiet;
mod register;
mod removal;
mod renewal;
mod restored;
mod rolled_back;
mod team;
mod tls;
mod traffic;
mod wake;
mod watched;
mod wire_size;

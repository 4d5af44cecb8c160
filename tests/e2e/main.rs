//! Whole devices and a whole relay: real stores on disk, real sockets.

mod bad_relays;
mod canaries;
mod convergence;
mod full_disk;
mod team;
mod wire_size;

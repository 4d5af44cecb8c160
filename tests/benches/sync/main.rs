//! What syncing costs, row by row, each beside a reference of the same run: `cargo xtask bench`. Devices and the relay are
//! processes of their own (this same program, in a role), and what goes over sockets is counted between them.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a bench fails by panicking"
)]

mod figure;
mod line;
mod machine;
mod network;
mod process;
mod reference;
mod role;
mod rows;
mod team;

/// As in the command: what is freed is overwritten.
#[global_allocator]
static HEAP: haversack::ZeroAlloc<std::alloc::System> = haversack::ZeroAlloc(std::alloc::System);

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        ["role", rest @ ..] => role::play(rest),
        ["network", profiles @ ..] => network::run(profiles),
        rows => rows::run(rows),
    }
}

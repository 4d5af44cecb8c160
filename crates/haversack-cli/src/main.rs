//! The `haversack` command: one file a command, one renderer for text and JSON, one place for hints.
//!
//! ```text
//! arguments ─► cli ─► commands::<verb>::run ─► something to show ─► output
//!                                        └──► Error ─► hints ─► output, exit code
//! ```
//!
//! All of the terminal is here, and all of the environment: the libraries know neither. Exit codes are those of
//! [`error::Exit`].

mod cli;
mod commands;
mod demo;
mod error;
mod files;
mod global;
mod hints;
mod input;
mod output;
mod panics;
mod passphrase;
mod progress;
mod prompt;
mod qr;

/// What is freed is overwritten: nothing of an open store stays in memory once it is locked.
#[global_allocator]
static HEAP: haversack::ZeroAlloc<std::alloc::System> = haversack::ZeroAlloc(std::alloc::System);

fn main() -> std::process::ExitCode {
    cli::main()
}

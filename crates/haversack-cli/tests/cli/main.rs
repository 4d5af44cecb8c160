//! The command from outside: real processes, real stores, real connections.

mod bench;
mod csv;
mod help;
mod refusals;
mod relay;
mod story;

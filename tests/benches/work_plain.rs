//! The work of `work`, without overwriting what Rust frees.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a bench fails by panicking"
)]

mod day;
mod measure;

fn main() {
    day::run("plain");
}

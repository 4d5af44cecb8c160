//! What overwriting freed memory costs: this is the work, `work_plain` the same with the system's allocator alone.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a bench fails by panicking"
)]

mod day;
mod measure;

#[global_allocator]
static HEAP: haversack::ZeroAlloc<std::alloc::System> = haversack::ZeroAlloc(std::alloc::System);

fn main() {
    day::run("clean");
}

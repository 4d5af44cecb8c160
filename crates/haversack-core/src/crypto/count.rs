//! Counts, in tests, the work that an attempt at opening a store takes: it must be the same whatever was typed.

use std::cell::Cell;

/// What is counted.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Work {
    /// Runs of Argon2.
    Stretch,
    /// Openings of sealed boxes.
    Open,
    /// Writings of a header.
    Write,
}

thread_local! {
    static DONE: Cell<[u32; 3]> = const { Cell::new([0; 3]) };
}

pub(crate) fn add(work: Work) {
    let mut done = DONE.get();
    done[work as usize] += 1;
    DONE.set(done);
}

/// What was done since the last time: stretchings, openings, writings.
pub(crate) fn take() -> [u32; 3] {
    DONE.take()
}

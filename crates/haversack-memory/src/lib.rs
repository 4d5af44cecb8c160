//! Memory that is given back empty.
//!
//! What a program frees stays in its memory until something else is written there, and a core dump, a swap file or
//! whoever holds the phone with the right tool reads it. Three measures, each for one kind of memory:
//!
//! - **Rust's heap**: [`ZeroAlloc`], to be declared as the global allocator by whoever builds a program or a library
//!   that is loaded (`#[global_allocator]`). zstd allocates through it too.
//! - **SQLite's heap**: [`clean_sqlite`], before SQLite is first used.
//! - **The stack**: [`scrub_stack`], after something secret ran in a function that was not inlined.
//!
//! This crate has unsafe code because SQLite takes an allocator through C alone.

mod sqlite;

pub use sqlite::clean_sqlite;
pub use zeroizing_alloc::ZeroAlloc;

/// How far down the stack [`scrub_stack`] goes, in bytes: further than anything of ours was seen to, and little enough for
/// the smallest stack that threads of phones have (512 KiB).
const SCRUBBED: usize = 96 * 1024;

/// Overwrites the stack below the caller, where the functions that it called before left what they worked with.
#[inline(never)]
pub fn scrub_stack() {
    let mut below = [0_u8; SCRUBBED];
    // The compiler must suppose that somebody reads it, and so it writes the zeros.
    std::hint::black_box(&mut below);
}

/// Runs something in a frame of its own, and overwrites that frame and all below it.
pub fn in_clean_frame<T>(run: impl FnOnce() -> T) -> T {
    let done = apart(run);
    scrub_stack();
    done
}

#[inline(never)]
fn apart<T>(run: impl FnOnce() -> T) -> T {
    run()
}

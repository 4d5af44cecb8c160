//! SQLite's allocator: the one that it has, but for blocks that are overwritten before they are freed.

use std::ffi::{c_int, c_void};
use std::sync::OnceLock;

use libsqlite3_sys::{
    SQLITE_CONFIG_GETMALLOC, SQLITE_CONFIG_MALLOC, SQLITE_OK, sqlite3_config, sqlite3_mem_methods,
};

/// What SQLite allocates with by itself.
struct Own {
    malloc: unsafe extern "C" fn(c_int) -> *mut c_void,
    free: unsafe extern "C" fn(*mut c_void),
    size: unsafe extern "C" fn(*mut c_void) -> c_int,
}

static OWN: OnceLock<Own> = OnceLock::new();

/// Makes SQLite overwrite what it frees, for the whole process, whichever call is the first. Says whether it does:
/// when SQLite was used before by somebody who did not call this, it is too late.
pub fn clean_sqlite() -> bool {
    static CLEAN: OnceLock<bool> = OnceLock::new();
    *CLEAN.get_or_init(|| install().is_some())
}

fn install() -> Option<()> {
    // SAFETY: all zeros is a valid value: the functions are options, and none, and the data a null pointer.
    let mut methods: sqlite3_mem_methods = unsafe { std::mem::zeroed() };
    // SAFETY: with this option SQLite writes one structure of this type through the pointer, which is to one.
    let found = unsafe { sqlite3_config(SQLITE_CONFIG_GETMALLOC, &raw mut methods) };
    let (malloc, free, size) = (methods.xMalloc?, methods.xFree?, methods.xSize?);
    let own = OWN.get_or_init(|| Own { malloc, free, size });
    methods.xFree = Some(free_empty);
    methods.xRealloc = Some(realloc_empty);
    // SAFETY: with this option SQLite copies one structure of this type. Its functions are SQLite's own, and the two
    // below, which keep the rules of `malloc`. It refuses when it was used before; every use in this workspace comes
    // after this call, which runs once, while others who make it wait.
    let taken = unsafe { sqlite3_config(SQLITE_CONFIG_MALLOC, &raw const methods) };
    (found == SQLITE_OK && taken == SQLITE_OK && own.free as usize == free as usize).then_some(())
}

/// Overwrites a block and frees it.
unsafe extern "C" fn free_empty(block: *mut c_void) {
    let Some(own) = OWN.get() else { return };
    if block.is_null() {
        return;
    }
    // SAFETY: the block is one that `own.malloc` gave, and is live: SQLite frees nothing twice. So its size is known, all
    // of it may be written, and it may be freed. The call that follows may look at it, so that the zeros are written.
    unsafe {
        let size = usize::try_from((own.size)(block)).unwrap_or_default();
        block.cast::<u8>().write_bytes(0, size);
        (own.free)(block);
    }
}

/// Moves a block, always: one that is changed in place by the system's `realloc` may be moved by it too, and left full.
unsafe extern "C" fn realloc_empty(block: *mut c_void, bytes: c_int) -> *mut c_void {
    let Some(own) = OWN.get() else { return std::ptr::null_mut() };
    // SAFETY: SQLite asks for a positive number of bytes, and gets that many or a null pointer. The old block is live and
    // as long as `own.size` says; the new one does not overlap it. It is freed only after it was copied.
    unsafe {
        let new = (own.malloc)(bytes);
        if !new.is_null() && !block.is_null() {
            let length = (own.size)(block).min(bytes);
            let length = usize::try_from(length).unwrap_or_default();
            new.cast::<u8>().copy_from_nonoverlapping(block.cast(), length);
            free_empty(block);
        }
        new
    }
}

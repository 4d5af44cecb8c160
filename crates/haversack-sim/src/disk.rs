//! The thread's disk, as engines reach it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::Result;
use std::path::Path;

use haversack_core::sim;
use haversack_disk::{Disk, NAME, register, with};

thread_local! {
    static PLACES: RefCell<BTreeMap<String, u64>> = const { RefCell::new(BTreeMap::new()) };
}

struct Simulated;

fn name(path: &Path) -> &str {
    path.to_str().unwrap_or_default()
}

impl sim::Disk for Simulated {
    fn file_system(&self) -> &str {
        NAME
    }

    fn exists(&self, path: &Path) -> bool {
        with(|disk| disk.exists(name(path)))
    }

    fn read(&self, path: &Path) -> Result<Vec<u8>> {
        with(|disk| disk.read(name(path)).map(<[u8]>::to_vec).map_err(Into::into))
    }

    fn write_through(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        let path = name(path);
        let write = |disk: &mut Disk| {
            disk.create(path)?;
            disk.write(path, 0, bytes)?;
            disk.sync(path)
        };
        with(write).map_err(Into::into)
    }

    fn place(&self, folder: &Path) -> Option<[u8; 16]> {
        let place = PLACES.with_borrow(|places| places.get(name(folder)).copied())?;
        Some(u128::from(place).to_le_bytes())
    }
}

/// An empty disk for this thread's stores.
pub(crate) fn lay_out() {
    static DISK: Simulated = Simulated;
    register();
    sim::use_disk(&DISK);
    with(Disk::clear);
    PLACES.with_borrow_mut(BTreeMap::clear);
}

/// Says where a store lies: what an engine takes itself for the same by.
pub(crate) fn lies_at(store: &str, place: u64) {
    PLACES.with_borrow_mut(|places| places.insert(store.to_owned(), place));
}

//! Inner stores: each further space of a device is a whole store of its own, in a folder within the first one, which keeps
//! its vault key.
//!
//! ```text
//! passphrase ─► header ─► keyring ─► vault key of an inner store ─► its header ─► its keyring ─► its rows
//! ```
//!
//! So one passphrase opens all of them, one wipe ends all of them, and dropping one key destroys one of them. How many
//! there are shows in the folder; what they are does not.

use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;

use super::before_call;

/// What names an inner store: random.
pub(crate) type InnerId = [u8; 16];

const FOLDER: &str = "inner";

/// Where an inner store is.
pub(crate) fn inner_folder(store: &Path, id: &InnerId) -> PathBuf {
    store.join(FOLDER).join(HEXLOWER.encode(id))
}

/// The inner stores that are there, whether or not their keys are known.
pub(crate) fn inner_folders(store: &Path) -> Vec<InnerId> {
    let entries = std::fs::read_dir(store.join(FOLDER)).into_iter().flatten().flatten();
    let id = |name: &str| HEXLOWER.decode(name.as_bytes()).ok()?.try_into().ok();
    entries.filter_map(|entry| entry.file_name().to_str().and_then(id)).collect()
}

/// Removes inner stores, as well as the system lets it: without their keys they are noise.
pub(crate) fn remove_inner(store: &Path, stays: impl Fn(&InnerId) -> bool) {
    for id in inner_folders(store).iter().filter(|id| !stays(id)) {
        before_call();
        let _ = std::fs::remove_dir_all(inner_folder(store, id));
    }
    before_call();
    // Only when it is empty.
    let _ = std::fs::remove_dir(store.join(FOLDER));
}

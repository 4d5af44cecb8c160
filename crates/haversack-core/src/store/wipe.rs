//! Wiping: the two headers first, then whatever can be had.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use rand_core::CryptoRng;

use super::header_files::HeaderFiles;
use super::inner::remove_inner;
use super::{before_call, sync_folder};
use crate::Error;

/// What a store's folder holds, beside the headers and the lock.
pub(crate) const DATABASE: [&str; 4] = ["data.db-wal", "data.db", "data.db-shm", "data.db-journal"];
/// The tombstones go last: while there is one, whoever opens the store goes on with the wipe.
const REST: [&str; 3] = ["lock", "key.a", "key.b"];

/// So much of each file is overwritten before it is removed: a wipe takes no longer for more records.
const OVERWRITTEN: usize = 65_536;

/// How far a wipe goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    /// One copy of the header is a tombstone, on the disk: nothing opens the store again.
    Closed,
    /// Both are: the keys are gone.
    KeysGone,
    /// The database is removed.
    DataGone,
    /// The tombstones are removed too.
    Done,
}

/// Wipes a store up to a step. What was done before is not done again.
pub(crate) fn wipe_up_to(
    folder: &Path,
    last: Step,
    random: &mut dyn CryptoRng,
) -> Result<(), Error> {
    let files = HeaderFiles::in_folder(folder);
    let has_data = DATABASE.iter().any(|name| folder.join(name).exists());
    if !files.exist() && !has_data {
        return Err(Error::NoStore);
    }
    files.bury_first(random)?;
    if last > Step::Closed {
        files.bury_all(random)?;
    }
    if last > Step::KeysGone {
        remove_database(folder, random);
    }
    if last > Step::DataGone {
        REST.iter().for_each(|name| remove(&folder.join(name)));
        let _ = sync_folder(folder);
    }
    Ok(())
}

/// Removes the database and the inner stores as well as the system lets it: without its keys it is noise.
pub(crate) fn remove_database(folder: &Path, random: &mut dyn CryptoRng) {
    let mut noise = vec![0; OVERWRITTEN];
    random.fill_bytes(&mut noise);
    for path in DATABASE.map(|name| folder.join(name)) {
        let overwritten = OpenOptions::new().write(true).open(&path).and_then(|mut file| {
            let len = usize::try_from(file.metadata()?.len()).unwrap_or(OVERWRITTEN);
            before_call();
            file.write_all(noise.get(..len).unwrap_or(&noise))?;
            before_call();
            file.sync_data()?;
            before_call();
            file.set_len(0)
        });
        // A file that cannot be written is removed all the same.
        drop(overwritten);
        remove(&path);
    }
    remove_inner(folder, |_| false);
}

/// Removes a file, if there is one and the system lets it be.
fn remove(path: &Path) {
    before_call();
    let _ = std::fs::remove_file(path);
}

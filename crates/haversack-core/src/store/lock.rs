//! The lock of a store's folder: one process at a time, from before the passphrase is tried.

use std::fs::File;
use std::path::Path;

use crate::Error;

/// Held for as long as it lives; the operating system lets go when the process ends.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock of a folder, or says that another process has it.
    pub(crate) fn take(folder: &Path) -> Result<Self, Error> {
        let file = File::options()
            .write(true)
            .create(true)
            .truncate(false)
            .open(folder.join("lock"))
            .map_err(Error::io("lock"))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(std::fs::TryLockError::WouldBlock) => Err(Error::Busy),
            Err(std::fs::TryLockError::Error(source)) => Err(Error::Io { what: "lock", source }),
        }
    }
}

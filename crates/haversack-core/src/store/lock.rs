//! The lock of a store's folder: one process at a time, from before the passphrase is tried.

use std::fs::File;
use std::path::Path;

use super::files::private_file;
use crate::Error;

/// Held for as long as it lives; the operating system lets go when the process ends.
#[derive(Debug)]
pub(crate) struct Lock {
    file: Option<File>,
}

impl Lock {
    /// Takes the lock of a folder, or says that another process has it.
    pub(crate) fn take(folder: &Path) -> Result<Self, Error> {
        #[cfg(feature = "sim")]
        if crate::sim::disk().is_some() {
            return Ok(Self { file: None });
        }
        let file = private_file().open(folder.join("lock")).map_err(Error::io("lock"))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { file: Some(file) }),
            Err(std::fs::TryLockError::WouldBlock) => Err(Error::Busy),
            Err(std::fs::TryLockError::Error(source)) => Err(Error::Io { what: "lock", source }),
        }
    }
}

impl Drop for Lock {
    /// Lets go by word: closing alone does not, while a process that was just started from this one still shares the file.
    fn drop(&mut self) {
        let _ = self.file.as_ref().map(File::unlock);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_let_go_of_though_another_process_shares_the_file() {
        let folder = tempfile::TempDir::new().unwrap();
        let lock = Lock::take(folder.path()).unwrap();
        let shared = lock.file.as_ref().unwrap().try_clone().unwrap();
        assert!(matches!(Lock::take(folder.path()), Err(Error::Busy)));
        drop(lock);
        Lock::take(folder.path()).unwrap();
        drop(shared);
    }
}

//! The directory where a relay keeps everything, held by one process at a time.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::Error;

const LOCK: &str = "lock";

/// A relay's data directory, locked. The lock ends when this is dropped, or with the process.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    _lock: File,
}

impl DataDir {
    /// Makes the directory if there is none, readable for its owner alone, and locks it.
    ///
    /// # Errors
    /// [`Error::InUse`] when another process, or another part of this one, has it; [`Error::Io`] and
    /// [`Error::NoRoom`] when it cannot be made or written to.
    pub fn lock(path: &Path) -> Result<Self, Error> {
        private_dir().recursive(true).create(path).map_err(Error::io("make the data directory"))?;
        let lock = private_file()
            .write(true)
            .create(true)
            .open(path.join(LOCK))
            .map_err(Error::io("open the lock file"))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(Error::InUse),
            Err(TryLockError::Error(error)) => Err(Error::io("lock the data directory")(error)),
        }
    }

    /// A file's place in the directory.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Makes the names of new files durable; the files themselves are synced by who writes them.
    pub(crate) fn sync(&self) -> Result<(), Error> {
        if cfg!(not(unix)) {
            return Ok(());
        }
        File::open(&self.path)
            .and_then(|dir| dir.sync_all())
            .map_err(Error::io("sync the data directory"))
    }
}

/// Opens files that, when new, only their owner may read.
pub(crate) fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Writes a file beside its place and renames it there: it is whole, or it is not there.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    let mut file = private_file().write(true).create(true).truncate(true).open(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&new, path)
}

fn private_dir() -> DirBuilder {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holder_at_a_time() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("a/b");
        let held = DataDir::lock(&path).unwrap();
        assert!(matches!(DataDir::lock(&path), Err(Error::InUse)));
        drop(held);
        DataDir::lock(&path).unwrap();
    }
}

//! The calls by which a store reaches its files. In the simulator they end on a disk of its own.

use std::fs::{File, OpenOptions};
use std::io::{Read, Result, Write};
use std::path::Path;

use rusqlite::Connection;

use super::before_call;
#[cfg(feature = "sim")]
use crate::sim::disk;

/// Opens the database's file.
pub(crate) fn connect(path: &Path) -> rusqlite::Result<Connection> {
    #[cfg(feature = "sim")]
    if let Some(disk) = disk() {
        let flags = rusqlite::OpenFlags::default();
        return Connection::open_with_flags_and_vfs(path, flags, disk.file_system());
    }
    // What SQLite makes, others may read; its journals are as the file is. What cannot be made here it says better.
    drop(private_file().open(path));
    Connection::open(path)
}

/// How a file is opened to be written, and made where there is none: for its owner alone.
pub(crate) fn private_file() -> OpenOptions {
    let mut options = File::options();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

pub(crate) fn exists(path: &Path) -> bool {
    #[cfg(feature = "sim")]
    if let Some(disk) = disk() {
        return disk.exists(path);
    }
    path.exists()
}

/// The first so many bytes of a file.
pub(crate) fn read(path: &Path, most: usize) -> Result<Vec<u8>> {
    #[cfg(feature = "sim")]
    if let Some(disk) = disk() {
        return disk.read(path);
    }
    let mut bytes = Vec::with_capacity(most);
    File::open(path)?.take(most as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Writes a whole file in place, for its owner alone, down to the disk.
pub(crate) fn write_through(path: &Path, bytes: &[u8]) -> Result<()> {
    #[cfg(feature = "sim")]
    if let Some(disk) = disk() {
        return disk.write_through(path, bytes);
    }
    before_call();
    let mut file = private_file().open(path)?;
    before_call();
    file.write_all(bytes)?;
    before_call();
    file.set_len(bytes.len() as u64)?;
    before_call();
    file.sync_all()
}

/// Makes the names of files durable, where the system lets a folder be synced.
pub(crate) fn sync_folder(folder: &Path) -> Result<()> {
    #[cfg(feature = "sim")]
    if disk().is_some() {
        return Ok(());
    }
    match cfg!(unix) {
        true => File::open(folder)?.sync_all(),
        false => Ok(()),
    }
}

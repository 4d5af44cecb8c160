//! SQLite's way to the disk.

use std::sync::Once;
use std::time::Duration;

use haversack_memory::clean_sqlite;
use rsqlite_vfs::{
    AccessMode, DeviceCharacteristics, LockLevel, OpenOptions, OpenRequest, OpenedFile, OsCallback,
    SQLiteIoMethods, SQLiteVfs, SectorSize, SyncOptions, VfsError, VfsErrorCode, VfsFile,
    VfsResult, VfsStore, register_vfs,
};

use crate::disk::{Disk, with};
use crate::fault::Trouble;

/// The name of the file system.
pub const NAME: &str = "haversack-disk";

/// Makes the file system known to SQLite, once for the process. It is nobody's default.
pub fn register() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        clean_sqlite();
        // SAFETY: the callbacks, the layout of files and the table of methods are all the defaults of one version of the
        // crate, for the types below. The data of the file system is `System`, without content: its callbacks reach for
        // the calling thread's own disk, so that threads share nothing. `Once` runs this alone, the name is used nowhere
        // else, and what is registered stays so until the process ends, since the handle does not undo it.
        let registered = unsafe { register_vfs::<Methods, Vfs>(NAME, System, false) };
        drop(registered);
    });
}

struct System;
struct Vfs;
struct Methods;
struct Store;

impl SQLiteVfs<Methods> for Vfs {
    type Os = System;

    fn os(data: &System) -> &System {
        data
    }
}

impl SQLiteIoMethods for Methods {
    type Store = Store;
}

impl OsCallback for System {
    fn sleep(&self, _: Duration) {}

    fn random(&self, buf: &mut [u8]) -> usize {
        // Only what SQLite's default file system gives seeds its generator.
        buf.fill(0);
        buf.len()
    }

    fn epoch_timestamp_in_ms(&self) -> VfsResult<i64> {
        Ok(0)
    }
}

/// An open file: its path; those without a name are nobody else's.
struct Handle(String);

fn failed(code: VfsErrorCode) -> impl Fn(Trouble) -> VfsError {
    move |trouble| {
        let code = if trouble == Trouble::Full { VfsErrorCode::Full } else { code };
        VfsError::new(code, "the simulated disk failed".into())
    }
}

fn index(number: u64, code: VfsErrorCode) -> VfsResult<usize> {
    usize::try_from(number).map_err(|_| failed(code)(Trouble::Full))
}

impl Handle {
    fn change(
        &self,
        code: VfsErrorCode,
        work: impl FnOnce(&mut Disk, &str) -> Result<(), Trouble>,
    ) -> VfsResult<()> {
        with(|disk| work(disk, &self.0)).map_err(failed(code))
    }
}

impl VfsFile for Handle {
    fn sector_size(&self) -> SectorSize {
        SectorSize::DEFAULT
    }

    fn device_characteristics(&self) -> DeviceCharacteristics {
        DeviceCharacteristics::POWERSAFE_OVERWRITE
    }

    fn read(&mut self, buf: &mut [u8], offset: u64) -> VfsResult<usize> {
        let at = index(offset, VfsErrorCode::IoRead)?;
        with(|disk| {
            let bytes = disk.read(&self.0)?.get(at..).unwrap_or_default();
            let found = bytes.get(..buf.len().min(bytes.len())).unwrap_or_default();
            buf.iter_mut().zip(found).for_each(|(to, from)| *to = *from);
            Ok(found.len())
        })
        .map_err(failed(VfsErrorCode::IoRead))
    }

    fn write(&mut self, buf: &[u8], offset: u64) -> VfsResult<()> {
        let at = index(offset, VfsErrorCode::IoWrite)?;
        self.change(VfsErrorCode::IoWrite, |disk, path| disk.write(path, at, buf))
    }

    fn truncate(&mut self, size: u64) -> VfsResult<()> {
        let len = index(size, VfsErrorCode::IoTruncate)?;
        self.change(VfsErrorCode::IoTruncate, |disk, path| disk.set_len(path, len))
    }

    fn sync(&mut self, _: SyncOptions) -> VfsResult<()> {
        self.change(VfsErrorCode::IoSync, Disk::sync)
    }

    fn size(&self) -> VfsResult<u64> {
        with(|disk| disk.len(&self.0)).map(|len| len as u64).map_err(failed(VfsErrorCode::IoStat))
    }

    // A store is open once: its folder's lock sees to that.
    fn lock(&mut self, _: LockLevel) -> VfsResult<()> {
        Ok(())
    }

    fn unlock(&mut self, _: LockLevel) -> VfsResult<()> {
        Ok(())
    }

    fn check_reserved_lock(&self) -> VfsResult<bool> {
        Ok(false)
    }
}

impl VfsStore for Store {
    type File = Handle;
    type AppData = System;

    fn open_file(_: &System, request: OpenRequest<'_>) -> VfsResult<OpenedFile<Handle>> {
        let path = request.filename.map_or(".temporary", |name| name.path());
        let (access, create) = (request.options.access(), request.options.create());
        let opened = with(|disk| match disk.exists(path) || !create {
            true => disk.len(path).map(drop),
            false => disk.create(path),
        });
        opened.map_err(failed(VfsErrorCode::CantOpen))?;
        Ok(OpenedFile { file: Handle(path.to_owned()), access })
    }

    fn close_file(_: &System, _: Option<&str>, _: Handle, _: OpenOptions) -> VfsResult<()> {
        Ok(())
    }

    fn access(_: &System, name: &str, _: AccessMode) -> VfsResult<bool> {
        Ok(with(|disk| disk.exists(name)))
    }

    fn full_pathname(_: &System, name: &str) -> VfsResult<String> {
        Ok(name.to_owned())
    }

    fn delete_file(_: &System, name: &str, _: bool) -> VfsResult<()> {
        with(|disk| disk.remove(name)).map_err(|trouble| match trouble {
            Trouble::Missing => failed(VfsErrorCode::IoDeleteNoEntry)(trouble),
            _ => failed(VfsErrorCode::IoDelete)(trouble),
        })
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::{Connection, OpenFlags};

    use super::*;
    use crate::Fault;

    fn open(store: &str) -> Connection {
        register();
        let path = format!("{store}/data.db");
        let connection =
            Connection::open_with_flags_and_vfs(path, OpenFlags::default(), NAME).unwrap();
        connection
            .execute_batch(
                "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
                 CREATE TABLE IF NOT EXISTS t (n INTEGER PRIMARY KEY)",
            )
            .unwrap();
        connection
    }

    fn count(connection: &Connection) -> u64 {
        connection.query_row("SELECT count(*) FROM t", [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn what_is_committed_survives_every_death_and_power_cut() {
        for after in 0..60 {
            let mut saved = 0;
            let mut dice = u64::from(after);
            let mut connection = open("s");
            saved += count(&connection);
            with(|disk| disk.plan("s", after % 23, Fault::Death));
            while connection.execute("INSERT INTO t DEFAULT VALUES", []).is_ok() {
                saved += 1;
            }
            assert!(with(|disk| disk.is_dead("s")));
            drop(connection);
            with(|disk| {
                disk.power_cut("s", &mut |below| {
                    dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    (dice >> 33) as usize % below
                });
                assert!(disk.mend("s"));
            });
            connection = open("s");
            assert!((saved..=saved + 1).contains(&count(&connection)), "after {after}");
        }
    }

    #[test]
    fn a_full_disk_is_told_and_passes() {
        let connection = open("full");
        with(|disk| disk.plan("full", 0, Fault::Full(1)));
        let error = connection.execute("INSERT INTO t DEFAULT VALUES", []).unwrap_err();
        assert_eq!(error.sqlite_error_code(), Some(rusqlite::ErrorCode::DiskFull));
        assert_eq!(count(&connection), 0);
        connection.execute("INSERT INTO t DEFAULT VALUES", []).unwrap();
        assert_eq!(count(&connection), 1);
    }

    #[test]
    fn a_copy_is_put_in_place_of_what_came_after() {
        let connection = open("copied");
        connection.execute("INSERT INTO t DEFAULT VALUES", []).unwrap();
        let image = with(|disk| disk.image("copied"));
        connection.execute("INSERT INTO t DEFAULT VALUES", []).unwrap();
        with(|disk| disk.kill("copied"));
        drop(connection);
        with(|disk| {
            disk.restore("copied", &image);
            disk.mend("copied");
        });
        assert_eq!(count(&open("copied")), 1);
    }
}

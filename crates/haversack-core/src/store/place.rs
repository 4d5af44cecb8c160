//! Where a store lies: what changes when it is restored from a copy, or copied to another device.

use std::fs::Metadata;
use std::path::Path;
use std::time::SystemTime;

use haversack_wire::hash::{Label, derive_cut};

/// A mark of a store's place: its machine, and the lock file's number, time of birth and time of change there. A copy of the store has
/// another, even one that keeps the names, contents and times of files. Where the system tells no time of birth, as on Android, the
/// number and the time of change have to do: no copy has both.
///
/// Nothing when the system tells too little: continuity cannot be proved then.
pub(crate) fn place(folder: &Path) -> Option<[u8; 16]> {
    #[cfg(feature = "sim")]
    if let Some(disk) = crate::sim::disk() {
        return disk.place(folder);
    }
    let file = std::fs::metadata(folder.join("lock")).ok()?;
    mark(&file, file.created().ok())
}

fn mark(file: &Metadata, born: Option<SystemTime>) -> Option<[u8; 16]> {
    let number = number(file, born)?;
    let machine = std::fs::read("/etc/machine-id").unwrap_or_default();
    let born = born.map(since_1970).unwrap_or_default();
    Some(derive_cut(Label::PLACE, &[&number, &born, &machine]))
}

fn since_1970(time: SystemTime) -> [u8; 16] {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos().to_le_bytes()
}

/// The file's number, and when it was last changed in any way: nothing here changes it, and copying over it does.
#[cfg(unix)]
fn number(file: &Metadata, _: Option<SystemTime>) -> Option<Vec<u8>> {
    use std::os::unix::fs::MetadataExt;
    let changed = [file.ctime().to_le_bytes(), file.ctime_nsec().to_le_bytes()].concat();
    Some([&file.ino().to_le_bytes()[..], &changed].concat())
}

#[cfg(not(unix))]
fn number(file: &Metadata, born: Option<SystemTime>) -> Option<Vec<u8>> {
    born.and(file.modified().ok()).map(|time| since_1970(time).to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_lies_elsewhere() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (folder.path().join("one"), folder.path().join("other"));
        for store in [&one, &other] {
            std::fs::create_dir(store).unwrap();
        }
        std::fs::write(one.join("lock"), b"").unwrap();
        std::fs::copy(one.join("lock"), other.join("lock")).unwrap();
        assert_eq!(place(&one), place(&one));
        assert!(place(&one).is_some());
        assert_ne!(place(&one), place(&other));
        let before = place(&one);
        std::fs::copy(other.join("lock"), one.join("lock")).unwrap();
        assert_ne!(place(&one), before, "a copy over it is one too");
        assert_eq!(place(folder.path()), None);
    }

    #[cfg(unix)]
    #[test]
    fn a_system_that_tells_no_time_of_birth_tells_enough() {
        let folder = tempfile::tempdir().unwrap();
        let marks = ["one", "other"].map(|name| {
            let path = folder.path().join(name);
            std::fs::write(&path, b"").unwrap();
            let read = || mark(&std::fs::metadata(&path).unwrap(), None);
            assert_eq!(read(), read());
            read().unwrap()
        });
        assert_ne!(marks[0], marks[1]);
    }
}

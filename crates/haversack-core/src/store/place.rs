//! Where a store lies: what changes when it is restored from a copy, or copied to another device.

use std::path::Path;

use haversack_wire::hash::{Label, derive_cut};

/// A mark of a store's place: its machine, and the lock file's number, time of birth and time of change there. A copy of the store has
/// another, even one that keeps the names, contents and times of files.
///
/// Nothing when the system tells none of it: continuity cannot be proved then.
pub(crate) fn place(folder: &Path) -> Option<[u8; 16]> {
    #[cfg(feature = "sim")]
    if let Some(disk) = crate::sim::disk() {
        return disk.place(folder);
    }
    let file = std::fs::metadata(folder.join("lock")).ok()?;
    let born = file.created().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    let machine = std::fs::read("/etc/machine-id").unwrap_or_default();
    let born = born.as_nanos().to_le_bytes();
    Some(derive_cut(Label::PLACE, &[&number(&file), &born, &machine]))
}

/// The file's number, and when it was last changed in any way: nothing here changes it, and copying over it does.
#[cfg(unix)]
fn number(file: &std::fs::Metadata) -> Vec<u8> {
    use std::os::unix::fs::MetadataExt;
    let changed = [file.ctime().to_le_bytes(), file.ctime_nsec().to_le_bytes()].concat();
    [&file.ino().to_le_bytes()[..], &changed].concat()
}

#[cfg(not(unix))]
fn number(file: &std::fs::Metadata) -> Vec<u8> {
    let since = file.modified().ok().and_then(|t| t.duration_since(std::time::UNIX_EPOCH).ok());
    since.unwrap_or_default().as_nanos().to_le_bytes().to_vec()
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
}

//! Where a store lies: what changes when it is restored from a copy, or copied to another device.

use std::path::Path;

use haversack_wire::hash::{Label, derive_cut};

/// A mark of a store's place: its machine, and the lock file's number and time of birth there. A copy of the store has
/// another, even one that keeps the names, contents and times of files.
///
/// Nothing when the system tells none of it: continuity cannot be proved then.
pub(crate) fn place(folder: &Path) -> Option<[u8; 16]> {
    let file = std::fs::metadata(folder.join("lock")).ok()?;
    let born = file.created().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    let machine = std::fs::read("/etc/machine-id").unwrap_or_default();
    let (number, born) = (number(&file).to_le_bytes(), born.as_nanos().to_le_bytes());
    Some(derive_cut(Label::PLACE, &[&number, &born, &machine]))
}

#[cfg(unix)]
fn number(file: &std::fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(file)
}

#[cfg(not(unix))]
const fn number(_: &std::fs::Metadata) -> u64 {
    0
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
        assert_eq!(place(folder.path()), None);
    }
}

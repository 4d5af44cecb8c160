//! A full disk, for real: a small file system of its own, which takes root to mount.

use std::path::{Path, PathBuf};
use std::process::Command;

use haversack::model::*;
use haversack::{ContactFilter, Notebook, WhoDraft};

use crate::team::{create, day, given, passphrase, van};

/// A file system of one MiB, unmounted when dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path) -> Option<Self> {
        std::fs::create_dir_all(at).unwrap();
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"]).arg(at).output();
        mounted.is_ok_and(|output| output.status.success()).then(|| Self(at.to_owned()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn saving_fails_whole_reading_goes_on_and_room_helps() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(&folder.path().join("disk")) else {
        assert!(std::env::var_os("CI").is_none(), "CI must be able to mount a file system");
        println!("skipped: mounting a small file system takes root");
        return;
    };
    let notebook = create(&disk.0.join("store"));
    notebook.found_space().unwrap();
    notebook.put_site(&van()).unwrap();
    let ballast = disk.0.join("ballast");
    std::fs::write(&ballast, vec![1; 200_000]).unwrap();
    let (mut saved, mut error) = (0, None);
    for n in 0..1_000 {
        let many = vec![given(WhoDraft::default(), 5); 50];
        match notebook.log(Day::from_number(3_000 + n).unwrap(), &many) {
            Ok(ids) => saved += ids.len(),
            Err(full) => {
                error = Some(full.to_string());
                break;
            }
        }
    }
    let expected =
        "no space is left on the device; nothing of this was saved, everything before is";
    assert_eq!(error.as_deref(), Some(expected));
    let count = |notebook: &Notebook| notebook.contacts(&ContactFilter::default()).unwrap().len();
    assert_eq!(count(&notebook), saved);
    std::fs::remove_file(ballast).unwrap();
    notebook.log(day("2009-01-01"), &[given(WhoDraft::default(), 5)]).unwrap();
    drop(notebook);
    let again = Notebook::open(&disk.0.join("store"), &passphrase()).unwrap();
    assert_eq!(count(&again), saved + 1);
}

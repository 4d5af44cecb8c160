//! The two copies of the header in a store's folder.

use std::path::{Path, PathBuf};
use std::thread::{Builder, ScopedJoinHandle};

use rand_core::CryptoRng;

use super::files::{self, write_through};
use super::header::{HEADER_LEN, Header, is_tombstone, tombstone};
use crate::Error;

const WHAT: &str = "header";

/// Where the copies are.
#[derive(Debug, Clone)]
pub(crate) struct HeaderFiles {
    a: PathBuf,
    b: PathBuf,
}

impl HeaderFiles {
    pub(crate) fn in_folder(folder: &Path) -> Self {
        Self { a: folder.join("key.a"), b: folder.join("key.b") }
    }

    /// The folder that they are in.
    pub(crate) fn folder(&self) -> &Path {
        self.a.parent().unwrap_or(Path::new("."))
    }

    pub(crate) fn exist(&self) -> bool {
        files::exists(&self.a) || files::exists(&self.b)
    }

    /// Writes copy B, then copy A, each down to the disk, so that one is whole at any moment. A store that was
    /// wiped meanwhile stays so.
    pub(crate) fn write(&self, header: &Header, random: &mut dyn CryptoRng) -> Result<(), Error> {
        match self.exist() && !self.is_buried() {
            true => self.write_new(header, random),
            false => Err(Error::Wiped),
        }
    }

    /// The same, while other work is done: it is on the disk when both have ended.
    pub(crate) fn write_beside<T>(
        &self,
        header: &Header,
        random: &mut dyn CryptoRng,
        work: impl FnOnce() -> T,
    ) -> Result<T, Error> {
        #[cfg(feature = "sim")]
        if crate::sim::disk().is_some() {
            // Its disk belongs to one thread.
            return self.write(header, random).map(|()| work());
        }
        if !self.exist() || self.is_buried() {
            return Err(Error::Wiped);
        }
        let bytes = encode(header, random);
        let (written, done) = std::thread::scope(|scope| {
            let writing = Builder::new().spawn_scoped(scope, || self.write_bytes(&bytes));
            // Where there is no thread to be had, one comes after the other.
            let before = writing.is_err().then(|| self.write_bytes(&bytes));
            let done = work();
            (writing.map_or(Ok(before.unwrap_or(Ok(()))), ScopedJoinHandle::join), done)
        });
        written
            .map_err(|_| Error::io(WHAT)(std::io::Error::other("the writing ended")))?
            .map(|()| done)
    }

    /// The same for a store that is being made.
    pub(crate) fn write_new(
        &self,
        header: &Header,
        random: &mut dyn CryptoRng,
    ) -> Result<(), Error> {
        self.write_bytes(&encode(header, random))
    }

    fn write_bytes(&self, bytes: &[u8]) -> Result<(), Error> {
        write_through(&self.b, bytes)
            .and_then(|()| write_through(&self.a, bytes))
            .map_err(Error::io(WHAT))
    }

    /// Reads the valid copy of the highest generation. When none is valid, says what is wrong with the first.
    pub(crate) fn read(&self) -> Result<Header, Error> {
        if !self.exist() {
            return Err(Error::NoStore);
        }
        if self.is_buried() {
            return Err(Error::Wiped);
        }
        match (read_copy(&self.a), read_copy(&self.b)) {
            (Ok(a), Ok(b)) => Ok(if b.generation > a.generation { b } else { a }),
            (Ok(header), Err(_)) | (Err(_), Ok(header)) => Ok(header),
            (Err(error), Err(_)) => Err(error),
        }
    }

    /// Makes both copies durably the newest one, where a writing was cut off. What such a writing left may be seen, and gone with the next
    /// power cut: nothing may follow from it before.
    pub(crate) fn settle(&self) -> Result<(), Error> {
        let newest = self.read()?.generation;
        let copies = [&self.b, &self.a].map(|path| read_bytes(path).unwrap_or_default());
        let is_newest =
            |bytes: &&Vec<u8>| Header::decode(bytes).is_ok_and(|h| h.generation == newest);
        match (&copies, copies.iter().find(is_newest)) {
            ([b, a], Some(bytes)) if a != b => self.write_bytes(bytes),
            _ => Ok(()),
        }
    }

    /// Whether a wipe has begun: a single tombstone says so, whatever the other copy holds.
    pub(crate) fn is_buried(&self) -> bool {
        let buried = |path| read_bytes(path).is_ok_and(|bytes| is_tombstone(&bytes));
        buried(&self.a) || buried(&self.b)
    }

    /// Puts a tombstone over copy B: from here on nothing opens the store. One that is there already stays.
    pub(crate) fn bury_first(&self, random: &mut dyn CryptoRng) -> Result<(), Error> {
        match self.is_buried() {
            true => Ok(()),
            false => write_through(&self.b, &tombstone(random)).map_err(Error::io(WHAT)),
        }
    }

    /// Puts tombstones over both copies: from here on the keys are gone.
    pub(crate) fn bury_all(&self, random: &mut dyn CryptoRng) -> Result<(), Error> {
        let is_buried = |path| read_bytes(path).is_ok_and(|bytes| is_tombstone(&bytes));
        for path in [&self.b, &self.a] {
            if !is_buried(path) {
                write_through(path, &tombstone(random)).map_err(Error::io(WHAT))?;
            }
        }
        Ok(())
    }
}

fn encode(header: &Header, random: &mut dyn CryptoRng) -> Vec<u8> {
    #[cfg(test)]
    crate::crypto::count::add(crate::crypto::count::Work::Write);
    header.encode(random)
}

fn read_copy(path: &Path) -> Result<Header, Error> {
    Header::decode(&read_bytes(path)?)
}

fn read_bytes(path: &Path) -> Result<Vec<u8>, Error> {
    let bytes = files::read(path, HEADER_LEN + 1).map_err(Error::io(WHAT))?;
    match bytes.len() {
        0..HEADER_LEN => Err(Error::damaged(WHAT, "it is cut")),
        _ => Ok(bytes),
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

    use super::*;
    use crate::Cost;

    fn files() -> (tempfile::TempDir, HeaderFiles, Vec<u8>) {
        let folder = tempfile::tempdir().unwrap();
        let files = HeaderFiles::in_folder(folder.path());
        let random = &mut ChaCha20Rng::seed_from_u64(2);
        let mut header = Header::make(Cost::FLOOR, 0, random);
        header.generation = 1;
        assert!(matches!(files.write(&header, random), Err(Error::Wiped)));
        files.write_new(&header, random).unwrap();
        header.generation = 2;
        let next = header.encode(random);
        (folder, files, next)
    }

    #[test]
    fn a_torn_write_at_every_byte_of_either_copy_loses_nothing() {
        let (_folder, files, next) = files();
        let before = std::fs::read(&files.a).unwrap();
        let check = |path: &Path, expect: &[u64]| {
            for at in 0..=HEADER_LEN {
                std::fs::write(path, [&next[..at], &before[at..]].concat()).unwrap();
                let generation = files.read().unwrap().generation;
                assert!(expect.contains(&generation), "{at}: {generation}");
                std::fs::write(path, &next[..at]).unwrap();
                assert!(expect.contains(&files.read().unwrap().generation), "{at}, cut");
            }
        };
        check(&files.b, &[1, 2]);
        check(&files.a, &[2]);
    }

    #[test]
    fn what_a_cut_writing_left_is_settled_before_anything_follows_from_it() {
        let (_folder, files, next) = files();
        let before = std::fs::read(&files.a).unwrap();
        let written = || [&files.a, &files.b].map(|path| std::fs::read(path).unwrap());
        files.settle().unwrap();
        assert_eq!(written(), [before.clone(), before.clone()]);
        let torn = next[..700].to_vec();
        let cases = [(&before, &next, &next), (&before, &torn, &before), (&torn, &next, &next)];
        for (a, b, expect) in cases {
            for (a, b) in [(a, b), (b, a)] {
                std::fs::write(&files.a, a).unwrap();
                std::fs::write(&files.b, b).unwrap();
                files.settle().unwrap();
                assert_eq!(written(), [expect.clone(), expect.clone()]);
            }
        }
    }

    #[test]
    fn one_good_copy_is_enough_and_none_is_said() {
        let (_folder, files, bytes) = files();
        for broken in [&files.a, &files.b] {
            std::fs::write(broken, &bytes[..700]).unwrap();
            assert_eq!(files.read().unwrap().generation, 1);
            std::fs::write(broken, &bytes).unwrap();
            std::fs::remove_file(&files.b).unwrap();
            files
                .write(&Header::decode(&bytes).unwrap(), &mut ChaCha20Rng::seed_from_u64(3))
                .unwrap();
            let mut older = Header::decode(&bytes).unwrap();
            older.generation = 1;
            files.write(&older, &mut ChaCha20Rng::seed_from_u64(3)).unwrap();
        }
        std::fs::write(&files.a, b"").unwrap();
        std::fs::remove_file(&files.b).unwrap();
        insta::assert_snapshot!(files.read().err().unwrap(), @"the store's header is damaged: it is cut");
        std::fs::remove_file(&files.a).unwrap();
        assert!(matches!(files.read(), Err(Error::NoStore)));
    }

    #[test]
    fn a_torn_tombstone_leaves_the_store_whole_and_a_whole_one_ends_it() {
        let (_folder, files, _) = files();
        let random = &mut ChaCha20Rng::seed_from_u64(4);
        let before = std::fs::read(&files.b).unwrap();
        let stone = tombstone(random);
        for at in 0..HEADER_LEN {
            std::fs::write(&files.b, [&stone[..at], &before[at..]].concat()).unwrap();
            assert_eq!(files.read().unwrap().generation, 1, "{at}");
        }
        let header = files.read().unwrap();
        files.bury_first(random).unwrap();
        assert!(matches!(files.read(), Err(Error::Wiped)));
        assert!(matches!(files.write(&header, random), Err(Error::Wiped)));
        let torn = std::fs::read(&files.a).unwrap();
        for at in 0..HEADER_LEN {
            std::fs::write(&files.a, [&stone[..at], &torn[at..]].concat()).unwrap();
            assert!(matches!(files.read(), Err(Error::Wiped)), "{at}");
        }
        files.bury_all(random).unwrap();
        assert!(files.is_buried());
    }
}

//! One file: what is on the disk, and what was only written.

/// What a power cut leaves whole of a write, at least and at most.
const SECTOR: usize = 512;

/// A change that was not synced.
#[derive(Debug, Clone)]
enum Change {
    Write(usize, Vec<u8>),
    Length(usize),
}

/// A file as programs see it, and as a power cut would leave it.
#[derive(Debug, Clone, Default)]
pub(crate) struct File {
    seen: Vec<u8>,
    synced: Vec<u8>,
    pending: Vec<Change>,
}

/// What becomes of what was not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Dropped,
    /// The first so many are there, the next one in part.
    Torn(usize),
    /// Each is there, or not, or in part.
    Reordered,
}

impl File {
    pub(crate) fn len(&self) -> usize {
        self.seen.len()
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.seen
    }

    pub(crate) fn write(&mut self, at: usize, bytes: &[u8]) {
        put(&mut self.seen, at, bytes);
        self.pending.push(Change::Write(at, bytes.to_vec()));
    }

    /// A write that was cut off: nobody has seen it, and the disk may have some of it.
    pub(crate) fn half_write(&mut self, at: usize, bytes: &[u8]) {
        let half = bytes.get(..bytes.len() / 2).unwrap_or_default();
        self.write(at, half);
    }

    pub(crate) fn set_len(&mut self, len: usize) {
        self.seen.resize(len, 0);
        self.pending.push(Change::Length(len));
    }

    pub(crate) fn sync(&mut self) {
        for change in self.pending.drain(..) {
            match change {
                Change::Write(at, bytes) => put(&mut self.synced, at, &bytes),
                Change::Length(len) => self.synced.resize(len, 0),
            }
        }
    }

    /// What was not synced is dropped, torn or reordered; what was, stays.
    pub(crate) fn power_cut(&mut self, below: &mut dyn FnMut(usize) -> usize) {
        let pending = std::mem::take(&mut self.pending);
        let fate = match below(3) {
            0 => Fate::Dropped,
            1 => Fate::Torn(below(pending.len() + 1)),
            _ => Fate::Reordered,
        };
        for (n, change) in pending.into_iter().enumerate() {
            let (keep, tear) = match fate {
                Fate::Dropped => (false, false),
                Fate::Torn(whole) => (n <= whole, n == whole),
                Fate::Reordered => (below(2) == 0, below(2) == 0),
            };
            if keep {
                self.keep(change, tear, below);
            }
        }
        self.seen.clone_from(&self.synced);
    }

    fn keep(&mut self, change: Change, tear: bool, below: &mut dyn FnMut(usize) -> usize) {
        match change {
            Change::Length(len) => self.synced.resize(len, 0),
            Change::Write(at, bytes) if !tear => put(&mut self.synced, at, &bytes),
            Change::Write(at, bytes) => {
                for (n, sector) in bytes.chunks(SECTOR).enumerate() {
                    if below(2) == 0 {
                        put(&mut self.synced, at + n * SECTOR, sector);
                    }
                }
            }
        }
    }

    /// The same file as a copy of it is found elsewhere.
    pub(crate) fn copied(&self) -> Self {
        Self { seen: self.seen.clone(), synced: self.seen.clone(), pending: Vec::new() }
    }
}

fn put(content: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    let end = at + bytes.len();
    if content.len() < end {
        content.resize(end, 0);
    }
    if let Some(place) = content.get_mut(at..end) {
        place.copy_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_synced_stays_and_the_rest_may_not() {
        for dice in 0..50_usize {
            let mut file = File::default();
            file.write(0, &[1; 2_000]);
            file.sync();
            file.write(1_000, &[2; 3_000]);
            assert_eq!(file.len(), 4_000);
            let mut n = dice;
            file.power_cut(&mut |below| {
                n = n * 7 + 3;
                (n / 2) % below
            });
            assert_eq!(file.bytes()[..1_000], [1; 1_000]);
            assert!(file.bytes()[1_000..].iter().all(|byte| [0, 1, 2].contains(byte)));
        }
    }
}

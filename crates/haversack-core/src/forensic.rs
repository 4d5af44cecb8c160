//! What only tests of what is left behind need. No released build has this: see the feature's description.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use rand_core::CryptoRng;
use rusqlite::Connection;

use crate::engine::expanded;
use crate::store::{HeaderFiles, Secret, Step, Vault, content_of_row, wipe_up_to};
use crate::{Error, Passphrase};

/// What a key is, and its 32 bytes.
pub type Named = (&'static str, [u8; 32]);

/// Every table and column of sealed boxes, and the part that each is bound to.
const COLUMNS: [(&str, &str, u8); 10] = [
    ("a", "box", 1),
    ("b", "box", 1),
    ("c", "head", 0),
    ("c", "box", 1),
    ("d", "box", 1),
    ("e", "box", 1),
    ("f", "head", 0),
    ("f", "box", 1),
    ("g", "box", 1),
    ("h", "box", 1),
];

static CALLS: AtomicU32 = AtomicU32::new(0);
static LAST: AtomicU32 = AtomicU32::new(u32::MAX);

/// One sealed box of a copy of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The table's letter.
    pub table: &'static str,
    /// The row's number.
    pub id: i64,
    part: u8,
    /// The box.
    pub bytes: Vec<u8>,
}

impl Sealed {
    /// Every box of the database in a folder.
    ///
    /// # Errors
    /// [`Error::Database`] when there is none that can be read.
    pub fn all(folder: &Path) -> Result<Vec<Self>, Error> {
        let failed = || Error::database("reading");
        haversack_memory::clean_sqlite();
        let connection = Connection::open(folder.join("data.db")).map_err(failed())?;
        let mut all = Vec::new();
        for (table, column, part) in COLUMNS {
            let mut rows = connection
                .prepare(&format!("SELECT id, {column} FROM {table} ORDER BY id"))
                .map_err(failed())?;
            let rows = rows
                .query_map([], |row| Ok(Self { table, part, id: row.get(0)?, bytes: row.get(1)? }))
                .and_then(Iterator::collect::<Result<Vec<_>, _>>)
                .map_err(failed())?;
            all.extend(rows);
        }
        Ok(all)
    }

    /// Whether one of these keys opens it at its place.
    #[must_use]
    pub fn opens_with(&self, keys: &[Named]) -> bool {
        self.content(keys).is_some()
    }

    /// What one of these keys finds in it; of a row of the log also what is compressed there.
    #[must_use]
    pub fn content(&self, keys: &[Named]) -> Option<Vec<u8>> {
        let number = self.table.bytes().next().unwrap_or(b'a').saturating_sub(b'a') + 1;
        let place = [&[number][..], &self.id.to_le_bytes(), &[self.part]].concat();
        let found = keys.iter().find_map(|(_, key)| content_of_row(key, &place, &self.bytes));
        found.map(|content| [expanded(&content).unwrap_or_default(), content].concat())
    }
}

/// Opens the vault of a store and no more: what every attempt does before anybody knows whether it was right.
///
/// # Errors
/// As [`crate::Engine::open_with`].
pub fn unlock(
    folder: &Path,
    passphrase: &Passphrase,
    random: &mut dyn CryptoRng,
) -> Result<(), Error> {
    let secret = Secret { passphrase, hardware: None };
    Vault::unlock(HeaderFiles::in_folder(folder), secret, std::time::Duration::ZERO, random)
        .map(drop)
}

/// Wipes the keys of a store, and nothing else yet.
///
/// # Errors
/// As [`crate::wipe`].
pub fn wipe_keys(folder: &Path, random: &mut dyn CryptoRng) -> Result<(), Error> {
    wipe_up_to(folder, Step::KeysGone, random)
}

/// Ends this process, without unwinding, before the `n`-th call to the system from now on, counted from 0.
pub fn end_at(n: u32) {
    CALLS.store(0, Ordering::SeqCst);
    LAST.store(n, Ordering::SeqCst);
}

/// How many calls there were since [`end_at`].
pub fn calls() -> u32 {
    CALLS.load(Ordering::SeqCst)
}

/// Is called before each call to the system that changes a file.
pub(crate) fn call() {
    if CALLS.fetch_add(1, Ordering::SeqCst) == LAST.load(Ordering::SeqCst) {
        std::process::abort();
    }
}

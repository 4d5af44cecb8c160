//! The database file: eight tables of sealed boxes.
//!
//! | table | what a row is | sealed under |
//! | --- | --- | --- |
//! | `a`, `h` | keys: one of the two is live, see [`Keyring`](super::Keyring) | the keyring key |
//! | `b` | a single value, by number | the state key |
//! | `c` | the log: one document's changes by one author | head: state key, box: the document's key |
//! | `d` | a body of this device, and the frame it was sealed as | the outbox key |
//! | `e` | a sealed frame: carried, waiting, or quarantined | the outbox key |
//! | `f` | a cache: an Automerge save with its heads | the document's key |
//! | `g` | the snapshot of the view | the snapshot key |
//!
//! Row numbers are never used twice (AUTOINCREMENT), so a row number is also a place in time.

use std::path::{Path, PathBuf};

use haversack_memory::clean_sqlite;
use rand_core::CryptoRng;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::{Lock, files, row};
use crate::Error;
use crate::seeded::{Bug, seeded};

/// "HSK1" as SQLite's application id.
const APPLICATION_ID: i32 = 0x4853_4b31;

/// Each step leads from the version before it; the schema's version is their number.
const MIGRATIONS: &[&str] = &["
    CREATE TABLE a (id INTEGER PRIMARY KEY AUTOINCREMENT, box BLOB NOT NULL) STRICT;
    CREATE TABLE b (id INTEGER PRIMARY KEY, box BLOB NOT NULL) STRICT;
    CREATE TABLE c (id INTEGER PRIMARY KEY AUTOINCREMENT, head BLOB NOT NULL, box BLOB NOT NULL) STRICT;
    CREATE TABLE d (id INTEGER PRIMARY KEY AUTOINCREMENT, box BLOB NOT NULL) STRICT;
    CREATE TABLE e (id INTEGER PRIMARY KEY AUTOINCREMENT, box BLOB NOT NULL) STRICT;
    CREATE TABLE f (id INTEGER PRIMARY KEY AUTOINCREMENT, head BLOB NOT NULL, box BLOB NOT NULL) STRICT;
    CREATE TABLE g (id INTEGER PRIMARY KEY AUTOINCREMENT, box BLOB NOT NULL) STRICT;
    CREATE TABLE h (id INTEGER PRIMARY KEY AUTOINCREMENT, box BLOB NOT NULL) STRICT;
"];

/// A table of one sealed box a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Table {
    Keys,
    OtherKeys,
    Values,
    Bodies,
    Frames,
    Snapshot,
}

impl Table {
    const fn name(self) -> &'static str {
        match self {
            Self::Keys => "a",
            Self::OtherKeys => "h",
            Self::Values => "b",
            Self::Bodies => "d",
            Self::Frames => "e",
            Self::Snapshot => "g",
        }
    }

    const fn number(self) -> u8 {
        match self {
            Self::Keys => 1,
            Self::OtherKeys => 8,
            Self::Values => 2,
            Self::Bodies => 4,
            Self::Frames => 5,
            Self::Snapshot => 7,
        }
    }

    const fn what(self) -> &'static str {
        match self {
            Self::Keys | Self::OtherKeys => "keyring",
            Self::Values => "state",
            Self::Bodies => "outgoing bodies",
            Self::Frames => "kept frames",
            Self::Snapshot => "snapshot",
        }
    }
}

/// A table whose rows have a head and a box under different keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Log {
    Changes,
    Caches,
}

impl Log {
    const fn name(self) -> &'static str {
        match self {
            Self::Changes => "c",
            Self::Caches => "f",
        }
    }

    const fn number(self) -> u8 {
        match self {
            Self::Changes => 3,
            Self::Caches => 6,
        }
    }

    const fn what(self) -> &'static str {
        match self {
            Self::Changes => "log",
            Self::Caches => "cache",
        }
    }
}

fn place(table: u8, id: i64, part: u8) -> Vec<u8> {
    [&[table][..], &id.to_le_bytes(), &[part]].concat()
}

/// The open database. Holds the folder's lock for as long as it lives.
#[derive(Debug)]
pub(crate) struct Db {
    connection: Connection,
    folder: PathBuf,
    /// Whether what is committed is not synced for now.
    is_lax: bool,
    _lock: Lock,
}

impl Db {
    /// Opens or creates the database of a folder, alone.
    pub(crate) fn open(folder: &Path, lock: Lock) -> Result<Self, Error> {
        clean_sqlite();
        let connection =
            files::connect(&folder.join("data.db")).map_err(Error::database("opening"))?;
        prepare(&connection)?;
        migrate(&connection)?;
        Ok(Self { connection, folder: folder.to_owned(), is_lax: false, _lock: lock })
    }

    /// The store's folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Begins the one transaction that may run.
    pub(crate) fn write(&mut self) -> Result<Writer<'_>, Error> {
        if self.is_lax {
            self.set_synchronous(if seeded(Bug::SkipFsync) { "OFF" } else { "FULL" })?;
            self.is_lax = false;
        }
        self.begin()
    }

    /// Writes what may be lost with the power, though not with the process. What is written after it is synced, and this with it.
    pub(crate) fn write_unsynced(
        &mut self,
        write: impl FnOnce(&mut Writer<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        // With NORMAL a checkpoint is synced all the same, so that the file stays whole.
        self.set_synchronous("NORMAL")?;
        self.is_lax = true;
        let mut writer = self.begin()?;
        write(&mut writer)?;
        writer.commit()
    }

    fn set_synchronous(&self, level: &str) -> Result<(), Error> {
        let set = self.connection.pragma_update(None, "synchronous", level);
        set.map_err(Error::database("setting how to save"))
    }

    fn begin(&mut self) -> Result<Writer<'_>, Error> {
        let transaction = self.connection.transaction().map_err(Error::database("beginning"))?;
        Ok(Writer { transaction })
    }

    /// Opens every row of a table, oldest first.
    pub(crate) fn rows(&self, table: Table, key: &[u8; 32]) -> Result<Vec<(i64, Vec<u8>)>, Error> {
        let sql = format!("SELECT id, box FROM {} ORDER BY id", table.name());
        self.select(&sql, |row| Ok((row.get(0)?, row.get(1)?)))?
            .into_iter()
            .map(|(id, sealed): (i64, Vec<u8>)| Ok((id, open_box(table, key, id, &sealed)?)))
            .collect()
    }

    /// Opens one row.
    pub(crate) fn row(
        &self,
        table: Table,
        key: &[u8; 32],
        id: i64,
    ) -> Result<Option<Vec<u8>>, Error> {
        let sql = format!("SELECT box FROM {} WHERE id = ?1", table.name());
        let sealed: Option<Vec<u8>> = self
            .connection
            .prepare_cached(&sql)
            .and_then(|mut statement| statement.query_row([id], |row| row.get(0)).optional())
            .map_err(Error::database("reading"))?;
        sealed.map(|sealed| open_box(table, key, id, &sealed)).transpose()
    }

    /// Whether a table has rows.
    pub(crate) fn has_rows(&self, table: Table) -> Result<bool, Error> {
        let sql = format!("SELECT EXISTS (SELECT 1 FROM {})", table.name());
        self.connection.query_row(&sql, [], |row| row.get(0)).map_err(Error::database("reading"))
    }

    /// Brings everything into the main file and empties the journal, so that nothing older stays in it.
    pub(crate) fn checkpoint(&self) -> Result<(), Error> {
        self.connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .map_err(Error::database("saving"))
    }

    /// Opens the heads of a log, oldest first.
    pub(crate) fn heads(&self, log: Log, key: &[u8; 32]) -> Result<Vec<(i64, Vec<u8>)>, Error> {
        let sql = format!("SELECT id, head FROM {} ORDER BY id", log.name());
        self.select(&sql, |row| Ok((row.get(0)?, row.get(1)?)))?
            .into_iter()
            .map(|(id, sealed): (i64, Vec<u8>)| {
                Ok((id, row::open(key, &place(log.number(), id, 0), &sealed, log.what())?))
            })
            .collect()
    }

    /// Opens the box of one row of a log.
    pub(crate) fn entry(&self, log: Log, key: &[u8; 32], id: i64) -> Result<Vec<u8>, Error> {
        let sql = format!("SELECT box FROM {} WHERE id = ?1", log.name());
        let sealed: Vec<u8> = self
            .connection
            .prepare_cached(&sql)
            .and_then(|mut statement| statement.query_row([id], |row| row.get(0)))
            .map_err(Error::database("reading"))?;
        row::open(key, &place(log.number(), id, 1), &sealed, log.what())
    }

    /// The newest row number that a log ever gave.
    pub(crate) fn newest(&self, log: Log) -> Result<i64, Error> {
        self.connection
            .query_row("SELECT seq FROM sqlite_sequence WHERE name = ?1", [log.name()], |row| {
                row.get(0)
            })
            .optional()
            .map(Option::unwrap_or_default)
            .map_err(Error::database("reading"))
    }

    fn select<T>(
        &self,
        sql: &str,
        read: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, Error> {
        self.connection
            .prepare(sql)
            .and_then(|mut statement| statement.query_map([], read)?.collect())
            .map_err(Error::database("reading"))
    }
}

fn open_box(table: Table, key: &[u8; 32], id: i64, sealed: &[u8]) -> Result<Vec<u8>, Error> {
    row::open(key, &place(table.number(), id, 1), sealed, table.what())
}

/// Statements that stay prepared: more than there are.
const STATEMENTS: usize = 64;

/// Has SQLite plan each statement once, and not anew for the values in it.
pub(crate) fn plan_once(connection: &Connection) -> Result<(), Error> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    let set = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true);
    set.map(drop).map_err(Error::database("opening"))
}

fn prepare(connection: &Connection) -> Result<(), Error> {
    plan_once(connection)?;
    connection
        .execute_batch(
            "PRAGMA locking_mode = EXCLUSIVE;
             PRAGMA journal_mode = WAL;
             PRAGMA synchronous = FULL;
             PRAGMA temp_store = MEMORY;
             PRAGMA secure_delete = ON;
             PRAGMA mmap_size = 0;
             PRAGMA trusted_schema = OFF;",
        )
        .map_err(Error::database("opening"))?;
    if seeded(Bug::SkipFsync) {
        return connection
            .execute_batch("PRAGMA synchronous = OFF")
            .map_err(Error::database("opening"));
    }
    for (pragma, expected) in [("temp_store", 2), ("synchronous", 2)] {
        let found: i64 = connection
            .pragma_query_value(None, pragma, |row| row.get(0))
            .map_err(Error::database("opening"))?;
        if found != expected {
            return Err(Error::damaged("database", "this SQLite refuses a setting"));
        }
    }
    Ok(())
}

fn migrate(connection: &Connection) -> Result<(), Error> {
    let number = |pragma| {
        connection
            .pragma_query_value(None, pragma, |row| row.get::<_, i64>(0))
            .map_err(Error::database("opening"))
    };
    let version = usize::try_from(number("user_version")?).unwrap_or(usize::MAX);
    let application = number("application_id")?;
    if version > 0 && application != i64::from(APPLICATION_ID) {
        return Err(Error::damaged("database", "it is not one of ours"));
    }
    let Some(steps) = MIGRATIONS.get(version..) else {
        return Err(Error::Newer { what: "database", found: version as u64 });
    };
    if steps.is_empty() {
        return Ok(());
    }
    let last = MIGRATIONS.len();
    let sql = format!(
        "BEGIN IMMEDIATE; {} PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {last}; COMMIT;",
        steps.concat()
    );
    connection.execute_batch(&sql).map_err(Error::database("migrating"))
}

/// One transaction: everything written through it becomes durable together, or not at all.
pub(crate) struct Writer<'a> {
    transaction: Transaction<'a>,
}

impl Writer<'_> {
    /// Makes it durable.
    pub(crate) fn commit(self) -> Result<(), Error> {
        match self.transaction.commit() {
            Err(_) if seeded(Bug::AckBeforeCommit) => Ok(()),
            done => done.map_err(Error::database("saving")),
        }
    }

    /// Adds a row.
    pub(crate) fn insert_sealed(
        &mut self,
        table: Table,
        key: &[u8; 32],
        content: &[u8],
        random: &mut dyn CryptoRng,
    ) -> Result<i64, Error> {
        let id = self.next_id(table.name())?;
        self.put_sealed(table, key, id, content, random)?;
        Ok(id)
    }

    /// Writes the row of a given number, over what was there.
    pub(crate) fn put_sealed(
        &mut self,
        table: Table,
        key: &[u8; 32],
        id: i64,
        content: &[u8],
        random: &mut dyn CryptoRng,
    ) -> Result<(), Error> {
        let sealed = row::seal(key, &place(table.number(), id, 1), content, random);
        let sql = format!("INSERT OR REPLACE INTO {} (id, box) VALUES (?1, ?2)", table.name());
        self.execute(&sql, params![id, sealed])
    }

    /// Adds a row to a log: its head under one key, its box under another.
    pub(crate) fn append(
        &mut self,
        log: Log,
        head: (&[u8; 32], &[u8]),
        content: (&[u8; 32], &[u8]),
        random: &mut dyn CryptoRng,
    ) -> Result<i64, Error> {
        let id = self.next_id(log.name())?;
        let head = row::seal(head.0, &place(log.number(), id, 0), head.1, random);
        let sealed = row::seal(content.0, &place(log.number(), id, 1), content.1, random);
        let sql = format!("INSERT INTO {} (id, head, box) VALUES (?1, ?2, ?3)", log.name());
        self.execute(&sql, params![id, head, sealed])?;
        Ok(id)
    }

    /// Seals every row of a table under another key.
    pub(crate) fn reseal(
        &mut self,
        table: Table,
        (old, new): (&[u8; 32], &[u8; 32]),
        random: &mut dyn CryptoRng,
    ) -> Result<(), Error> {
        let reading = Error::database("reading");
        let name = table.name();
        let ids: Vec<i64> = self
            .transaction
            .prepare(&format!("SELECT id FROM {name} ORDER BY id"))
            .and_then(|mut statement| statement.query_map([], |row| row.get(0))?.collect())
            .map_err(&reading)?;
        for id in ids {
            let sealed: Vec<u8> = self
                .transaction
                .prepare_cached(&format!("SELECT box FROM {name} WHERE id = ?1"))
                .and_then(|mut statement| statement.query_row([id], |row| row.get(0)))
                .map_err(&reading)?;
            let content = open_box(table, old, id, &sealed)?;
            self.put_sealed(table, new, id, &content, random)?;
        }
        Ok(())
    }

    /// Drops rows of a table.
    pub(crate) fn delete(&mut self, table: Table, ids: &[i64]) -> Result<(), Error> {
        self.delete_from(table.name(), ids)
    }

    /// Drops rows of a log.
    pub(crate) fn delete_entries(&mut self, log: Log, ids: &[i64]) -> Result<(), Error> {
        self.delete_from(log.name(), ids)
    }

    /// Drops all rows of a table.
    pub(crate) fn clear(&mut self, table: Table) -> Result<(), Error> {
        self.execute(&format!("DELETE FROM {}", table.name()), [])
    }

    /// Drops all rows of a log.
    pub(crate) fn clear_log(&mut self, log: Log) -> Result<(), Error> {
        self.execute(&format!("DELETE FROM {}", log.name()), [])
    }

    fn delete_from(&mut self, name: &str, ids: &[i64]) -> Result<(), Error> {
        let sql = format!("DELETE FROM {name} WHERE id = ?1");
        ids.iter().try_for_each(|id| self.execute(&sql, [id]))
    }

    fn next_id(&self, table: &str) -> Result<i64, Error> {
        self.transaction
            .prepare_cached("SELECT seq FROM sqlite_sequence WHERE name = ?1")
            .and_then(|mut statement| statement.query_row([table], |row| row.get(0)).optional())
            .map(|newest: Option<i64>| newest.unwrap_or_default() + 1)
            .map_err(Error::database("saving"))
    }

    fn execute(&mut self, sql: &str, params: impl rusqlite::Params) -> Result<(), Error> {
        self.transaction
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute(params))
            .map(drop)
            .map_err(Error::database("saving"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

    fn open(folder: &tempfile::TempDir) -> Result<Db, Error> {
        Db::open(folder.path(), Lock::take(folder.path())?)
    }

    #[test]
    fn the_schema_is_pinned() {
        let folder = tempfile::tempdir().unwrap();
        let db = open(&folder).unwrap();
        let sql = db
            .select(
                "SELECT sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' ORDER BY name",
                |row| row.get::<_, String>(0),
            )
            .unwrap();
        insta::assert_snapshot!(sql.join("\n"), @r"
        CREATE TABLE a (id INTEGER PRIMARY KEY AUTOINCREMENT, box BLOB NOT NULL) STRICT
        CREATE TABLE b (id INTEGER PRIMARY KEY, box BLOB NOT NULL) STRICT
        CREATE TABLE c (id INTEGER PRIMARY KEY AUTOINCREMENT, head BLOB NOT NULL, box BLOB NOT NULL) STRICT
        CREATE TABLE d (id INTEGER PRIMARY KEY AUTOINCREMENT, box BLOB NOT NULL) STRICT
        CREATE TABLE e (id INTEGER PRIMARY KEY AUTOINCREMENT, box BLOB NOT NULL) STRICT
        CREATE TABLE f (id INTEGER PRIMARY KEY AUTOINCREMENT, head BLOB NOT NULL, box BLOB NOT NULL) STRICT
        CREATE TABLE g (id INTEGER PRIMARY KEY AUTOINCREMENT, box BLOB NOT NULL) STRICT
        CREATE TABLE h (id INTEGER PRIMARY KEY AUTOINCREMENT, box BLOB NOT NULL) STRICT
        ");
    }

    #[test]
    fn one_process_at_a_time_and_no_newer_schema() {
        let folder = tempfile::tempdir().unwrap();
        let db = open(&folder).unwrap();
        assert!(matches!(open(&folder), Err(Error::Busy)));
        db.connection.pragma_update(None, "user_version", 99).unwrap();
        drop(db);
        assert!(matches!(open(&folder), Err(Error::Newer { found: 99, .. })));
    }

    #[test]
    fn row_numbers_are_never_used_twice_and_rows_do_not_move() {
        let folder = tempfile::tempdir().unwrap();
        let mut db = open(&folder).unwrap();
        let random = &mut ChaCha20Rng::seed_from_u64(1);
        let key = [1; 32];
        let mut add = |db: &mut Db, text: &[u8]| {
            let mut writer = db.write().unwrap();
            let id = writer.append(Log::Changes, (&key, b"h"), (&key, text), random).unwrap();
            writer.commit().unwrap();
            id
        };
        let first = add(&mut db, b"one");
        let mut writer = db.write().unwrap();
        writer.delete_entries(Log::Changes, &[first]).unwrap();
        writer.commit().unwrap();
        let second = add(&mut db, b"two");
        assert_eq!((first, second, db.newest(Log::Changes).unwrap()), (1, 2, 2));
        assert_eq!(db.entry(Log::Changes, &key, second).unwrap(), b"two");
        db.connection.execute("UPDATE c SET id = 7", []).unwrap();
        assert!(matches!(db.entry(Log::Changes, &key, 7), Err(Error::Damaged { what: "log", .. })));
    }
}

//! The storage of a single relay: one SQLite file, one thread that writes, readers beside it.

mod push;
mod reader;
mod retire;
mod schema;
mod writer;

use std::ops::RangeInclusive;
use std::path::Path;

use haversack_wire::{CursorDigest, LaneTag, Mailbox, Retire};
use rusqlite::{Connection, ErrorCode};

use self::reader::Readers;
use self::writer::Writer;
use crate::data_dir::private_file;
use crate::storage::{Entry, Head, Incoming, Receipt, Storage};
use crate::{DataDir, Error};

const FILE: &str = "relay.db";

/// Keeps frames in the file `relay.db` of a data directory.
///
/// A push returns when its frames have reached the disk (`synchronous = FULL`); pushes that wait at
/// the same time share one transaction.
#[derive(Debug)]
pub struct Sqlite {
    // In the order in which they end: the lock is given up when the database is closed.
    readers: Readers,
    writer: Writer,
    _dir: DataDir,
}

impl Sqlite {
    /// Opens the database, made if there is none, and brings it to this version's schema.
    ///
    /// # Errors
    /// [`Error::Newer`] for a newer schema, [`Error::Damaged`] when the file is not a relay's database,
    /// [`Error::Io`] and [`Error::NoRoom`] when it cannot be read or written.
    pub fn open(dir: DataDir) -> Result<Self, Error> {
        let path = dir.file(FILE);
        make_private(&path)?;
        haversack_memory::clean_sqlite();
        let mut connection = Connection::open(&path).map_err(fault("open the database"))?;
        schema::configure(&connection)?;
        schema::migrate(&mut connection)?;
        dir.sync()?;
        Ok(Self { readers: Readers::new(path), writer: Writer::start(connection)?, _dir: dir })
    }

    /// Whether a data directory has a database.
    pub(crate) fn exists(dir: &DataDir) -> bool {
        dir.file(FILE).exists()
    }
}

/// SQLite gives its other files the mode of this one.
fn make_private(path: &Path) -> Result<(), Error> {
    let mut options = private_file();
    let made = options.append(true).create(true).open(path);
    made.map(drop).map_err(Error::io("make the database"))
}

impl Storage for Sqlite {
    fn push(&self, mailbox: Mailbox, frames: Vec<Incoming>) -> Result<Vec<Receipt>, Error> {
        self.writer.push(mailbox, frames)
    }

    fn retire(&self, mailbox: Mailbox, retire: &Retire) -> Result<(), Error> {
        self.writer.retire(mailbox, retire)
    }

    fn head(&self, mailbox: Mailbox) -> Result<Head, Error> {
        self.readers.ask(|db| reader::head(db, mailbox))
    }

    fn digest_at(&self, mailbox: Mailbox, cursor: u64) -> Result<Option<CursorDigest>, Error> {
        match cursor {
            0 => Ok(Some(CursorDigest::default())),
            _ => self.readers.ask(|db| reader::digest_at(db, mailbox, cursor)),
        }
    }

    fn have(&self, mailbox: Mailbox) -> Result<Vec<(LaneTag, u32)>, Error> {
        self.readers.ask(|db| reader::have(db, mailbox))
    }

    fn entries(
        &self,
        mailbox: Mailbox,
        cursors: RangeInclusive<u64>,
        limit: usize,
    ) -> Result<Vec<Entry>, Error> {
        self.readers.ask(|db| reader::entries(db, mailbox, &cursors, limit))
    }

    fn frames(&self, mailbox: Mailbox, cursors: &[u64]) -> Result<Vec<Vec<u8>>, Error> {
        self.readers.ask(|db| reader::frames(db, mailbox, cursors))
    }
}

/// SQLite's numbers are signed. No mailbox gets this far; a device may name any cursor.
fn cursor_value(cursor: u64) -> i64 {
    i64::try_from(cursor).unwrap_or(i64::MAX)
}

/// Sorts SQLite's errors. Their texts name tables and columns, never what is in them.
fn fault(what: &'static str) -> impl FnOnce(rusqlite::Error) -> Error {
    move |error| match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => Error::NoRoom,
        Some(
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::ConstraintViolation,
        )
        | None => {
            Error::Damaged { what: "the database breaks its rules", cause: Some(error.into()) }
        }
        Some(_) => Error::Io { what, cause: error.into() },
    }
}

//! The questions, each on a connection of its own: readers never wait for the writer.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use haversack_wire::{CursorDigest, LaneTag, Mailbox};
use rusqlite::{Connection, OpenFlags, OptionalExtension, Result, Row, params};

use super::{cursor_value, fault, schema};
use crate::Error;
use crate::storage::{Entry, Head, Place};

/// Connections kept open while nobody reads: as many as may come to read at once, for opening one takes longer than a question.
const IDLE_MAX: usize = 32;
/// What each of them keeps in memory, in KiB: the system has the file too.
const CACHE_KIB: i64 = 1_024;

/// Connections that read.
#[derive(Debug)]
pub(super) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    pub(super) const fn new(path: PathBuf) -> Self {
        Self { path, idle: Mutex::new(Vec::new()) }
    }

    /// Asks one question.
    pub(super) fn ask<T>(
        &self,
        question: impl FnOnce(&Connection) -> Result<T>,
    ) -> Result<T, Error> {
        let connection = match self.idle().pop() {
            Some(connection) => connection,
            None => self.connect()?,
        };
        let answer = question(&connection).map_err(fault("read the database"))?;
        let mut idle = self.idle();
        if idle.len() < IDLE_MAX {
            idle.push(connection);
        }
        Ok(answer)
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn connect(&self) -> Result<Connection, Error> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection =
            Connection::open_with_flags(&self.path, flags).map_err(fault("open the database"))?;
        schema::configure(&connection)?;
        connection
            .pragma_update(None, "cache_size", -CACHE_KIB)
            .and_then(|()| connection.pragma_update(None, "query_only", true))
            .map_err(fault("set the database up"))?;
        Ok(connection)
    }
}

pub(super) fn head(db: &Connection, mailbox: Mailbox) -> Result<Head> {
    const SQL: &str = "SELECT cursor, digest FROM mailbox WHERE name = ?1";
    let head = db.prepare_cached(SQL)?.query_row([mailbox.as_bytes()], |row| {
        Ok(Head { cursor: row.get(0)?, digest: CursorDigest::new(row.get(1)?) })
    });
    head.optional().map(Option::unwrap_or_default)
}

pub(super) fn digest_at(
    db: &Connection,
    mailbox: Mailbox,
    cursor: u64,
) -> Result<Option<CursorDigest>> {
    const SQL: &str = "SELECT f.digest FROM frame f JOIN mailbox m ON m.id = f.mailbox
        WHERE m.name = ?1 AND f.cursor = ?2";
    db.prepare_cached(SQL)?
        .query_row(params![mailbox.as_bytes(), cursor_value(cursor)], |row| {
            row.get(0).map(CursorDigest::new)
        })
        .optional()
}

pub(super) fn have(db: &Connection, mailbox: Mailbox) -> Result<Vec<(LaneTag, u32)>> {
    const SQL: &str = "SELECT l.tag, l.next FROM lane l JOIN mailbox m ON m.id = l.mailbox
        WHERE m.name = ?1 AND l.next > 0 ORDER BY l.tag";
    db.prepare_cached(SQL)?
        .query_map([mailbox.as_bytes()], |row| Ok((LaneTag::new(row.get(0)?), row.get(1)?)))?
        .collect()
}

pub(super) fn entries(
    db: &Connection,
    mailbox: Mailbox,
    cursors: &RangeInclusive<u64>,
    limit: usize,
) -> Result<Vec<Entry>> {
    const SQL: &str = "SELECT f.cursor, length(f.bytes), l.tag, f.sequence, f.pack
        FROM frame f LEFT JOIN lane l ON l.id = f.lane
        WHERE f.mailbox = (SELECT id FROM mailbox WHERE name = ?1) AND f.cursor BETWEEN ?2 AND ?3
            AND NOT f.dropped
        ORDER BY f.cursor LIMIT ?4";
    let (first, last) = (cursor_value(*cursors.start()), cursor_value(*cursors.end()));
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    db.prepare_cached(SQL)?
        .query_map(params![mailbox.as_bytes(), first, last, limit], read_entry)?
        .collect()
}

fn read_entry(row: &Row<'_>) -> Result<Entry> {
    let tag: Option<[u8; LaneTag::LEN]> = row.get(2)?;
    Ok(Entry {
        cursor: row.get(0)?,
        length: row.get(1)?,
        place: match tag {
            Some(tag) => Place::Lane(LaneTag::new(tag), row.get(3)?),
            None if row.get(4)? => Place::Pack,
            None => Place::Loose,
        },
    })
}

pub(super) fn frames(db: &Connection, mailbox: Mailbox, cursors: &[u64]) -> Result<Vec<Vec<u8>>> {
    const SQL: &str = "SELECT CASE WHEN f.dropped THEN x'' ELSE f.bytes END FROM frame f
        WHERE f.mailbox = (SELECT id FROM mailbox WHERE name = ?1) AND f.cursor = ?2";
    let mut statement = db.prepare_cached(SQL)?;
    let mut read = |cursor| {
        let key = params![mailbox.as_bytes(), cursor_value(cursor)];
        statement.query_row(key, |row| row.get(0))
    };
    cursors.iter().map(|&cursor| read(cursor)).collect()
}

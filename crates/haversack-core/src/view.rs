//! The view: what lists, searches and reports read. In memory only; a sealed snapshot makes unlock fast.
//!
//! It is filled from documents and can be thrown away at any time. A contact names its client by a tag;
//! the table `tag` resolves tags, and a tag that resolves to nobody here is *unattributed*.

mod fill;
mod given;
mod query;
mod snapshot;

use haversack_memory::clean_sqlite;
use haversack_wire::{Device, Document};
use rusqlite::Connection;

use crate::Error;
use crate::engine::RecordState;
use crate::model::{
    AgeBand, Client, Contact, Day, Duration, Line, Mode, Quantity, Service, Sex, SiteCode,
};
use crate::store::plan_once;

pub(crate) use fill::Source;

/// Outings have small numbers here, and a contact is one row: a row is what filling the view costs, and most of what its
/// snapshot takes. An author stands with a contact only where it is not the outing's.
const SCHEMA: &str = "
    CREATE TABLE outing (
        id INTEGER PRIMARY KEY, document BLOB NOT NULL UNIQUE, day INTEGER NOT NULL,
        author BLOB NOT NULL) STRICT;
    CREATE INDEX outing_day ON outing (day);
    CREATE TABLE contact (
        outing INTEGER NOT NULL, key TEXT NOT NULL, site TEXT NOT NULL, author BLOB, mode TEXT NOT NULL,
        tag BLOB, month INTEGER, sex TEXT, age TEXT, people INTEGER, given BLOB NOT NULL, duration TEXT,
        disputed INTEGER NOT NULL, odd INTEGER NOT NULL,
        PRIMARY KEY (outing, key)) STRICT, WITHOUT ROWID;
    CREATE TABLE month (number INTEGER PRIMARY KEY) STRICT;
    CREATE TABLE client (
        document BLOB PRIMARY KEY, label TEXT, sex TEXT, birth INTEGER, width INTEGER, need INTEGER,
        status TEXT) STRICT, WITHOUT ROWID;
    CREATE TABLE tag (
        month INTEGER NOT NULL, tag BLOB NOT NULL, client BLOB NOT NULL,
        PRIMARY KEY (month, tag, client)) STRICT, WITHOUT ROWID;
    CREATE TABLE site (code TEXT PRIMARY KEY, kind TEXT NOT NULL, setting TEXT, closes INTEGER) STRICT, WITHOUT ROWID;
    CREATE TABLE undated (document BLOB PRIMARY KEY, contacts INTEGER NOT NULL) STRICT, WITHOUT ROWID;
";

/// Overwrites the pages of the view: what is in memory when a store is locked is nobody's any more.
const FORGET: &str = "
    PRAGMA journal_mode = OFF;
    PRAGMA secure_delete = ON;
    DELETE FROM outing; DELETE FROM contact; DELETE FROM month; DELETE FROM client; DELETE FROM tag;
    DELETE FROM site; DELETE FROM undated;
";

#[cfg(test)]
impl View {
    /// Makes showing anything fail, as a view does that has no memory left.
    pub(crate) fn spoil(&self) {
        self.connection.execute_batch("DROP TABLE contact; DROP TABLE client;").unwrap();
    }
}

/// A client: the id of its file's document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(pub(crate) Document);

/// A contact: its outing and its key there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContactId {
    pub(crate) outing: Document,
    pub(crate) key: String,
}

macro_rules! text_id {
    ($name:ident, $what:literal, |$this:ident| $show:expr, |$text:ident| $read:expr) => {
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let $this = self;
                f.write_str(&$show)
            }
        }

        impl std::str::FromStr for $name {
            type Err = Error;

            fn from_str($text: &str) -> Result<Self, Error> {
                $read.ok_or(Error::invalid($what, "is not an id as this program prints them"))
            }
        }
    };
}

fn to_hex(document: &Document) -> String {
    data_encoding::HEXLOWER.encode(document.as_bytes())
}

fn from_hex(text: &str) -> Option<Document> {
    let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok()?;
    bytes.try_into().ok().map(Document::new)
}

text_id!(ClientId, "client", |id| to_hex(&id.0), |text| from_hex(text).map(ClientId));
text_id!(ContactId, "contact", |id| format!("{}.{}", to_hex(&id.outing), id.key), |text| text
    .split_once('.')
    .and_then(|(outing, key)| Some(ContactId { outing: from_hex(outing)?, key: key.to_owned() })));

/// A contact as it is shown and counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactRow {
    /// Its id.
    pub id: ContactId,
    /// The local calendar date.
    pub day: Day,
    /// Where.
    pub site: SiteCode,
    /// The device that logged it.
    pub author: Device,
    /// How it came about.
    pub mode: Mode,
    /// Whom it was with.
    pub person: Person,
    /// What changed hands.
    pub lines: Vec<(Line, Quantity)>,
    /// Services given.
    pub services: Vec<Service>,
    /// How long it took.
    pub duration: Option<Duration>,
    /// Whether concurrent corrections of a count wait for somebody to resolve them.
    pub disputed: bool,
    /// The safest place that it is known to be in.
    pub state: RecordState,
}

/// Whom a contact was with, as far as this device can tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Person {
    /// A client whose file is here.
    Client(ClientId),
    /// A client whose file is not here: not arrived yet, or erased. Counts for stock only.
    Unattributed,
    /// Someone without a file.
    Anonymous {
        /// Sex, where asked.
        sex: Option<Sex>,
        /// Age band, where asked.
        age: Option<AgeBand>,
    },
    /// A number of people, counted only.
    Count(u32),
}

/// A client's file as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientRow {
    /// Its id.
    pub id: ClientId,
    /// What is known.
    pub client: Client,
    /// The safest place that it is known to be in.
    pub state: RecordState,
}

/// Which contacts are asked for. The default is all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ContactFilter {
    /// The first day, inclusive.
    pub from: Option<Day>,
    /// The day after the last.
    pub to: Option<Day>,
    /// At most so many, newest first.
    pub newest: Option<u32>,
}

/// The in-memory database.
#[derive(Debug)]
pub(crate) struct View {
    connection: Connection,
}

impl View {
    pub(crate) fn empty() -> Result<Self, Error> {
        let connection = connect()?;
        connection.execute_batch(SCHEMA).map_err(Error::database("opening the view"))?;
        Ok(Self { connection })
    }
}

/// A database in memory, whose memory is overwritten when SQLite frees it.
fn connect() -> Result<Connection, Error> {
    clean_sqlite();
    let connection = Connection::open_in_memory().map_err(Error::database("opening the view"))?;
    plan_once(&connection)?;
    Ok(connection)
}

impl Drop for View {
    fn drop(&mut self) {
        // There is nobody to tell, and nothing else to do about it.
        let _ = self.connection.execute_batch(FORGET);
    }
}

/// Sets handed out and pieces taken back, over a row's lines.
impl ContactRow {
    fn as_contact(&self) -> Contact {
        Contact {
            who: crate::model::Who::Anonymous { sex: None, age: None },
            site: self.site.clone(),
            mode: self.mode.clone(),
            lines: self.lines.iter().cloned().collect(),
            services: Default::default(),
            duration: None,
        }
    }

    /// Sets handed out: fixed syringes, plus the fewer of barrels and needles.
    #[must_use]
    pub fn sets(&self) -> u64 {
        self.as_contact().sets()
    }

    /// Used pieces taken back.
    #[must_use]
    pub fn returned(&self) -> u64 {
        self.as_contact().returned()
    }
}

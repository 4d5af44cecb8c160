use haversack_wire::{Device, Document};
use rusqlite::{OptionalExtension, Row, params};

use super::given::Given;
use super::{ClientId, ClientRow, ContactFilter, ContactId, ContactRow, Person, View};
use crate::Error;
use crate::engine::RecordState;
use crate::model::{
    AgeBand, BirthBand, Client, ClientStatus, Closing, Day, Duration, Label, Mode, Needed, Setting,
    Sex, Site, SiteCode, SiteKind,
};

const DOING: &str = "reading the view";

const CONTACTS: &str = "
    SELECT o.document, key, day, site, coalesce(c.author, o.author), mode, tag IS NOT NULL,
        (SELECT min(client) FROM tag t JOIN client f ON f.document = t.client
            WHERE t.month = c.month AND t.tag = c.tag),
        sex, age, people, duration, disputed, given
    FROM outing o JOIN contact c ON c.outing = o.id WHERE day >= ?1 AND day < ?2
    ORDER BY day DESC, o.document, length(key) DESC, key DESC LIMIT ?3";

impl View {
    /// Contacts, newest day first.
    pub(crate) fn contacts(&self, filter: &ContactFilter) -> Result<Vec<ContactRow>, Error> {
        let from = filter.from.map_or(0, Day::number);
        let to = filter.to.map_or(u16::MAX, Day::number);
        let limit = filter.newest.map_or(-1, i64::from);
        let run = || -> rusqlite::Result<Vec<ContactRow>> {
            let mut statement = self.connection.prepare_cached(CONTACTS)?;
            statement.query_map(params![from, to, limit], contact)?.collect()
        };
        run().map_err(Error::database(DOING))
    }

    /// Every client file, in order of label.
    pub(crate) fn clients(&self) -> Result<Vec<ClientRow>, Error> {
        let sql = "SELECT document, label, sex, birth, width, need, status FROM client
            ORDER BY label, document";
        let run = || {
            self.connection
                .prepare_cached(sql)?
                .query_map([], client)?
                .collect::<rusqlite::Result<Vec<_>>>()
        };
        run().map_err(Error::database(DOING))
    }

    /// Every site, in order of code.
    pub(crate) fn sites(&self) -> Result<Vec<Site>, Error> {
        let sql = "SELECT code, kind, setting, closes FROM site ORDER BY code";
        let run = || {
            self.connection
                .prepare_cached(sql)?
                .query_map([], site)?
                .collect::<rusqlite::Result<Vec<_>>>()
        };
        run().map_err(Error::database(DOING))
    }

    /// One site.
    pub(crate) fn site(&self, code: &SiteCode) -> Result<Option<Site>, Error> {
        let sql = "SELECT code, kind, setting, closes FROM site WHERE code = ?1";
        let run =
            || self.connection.prepare_cached(sql)?.query_row([code.as_str()], site).optional();
        run().map_err(Error::database(DOING))
    }

    /// The newest outing of a device on a day that has room, and how many contacts it has.
    pub(crate) fn outing(
        &self,
        author: &Device,
        day: Day,
    ) -> Result<Option<(Document, u32)>, Error> {
        let sql = "SELECT o.document, count(c.key) FROM outing o
            LEFT JOIN contact c ON c.outing = o.id
            WHERE o.author = ?1 AND o.day = ?2 GROUP BY o.id ORDER BY 2, 1 LIMIT 1";
        let run = || {
            self.connection
                .prepare_cached(sql)?
                .query_row(params![author.as_bytes(), day.number()], |row| {
                    Ok((document(row, 0)?, row.get(1)?))
                })
                .optional()
        };
        run().map_err(Error::database(DOING))
    }

    /// Every contact, by outing and key.
    pub(crate) fn contact_keys(&self) -> Result<Vec<(Document, String)>, Error> {
        let run = || {
            self.connection
                .prepare_cached("SELECT document, key FROM outing JOIN contact ON outing = id")?
                .query_map([], |row| Ok((document(row, 0)?, row.get(1)?)))?
                .collect::<rusqlite::Result<Vec<_>>>()
        };
        run().map_err(Error::database(DOING))
    }

    /// (contacts, contacts whose outing has no usable date)
    pub(crate) fn totals(&self) -> Result<(u64, u64), Error> {
        let sql = "SELECT (SELECT count(*) FROM contact), (SELECT coalesce(sum(contacts), 0) FROM undated)";
        let run = || self.connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)));
        run().map_err(Error::database(DOING))
    }
}

fn contact(row: &Row<'_>) -> rusqlite::Result<ContactRow> {
    let broken = |_| rusqlite::Error::InvalidQuery;
    let Given { lines, services } = Given::decode(&row.get::<_, Vec<u8>>(13)?).map_err(broken)?;
    Ok(ContactRow {
        id: ContactId { outing: document(row, 0)?, key: row.get(1)? },
        day: Day::from_number(row.get(2)?).map_err(|_| rusqlite::Error::InvalidQuery)?,
        site: SiteCode::from_document(&row.get::<_, String>(3)?),
        author: Device::new(row.get(4)?),
        mode: Mode::from_document(&row.get::<_, String>(5)?),
        person: person(row)?,
        lines,
        services,
        duration: code(row, 11, Duration::from_document)?,
        disputed: row.get(12)?,
        state: RecordState::default(),
    })
}

fn person(row: &Row<'_>) -> rusqlite::Result<Person> {
    let (tagged, client): (bool, Option<[u8; 16]>) = (row.get(6)?, row.get(7)?);
    let people: Option<u32> = row.get(10)?;
    Ok(match (tagged, client, people) {
        (_, Some(client), _) => Person::Client(ClientId(Document::new(client))),
        (true, None, _) => Person::Unattributed,
        (false, None, Some(people)) => Person::Count(people),
        (false, None, None) => Person::Anonymous {
            sex: code(row, 8, Sex::from_document)?,
            age: code(row, 9, AgeBand::from_document)?,
        },
    })
}

fn client(row: &Row<'_>) -> rusqlite::Result<ClientRow> {
    let (first, width): (Option<i64>, Option<i64>) = (row.get(3)?, row.get(4)?);
    let need: Option<i64> = row.get(5)?;
    Ok(ClientRow {
        id: ClientId(document(row, 0)?),
        state: RecordState::default(),
        client: Client {
            label: code(row, 1, Label::from_document)?,
            sex: code(row, 2, Sex::from_document)?,
            birth: first.zip(width).and_then(|(first, width)| BirthBand::new(first, width).ok()),
            need: need.and_then(|need| Needed::new(need).ok()),
            status: code(row, 6, ClientStatus::from_document)?,
        },
    })
}

fn site(row: &Row<'_>) -> rusqlite::Result<Site> {
    let closes: Option<u64> = row.get(3)?;
    Ok(Site {
        code: SiteCode::from_document(&row.get::<_, String>(0)?),
        kind: SiteKind::from_document(&row.get::<_, String>(1)?),
        setting: code(row, 2, Setting::from_document)?,
        closes: closes.and_then(|minutes| Closing::from_minutes(minutes).ok()),
    })
}

fn code<T>(row: &Row<'_>, column: usize, make: impl Fn(&str) -> T) -> rusqlite::Result<Option<T>> {
    Ok(row.get::<_, Option<String>>(column)?.map(|text| make(&text)))
}

fn document(row: &Row<'_>, column: usize) -> rusqlite::Result<Document> {
    row.get(column).map(Document::new)
}

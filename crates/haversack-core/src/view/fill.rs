use std::collections::{BTreeMap, BTreeSet};

use automerge::ActorId;
use haversack_wire::{Device, Document};
use rusqlite::params;

use super::View;
use crate::Error;
use crate::crypto::ClientKey;
use crate::docs::read::{Entry, Outing, Record};
use crate::docs::schema::line_key;
use crate::model::{Client, Direction, Month, Site, Who};

/// What the view needs beside a document to show it.
pub(crate) struct Source<'a> {
    /// Which device writes as which actor.
    pub(crate) authors: &'a BTreeMap<ActorId, Device>,
    /// The client keys held here.
    pub(crate) client_keys: &'a BTreeMap<Document, ClientKey>,
}

const DOING: &str = "filling the view";

impl View {
    /// Shows documents as they are now, in place of what was shown of them before.
    pub(crate) fn show(
        &mut self,
        records: &[(Document, Record)],
        source: &Source<'_>,
    ) -> Result<(), Error> {
        let run = || -> rusqlite::Result<()> {
            let transaction = self.connection.unchecked_transaction()?;
            for (document, record) in records {
                self.hide(document)?;
                match record {
                    Record::Outing(outing) => self.show_outing(document, outing, source)?,
                    Record::Client(client) => self.show_client(document, client, source)?,
                    Record::Registry(sites) => self.show_sites(sites)?,
                    Record::Other => {}
                }
            }
            transaction.commit()
        };
        run().map_err(Error::database(DOING))
    }

    /// Resolves the tags of clients whose keys came without a change to their file.
    pub(crate) fn resolve(
        &mut self,
        clients: &[Document],
        source: &Source<'_>,
    ) -> Result<(), Error> {
        let run = || -> rusqlite::Result<()> {
            let transaction = self.connection.unchecked_transaction()?;
            clients.iter().try_for_each(|client| self.tag_client(client, source))?;
            transaction.commit()
        };
        run().map_err(Error::database(DOING))
    }

    /// Forgets clients whose files are erased: their tags resolve to nobody. The pages are made anew, so that nothing of them is in
    /// what a snapshot saves.
    pub(crate) fn forget(&mut self, clients: &BTreeSet<Document>) -> Result<(), Error> {
        let run = || -> rusqlite::Result<()> {
            let transaction = self.connection.unchecked_transaction()?;
            for client in clients {
                self.hide(client)?;
                self.connection
                    .prepare_cached("DELETE FROM tag WHERE client = ?1")?
                    .execute([client.as_bytes()])?;
            }
            transaction.commit()?;
            self.connection.execute_batch("PRAGMA temp_store = MEMORY; VACUUM;")
        };
        run().map_err(Error::database(DOING))
    }

    fn hide(&self, document: &Document) -> rusqlite::Result<()> {
        for table in ["outing", "contact", "line", "service", "client", "undated"] {
            let sql = format!("DELETE FROM {table} WHERE document = ?1");
            self.connection.prepare_cached(&sql)?.execute([document.as_bytes()])?;
        }
        Ok(())
    }

    fn show_outing(
        &self,
        document: &Document,
        outing: &Outing,
        source: &Source<'_>,
    ) -> rusqlite::Result<()> {
        let Some(day) = outing.day else {
            let sql = "INSERT INTO undated VALUES (?1, ?2)";
            self.connection.execute(sql, params![document.as_bytes(), outing.contacts.len()])?;
            return Ok(());
        };
        let author = outing.contacts.first().map(|entry| author(entry, source)).unwrap_or_default();
        self.connection
            .prepare_cached("INSERT INTO outing VALUES (?1, ?2, ?3)")?
            .execute(params![document.as_bytes(), day.number(), author.as_bytes()])?;
        for entry in &outing.contacts {
            self.show_contact(document, day.number(), entry, source)?;
        }
        Ok(())
    }

    fn show_contact(
        &self,
        document: &Document,
        day: u16,
        entry: &Entry,
        source: &Source<'_>,
    ) -> rusqlite::Result<()> {
        let contact = &entry.contact;
        let (mut tag, mut month, mut sex, mut age, mut people) = (None, None, None, None, None);
        match &contact.who {
            Who::Client { tag: t, month: m } => {
                (tag, month) = (Some(t), Some(m.number()));
                self.tag_month(*m, source)?;
            }
            Who::Anonymous { sex: s, age: a } => {
                (sex, age) = (s.as_ref().map(|s| s.as_str()), a.as_ref().map(|a| a.as_str()));
            }
            Who::Count(count) => people = Some(count.get()),
        }
        self.connection
            .prepare_cached(
                "INSERT INTO contact VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
            )?
            .execute(params![
                document.as_bytes(),
                entry.key,
                day,
                contact.site.as_str(),
                author(entry, source).as_bytes(),
                contact.mode.as_str(),
                tag,
                month,
                sex,
                age,
                people,
                contact.duration.as_ref().map(|d| d.as_str()),
                entry.disputed,
                entry.odd,
            ])?;
        self.show_lines(document, entry)
    }

    fn show_lines(&self, document: &Document, entry: &Entry) -> rusqlite::Result<()> {
        let mut insert =
            self.connection.prepare_cached("INSERT INTO line VALUES (?1, ?2, ?3, ?4, ?5)")?;
        for (line, quantity) in &entry.contact.lines {
            debug_assert!(line_key(line).ends_with(line.item.as_str()));
            let direction = direction_number(line.direction);
            insert.execute(params![
                document.as_bytes(),
                entry.key,
                direction,
                line.item.as_str(),
                quantity.get()
            ])?;
        }
        let mut insert =
            self.connection.prepare_cached("INSERT INTO service VALUES (?1, ?2, ?3)")?;
        for service in &entry.contact.services {
            insert.execute(params![document.as_bytes(), entry.key, service.as_str()])?;
        }
        Ok(())
    }

    fn show_client(
        &self,
        document: &Document,
        client: &Client,
        source: &Source<'_>,
    ) -> rusqlite::Result<()> {
        let birth = client.birth.map(|band| band.parts());
        self.connection
            .prepare_cached("INSERT INTO client VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?
            .execute(params![
            document.as_bytes(),
            client.label.as_ref().map(|label| label.as_str()),
            client.sex.as_ref().map(|sex| sex.as_str()),
            birth.map(|(first, _)| first),
            birth.map(|(_, width)| width),
            client.need.map(|need| need.get()),
            client.status.as_ref().map(|status| status.as_str()),
        ])?;
        self.tag_client(document, source)
    }

    fn show_sites(&self, sites: &[Site]) -> rusqlite::Result<()> {
        self.connection.execute("DELETE FROM site", [])?;
        for site in sites {
            self.connection.prepare_cached("INSERT INTO site VALUES (?1, ?2, ?3, ?4)")?.execute(
                params![
                    site.code.as_str(),
                    site.kind.as_str(),
                    site.setting.as_ref().map(|setting| setting.as_str()),
                    site.closes.map(|closing| closing.minutes()),
                ],
            )?;
        }
        Ok(())
    }

    /// Computes a client's tag in every month that has contacts.
    fn tag_client(&self, client: &Document, source: &Source<'_>) -> rusqlite::Result<()> {
        let Some(key) = source.client_keys.get(client) else {
            return Ok(());
        };
        for month in self.months()? {
            self.put_tag(month, client, key)?;
        }
        Ok(())
    }

    /// Computes every client's tag in a month that had no contacts before.
    fn tag_month(&self, month: Month, source: &Source<'_>) -> rusqlite::Result<()> {
        let seen = self
            .connection
            .prepare_cached("SELECT 1 FROM contact WHERE month = ?1 LIMIT 1")?
            .exists([month.number()])?;
        if !seen {
            for (client, key) in source.client_keys {
                self.put_tag(month, client, key)?;
            }
        }
        Ok(())
    }

    fn put_tag(&self, month: Month, client: &Document, key: &ClientKey) -> rusqlite::Result<()> {
        let (year, of_year) = month.parts();
        self.connection
            .prepare_cached("INSERT OR IGNORE INTO tag VALUES (?1, ?2, ?3)")?
            .execute(params![month.number(), key.tag(year, of_year), client.as_bytes()])
            .map(drop)
    }

    fn months(&self) -> rusqlite::Result<Vec<Month>> {
        let sql = "SELECT DISTINCT month FROM contact WHERE month IS NOT NULL";
        let mut statement = self.connection.prepare_cached(sql)?;
        let numbers: Vec<u64> =
            statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        Ok(numbers.into_iter().filter_map(|number| Month::from_number(number).ok()).collect())
    }
}

fn author(entry: &Entry, source: &Source<'_>) -> Device {
    source.authors.get(&entry.author).copied().unwrap_or_default()
}

pub(super) const fn direction_number(direction: Direction) -> u8 {
    match direction {
        Direction::Out => 0,
        Direction::OutForOthers => 1,
        Direction::In => 2,
    }
}

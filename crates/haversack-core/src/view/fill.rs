use std::collections::{BTreeMap, BTreeSet};

use automerge::ActorId;
use haversack_wire::{Device, Document};
use rusqlite::params;

use super::View;
use super::given::Given;
use crate::Error;
use crate::crypto::ClientKey;
use crate::docs::read::{Entry, Outing, Record};
use crate::model::{Client, Month, Site, Who};

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
        let all = [
            "DELETE FROM contact WHERE outing = (SELECT id FROM outing WHERE document = ?1)",
            "DELETE FROM outing WHERE document = ?1",
            "DELETE FROM client WHERE document = ?1",
            "DELETE FROM undated WHERE document = ?1",
        ];
        all.into_iter().try_for_each(|sql| {
            self.connection.prepare_cached(sql)?.execute([document.as_bytes()]).map(drop)
        })
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
        let number = self
            .connection
            .prepare_cached("INSERT INTO outing (document, day, author) VALUES (?1, ?2, ?3)")?
            .insert(params![document.as_bytes(), day.number(), author.as_bytes()])?;
        let month = |entry: &Entry| match entry.contact.who {
            Who::Client { month, .. } => Some(month),
            _ => None,
        };
        let months: BTreeSet<Month> = outing.contacts.iter().filter_map(month).collect();
        months.into_iter().try_for_each(|month| self.tag_month(month, source))?;
        outing
            .contacts
            .iter()
            .try_for_each(|entry| self.show_contact(number, &author, entry, source))
    }

    fn show_contact(
        &self,
        outing: i64,
        usual: &Device,
        entry: &Entry,
        source: &Source<'_>,
    ) -> rusqlite::Result<()> {
        let contact = &entry.contact;
        let (mut tag, mut month, mut sex, mut age, mut people) = (None, None, None, None, None);
        match &contact.who {
            Who::Client { tag: t, month: m } => (tag, month) = (Some(t), Some(m.number())),
            Who::Anonymous { sex: s, age: a } => {
                (sex, age) = (s.as_ref().map(|s| s.as_str()), a.as_ref().map(|a| a.as_str()));
            }
            Who::Count(count) => people = Some(count.get()),
        }
        let author = Some(author(entry, source)).filter(|author| author != usual);
        self.connection
            .prepare_cached(
                "INSERT INTO contact VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
            )?
            .execute(params![
                outing,
                entry.key,
                contact.site.as_str(),
                author.as_ref().map(Device::as_bytes),
                contact.mode.as_str(),
                tag,
                month,
                sex,
                age,
                people,
                Given::encode(contact),
                contact.duration.as_ref().map(|d| d.as_str()),
                entry.disputed,
                entry.odd,
            ])
            .map(drop)
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
        let sql = "INSERT OR IGNORE INTO month VALUES (?1)";
        if self.connection.prepare_cached(sql)?.execute([month.number()])? > 0 {
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
        let mut statement = self.connection.prepare_cached("SELECT number FROM month")?;
        let numbers: Vec<u64> =
            statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        Ok(numbers.into_iter().filter_map(|number| Month::from_number(number).ok()).collect())
    }
}

fn author(entry: &Entry, source: &Source<'_>) -> Device {
    source.authors.get(&entry.author).copied().unwrap_or_default()
}

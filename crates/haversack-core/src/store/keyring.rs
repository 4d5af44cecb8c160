//! The keyring: one key a document, one a purpose, the epochs' secrets.
//!
//! Adding a key appends a row in the caller's transaction, so a document and its key are saved or lost
//! together. Dropping keys rewrites the rows under a fresh keyring key.

use std::collections::BTreeMap;

use haversack_wire::codec::{Reader, put_varint};
use haversack_wire::{Document, Epoch};
use rand_core::CryptoRng;

use super::db::{Table, Writer};
use crate::Error;
use crate::crypto::{DocumentKey, EpochSecret, KeyringKey, PurposeKey};

const WHAT: &str = "keyring";
const ENTRIES_MAX: usize = 4_194_304;

/// What a purpose key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Purpose {
    /// Rows of state: identity, roster, cursors, heads of the log.
    State = 1,
    /// The snapshot of the view.
    Snapshot = 2,
}

/// The keys a store holds.
#[derive(Debug)]
pub(crate) struct Keyring {
    key: KeyringKey,
    documents: BTreeMap<Document, DocumentKey>,
    purposes: BTreeMap<u8, PurposeKey>,
    epochs: BTreeMap<Epoch, EpochSecret>,
}

impl Keyring {
    /// Makes the keyring of a new store, with its purpose keys, and writes it.
    pub(crate) fn make(
        key: KeyringKey,
        writer: &mut Writer<'_>,
        random: &mut dyn CryptoRng,
    ) -> Result<Self, Error> {
        let mut ring = Self {
            key,
            documents: BTreeMap::new(),
            purposes: BTreeMap::new(),
            epochs: BTreeMap::new(),
        };
        let mut row = Vec::new();
        put_varint(&mut row, 2);
        for purpose in [Purpose::State, Purpose::Snapshot] {
            let key = PurposeKey::make(random);
            put_entry(&mut row, 2, &purpose_id(purpose as u8), key.expose());
            ring.purposes.insert(purpose as u8, key);
        }
        writer.insert_sealed(Table::Keys, ring.key.expose(), &row, random)?;
        Ok(ring)
    }

    /// Reads the rows of the keyring.
    pub(crate) fn load(key: KeyringKey, rows: &[Vec<u8>]) -> Result<Self, Error> {
        let mut ring = Self {
            key,
            documents: BTreeMap::new(),
            purposes: BTreeMap::new(),
            epochs: BTreeMap::new(),
        };
        rows.iter().try_for_each(|row| ring.take_row(row))?;
        Ok(ring)
    }

    fn take_row(&mut self, row: &[u8]) -> Result<(), Error> {
        let mut r = Reader::new(WHAT, row);
        for _ in 0..r.count(ENTRIES_MAX)? {
            let (kind, id, key) = (r.u8()?, r.array::<16>()?, r.array()?);
            match kind {
                1 => drop(self.documents.insert(Document::new(id), DocumentKey::new(key))),
                2 => drop(self.purposes.insert(first(&id), PurposeKey::new(key))),
                3 => drop(self.epochs.insert(Epoch::new(id), EpochSecret::new(key))),
                _ => {
                    return Err(Error::Newer { what: WHAT, found: kind.into() });
                }
            }
        }
        Ok(r.end()?)
    }

    /// The key of a purpose.
    pub(crate) fn purpose(&self, purpose: Purpose) -> Result<&PurposeKey, Error> {
        let missing = Error::damaged(WHAT, "a purpose has no key");
        self.purposes.get(&(purpose as u8)).ok_or(missing)
    }

    /// The key of a document that is here.
    pub(crate) fn document(&self, document: &Document) -> Result<&DocumentKey, Error> {
        self.documents.get(document).ok_or(Error::damaged(WHAT, "a document has no key"))
    }

    /// Makes keys for documents that have none yet, and writes them.
    pub(crate) fn add_documents(
        &mut self,
        documents: impl IntoIterator<Item = Document>,
        writer: &mut Writer<'_>,
        random: &mut dyn CryptoRng,
    ) -> Result<(), Error> {
        let new: BTreeMap<_, _> = documents
            .into_iter()
            .filter(|document| !self.documents.contains_key(document))
            .map(|document| (document, DocumentKey::make(random)))
            .collect();
        if new.is_empty() {
            return Ok(());
        }
        let mut row = Vec::new();
        put_varint(&mut row, new.len() as u64);
        new.iter().for_each(|(id, key)| put_entry(&mut row, 1, id.as_bytes(), key.expose()));
        writer.insert_sealed(Table::Keys, self.key.expose(), &row, random)?;
        self.documents.extend(new);
        Ok(())
    }

    /// Adds an epoch's secret and writes it.
    pub(crate) fn add_epoch(
        &mut self,
        epoch: Epoch,
        secret: EpochSecret,
        writer: &mut Writer<'_>,
        random: &mut dyn CryptoRng,
    ) -> Result<(), Error> {
        let mut row = Vec::new();
        put_varint(&mut row, 1);
        put_entry(&mut row, 3, epoch.as_bytes(), secret.expose());
        writer.insert_sealed(Table::Keys, self.key.expose(), &row, random)?;
        self.epochs.insert(epoch, secret);
        Ok(())
    }

    /// Forgets, in memory, keys whose transaction was not committed.
    pub(crate) fn forget_documents(&mut self, documents: &[Document]) {
        documents.iter().for_each(|document| drop(self.documents.remove(document)));
    }

    /// Forgets, in memory, an epoch whose transaction was not committed.
    pub(crate) fn forget_epoch(&mut self, epoch: &Epoch) {
        self.epochs.remove(epoch);
    }

    pub(crate) const fn epochs(&self) -> &BTreeMap<Epoch, EpochSecret> {
        &self.epochs
    }
}

fn put_entry(out: &mut Vec<u8>, kind: u8, id: &[u8; 16], key: &[u8; 32]) {
    out.push(kind);
    out.extend_from_slice(id);
    out.extend_from_slice(key);
}

fn purpose_id(purpose: u8) -> [u8; 16] {
    let mut id = [0; 16];
    if let Some(first) = id.first_mut() {
        *first = purpose;
    }
    id
}

fn first(id: &[u8; 16]) -> u8 {
    id.first().copied().unwrap_or_default()
}

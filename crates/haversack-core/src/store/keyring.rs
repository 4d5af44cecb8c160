//! The keyring: one key a document, one a purpose, the epochs' secrets, the vault keys of inner stores.
//!
//! Adding a key appends a row in the caller's transaction, so a document and its key are saved or lost
//! together. Dropping keys writes what is left into the other half, under a fresh keyring key; then the header is
//! turned to that half, and the old one cleared. The old keyring key had no copy but the header's.

use std::collections::{BTreeMap, BTreeSet};

use haversack_wire::codec::{Reader, put_varint};
use haversack_wire::{Document, Epoch, Pack};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::Live;
use super::db::{Table, Writer};
use super::inner::InnerId;
use crate::Error;
use crate::crypto::{DocumentKey, EpochSecret, KeyringKey, PackKey, PurposeKey, VaultKey};

const WHAT: &str = "keyring";
/// Entries of a row when the whole keyring is written.
const ROW_ENTRIES: usize = 1_024;
const PURPOSES: [Purpose; 3] = [Purpose::State, Purpose::Snapshot, Purpose::Outbox];
/// Those that are new at each rewriting.
const RENEWED: [Purpose; 2] = [Purpose::Snapshot, Purpose::Outbox];

/// What a purpose key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Purpose {
    /// Rows of state: identity, roster, cursors, heads of the log.
    State = 1,
    /// The snapshot of the view.
    Snapshot = 2,
    /// Own bodies and kept frames, which hold the content of documents.
    Outbox = 3,
}

/// Keys that a rewriting leaves out.
#[derive(Debug, Default)]
pub(crate) struct Dropped {
    pub(crate) documents: BTreeSet<Document>,
    pub(crate) epochs: BTreeSet<Epoch>,
    pub(crate) inner: BTreeSet<InnerId>,
    pub(crate) packs: BTreeSet<Pack>,
}

/// The keys a store holds.
#[derive(Debug)]
pub(crate) struct Keyring {
    live: Live,
    key: KeyringKey,
    /// Whether the header may say something else than this: nothing can be added any more.
    stale: bool,
    documents: BTreeMap<Document, DocumentKey>,
    purposes: BTreeMap<u8, PurposeKey>,
    epochs: BTreeMap<Epoch, EpochSecret>,
    inner: BTreeMap<InnerId, VaultKey>,
    packs: BTreeMap<Pack, PackKey>,
}

impl Keyring {
    /// Makes the keyring of a new store, with its purpose keys, and writes it.
    pub(crate) fn make(
        key: KeyringKey,
        writer: &mut Writer<'_>,
        random: &mut dyn CryptoRng,
    ) -> Result<Self, Error> {
        let mut ring = Self::empty(Live::First, key);
        ring.renew(&PURPOSES, random);
        ring.write(writer, random)?;
        Ok(ring)
    }

    /// Reads the rows of the keyring's live half.
    pub(crate) fn load(
        live: Live,
        key: KeyringKey,
        rows: &[Zeroizing<Vec<u8>>],
    ) -> Result<Self, Error> {
        let mut ring = Self::empty(live, key);
        rows.iter().try_for_each(|row| ring.take_row(row))?;
        Ok(ring)
    }

    fn empty(live: Live, key: KeyringKey) -> Self {
        Self {
            live,
            key,
            stale: false,
            documents: BTreeMap::new(),
            purposes: BTreeMap::new(),
            epochs: BTreeMap::new(),
            inner: BTreeMap::new(),
            packs: BTreeMap::new(),
        }
    }

    fn renew(&mut self, purposes: &[Purpose], random: &mut dyn CryptoRng) {
        for purpose in purposes {
            self.purposes.insert(*purpose as u8, PurposeKey::make(random));
        }
    }

    /// The table of a half.
    pub(crate) const fn table(live: Live) -> Table {
        match live {
            Live::First | Live::Renew => Table::Keys,
            Live::Second => Table::OtherKeys,
        }
    }

    /// The half that is not live.
    pub(crate) const fn other(live: Live) -> Live {
        match live {
            Live::First | Live::Renew => Live::Second,
            Live::Second => Live::First,
        }
    }

    /// This keyring as it will be in the other half: under a fresh key, without the dropped keys, with fresh keys for
    /// the snapshot and the outbox.
    pub(crate) fn without(&self, dropped: &Dropped, random: &mut dyn CryptoRng) -> Self {
        let mut ring = Self::empty(Self::other(self.live), KeyringKey::make(random));
        ring.documents = self.documents.clone();
        ring.documents.retain(|document, _| !dropped.documents.contains(document));
        ring.epochs = self.epochs.clone();
        ring.epochs.retain(|epoch, _| !dropped.epochs.contains(epoch));
        ring.inner = self.inner.clone();
        ring.inner.retain(|id, _| !dropped.inner.contains(id));
        ring.packs = self.packs.clone();
        ring.packs.retain(|id, _| !dropped.packs.contains(id));
        ring.purposes = self.purposes.clone();
        ring.renew(&RENEWED, random);
        ring
    }

    /// Writes every key into this keyring's half, in place of what is there.
    pub(crate) fn write(
        &self,
        writer: &mut Writer<'_>,
        random: &mut dyn CryptoRng,
    ) -> Result<(), Error> {
        let table = Self::table(self.live);
        writer.clear(table)?;
        let documents = self.documents.iter().map(|(id, key)| (1, *id.as_bytes(), key.expose()));
        let purposes = self.purposes.iter().map(|(id, key)| (2, purpose_id(*id), key.expose()));
        let epochs = self.epochs.iter().map(|(id, key)| (3, *id.as_bytes(), key.expose()));
        let inner = self.inner.iter().map(|(id, key)| (4, *id, key.expose()));
        let packs = self.packs.iter().map(|(id, key)| (5, *id.as_bytes(), key.expose()));
        let others = purposes.chain(epochs).chain(inner).chain(packs);
        let entries: Vec<_> = documents.chain(others).collect();
        for entries in entries.chunks(ROW_ENTRIES) {
            writer.insert_sealed(
                table,
                self.key.expose(),
                &Zeroizing::new(put_row(entries)),
                random,
            )?;
        }
        Ok(())
    }

    /// Adds the keys that a rewriting renewed to the half that is still live, so that rows which are sealed under them
    /// open with either half.
    pub(crate) fn add_renewed(
        &self,
        next: &Self,
        writer: &mut Writer<'_>,
        random: &mut dyn CryptoRng,
    ) -> Result<(), Error> {
        let mut entries = Vec::new();
        for purpose in RENEWED {
            let id = purpose_id(purpose as u8);
            entries.push((2, id, next.purpose(purpose)?.expose()));
        }
        let row = Zeroizing::new(put_row(&entries));
        writer.insert_sealed(Self::table(self.live), self.key.expose(), &row, random).map(drop)
    }

    /// Takes the keys that a rewriting renewed, once they are saved. Until the header is known to be turned, nothing
    /// can be added: it would be in one half only.
    pub(crate) fn take_renewed(&mut self, next: &Self) {
        self.purposes = next.purposes.clone();
        self.stale = true;
    }

    /// The key of the rows, and their half.
    pub(crate) fn key(&self) -> (Live, KeyringKey) {
        (self.live, self.key.clone())
    }

    /// Whether it is still what the store opens with.
    pub(crate) fn check(&self) -> Result<(), Error> {
        match self.stale {
            true => Err(Error::damaged(WHAT, "its rewriting was cut short: open the store again")),
            false => Ok(()),
        }
    }

    fn take_row(&mut self, row: &[u8]) -> Result<(), Error> {
        let mut r = Reader::new(WHAT, row);
        for _ in 0..r.listed()? {
            let (kind, id, key) = (r.u8()?, r.array::<16>()?, r.array()?);
            match kind {
                1 => drop(self.documents.insert(Document::new(id), DocumentKey::new(key))),
                2 => drop(self.purposes.insert(first(&id), PurposeKey::new(key))),
                3 => drop(self.epochs.insert(Epoch::new(id), EpochSecret::new(key))),
                4 => drop(self.inner.insert(id, VaultKey::new(key))),
                5 => drop(self.packs.insert(Pack::new(id), PackKey::new(key))),
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
        self.check()?;
        let entries: Vec<_> =
            new.iter().map(|(id, key)| (1, *id.as_bytes(), key.expose())).collect();
        let row = Zeroizing::new(put_row(&entries));
        writer.insert_sealed(Self::table(self.live), self.key.expose(), &row, random)?;
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
        self.check()?;
        let row = Zeroizing::new(put_row(&[(3, *epoch.as_bytes(), secret.expose())]));
        writer.insert_sealed(Self::table(self.live), self.key.expose(), &row, random)?;
        self.epochs.insert(epoch, secret);
        Ok(())
    }

    /// Adds the keys of packs that are not here yet, and writes them.
    pub(crate) fn add_packs(
        &mut self,
        keys: &BTreeMap<Pack, PackKey>,
        writer: &mut Writer<'_>,
        random: &mut dyn CryptoRng,
    ) -> Result<(), Error> {
        let is_new = |pack: &Pack| !self.packs.contains_key(pack);
        let new: Vec<_> = keys.iter().filter(|(pack, _)| is_new(pack)).collect();
        if new.is_empty() {
            return Ok(());
        }
        self.check()?;
        let entries: Vec<_> =
            new.iter().map(|(id, key)| (5, *id.as_bytes(), key.expose())).collect();
        let row = Zeroizing::new(put_row(&entries));
        writer.insert_sealed(Self::table(self.live), self.key.expose(), &row, random)?;
        let new: Vec<_> = new.into_iter().map(|(id, key)| (*id, key.clone())).collect();
        self.packs.extend(new);
        Ok(())
    }

    /// The keys of packs.
    pub(crate) const fn packs(&self) -> &BTreeMap<Pack, PackKey> {
        &self.packs
    }

    /// Forgets, in memory, keys of packs whose transaction was not committed: all but these.
    pub(crate) fn keep_packs(&mut self, packs: &BTreeSet<Pack>) {
        self.packs.retain(|pack, _| packs.contains(pack));
    }

    /// Adds the vault key of an inner store and writes it.
    pub(crate) fn add_inner(
        &mut self,
        id: InnerId,
        key: VaultKey,
        writer: &mut Writer<'_>,
        random: &mut dyn CryptoRng,
    ) -> Result<(), Error> {
        self.check()?;
        let row = Zeroizing::new(put_row(&[(4, id, key.expose())]));
        writer.insert_sealed(Self::table(self.live), self.key.expose(), &row, random)?;
        self.inner.insert(id, key);
        Ok(())
    }

    /// The vault keys of inner stores.
    pub(crate) const fn inner(&self) -> &BTreeMap<InnerId, VaultKey> {
        &self.inner
    }

    /// Forgets, in memory, keys whose transaction was not committed.
    pub(crate) fn forget_documents(&mut self, documents: &[Document]) {
        documents.iter().for_each(|document| drop(self.documents.remove(document)));
    }

    /// Forgets, in memory, an inner store whose transaction was not committed.
    pub(crate) fn forget_inner(&mut self, id: &InnerId) {
        self.inner.remove(id);
    }

    /// Forgets, in memory, an epoch whose transaction was not committed.
    pub(crate) fn forget_epoch(&mut self, epoch: &Epoch) {
        self.epochs.remove(epoch);
    }

    #[cfg(any(test, feature = "forensic"))]
    pub(crate) fn every_key(&self) -> Vec<[u8; 32]> {
        let documents = self.documents.values().map(|key| *key.expose());
        let purposes = self.purposes.values().map(|key| *key.expose());
        let epochs = self.epochs.values().map(|key| *key.expose());
        let inner = self.inner.values().map(|key| *key.expose());
        let packs = self.packs.values().map(|key| *key.expose());
        let all = documents.chain(purposes).chain(epochs).chain(inner).chain(packs);
        all.chain([*self.key.expose()]).collect()
    }

    pub(crate) const fn epochs(&self) -> &BTreeMap<Epoch, EpochSecret> {
        &self.epochs
    }
}

/// A row: how many entries, then kind, id and key of each.
fn put_row(entries: &[(u8, [u8; 16], &[u8; 32])]) -> Vec<u8> {
    // Of its final length, so that no copy stays behind where a buffer grew.
    let mut out = Vec::with_capacity(entries.len() * 49 + 10);
    put_varint(&mut out, entries.len() as u64);
    for (kind, id, key) in entries {
        out.push(*kind);
        out.extend_from_slice(id);
        out.extend_from_slice(*key);
    }
    out
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

//! Caches: Automerge saves of documents with many rows, checked before they replace anything.
//!
//! A cache is this store's own, sealed under the document's key. It is compared with its heads when it is
//! written and when it is read; one that does not agree is ignored, and the log is read instead.

use std::collections::BTreeMap;

use automerge::{Automerge, ChangeHash};
use haversack_wire::codec::{put_blob, put_varint};
use haversack_wire::{Document, Lane, Reader};

use super::Engine;
use super::log::RowKind;
use crate::Error;
use crate::docs::rebuild::Tip;
use crate::store::Log;

/// A document with fewer rows than this is rebuilt from them faster than a cache is opened.
const ROWS_MIN: usize = 32;
const SAVE_MAX: usize = 1 << 28;
const WHAT: &str = "cache";

/// A document as far as a cache holds it: what is newer in the log comes on top.
#[derive(Debug, Default)]
pub(super) struct Base {
    pub(super) document: Automerge,
    pub(super) tips: BTreeMap<Lane, Tip>,
}

impl Base {
    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_varint(&mut out, self.tips.len() as u64);
        for (lane, tip) in &self.tips {
            out.extend_from_slice(lane.as_bytes());
            put_varint(&mut out, tip.sequence);
            out.extend_from_slice(&tip.hash.map_or([0; 32], |hash| hash.0));
        }
        let heads = self.document.get_heads();
        put_varint(&mut out, heads.len() as u64);
        heads.iter().for_each(|head| out.extend_from_slice(&head.0));
        put_blob(&mut out, &self.document.save());
        out
    }

    /// Reads a cache; `None` when it does not agree with itself.
    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut r = Reader::new(WHAT, bytes);
        let mut tips = BTreeMap::new();
        for _ in 0..r.listed().ok()? {
            let lane = Lane::new(r.array().ok()?);
            let sequence = r.varint().ok()?;
            tips.insert(lane, Tip { sequence, hash: Some(ChangeHash(r.array().ok()?)) });
        }
        let count = r.listed().ok()?;
        let heads: Vec<_> =
            (0..count).map(|_| r.array().map(ChangeHash)).collect::<Result<_, _>>().ok()?;
        let document = Automerge::load(r.blob(SAVE_MAX).ok()?).ok()?;
        (document.get_heads() == heads).then_some(Self { document, tips })
    }
}

impl Engine {
    /// What a document is built upon: its cache, or nothing.
    pub(super) fn base(&self, id: &Document) -> Base {
        let read = || {
            let row = self.caches.get(id)?;
            let key = self.ring.document(id).ok()?.expose();
            Base::decode(&self.db.entry(Log::Caches, key, *row).ok()?)
        };
        read().unwrap_or_default()
    }

    /// Writes caches of the documents in memory that have many rows.
    pub(super) fn save_caches(&mut self) -> Result<(), Error> {
        let many = |(id, _): &(&Document, &Automerge)| {
            self.index.document(id).is_some_and(|entry| entry.rows.len() >= ROWS_MIN)
        };
        let worth: Vec<Document> = self.documents.iter().filter(many).map(|(id, _)| *id).collect();
        for id in worth {
            let base = Base { document: self.document(&id)?, tips: self.tips(&id) };
            let bytes = base.encode();
            if Base::decode(&bytes).is_some() {
                self.save_cache(id, &bytes)?;
            }
        }
        Ok(())
    }

    fn tips(&self, id: &Document) -> BTreeMap<Lane, Tip> {
        let Some(entry) = self.index.document(id) else { return BTreeMap::new() };
        let changes = entry.rows.iter().filter(|row| row.head.kind == RowKind::Changes);
        changes.map(|row| (row.head.lane, entry.tip(&row.head.lane))).collect()
    }

    fn save_cache(&mut self, id: Document, bytes: &[u8]) -> Result<(), Error> {
        let state_key = self.state_key()?;
        let key = *self.ring.document(&id)?.expose();
        let mut writer = self.db.write()?;
        writer.delete_entries(Log::Caches, self.caches.get(&id).copied().as_slice())?;
        let head = (&state_key, id.as_bytes().as_slice());
        let row = writer.append(Log::Caches, head, (&key, bytes), &mut *self.random)?;
        writer.commit()?;
        self.caches.insert(id, row);
        Ok(())
    }

    /// Finds which documents have a cache.
    pub(super) fn load_caches(&mut self) -> Result<(), Error> {
        let key = self.state_key()?;
        for (row, head) in self.db.heads(Log::Caches, &key)? {
            let id = Document::new(Reader::new(WHAT, &head).array()?);
            self.caches.insert(id, row);
        }
        Ok(())
    }
}

//! The log's index: which rows a document has, and how far each author has come in it.

use std::collections::BTreeMap;

use automerge::ChangeHash;
use haversack_wire::codec::put_varint;
use haversack_wire::{Document, Epoch, Error, Lane, Reader};

use crate::docs::rebuild::Tip;

/// What a row of the log is, sealed in its head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RowHead {
    pub(super) document: Document,
    pub(super) kind: RowKind,
    /// The author's lane.
    pub(super) lane: Lane,
    /// Its place on the lane; `None` while it is not in a body yet.
    pub(super) sequence: Option<u32>,
    /// The author's last change in the row.
    pub(super) tip: Tip,
    /// The epoch that was live when this came: how old it is follows from that, and from no clock.
    pub(super) since: Epoch,
}

/// What a row of the log holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RowKind {
    /// Changes, in the op encoding.
    Changes = 0,
    /// The key of the client whose file the document is.
    ClientKey = 1,
    /// A drop into another space, sealed: the document is its name.
    Drop = 3,
    /// A drop from another space, which the lane's author carried here.
    Carried = 4,
    /// How far an author had come in a document that was let go: what still comes of it counts as applied.
    Gone = 2,
}

impl RowHead {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = self.document.to_bytes().to_vec();
        out.push(self.kind as u8);
        out.extend_from_slice(self.lane.as_bytes());
        put_varint(&mut out, self.sequence.map_or(0, |sequence| u64::from(sequence) + 1));
        put_varint(&mut out, self.tip.sequence);
        out.extend_from_slice(&self.tip.hash.map_or([0; 32], |hash| hash.0));
        out.extend_from_slice(self.since.as_bytes());
        out
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut r = Reader::new("log", bytes);
        let document = Document::new(r.array()?);
        let kind = match r.u8()? {
            0 => RowKind::Changes,
            1 => RowKind::ClientKey,
            2 => RowKind::Gone,
            3 => RowKind::Drop,
            4 => RowKind::Carried,
            other => {
                return Err(Error::Unknown { what: "row kind", found: other.into() });
            }
        };
        let lane = Lane::new(r.array()?);
        let sequence = r.varint()?.checked_sub(1).map(|sequence| sequence as u32);
        let (number, hash) = (r.varint()?, ChangeHash(r.array()?));
        let since = Epoch::new(r.array()?);
        r.end()?;
        let tip = Tip { sequence: number, hash: (number > 0).then_some(hash) };
        Ok(Self { document, kind, lane, sequence, tip, since })
    }
}

/// A row and where it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) id: i64,
    pub(super) head: RowHead,
}

/// The rows of one document, oldest first.
#[derive(Debug, Clone, Default)]
pub(super) struct DocumentRows {
    pub(super) rows: Vec<Row>,
    tips: BTreeMap<Lane, Tip>,
}

impl DocumentRows {
    /// Whether the document was let go.
    pub(super) fn is_gone(&self) -> bool {
        self.rows.iter().any(|row| row.head.kind == RowKind::Gone)
    }

    /// How far an author has come.
    pub(super) fn tip(&self, lane: &Lane) -> Tip {
        self.tips.get(lane).copied().unwrap_or_default()
    }
}

/// The whole log's index.
#[derive(Debug, Default)]
pub(super) struct Index {
    documents: BTreeMap<Document, DocumentRows>,
}

impl Index {
    pub(super) fn add(&mut self, row: Row) {
        let entry = self.documents.entry(row.head.document).or_default();
        entry.rows.push(row);
        if matches!(row.head.kind, RowKind::Changes | RowKind::Gone) {
            let tip = entry.tips.entry(row.head.lane).or_default();
            if row.head.tip.sequence > tip.sequence {
                *tip = row.head.tip;
            }
        }
    }

    /// Forgets rows that were replaced. Tips stay: the replacements hold the same changes.
    pub(super) fn remove(&mut self, document: &Document, ids: &[i64]) {
        if let Some(entry) = self.documents.get_mut(document) {
            entry.rows.retain(|row| !ids.contains(&row.id));
        }
    }

    pub(super) fn document(&self, document: &Document) -> Option<&DocumentRows> {
        self.documents.get(document)
    }

    /// Whether a document was let go.
    pub(super) fn is_gone(&self, document: &Document) -> bool {
        self.document(document).is_some_and(DocumentRows::is_gone)
    }

    pub(super) fn documents(&self) -> impl Iterator<Item = (&Document, &DocumentRows)> {
        self.documents.iter()
    }

    pub(super) fn tip(&self, document: &Document, lane: &Lane) -> Tip {
        self.document(document).map(|rows| rows.tip(lane)).unwrap_or_default()
    }

    /// Rows that are in no body yet, oldest first.
    pub(super) fn open_rows(&self) -> Vec<Row> {
        let mut rows: Vec<Row> = self
            .documents
            .values()
            .flat_map(|entry| entry.rows.iter().copied())
            .filter(|row| row.head.sequence.is_none())
            .collect();
        rows.sort_by_key(|row| row.id);
        rows
    }
}

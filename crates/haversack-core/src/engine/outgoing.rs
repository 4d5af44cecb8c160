//! Closing unsent changes into signed bodies on this device's lane.

use std::collections::BTreeMap;

use automerge::ChangeHash;
use haversack_wire::limits::{DOCUMENTS_MAX, RAW_MAX};
use haversack_wire::{ChunkHeader, Document, Lane};

use super::Engine;
use super::documents::{RowContent, Staged, row_item};
use super::log::{Row, RowHead, RowKind};
use super::state::SpaceState;
use crate::Error;
use crate::crypto::ClientKey;
use crate::docs::{Author, DocumentChanges, ops};
use crate::members::lane as lane_of;
use crate::sync::body::{Body, LaneReference, Opening, VectorEntry};
use crate::sync::{chunk, tree};

/// Raw bytes of changes in one body: about 4 to 12 KiB sealed.
const BODY_TARGET: usize = 40 * 1_024;
const CLIENT_KEYS_TARGET: usize = 500;

/// What one body will carry.
#[derive(Default)]
struct Load {
    documents: Vec<(DocumentChanges, ChangeHash)>,
    client_keys: Vec<(Document, ClientKey)>,
    rows: Vec<Row>,
    bytes: usize,
}

impl Engine {
    /// Closes everything unsent into signed bodies. Says how many.
    pub(super) fn close_unsent(&mut self) -> Result<usize, Error> {
        let mut space = self.space()?.clone();
        let loads = self.loads()?;
        let statements = std::mem::take(&mut space.unsent);
        if loads.is_empty() && statements.is_empty() {
            return Ok(0);
        }
        let mut staged = Staged::default();
        let author = self.author(&space.lane)?;
        let mut statements = Some(statements);
        let count = loads.len().max(1);
        let mut loads = loads.into_iter();
        for _ in 0..count {
            let load = loads.next().unwrap_or_default();
            let statements = statements.take().unwrap_or_default();
            self.sign_body(&mut space, &author, load, statements, &mut staged)?;
        }
        staged.space = Some(space);
        self.commit(staged)?;
        Ok(count)
    }

    /// Divides the unsent rows among bodies, documents ascending.
    fn loads(&self) -> Result<Vec<Load>, Error> {
        let mut by_document: BTreeMap<Document, Vec<Row>> = BTreeMap::new();
        for row in self.index.open_rows() {
            by_document.entry(row.head.document).or_default().push(row);
        }
        let mut loads: Vec<Load> = Vec::new();
        let mut current = Load::default();
        for (document, rows) in by_document {
            for row in rows {
                let is_full = current.bytes >= BODY_TARGET
                    || current.documents.len() >= DOCUMENTS_MAX - 1
                    || current.client_keys.len() >= CLIENT_KEYS_TARGET;
                if is_full {
                    loads.push(std::mem::take(&mut current));
                }
                self.take(&mut current, document, row)?;
            }
        }
        if !current.rows.is_empty() {
            loads.push(current);
        }
        Ok(loads)
    }

    fn take(&self, load: &mut Load, document: Document, row: Row) -> Result<(), Error> {
        load.rows.push(row);
        if row.head.kind == RowKind::ClientKey {
            let key = self
                .client_keys
                .get(&document)
                .ok_or(Error::damaged("log", "a client key is missing"))?;
            load.client_keys.push((document, key.clone()));
            return Ok(());
        }
        let changes = self.read_row(&row)?;
        let hash = row.head.tip.hash.ok_or(Error::damaged("log", "a row has no last change"))?;
        load.bytes += changes.iter().map(|change| 16 + 6 * change.operations.len()).sum::<usize>();
        match load.documents.last_mut() {
            Some((last, tip)) if last.document == document => {
                last.changes.extend(changes);
                *tip = hash;
            }
            _ => load.documents.push((DocumentChanges { document, changes }, hash)),
        }
        Ok(())
    }

    /// Signs one body and stages everything that follows from it.
    fn sign_body(
        &mut self,
        space: &mut SpaceState,
        author: &Author,
        load: Load,
        statements: Vec<Vec<u8>>,
        staged: &mut Staged,
    ) -> Result<(), Error> {
        let (lane, tree) = (space.lane, tree::Tree::new(space.space()));
        let documents: Vec<_> = load.documents.iter().map(|(d, _)| d.clone()).collect();
        let body = Body {
            changes: (!documents.is_empty())
                .then(|| ops::encode(author, &documents))
                .transpose()?,
            client_keys: load.client_keys.clone(),
            ..next_body(space, statements)?
        };
        let sequence = space.lanes.get(&lane).map_or(0, |own| own.next);
        let encoded = body.encode()?;
        let tips: Vec<_> = load.documents.iter().map(|(d, hash)| (d.document, *hash)).collect();
        let leaves = tree.leaves(&encoded.rest, &tips);
        let root = leaves.root();
        let signature =
            self.device.identity.sign.sign(&tree::signed(space.space(), &lane, sequence, &root));
        for (place, (changes, hash)) in load.documents.into_iter().enumerate() {
            let (document, last) = (changes.document, changes.changes.last());
            let tip = crate::docs::rebuild::Tip {
                sequence: last.map_or(0, |change| change.sequence),
                hash: Some(hash),
            };
            let head =
                RowHead { document, kind: RowKind::Changes, lane, sequence: Some(sequence), tip };
            let item = row_item(author, document, changes.changes)?;
            let content = RowContent { item, signed: Some((signature, leaves.proof(place))) };
            staged.rows.push((head, content.encode()));
        }
        for (document, key) in &load.client_keys {
            let (document, tip) = (*document, Default::default());
            let head =
                RowHead { document, kind: RowKind::ClientKey, lane, sequence: Some(sequence), tip };
            staged.rows.push((head, key.expose().to_vec()));
        }
        for row in load.rows {
            staged.replaced.entry(row.head.document).or_default().push(row.id);
        }
        let raw = [&encoded.bytes[..], &signature].concat();
        advance(space, &body, sequence, &root);
        staged.bodies.push((sequence, encode_kept(sequence, &raw)));
        self.check_room(space, &raw)
    }

    /// A body must fit a frame: sealed once here, under the real key, and thrown away.
    fn check_room(&mut self, space: &SpaceState, raw: &[u8]) -> Result<(), Error> {
        self.seal(space, 0, raw).map(drop)
    }

    /// Seals a body of this device under the present write key.
    pub(super) fn seal(
        &mut self,
        space: &SpaceState,
        sequence: u32,
        raw: &[u8],
    ) -> Result<Vec<u8>, Error> {
        let epoch = space.epoch_id();
        let missing = Error::damaged("keyring", "the write key is missing");
        let secret = self.ring.epochs().get(&epoch).ok_or(missing)?;
        let place = (space.lane_tag(&space.lane), sequence);
        let frame = chunk::seal((secret, &epoch), space.space(), place, raw, &mut *self.random)?;
        debug_assert!(frame.len() > ChunkHeader::LEN);
        Ok(frame)
    }
}

/// A body of this device that is kept until it is acknowledged.
pub(super) fn encode_kept(sequence: u32, raw: &[u8]) -> Vec<u8> {
    [&sequence.to_le_bytes()[..], raw].concat()
}

/// Reads what [`encode_kept`] wrote.
pub(super) fn decode_kept(bytes: &[u8]) -> Result<(u32, &[u8]), Error> {
    let damaged = Error::damaged("outgoing bodies", "one is cut");
    let (sequence, raw) = bytes.split_first_chunk().ok_or(damaged)?;
    match raw.len() <= RAW_MAX {
        true => Ok((u32::from_le_bytes(*sequence), raw)),
        false => Err(Error::damaged("outgoing bodies", "one is too long")),
    }
}

/// The next body of this device, with all that is not changes of documents.
fn next_body(space: &SpaceState, statements: Vec<Vec<u8>>) -> Result<Body, Error> {
    let missing = Error::damaged("state", "the own lane is missing");
    let own = space.lanes.get(&space.lane).ok_or(missing)?;
    let digest = space.roster.digest();
    let first = own.next == 0;
    let opening = Opening { device_key: own.device_key, incarnation: own.incarnation };
    debug_assert_eq!(lane_of(space.space(), &own.device_key, own.incarnation), space.lane);
    Ok(Body {
        lane: space.lane,
        roster: (first || digest != own.roster).then_some(digest),
        previous: own.position,
        vector: vector(space, &own.mentions),
        statements: with_chain(space, own.device_key, first, statements),
        opening: first.then_some(opening),
        ..Body::default()
    })
}

/// A lane's first body carries the additions that lead from the root to its device.
fn with_chain(
    space: &SpaceState,
    key: [u8; 32],
    first: bool,
    statements: Vec<Vec<u8>>,
) -> Vec<Vec<u8>> {
    if !first {
        return statements;
    }
    let mut all = space.roster.chain(&key);
    let decode = |bytes: Vec<u8>| {
        crate::members::Statement::decode(space.space(), &bytes).ok().map(|s| (s.hash(), bytes))
    };
    all.extend(statements.into_iter().filter_map(decode));
    all.into_values().collect()
}

/// How far this device has come with the other lanes, where that changed since it last said so.
fn vector(space: &SpaceState, mentions: &[Lane]) -> Vec<VectorEntry> {
    let said = space.lanes.get(&space.lane).map(|own| &own.vector);
    let mut entries: Vec<VectorEntry> = space
        .lanes
        .iter()
        .filter(|(id, lane)| **id != space.lane && lane.next > 0)
        .filter(|(id, lane)| {
            said.and_then(|said| said.get(id)) != Some(&(lane.next, lane.position_start()))
        })
        .map(|(id, lane)| {
            let place = mentions.iter().position(|mentioned| mentioned == id);
            VectorEntry {
                lane: place.map_or(LaneReference::New(*id), |n| LaneReference::Known(n as u32 + 1)),
                next: lane.next,
                hash: lane.position_start(),
                quarantined: lane.quarantined.clone(),
            }
        })
        .collect();
    entries.sort_by_key(|entry| entry.lane);
    entries
}

/// Moves a lane on past a body, whoever wrote it.
pub(super) fn advance(space: &mut SpaceState, body: &Body, sequence: u32, root: &[u8; 32]) {
    let tree = tree::Tree::new(space.space());
    let Some(lane) = space.lanes.get_mut(&body.lane) else {
        return;
    };
    lane.next = sequence + 1;
    lane.position = tree.position(&body.lane, sequence, root);
    lane.roster = body.roster.unwrap_or(lane.roster);
    for entry in &body.vector {
        let named = match entry.lane {
            LaneReference::New(named) => {
                lane.mentions.push(named);
                Some(named)
            }
            LaneReference::Known(place) => lane.mentions.get(place as usize - 1).copied(),
        };
        if let Some(named) = named {
            lane.vector.insert(named, (entry.next, entry.hash));
        }
    }
}

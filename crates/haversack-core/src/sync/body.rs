//! A body: what a device says at one place of its lane, and signs (PROTOCOL § 4).

use haversack_wire::codec::{Ascending, bounded, put_blob, put_varint};
use haversack_wire::limits::{
    DEVICES_MAX, DOCUMENTS_MAX, DROPS_MAX, HEADS_MAX, ITEMS_MAX, LANES_MAX, RAW_MAX, WAITING_MAX,
};
use haversack_wire::{Document, Error, Incarnation, Lane, Position, Reader, StatementHash};

use super::drop::{put_blobs, read_blobs};
use crate::crypto::ClientKey;
use crate::members::{put_statements, read_statements};

/// An item of a body that the log keeps: each of what it dropped or carried may be a byte longer there, and its length too.
const KEPT_MAX: usize = RAW_MAX + 2 * DROPS_MAX;
const WHAT: &str = "body";
const ITEM_CHANGES: u64 = 1;
const ITEM_STATEMENTS: u64 = 2;
const ITEM_OPENING: u64 = 3;
const ITEM_CLIENT_KEYS: u64 = 4;
const ITEM_DROPS: u64 = 5;
const ITEM_RETIRED: u64 = 6;
const ITEM_ERASURES: u64 = 7;
const ITEM_CARRIED: u64 = 8;
/// Lanes of which one body says that a pack has them.
const RETIRED_MAX: usize = 1_024;
const CLIENT_KEYS_MAX: usize = 4_096;

/// A body without its signature.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Body {
    pub(crate) lane: Lane,
    /// What its author has seen of the roster, when that is news: ascending.
    pub(crate) heads: Option<Vec<StatementHash>>,
    pub(crate) previous: Position,
    pub(crate) vector: Vec<VectorEntry>,
    /// The changes item, encoded.
    pub(crate) changes: Option<Vec<u8>>,
    pub(crate) statements: Vec<Vec<u8>>,
    pub(crate) opening: Option<Opening>,
    pub(crate) client_keys: Vec<(Document, ClientKey)>,
    /// Drops into other spaces.
    pub(crate) drops: Vec<Vec<u8>>,
    /// Clients' files that are erased: ascending.
    pub(crate) erasures: Vec<Document>,
    /// Drops that were carried into this space.
    pub(crate) carried: Vec<Vec<u8>>,
    /// Of each lane, the first sequence that no pack has, if one has any.
    pub(crate) retired: Vec<(Lane, u32)>,
    /// Items of kinds that this version does not know.
    pub(crate) other: Vec<(u64, Vec<u8>)>,
}

/// Who writes on a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Opening {
    pub(crate) device_key: [u8; 32],
    pub(crate) incarnation: Incarnation,
}

/// How far the author has durably applied another lane: a signed acknowledgement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct VectorEntry {
    pub(crate) lane: LaneReference,
    pub(crate) next: u32,
    pub(crate) hash: [u8; 8],
    pub(crate) quarantined: Vec<u32>,
}

/// A lane that the author has named before on this lane, by its 1-based place, or a new one. The order is
/// that of a body: known ones first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum LaneReference {
    Known(u32),
    New(Lane),
}

/// A body's bytes before the signature, and which of them leaf 0 covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Encoded {
    pub(crate) bytes: Vec<u8>,
    /// `bytes` without the blob of item 1.
    pub(crate) rest: Vec<u8>,
}

impl Body {
    /// A body as it travels.
    ///
    /// # Errors
    /// [`Error::Limit`] for whatever there is too much of.
    pub(crate) fn encode(&self) -> Result<Encoded, Error> {
        let encoded = self.encode_kept()?;
        bounded("body", encoded.bytes.len() as u64, RAW_MAX - 64)?;
        Ok(encoded)
    }

    /// A body as the log keeps it, where names take the place of what it dropped: they may be longer than that.
    ///
    /// # Errors
    /// As [`Self::encode`], less the limit of the whole.
    pub(crate) fn encode_kept(&self) -> Result<Encoded, Error> {
        let mut bytes = self.lane.to_bytes().to_vec();
        bytes.push(self.heads.is_some().into());
        if let Some(heads) = &self.heads {
            put_varint(&mut bytes, bounded("roster heads", heads.len() as u64, HEADS_MAX)? as u64);
            heads.iter().for_each(|head| bytes.extend_from_slice(head.as_bytes()));
        }
        bytes.extend_from_slice(self.previous.as_bytes());
        put_varint(&mut bytes, bounded("vector", self.vector.len() as u64, LANES_MAX)? as u64);
        self.vector.iter().for_each(|entry| put_entry(&mut bytes, entry));
        let items = self.items();
        put_varint(&mut bytes, bounded("items", items.len() as u64, ITEMS_MAX)? as u64);
        let mut rest = bytes.clone();
        for (kind, content) in &items {
            put_varint(&mut bytes, *kind);
            put_varint(&mut rest, *kind);
            put_blob(&mut bytes, content);
            if *kind != ITEM_CHANGES {
                put_blob(&mut rest, content);
            }
        }
        bounded("erasures", self.erasures.len() as u64, DOCUMENTS_MAX)?;
        bounded("drops", self.drops.len().max(self.carried.len()) as u64, DROPS_MAX)?;
        Ok(Encoded { bytes, rest })
    }

    fn items(&self) -> Vec<(u64, Vec<u8>)> {
        let mut items = self.other.clone();
        items.extend(self.changes.iter().map(|changes| (ITEM_CHANGES, changes.clone())));
        if !self.statements.is_empty() {
            let mut content = Vec::new();
            put_statements(&mut content, &self.statements);
            items.push((ITEM_STATEMENTS, content));
        }
        items.extend(self.opening.map(|opening| {
            (ITEM_OPENING, [&opening.device_key[..], opening.incarnation.as_bytes()].concat())
        }));
        if !self.client_keys.is_empty() {
            let mut content = Vec::new();
            put_varint(&mut content, self.client_keys.len() as u64);
            for (document, key) in &self.client_keys {
                content.extend_from_slice(document.as_bytes());
                content.extend_from_slice(key.expose());
            }
            items.push((ITEM_CLIENT_KEYS, content));
        }
        if !self.erasures.is_empty() {
            let mut content = Vec::new();
            put_varint(&mut content, self.erasures.len() as u64);
            self.erasures.iter().for_each(|file| content.extend_from_slice(file.as_bytes()));
            items.push((ITEM_ERASURES, content));
        }
        if !self.retired.is_empty() {
            let mut content = Vec::new();
            put_varint(&mut content, self.retired.len() as u64);
            for (lane, next) in &self.retired {
                content.extend_from_slice(lane.as_bytes());
                put_varint(&mut content, (*next).into());
            }
            items.push((ITEM_RETIRED, content));
        }
        for (kind, blobs) in [(ITEM_DROPS, &self.drops), (ITEM_CARRIED, &self.carried)] {
            if !blobs.is_empty() {
                let mut content = Vec::new();
                put_blobs(&mut content, blobs);
                items.push((kind, content));
            }
        }
        items.sort_by_key(|(kind, _)| *kind);
        items
    }

    /// Reads a body and its signature.
    pub(crate) fn decode(raw: &[u8]) -> Result<(Self, Vec<u8>, [u8; 64]), Error> {
        let mut r = Reader::new(WHAT, raw);
        let mut body = Self { lane: Lane::new(r.array()?), ..Self::default() };
        body.heads = match r.u8()? {
            0 => None,
            1 => Some(read_heads(&mut r)?),
            other => {
                return Err(Error::Unknown { what: "body flags", found: other.into() });
            }
        };
        body.previous = Position::new(r.array()?);
        body.vector = read_vector(&mut r)?;
        let count = r.count(ITEMS_MAX)?;
        let mut rest = raw.get(..raw.len() - r.rest().len()).unwrap_or_default().to_vec();
        let mut order = Ascending::new("items");
        for _ in 0..count {
            let kind = r.varint()?;
            order.step(kind)?;
            let content = r.blob(KEPT_MAX)?;
            put_varint(&mut rest, kind);
            if kind != ITEM_CHANGES {
                put_blob(&mut rest, content);
            }
            body.take_item(kind, content)?;
        }
        let signature = r.array()?;
        r.end()?;
        Ok((body, rest, signature))
    }

    fn take_item(&mut self, kind: u64, content: &[u8]) -> Result<(), Error> {
        let mut r = Reader::new("item", content);
        if matches!(kind, ITEM_STATEMENTS | ITEM_CLIENT_KEYS | ITEM_DROPS | ITEM_CARRIED)
            && content == [0]
        {
            // Left out where there is nothing: so a body that is written again has the bytes that were signed.
            return Err(r.malformed("is an empty list"));
        }
        match kind {
            ITEM_CHANGES => {
                self.changes = Some(content.to_vec());
                return Ok(());
            }
            ITEM_STATEMENTS => self.statements = read_statements(&mut r)?,
            ITEM_OPENING => {
                let device_key = r.array()?;
                self.opening =
                    Some(Opening { device_key, incarnation: Incarnation::new(r.array()?) });
            }
            ITEM_CLIENT_KEYS => self.client_keys = read_client_keys(&mut r)?,
            ITEM_DROPS => self.drops = read_blobs(&mut r)?,
            ITEM_CARRIED => self.carried = read_blobs(&mut r)?,
            ITEM_ERASURES => self.erasures = read_erasures(&mut r)?,
            ITEM_RETIRED => self.retired = read_retired(&mut r)?,
            _ => {
                self.other.push((kind, content.to_vec()));
                return Ok(());
            }
        }
        r.end()
    }
}

fn put_entry(out: &mut Vec<u8>, entry: &VectorEntry) {
    match entry.lane {
        LaneReference::Known(place) => put_varint(out, place.into()),
        LaneReference::New(lane) => {
            put_varint(out, 0);
            out.extend_from_slice(lane.as_bytes());
        }
    }
    put_varint(out, entry.next.into());
    out.extend_from_slice(&entry.hash);
    put_varint(out, entry.quarantined.len() as u64);
    let mut last = 0;
    for sequence in &entry.quarantined {
        put_varint(out, (sequence - last).into());
        last = *sequence;
    }
}

fn read_heads(r: &mut Reader<'_>) -> Result<Vec<StatementHash>, Error> {
    let mut order = Ascending::new("roster heads");
    let mut heads = Vec::new();
    for _ in 0..r.count(HEADS_MAX)? {
        let head = StatementHash::new(r.array()?);
        order.step(head)?;
        heads.push(head);
    }
    Ok(heads)
}

/// Reads the entries: lanes named before, ascending by place, then new ones, ascending.
fn read_vector(r: &mut Reader<'_>) -> Result<Vec<VectorEntry>, Error> {
    let mut order = Ascending::new("vector");
    let mut vector = Vec::new();
    for _ in 0..r.count(LANES_MAX)? {
        let lane = match r.varint_u32()? {
            0 => LaneReference::New(Lane::new(r.array()?)),
            place => LaneReference::Known(place),
        };
        order.step(lane)?;
        let (next, hash) = (r.varint_u32()?, r.array()?);
        vector.push(VectorEntry { lane, next, hash, quarantined: read_quarantined(r)? });
    }
    Ok(vector)
}

fn read_quarantined(r: &mut Reader<'_>) -> Result<Vec<u32>, Error> {
    let mut sequences = Vec::new();
    let mut last: Option<u32> = None;
    for _ in 0..r.count(WAITING_MAX)? {
        let step = r.varint_u32()?;
        let next = match last {
            None => Some(step),
            Some(_) if step == 0 => None,
            Some(last) => last.checked_add(step),
        };
        let next = next.ok_or(r.malformed("quarantined sequences are not ascending"))?;
        sequences.push(next);
        last = Some(next);
    }
    Ok(sequences)
}

fn read_retired(r: &mut Reader<'_>) -> Result<Vec<(Lane, u32)>, Error> {
    let mut order = Ascending::new("retired");
    let mut retired = Vec::new();
    for _ in 0..r.count(RETIRED_MAX)? {
        let lane = Lane::new(r.array()?);
        order.step(lane)?;
        match r.varint_u32()? {
            0 => return Err(r.malformed("nothing of a lane is retired")),
            next => retired.push((lane, next)),
        }
    }
    Ok(retired)
}

fn read_client_keys(r: &mut Reader<'_>) -> Result<Vec<(Document, ClientKey)>, Error> {
    let mut order = Ascending::new("client keys");
    let mut keys = Vec::new();
    for _ in 0..r.count(CLIENT_KEYS_MAX.max(DEVICES_MAX))? {
        let document = Document::new(r.array()?);
        order.step(document)?;
        keys.push((document, ClientKey::new(r.array()?)));
    }
    Ok(keys)
}

/// At least one: a list of none would be another way to say nothing.
fn read_erasures(r: &mut Reader<'_>) -> Result<Vec<Document>, Error> {
    let mut order = Ascending::new("erasures");
    let mut files = Vec::new();
    for _ in 0..r.count(DOCUMENTS_MAX)? {
        let file = Document::new(r.array()?);
        order.step(file)?;
        files.push(file);
    }
    match files.is_empty() {
        true => Err(r.malformed("erasures of nothing")),
        false => Ok(files),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sample() -> Body {
        Body {
            lane: Lane::new([1; 16]),
            heads: Some(vec![StatementHash::new([2; 16])]),
            previous: Position::new([3; 16]),
            vector: vec![
                VectorEntry {
                    lane: LaneReference::Known(2),
                    next: 300,
                    hash: [4; 8],
                    quarantined: vec![7, 290],
                },
                VectorEntry {
                    lane: LaneReference::New(Lane::new([5; 16])),
                    next: 1,
                    hash: [6; 8],
                    quarantined: vec![],
                },
                VectorEntry {
                    lane: LaneReference::New(Lane::new([8; 16])),
                    next: 1,
                    hash: [6; 8],
                    quarantined: vec![],
                },
            ],
            changes: Some(vec![9; 40]),
            statements: vec![],
            opening: Some(Opening { device_key: [10; 32], incarnation: Incarnation::new([11; 8]) }),
            client_keys: vec![(Document::new([12; 16]), ClientKey::new([13; 32]))],
            drops: vec![],
            erasures: vec![Document::new([14; 16]), Document::new([15; 16])],
            carried: vec![],
            retired: vec![],
            other: vec![(77, b"newer".to_vec())],
        }
    }

    #[test]
    fn bodies_survive_unknown_items_included() {
        let encoded = sample().encode().unwrap();
        let raw = [&encoded.bytes[..], &[9; 64]].concat();
        assert_eq!(Body::decode(&raw).unwrap(), (sample(), encoded.rest, [9; 64]));
        insta::assert_snapshot!(data_encoding::HEXLOWER.encode(&encoded.bytes));
    }

    #[test]
    fn leaf_0_leaves_out_the_changes_only() {
        let encoded = sample().encode().unwrap();
        assert_eq!(encoded.rest.len() + 41, encoded.bytes.len());
    }

    proptest! {
        #[test]
        fn no_bytes_panic(place in 0..400_usize, byte in any::<u8>(), cut in 0..400_usize) {
            let encoded = sample().encode().unwrap();
            let mut raw = [&encoded.bytes[..], &[9; 64]].concat();
            let length = raw.len();
            raw[place % length] = byte;
            raw.truncate(length - cut / 40);
            if let Ok((body, _, signature)) = Body::decode(&raw) {
                let again = body.encode().unwrap();
                prop_assert_eq!([&again.bytes[..], &signature].concat(), raw);
            }
        }
    }
}

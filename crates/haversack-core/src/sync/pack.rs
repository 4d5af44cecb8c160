//! A segment of a pack: many documents' changes, by all their authors, with what shows that they are theirs (PROTOCOL § 3.6).

mod proofs;

use haversack_wire::codec::{Ascending, bounded, put_blob, put_varint};
use haversack_wire::limits::{
    DOCUMENTS_MAX, FRAME_MAX, HEADS_MAX, ITEMS_MAX, LANES_MAX, PACK_AUTHORS_MAX, RAW_MAX,
    WAITING_MAX,
};
use haversack_wire::{Document, Error, Incarnation, Lane, Position, Reader, Space, StatementHash};

use super::tree::Proof;
use crate::crypto::ClientKey;
use crate::docs::Author;
use crate::docs::ops::{self, Part};
use crate::members::{actor, lane};

const WHAT: &str = "pack segment";
const ITEM_CHANGES: u64 = 1;
const ITEM_PROOFS: u64 = 2;
const ITEM_AUTHORS: u64 = 3;
const ITEM_CLIENT_KEYS: u64 = 4;
const ITEM_DROPS: u64 = 5;
const ITEM_ERASURES: u64 = 7;
const ITEM_CARRIED: u64 = 8;
const ITEM_LANES: u64 = 9;

/// What one frame of a pack holds.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Segment {
    pub(crate) authors: Vec<PackAuthor>,
    pub(crate) parts: Vec<Part>,
    /// One for each part.
    pub(crate) proofs: Vec<PartProof>,
    pub(crate) client_keys: Vec<PackedKey>,
    /// Drops into other spaces.
    pub(crate) drops: Vec<PackedDrop>,
    /// Clients' files that are erased, and where that was said: ascending.
    pub(crate) erasures: Vec<PackedErasure>,
    /// Drops that were carried into this space.
    pub(crate) carried: Vec<PackedDrop>,
    pub(crate) lanes: Vec<LaneEnd>,
    /// Items of kinds that this version does not know.
    pub(crate) other: Vec<(u64, Vec<u8>)>,
}

/// Who wrote something, and what that device had seen of the roster, from which sequence on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PackAuthor {
    pub(crate) device_key: [u8; 32],
    pub(crate) incarnation: Incarnation,
    pub(crate) rosters: Vec<(u32, Vec<StatementHash>)>,
}

/// From which positions of its lane a part came, and what its author signed at the last of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PartProof {
    /// (sequence, how many changes)
    pub(crate) runs: Vec<(u32, usize)>,
    pub(crate) signature: [u8; 64],
    pub(crate) proof: Proof,
}

/// A client's key, and where its author said it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PackedKey {
    pub(crate) document: Document,
    pub(crate) author: usize,
    pub(crate) sequence: u32,
    pub(crate) key: ClientKey,
}

/// A drop, and where its author said it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PackedDrop {
    pub(crate) author: usize,
    pub(crate) sequence: u32,
    pub(crate) bytes: Vec<u8>,
}

/// That a client's file is erased, and where its author said it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PackedErasure {
    pub(crate) document: Document,
    pub(crate) author: usize,
    pub(crate) sequence: u32,
}

/// Where a lane goes on after the pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LaneEnd {
    pub(crate) author: usize,
    pub(crate) next: u32,
    pub(crate) position: Position,
    pub(crate) mentions: Vec<Lane>,
    /// (place in the mentions from 1, next, hash, quarantined)
    pub(crate) said: Vec<(u32, u32, [u8; 8], Vec<u32>)>,
    pub(crate) quarantined: Vec<u32>,
    /// (document, sequence of a change, its hash)
    pub(crate) passed: Vec<(Document, u64, [u8; 32])>,
}

impl PackAuthor {
    pub(crate) fn lane(&self, space: &Space) -> Lane {
        lane(space, &self.device_key, self.incarnation)
    }

    pub(crate) fn author(&self, space: &Space) -> Author {
        Author::new(&actor(space, &self.device_key, self.incarnation))
    }
}

impl Segment {
    /// Writes the items.
    ///
    /// # Errors
    /// [`crate::Error::Wire`] over a maximum.
    pub(crate) fn encode(&self, space: &Space) -> Result<Vec<u8>, crate::Error> {
        let mut items: Vec<(u64, Vec<u8>)> = self.other.clone();
        if !self.parts.is_empty() {
            let authors: Vec<Author> = self.authors.iter().map(|a| a.author(space)).collect();
            items.push((ITEM_CHANGES, ops::encode_parts(&authors, &self.parts)?));
            items.push((ITEM_PROOFS, proofs::encode(&self.parts, &self.proofs)?));
        }
        let lists = [
            (ITEM_AUTHORS, list(&self.authors, PackAuthor::encode)),
            (ITEM_CLIENT_KEYS, list(&self.client_keys, PackedKey::encode)),
            (ITEM_DROPS, list(&self.drops, PackedDrop::encode)),
            (ITEM_ERASURES, list(&self.erasures, PackedErasure::encode)),
            (ITEM_CARRIED, list(&self.carried, PackedDrop::encode)),
        ];
        items.extend(lists.into_iter().filter_map(|(kind, list)| Some((kind, list?))));
        let lanes: Vec<Lane> = self.authors.iter().map(|author| author.lane(space)).collect();
        let ends = list(&self.lanes, |end, out| end.encode(&lanes, out));
        items.extend(ends.map(|ends| (ITEM_LANES, ends)));
        items.sort_by_key(|(kind, _)| *kind);
        let mut out = Vec::new();
        put_varint(&mut out, items.len() as u64);
        for (kind, content) in &items {
            put_varint(&mut out, *kind);
            put_blob(&mut out, content);
        }
        bounded(WHAT, out.len() as u64, RAW_MAX)?;
        Ok(out)
    }

    /// Reads a segment.
    ///
    /// # Errors
    /// Whatever rule of § 3.6 is broken, or limit of § 12.
    pub(crate) fn decode(raw: &[u8], space: &Space) -> Result<Self, Error> {
        let mut r = Reader::new(WHAT, raw);
        let (mut segment, mut order) = (Self::default(), Ascending::new("items"));
        let mut items = Vec::new();
        for _ in 0..r.count(ITEMS_MAX)? {
            let kind = r.varint()?;
            order.step(kind)?;
            items.push((kind, r.blob(RAW_MAX)?));
        }
        r.end()?;
        let of = |wanted| items.iter().find(|(kind, _)| *kind == wanted).map(|(_, item)| *item);
        if let Some(item) = of(ITEM_AUTHORS) {
            segment.authors = read_list(item, PACK_AUTHORS_MAX, PackAuthor::decode)?;
            let mut order = Ascending::new("authors");
            let mut keys = segment.authors.iter().map(|a| (a.device_key, a.incarnation));
            keys.try_for_each(|key| order.step(key))?;
        }
        let authors: Vec<Author> = segment.authors.iter().map(|a| a.author(space)).collect();
        let lanes: Vec<Lane> = segment.authors.iter().map(|author| author.lane(space)).collect();
        if let Some(item) = of(ITEM_CHANGES) {
            segment.parts = ops::decode_parts(&authors, item)?;
        }
        let item = of(ITEM_PROOFS).unwrap_or(&[0]);
        segment.proofs = proofs::decode(item, space, &authors, &segment.parts)?;
        let count = authors.len();
        if let Some(item) = of(ITEM_CLIENT_KEYS) {
            segment.client_keys = read_list(item, DOCUMENTS_MAX, |r| PackedKey::decode(r, count))?;
            let mut order = Ascending::new("client keys");
            segment.client_keys.iter().try_for_each(|key| order.step(key.document))?;
        }
        if let Some(item) = of(ITEM_ERASURES) {
            let read = |r: &mut Reader<'_>| PackedErasure::decode(r, count);
            segment.erasures = read_list(item, DOCUMENTS_MAX, read)?;
            let mut order = Ascending::new("erasures");
            segment.erasures.iter().try_for_each(|erasure| order.step(*erasure))?;
        }
        for (kind, to) in [(ITEM_DROPS, &mut segment.drops), (ITEM_CARRIED, &mut segment.carried)] {
            if let Some(item) = of(kind) {
                *to = read_list(item, DOCUMENTS_MAX, |r| PackedDrop::decode(r, count))?;
            }
        }
        if let Some(item) = of(ITEM_LANES) {
            segment.lanes = read_list(item, PACK_AUTHORS_MAX, |r| LaneEnd::decode(r, &lanes))?;
        }
        let known = |kind: u64| matches!(kind, 1..=5 | 7..=9);
        let other = items.iter().filter(|(kind, _)| !known(*kind));
        segment.other = other.map(|(kind, item)| (*kind, item.to_vec())).collect();
        Ok(segment)
    }
}

fn list<T>(entries: &[T], put: impl Fn(&T, &mut Vec<u8>)) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    put_varint(&mut out, entries.len() as u64);
    entries.iter().for_each(|entry| put(entry, &mut out));
    (!entries.is_empty()).then_some(out)
}

fn read_list<T>(
    item: &[u8],
    most: usize,
    read: impl Fn(&mut Reader<'_>) -> Result<T, Error>,
) -> Result<Vec<T>, Error> {
    let mut r = Reader::new(WHAT, item);
    let count = r.count(most)?;
    let entries = (0..count).map(|_| read(&mut r)).collect::<Result<_, _>>()?;
    r.end().map(|()| entries)
}

/// Which of the authors an entry is by.
fn author_place(r: &mut Reader<'_>, authors: usize) -> Result<usize, Error> {
    match r.count(authors)? {
        place if place < authors => Ok(place),
        _ => Err(r.malformed("an author is not in the list")),
    }
}

fn put_steps(out: &mut Vec<u8>, sequences: &[u32]) {
    put_varint(out, sequences.len() as u64);
    let mut last = 0;
    for sequence in sequences {
        put_varint(out, (sequence - last).into());
        last = *sequence;
    }
}

/// The next of ascending sequences: the first absolute, then differences of at least 1.
fn step(r: &mut Reader<'_>, last: Option<u32>) -> Result<u32, Error> {
    let step = r.varint_u32()?;
    let next = match last {
        None => Some(step),
        Some(_) if step == 0 => None,
        Some(last) => last.checked_add(step),
    };
    next.ok_or(r.malformed("sequences are not ascending"))
}

fn read_steps(r: &mut Reader<'_>, most: usize) -> Result<Vec<u32>, Error> {
    let mut sequences: Vec<u32> = Vec::new();
    for _ in 0..r.count(most)? {
        let next = step(r, sequences.last().copied())?;
        sequences.push(next);
    }
    Ok(sequences)
}

impl PackAuthor {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.device_key);
        out.extend_from_slice(self.incarnation.as_bytes());
        put_varint(out, self.rosters.len() as u64);
        for (from, heads) in &self.rosters {
            put_varint(out, (*from).into());
            put_varint(out, heads.len() as u64);
            heads.iter().for_each(|head| out.extend_from_slice(head.as_bytes()));
        }
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, Error> {
        let (device_key, incarnation) = (r.array()?, Incarnation::new(r.array()?));
        let (mut order, mut rosters) = (Ascending::new("roster heads"), Vec::new());
        for _ in 0..r.count(LANES_MAX)? {
            let from = r.varint_u32()?;
            order.step(from)?;
            let mut order = Ascending::new("roster heads");
            let mut heads = Vec::new();
            for _ in 0..r.count(HEADS_MAX)? {
                let head = StatementHash::new(r.array()?);
                order.step(head)?;
                heads.push(head);
            }
            rosters.push((from, heads));
        }
        Ok(Self { device_key, incarnation, rosters })
    }
}

impl PackedKey {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.document.as_bytes());
        put_varint(out, self.author as u64);
        put_varint(out, self.sequence.into());
        out.extend_from_slice(self.key.expose());
    }

    fn decode(r: &mut Reader<'_>, authors: usize) -> Result<Self, Error> {
        let (document, author) = (Document::new(r.array()?), author_place(r, authors)?);
        let (sequence, key) = (r.varint_u32()?, ClientKey::new(r.array()?));
        Ok(Self { document, author, sequence, key })
    }
}

impl PackedErasure {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.document.as_bytes());
        put_varint(out, self.author as u64);
        put_varint(out, self.sequence.into());
    }

    fn decode(r: &mut Reader<'_>, authors: usize) -> Result<Self, Error> {
        let document = Document::new(r.array()?);
        Ok(Self { document, author: author_place(r, authors)?, sequence: r.varint_u32()? })
    }
}

impl PackedDrop {
    fn encode(&self, out: &mut Vec<u8>) {
        put_varint(out, self.author as u64);
        put_varint(out, self.sequence.into());
        put_blob(out, &self.bytes);
    }

    fn decode(r: &mut Reader<'_>, authors: usize) -> Result<Self, Error> {
        let (author, sequence) = (author_place(r, authors)?, r.varint_u32()?);
        Ok(Self { author, sequence, bytes: r.blob(FRAME_MAX)?.to_vec() })
    }
}

impl LaneEnd {
    fn encode(&self, lanes: &[Lane], out: &mut Vec<u8>) {
        put_varint(out, self.author as u64);
        put_varint(out, self.next.into());
        out.extend_from_slice(self.position.as_bytes());
        put_varint(out, self.mentions.len() as u64);
        for mentioned in &self.mentions {
            match lanes.iter().position(|lane| lane == mentioned) {
                Some(place) => put_varint(out, place as u64 + 1),
                None => {
                    out.push(0);
                    out.extend_from_slice(mentioned.as_bytes());
                }
            }
        }
        put_varint(out, self.said.len() as u64);
        for (place, next, hash, quarantined) in &self.said {
            put_varint(out, (*place).into());
            put_varint(out, (*next).into());
            out.extend_from_slice(hash);
            put_steps(out, quarantined);
        }
        put_steps(out, &self.quarantined);
        put_varint(out, self.passed.len() as u64);
        for (document, sequence, hash) in &self.passed {
            out.extend_from_slice(document.as_bytes());
            put_varint(out, *sequence);
            out.extend_from_slice(hash);
        }
    }

    fn decode(r: &mut Reader<'_>, lanes: &[Lane]) -> Result<Self, Error> {
        let (author, next) = (author_place(r, lanes.len())?, r.varint_u32()?);
        let position = Position::new(r.array()?);
        let mut mentions = Vec::new();
        for _ in 0..r.count(LANES_MAX)? {
            mentions.push(match r.count(lanes.len())? {
                0 => Lane::new(r.array()?),
                place => lanes.get(place - 1).copied().unwrap_or_default(),
            });
        }
        let (mut order, mut said) = (Ascending::new("vector"), Vec::new());
        for _ in 0..r.count(mentions.len())? {
            let place = r.varint_u32()?;
            order.step(place)?;
            if place == 0 || place as usize > mentions.len() {
                return Err(r.malformed("a lane is not among the mentions"));
            }
            said.push((place, r.varint_u32()?, r.array()?, read_steps(r, WAITING_MAX)?));
        }
        let quarantined = read_steps(r, WAITING_MAX)?;
        let (mut order, mut passed) = (Ascending::new("passed over"), Vec::new());
        for _ in 0..r.count(DOCUMENTS_MAX)? {
            let document = Document::new(r.array()?);
            order.step(document)?;
            passed.push((document, r.varint()?, r.array()?));
        }
        Ok(Self { author, next, position, mentions, said, quarantined, passed })
    }
}

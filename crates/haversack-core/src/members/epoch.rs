//! Epoch statements and the roster segments sealed under an epoch (PROTOCOL § 3.3, § 6.3).

use haversack_wire::codec::{Ascending, bounded, put_blob, put_varint};
use haversack_wire::hash::{Label, derive_cut};
use haversack_wire::limits::{
    EPOCH_DEPTH_MAX, HEADS_MAX, LINEAGE_MAX, PARENTS_MAX, ROSTER_SEGMENTS_MAX, STATEMENT_MAX,
    STATEMENT_PARENTS_MAX, STATEMENTS_MAX,
};
use haversack_wire::{Epoch, EpochHash, Error, Generation, Reader, Space, StatementHash};

use crate::crypto::{AadLabel, Suite, message};

const WHAT: &str = "epoch statement";
/// A signed statement: kind, signer, parents, length, payload, signature.
pub(super) const STATEMENT_BYTES_MAX: usize =
    1 + 32 + 1 + 16 * STATEMENT_PARENTS_MAX + 3 + STATEMENT_MAX + 64;
const EPOCH_BYTES_MAX: usize = 16 * (2 + HEADS_MAX + PARENTS_MAX) + 16 + 96;

/// What an epoch's minter says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EpochStatement {
    pub(crate) epoch: Epoch,
    pub(crate) generation: Generation,
    pub(crate) depth: u64,
    /// What the minter had seen.
    pub(crate) heads: Vec<StatementHash>,
    pub(crate) parents: Vec<EpochHash>,
    pub(crate) minter: [u8; 32],
    pub(crate) bytes: Vec<u8>,
}

/// What an epoch's statement says, before it is signed.
#[derive(Debug, Clone)]
pub(crate) struct NewEpoch {
    pub(crate) epoch: Epoch,
    pub(crate) generation: Generation,
    pub(crate) depth: u64,
    pub(crate) heads: Vec<StatementHash>,
    pub(crate) parents: Vec<EpochHash>,
}

impl EpochStatement {
    /// Signs an epoch's statement.
    pub(crate) fn sign<S: Suite>(space: &Space, new: NewEpoch, minter: &S::Sign) -> Self {
        let NewEpoch { epoch, generation, depth, heads, parents } = new;
        let mut bytes = [&epoch.to_bytes()[..], generation.as_bytes()].concat();
        put_varint(&mut bytes, depth);
        put_varint(&mut bytes, heads.len() as u64);
        heads.iter().for_each(|head| bytes.extend_from_slice(head.as_bytes()));
        put_varint(&mut bytes, parents.len() as u64);
        parents.iter().for_each(|parent| bytes.extend_from_slice(parent.as_bytes()));
        let public = S::public(minter);
        bytes.extend(public);
        let signature = S::sign(minter, &message(AadLabel::EPOCH, &[space.as_bytes(), &bytes]));
        bytes.extend(signature);
        Self { epoch, generation, depth, heads, parents, minter: public, bytes }
    }

    /// Reads a statement and checks its signature; whether it stands is for [`super::Epochs`] to say.
    pub(crate) fn decode<S: Suite>(space: &Space, bytes: &[u8]) -> Result<Self, Error> {
        let mut r = Reader::new(WHAT, bytes);
        let epoch = Epoch::new(r.array()?);
        let generation = Generation::new(r.array()?);
        let depth = r.varint()?;
        let heads = read_ids(&mut r, HEADS_MAX, StatementHash::new)?;
        let parents = read_ids(&mut r, PARENTS_MAX, EpochHash::new)?;
        let minter = r.array()?;
        let signed = bytes.get(..bytes.len() - r.rest().len()).unwrap_or_default();
        let signature = r.array()?;
        r.end()?;
        if !S::verify(&minter, &message(AadLabel::EPOCH, &[space.as_bytes(), signed]), &signature) {
            return Err(Error::Malformed { what: WHAT, rule: "signature does not verify" });
        }
        if depth > EPOCH_DEPTH_MAX {
            return Err(Error::Malformed { what: WHAT, rule: "is deeper than epochs get" });
        }
        let bytes = bytes.to_vec();
        Ok(Self { epoch, generation, depth, heads, parents, minter, bytes })
    }
}

/// `derive("epoch statement", epoch statement)[..16]`
pub(crate) fn hash(bytes: &[u8]) -> EpochHash {
    EpochHash::new(derive_cut(Label::EPOCH_STATEMENT, &[bytes]))
}

impl EpochStatement {
    pub(crate) fn hash(&self) -> EpochHash {
        hash(&self.bytes)
    }
}

fn read_ids<T: PartialOrd + Copy>(
    r: &mut Reader<'_>,
    max: usize,
    make: impl Fn([u8; 16]) -> T,
) -> Result<Vec<T>, Error> {
    let mut order = Ascending::new(WHAT);
    let mut ids = Vec::new();
    for _ in 0..r.count(max)? {
        let id = make(r.array()?);
        order.step(id)?;
        ids.push(id);
    }
    Ok(ids)
}

/// One part of a roster, as it lies in a roster segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RosterSegment {
    /// Epoch statements, ascending by hash.
    pub(crate) epochs: Vec<Vec<u8>>,
    pub(crate) index: u64,
    pub(crate) count: u64,
    pub(crate) statements: Vec<Vec<u8>>,
}

impl RosterSegment {
    /// Cuts a roster into segments whose content stays below a frame's room.
    pub(crate) fn split<'a>(
        epoch: &[u8],
        lineage: &[Vec<u8>],
        statements: impl Iterator<Item = &'a [u8]>,
    ) -> Result<Vec<Self>, Error> {
        const ROOM: usize = 16_384;
        let mut groups: Vec<Vec<Vec<u8>>> = vec![Vec::new()];
        let mut size = 0;
        for statement in statements {
            size += statement.len();
            if size > ROOM {
                groups.push(Vec::new());
                size = statement.len();
            }
            if let Some(group) = groups.last_mut() {
                group.push(statement.to_vec());
            }
        }
        let count =
            bounded("segments of a roster", groups.len() as u64, ROSTER_SEGMENTS_MAX)? as u64;
        let segment = |(index, statements)| {
            let epochs = if index == 0 { lineage.to_vec() } else { vec![epoch.to_vec()] };
            Self { epochs, index, count, statements }
        };
        Ok((0..).zip(groups).map(segment).collect())
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_epochs(&mut out, &self.epochs);
        put_varint(&mut out, self.index);
        put_varint(&mut out, self.count);
        put_statements(&mut out, &self.statements);
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut r = Reader::new("roster segment", bytes);
        let segment = Self {
            epochs: read_epochs(&mut r, LINEAGE_MAX)?,
            index: r.count(ROSTER_SEGMENTS_MAX)? as u64,
            count: r.count(ROSTER_SEGMENTS_MAX)? as u64,
            statements: read_statements(&mut r)?,
        };
        if segment.index >= segment.count {
            return Err(r.malformed("index is not below the count"));
        }
        r.end().map(|()| segment)
    }
}

/// Writes a list of statements.
pub(crate) fn put_statements(out: &mut Vec<u8>, statements: &[Vec<u8>]) {
    put_varint(out, statements.len() as u64);
    statements.iter().for_each(|statement| put_blob(out, statement));
}

/// Reads a list of statements, ascending by hash.
pub(crate) fn read_statements(r: &mut Reader<'_>) -> Result<Vec<Vec<u8>>, Error> {
    let mut order = Ascending::new("statements");
    let mut statements = Vec::new();
    for _ in 0..r.count(STATEMENTS_MAX)? {
        let bytes = r.blob(STATEMENT_BYTES_MAX)?;
        order.step(super::statement::hash(bytes))?;
        statements.push(bytes.to_vec());
    }
    Ok(statements)
}

/// Writes a list of epoch statements, which are ascending by epoch.
pub(crate) fn put_epochs(out: &mut Vec<u8>, epochs: &[Vec<u8>]) {
    put_varint(out, epochs.len() as u64);
    epochs.iter().for_each(|epoch| put_blob(out, epoch));
}

/// Reads a list of epoch statements.
pub(crate) fn read_epochs(r: &mut Reader<'_>, max: usize) -> Result<Vec<Vec<u8>>, Error> {
    let mut order = Ascending::new("epoch statements");
    let mut epochs = Vec::new();
    for _ in 0..r.count(max)? {
        let bytes = r.blob(EPOCH_BYTES_MAX)?;
        order.step(hash(bytes))?;
        epochs.push(bytes.to_vec());
    }
    Ok(epochs)
}

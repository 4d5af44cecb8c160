//! Epoch statements and the roster segments sealed under an epoch (PROTOCOL § 3.3, § 6).

use haversack_wire::codec::{Ascending, bounded, put_blob, put_varint};
use haversack_wire::limits::{
    PARENTS_MAX, REVOCATIONS_MAX, ROSTER_SEGMENTS_MAX, STATEMENT_MAX, STATEMENTS_MAX,
};
use haversack_wire::{Epoch, Error, Reader, RosterDigest, Space, StatementHash};

use crate::crypto::{AadLabel, SignKey, message, verify};

const WHAT: &str = "epoch statement";
/// A signed statement: kind, signer, length, payload, signature.
const STATEMENT_BYTES_MAX: usize = 1 + 32 + 3 + STATEMENT_MAX + 64;
const EPOCH_BYTES_MAX: usize = 16 * (2 + REVOCATIONS_MAX + PARENTS_MAX) + 4 + 96;

/// What an epoch's minter says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EpochStatement {
    pub(crate) epoch: Epoch,
    pub(crate) roster: RosterDigest,
    pub(crate) revocations: Vec<StatementHash>,
    pub(crate) parents: Vec<Epoch>,
    pub(crate) minter: [u8; 32],
    pub(crate) bytes: Vec<u8>,
}

impl EpochStatement {
    /// Signs the statement of a space's first epoch.
    pub(crate) fn first(
        space: &Space,
        epoch: Epoch,
        roster: RosterDigest,
        minter: &SignKey,
    ) -> Self {
        let mut bytes = [&epoch.to_bytes()[..], roster.as_bytes(), &[0, 0]].concat();
        bytes.extend(minter.public());
        let signature = minter.sign(&message(AadLabel::EPOCH, &[space.as_bytes(), &bytes]));
        bytes.extend(signature);
        let minter = minter.public();
        Self { epoch, roster, revocations: Vec::new(), parents: Vec::new(), minter, bytes }
    }

    /// Reads a statement and checks its signature; the minter's right is the roster's to say.
    pub(crate) fn decode(space: &Space, bytes: &[u8]) -> Result<Self, Error> {
        let mut r = Reader::new(WHAT, bytes);
        let epoch = Epoch::new(r.array()?);
        let roster = RosterDigest::new(r.array()?);
        let revocations = read_ids(&mut r, REVOCATIONS_MAX, StatementHash::new)?;
        let parents = read_ids(&mut r, PARENTS_MAX, Epoch::new)?;
        let minter = r.array()?;
        let signed = bytes.get(..bytes.len() - r.rest().len()).unwrap_or_default();
        let signature = r.array()?;
        r.end()?;
        if !verify(&minter, &message(AadLabel::EPOCH, &[space.as_bytes(), signed]), &signature) {
            return Err(Error::Malformed { what: WHAT, rule: "signature does not verify" });
        }
        Ok(Self { epoch, roster, revocations, parents, minter, bytes: bytes.to_vec() })
    }

    /// The generation of the epoch: how many revocations it names.
    pub(crate) fn generation(&self) -> u64 {
        self.revocations.len() as u64
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
    pub(crate) epoch: Vec<u8>,
    pub(crate) index: u64,
    pub(crate) count: u64,
    pub(crate) statements: Vec<Vec<u8>>,
}

impl RosterSegment {
    /// Cuts a roster into segments whose content stays below a frame's room.
    pub(crate) fn split<'a>(
        epoch: &EpochStatement,
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
        let segment =
            |(index, statements)| Self { epoch: epoch.bytes.clone(), index, count, statements };
        Ok((0..).zip(groups).map(segment).collect())
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_blob(&mut out, &self.epoch);
        put_varint(&mut out, self.index);
        put_varint(&mut out, self.count);
        put_statements(&mut out, &self.statements);
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut r = Reader::new("roster segment", bytes);
        let segment = Self {
            epoch: r.blob(EPOCH_BYTES_MAX)?.to_vec(),
            index: r.count(ROSTER_SEGMENTS_MAX)? as u64,
            count: r.count(ROSTER_SEGMENTS_MAX)? as u64,
            statements: read_statements(&mut r)?,
        };
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
        order.step(StatementHash::new(haversack_wire::hash::derive_cut(
            haversack_wire::hash::Label::STATEMENT,
            &[bytes],
        )))?;
        statements.push(bytes.to_vec());
    }
    Ok(statements)
}

/// Reads the blob of an epoch statement.
pub(crate) fn read_epoch_blob<'a>(r: &mut Reader<'a>) -> Result<&'a [u8], Error> {
    r.blob(EPOCH_BYTES_MAX)
}

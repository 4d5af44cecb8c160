//! The people and keys that all vectors share, and the bytes that no writer of this crate would make.

use haversack_wire::codec::{put_blob, put_varint};
use haversack_wire::{Incarnation, Lane, RetireHash, Space, StatementHash};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

use crate::crypto::{AadLabel, EpochSecret, KemSecret, Real, SignKey, message};
use crate::members::{EpochStatement, Group, Identity, NewEpoch, Roster, lane};

pub(super) struct Cast {
    pub(super) root: SignKey,
    pub(super) admin: Identity,
    pub(super) space: Space,
    pub(super) epoch: EpochSecret,
    /// The root's first statements.
    pub(super) roster: Roster,
}

pub(super) fn random() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(20_261_121)
}

pub(super) fn cast() -> Cast {
    let root = SignKey::from_seed(&[1; 32]);
    let admin = Identity {
        sign: SignKey::from_seed(&[2; 32]),
        kem: KemSecret::new([3; 32]),
        incarnation: Incarnation::new([4; 8]),
    };
    let roster = found(&root, &admin).roster;
    let space = *roster.space();
    Cast { root, admin, space, epoch: EpochSecret::new([5; 32]), roster }
}

fn found(root: &SignKey, admin: &Identity) -> Group {
    let first = (admin.sign.public(), admin.kem.public());
    Group::found::<Real>(root, first, vec![RetireHash::new([7; 32])]).unwrap()
}

impl Cast {
    pub(super) fn group(&self) -> Group {
        found(&self.root, &self.admin)
    }

    pub(super) fn lane(&self) -> Lane {
        lane(&self.space, &self.admin.sign.public(), self.admin.incarnation)
    }

    /// The first epoch's statement.
    pub(super) fn first_epoch(&self) -> EpochStatement {
        let epoch = self.epoch.id(&self.space);
        let (generation, heads) = (self.epoch.generation().id(&self.space), self.roster.heads());
        let new = NewEpoch { epoch, generation, depth: 0, heads, parents: vec![] };
        EpochStatement::sign::<Real>(&self.space, new, &self.admin.sign)
    }
}

/// A statement of any bytes, properly signed.
pub(super) fn statement(
    space: &Space,
    signer: &SignKey,
    kind: u8,
    parents: &[StatementHash],
    payload: &[u8],
) -> Vec<u8> {
    let mut bytes = [&[kind][..], &signer.public()].concat();
    put_varint(&mut bytes, parents.len() as u64);
    parents.iter().for_each(|parent| bytes.extend_from_slice(parent.as_bytes()));
    put_blob(&mut bytes, payload);
    signed(space, signer, AadLabel::STATEMENT, bytes)
}

/// Adds the signature over everything before it.
pub(super) fn signed(
    space: &Space,
    signer: &SignKey,
    label: AadLabel,
    mut bytes: Vec<u8>,
) -> Vec<u8> {
    let signature = signer.sign(&message(label, &[space.as_bytes(), &bytes]));
    bytes.extend(signature);
    bytes
}

/// `varint count ‖ entries`.
pub(super) fn list<T: AsRef<[u8]>>(entries: &[T]) -> Vec<u8> {
    let mut out = Vec::new();
    put_varint(&mut out, entries.len() as u64);
    entries.iter().for_each(|entry| out.extend_from_slice(entry.as_ref()));
    out
}

pub(super) fn blob(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    put_blob(&mut out, bytes);
    out
}

pub(super) fn varint(value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    put_varint(&mut out, value);
    out
}

/// A copy with one bit of one byte turned.
pub(super) fn flip(bytes: &[u8], at: usize) -> Vec<u8> {
    let mut flipped = bytes.to_vec();
    flipped[at] ^= 1;
    flipped
}

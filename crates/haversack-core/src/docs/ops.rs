//! The op encoding (PROTOCOL § 5): one author's changes as columns, decoded under limits.

mod decode;
mod encode;
mod parts;
mod shapes;
#[cfg(test)]
mod tests;

use automerge::legacy::Op;
use automerge::{ActorId, ChangeHash};
use haversack_wire::{Actor, Document};

pub(crate) use decode::decode;
pub(crate) use encode::encode;
pub(crate) use parts::{Part, decode_parts, encode_parts};
#[cfg(test)]
pub(crate) use shapes::Shapes;

/// How many columns there are.
const COLUMNS: usize = 12;

/// A column's place.
#[derive(Debug, Clone, Copy)]
enum Column {
    Documents,
    Changes,
    Hashes,
    Actors,
    Shapes,
    Objects,
    Keys,
    Numbers,
    Bytes,
    Texts,
    Predecessors,
    Counts,
}

const ACTION_MAKE_MAP: u8 = 0;
const ACTION_PUT: u8 = 1;
const ACTION_MAKE_LIST: u8 = 2;
const ACTION_DELETE: u8 = 3;
const ACTION_MAKE_TEXT: u8 = 4;
const ACTION_INCREMENT: u8 = 5;
const ACTION_MAKE_TABLE: u8 = 6;

const OBJECT_ROOT: u8 = 0;
const OBJECT_SAME: u8 = 1;
const OBJECT_MADE: u8 = 2;
const OBJECT_EXPLICIT: u8 = 3;

const KEY_INLINE: u64 = 0;
const KEY_DECIMAL: u64 = 1;
const KEY_HEAD: u64 = 2;
const KEY_ELEMENT: u64 = 3;
const KEY_WORDS: u64 = 4;

const VALUE_NONE: u8 = 0;
const VALUE_NULL: u8 = 1;
const VALUE_FALSE: u8 = 2;
const VALUE_TRUE: u8 = 3;
const VALUE_INT: u8 = 4;
const VALUE_UINT: u8 = 5;
const VALUE_F64: u8 = 6;
const VALUE_TEXT: u8 = 7;
const VALUE_WORD: u8 = 8;
const VALUE_BYTES: u8 = 9;
const VALUE_TIMESTAMP: u8 = 10;
const VALUE_COUNTER: u8 = 11;
const VALUE_UNKNOWN: u8 = 12;

/// From this on, the number of predecessors stands in the numbers column.
const PREDECESSORS_LONG: u8 = 15;

/// The actor of a lane, as Automerge knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Author(ActorId);

impl Author {
    pub(crate) fn new(actor: &Actor) -> Self {
        Self(ActorId::from(*actor.as_bytes()))
    }

    pub(crate) const fn of(actor: ActorId) -> Self {
        Self(actor)
    }

    pub(crate) const fn id(&self) -> &ActorId {
        &self.0
    }
}

/// What a change builds on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dependency {
    /// The author's preceding change in this document.
    Own,
    /// Somebody's change.
    Foreign(ChangeHash),
}

/// A change as it travels: without the hash that it will have.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RawChange {
    pub(crate) sequence: u64,
    pub(crate) start_op: u64,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) operations: Vec<Op>,
}

/// One document's changes by one author, in their order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DocumentChanges {
    pub(crate) document: Document,
    pub(crate) changes: Vec<RawChange>,
}

impl DocumentChanges {
    /// The sequence of the first change; 0 when there is none.
    pub(crate) fn first(&self) -> u64 {
        self.changes.first().map_or(0, |change| change.sequence)
    }
}

//! Frames, ids, vectors and limits: what travels between devices and relays.
//!
//! This crate encodes and decodes; it knows no key and does no IO, so whoever depends on it alone, as
//! the relay does, cannot read what passes through. The byte formats are those of `docs/PROTOCOL.md`;
//! section numbers in the comments are that page's.
//!
//! - [`Reader`] and the `put_*` functions of [`codec`] are the one way in and out of bytes.
//! - [`Frame`] is a sealed chunk, roster segment or grant with its clear header.
//! - [`request`] and [`answer`] are the two halves of the exchange, both readable as a stream.
//! - [`bundle`] is the same frames in a file.
//!
//! Every maximum of § 12 is a constant in [`limits`], checked when writing and when reading.
//!
//! ```
//! use haversack_wire::{Reader, codec};
//!
//! let mut out = Vec::new();
//! codec::put_varint(&mut out, 300);
//! assert_eq!(Reader::new("example", &out).varint()?, 300);
//! # Ok::<(), haversack_wire::Error>(())
//! ```

pub mod answer;
pub mod bundle;
pub mod codec;
mod error;
mod frame;
pub mod hash;
mod id;
pub mod limits;
mod pad;
pub mod request;
mod retire;

pub use codec::Reader;
pub use error::Error;
pub use frame::{ChunkHeader, Frame, FrameKind, GrantHeader, PackHeader, RosterHeader, VERSION};
pub use id::{
    Actor, CursorDigest, Device, Document, Epoch, EpochHash, FrameHash, Generation, GrantTag,
    Incarnation, KeyHint, Lane, LaneTag, Mailbox, Pack, Position, Relay, RetireHash, Space,
    StatementHash, Token,
};
pub use pad::{Padding, padded, padme};
pub use retire::Retire;

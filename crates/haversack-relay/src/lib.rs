//! The relay: keeps frames for devices that are seldom online together, and cannot read them.
//!
//! A device asks one thing of a relay: *here is what I have that is new, tell me what I lack*. Its
//! request names mailboxes; a mailbox is the frames of one space, in the order in which they came.
//! Whoever knows the two secrets behind a mailbox's name may use it. The relay knows no key, no device
//! and no name, and depends on `haversack-wire` only, so that it could not decrypt if it wanted to.
//!
//! # The loop
//!
//! - An [`Intake`] reads the request while it arrives, and pushes its frames to a [`Storage`] in
//!   batches. A batch is durable or absent; a request that breaks off keeps its whole frames.
//! - At the request's end it becomes an [`Answer`]: a receipt for each frame, then what the device
//!   lacks, page by page, read from the storage when the page is asked for.
//! - [`Relay`] puts HTTP/1.1 around the two, and [`Tls`] around that, [`Sqlite`] below them, and an [`Identity`] beside them.
//!
//! Neither half does IO of its own or knows the time, so that whole fleets run in one thread:
//!
//! ```
//! use haversack_relay::{Memory, exchange};
//! use haversack_wire::answer::{AnswerReader, Part, Stored};
//! use haversack_wire::request::{self, Basis, Section, SectionHead};
//! use haversack_wire::{CursorDigest, RetireHash, Token};
//!
//! let head = SectionHead {
//!     token: Token::new([1; 32]),
//!     retire: RetireHash::new([2; 32]),
//!     admission: Vec::new(),
//!     cursor: 0,
//!     basis: Basis::Digest(CursorDigest::default()),
//!     resume: None,
//!     frames: 0,
//! };
//! // A frame of a kind that nobody knows yet is kept like any other.
//! let frames = vec![b"\x63\x01 from the future".to_vec()];
//! let push = Section { head: head.clone(), frames: frames.clone() };
//! let pull = Section { head, frames: Vec::new() };
//!
//! let storage = Memory::new();
//! exchange(&storage, &request::encode(&[push])?)?;
//! let answer = exchange(&storage, &request::encode(&[pull])?)?;
//!
//! let mut reader = AnswerReader::new();
//! reader.feed(&answer);
//! assert_eq!(reader.next_part()?, Some(Part::Section(0)));
//! let frame = &frames[0];
//! assert_eq!(reader.next_part()?, Some(Part::Frame { cursor: 1, frame }));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What it refuses to do
//!
//! - To log an address, a mailbox, a token or a frame, or to ask what time it is.
//! - To believe a frame's place: up to four candidates are kept for one, and the devices, who can
//!   verify signatures, choose.
//! - To hold a request or an answer in memory as a whole, whatever a device says of their length.
//! - To replace a key or a database that it cannot read: it stops, and says why.

mod data_dir;
mod error;
mod identity;
mod limits;
mod machine;
mod memory;
mod relay;
mod server;
mod sqlite;
mod storage;
mod tls;

pub use data_dir::DataDir;
pub use error::{Cause, Error};
pub use identity::Identity;
pub use limits::Limits;
pub use machine::{Answer, BATCH_BYTES, Intake, PAGE_BYTES, Refusal, exchange};
pub use memory::Memory;
pub use relay::Relay;
pub use sqlite::Sqlite;
pub use storage::{Entry, Head, Incoming, Layer, Place, Receipt, Storage};
pub use tls::Tls;

//! Documents: Automerge inside, our own op encoding at every boundary.
//!
//! `ops` turns changes into bytes and back under limits; `rebuild` makes them into Automerge changes and
//! applies them to a scratch copy; `schema` maps records to documents with autosurgeon; `read` projects a
//! document onto the model. Automerge's own bytes are a local cache and never cross a trust boundary:
//! its readers are unsafe on hostile input.

pub(crate) mod ops;
pub(crate) mod read;
pub(crate) mod rebuild;
pub(crate) mod schema;
pub(crate) mod words;

pub(crate) use ops::{Author, Dependency, DocumentChanges, RawChange};

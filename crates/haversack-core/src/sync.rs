//! What travels, and the machine that makes it travel. No sockets, no clock.
//!
//! [`body`] is what a device signs, [`tree`] what the signature covers, [`chunk`] how it is sealed,
//! [`exchange`] one request and its answer.

pub(crate) mod body;
pub(crate) mod branches;
pub(crate) mod chunk;
pub(crate) mod drop;
mod envelope;
pub(crate) mod exchange;
pub(crate) mod manifest;
pub(crate) mod pack;
pub(crate) mod proof;
pub(crate) mod tree;

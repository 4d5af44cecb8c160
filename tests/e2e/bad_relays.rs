//! Relays that lie, break, or are none. Whatever they do, nobody loses anything, nobody believes what nobody signed, and once the
//! relay is honest again everything converges.

mod lies;
mod sockets;
pub(crate) mod world;

pub(crate) use world::{Said, World, said, saying};

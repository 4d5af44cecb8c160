//! What somebody finds who takes the device apart: in memory, in a store's folder, on a clock.

pub(crate) mod image;
mod memory;
pub(crate) mod process;
pub(crate) mod search;
mod timing;
mod wipe;

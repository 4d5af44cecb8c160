//! What somebody finds who takes the device apart: in memory, in a store's folder, on a clock.

mod image;
mod memory;
mod process;
mod search;
mod timing;
mod wipe;

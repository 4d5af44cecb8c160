//! What somebody finds who takes the device apart: in memory, in a store's folder, on a clock.

mod memory;
mod process;
mod search;

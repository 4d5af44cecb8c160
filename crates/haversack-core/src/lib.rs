//! The engine of Haversack.

mod crypto;
mod docs;
mod error;
pub mod model;
mod store;

pub use crypto::{Bind, ClientKey, Cost, NoHardware, Passphrase, Random};
pub use error::Error;

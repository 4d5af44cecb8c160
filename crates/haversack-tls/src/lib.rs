//! TLS of Haversack: what a relay, or a phone that serves phones, shows; and what a client demands.
//!
//! TLS hides from a network that watches which relay's mailbox is used and that this is Haversack at all. It protects no
//! record: those are sealed before they come here, and stay so at a relay.
//!
//! One version, 1.3. A client that was given [`Pin`]s takes any certificate over a pinned key, whoever signed it and whatever
//! its dates say, and no other: no authority and no clock is asked. Without pins the public authorities decide, by this
//! device's clock. Names only the host; remembers no session, so that nothing links one connection to the next.
//!
//! ```
//! use haversack_tls::{Certified, Pin};
//!
//! let own = Certified::make_self_signed()?;
//! let again = Certified::from_pem(own.to_pem().as_bytes())?;
//! let pin: Pin = own.pin()?;
//! assert_eq!(again.pin()?, pin);
//! assert_eq!(pin.to_string().parse::<Pin>()?, pin);
//! # Ok::<(), haversack_tls::Error>(())
//! ```

mod certified;
mod client;
mod error;
mod pin;

pub use certified::Certified;
pub use client::connecting;
pub use error::{Error, Refusal};
pub use pin::Pin;
pub use rustls::{ClientConfig, ServerConfig};

use std::sync::Arc;

use rustls::crypto::CryptoProvider;

/// The one protocol inside: a client that finds another one here is not ours.
const HTTP: &[u8] = b"http/1.1";

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

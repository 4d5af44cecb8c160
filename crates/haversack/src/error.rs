use haversack_tls::Refusal;

use crate::{HttpFault, ProxyError, SyncReport};

/// Why something was refused or did not work. Says what and where; never content, a name or a key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The store or its input.
    #[error(transparent)]
    Engine(#[from] haversack_core::Error),
    /// The period of a report.
    #[error(transparent)]
    Period(#[from] haversack_report::Error),
    /// The address of a relay cannot be used.
    #[error("the relay's address {why}")]
    Address {
        /// In what way.
        why: &'static str,
    },
    /// Nobody answers at the relay's address.
    #[error("no relay answers at this address")]
    Unreachable {
        /// The operating system's own error.
        #[source]
        source: std::io::Error,
    },
    /// The proxy cannot be used.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    /// An app's own HTTP client did what cannot be gone on with. What arrived before is kept.
    #[error("the app's HTTP client cannot be gone on with: {0}")]
    HttpClient(HttpFault),
    /// What answers is not trusted, and was told nothing.
    #[error("what answers at this address is not trusted: {source}")]
    Tls {
        /// Why.
        source: Refusal,
    },
    /// This device cannot be reached by others.
    #[error("this device cannot listen for others")]
    Listen {
        /// The operating system's own error.
        #[source]
        source: std::io::Error,
    },
    /// What answers is not a relay.
    #[error("what answers at this address is not a relay")]
    NotARelay,
    /// Another relay answers than the one this store met at the address, or was told to expect.
    #[error("another relay answers at this address than the one this store knows")]
    OtherRelay,
    /// The relay refused the request.
    #[error("the relay refused the request (status {status})")]
    Refused {
        /// Its HTTP status.
        status: u16,
    },
    /// The connection broke. What arrived is kept and the rest comes with the next sync.
    #[error(
        "the connection to the relay broke; {} new contacts arrived before that and are kept",
        so_far.contacts
    )]
    Interrupted {
        /// What was done before.
        so_far: Box<SyncReport>,
    },
    /// The notebook was closed.
    #[error("this notebook is closed")]
    Closed,
    /// A background task of this process failed.
    #[error("a task of this program failed")]
    Task,
}

impl Error {
    /// Whether trying again cannot mend it: it is the address, another relay, or this store. What [`Notebook::follow`] ends with.
    ///
    /// [`Notebook::follow`]: crate::Notebook::follow
    #[must_use]
    pub const fn is_lasting(&self) -> bool {
        use haversack_core::Error as Engine;
        match self {
            Self::Engine(error) => !matches!(error, Engine::Relay { .. } | Engine::Wire(_)),
            Self::Proxy(ProxyError::Address { .. } | ProxyError::NotUsed) => true,
            Self::Address { .. } | Self::OtherRelay | Self::Closed | Self::Task => true,
            _ => false,
        }
    }
}

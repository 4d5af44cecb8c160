//! What can go wrong at a relay, by what its operator does about it.

use std::io;

/// What lies under an error: for a log, never for a device. Holds no frame, mailbox or token.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why a relay could not open, store, read or stop.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Another process has the data directory: stop that one first.
    #[error("another process uses the data directory")]
    InUse,
    /// A newer version wrote the data directory: upgrade this one.
    #[error("the data directory was written by a newer version")]
    Newer,
    /// What is stored breaks its own rules: restore a backup. Nothing is deleted or made anew.
    #[error("the data directory is damaged: {what}")]
    Damaged {
        /// What is wrong.
        what: &'static str,
        /// What said so, if another part did.
        #[source]
        cause: Option<Cause>,
    },
    /// The certificate for TLS, or its key, cannot be used: give others.
    #[error("the certificate for TLS cannot be used")]
    Certificate {
        /// Why.
        #[source]
        cause: Cause,
    },
    /// The disk is full: make room.
    #[error("the disk is full")]
    NoRoom,
    /// The machine or its disk failed to do something.
    #[error("could not {what}")]
    Io {
        /// What was to be done.
        what: &'static str,
        /// Why it was not.
        #[source]
        cause: Cause,
    },
    /// Connections still busy at the deadline of a stop were cut.
    #[error("{connections} connections were cut to stop in time")]
    Cut {
        /// How many.
        connections: usize,
    },
}

impl Error {
    pub(crate) fn io(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |error| match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::NoRoom,
            _ => Self::Io { what, cause: error.into() },
        }
    }

    pub(crate) fn certificate(cause: haversack_tls::Error) -> Self {
        Self::Certificate { cause: cause.into() }
    }

    pub(crate) const fn damaged(what: &'static str) -> Self {
        Self::Damaged { what, cause: None }
    }
}

//! What an app can do about a failure.

use haversack::{EngineError, Error, HttpFault, ProxyError};

/// A failure, named after what the app should do about it. Its text says what and where; never content, a
/// name or a key.
#[derive(Debug, Clone, thiserror::Error, uniffi::Error)]
#[uniffi(flat_error)]
#[non_exhaustive]
pub enum HaversackError {
    /// The same call may succeed later: nobody answered, or the connection broke.
    #[error("{0}")]
    RetryLater(String),
    /// The notebook must be opened, with the right passphrase.
    #[error("{0}")]
    Unlock(String),
    /// The notebook must join a space, or found one.
    #[error("{0}")]
    JoinSpace(String),
    /// A coordinator has to do it, or to know of it.
    #[error("{0}")]
    AskCoordinator(String),
    /// A newer version of the app is needed.
    #[error("{0}")]
    Upgrade(String),
    /// No room is left on the device. Nothing of this call was saved, everything before is.
    #[error("{0}")]
    FreeSpace(String),
    /// What was handed in cannot be used: the same call will always fail.
    #[error("{0}")]
    FixInput(String),
    /// A fault of the device or of the program. Nothing was deleted.
    #[error("{0}")]
    ReportFault(String),
}

impl From<Error> for HaversackError {
    fn from(error: Error) -> Self {
        Self::from(&error)
    }
}

impl From<&Error> for HaversackError {
    fn from(error: &Error) -> Self {
        let text = error.to_string();
        match error {
            Error::Engine(error) => of_engine(error, text),
            Error::Period(_) | Error::Address { .. } | Error::NotARelay => Self::FixInput(text),
            Error::Unreachable { .. } | Error::Interrupted { .. } => Self::RetryLater(text),
            Error::Proxy(ProxyError::Address { .. } | ProxyError::NotUsed) => Self::FixInput(text),
            Error::Proxy(_) => Self::RetryLater(text),
            Error::HttpClient(HttpFault::Failed | HttpFault::TooMany) => Self::RetryLater(text),
            Error::Tls { .. } => Self::AskCoordinator(text),
            Error::Refused { status } if is_passing(*status) => Self::RetryLater(text),
            Error::Refused { .. } | Error::OtherRelay => Self::AskCoordinator(text),
            Error::Closed => Self::Unlock(text),
            _ => Self::ReportFault(text),
        }
    }
}

impl From<EngineError> for HaversackError {
    fn from(error: EngineError) -> Self {
        let text = error.to_string();
        of_engine(&error, text)
    }
}

fn of_engine(error: &EngineError, text: String) -> HaversackError {
    match error {
        EngineError::Busy | EngineError::TooSoon { .. } => HaversackError::RetryLater(text),
        EngineError::WrongPassphrase | EngineError::Hardware => HaversackError::Unlock(text),
        EngineError::NoSpace => HaversackError::JoinSpace(text),
        EngineError::NotAllowed { .. } | EngineError::Removed | EngineError::Owed { .. } => {
            HaversackError::AskCoordinator(text)
        }
        EngineError::Newer { .. } => HaversackError::Upgrade(text),
        EngineError::Full => HaversackError::FreeSpace(text),
        EngineError::NoStore
        | EngineError::StoreExists
        | EngineError::Wiped
        | EngineError::WeakPassphrase { .. }
        | EngineError::WrongRecoveryCode
        | EngineError::Invalid { .. }
        | EngineError::Unknown { .. }
        | EngineError::InSpace
        | EngineError::Inner
        | EngineError::RootKept
        | EngineError::SpacesKept
        | EngineError::Enrolment { .. }
        | EngineError::PartsMissing { .. }
        | EngineError::PartSlip { .. }
        | EngineError::Share { .. }
        | EngineError::Shares { .. }
        | EngineError::SharesMissing { .. }
        | EngineError::Foreign { .. }
        | EngineError::Wire(_) => HaversackError::FixInput(text),
        _ => HaversackError::ReportFault(text),
    }
}

/// Whether a relay that gives this HTTP status may take the same request later.
const fn is_passing(status: u16) -> bool {
    matches!(status, 408 | 429 | 500..=599)
}

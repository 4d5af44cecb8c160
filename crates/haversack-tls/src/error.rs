//! Why a certificate cannot be used, and why a connection did not come to be.

use std::io;

use rustls::{AlertDescription, CertificateError, Error as Rustls};

/// Why a certificate or a pin cannot be used here.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A pin has 64 hex digits.
    #[error("a pin has 64 hex digits")]
    Pin,
    /// No certificate in the text.
    #[error("the file holds no certificate in PEM")]
    NoCertificate,
    /// No private key in the text.
    #[error("the file holds no private key in PEM")]
    NoKey,
    /// The two do not belong together, or are of a kind that is not known.
    #[error("the certificate and the key cannot be used together: {0}")]
    Unusable(String),
}

impl Error {
    #[expect(clippy::needless_pass_by_value, reason = "it is what map_err hands over")]
    pub(crate) fn unusable(error: impl ToString) -> Self {
        Self::Unusable(error.to_string())
    }
}

/// Why a client did not go on: by what somebody does about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Another key than the pinned ones.
    #[error("its key is not the one that was pinned")]
    OtherKey,
    /// The certificate is not valid now, by this device's clock.
    #[error("its certificate is not valid today, by this device's clock")]
    NotNow,
    /// The certificate is for another host.
    #[error("its certificate is for another host")]
    OtherHost,
    /// No public authority vouches for the certificate, and no pin was given.
    #[error("nobody known vouches for its certificate")]
    Unknown,
    /// It does not speak TLS 1.3.
    #[error("it does not speak TLS 1.3")]
    NotTls,
    /// Something else about TLS.
    #[error("its side of TLS is not in order")]
    Other,
}

impl Refusal {
    /// What of TLS failed, if it was TLS.
    #[must_use]
    pub fn of(error: &io::Error) -> Option<Self> {
        let error = error.get_ref()?.downcast_ref::<Rustls>()?;
        Some(match error {
            Rustls::InvalidCertificate(certificate) => Self::of_certificate(certificate),
            Rustls::InvalidMessage(_)
            | Rustls::PeerIncompatible(_)
            | Rustls::AlertReceived(
                AlertDescription::ProtocolVersion | AlertDescription::HandshakeFailure,
            ) => Self::NotTls,
            _ => Self::Other,
        })
    }

    fn of_certificate(error: &CertificateError) -> Self {
        match error {
            CertificateError::ApplicationVerificationFailure => Self::OtherKey,
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => Self::NotNow,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                Self::OtherHost
            }
            CertificateError::UnknownIssuer => Self::Unknown,
            _ => Self::Other,
        }
    }
}

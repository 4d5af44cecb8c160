//! The one place where failures become status codes (§ 7).

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::{Error, Refusal};

/// Why a request gets no answer. The reply says no more than its status.
pub(super) enum Failure {
    /// As many requests are being served as may be.
    Busy,
    /// The body's length is over the maximum, said or found.
    TooLarge,
    /// The body broke off or took too long.
    Cut,
    /// The machine refused.
    Refused(Refusal),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = match self {
            Self::Busy | Self::Cut => StatusCode::SERVICE_UNAVAILABLE,
            Self::TooLarge | Self::Refused(Refusal::TooLarge) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Refused(Refusal::Malformed(_)) => StatusCode::BAD_REQUEST,
            Self::Refused(Refusal::Unavailable(error)) => {
                log(&error);
                StatusCode::SERVICE_UNAVAILABLE
            }
        };
        status.into_response()
    }
}

/// Tells the operator what the storage said. Errors hold nothing of a request.
pub(super) fn log(error: &Error) {
    let cause = std::error::Error::source(error).map(ToString::to_string);
    tracing::error!(cause = cause.unwrap_or_default(), "{error}");
}

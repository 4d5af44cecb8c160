//! The relay's side of an exchange, without sockets, clocks or tasks (§ 7).
//!
//! An [`Intake`] takes a request's bytes as they come and stores its frames; when the request is over
//! it becomes an [`Answer`], which gives its bytes page by page. Both ask a [`Storage`] and hold little:
//! one batch of frames on the way in, one page on the way out.

mod answer;
mod intake;

pub use answer::{Answer, PAGE_BYTES};
pub use intake::{BATCH_BYTES, Intake};

use crate::{Error, Storage};

/// Why a request got no answer, or its answer no end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The request breaks a rule of the protocol. Whole frames before that point are stored.
    #[error("malformed request")]
    Malformed(#[source] haversack_wire::Error),
    /// The request is over [`REQUEST_MAX`](haversack_wire::limits::REQUEST_MAX).
    #[error("request too large")]
    TooLarge,
    /// The storage failed; the device may come back.
    #[error("storage unavailable")]
    Unavailable(#[source] Error),
}

/// Answers a whole request.
///
/// # Errors
/// [`Refusal`] when the request is not one, or the storage fails.
pub fn exchange(storage: &dyn Storage, request: &[u8]) -> Result<Vec<u8>, Refusal> {
    let intake = Intake::new().feed(storage, request)?;
    let mut answer = intake.finish(storage)?;
    let mut out = Vec::new();
    while let Some(page) = answer.next_page(storage)? {
        out.extend_from_slice(&page);
    }
    Ok(out)
}

//! `GET /healthz`: whether the storage answers.

use std::sync::Arc;

use axum::extract::State;
use haversack_wire::Mailbox;

use super::status::Failure;
use super::{Shared, blocking};
use crate::Refusal;

pub(super) async fn health(State(shared): State<Arc<Shared>>) -> Result<(), Failure> {
    let storage = Arc::clone(&shared.storage);
    let read = move || storage.head(Mailbox::default()).map_err(Refusal::Unavailable);
    blocking(read).await.map(drop).map_err(Failure::from)
}

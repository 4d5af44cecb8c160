//! HTTP/1.1 around the machine: three routes, nothing that tells who asked.

mod connections;
mod health;
mod patience;
mod proof;
mod status;
mod sync;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

pub(crate) use self::connections::serve;
use crate::{Error, Identity, Limits, Refusal, Storage};

/// What every request needs.
pub(crate) struct Shared {
    identity: Arc<Identity>,
    storage: Arc<dyn Storage>,
    limits: Limits,
    requests: Arc<Semaphore>,
}

impl Shared {
    pub(crate) fn new(identity: Arc<Identity>, storage: Arc<dyn Storage>, limits: Limits) -> Self {
        Self { identity, storage, limits, requests: Arc::new(Semaphore::new(limits.requests_max)) }
    }
}

fn routes(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/v1/sync", post(sync::sync))
        .route("/v1/relay/{nonce}", get(proof::prove))
        .route("/healthz", get(health::health))
        .with_state(shared)
}

/// Runs what waits for a disk where waiting is allowed. Once begun it ends, whoever still listens.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    let lost = |error: tokio::task::JoinError| {
        Refusal::Unavailable(Error::Io { what: "finish a task", cause: error.into() })
    };
    spawn_blocking(work).await.map_err(lost)?
}

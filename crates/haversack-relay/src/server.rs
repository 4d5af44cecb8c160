//! HTTP/1.1 around the machine: four routes, nothing that tells who asked.

mod connections;
mod health;
mod news;
mod patience;
mod proof;
mod status;
mod sync;
mod wake;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use haversack_wire::Mailbox;
use tokio::sync::{Semaphore, broadcast, watch};
use tokio::task::spawn_blocking;

pub(crate) use self::connections::serve;
use self::news::Telling;
use crate::{Error, Identity, Limits, Refusal, Storage};

/// What every request needs.
pub(crate) struct Shared {
    identity: Arc<Identity>,
    storage: Arc<dyn Storage>,
    limits: Limits,
    requests: Arc<Semaphore>,
    /// Room for devices that wait for news.
    wakes: Arc<Semaphore>,
    /// The mailboxes that were pushed to, as it happens.
    news: broadcast::Sender<Mailbox>,
    /// Whether the relay is to stop.
    stop: watch::Sender<bool>,
}

/// Mailboxes that may change before who waits for news has looked.
const NEWS_MAX: usize = 1_024;

impl Shared {
    pub(crate) fn new(identity: Arc<Identity>, storage: Arc<dyn Storage>, limits: Limits) -> Self {
        let requests = Arc::new(Semaphore::new(limits.requests_max));
        let wakes = Arc::new(Semaphore::new(limits.wakes_max));
        let ((news, _), (stop, _)) = (broadcast::channel(NEWS_MAX), watch::channel(false));
        let storage = Arc::new(Telling::new(storage, news.clone()));
        Self { identity, storage, limits, requests, wakes, news, stop }
    }
}

/// Ready once the relay is to stop, also for who begins to listen after that.
async fn stopped(stopping: &mut watch::Receiver<bool>) {
    let _or_gone = stopping.wait_for(|is_asked| *is_asked).await;
}

fn routes(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/v1/sync", post(sync::sync))
        .route("/v1/wake", post(wake::wake))
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

//! `POST /v1/sync`: a request's body into the machine, its answer out, both as streams.

use std::io;
use std::sync::Arc;

use axum::BoxError;
use axum::body::{Body, BodyDataStream, Bytes, HttpBody};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, stream};
use haversack_wire::limits::REQUEST_MAX;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout_at};

use super::status::{Failure, log};
use super::{Shared, blocking};
use crate::{Answer, Intake, Limits, Refusal, Storage};

/// Body bytes gathered before the machine is called: a small request is one call.
const GATHER_BYTES: usize = 64 * 1024;

/// Answers up to here go out with their length instead of in chunks, if they are one page.
const WHOLE_BYTES: usize = 16 * 1024;

const OCTETS: HeaderValue = HeaderValue::from_static("application/octet-stream");

pub(super) async fn sync(
    State(shared): State<Arc<Shared>>,
    request: Request,
) -> Result<Response, Failure> {
    let permit = Arc::clone(&shared.requests).try_acquire_owned();
    let permit = permit.map_err(|_| Failure::Busy)?;
    let body = request.into_body();
    refuse_too_long(&body)?;
    let received = receive(&shared.storage, &shared.limits, body.into_data_stream()).await?;
    let (first, pages) = start(&shared, permit, received).await?;
    Ok(respond(first, pages))
}

/// Refuses what says that it is too long, before any of it is read.
fn refuse_too_long(body: &Body) -> Result<(), Failure> {
    match body.size_hint().lower() > REQUEST_MAX as u64 {
        true => Err(Failure::TooLarge),
        false => Ok(()),
    }
}

/// A request of which every byte is here; the last of them are not yet fed.
struct Received {
    intake: Intake,
    rest: Vec<u8>,
}

async fn receive(
    storage: &Arc<dyn Storage>,
    limits: &Limits,
    mut body: BodyDataStream,
) -> Result<Received, Failure> {
    let mut deadline = Instant::now() + limits.body_time_max;
    let mut received = Received { intake: Intake::new(), rest: Vec::new() };
    loop {
        let patience = deadline.min(Instant::now() + limits.chunk_time_max);
        match timeout_at(patience, body.next()).await {
            Ok(Some(Ok(chunk))) => {
                deadline += limits.time_of(chunk.len());
                received.rest.extend_from_slice(&chunk);
            }
            Ok(None) => return Ok(received),
            Ok(Some(Err(_))) | Err(_) => return Err(received.cut(storage).await),
        }
        if received.rest.len() >= GATHER_BYTES {
            received = received.feed(storage).await?;
        }
    }
}

impl Received {
    async fn feed(self, storage: &Arc<dyn Storage>) -> Result<Self, Refusal> {
        let storage = Arc::clone(storage);
        blocking(move || {
            let intake = self.intake.feed(&*storage, &self.rest)?;
            let rest = Vec::new();
            Ok(Self { intake, rest })
        })
        .await
    }

    /// Keeps the whole frames of a body that broke off.
    async fn cut(self, storage: &Arc<dyn Storage>) -> Failure {
        let storage = Arc::clone(storage);
        let kept = blocking(move || self.intake.feed(&*storage, &self.rest)?.cut(&*storage));
        match kept.await {
            Ok(()) => Failure::Cut,
            Err(refusal) => refusal.into(),
        }
    }
}

/// The pages that follow the first. The request counts as running until they are out, or the device takes too long over them.
struct Pages {
    storage: Arc<dyn Storage>,
    answer: Answer,
    limits: Limits,
    deadline: Instant,
    _permit: OwnedSemaphorePermit,
}

/// Ends the request and makes the answer's first page, in one visit to the blocking side.
async fn start(
    shared: &Shared,
    permit: OwnedSemaphorePermit,
    received: Received,
) -> Result<(Bytes, Pages), Refusal> {
    let (storage, limits) = (Arc::clone(&shared.storage), shared.limits);
    blocking(move || {
        let intake = received.intake.feed(&*storage, &received.rest)?;
        let mut answer = intake.finish(&*storage)?;
        let first = answer.next_page(&*storage)?.unwrap_or_default();
        let deadline = Instant::now() + limits.body_time_max + limits.time_of(first.len());
        let pages = Pages { storage, answer, limits, deadline, _permit: permit };
        Ok((first.into(), pages))
    })
    .await
}

fn respond(first: Bytes, pages: Pages) -> Response {
    let body = match pages.answer.is_done() && first.len() < WHOLE_BYTES {
        true => Body::from(first),
        false => Body::from_stream(
            stream::once(async { Ok(first) }).chain(stream::try_unfold(pages, next)),
        ),
    };
    ([(header::CONTENT_TYPE, OCTETS)], body).into_response()
}

/// A page that cannot be made cuts the answer: it then ends without its last part.
async fn next(mut pages: Pages) -> Result<Option<(Bytes, Pages)>, BoxError> {
    if Instant::now() > pages.deadline {
        return Err(io::Error::from(io::ErrorKind::TimedOut).into());
    }
    let made = blocking(move || {
        let page = pages.answer.next_page(&*pages.storage)?;
        Ok(page.map(|page| {
            pages.deadline += pages.limits.time_of(page.len());
            (page.into(), pages)
        }))
    });
    let made = made.await.inspect_err(|refusal| {
        if let Refusal::Unavailable(error) = refusal {
            log(error);
        }
    });
    Ok(made?)
}

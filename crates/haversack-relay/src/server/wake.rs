//! `POST /v1/wake`: waits until a mailbox has changed, and says only that (§ 7.3).
//!
//! The body is a request without frames: in a path or a query the right to a mailbox would end in somebody's log.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use haversack_wire::request::{Basis, Event, RequestReader, SectionHead};
use haversack_wire::{Error as WireError, Mailbox};
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::status::Failure;
use super::{Shared, blocking, stopped};
use crate::Refusal;

/// 16 sections without vector and frames have less.
const BODY_BYTES_MAX: usize = 4 * 1024;
/// Between two signs of life, so that no box in between forgets the connection.
const BEAT_TIME: Duration = Duration::from_secs(45);

/// Something is there.
const NEWS: Bytes = Bytes::from_static(b"data: changed\n\n");
/// A comment, which says nothing.
const BEAT: Bytes = Bytes::from_static(b":\n\n");

const EVENTS: HeaderValue = HeaderValue::from_static("text/event-stream");

pub(super) async fn wake(
    State(shared): State<Arc<Shared>>,
    request: Request,
) -> Result<Response, Failure> {
    let slot = Arc::clone(&shared.wakes).try_acquire_owned().map_err(|_| Failure::Busy)?;
    let body = to_bytes(request.into_body(), BODY_BYTES_MAX);
    let body = timeout(shared.limits.chunk_time_max, body).await.map_err(|_| Failure::Cut)?;
    let watched = read(&body.map_err(|_| Failure::TooLarge)?).map_err(Refusal::Malformed)?;
    // Heard before looked at, so that nothing falls in between.
    let (news, stopping) = (shared.news.subscribe(), shared.stop.subscribe());
    let until = Instant::now() + shared.limits.wake_time_max;
    let watch = Watch { shared, watched, news, stopping, until, begun: false, _slot: slot };
    let events = stream::unfold(Some(watch), |watch| async { watch?.next().await });
    let body = Body::from_stream(events_of(events));
    Ok(([(header::CONTENT_TYPE, EVENTS)], body).into_response())
}

fn events_of(
    events: impl futures_util::Stream<Item = Bytes>,
) -> impl futures_util::Stream<Item = Result<Bytes, Infallible>> {
    futures_util::StreamExt::map(events, Ok)
}

/// The mailboxes, and how far the device has read each.
fn read(body: &[u8]) -> Result<Vec<(Mailbox, u64)>, WireError> {
    let mut reader = RequestReader::new();
    reader.feed(body);
    let mut watched = Vec::new();
    while let Some(event) = reader.next_event()? {
        match event {
            Event::Section(SectionHead {
                basis: Basis::Vector(..) | Basis::Chunks(..) | Basis::Loose,
                ..
            })
            | Event::Frame(_) => {
                let rule = "has a vector or frames";
                return Err(WireError::Malformed { what: "wake", rule });
            }
            Event::Section(head) => watched.push((head.mailbox(), head.cursor)),
        }
    }
    reader.finish().map(|()| watched)
}

/// A device that waits.
struct Watch {
    shared: Arc<Shared>,
    watched: Vec<(Mailbox, u64)>,
    news: broadcast::Receiver<Mailbox>,
    stopping: watch::Receiver<bool>,
    until: Instant,
    begun: bool,
    _slot: OwnedSemaphorePermit,
}

impl Watch {
    /// What is said next, and whether anything comes after it: news are the last.
    async fn next(mut self) -> Option<(Bytes, Option<Self>)> {
        if !self.begun {
            self.begun = true;
            let changed = self.has_changed().await?;
            return Some(if changed { (NEWS, None) } else { (BEAT, Some(self)) });
        }
        let mut beat = pin!(sleep(BEAT_TIME));
        loop {
            tokio::select! {
                () = stopped(&mut self.stopping) => return None,
                () = sleep_until(self.until) => return None,
                () = &mut beat => return Some((BEAT, Some(self))),
                news = self.news.recv() => match news {
                    Ok(mailbox) if !self.watches(mailbox) => {}
                    Ok(_) => return Some((NEWS, None)),
                    // So much happened at once that some of it was not heard.
                    Err(RecvError::Lagged(_)) => {
                        if self.has_changed().await? {
                            return Some((NEWS, None));
                        }
                    }
                    Err(RecvError::Closed) => return None,
                },
            }
        }
    }

    fn watches(&self, mailbox: Mailbox) -> bool {
        self.watched.iter().any(|(watched, _)| *watched == mailbox)
    }

    /// Whether any mailbox stands elsewhere than the device has read; `None` when that cannot be read.
    async fn has_changed(&self) -> Option<bool> {
        let (storage, watched) = (Arc::clone(&self.shared.storage), self.watched.clone());
        let heads = move || {
            let mut changed = false;
            for (mailbox, cursor) in watched {
                let head = storage.head(mailbox).map_err(Refusal::Unavailable)?;
                changed |= head.cursor != cursor;
            }
            Ok(changed)
        };
        blocking(heads).await.ok()
    }
}

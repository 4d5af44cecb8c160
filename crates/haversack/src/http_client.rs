//! Who carries a request to a relay and its answer back: this library itself, or an app's own HTTP client.
//!
//! The one seam between the exchange and the network. [`crate::direct`] is the library's own side of it.

use std::fmt;
use std::pin::Pin as Pinned;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::{Mutex as Turn, mpsc};

use crate::connect::Meter;
use crate::{Error, Pin, RelayUrl};

/// The highest status there is.
pub(crate) const STATUS_MAX: u16 = 599;
/// Bytes that [`HttpAnswer::chunk`] takes at once, at most.
const CHUNK_LEN_MAX: usize = 4 << 20;
/// Bytes of a chunk that wait together; longer ones are cut up.
const PART_LEN: usize = 64 << 10;
/// Parts that may wait to be made durable; whoever hands more waits.
const PARTS_MAX: usize = 64;

/// A request that is being carried.
pub type HttpSending<'a> = Pinned<Box<dyn Future<Output = Result<(), Error>> + Send + 'a>>;

/// Carries requests to relays.
///
/// It follows no redirect, keeps no cookie and caches nothing: a request holds the right to a mailbox, and what is cached stays on
/// the disk. It need not be trusted with records, which are sealed and signed; whoever it lets stand in between sees what a relay
/// sees.
pub trait HttpClient: Send + Sync {
    /// Sends a request and hands what comes back to `answer`, as it comes: the status, then each chunk of the body. Ends when the
    /// answer does. It is dropped where no more is wanted, and should end the request then.
    ///
    /// # Errors
    /// What ended the answer before its end: [`Error::Unreachable`], [`Error::Tls`], [`Error::Interrupted`] or another.
    fn send(&self, request: HttpRequest, answer: HttpAnswer) -> HttpSending<'_>;
}

/// What a request does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HttpMethod {
    /// Without a body.
    Get,
    /// With one.
    Post,
}

impl HttpMethod {
    /// As HTTP says it: `GET` or `POST`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }
}

/// A request to a relay.
#[derive(Clone)]
#[non_exhaustive]
pub struct HttpRequest {
    /// What it does.
    pub method: HttpMethod,
    /// The relay that it is for.
    pub relay: RelayUrl,
    /// The path there, from its first `/` on.
    pub path: String,
    /// The body; empty with [`HttpMethod::Get`].
    pub body: Bytes,
    /// With TLS, the keys of which the relay must show one: none where a public authority has to vouch for it.
    pub pins: Vec<Pin>,
}

impl HttpRequest {
    /// Where it goes.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}{}", self.relay.base(), self.path)
    }

    /// What should be said beside the host and the length: it asks everybody in between to pass the answer on as it is and as it
    /// comes, and to keep nothing.
    #[must_use]
    pub const fn headers(&self) -> &'static [(&'static str, &'static str)] {
        const COMMON: [(&str, &str); 3] = [
            ("Accept-Encoding", "identity"),
            ("Cache-Control", "no-store, no-transform"),
            ("Content-Type", "application/octet-stream"),
        ];
        match self.method {
            HttpMethod::Get => COMMON.split_at(2).0,
            HttpMethod::Post => &COMMON,
        }
    }
}

impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpRequest").field("method", &self.method).finish_non_exhaustive()
    }
}

/// What an app's own HTTP client did that cannot be gone on with. Nothing that came before is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HttpFault {
    /// It handed over a number that is no status.
    #[error("it handed over {0} as a status: those are 100 to 599")]
    Status(u16),
    /// It handed over a second status.
    #[error("it handed over a second status")]
    SecondStatus,
    /// It ended, or handed over bytes, without a status.
    #[error("it handed over no status")]
    NoStatus,
    /// It handed over too many bytes at once.
    #[error("it handed over {0} bytes at once: at most {CHUNK_LEN_MAX} are taken")]
    Chunk(usize),
    /// It handed over a chunk before the one before was taken, so that their order is anybody's guess.
    #[error("it handed over a chunk before the one before it was taken")]
    TwoChunks,
    /// It let go of a chunk of which a part was taken: what it would hand over next would not follow.
    #[error("it let go of a chunk before all of it was taken")]
    HalfChunk,
    /// Nothing more is taken of this answer: it has ended, failed, or is not wanted any more.
    #[error("it handed something over after the answer's end")]
    Over,
    /// Too many requests at once: as when it syncs in order to sync.
    #[error("too many of its requests run at once")]
    TooMany,
    /// It failed in a way of its own.
    #[error("it failed")]
    Failed,
}

/// What comes of an answer, in this order.
pub(crate) enum Event {
    Status(u16),
    Chunk(Bytes),
    End(Result<(), Error>),
}

/// Where an [`HttpClient`] hands over an answer as it comes, from any thread. What was handed over is kept however it ends.
#[derive(Clone)]
pub struct HttpAnswer {
    shared: Arc<Shared>,
}

struct Shared {
    events: mpsc::Sender<Event>,
    stage: Mutex<Stage>,
    turn: Turn<()>,
}

struct Stage {
    has_status: bool,
    /// A place for the last event, which is kept free for it.
    last: Option<mpsc::OwnedPermit<Event>>,
    meter: Option<Meter>,
}

/// A chunk on its way. Who lets go of it half-way, as on a time-out, has lost the rest.
struct Handing<'a> {
    answer: &'a HttpAnswer,
    is_whole: bool,
}

impl Drop for Handing<'_> {
    fn drop(&mut self) {
        if !self.is_whole {
            self.answer.fail(HttpFault::HalfChunk);
        }
    }
}

impl fmt::Debug for HttpAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpAnswer").finish_non_exhaustive()
    }
}

impl HttpAnswer {
    /// An answer, and where it comes out.
    pub(crate) fn new() -> (Self, mpsc::Receiver<Event>) {
        // Two more, for the status and the end.
        let (events, receiver) = mpsc::channel(PARTS_MAX + 2);
        let last = events.clone().try_reserve_owned().ok();
        let stage = Mutex::new(Stage { has_status: false, last, meter: None });
        (Self { shared: Arc::new(Shared { events, stage, turn: Turn::default() }) }, receiver)
    }

    /// Counts what is handed over.
    pub(crate) fn count(&self, meter: Meter) {
        self.stage().meter = Some(meter);
    }

    /// Hands over the status, first and once.
    ///
    /// # Errors
    /// `Status` unless it is 100 to 599, `SecondStatus`; `Over`. Each but the last ends the answer.
    pub fn begin(&self, status: u16) -> Result<(), HttpFault> {
        let mut stage = self.stage();
        let fault = match (stage.last.is_some(), stage.has_status, status) {
            (false, ..) => HttpFault::Over,
            (true, true, _) => HttpFault::SecondStatus,
            (true, false, 100..=STATUS_MAX) => {
                stage.has_status = true;
                // There is room: nothing came before it.
                let sent = self.shared.events.try_send(Event::Status(status));
                return sent.map_err(|_| HttpFault::Over);
            }
            (true, false, other) => HttpFault::Status(other),
        };
        drop(stage);
        Err(self.fail(fault))
    }

    /// Hands over the next bytes, 4 MiB at most, and waits while those before are made durable.
    ///
    /// # Errors
    /// `NoStatus` before [`HttpAnswer::begin`], `Chunk` for too many bytes, `TwoChunks`; `Over`. Each but the last ends the answer, and
    /// so does letting go of it before it is done (`HalfChunk`).
    pub async fn chunk(&self, bytes: impl Into<Bytes> + Send) -> Result<(), HttpFault> {
        let Ok(_turn) = self.shared.turn.try_lock() else {
            return Err(self.fail(HttpFault::TwoChunks));
        };
        let mut bytes = bytes.into();
        if !self.stage().has_status {
            return Err(self.fail(HttpFault::NoStatus));
        }
        if bytes.len() > CHUNK_LEN_MAX {
            return Err(self.fail(HttpFault::Chunk(bytes.len())));
        }
        let mut handing = Handing { answer: self, is_whole: false };
        while !bytes.is_empty() {
            let part = bytes.split_to(bytes.len().min(PART_LEN));
            self.hand(part).await?;
        }
        handing.is_whole = true;
        Ok(())
    }

    async fn hand(&self, part: Bytes) -> Result<(), HttpFault> {
        let place = self.shared.events.reserve().await.map_err(|_| HttpFault::Over)?;
        let stage = self.stage();
        if stage.last.is_none() {
            return Err(HttpFault::Over);
        }
        stage.meter.iter().for_each(|meter| meter.add(0, part.len()));
        place.send(Event::Chunk(part));
        Ok(())
    }

    /// Ends it, unless it has ended.
    pub(crate) fn end(&self, how: Result<(), Error>) -> Result<(), HttpFault> {
        let last = self.stage().last.take().filter(|_| !self.shared.events.is_closed());
        last.ok_or(HttpFault::Over)?.send(Event::End(how));
        Ok(())
    }

    /// Ends it for what the client did; what came before stays.
    fn fail(&self, fault: HttpFault) -> HttpFault {
        match self.end(Err(Error::HttpClient(fault))) {
            Ok(()) => fault,
            Err(over) => over,
        }
    }

    fn stage(&self) -> MutexGuard<'_, Stage> {
        self.shared.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

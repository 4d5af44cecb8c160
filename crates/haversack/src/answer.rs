//! An answer as it comes, in pieces as large as what came while the one before was made durable: making a piece durable takes
//! syncs to the disk, whether it is one frame or many.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};

use crate::Error;
use crate::http_client::{Event, HttpAnswer, HttpClient, HttpFault, HttpRequest};

/// 2G links are silent for long; a relay that says nothing for this long is gone.
pub(crate) const SILENCE_TIME_MAX: Duration = Duration::from_secs(120);
/// Until an answer begins: to find the way, and that silence.
const BEGIN_TIME_MAX: Duration = Duration::from_secs(240);
/// Beside that, for each so many bytes to send a second.
const UP_LEN_A_SECOND: u64 = 1_024;
/// How long an answer may take beside a second for each so many bytes of it: one that drips keeps nobody from the next relay.
const TIME_MAX: Duration = Duration::from_secs(600);
const DOWN_LEN_A_SECOND: u64 = 512;
/// For the end of an answer of which all is known: longer than it is behind on any line, shorter than a new one takes on a bad one.
const FINISH_TIME_MAX: Duration = Duration::from_secs(1);
/// Bytes after which a piece is large enough: what is lost at most when the process is killed, beyond the network's own buffers.
const PIECE_LEN: usize = 256 << 10;

/// An answer that has begun. Nothing more of it is read once this is dropped.
#[derive(Debug)]
pub(crate) struct Answer {
    status: u16,
    events: mpsc::Receiver<Event>,
    end: Option<Result<(), Error>>,
    /// When it is given up, unless it is one to wait with.
    deadline: Option<Instant>,
    _sending: Sending,
}

/// A request on its way, which ends with this.
#[derive(Debug)]
struct Sending(JoinHandle<()>);

impl Drop for Sending {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// How long an answer may take to begin.
pub(crate) fn begin_time_max(request: &HttpRequest, least: Duration) -> Duration {
    least + Duration::from_secs(request.body.len() as u64 / UP_LEN_A_SECOND)
}

impl Answer {
    /// Sends a request and waits until its answer begins.
    pub(crate) async fn of(
        client: Arc<dyn HttpClient>,
        request: HttpRequest,
    ) -> Result<Self, Error> {
        let time_max = begin_time_max(&request, BEGIN_TIME_MAX);
        let (answer, mut events) = HttpAnswer::new();
        let sending = Sending(tokio::spawn(async move {
            let done = client.send(request, answer.clone()).await;
            // A fault of the client's has ended it before.
            let _ended = answer.end(done);
        }));
        match timeout(time_max, events.recv()).await.map_err(|_| interrupted())? {
            Some(Event::Status(status)) => {
                let deadline = Some(Instant::now() + TIME_MAX);
                Ok(Self { status, events, end: None, deadline, _sending: sending })
            }
            Some(Event::End(Err(error))) => Err(error),
            Some(Event::End(Ok(())) | Event::Chunk(_)) => {
                Err(Error::HttpClient(HttpFault::NoStatus))
            }
            None => Err(Error::Task),
        }
    }

    pub(crate) const fn status(&self) -> u16 {
        self.status
    }

    /// An answer that says little for long, and is waited for.
    pub(crate) fn for_news(self) -> Self {
        Self { deadline: None, ..self }
    }

    /// The next bytes; `None` at its end.
    pub(crate) async fn next_chunk(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            if let Some(end) = self.end.take() {
                // Whoever asks again finds nothing more.
                self.end = Some(Ok(()));
                return end.map(|()| None);
            }
            let silent = Instant::now() + SILENCE_TIME_MAX;
            let until = self.deadline.map_or(silent, |deadline| deadline.min(silent));
            let event = timeout_at(until, self.events.recv()).await;
            let event = event.map_err(|_| interrupted())?.ok_or(Error::Task)?;
            if let Some(chunk) = self.chunk_of(event) {
                return Ok(Some(chunk));
            }
        }
    }

    /// Reads on to its end, if that comes at once: then the next request needs no line of its own.
    pub(crate) async fn finish(mut self) {
        let end = async { while let Ok(Some(_)) = self.next_chunk().await {} };
        let _in_time = timeout(FINISH_TIME_MAX, end).await;
    }

    /// What has come since the last piece; `None` at its end.
    pub(crate) async fn next_piece(&mut self) -> Result<Option<Vec<u8>>, Error> {
        let Some(first) = self.next_chunk().await? else { return Ok(None) };
        let mut piece = first.to_vec();
        while piece.len() < PIECE_LEN
            && let Ok(event) = self.events.try_recv()
            && let Some(chunk) = self.chunk_of(event)
        {
            piece.extend_from_slice(&chunk);
        }
        Ok(Some(piece))
    }

    fn chunk_of(&mut self, event: Event) -> Option<Bytes> {
        match event {
            Event::Chunk(chunk) => {
                let time = Duration::from_millis(chunk.len() as u64 * 1_000 / DOWN_LEN_A_SECOND);
                self.deadline.iter_mut().for_each(|deadline| *deadline += time);
                Some(chunk)
            }
            Event::End(how) => {
                self.end = Some(how);
                None
            }
            // A second one is not taken.
            Event::Status(_) => None,
        }
    }
}

fn interrupted() -> Error {
    Error::Interrupted { so_far: Box::default() }
}

#[cfg(test)]
mod tests;

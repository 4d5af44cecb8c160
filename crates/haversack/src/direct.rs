//! The library's own HTTP/1.1: one connection for the requests of a sync, no more headers than needed.

use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use haversack_wire::limits::FRAME_MAX;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use hyper::header::HOST;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::time::timeout;

use crate::answer::{SILENCE_TIME_MAX, begin_time_max};
use crate::connect::Direct;
use crate::http_client::{
    HttpAnswer, HttpClient, HttpMethod, HttpRequest, HttpSending, STATUS_MAX,
};
use crate::{Error, Pin, RelayUrl};

type Sender = SendRequest<Full<Bytes>>;

/// HTTP over connections of our own.
#[derive(Debug)]
pub(crate) struct OwnHttp {
    connections: Direct,
    kept: Mutex<Option<Kept>>,
}

/// A line that has carried a request: to whom, by which keys.
#[derive(Debug)]
struct Kept {
    relay: RelayUrl,
    pins: Vec<Pin>,
    line: Sender,
}

impl OwnHttp {
    pub(crate) fn new(connections: Direct) -> Self {
        Self { connections, kept: Mutex::default() }
    }
}

impl HttpClient for OwnHttp {
    fn send(&self, request: HttpRequest, answer: HttpAnswer) -> HttpSending<'_> {
        Box::pin(self.carry(request, answer))
    }
}

impl OwnHttp {
    async fn carry(&self, request: HttpRequest, answer: HttpAnswer) -> Result<(), Error> {
        let (line, mut body) = self.ask(&request).await?;
        let status = body.status().as_u16();
        if status > STATUS_MAX {
            return Err(Error::NotARelay);
        }
        // Whoever takes no more of it has no use for its end either.
        if answer.begin(status).is_err() {
            return Ok(());
        }
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| interrupted())?;
            if let Ok(data) = frame.into_data()
                && answer.chunk(data).await.is_err()
            {
                return Ok(());
            }
        }
        *self.kept() = Some(Kept { relay: request.relay, pins: request.pins, line });
        Ok(())
    }

    /// Sends a request on the line that carried the last one, if it still stands: on a bad network a new one takes seconds, and more
    /// with TLS. If it turns out to be closed, on a new one: no request does harm that is made twice. A long one would cost that dearly,
    /// and has a new one at once.
    async fn ask(&self, request: &HttpRequest) -> Result<(Sender, Response<Incoming>), Error> {
        if request.body.len() <= FRAME_MAX
            && let Some(mut line) = self.kept_for(request)
            && line.ready().await.is_ok()
            && let Ok(answer) = send(&mut line, request).await?
        {
            return Ok((line, answer));
        }
        let io = TokioIo::new(self.connections.open(&request.relay, &request.pins).await?);
        let (mut line, connection) =
            hyper::client::conn::http1::handshake(io).await.map_err(|error| broken(&error))?;
        tokio::spawn(connection);
        let answer = send(&mut line, request).await?.map_err(|error| broken(&error))?;
        Ok((line, answer))
    }

    fn kept_for(&self, request: &HttpRequest) -> Option<Sender> {
        let kept = self.kept().take()?;
        let is_same = (&kept.relay, &kept.pins) == (&request.relay, &request.pins);
        is_same.then_some(kept.line)
    }

    fn kept(&self) -> MutexGuard<'_, Option<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends a request on a line and waits until its answer begins.
async fn send(
    line: &mut Sender,
    request: &HttpRequest,
) -> Result<hyper::Result<Response<Incoming>>, Error> {
    let time_max = begin_time_max(request, SILENCE_TIME_MAX);
    timeout(time_max, line.send_request(read(request)?)).await.map_err(|_| interrupted())
}

fn read(request: &HttpRequest) -> Result<Request<Full<Bytes>>, Error> {
    let method = match request.method {
        HttpMethod::Get => Method::GET,
        HttpMethod::Post => Method::POST,
    };
    Request::builder()
        .method(method)
        .uri(&*request.path)
        .header(HOST, request.relay.authority())
        .body(Full::new(request.body.clone()))
        .map_err(|_| Error::Address { why: "has no usable host" })
}

fn interrupted() -> Error {
    Error::Interrupted { so_far: Box::default() }
}

/// After the connection stood: either it broke, or whoever answers does not speak HTTP.
fn broken(error: &hyper::Error) -> Error {
    match error.is_parse() {
        true => Error::NotARelay,
        false => interrupted(),
    }
}

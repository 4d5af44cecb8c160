//! HTTP/1.1 to a relay: one connection, one request, no more headers than needed.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::HOST;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::{Error, RelayUrl};

const CONNECT_TIME_MAX: Duration = Duration::from_secs(30);
/// 2G links are silent for long; a relay that says nothing for this long is gone.
const SILENCE_TIME_MAX: Duration = Duration::from_secs(120);
/// A proof has 97 bytes; what is much longer is not one.
const PROOF_LEN_MAX: usize = 1_024;

/// Bytes that went over the socket, headers included.
#[derive(Debug, Clone, Default)]
pub(crate) struct Meter {
    up: Arc<AtomicU64>,
    down: Arc<AtomicU64>,
}

impl Meter {
    /// (bytes sent, bytes received)
    pub(crate) fn read(&self) -> (u64, u64) {
        (self.up.load(Ordering::Relaxed), self.down.load(Ordering::Relaxed))
    }
}

/// Asks a relay to prove its key over a nonce.
pub(crate) async fn proof(
    url: &RelayUrl,
    nonce: &[u8; 32],
    meter: &Meter,
) -> Result<Vec<u8>, Error> {
    let hex: String = nonce.iter().map(|byte| format!("{byte:02x}")).collect();
    let request = request(Method::GET, &format!("/v1/relay/{hex}"), url, Bytes::new())?;
    let mut answer = send(url, request, meter).await?;
    if answer.status() != StatusCode::OK {
        return Err(Error::NotARelay);
    }
    let mut out = Vec::new();
    while let Some(chunk) = next_chunk(&mut answer).await.map_err(|_| Error::NotARelay)? {
        out.extend_from_slice(&chunk);
        if out.len() > PROOF_LEN_MAX {
            return Err(Error::NotARelay);
        }
    }
    Ok(out)
}

/// Sends the one request of an exchange; the answer's body is read with [`next_chunk`].
pub(crate) async fn exchange(
    url: &RelayUrl,
    body: Vec<u8>,
    meter: &Meter,
) -> Result<Response<Incoming>, Error> {
    let request = request(Method::POST, "/v1/sync", url, body.into())?;
    let answer = send(url, request, meter).await?;
    match answer.status() {
        StatusCode::OK => Ok(answer),
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => Err(Error::NotARelay),
        status => Err(Error::Refused { status: status.as_u16() }),
    }
}

/// The next bytes of an answer; `None` at its end.
pub(crate) async fn next_chunk(
    answer: &mut Response<Incoming>,
) -> Result<Option<Bytes>, std::io::Error> {
    loop {
        let frame = timeout(SILENCE_TIME_MAX, answer.body_mut().frame()).await?;
        match frame {
            None => return Ok(None),
            Some(Err(error)) => return Err(std::io::Error::other(error)),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}

fn request(
    method: Method,
    path: &str,
    url: &RelayUrl,
    body: Bytes,
) -> Result<Request<Full<Bytes>>, Error> {
    Request::builder()
        .method(method)
        .uri(path)
        .header(HOST, url.authority())
        .body(Full::new(body))
        .map_err(|_| Error::Address { why: "has no usable host" })
}

async fn send(
    url: &RelayUrl,
    request: Request<Full<Bytes>>,
    meter: &Meter,
) -> Result<Response<Incoming>, Error> {
    let unreachable = |source| Error::Unreachable { source };
    let stream = timeout(CONNECT_TIME_MAX, TcpStream::connect(url.authority()))
        .await
        .map_err(|elapsed| unreachable(elapsed.into()))?
        .map_err(unreachable)?;
    stream.set_nodelay(true).map_err(unreachable)?;
    let io = TokioIo::new(Metered { stream, meter: meter.clone() });
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(io).await.map_err(|error| broken(&error))?;
    tokio::spawn(connection);
    timeout(SILENCE_TIME_MAX, sender.send_request(request))
        .await
        .map_err(|_| Error::Interrupted { so_far: Box::default() })?
        .map_err(|error| broken(&error))
}

/// After the connection stood: either it broke, or whoever answers does not speak HTTP.
fn broken(error: &hyper::Error) -> Error {
    match error.is_parse() {
        true => Error::NotARelay,
        false => Error::Interrupted { so_far: Box::default() },
    }
}

/// A socket that counts.
struct Metered {
    stream: TcpStream,
    meter: Meter,
}

impl AsyncRead for Metered {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        self.meter.down.fetch_add((buffer.filled().len() - before) as u64, Ordering::Relaxed);
        polled
    }
}

impl AsyncWrite for Metered {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, bytes);
        if let Poll::Ready(Ok(written)) = polled {
            self.meter.up.fetch_add(written as u64, Ordering::Relaxed);
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

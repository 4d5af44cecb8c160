//! HTTP/1.1 to a relay: one connection, one request, no more headers than needed.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::HOST;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::time::timeout;

use crate::connect::Way;
use crate::{Error, RelayUrl};

/// 2G links are silent for long; a relay that says nothing for this long is gone.
const SILENCE_TIME_MAX: Duration = Duration::from_secs(120);
/// A proof has 97 bytes; what is much longer is not one.
const PROOF_LEN_MAX: usize = 1_024;

/// Asks a relay to prove its key over a nonce.
pub(crate) async fn proof(way: &Way<'_>, nonce: &[u8; 32]) -> Result<Vec<u8>, Error> {
    let hex: String = nonce.iter().map(|byte| format!("{byte:02x}")).collect();
    let request = request(Method::GET, &format!("/v1/relay/{hex}"), way.url, Bytes::new())?;
    let mut answer = send(way, request).await?;
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
pub(crate) async fn exchange(way: &Way<'_>, body: Vec<u8>) -> Result<Response<Incoming>, Error> {
    post(way, "/v1/sync", body).await
}

/// Asks to be told of news; the answer is read likewise.
pub(crate) async fn wake(way: &Way<'_>, body: Vec<u8>) -> Result<Response<Incoming>, Error> {
    post(way, "/v1/wake", body).await
}

async fn post(way: &Way<'_>, path: &str, body: Vec<u8>) -> Result<Response<Incoming>, Error> {
    let request = request(Method::POST, path, way.url, body.into())?;
    let answer = send(way, request).await?;
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

async fn send(way: &Way<'_>, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, Error> {
    let io = TokioIo::new(way.open().await?);
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

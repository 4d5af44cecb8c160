//! What a relay is asked, over whatever carries it there.

use std::sync::Arc;

use bytes::Bytes;

use crate::answer::Answer;
use crate::connect::Meter;
use crate::http_client::{HttpClient, HttpMethod, HttpRequest};
use crate::{Error, Pin, RelayUrl};

/// A proof has 97 bytes; what is much longer is not one.
const PROOF_LEN_MAX: usize = 1_024;

/// A relay, and the way there.
pub(crate) struct Way<'a> {
    pub(crate) url: &'a RelayUrl,
    /// The keys of which it must have one, with TLS.
    pub(crate) pins: Vec<Pin>,
    pub(crate) client: Arc<dyn HttpClient>,
    /// Whether the client proves that the relay has one of the keys.
    pub(crate) proves_pins: bool,
    pub(crate) meter: Meter,
}

/// Asks a relay to prove its key over a nonce.
pub(crate) async fn proof(way: &Way<'_>, nonce: &[u8; 32]) -> Result<Vec<u8>, Error> {
    let hex: String = nonce.iter().map(|byte| format!("{byte:02x}")).collect();
    let path = format!("/v1/relay/{hex}");
    let mut answer = accepted(send(way, HttpMethod::Get, path, Bytes::new()).await?)?;
    let mut out = Vec::new();
    while let Some(chunk) = answer.next_chunk().await? {
        out.extend_from_slice(&chunk);
        if out.len() > PROOF_LEN_MAX {
            return Err(Error::NotARelay);
        }
    }
    Ok(out)
}

/// Sends the one request of an exchange.
pub(crate) async fn exchange(way: &Way<'_>, body: Vec<u8>) -> Result<Answer, Error> {
    post(way, "/v1/sync", body).await
}

/// Where a relay is asked to tell of news.
pub(crate) const WAKE: &str = "/v1/wake";

/// Asks to be told of news.
pub(crate) async fn wake(way: &Way<'_>, body: Vec<u8>) -> Result<Answer, Error> {
    post(way, WAKE, body).await.map(Answer::for_news)
}

async fn post(way: &Way<'_>, path: &str, body: Vec<u8>) -> Result<Answer, Error> {
    accepted(send(way, HttpMethod::Post, path.to_owned(), body.into()).await?)
}

fn accepted(answer: Answer) -> Result<Answer, Error> {
    match answer.status() {
        200 => Ok(answer),
        404 | 405 => Err(Error::NotARelay),
        status => Err(Error::Refused { status }),
    }
}

async fn send(
    way: &Way<'_>,
    method: HttpMethod,
    path: String,
    body: Bytes,
) -> Result<Answer, Error> {
    let (relay, pins) = (way.url.clone(), way.pins.clone());
    Answer::of(way.client.clone(), HttpRequest { method, relay, path, body, pins }).await
}

//! The library's own HTTP/1.1: one connection, one request, no more headers than needed.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::header::HOST;
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use tokio::time::timeout;

use crate::Error;
use crate::answer::{SILENCE_TIME_MAX, begin_time_max};
use crate::connect::Direct;
use crate::http_client::{
    HttpAnswer, HttpClient, HttpMethod, HttpRequest, HttpSending, STATUS_MAX,
};

impl HttpClient for Direct {
    fn send(&self, request: HttpRequest, answer: HttpAnswer) -> HttpSending<'_> {
        Box::pin(self.carry(request, answer))
    }
}

impl Direct {
    async fn carry(&self, request: HttpRequest, answer: HttpAnswer) -> Result<(), Error> {
        let time_max = begin_time_max(&request, SILENCE_TIME_MAX);
        let io = TokioIo::new(self.open(&request.relay, &request.pins).await?);
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(io).await.map_err(|error| broken(&error))?;
        tokio::spawn(connection);
        let sent = timeout(time_max, sender.send_request(read(request)?)).await;
        let mut body = sent.map_err(|_| interrupted())?.map_err(|error| broken(&error))?;
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
                break;
            }
        }
        Ok(())
    }
}

fn read(request: HttpRequest) -> Result<Request<Full<Bytes>>, Error> {
    let method = match request.method {
        HttpMethod::Get => Method::GET,
        HttpMethod::Post => Method::POST,
    };
    Request::builder()
        .method(method)
        .uri(request.path)
        .header(HOST, request.relay.authority())
        .body(Full::new(request.body))
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

//! An app's own HTTP client, in place of the library's.

use std::sync::Arc;

use haversack::{HttpFault, HttpSending, TlsRefusal};

use crate::Notebook;

/// An app's own HTTP client: OkHttp, Cronet, `URLSession`. Implemented by the app, with [`Notebook::set_http_client`] used for every
/// request to a relay.
///
/// It follows no redirect, keeps no cookie and caches nothing: a request holds the right to a mailbox, and what is cached stays on
/// the disk.
#[uniffi::export(with_foreign)]
#[async_trait::async_trait]
pub trait HttpClient: Send + Sync {
    /// Sends a request, hands the answer over as it comes, and returns at its end. It is cancelled where no more is wanted: it
    /// should let its connection go then. The notebook may be used meanwhile.
    ///
    /// # Errors
    /// What ended the answer before its end. What came of it until then is kept.
    async fn send(&self, request: HttpRequest, answer: Arc<HttpAnswer>) -> Result<(), HttpFailure>;
}

/// A request to a relay.
#[derive(uniffi::Record)]
pub struct HttpRequest {
    /// `GET` or `POST`.
    pub method: String,
    /// Where it goes, `http` or `https`.
    pub url: String,
    /// The headers to set beside those that every client sets.
    pub headers: Vec<HttpHeader>,
    /// The body; empty with `GET`.
    pub body: Vec<u8>,
    /// Of which keys the relay must show one over `https`, when any are named: the SHA-256 of the certificate's
    /// SubjectPublicKeyInfo, 32 bytes each. The relay's certificate may be its own then, vouched for by nobody.
    pub pins: Vec<Vec<u8>>,
}

/// A header of a request.
#[derive(uniffi::Record)]
pub struct HttpHeader {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// Why an answer ended before its end, or what its sink does not take.
#[derive(Debug, thiserror::Error, uniffi::Error)]
#[non_exhaustive]
pub enum HttpFailure {
    /// Nobody answers there: no network, no such host, nobody listens.
    #[error("nobody answers")]
    Unreachable,
    /// The connection broke, or took too long.
    #[error("the connection broke")]
    Interrupted,
    /// Who answers shows no certificate that the client trusts, or none of the pinned keys.
    #[error("what answers is not trusted")]
    Untrusted,
    /// Anything else. Whatever else the client raises counts as this.
    #[error("the HTTP client failed")]
    Failed,
    /// Raised by [`HttpAnswer`], for the client to let pass.
    #[error("{why}")]
    Refused {
        /// What the client did, or that the answer is over.
        why: String,
    },
}

impl From<uniffi::UnexpectedUniFFICallbackError> for HttpFailure {
    fn from(_: uniffi::UnexpectedUniFFICallbackError) -> Self {
        // Its text is the app's, and may say anything.
        Self::Failed
    }
}

impl From<HttpFault> for HttpFailure {
    fn from(fault: HttpFault) -> Self {
        Self::Refused { why: fault.to_string() }
    }
}

impl From<HttpFailure> for haversack::Error {
    fn from(failure: HttpFailure) -> Self {
        match failure {
            HttpFailure::Unreachable => {
                Self::Unreachable { source: std::io::ErrorKind::NotConnected.into() }
            }
            HttpFailure::Interrupted => Self::Interrupted { so_far: Box::default() },
            HttpFailure::Untrusted => Self::Tls { source: TlsRefusal::Unknown },
            HttpFailure::Failed | HttpFailure::Refused { .. } => {
                Self::HttpClient(HttpFault::Failed)
            }
        }
    }
}

/// Where an [`HttpClient`] hands over an answer as it comes, from any thread: first the status, then every chunk of the body.
#[derive(uniffi::Object)]
pub struct HttpAnswer(haversack::HttpAnswer);

#[uniffi::export(async_runtime = "tokio")]
impl HttpAnswer {
    /// Hands over the status, once.
    ///
    /// # Errors
    /// `Refused` unless it is 100 to 599, or when the answer is over.
    pub fn begin(&self, status: u16) -> Result<(), HttpFailure> {
        Ok(self.0.begin(status)?)
    }

    /// Hands over the next bytes as they came, 4 MiB at most, and waits until there is room for more.
    ///
    /// # Errors
    /// `Refused` before the status, for too many bytes, before the chunk before was taken, and when the answer is over.
    pub async fn chunk(&self, bytes: Vec<u8>) -> Result<(), HttpFailure> {
        Ok(self.0.chunk(bytes).await?)
    }
}

/// A foreign client, as the library asks it.
struct Foreign(Arc<dyn HttpClient>);

impl haversack::HttpClient for Foreign {
    fn send(
        &self,
        request: haversack::HttpRequest,
        answer: haversack::HttpAnswer,
    ) -> HttpSending<'_> {
        Box::pin(async move {
            let answer = Arc::new(HttpAnswer(answer));
            Ok(self.0.send(HttpRequest::from(&request), answer).await?)
        })
    }
}

impl From<&haversack::HttpRequest> for HttpRequest {
    fn from(request: &haversack::HttpRequest) -> Self {
        let header = |(name, value): &(&str, &str)| HttpHeader {
            name: (*name).to_owned(),
            value: (*value).to_owned(),
        };
        Self {
            method: request.method.name().to_owned(),
            url: request.url(),
            headers: request.headers().iter().map(header).collect(),
            body: request.body.to_vec(),
            pins: request.pins.iter().map(|pin| pin.to_bytes().to_vec()).collect(),
        }
    }
}

#[uniffi::export]
impl Notebook {
    /// Has the app's own HTTP client carry the requests to relays from now on, in further spaces too; with none the library does so
    /// again. It is forgotten when the notebook is locked. Devices beside this one are still reached without it.
    ///
    /// What the client shows of the requests, or to whom, cannot give records away: they are sealed and signed, and a relay that is
    /// met for the first time proves its key here, over a random number. Whoever stands between sees what the relay sees.
    pub fn set_http_client(&self, client: Option<Arc<dyn HttpClient>>) {
        let client =
            client.map(|client| Arc::new(Foreign(client)) as Arc<dyn haversack::HttpClient>);
        self.0.set_http_client(client);
    }
}

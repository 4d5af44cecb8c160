//! A phone that answers phones: on one network, or on the hotspot of one of them, with no relay in reach.
//!
//! It shows an address: where it listens, whose it is, and the pin of a certificate that was made for this one time. Whoever has
//! seen that address can connect; whoever is of the team is answered.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, stream};
use haversack_core::{Answering, Error as EngineError};
use haversack_tls::Certified;
use http_body_util::{BodyExt, Either, Empty, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::notebook::blocking;
use crate::{Error, Notebook, Received, RelayUrl};

/// Phones that are answered at once; further ones wait.
const CONNECTIONS_MAX: usize = 8;
/// A phone beside this one that says nothing for so long is gone.
const SILENCE_TIME_MAX: Duration = Duration::from_secs(60);
/// How long phones that are being answered may go on once this one is to stop.
const STOP_TIME_MAX: Duration = Duration::from_secs(10);

/// What was done while a phone answered others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PeerReport {
    /// Requests of members that were answered to their end.
    pub answered: u32,
    /// What they brought.
    pub received: Received,
}

/// A notebook that answers other devices of its team. Their address for it is good until it is dropped. That it answers does not keep it from
/// locking when idle; locked, it turns everybody away.
pub struct PeerServer {
    notebook: Notebook,
    listener: TcpListener,
    acceptor: TlsAcceptor,
    url: RelayUrl,
}

impl std::fmt::Debug for PeerServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PeerServer").finish_non_exhaustive()
    }
}

impl PeerServer {
    /// Listens, under a fresh certificate. Others are told to come to `host`; without one, to this machine's address on the
    /// network that leads furthest.
    ///
    /// # Errors
    /// [`Error::Listen`] when nobody can listen there, or this machine is on no network; [`Error::Closed`].
    pub async fn bind(
        notebook: &Notebook,
        listen: SocketAddr,
        host: Option<String>,
    ) -> Result<Self, Error> {
        let failed = |source| Error::Listen { source };
        let listener = TcpListener::bind(listen).await.map_err(failed)?;
        let port = listener.local_addr().map_err(failed)?.port();
        let host = match host {
            Some(host) => host,
            None => shown(reached_at(listen.ip()).await.map_err(failed)?),
        };
        let own = Certified::make_self_signed().map_err(|_| Error::Task)?;
        let (pin, config) = (own.pin(), own.serving());
        let (pin, config) = (pin.map_err(|_| Error::Task)?, config.map_err(|_| Error::Task)?);
        let id = notebook.with(|engine| Ok(engine.peer_id()))?;
        let url = RelayUrl::new(host, port, Some(id)).secured(vec![pin]);
        Ok(Self { notebook: notebook.in_background(), listener, acceptor: config.into(), url })
    }

    /// What other devices sync with: [`Notebook::sync_with_peer`].
    #[must_use]
    pub const fn url(&self) -> &RelayUrl {
        &self.url
    }

    /// Answers until `shutdown` is ready; then finishes what runs, for a few seconds.
    pub async fn serve(self, shutdown: impl Future<Output = ()>) -> PeerReport {
        let report = Arc::new(Mutex::new(PeerReport::default()));
        let slots = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let mut connections = JoinSet::new();
        let mut shutdown = std::pin::pin!(shutdown);
        loop {
            let next = async {
                let slot = Arc::clone(&slots).acquire_owned().await.ok()?;
                // One that cannot be accepted is the other's affair; without descriptors the pause is the next phone's.
                let (stream, _) = self.listener.accept().await.ok()?;
                Some((stream, slot))
            };
            tokio::select! {
                () = &mut shutdown => break,
                next = next => if let Some((stream, slot)) = next {
                    let one = one(self.notebook.clone(), self.acceptor.clone(), stream, report.clone());
                    connections.spawn(async move {
                        one.await;
                        drop(slot);
                    });
                },
                Some(_) = connections.join_next() => {}
            }
        }
        let all = async { while connections.join_next().await.is_some() {} };
        let _cut = timeout(STOP_TIME_MAX, all).await;
        *report.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn shown(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}

/// The address of this machine that a phone beside it can reach. Asks the routing table alone: nothing is sent.
async fn reached_at(listen: IpAddr) -> io::Result<IpAddr> {
    if !listen.is_unspecified() {
        return Ok(listen);
    }
    let (own, far) = match listen {
        IpAddr::V4(_) => ("0.0.0.0:0", "192.0.2.1:9"),
        IpAddr::V6(_) => ("[::]:0", "[2001:db8::1]:9"),
    };
    let socket = UdpSocket::bind(own).await?;
    socket.connect(far).await?;
    Ok(socket.local_addr()?.ip())
}

/// Serves one connection to its end. How it ends is the other's affair.
async fn one(
    notebook: Notebook,
    acceptor: TlsAcceptor,
    stream: TcpStream,
    report: Arc<Mutex<PeerReport>>,
) {
    let _slower = stream.set_nodelay(true);
    let Ok(Ok(stream)) = timeout(SILENCE_TIME_MAX, acceptor.accept(stream)).await else { return };
    let service = service_fn(move |request| {
        let (notebook, report) = (notebook.clone(), report.clone());
        async move { Ok::<_, Infallible>(respond(notebook, request, report).await) }
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(SILENCE_TIME_MAX)
        .keep_alive(false)
        .auto_date_header(false)
        .serve_connection(TokioIo::new(stream), service);
    let _ended = serving.await;
}

async fn respond(
    notebook: Notebook,
    request: Request<Incoming>,
    report: Arc<Mutex<PeerReport>>,
) -> Response<Either<Empty<Bytes>, StreamBody<impl Stream<Item = Result<Frame<Bytes>, Error>>>>> {
    let refusal = |status| {
        let mut response = Response::new(Either::Left(Empty::new()));
        *response.status_mut() = status;
        response
    };
    if request.uri().path() != "/v1/sync" || request.method() != Method::POST {
        return refusal(StatusCode::NOT_FOUND);
    }
    match receive(&notebook, request.into_body()).await {
        Ok(answering) => {
            Response::new(Either::Right(StreamBody::new(pages(notebook, answering, report))))
        }
        Err(status) => refusal(status),
    }
}

/// Takes the request as it comes. What is whole is kept, however it ends.
async fn receive(notebook: &Notebook, mut body: Incoming) -> Result<Answering, StatusCode> {
    let mut answering = Answering::new();
    loop {
        let frame = timeout(SILENCE_TIME_MAX, body.frame()).await;
        let frame = frame.map_err(|_| StatusCode::REQUEST_TIMEOUT)?;
        let Some(frame) = frame else { break };
        let frame = frame.map_err(|_| StatusCode::BAD_REQUEST)?;
        let Ok(bytes) = frame.into_data() else { continue };
        let notebook = notebook.clone();
        let taken = blocking(move || {
            notebook.with(|engine| engine.take_request(&mut answering, &bytes))?;
            Ok(answering)
        });
        answering = taken.await.map_err(|error| status(&error))?;
    }
    match answering.is_asked() {
        true => Ok(answering),
        false => Err(StatusCode::BAD_REQUEST),
    }
}

const fn status(error: &Error) -> StatusCode {
    match error {
        Error::Engine(EngineError::Foreign { .. }) => StatusCode::FORBIDDEN,
        Error::Engine(EngineError::Wire(_)) => StatusCode::BAD_REQUEST,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// The answer, read from the store as it goes out. One that cannot go on is cut: it ends without its last part.
fn pages(
    notebook: Notebook,
    answering: Answering,
    report: Arc<Mutex<PeerReport>>,
) -> impl Stream<Item = Result<Frame<Bytes>, Error>> {
    stream::try_unfold((notebook, answering), move |(notebook, mut answering)| {
        let report = report.clone();
        blocking(move || {
            let page = notebook.with(|engine| engine.next_answer(&mut answering))?;
            if page.is_some() && answering.is_done() {
                let mut report = report.lock().unwrap_or_else(PoisonError::into_inner);
                report.answered += 1;
                report.received.add(answering.received());
            }
            Ok(page.map(|page| (Frame::data(page.into()), (notebook, answering))))
        })
    })
}

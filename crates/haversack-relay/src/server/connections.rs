//! Accepting connections, and ending them in order.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
#[cfg(target_os = "linux")]
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::patience::Patient;
use super::{Shared, routes, stopped};
use crate::{Error, Limits, Tls};

/// A connection's buffer, each way; also the longest head of a request.
const BUFFER_BYTES: usize = 64 * 1024;

/// How long to wait when connections cannot be accepted, for lack of descriptors as a rule.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// Serves until `shutdown` is ready, then lets what runs come to its end, for a time.
pub(crate) async fn serve(
    listener: TcpListener,
    shared: Shared,
    tls: Option<Arc<Tls>>,
    shutdown: impl Future<Output = ()>,
) -> Result<(), Error> {
    let (limits, stop) = (shared.limits, shared.stop.clone());
    let router = routes(Arc::new(shared));
    let slots = Arc::new(Semaphore::new(limits.connections_max));
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    tracing::info!("serving");
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            accepted = accept(&listener, &slots) => {
                if let Some((stream, slot)) = accepted {
                    let stopping = stop.subscribe();
                    let connection = Connection { stream, tls: tls.clone(), limits, stopping };
                    connections.spawn(connection.run(router.clone(), slot));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    stop.send_replace(true);
    finish(connections, limits.stop_time_max).await
}

/// The next connection, once there is a slot for it; `None` when none could be had.
async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let slot = Arc::clone(slots).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _address)) => Some((stream, slot)),
        Err(error) if is_the_peers(&error) => None,
        Err(error) => {
            tracing::error!("could not accept a connection: {error}");
            sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}

fn is_the_peers(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
    )
}

/// Waits for connections to end; after the deadline they are cut.
async fn finish(mut connections: JoinSet<()>, deadline: Duration) -> Result<(), Error> {
    let all = async { while connections.join_next().await.is_some() {} };
    let in_time = timeout(deadline, all).await;
    let left = connections.len();
    connections.shutdown().await;
    match in_time {
        Ok(()) => Ok(()),
        Err(_) => Err(Error::Cut { connections: left }),
    }
}

struct Connection {
    stream: TcpStream,
    tls: Option<Arc<Tls>>,
    limits: Limits,
    stopping: watch::Receiver<bool>,
}

impl Connection {
    /// Serves one connection to its end. How it ended is the peer's affair, and not logged.
    async fn run(self, router: Router, _slot: OwnedSemaphorePermit) {
        let Self { stream, tls, limits, mut stopping } = self;
        // Small answers must not wait for acknowledgements of what is already out.
        let _slower = stream.set_nodelay(true);
        let _later = give_up_after(&stream, limits.stall_time_max);
        let stream = Patient::new(stream, limits.stall_time_max);
        let Some(tls) = tls else { return speak(stream, router, limits, stopping).await };
        let accepted =
            timeout(limits.head_time_max, TlsAcceptor::from(tls.config()).accept(stream));
        tokio::select! {
            () = stopped(&mut stopping) => {}
            accepted = accepted => if let Ok(Ok(stream)) = accepted {
                speak(stream, router, limits, stopping).await;
            }
        }
    }
}

/// Has the system close a connection once what went out was not confirmed for so long: a phone that left the network while it waits
/// for news would hold its place for a quarter of an hour.
#[cfg(target_os = "linux")]
fn give_up_after(stream: &TcpStream, time: Duration) -> io::Result<()> {
    SockRef::from(stream).set_tcp_user_timeout(Some(time))
}

#[cfg(not(target_os = "linux"))]
const fn give_up_after(_: &TcpStream, _: Duration) -> io::Result<()> {
    Ok(())
}

/// Answers requests until the peer, or the relay, wants to stop.
async fn speak(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    router: Router,
    limits: Limits,
    mut stopping: watch::Receiver<bool>,
) {
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_time_max)
        .max_buf_size(BUFFER_BYTES)
        .auto_date_header(false)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut serving = pin!(serving);
    tokio::select! {
        _ended = serving.as_mut() => {}
        () = stopped(&mut stopping) => {
            serving.as_mut().graceful_shutdown();
            let _ended = serving.await;
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_system_gives_up_on_who_has_left() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let time = Limits::default().stall_time_max;
        give_up_after(&stream, time).unwrap();
        assert_eq!(SockRef::from(&stream).tcp_user_timeout().unwrap(), Some(time));
    }
}

//! From here to a relay: over a proxy or not, with TLS or not, every byte counted.

use std::io;
use std::pin::Pin as Pinned;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use haversack_tls::{Pin, Refusal, connecting};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::address::Scheme;
use crate::{Error, Proxy, ProxyError, RelayUrl};

/// For each step: to be in reach, to answer as a proxy, to agree on TLS.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(30);

/// Bytes that went over the socket, headers included.
#[derive(Debug, Clone, Default)]
pub(crate) struct Meter {
    up: Arc<AtomicU64>,
    down: Arc<AtomicU64>,
}

impl Meter {
    /// Counts bytes that were sent and received.
    pub(crate) fn add(&self, up: usize, down: usize) {
        self.up.fetch_add(up as u64, Ordering::Relaxed);
        self.down.fetch_add(down as u64, Ordering::Relaxed);
    }

    /// (bytes sent, bytes received)
    pub(crate) fn read(&self) -> (u64, u64) {
        (self.up.load(Ordering::Relaxed), self.down.load(Ordering::Relaxed))
    }
}

/// To relays by connections of our own.
#[derive(Debug)]
pub(crate) struct Direct {
    pub(crate) proxy: Option<Proxy>,
    pub(crate) meter: Meter,
}

/// A line to a relay.
pub(crate) trait Line: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Line for T {}

impl Direct {
    /// Opens a line to a relay; with TLS, to one that has one of the keys.
    pub(crate) async fn open(&self, url: &RelayUrl, pins: &[Pin]) -> Result<Box<dyn Line>, Error> {
        let stream = self.reach(url).await?;
        match url.scheme() {
            Scheme::Http => Ok(Box::new(stream)),
            Scheme::Https => secure(stream, url, pins).await,
        }
    }

    async fn reach(&self, url: &RelayUrl) -> Result<Metered, Error> {
        let Some(proxy) = &self.proxy else {
            let stream = tcp(&url.authority()).await;
            return Ok(self.metered(stream.map_err(|source| Error::Unreachable { source })?));
        };
        let mut stream = self.metered(tcp(proxy.authority()).await.map_err(ProxyError::from)?);
        match timeout(CONNECT_TIME_MAX, proxy.ask(&mut stream, url)).await {
            Ok(asked) => asked?,
            Err(_) => return Err(ProxyError::Refused { why: "it took too long" }.into()),
        }
        Ok(stream)
    }

    fn metered(&self, stream: TcpStream) -> Metered {
        Metered { stream, meter: self.meter.clone() }
    }
}

async fn secure(stream: Metered, url: &RelayUrl, pins: &[Pin]) -> Result<Box<dyn Line>, Error> {
    let config = connecting(pins).map_err(|_| Error::Tls { source: Refusal::Other })?;
    let name = ServerName::try_from(url.host().to_owned())
        .map_err(|_| Error::Address { why: "has no usable host" })?;
    let connected = TlsConnector::from(config).connect(name, stream);
    match timeout(CONNECT_TIME_MAX, connected).await {
        Ok(Ok(stream)) => Ok(Box::new(stream)),
        Ok(Err(error)) => match Refusal::of(&error) {
            Some(source) => Err(Error::Tls { source }),
            None => Err(Error::Interrupted { so_far: Box::default() }),
        },
        Err(elapsed) => Err(Error::Unreachable { source: elapsed.into() }),
    }
}

async fn tcp(authority: &str) -> io::Result<TcpStream> {
    let stream = timeout(CONNECT_TIME_MAX, TcpStream::connect(authority)).await??;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A socket that counts.
struct Metered {
    stream: TcpStream,
    meter: Meter,
}

impl AsyncRead for Metered {
    fn poll_read(
        mut self: Pinned<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pinned::new(&mut self.stream).poll_read(cx, buffer);
        self.meter.add(0, buffer.filled().len() - before);
        polled
    }
}

impl AsyncWrite for Metered {
    fn poll_write(
        mut self: Pinned<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pinned::new(&mut self.stream).poll_write(cx, bytes);
        if let Poll::Ready(Ok(written)) = polled {
            self.meter.add(written, 0);
        }
        polled
    }

    fn poll_flush(mut self: Pinned<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pinned::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pinned<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pinned::new(&mut self.stream).poll_shutdown(cx)
    }
}

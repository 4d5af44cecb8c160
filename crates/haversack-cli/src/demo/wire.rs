//! The line to the relay: it counts bytes, and breaks when it is told to.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use haversack::RelayUrl;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::{Error, failing};

const LISTENING: &str = "no loopback port is free";
const UNBROKEN: u64 = u64::MAX;

/// What went over the line, and what may still go.
#[derive(Debug)]
struct Gauge {
    up: AtomicU64,
    down: AtomicU64,
    left: AtomicU64,
    cuts: AtomicU64,
}

/// A loopback port that leads to the relay.
pub(super) struct Wire {
    address: SocketAddr,
    gauge: Arc<Gauge>,
    task: JoinHandle<()>,
}

impl Wire {
    /// Opens a line to a relay.
    pub(super) async fn open(relay: &RelayUrl) -> Result<Self, Error> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(failing(LISTENING))?;
        let address = listener.local_addr().map_err(failing(LISTENING))?;
        let gauge = Arc::new(Gauge {
            up: AtomicU64::new(0),
            down: AtomicU64::new(0),
            left: AtomicU64::new(UNBROKEN),
            cuts: AtomicU64::new(0),
        });
        let task = tokio::spawn(serve(listener, relay.authority(), gauge.clone()));
        Ok(Self { address, gauge, task })
    }

    /// Where phones reach the relay over this line.
    pub(super) fn url(&self, relay: &RelayUrl) -> RelayUrl {
        RelayUrl::new(self.address.ip().to_string(), self.address.port(), relay.relay())
    }

    /// Lets the line break after so many bytes, both ways together, or never.
    pub(super) fn cut_after(&self, bytes: Option<u64>) {
        self.gauge.left.store(bytes.unwrap_or(UNBROKEN), Ordering::SeqCst);
    }

    /// (bytes up, bytes down, connections cut)
    pub(super) fn read(&self) -> (u64, u64, u64) {
        let get = |counter: &AtomicU64| counter.load(Ordering::SeqCst);
        (get(&self.gauge.up), get(&self.gauge.down), get(&self.gauge.cuts))
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, relay: String, gauge: Arc<Gauge>) {
    while let Ok((phone, _)) = listener.accept().await {
        let Ok(relay) = TcpStream::connect(&relay).await else { continue };
        tokio::spawn(connect(phone, relay, gauge.clone()));
    }
}

/// Carries bytes both ways until one side ends or the line breaks; then both sides are closed.
async fn connect(phone: TcpStream, relay: TcpStream, gauge: Arc<Gauge>) {
    let ((phone_in, phone_out), (relay_in, relay_out)) = (phone.into_split(), relay.into_split());
    tokio::select! {
        () = carry(phone_in, relay_out, &gauge, &gauge.up) => {}
        () = carry(relay_in, phone_out, &gauge, &gauge.down) => {}
    }
}

async fn carry(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    gauge: &Gauge,
    counter: &AtomicU64,
) {
    let mut buffer = [0; 4_096];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        let left = gauge.left.load(Ordering::SeqCst);
        let passed = read.min(usize::try_from(left).unwrap_or(usize::MAX));
        let bytes = buffer.get(..passed).unwrap_or_default();
        counter.fetch_add(passed as u64, Ordering::SeqCst);
        if to.write_all(bytes).await.is_err() {
            return;
        }
        if left != UNBROKEN {
            gauge.left.store(left - passed as u64, Ordering::SeqCst);
        }
        if passed < read {
            gauge.cuts.fetch_add(1, Ordering::SeqCst);
            return;
        }
    }
}

//! A TCP port that leads to a relay and counts every byte, both ways: what the peers are measured with too. It knows HTTP's heads from
//! bodies, for budgets that are about bodies.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use haversack::RelayUrl;

/// The port. It leads nowhere else until the process ends.
pub(crate) struct Line {
    address: SocketAddr,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    all: AtomicU64,
    heads: AtomicU64,
}

/// The end of a head.
const END: &[u8] = b"\r\n\r\n";

impl Line {
    pub(crate) fn open(relay: &RelayUrl) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, to) = (listener.local_addr().unwrap(), relay.authority());
        let counts = Arc::new(Counts::default());
        let counter = counts.clone();
        thread::spawn(move || {
            for phone in listener.incoming().flatten() {
                let relay = TcpStream::connect(&to).unwrap();
                let back = (relay.try_clone().unwrap(), phone.try_clone().unwrap());
                for (from, to) in [(phone, relay), back] {
                    let counter = counter.clone();
                    thread::spawn(move || carry(from, to, &counter));
                }
            }
        });
        Self { address, counts }
    }

    /// Where a device reaches the relay over this line.
    pub(crate) fn url(&self, relay: &RelayUrl) -> RelayUrl {
        RelayUrl::new(self.address.ip().to_string(), self.address.port(), relay.relay())
    }

    /// Bytes since the last call: all, and those of bodies.
    pub(crate) fn take(&self) -> (u64, u64) {
        let take = |counter: &AtomicU64| counter.swap(0, Ordering::SeqCst);
        let (all, heads) = (take(&self.counts.all), take(&self.counts.heads));
        (all, all - heads)
    }
}

/// Carries one direction of a connection. Only the head of its first request is told from bodies: who counts bodies sees to it that
/// there is one.
fn carry(mut from: TcpStream, mut to: TcpStream, counts: &Counts) {
    let mut buffer = [0; 16_384];
    let mut head = Some(Vec::new());
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        counts.all.fetch_add(read as u64, Ordering::SeqCst);
        if let Some(mut start) = head.take() {
            start.extend_from_slice(&buffer[..read]);
            match start.windows(END.len()).position(|bytes| bytes == END) {
                Some(at) => {
                    let length = (at + END.len()) as u64;
                    counts.heads.fetch_add(length, Ordering::SeqCst);
                }
                None => head = Some(start),
            }
        }
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    // Whoever is gone already needs no telling.
    let _ = to.shutdown(Shutdown::Write);
}

//! A TCP port that leads to a relay and counts every byte, both ways: what the peers are measured with too.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use haversack::RelayUrl;

/// The port. It leads nowhere else until the process ends.
pub(crate) struct Line {
    address: SocketAddr,
    bytes: Arc<AtomicU64>,
}

impl Line {
    pub(crate) fn open(relay: &RelayUrl) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, to) = (listener.local_addr().unwrap(), relay.authority());
        let bytes = Arc::new(AtomicU64::new(0));
        let counter = bytes.clone();
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
        Self { address, bytes }
    }

    /// Where a device reaches the relay over this line.
    pub(crate) fn url(&self, relay: &RelayUrl) -> RelayUrl {
        RelayUrl::new(self.address.ip().to_string(), self.address.port(), relay.relay())
    }

    /// Bytes since the last call.
    pub(crate) fn take(&self) -> u64 {
        self.bytes.swap(0, Ordering::SeqCst)
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream, counter: &AtomicU64) {
    let mut buffer = [0; 16_384];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        counter.fetch_add(read as u64, Ordering::SeqCst);
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    // Whoever is gone already needs no telling.
    let _ = to.shutdown(Shutdown::Write);
}

//! A line that writes down what goes over it.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Bytes, both ways together.
pub(crate) type Seen = Arc<Mutex<Vec<u8>>>;

/// A loopback port that leads to an address, and what passes through it.
pub(crate) async fn watched(to: String) -> (u16, Seen) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let seen = Seen::default();
    let all = seen.clone();
    tokio::spawn(async move {
        while let Ok((here, _)) = listener.accept().await {
            let there = TcpStream::connect(&to).await.unwrap();
            tokio::spawn(join(here, there, all.clone()));
        }
    });
    (port, seen)
}

/// Carries bytes both ways until one side ends.
pub(crate) async fn join(here: TcpStream, there: TcpStream, seen: Seen) {
    let (mut here_in, mut here_out) = here.into_split();
    let (mut there_in, mut there_out) = there.into_split();
    tokio::join!(
        copy(&mut here_in, &mut there_out, &seen),
        copy(&mut there_in, &mut here_out, &seen)
    );
}

async fn copy(
    from: &mut (impl AsyncReadExt + Unpin),
    to: &mut (impl AsyncWriteExt + Unpin),
    seen: &Seen,
) {
    let mut buffer = [0; 4_096];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        seen.lock().unwrap().extend_from_slice(&buffer[..read]);
        if to.write_all(&buffer[..read]).await.is_err() {
            break;
        }
    }
    let _ = to.shutdown().await;
}

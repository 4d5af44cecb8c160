//! When a relay, or a phone that answers phones, stops: on the signals that ask for it, and when whoever started it is gone, if it was told so.

use std::io::{self, Read};

use tokio::sync::oneshot;

/// Listens for requests to stop from now on; the future is ready at the first of them.
pub(crate) fn requested(with_stdin: bool) -> io::Result<impl Future<Output = ()>> {
    let signals = signals()?;
    let closed = with_stdin.then(stdin_closed);
    Ok(async move {
        let closed = async {
            match closed {
                Some(closed) => drop(closed.await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = signals => {}
            () = closed => {}
        }
    })
}

#[cfg(unix)]
fn signals() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

#[cfg(not(unix))]
fn signals() -> io::Result<impl Future<Output = ()>> {
    Ok(async { drop(tokio::signal::ctrl_c().await) })
}

/// Reads stdin to its end, beside the runtime: a read that waits cannot be called off.
fn stdin_closed() -> oneshot::Receiver<()> {
    let (closed, closing) = oneshot::channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 256];
        let mut stdin = io::stdin().lock();
        while stdin.read(&mut buffer).is_ok_and(|read| read > 0) {}
        drop(closed);
    });
    closing
}

//! An answer as it comes, in pieces as large as what came while the one before was made durable: making a piece durable takes
//! syncs to the disk, whether it is one frame or many.

use bytes::Bytes;
use hyper::Response;
use hyper::body::Incoming;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::http::next_chunk;

/// Bytes after which a piece is large enough: what is lost at most when the process is killed, beyond the network's own buffers.
const PIECE_LEN: usize = 256 << 10;
/// Chunks of HTTP that may wait. One carries about a frame.
const CHUNKS_MAX: usize = 64;

/// The body of an answer. Nothing more of it is read once this is dropped.
#[derive(Debug)]
pub(crate) struct Pieces {
    chunks: mpsc::Receiver<Bytes>,
    reader: JoinHandle<()>,
}

impl Pieces {
    /// Begins to read.
    pub(crate) fn of(mut answer: Response<Incoming>) -> Self {
        let (sender, chunks) = mpsc::channel(CHUNKS_MAX);
        let reader = tokio::spawn(async move {
            while let Ok(Some(chunk)) = next_chunk(&mut answer).await {
                if sender.send(chunk).await.is_err() {
                    return;
                }
            }
        });
        Self { chunks, reader }
    }

    /// What has come since the last piece; `None` at the answer's end, and when the connection broke.
    pub(crate) async fn next(&mut self) -> Option<Vec<u8>> {
        let mut piece = self.chunks.recv().await?.to_vec();
        while piece.len() < PIECE_LEN
            && let Ok(chunk) = self.chunks.try_recv()
        {
            piece.extend_from_slice(&chunk);
        }
        Some(piece)
    }
}

impl Drop for Pieces {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

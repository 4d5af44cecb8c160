//! Pushes that the relay makes durable in a second: 64 devices at once, each pushing an outing's chunk again and again to a mailbox of its
//! own; over HTTP to a relay process, and to its storage alone. Beside bare SQLite that commits the same rows 64 at a time.

use std::sync::Arc;
use std::thread;

use haversack_relay::{DataDir, Incoming, Sqlite, Storage};
use haversack_wire::request::{Basis, Section, SectionHead, encode};
use haversack_wire::{ChunkHeader, CursorDigest, FrameHash, KeyHint, LaneTag, RetireHash, Token};
use rusqlite::{Connection, params};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::figure::Figure;
use crate::machine::time;
use crate::process::Relay;
use crate::team::Teams;

const DEVICES: usize = 64;
const PUSHES: usize = 50;
/// A sealed and padded outing.
const FRAME_LEN: usize = 1_024;

pub(super) fn run(_teams: &Teams) {
    let folder = TempDir::new().unwrap();
    let rate = |ms: f64| (DEVICES * PUSHES) as f64 / ms * 1e3;
    let bare = rate(time(|| bare(&folder.path().join("bare.db"))).0);
    let what = "bare SQLite, the same rows 64 a commit";
    let storage = Sqlite::open(DataDir::lock(&folder.path().join("storage")).unwrap()).unwrap();
    let alone = rate(time(|| to_storage(&Arc::new(storage))).0);
    Figure::new("relay", "relay's storage, pushes", alone, "pushes/s").beside(what, bare).print();
    let relay = Relay::start(&[], &folder.path().join("relay"), "127.0.0.1:0");
    let served = rate(time(|| over_http(&relay.url.authority())).0);
    Figure::new("relay", "relay over HTTP, pushes", served, "pushes/s")
        .beside(what, bare)
        .times_at_least(0.6)
        .print();
}

/// The n-th chunk of a device.
fn frame(device: usize, n: usize) -> Vec<u8> {
    let header = ChunkHeader {
        tag: LaneTag::new([device as u8; 8]),
        sequence: n as u32,
        length: (FRAME_LEN - ChunkHeader::LEN) as u16,
        nonce: [n as u8; 24],
        hint: KeyHint::default(),
    };
    let mut frame = header.encode().to_vec();
    frame.resize(FRAME_LEN, device as u8);
    frame
}

fn head(device: usize, cursor: u64, digest: CursorDigest) -> SectionHead {
    SectionHead {
        token: Token::new([device as u8; 32]),
        retire: RetireHash::new([2; 32]),
        admission: Vec::new(),
        cursor,
        basis: Basis::Digest(digest),
        resume: None,
        frames: 0,
    }
}

fn bare(path: &std::path::Path) {
    let mut connection = Connection::open(path).unwrap();
    connection.pragma_update(None, "journal_mode", "WAL").unwrap();
    connection.pragma_update(None, "synchronous", "FULL").unwrap();
    let table = "CREATE TABLE frame (mailbox INTEGER, cursor INTEGER, hash BLOB, digest BLOB, lane INTEGER, sequence INTEGER,
        bytes BLOB, PRIMARY KEY (mailbox, cursor)) STRICT";
    connection.execute_batch(table).unwrap();
    for n in 0..PUSHES {
        let tx = connection.transaction().unwrap();
        for device in 0..DEVICES {
            let frame = frame(device, n);
            let hash = FrameHash::of(&frame);
            tx.prepare_cached("INSERT INTO frame VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")
                .unwrap()
                .execute(params![device, n, hash.as_bytes(), hash.as_bytes(), device, n, frame])
                .unwrap();
        }
        tx.commit().unwrap();
    }
}

fn to_storage(storage: &Arc<Sqlite>) {
    let push = |device: usize| {
        let storage = storage.clone();
        let mailbox = head(device, 0, CursorDigest::default()).mailbox();
        thread::spawn(move || {
            for n in 0..PUSHES {
                let incoming = Incoming::parse(frame(device, n)).unwrap();
                storage.push(mailbox, vec![incoming]).unwrap();
            }
        })
    };
    let threads: Vec<_> = (0..DEVICES).map(push).collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

fn over_http(address: &str) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let push = |device| tokio::spawn(push_all(address.to_owned(), device));
        for task in (0..DEVICES).map(push).collect::<Vec<_>>() {
            task.await.unwrap();
        }
    });
}

/// One device's pushes, over one connection.
async fn push_all(address: String, device: usize) {
    let mut stream = TcpStream::connect(&address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let mut digest = CursorDigest::default();
    for n in 0..PUSHES {
        let frame = frame(device, n);
        let after = digest.next(FrameHash::of(&frame));
        let body = encode(&[Section { head: head(device, n as u64, digest), frames: vec![frame] }])
            .unwrap();
        let length = body.len();
        let mut request =
            format!("POST /v1/sync HTTP/1.1\r\nHost: relay\r\nContent-Length: {length}\r\n\r\n")
                .into_bytes();
        request.extend(body);
        stream.write_all(&request).await.unwrap();
        answered(&mut stream).await;
        digest = after;
    }
}

/// Reads one answer: a small one, whose length its head tells.
async fn answered(stream: &mut TcpStream) {
    let (mut answer, mut buffer) = (Vec::new(), [0; 4_096]);
    let mut length = None;
    while length.is_none_or(|length| answer.len() < length) {
        let read = stream.read(&mut buffer).await.unwrap();
        assert!(read > 0, "the relay hung up");
        answer.extend_from_slice(&buffer[..read]);
        length = length.or_else(|| whole_length(&answer));
    }
    assert!(answer.starts_with(b"HTTP/1.1 200"), "the relay refused");
}

/// The length of an answer whose head is here.
fn whole_length(answer: &[u8]) -> Option<usize> {
    let head = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&answer[..head]).unwrap();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    Some(head + length.parse::<usize>().unwrap())
}

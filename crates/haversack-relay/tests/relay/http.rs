//! The relay over TCP, asked by a client that writes its own bytes.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use haversack_relay::{Error, Identity, Limits, Memory, Relay};
use haversack_wire::limits::{FRAME_MAX, REQUEST_MAX};
use haversack_wire::request::{Basis, Section};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::frames::{
    chunk, chunk_of, frames_of, pull, push, request, roster, tag, told, with_vector,
};

/// No test takes this long; one that would hang fails instead.
const PATIENCE: Duration = Duration::from_secs(20);

struct Running {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), Error>>,
}

impl Running {
    async fn start(relay: Relay) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let shutdown = async { stopped.await.unwrap_or_default() };
        let task = tokio::spawn(async move { relay.serve(listener, shutdown).await });
        Self { address, stop, task }
    }

    async fn in_memory(limits: Limits) -> Self {
        let identity = Identity::from_seed(&[7; 32]);
        Self::start(Relay::new(identity, Memory::new()).with_limits(limits)).await
    }

    async fn on_disk(path: &Path) -> Self {
        Self::start(Relay::open(path).unwrap()).await
    }

    async fn connect(&self) -> Client {
        Client(TcpStream::connect(self.address).await.unwrap())
    }

    async fn get(&self, path: &str) -> Response {
        let mut client = self.connect().await;
        client.send(format!("GET {path} HTTP/1.1\r\nHost: r\r\n\r\n").as_bytes()).await;
        client.receive().await
    }

    async fn sync(&self, sections: &[Section]) -> Response {
        let mut client = self.connect().await;
        client.send(&post(&request(sections))).await;
        client.receive().await
    }

    async fn stop(self) -> Result<(), Error> {
        let _ = self.stop.send(());
        timeout(PATIENCE, self.task).await.unwrap().unwrap()
    }
}

fn post_head(length: usize) -> String {
    format!("POST /v1/sync HTTP/1.1\r\nHost: relay.example.org\r\nContent-Length: {length}\r\n\r\n")
}

fn post(body: &[u8]) -> Vec<u8> {
    [post_head(body.len()).as_bytes(), body].concat()
}

/// A head that makes the server say when it begins to read the body.
fn expecting(length: usize) -> String {
    post_head(length).replace("\r\n\r\n", "\r\nExpect: 100-continue\r\n\r\n")
}

struct Client(TcpStream);

#[derive(Debug)]
struct Response {
    head: String,
    body: Vec<u8>,
}

impl Response {
    fn status(&self) -> u16 {
        self.head[9..12].parse().unwrap()
    }
}

impl Client {
    async fn send(&mut self, bytes: &[u8]) {
        timeout(PATIENCE, self.0.write_all(bytes)).await.unwrap().unwrap();
    }

    async fn read_until(&mut self, end: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        while !bytes.ends_with(end) {
            let byte = timeout(PATIENCE, self.0.read_u8()).await.unwrap().unwrap();
            bytes.push(byte);
        }
        bytes
    }

    async fn read_exact(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        timeout(PATIENCE, self.0.read_exact(&mut bytes)).await.unwrap().unwrap();
        bytes
    }

    async fn receive(&mut self) -> Response {
        let head = String::from_utf8(self.read_until(b"\r\n\r\n").await).unwrap();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let body = match length {
            Some(length) => self.read_exact(length.parse().unwrap()).await,
            None => self.read_chunks().await,
        };
        Response { head, body }
    }

    async fn read_chunks(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let line = String::from_utf8(self.read_until(b"\r\n").await).unwrap();
            let length = usize::from_str_radix(line.trim(), 16).unwrap();
            body.extend(self.read_exact(length).await);
            assert_eq!(self.read_exact(2).await, b"\r\n");
            if length == 0 {
                return body;
            }
        }
    }

    /// Whether the server has closed the connection, after whatever it sent before that.
    async fn is_closed(&mut self) -> bool {
        let mut rest = Vec::new();
        timeout(PATIENCE, self.0.read_to_end(&mut rest)).await.is_ok()
    }
}

#[tokio::test]
async fn an_idle_exchange_is_small() {
    let relay = Running::in_memory(Limits::default()).await;
    let asked = post(&request(&[pull(&[])]));
    let mut client = relay.connect().await;
    client.send(&asked).await;
    let answer = client.receive().await;
    insta::assert_snapshot!(answer.head.replace('\r', ""), @r"
    HTTP/1.1 200 OK
    content-type: application/octet-stream
    content-length: 27
    ");
    insta::assert_snapshot!(told(&answer.body), @r"
    Section(0)
    End 0 CursorDigest(00000000…)
    Done
    ");
    assert!(asked.len() <= 600 && answer.head.len() + answer.body.len() <= 600);
    client.send(&asked).await;
    assert_eq!(client.receive().await.body, answer.body, "on the same connection");
    relay.stop().await.unwrap();
}

#[tokio::test]
async fn frames_stay_over_a_restart() {
    let temp = tempfile::tempdir().unwrap();
    let frames = [chunk('a', 0, 1), roster(2)];
    let relay = Running::on_disk(temp.path()).await;
    let stored = relay.sync(&[push(&frames)]).await;
    assert_eq!(stored.status(), 200);
    let proof = relay.get(&format!("/v1/relay/{}", "0a".repeat(32))).await;
    relay.stop().await.unwrap();

    let relay = Running::on_disk(temp.path()).await;
    assert_eq!(frames_of(&relay.sync(&[pull(&[])]).await.body), frames);
    let again = relay.get(&format!("/v1/relay/{}", "0a".repeat(32))).await;
    assert_eq!(again.body, proof.body);
    relay.stop().await.unwrap();
}

#[tokio::test]
async fn a_data_directory_has_one_relay() {
    let temp = tempfile::tempdir().unwrap();
    let first = Relay::open(temp.path()).unwrap();
    let second = Relay::open(temp.path()).unwrap_err();
    insta::assert_snapshot!(second, @"another process uses the data directory");
    let id = first.id();
    drop(first);
    assert_eq!(Relay::open(temp.path()).unwrap().id(), id);
}

#[tokio::test]
async fn a_lost_key_is_not_made_anew() {
    let temp = tempfile::tempdir().unwrap();
    drop(Relay::open(temp.path()).unwrap());
    std::fs::remove_file(temp.path().join("key")).unwrap();
    let refused = Relay::open(temp.path()).unwrap_err();
    insta::assert_snapshot!(refused, @"the data directory is damaged: the key of an existing database is gone");
}

#[tokio::test]
async fn proofs_and_health() {
    let relay = Running::in_memory(Limits::default()).await;
    let proof = relay.get(&format!("/v1/relay/{}", "0a".repeat(32))).await;
    let expect = Identity::from_seed(&[7; 32]).prove(&[10; 32]);
    assert_eq!((proof.status(), &proof.body[..]), (200, &expect[..]));
    for nonce in ["0A".repeat(32), "0a".repeat(31), "%ff".into()] {
        assert_eq!(relay.get(&format!("/v1/relay/{nonce}")).await.status(), 400);
    }
    assert_eq!(relay.get("/healthz").await.status(), 200);
    assert_eq!(relay.get("/v1/sync").await.status(), 405);
    assert_eq!(relay.get("/").await.status(), 404);
}

#[tokio::test]
async fn garbage_is_malformed() {
    let relay = Running::in_memory(Limits::default()).await;
    for body in [&b""[..], b"HS", b"GET / HTTP/1.0", &request(&[push(&[vec![1]])])] {
        let mut client = relay.connect().await;
        client.send(&post(body)).await;
        let refused = client.receive().await;
        assert_eq!((refused.status(), &refused.body[..]), (400, &b""[..]));
    }
}

#[tokio::test]
async fn a_body_that_says_it_is_too_long_is_not_read() {
    let relay = Running::in_memory(Limits::default()).await;
    let mut client = relay.connect().await;
    client.send(expecting(REQUEST_MAX + 1).as_bytes()).await;
    insta::assert_snapshot!(client.receive().await.head.replace('\r', ""), @r"
    HTTP/1.1 413 Payload Too Large
    content-length: 0
    ");
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn a_body_that_becomes_too_long_is_refused() {
    let relay = Running::in_memory(Limits::default()).await;
    let body = request(&[push(&vec![chunk_of(tag('a'), 0, 1, FRAME_MAX); 512])]);
    let body = &body[..REQUEST_MAX + 1];
    let mut client = relay.connect().await;
    client
        .send(post_head(0).replace("Content-Length: 0", "Transfer-Encoding: chunked").as_bytes())
        .await;
    client.send(format!("{:x}\r\n", body.len()).as_bytes()).await;
    client.send(body).await;
    client.send(b"\r\n0\r\n\r\n").await;
    assert_eq!(client.receive().await.status(), 413);
    assert_eq!(relay.sync(&[pull(&[])]).await.status(), 200);
}

#[tokio::test]
async fn a_long_answer_comes_in_chunks() {
    let temp = tempfile::tempdir().unwrap();
    let relay = Running::on_disk(temp.path()).await;
    let frames: Vec<_> = (0..100).map(|n| chunk_of(tag('a'), n, 1, FRAME_MAX)).collect();
    assert_eq!(relay.sync(&[push(&frames)]).await.status(), 200);
    let answer = relay.sync(&[pull(&[])]).await;
    insta::assert_snapshot!(answer.head.replace('\r', ""), @r"
    HTTP/1.1 200 OK
    content-type: application/octet-stream
    transfer-encoding: chunked
    ");
    assert_eq!(frames_of(&answer.body), frames);
    relay.stop().await.unwrap();
}

#[tokio::test]
async fn a_broken_upload_keeps_whole_frames() {
    let temp = tempfile::tempdir().unwrap();
    let frames = [chunk('a', 0, 1), chunk('a', 1, 1), chunk('a', 2, 1)];
    let bytes = post(&request(&[push(&frames)]));
    let relay = Running::on_disk(temp.path()).await;
    let mut client = relay.connect().await;
    client.send(&bytes[..bytes.len() - 1]).await;
    drop(client);
    // The connection may not have been accepted yet, so its end cannot be waited for.
    let pulled = async {
        loop {
            let pulled = frames_of(&relay.sync(&[pull(&[])]).await.body);
            if !pulled.is_empty() {
                return pulled;
            }
        }
    };
    assert_eq!(timeout(PATIENCE, pulled).await.unwrap(), frames[..2]);
    relay.stop().await.unwrap();
}

#[tokio::test]
async fn a_stop_lets_running_requests_end() {
    let relay = Running::in_memory(Limits::default()).await;
    let mut idle = relay.connect().await;
    idle.send(&post(&request(&[pull(&[])]))).await;
    idle.receive().await;
    let (mut client, body) = half_a_request(&relay).await;
    let address = relay.address;
    let stopped = tokio::spawn(relay.stop());
    assert!(idle.is_closed().await, "an idle connection is not waited for");
    assert!(TcpStream::connect(address).await.is_err());
    client.send(&body[100..]).await;
    insta::assert_snapshot!(told(&client.receive().await.body), @r"
    Section(0)
    Ack 0: New 1
    End 1 CursorDigest(726aba7f…)
    Done
    ");
    stopped.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_stop_is_told_to_who_begins_to_wait_in_its_midst() {
    let relay = Running::in_memory(Limits::default()).await;
    let mut idle = relay.connect().await;
    idle.send(&post(&request(&[pull(&[])]))).await;
    idle.receive().await;
    let body = request(&[pull(&[])]);
    let mut client = relay.connect().await;
    client.send(expecting(body.len()).replace("/v1/sync", "/v1/wake").as_bytes()).await;
    assert_eq!(client.read_until(b"\r\n\r\n").await, b"HTTP/1.1 100 Continue\r\n\r\n");
    let stopped = tokio::spawn(relay.stop());
    assert!(idle.is_closed().await);
    client.send(&body).await;
    client.read_until(b"0\r\n\r\n").await;
    stopped.await.unwrap().unwrap();
}

/// A client that has sent a hundred bytes of a body, which the server is reading.
async fn half_a_request(relay: &Running) -> (Client, Vec<u8>) {
    let body = request(&[push(&[chunk('a', 0, 1)])]);
    let mut client = relay.connect().await;
    client.send(expecting(body.len()).as_bytes()).await;
    assert_eq!(client.read_until(b"\r\n\r\n").await, b"HTTP/1.1 100 Continue\r\n\r\n");
    client.send(&body[..100]).await;
    (client, body)
}

#[tokio::test]
async fn a_stop_has_a_deadline() {
    let stop_time_max = Duration::from_millis(20);
    let relay = Running::in_memory(Limits { stop_time_max, ..Limits::default() }).await;
    let (_client, _) = half_a_request(&relay).await;
    insta::assert_snapshot!(relay.stop().await.unwrap_err(), @"1 connections were cut to stop in time");
}

#[tokio::test]
async fn too_many_requests_at_once_come_back_later() {
    let relay = Running::in_memory(Limits { requests_max: 1, ..Limits::default() }).await;
    let (mut client, body) = half_a_request(&relay).await;
    assert_eq!(relay.sync(&[pull(&[])]).await.status(), 503);
    client.send(&body[100..]).await;
    assert_eq!(client.receive().await.status(), 200);
}

#[tokio::test]
async fn a_body_that_stands_still_is_given_up() {
    let relay = Running::in_memory(Limits {
        chunk_time_max: Duration::from_millis(20),
        ..Limits::default()
    })
    .await;
    let (mut client, _) = half_a_request(&relay).await;
    assert_eq!(client.receive().await.status(), 503);
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn a_head_that_stands_still_is_given_up() {
    let relay = Running::in_memory(Limits {
        head_time_max: Duration::from_millis(20),
        ..Limits::default()
    })
    .await;
    let mut client = relay.connect().await;
    client.send(b"POST /v1/sync HT").await;
    assert!(client.is_closed().await);
    let mut idle = relay.connect().await;
    idle.send(&post(&request(&[pull(&[])]))).await;
    assert_eq!(idle.receive().await.status(), 200);
    assert!(idle.is_closed().await);
}

#[tokio::test]
async fn a_device_that_takes_nothing_is_given_up() {
    let relay = Running::in_memory(Limits {
        requests_max: 1,
        stall_time_max: Duration::from_millis(20),
        ..Limits::default()
    })
    .await;
    let frames: Vec<_> = (0..500).map(|n| chunk_of(tag('a'), n, 1, FRAME_MAX)).collect();
    assert_eq!(relay.sync(&[push(&frames)]).await.status(), 200);
    let mut stalled = relay.connect().await;
    stalled.send(&post(&request(&[pull(&[])]))).await;
    stalled.read_until(b"\r\n\r\n").await;
    let next = async { while relay.sync(&[pull(&frames)]).await.status() != 200 {} };
    timeout(PATIENCE, next).await.unwrap();
}

/// A request to be woken, and the head of its answer with the first sign of life or the news.
async fn waiting(relay: &Running, sections: &[Section]) -> (Client, String) {
    let mut client = relay.connect().await;
    let body = request(sections);
    let head = post_head(body.len()).replace("/v1/sync", "/v1/wake");
    client.send(&[head.as_bytes(), &body].concat()).await;
    let head = String::from_utf8(client.read_until(b"\r\n\r\n").await).unwrap();
    (client, head)
}

#[tokio::test]
async fn a_push_wakes_who_waits_for_it() {
    let limits = Limits { wakes_max: 1, ..Limits::default() };
    let relay = Running::in_memory(limits).await;
    let frames = [chunk('a', 0, 1)];
    let (mut client, head) = waiting(&relay, &[pull(&[])]).await;
    assert!(head.contains("200 OK") && head.contains("text/event-stream"), "{head}");
    client.read_until(b":\n\n\r\n").await;
    let (_, head) = waiting(&relay, &[pull(&[])]).await;
    assert!(head.contains(" 503 "), "{head}");
    // Another mailbox is no news; this one is, and then the answer ends.
    let mut other = push(&[roster(1)]);
    other.head.retire = haversack_wire::RetireHash::new([9; 32]);
    relay.sync(&[other]).await;
    relay.sync(&[push(&frames)]).await;
    let said = String::from_utf8(client.read_until(b"0\r\n\r\n").await).unwrap();
    assert_eq!(said, "F\r\ndata: changed\n\n\r\n0\r\n\r\n");
    // Who has not read it is told at once, and who has read it waits, until the relay stops.
    let (mut late, _) = waiting(&relay, &[pull(&[])]).await;
    late.read_until(b"data: changed\n\n\r\n0\r\n\r\n").await;
    let (mut client, _) = waiting(&relay, &[pull(&frames)]).await;
    client.read_until(b":\n\n\r\n").await;
    relay.stop().await.unwrap();
    client.read_until(b"0\r\n\r\n").await;
}

#[tokio::test]
async fn what_a_broken_upload_left_is_news_and_what_was_there_is_none() {
    let relay = Running::in_memory(Limits::default()).await;
    let frames = [chunk('a', 0, 1), chunk('a', 1, 1)];
    relay.sync(&[push(&frames[..1])]).await;
    let (mut waits, _) = waiting(&relay, &[pull(&frames[..1])]).await;
    waits.read_until(b":\n\n\r\n").await;
    // The same once more moves no cursor: what comes next is what the broken one left.
    relay.sync(&[push(&frames[..1])]).await;
    let bytes = post(&request(&[push(&[frames[1].clone(), chunk('a', 2, 1)])]));
    let mut client = relay.connect().await;
    client.send(&bytes[..bytes.len() - 1]).await;
    drop(client);
    waits.read_until(b"data: changed\n\n\r\n0\r\n\r\n").await;
    assert_eq!(frames_of(&relay.sync(&[pull(&frames[..1])]).await.body), frames[1..]);
    relay.stop().await.unwrap();
}

#[tokio::test]
async fn nothing_but_waiting_is_done_there() {
    let relay = Running::in_memory(Limits::default()).await;
    let by_vector = with_vector(&[], pull(&[]));
    let mut for_packs = pull(&[]);
    for_packs.head.basis = Basis::Loose;
    for asked in [push(&[chunk('a', 0, 1)]), by_vector, for_packs] {
        let (_, head) = waiting(&relay, &[asked]).await;
        assert!(head.contains(" 400 "), "{head}");
    }
    let asked = relay.sync(&[pull(&[])]).await;
    assert!(frames_of(&asked.body).is_empty());
    let mut client = relay.connect().await;
    let head = post_head(5_000).replace("/v1/sync", "/v1/wake");
    client.send(&[head.as_bytes(), &[0; 5_000]].concat()).await;
    assert_eq!(client.receive().await.status(), 413);
    relay.stop().await.unwrap();
}

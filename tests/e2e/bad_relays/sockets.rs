//! Relays that are not there, not ours, not relays, or die half-way: a reason, and nothing lost.

use haversack::{Error, Notebook, RelayUrl};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::team::{Team, day, relay};

/// A server that reads what comes first and says these bytes.
async fn saying(bytes: &'static [u8]) -> RelayUrl {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut buffer = [0; 4_096];
            let _ = stream.read(&mut buffer).await;
            let _ = stream.write_all(bytes).await;
        }
    });
    RelayUrl::new("127.0.0.1".into(), port, None)
}

async fn refused(notebook: &Notebook, url: &RelayUrl) -> String {
    let before = notebook.canonical().unwrap();
    let error = notebook.sync(url).await.unwrap_err();
    assert_eq!(notebook.canonical().unwrap(), before);
    error.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_is_told_apart() {
    let team = Team::new(0, 1);
    let nobody = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        RelayUrl::new("127.0.0.1".into(), listener.local_addr().unwrap().port(), None)
    };
    let notebook = &team.coordinator;
    assert_eq!(refused(notebook, &nobody).await, "no relay answers at this address");
    let web = saying(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n<html>").await;
    assert_eq!(refused(notebook, &web).await, "what answers at this address is not a relay");
    let mail = saying(b"220 mail.example ESMTP\r\n").await;
    assert_eq!(refused(notebook, &mail).await, "what answers at this address is not a relay");
    let other = relay(&team.folder.path().join("other")).await;
    let url: RelayUrl = format!("{}#{}", other.url.base(), "00".repeat(16)).parse().unwrap();
    assert_eq!(
        refused(notebook, &url).await,
        "another relay answers at this address than the one this store knows"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_breaks_off_is_gone_on_with() {
    let team = Team::new(1, 3);
    team.start_by_file();
    let relay = relay(&team.folder.path().join("relay")).await;
    for n in 0..40 {
        team.phones[0].log(day("2008-02-04"), &[team.contact(n, 4)]).unwrap();
        team.phones[0].sync(&relay.url).await.unwrap();
    }
    for limit in [700, 3_000, 5_000, 100_000] {
        let line = breaking(&relay.url, limit).await;
        match team.coordinator.sync(&line).await {
            Ok(_) => {}
            // One to meet the relay at a new address, one for the exchange.
            Err(Error::Interrupted { so_far }) => assert_eq!(so_far.requests, 2),
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(team.coordinator.status().unwrap().contacts, 40);
}

/// A line to a relay that breaks after so many bytes of each answer but the first.
async fn breaking(relay: &RelayUrl, limit: usize) -> RelayUrl {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let to = relay.authority();
    tokio::spawn(async move {
        let mut first = true;
        while let Ok((mut phone, _)) = listener.accept().await {
            let mut relay = TcpStream::connect(&to).await.unwrap();
            let left = if std::mem::take(&mut first) { usize::MAX } else { limit };
            tokio::spawn(async move {
                let (mut phone_in, mut phone_out) = phone.split();
                let (relay_in, mut relay_out) = relay.split();
                let mut relay_in = relay_in.take(left as u64);
                tokio::select! {
                    _ = tokio::io::copy(&mut phone_in, &mut relay_out) => {}
                    _ = tokio::io::copy(&mut relay_in, &mut phone_out) => {}
                }
            });
        }
    });
    RelayUrl::new("127.0.0.1".into(), port, relay.relay())
}

/// What a relay under load, a proxy or a portal answers: each is told as what it is, trying again is of use, and nothing is lost.
#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_refusals_loses_nothing() {
    let team = Team::new(1, 2);
    team.start_by_file();
    let relay = relay(&team.folder.path().join("relay")).await;
    let storm = [401, 413, 429, 500, 502, 503].repeat(3);
    let (line, phone) = (stormy(&relay.url, storm.clone()).await, &team.phones[0]);
    phone.log(day("2008-02-04"), &[team.contact(0, 4), team.contact(1, 5)]).unwrap();
    let own = phone.status().unwrap().own.here_only;
    for status in storm {
        match phone.sync(&line).await {
            Err(error @ Error::Refused { status: found }) => {
                assert_eq!(found, status);
                assert!(!error.is_lasting(), "whoever follows tries again");
            }
            other => panic!("{status}: {other:?}"),
        }
        let now = phone.status().unwrap().own;
        assert_eq!((now.here_only, now.relayed, now.acknowledged), (own, 0, 0));
    }
    for who in [phone, &team.coordinator, &team.coordinator, phone] {
        who.sync(&line).await.unwrap();
    }
    assert_eq!(phone.canonical().unwrap(), team.coordinator.canonical().unwrap());
    assert_eq!(phone.status().unwrap().own.acknowledged, own);
}

/// A line to a relay that refuses so many requests for an exchange, one after another, before it lets all of them through.
async fn stormy(relay: &RelayUrl, mut storm: Vec<u16>) -> RelayUrl {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let to = relay.authority();
    storm.reverse();
    tokio::spawn(async move {
        while let Ok((mut phone, _)) = listener.accept().await {
            let head = head_of(&mut phone).await;
            let is_exchange = head.starts_with(b"POST /v1/sync");
            if let Some(status) = is_exchange.then(|| storm.pop()).flatten() {
                let refusal = format!(
                    "HTTP/1.1 {status} No\r\nretry-after: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
                );
                let _ = phone.write_all(refusal.as_bytes()).await;
                tokio::spawn(
                    async move { tokio::io::copy(&mut phone, &mut tokio::io::sink()).await },
                );
            } else {
                let mut relay = TcpStream::connect(&to).await.unwrap();
                relay.write_all(&head).await.unwrap();
                tokio::spawn(
                    async move { tokio::io::copy_bidirectional(&mut phone, &mut relay).await },
                );
            }
        }
    });
    RelayUrl::new("127.0.0.1".into(), port, relay.relay())
}

/// The head of a request, with what else has come; so that the line takes one request, it asks that the connection be closed after it.
async fn head_of(phone: &mut TcpStream) -> Vec<u8> {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        if phone.read_buf(&mut head).await.unwrap_or_default() == 0 {
            return head;
        }
    }
    let line = head.windows(2).position(|end| end == b"\r\n").unwrap() + 2;
    head.splice(line..line, *b"connection: close\r\n");
    head
}

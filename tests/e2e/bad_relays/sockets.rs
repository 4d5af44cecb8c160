//! Relays that are not there, not ours, not relays, or die half-way: a reason, and nothing lost.

use haversack::{Error, Notebook, RelayUrl};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

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
            let mut relay = tokio::net::TcpStream::connect(&to).await.unwrap();
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

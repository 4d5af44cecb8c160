//! Proxies between a phone and a relay: real ones, a screen long each.

use std::sync::{Arc, Mutex};

use haversack::{Error, Proxy, RelayUrl};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::team::{Team, tls_relay};
use crate::watched::{Seen, join};

/// What a proxy was asked for, as it was asked.
type Asked = Arc<Mutex<Vec<String>>>;

/// A SOCKS5 proxy that takes every name to be one relay's.
async fn socks5(relay: String) -> (Proxy, Asked) {
    let (listener, proxy, asked) = listen("socks5h").await;
    let all = asked.clone();
    tokio::spawn(async move {
        while let Ok((phone, _)) = listener.accept().await {
            by_socks5(phone, &relay, &all).await;
        }
    });
    (proxy, asked)
}

async fn by_socks5(mut phone: TcpStream, relay: &str, asked: &Asked) {
    let mut hello = [0; 3];
    phone.read_exact(&mut hello).await.unwrap();
    assert_eq!(hello, [5, 1, 0]);
    phone.write_all(&[5, 0]).await.unwrap();
    let mut head = [0; 4];
    phone.read_exact(&mut head).await.unwrap();
    assert_eq!(head, [5, 1, 0, 3], "a name, not an address");
    let mut name = vec![0; phone.read_u8().await.unwrap().into()];
    phone.read_exact(&mut name).await.unwrap();
    let port = phone.read_u16().await.unwrap();
    asked.lock().unwrap().push(format!("{}:{port}", String::from_utf8(name).unwrap()));
    if port == 1 {
        return phone.write_all(&[5, 5, 0, 1, 0, 0, 0, 0, 0, 0]).await.unwrap();
    }
    phone.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await.unwrap();
    join(phone, TcpStream::connect(relay).await.unwrap(), Seen::default()).await;
}

/// An HTTP proxy of the same kind.
async fn connect(relay: String) -> (Proxy, Asked) {
    let (listener, proxy, asked) = listen("http").await;
    let all = asked.clone();
    tokio::spawn(async move {
        while let Ok((phone, _)) = listener.accept().await {
            by_connect(phone, &relay, &all).await;
        }
    });
    (proxy, asked)
}

async fn by_connect(mut phone: TcpStream, relay: &str, asked: &Asked) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(phone.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    let to = head.strip_prefix("CONNECT ").unwrap().split(' ').next().unwrap().to_owned();
    let is_forbidden = to.ends_with(":1");
    asked.lock().unwrap().push(to);
    if is_forbidden {
        return phone.write_all(b"HTTP/1.1 403 Forbidden\r\n\r\n").await.unwrap();
    }
    phone.write_all(b"HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n").await.unwrap();
    join(phone, TcpStream::connect(relay).await.unwrap(), Seen::default()).await;
}

/// A loopback port, as a proxy's address.
async fn listen(scheme: &str) -> (TcpListener, Proxy, Asked) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("{scheme}://{}", listener.local_addr().unwrap());
    (listener, url.parse().unwrap(), Asked::default())
}

/// The relay under a name that no resolver knows.
fn hidden(relay: &RelayUrl, port: u16) -> RelayUrl {
    RelayUrl::new("relay.invalid".into(), port, relay.relay()).secured(relay.pins().to_vec())
}

#[tokio::test(flavor = "multi_thread")]
async fn each_looks_up_the_name_and_sees_no_more() {
    let team = Team::new(0, 1);
    let relay = tls_relay(&team.folder.path().join("relay")).await;
    let to = relay.url.authority();
    for (proxy, asked) in [socks5(to.clone()).await, connect(to).await] {
        team.coordinator.set_proxy(Some(proxy));
        let synced = team.coordinator.sync(&hidden(&relay.url, 443)).await.unwrap();
        assert_eq!(synced.requests, 1);
        let refused = team.coordinator.sync(&hidden(&relay.url, 1)).await.unwrap_err();
        assert!(
            refused.to_string().starts_with("the proxy does not connect to the relay: "),
            "{refused}"
        );
        assert_eq!(*asked.lock().unwrap(), ["relay.invalid:443", "relay.invalid:1"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_goes_around_it() {
    let team = Team::new(0, 1);
    let relay = tls_relay(&team.folder.path().join("relay")).await;
    let gone = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    };
    for scheme in ["socks5h", "http"] {
        team.coordinator.set_proxy(Some(format!("{scheme}://{gone}").parse().unwrap()));
        let error = team.coordinator.sync(&relay.url).await.unwrap_err();
        assert_eq!(error.to_string(), "the proxy does not answer");
        // What answers is the relay itself, and no proxy.
        let wrong = format!("{scheme}://{}", relay.url.authority());
        team.coordinator.set_proxy(Some(wrong.parse().unwrap()));
        let error = team.coordinator.sync(&relay.url).await.unwrap_err();
        assert!(matches!(error, Error::Proxy(_)), "{error}");
    }
    team.coordinator.set_proxy(None);
    team.coordinator.sync(&relay.url).await.unwrap();
}

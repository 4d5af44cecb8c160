//! A proxy between this device and a relay: SOCKS5 (Tor), or HTTP CONNECT.
//!
//! Either is given the relay's name as it stands, and looks it up itself: nothing here asks a resolver, which would tell
//! the network what the proxy is there to hide.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::RelayUrl;

/// A longer answer to CONNECT is none.
const HEAD_LEN_MAX: usize = 8 * 1_024;

/// Why a proxy cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProxyError {
    /// Its address.
    #[error("the proxy's address {why}")]
    Address {
        /// In what way.
        why: &'static str,
    },
    /// Nobody answers there.
    #[error("the proxy does not answer")]
    Unreachable {
        /// The operating system's own error.
        #[source]
        source: std::io::Error,
    },
    /// What answers is no such proxy.
    #[error("what answers at the proxy's address is not a proxy of this kind")]
    NotAProxy,
    /// It answers, and does not reach the relay, or does not want to.
    #[error("the proxy does not connect to the relay: {why}")]
    Refused {
        /// What it said.
        why: &'static str,
    },
    /// An app's own HTTP client was set as well, which goes where it goes: nothing was sent around the proxy.
    #[error(
        "a proxy and an HTTP client are both set, and the client does not use this proxy: set it there"
    )]
    NotUsed,
}

impl From<std::io::Error> for ProxyError {
    fn from(source: std::io::Error) -> Self {
        Self::Unreachable { source }
    }
}

/// A proxy: `socks5h://HOST:PORT` or `http://HOST:PORT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    kind: Kind,
    authority: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// RFC 1928, without a password.
    Socks5,
    /// RFC 9110, § 9.3.6.
    Connect,
}

impl FromStr for Proxy {
    type Err = ProxyError;

    fn from_str(text: &str) -> Result<Self, ProxyError> {
        let refused = |why| ProxyError::Address { why };
        let (kind, rest) = match text.split_once("://") {
            Some(("socks5h", rest)) => (Kind::Socks5, rest),
            Some(("http", rest)) => (Kind::Connect, rest),
            Some(("socks5", _)) => {
                return Err(refused("must begin with socks5h://: it looks names up itself"));
            }
            _ => return Err(refused("must begin with socks5h:// or http://")),
        };
        let address = rest.strip_suffix('/').unwrap_or(rest);
        if address.contains('@') {
            return Err(refused("has a user name, which is not supported"));
        }
        // One grammar of hosts and ports.
        let url = format!("http://{address}").parse::<RelayUrl>();
        match (url, address.rsplit_once(':')) {
            (Ok(url), Some(_)) if url.relay().is_none() => {
                Ok(Self { kind, authority: url.authority() })
            }
            _ => Err(refused("has no usable host and port")),
        }
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::Socks5 => "socks5h",
            Kind::Connect => "http",
        };
        write!(f, "{kind}://{}", self.authority)
    }
}

impl Proxy {
    /// `HOST:PORT`.
    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }

    /// Asks the proxy at the other end of a stream for the relay. Afterwards the stream leads there.
    pub(crate) async fn ask<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: &mut S,
        relay: &RelayUrl,
    ) -> Result<(), ProxyError> {
        match self.kind {
            Kind::Socks5 => socks5(stream, relay).await,
            Kind::Connect => connect(stream, relay).await,
        }
    }
}

async fn socks5<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    relay: &RelayUrl,
) -> Result<(), ProxyError> {
    // Version 5, one method: no password.
    stream.write_all(&[5, 1, 0]).await?;
    match stream.read_u16().await? {
        0x0500 => {}
        0x05ff => return Err(ProxyError::Refused { why: "it asks for a password" }),
        _ => return Err(ProxyError::NotAProxy),
    }
    stream.write_all(&socks5_request(relay)).await?;
    let mut head = [0; 4];
    stream.read_exact(&mut head).await?;
    let [5, code, 0, kind] = head else { return Err(ProxyError::NotAProxy) };
    if code != 0 {
        return Err(ProxyError::Refused { why: socks5_reason(code) });
    }
    // Where it is bound there: of no use here.
    let length = match kind {
        1 => 4,
        3 => stream.read_u8().await?.into(),
        4 => 16,
        _ => return Err(ProxyError::NotAProxy),
    };
    stream.read_exact(&mut vec![0; length + 2]).await?;
    Ok(())
}

/// Version 5, connect, reserved, kind of address, address, port.
fn socks5_request(relay: &RelayUrl) -> Vec<u8> {
    let mut request = vec![5, 1, 0];
    match relay.host().parse() {
        Ok(IpAddr::V4(address)) => {
            request.push(1);
            request.extend(address.octets());
        }
        Ok(IpAddr::V6(address)) => {
            request.push(4);
            request.extend(address.octets());
        }
        Err(_) => {
            // An address has at most 253 bytes of host.
            request.extend([3, relay.host().len() as u8]);
            request.extend(relay.host().bytes());
        }
    }
    request.extend(relay.port().to_be_bytes());
    request
}

const fn socks5_reason(code: u8) -> &'static str {
    match code {
        1 => "it failed",
        2 => "its rules forbid it",
        3 => "the network is not in reach",
        4 => "the host is not in reach",
        5 => "nobody answers there",
        6 => "it took too long",
        _ => "it cannot do this",
    }
}

async fn connect<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    relay: &RelayUrl,
) -> Result<(), ProxyError> {
    let to = relay.authority();
    let request = format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    // Byte by byte: what comes behind the head is the relay's.
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
        if head.len() > HEAD_LEN_MAX {
            return Err(ProxyError::NotAProxy);
        }
    }
    let status = head.strip_prefix(b"HTTP/1.").and_then(|rest| rest.get(2..5));
    match status {
        Some([b'2', _, _]) => Ok(()),
        Some(b"407") => Err(ProxyError::Refused { why: "it asks for a password" }),
        Some(b"403" | b"405") => Err(ProxyError::Refused { why: "its rules forbid it" }),
        Some([b'4' | b'5', _, _]) => Err(ProxyError::Refused { why: "nobody answers there" }),
        _ => Err(ProxyError::NotAProxy),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let check = |text: &str, expect: Option<&str>| {
            let read = text.parse::<Proxy>().ok().map(|proxy| proxy.to_string());
            assert_eq!(read.as_deref(), expect, "{text}");
        };
        check("socks5h://127.0.0.1:9050", Some("socks5h://127.0.0.1:9050"));
        check("http://proxy.example:3128/", Some("http://proxy.example:3128"));
        check("socks5h://[::1]:9050", Some("socks5h://[::1]:9050"));
        for bad in
            ["", "127.0.0.1:9050", "socks5://a:1", "https://a:1", "http://u:p@a:1", "http://a"]
        {
            check(bad, None);
        }
    }
}

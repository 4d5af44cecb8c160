//! Where a relay answers, and which relay it must be.

use std::str::FromStr;

use haversack_wire::Relay;

use crate::Error;

/// A relay's address: `http://HOST:PORT`, optionally with `#` and the relay's id, 32 hex digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelayUrl {
    host: String,
    port: u16,
    relay: Option<Relay>,
}

impl RelayUrl {
    /// The address of a relay whose id is known.
    #[must_use]
    pub const fn new(host: String, port: u16, relay: Option<Relay>) -> Self {
        Self { host, port, relay }
    }

    /// `HOST:PORT`, as HTTP and the resolver take it.
    #[must_use]
    pub fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// The relay that must answer there, when the address says so.
    #[must_use]
    pub const fn relay(&self) -> Option<Relay> {
        self.relay
    }

    /// The address without the relay's id.
    #[must_use]
    pub fn base(&self) -> String {
        format!("http://{}", self.authority())
    }
}

impl FromStr for RelayUrl {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let refused = |why| Error::Address { why };
        let rest = text.strip_prefix("http://").ok_or(refused("must begin with http://"))?;
        let (address, relay) = match rest.split_once('#') {
            Some((address, id)) => (address, Some(read_relay(id)?)),
            None => (rest, None),
        };
        let address = address.strip_suffix('/').unwrap_or(address);
        let (host, port) = address.rsplit_once(':').unwrap_or((address, "80"));
        let plain = |b: u8| b.is_ascii_alphanumeric() || b".-_[]:".contains(&b);
        if host.is_empty() || host.len() > 253 || !host.bytes().all(plain) {
            return Err(refused("has no usable host"));
        }
        let port = port.parse().map_err(|_| refused("has no usable port"))?;
        Ok(Self { host: host.to_owned(), port, relay })
    }
}

fn read_relay(text: &str) -> Result<Relay, Error> {
    let refused = Error::Address { why: "must end in the relay's id of 32 hex digits after #" };
    let digits = text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
    let number = u128::from_str_radix(text, 16).ok().filter(|_| digits);
    number.map(|number| Relay::new(number.to_be_bytes())).ok_or(refused)
}

impl std::fmt::Display for RelayUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.base())?;
        match self.relay {
            Some(relay) => write!(f, "#{:032x}", u128::from_be_bytes(relay.to_bytes())),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let check = |text: &str, expect: Option<&str>| {
            let read = text.parse::<RelayUrl>().ok().map(|url| url.to_string());
            assert_eq!(read.as_deref(), expect, "{text}");
        };
        check("http://127.0.0.1:8080", Some("http://127.0.0.1:8080"));
        check("http://relay.example/", Some("http://relay.example:80"));
        check("http://[::1]:8080", Some("http://[::1]:8080"));
        let id = "00112233445566778899aabbccddeeff";
        check(&format!("http://a:1#{id}"), Some(&format!("http://a:1#{id}")));
        check("http://a:1#0011", None);
        check("https://a:1", None);
        check("http://", None);
        check("http://a b:1", None);
        check("http://a:99999", None);
    }
}

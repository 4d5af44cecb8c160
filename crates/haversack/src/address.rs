//! Where a relay answers, and which relay it must be.

use std::str::FromStr;

use haversack_core::RelayAddress;
use haversack_tls::Pin;
use haversack_wire::Relay;

use crate::Error;

/// Pins that an address may have, as in the roster.
const PINS_MAX: usize = 4;

/// How a relay is talked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Whoever watches the network sees the right to the mailbox.
    Http,
    /// TLS 1.3.
    Https,
}

impl Scheme {
    const fn mark(self) -> &'static str {
        match self {
            Self::Http => "http://",
            Self::Https => "https://",
        }
    }

    const fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// A relay's address: `https://HOST[:PORT]` or `http://HOST[:PORT]`, optionally with `#` and the relay's id, 32 hex digits, and
/// with `https` up to 4 pins of its key behind that, each a point and 64 hex digits. For QR's alphanumeric mode, `+` may stand for
/// `#`, and capitals for small letters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelayUrl {
    scheme: Scheme,
    host: String,
    port: u16,
    relay: Option<Relay>,
    pins: Vec<Pin>,
}

impl RelayUrl {
    /// The address of a relay whose id is known, without TLS.
    #[must_use]
    pub const fn new(host: String, port: u16, relay: Option<Relay>) -> Self {
        Self { scheme: Scheme::Http, host, port, relay, pins: Vec::new() }
    }

    /// The same with TLS: under a key that is pinned, or, without pins, one that public authorities vouch for.
    #[must_use]
    pub fn secured(self, pins: Vec<Pin>) -> Self {
        Self { scheme: Scheme::Https, pins, ..self }
    }

    /// The addresses of a relay that can be used here, each with its id.
    pub fn of(relay: &RelayAddress) -> impl Iterator<Item = Self> + '_ {
        let id = u128::from_be_bytes(relay.relay.to_bytes());
        relay.addresses.iter().filter_map(move |address| {
            let scheme = if address.contains("://") { "" } else { "http://" };
            format!("{scheme}{address}#{id:032x}").parse().ok()
        })
    }

    /// `HOST:PORT`, as HTTP and the resolver take it.
    #[must_use]
    pub fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// How it is talked to.
    #[must_use]
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host: a name, or an address without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        let inner = self.host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        inner.unwrap_or(&self.host)
    }

    /// The port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The relay that must answer there, when the address says so.
    #[must_use]
    pub const fn relay(&self) -> Option<Relay> {
        self.relay
    }

    /// The keys of which the relay must have one, when the address says so.
    #[must_use]
    pub fn pins(&self) -> &[Pin] {
        &self.pins
    }

    /// The address without the relay's id and pins.
    #[must_use]
    pub fn base(&self) -> String {
        format!("{}{}", self.scheme.mark(), self.authority())
    }

    /// The whole address in the characters of QR's alphanumeric mode.
    #[must_use]
    pub fn to_code(&self) -> String {
        self.to_string().replace('#', "+").to_ascii_uppercase()
    }

    /// What a store remembers a relay by that it met here.
    pub(crate) fn key(&self) -> String {
        match self.scheme {
            Scheme::Http => self.authority(),
            Scheme::Https => self.base(),
        }
    }
}

impl FromStr for RelayUrl {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let text = text.to_ascii_lowercase();
        let schemes = [Scheme::Https, Scheme::Http].into_iter();
        let mut split =
            schemes.filter_map(|scheme| Some((scheme, text.strip_prefix(scheme.mark())?)));
        let (scheme, rest) = split.next().ok_or(refused("must begin with https:// or http://"))?;
        let (address, named) =
            rest.split_once(['#', '+']).map_or((rest, None), |(a, b)| (a, Some(b)));
        let (relay, pins) = named.map(read_named).transpose()?.unzip();
        let pins = pins.unwrap_or_default();
        if scheme == Scheme::Http && !pins.is_empty() {
            return Err(refused("has a pin, which takes https://"));
        }
        let (host, port) = read_host(address.strip_suffix('/').unwrap_or(address), scheme)?;
        Ok(Self { scheme, host, port, relay, pins })
    }
}

const fn refused(why: &'static str) -> Error {
    Error::Address { why }
}

fn read_host(address: &str, scheme: Scheme) -> Result<(String, u16), Error> {
    let has_port = address.rsplit_once(':').filter(|(_, port)| !port.ends_with(']'));
    let (host, port) = match has_port {
        Some((host, port)) => (host, port.parse().map_err(|_| refused("has no usable port"))?),
        None => (address, scheme.port()),
    };
    let plain = |b: u8| b.is_ascii_alphanumeric() || b".-_[]:".contains(&b);
    match host.is_empty() || host.len() > 253 || !host.bytes().all(plain) {
        true => Err(refused("has no usable host")),
        false => Ok((host.to_owned(), port)),
    }
}

/// What stands behind the `#`: `ID` or `ID.PIN.PIN…`.
fn read_named(text: &str) -> Result<(Relay, Vec<Pin>), Error> {
    let mut parts = text.split('.');
    let relay = read_relay(parts.next().unwrap_or_default())?;
    let pins: Result<Vec<Pin>, _> = parts.map(str::parse).collect();
    let pins = pins.map_err(|_| refused("has a pin that is not 64 hex digits"))?;
    match pins.len() > PINS_MAX {
        true => Err(refused("has more than 4 pins")),
        false => Ok((relay, pins)),
    }
}

fn read_relay(text: &str) -> Result<Relay, Error> {
    let digits = text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
    let number = u128::from_str_radix(text, 16).ok().filter(|_| digits);
    number
        .map(|number| Relay::new(number.to_be_bytes()))
        .ok_or(refused("must end in the relay's id of 32 hex digits after #"))
}

impl std::fmt::Display for RelayUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.base())?;
        let Some(relay) = self.relay else { return Ok(()) };
        write!(f, "#{:032x}", u128::from_be_bytes(relay.to_bytes()))?;
        self.pins.iter().try_for_each(|pin| write!(f, ".{pin}"))
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
        check("https://relay.example", Some("https://relay.example:443"));
        check("http://[::1]:8080", Some("http://[::1]:8080"));
        check("https://[::1]", Some("https://[::1]:443"));
        let id = "00112233445566778899aabbccddeeff";
        check(&format!("http://a:1#{id}"), Some(&format!("http://a:1#{id}")));
        let pin = format!(".{}", "0f".repeat(32));
        for pins in [1, 4] {
            let text = format!("https://a:1#{id}{}", pin.repeat(pins));
            check(&text, Some(&text));
        }
        check(&format!("https://a:1#{id}{}", pin.repeat(5)), None);
        check(&format!("https://a:1#{id}{pin}0"), None);
        check(&format!("http://a:1#{id}{pin}"), None);
        check(&format!("https://a:1#{pin}"), None);
        let code = format!("https://a:1#{id}{pin}").parse::<RelayUrl>().unwrap().to_code();
        assert!(
            code.bytes()
                .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b":/+.".contains(&b))
        );
        check(&code, Some(&format!("https://a:1#{id}{pin}")));
        check("http://a:1#0011", None);
        check("a:1", None);
        check("http://", None);
        check("http://a b:1", None);
        check("http://a:99999", None);
    }

    #[test]
    fn hosts() {
        let host = |text: &str| text.parse::<RelayUrl>().unwrap().host().to_owned();
        assert_eq!(host("https://[::1]:8443"), "::1");
        assert_eq!(host("https://relay.example"), "relay.example");
    }
}

//! The relays of the team, and the way to them.

use haversack::{EngineError, Proxy, ProxyError, Relay, RelayUrl};

use crate::team::{device_text, id_of};
use crate::{HaversackError, Notebook, SyncReport};

type Outcome<T> = Result<T, HaversackError>;

/// A relay that the team's roster names.
#[derive(Debug, Clone, uniffi::Record)]
pub struct RelayAddress {
    /// Its id.
    pub relay: String,
    /// Where it answers, as in `https://relay.example:443`; nowhere any more when empty.
    pub addresses: Vec<String>,
    /// Of which keys it must show one over `https`: 32 bytes each.
    pub pins: Vec<Vec<u8>>,
}

/// What the sync with one of several relays came to.
#[derive(Debug, uniffi::Record)]
pub struct RelaySynced {
    /// Where it was tried last.
    pub url: String,
    /// What was done, if it worked.
    pub report: Option<SyncReport>,
    /// Why it did not.
    pub failure: Option<HaversackError>,
}

#[uniffi::export(async_runtime = "tokio")]
impl Notebook {
    /// The relays that the team's roster names.
    ///
    /// # Errors
    /// `JoinSpace`.
    pub fn relays(&self) -> Outcome<Vec<RelayAddress>> {
        Ok(self.0.relays()?.iter().map(RelayAddress::from).collect())
    }

    /// Names relays of the team, each in place of what was said of it before; one without an address answers nowhere any more.
    ///
    /// # Errors
    /// `AskCoordinator` when this device's role does not allow it, `FixInput` for an id or a pin that is none.
    pub fn set_relays(&self, relays: &[RelayAddress]) -> Outcome<()> {
        let relays: Vec<_> =
            relays.iter().map(haversack::RelayAddress::try_from).collect::<Result<_, _>>()?;
        Ok(self.0.set_relays(&relays)?)
    }

    /// Names a relay to the team, or another address of one, as a relay shows it when it starts: with its id, and its pin if it
    /// has one. Without the id the relay is asked for it; do that over a network that is trusted.
    ///
    /// # Errors
    /// As [`Notebook::set_relays`], and without the id as [`Notebook::sync`].
    pub async fn add_relay(&self, url: String) -> Outcome<RelayAddress> {
        Ok(RelayAddress::from(&self.0.add_relay(&url.parse()?).await?))
    }

    /// Syncs with every relay that the roster names, one after another. One that cannot be reached, or does wrong, keeps nobody
    /// from the others.
    ///
    /// # Errors
    /// `JoinSpace`. Whatever a relay does is in what it came to.
    pub async fn sync_all(&self) -> Outcome<Vec<RelaySynced>> {
        Ok(self.0.sync_all().await?.into_iter().map(RelaySynced::from).collect())
    }

    /// Goes to relays over a proxy from now on, in further spaces too: `socks5h://HOST:PORT`, such as Tor, or `http://HOST:PORT`.
    /// Over none without one. It is forgotten when the notebook is locked.
    ///
    /// # Errors
    /// `FixInput` for an address that is none.
    pub fn set_proxy(&self, proxy: Option<String>) -> Outcome<()> {
        let proxy = proxy.map(|proxy| proxy.parse::<Proxy>()).transpose();
        self.0.set_proxy(proxy.map_err(|error: ProxyError| haversack::Error::from(error))?);
        Ok(())
    }
}

impl From<&haversack::RelayAddress> for RelayAddress {
    fn from(relay: &haversack::RelayAddress) -> Self {
        Self {
            relay: relay_text(relay.relay),
            addresses: relay.addresses.clone(),
            pins: relay.pins.iter().map(|pin| pin.to_vec()).collect(),
        }
    }
}

impl TryFrom<&RelayAddress> for haversack::RelayAddress {
    type Error = HaversackError;

    fn try_from(relay: &RelayAddress) -> Outcome<Self> {
        let rule = || "has 32 bytes".to_owned();
        let pin = |pin: &Vec<u8>| {
            let pin: Result<[u8; 32], _> = pin.as_slice().try_into();
            pin.map_err(|_| EngineError::Invalid { field: "pin", rule: rule() })
        };
        for address in &relay.addresses {
            address.parse::<RelayUrl>()?;
        }
        let unknown = EngineError::Unknown { what: "relay" };
        Ok(Self {
            relay: Relay::new(id_of(&relay.relay).ok_or(unknown)?),
            addresses: relay.addresses.clone(),
            pins: relay.pins.iter().map(pin).collect::<Result<_, _>>()?,
        })
    }
}

impl From<haversack::RelaySynced> for RelaySynced {
    fn from(synced: haversack::RelaySynced) -> Self {
        let url = synced.url.to_string();
        match synced.outcome {
            Ok(report) => Self { url, report: Some(report.into()), failure: None },
            Err(error) => Self { url, report: None, failure: Some(error.into()) },
        }
    }
}

/// A relay's id as hexadecimal digits.
pub(crate) fn relay_text(relay: Relay) -> String {
    device_text(haversack::Device::new(relay.to_bytes()))
}

//! Several relays: each is given everything, and asked for what it has.

use haversack_core::RelayAddress;

use crate::{Error, Notebook, Relay, RelayUrl, SyncReport};

/// What the sync with one of several relays came to.
#[derive(Debug)]
pub struct RelaySynced {
    /// Where it was tried last.
    pub url: RelayUrl,
    /// What was done, or why it did not work.
    pub outcome: Result<SyncReport, Error>,
}

impl Notebook {
    /// The relays of the team's roster, with these added: what [`Notebook::set_relays`] and [`Notebook::invite`] take.
    ///
    /// # Errors
    /// `NoSpace`; [`Error::Address`] for one without the relay's id.
    pub fn relays_with(&self, urls: &[RelayUrl]) -> Result<Vec<RelayAddress>, Error> {
        let mut relays = self.relays()?;
        for url in urls {
            let id = url.relay().ok_or(Error::Address { why: "does not name the relay's id" })?;
            match relays.iter_mut().find(|known| known.relay == id) {
                Some(known) => add(known, url),
                None => relays.push(named(id, url)),
            }
        }
        relays.sort_by_key(|relay| relay.relay);
        Ok(relays)
    }

    /// Names a relay to the team, or another address of one. One whose address does not name its id is asked for it: over a
    /// network that is trusted.
    ///
    /// # Errors
    /// As [`Notebook::relay_at`] and [`Notebook::set_relays`].
    pub async fn add_relay(&self, url: &RelayUrl) -> Result<RelayAddress, Error> {
        let id = match url.relay() {
            Some(id) => id,
            None => self.relay_at(url).await?,
        };
        let known = self.relays()?.into_iter().find(|known| known.relay == id);
        let mut relay = known.unwrap_or_else(|| named(id, url));
        add(&mut relay, url);
        self.set_relays(std::slice::from_ref(&relay))?;
        Ok(relay)
    }

    /// Syncs with every relay that the team's roster names, one after another; of a relay's addresses with the first that
    /// answers. One that cannot be reached, or does wrong, keeps nobody from the others.
    ///
    /// # Errors
    /// `NoSpace`. Whatever a relay does is in what it came to.
    pub async fn sync_all(&self) -> Result<Vec<RelaySynced>, Error> {
        let mut all = Vec::new();
        for relay in self.relays()? {
            all.extend(self.sync_one(&relay).await);
        }
        Ok(all)
    }

    /// Syncs with a relay of the roster, at the first of its addresses that answers. Nothing where it has none that can be used
    /// here.
    pub async fn sync_one(&self, relay: &RelayAddress) -> Option<RelaySynced> {
        let mut last = None;
        for url in RelayUrl::of(relay) {
            let outcome = self.sync(&url).await;
            let is_elsewhere = matches!(&outcome, Err(Error::Unreachable { .. }));
            last = Some(RelaySynced { url, outcome });
            if !is_elsewhere {
                break;
            }
        }
        last
    }
}

fn named(relay: Relay, url: &RelayUrl) -> RelayAddress {
    let mut named = RelayAddress { relay, addresses: Vec::new(), pins: Vec::new() };
    add(&mut named, url);
    named
}

fn add(relay: &mut RelayAddress, url: &RelayUrl) {
    if !relay.addresses.contains(&url.base()) {
        relay.addresses.push(url.base());
    }
    for pin in url.pins().iter().map(|pin| pin.to_bytes()) {
        if !relay.pins.contains(&pin) {
            relay.pins.push(pin);
        }
    }
}

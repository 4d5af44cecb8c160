//! Several relays: each is given everything, and asked for what it has.

use haversack_core::RelayAddress;

use crate::{Error, Notebook, RelayUrl, SyncReport};

/// What the sync with one of several relays came to.
#[derive(Debug)]
pub struct RelaySynced {
    /// Where it was tried last.
    pub url: RelayUrl,
    /// What was done, or why it did not work.
    pub outcome: Result<SyncReport, Error>,
}

impl Notebook {
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

//! Who waits for news of a mailbox hears of it where it is stored, whatever becomes of the request that brought it.

use std::ops::RangeInclusive;
use std::sync::Arc;

use haversack_wire::{CursorDigest, LaneTag, Mailbox, Retire};
use tokio::sync::broadcast;

use crate::Error;
use crate::storage::{Entry, Head, Incoming, Receipt, Storage};

/// A storage that tells of each mailbox in which something is new.
pub(super) struct Telling {
    storage: Arc<dyn Storage>,
    news: broadcast::Sender<Mailbox>,
}

impl Telling {
    pub(super) fn new(storage: Arc<dyn Storage>, news: broadcast::Sender<Mailbox>) -> Self {
        Self { storage, news }
    }
}

impl Storage for Telling {
    fn push(&self, mailbox: Mailbox, frames: Vec<Incoming>) -> Result<Vec<Receipt>, Error> {
        let receipts = self.storage.push(mailbox, frames)?;
        if receipts.iter().any(|receipt| matches!(receipt, Receipt::New(_))) {
            // That nobody waits is no failure.
            let _heard = self.news.send(mailbox);
        }
        Ok(receipts)
    }

    fn head(&self, mailbox: Mailbox) -> Result<Head, Error> {
        self.storage.head(mailbox)
    }

    fn digest_at(&self, mailbox: Mailbox, cursor: u64) -> Result<Option<CursorDigest>, Error> {
        self.storage.digest_at(mailbox, cursor)
    }

    fn have(&self, mailbox: Mailbox) -> Result<Vec<(LaneTag, u32)>, Error> {
        self.storage.have(mailbox)
    }

    fn entries(
        &self,
        mailbox: Mailbox,
        cursors: RangeInclusive<u64>,
        limit: usize,
    ) -> Result<Vec<Entry>, Error> {
        self.storage.entries(mailbox, cursors, limit)
    }

    fn retire(&self, mailbox: Mailbox, retire: &Retire) -> Result<(), Error> {
        self.storage.retire(mailbox, retire)
    }

    fn frames(&self, mailbox: Mailbox, cursors: &[u64]) -> Result<Vec<Vec<u8>>, Error> {
        self.storage.frames(mailbox, cursors)
    }
}

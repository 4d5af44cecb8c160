//! Who waits for news of a mailbox hears of it where it is stored, whatever becomes of the request that brought it.

use std::sync::Arc;

use haversack_wire::Mailbox;
use tokio::sync::broadcast;

use crate::Error;
use crate::storage::{Incoming, Layer, Receipt, Storage};

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

impl Layer for Telling {
    fn below(&self) -> &dyn Storage {
        &*self.storage
    }

    fn store(&self, mailbox: Mailbox, frames: Vec<Incoming>) -> Result<Vec<Receipt>, Error> {
        let receipts = self.storage.push(mailbox, frames)?;
        if receipts.iter().any(|receipt| matches!(receipt, Receipt::New(_))) {
            // That nobody waits is no failure.
            let _heard = self.news.send(mailbox);
        }
        Ok(receipts)
    }
}

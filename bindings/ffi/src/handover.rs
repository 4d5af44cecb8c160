//! Giving the device to its next worker.

use crate::{HaversackError, Notebook};

type Outcome<T> = Result<T, HaversackError>;

/// What would be lost with this store: nobody has said, signed, that they have it.
#[derive(Debug, Clone, Copy, uniffi::Record)]
pub struct Owed {
    /// This device's own changes that no coordinator and no archive has acknowledged; a relay may hold them.
    pub changes: u64,
    /// What this device, or the root key, decided about the team, and no other member is known to have seen.
    pub decisions: u64,
    /// Frames that came by file and are carried to the next relay.
    pub carried: u64,
    /// Changes of which a coordinator or an archive has signed that it refused a part of what they came with: owed no more.
    pub refused: u64,
}

#[uniffi::export]
impl Notebook {
    /// What would be lost with this store. After a sync here, two at a coordinator's, and one here again it is nothing.
    ///
    /// # Errors
    /// `Unlock`.
    pub fn owed(&self) -> Outcome<Owed> {
        Ok(Owed::from(self.0.owed()?))
    }

    /// Destroys the store, so that the device's next worker makes a new one, provided that nothing is owed beyond `settled`. That
    /// is what [`Notebook::owed`] gave before [`Notebook::export_bundle`], once the bundle is kept elsewhere; all zeros otherwise. A
    /// coordinator takes the bundle, and removes this device afterwards. In an emergency call `wipe`.
    ///
    /// # Errors
    /// `AskCoordinator` when more is owed, `FixInput` when the root key is here: the store is as it was. `ReportFault` when the
    /// keys could not be overwritten.
    pub fn hand_over(&self, settled: Owed) -> Outcome<()> {
        Ok(self.0.hand_over(&settled.into())?)
    }
}

impl From<haversack::Owed> for Owed {
    fn from(owed: haversack::Owed) -> Self {
        let haversack::Owed { changes, decisions, carried, refused } = owed;
        Self { changes, decisions, carried, refused }
    }
}

impl From<Owed> for haversack::Owed {
    fn from(owed: Owed) -> Self {
        let Owed { changes, decisions, carried, refused } = owed;
        Self { changes, decisions, carried, refused }
    }
}

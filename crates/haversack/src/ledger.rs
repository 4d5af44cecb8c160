//! Where records are, and what relays did; how much shows of the length of what they get.

use haversack_core::{Holders, RecordId, RelayFault, Whereabouts};
use haversack_wire::Padding;

use crate::{Error, Notebook};

impl Notebook {
    /// Where a record is, as far as this device knows, and who says so.
    ///
    /// # Errors
    /// `Unknown` for a record that is not here, `NoSpace`, `Damaged`.
    pub fn whereabouts(&self, record: &RecordId) -> Result<Whereabouts, Error> {
        self.with(|engine| engine.whereabouts(record))
    }

    /// Where this device's work is, relay by relay and device by device.
    ///
    /// # Errors
    /// [`Error::Closed`].
    pub fn holders(&self) -> Result<Holders, Error> {
        self.with(|engine| Ok(engine.holders()))
    }

    /// How much of the lengths of this device's frames shows.
    ///
    /// # Errors
    /// `NoSpace`.
    pub fn padding(&self) -> Result<Padding, Error> {
        self.with(|engine| engine.padding())
    }

    /// Sets how much of the lengths of this device's frames shows, from the next one on.
    ///
    /// # Errors
    /// `NoSpace`, and the errors of saving.
    pub fn set_padding(&self, padding: Padding) -> Result<(), Error> {
        self.with(|engine| engine.set_padding(padding))
    }

    /// What relays did that they should not, as far as it showed.
    ///
    /// # Errors
    /// `NoSpace`.
    pub fn relay_faults(&self) -> Result<Vec<RelayFault>, Error> {
        self.with(|engine| engine.relay_faults())
    }
}

//! Which relay answers where, and how much of the lengths of frames is to show there.

use haversack_wire::codec::bounded;
use haversack_wire::{Padding, Relay};

use super::Engine;
use super::documents::Staged;
use super::state::{PINNED_MAX, SpaceState, TEXT_MAX};
use crate::Error;

impl Engine {
    /// How much of the lengths of this device's frames shows.
    ///
    /// # Errors
    /// [`Error::NoSpace`].
    pub fn padding(&self) -> Result<Padding, Error> {
        Ok(self.space()?.padding)
    }

    /// Sets how much of the lengths of this device's frames shows, from the next one on: what is sealed stays as it is.
    ///
    /// # Errors
    /// [`Error::NoSpace`], and the errors of saving.
    pub fn set_padding(&mut self, padding: Padding) -> Result<(), Error> {
        let space = SpaceState { padding, ..self.space()?.clone() };
        self.commit(Staged { space: Some(space), ..Staged::default() })
    }

    /// The relay that is known to answer at an address: of several, the one that is expected. What the team's roster says goes
    /// before what was met there: a relay may have got another key.
    ///
    /// # Errors
    /// [`Error::NoSpace`].
    pub fn pinned_relay(
        &self,
        address: &str,
        expected: Option<Relay>,
    ) -> Result<Option<Relay>, Error> {
        let space = self.space()?;
        let is_it = |known: &String| known.trim_start_matches("http://") == address;
        let relays = space.group.roster.relays().into_iter();
        let mut known: Vec<Relay> = relays
            .filter(|relay| relay.addresses.iter().any(is_it))
            .map(|relay| relay.relay)
            .collect();
        let met = space.pinned.iter().find(|(_, met)| *met == address).map(|(id, _)| *id);
        if known.is_empty() {
            known.extend(met);
        }
        let of_these = |wanted: Option<Relay>| wanted.filter(|relay| known.contains(relay));
        Ok(of_these(expected).or_else(|| of_these(met)).or_else(|| known.first().copied()))
    }

    /// Whether a relay has proved its key at an address, to this device.
    ///
    /// # Errors
    /// [`Error::NoSpace`].
    pub fn has_met(&self, address: &str, relay: &Relay) -> Result<bool, Error> {
        Ok(self.space()?.pinned.get(relay).is_some_and(|met| met == address))
    }

    /// Pins the relay that answered at an address: another one there is refused from now on.
    ///
    /// # Errors
    /// [`Error::NoSpace`], and the errors of saving.
    pub fn pin_relay(&mut self, address: &str, relay: Relay) -> Result<(), Error> {
        let mut space = self.space()?.clone();
        bounded("address of a relay", address.len() as u64, TEXT_MAX)?;
        space.pinned.insert(relay, address.to_owned());
        bounded("relays that are pinned", space.pinned.len() as u64, PINNED_MAX)?;
        self.commit(Staged { space: Some(space), ..Staged::default() })
    }
}

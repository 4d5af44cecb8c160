//! The end of a run: nothing goes wrong any more, and everybody meets.

use haversack_core::{Engine, SyncOutcome};
use haversack_disk::with;

use crate::device::Device;
use crate::finding::{Checker, Finding};
use crate::relay::SimRelay;
use crate::world::{World, unexpected};

/// Rounds in which all must have come to rest.
const ROUNDS_MAX: usize = 16;
/// Exchanges that one device may ask for at once; and where packs are made, which are asked for by themselves.
const AGAIN_MAX: usize = 8;
const AGAIN_WITH_PACKS_MAX: usize = 12;

impl World {
    /// Mends disks and relays, and lets everybody sync until nobody gets or gives anything new.
    pub(crate) fn settle(&mut self) -> Result<(), Finding> {
        self.say("nothing goes wrong any more");
        for number in 0..self.devices.len() {
            self.mend(number)?;
        }
        self.relays.iter_mut().for_each(SimRelay::turn_honest);
        for _ in 0..ROUNDS_MAX {
            if !self.round()? {
                return Ok(());
            }
        }
        Checker::Liveness.found("the devices never come to rest")
    }

    /// A process whose disk has failed is started again on a good one.
    fn mend(&mut self, number: usize) -> Result<(), Finding> {
        let Some(device) = self.devices.get_mut(number) else { return Ok(()) };
        let has_failed = device.has_failed();
        device.doom = None;
        match has_failed {
            true => self.crash(number, None),
            false => {
                with(|disk| disk.mend(&crate::device::store(number)));
                Ok(())
            }
        }
    }

    /// Everybody syncs once, or as often as it asks for. Says whether anything has changed.
    fn round(&mut self) -> Result<bool, Finding> {
        let mut changed = false;
        for number in 0..self.devices.len() {
            if self.is_member(number) {
                self.pack_when_due(number)?;
            }
            for relay in 0..self.relays.len() {
                let is_used = self.relays.get(relay).is_some_and(SimRelay::is_used);
                if (relay == 0 || is_used) && self.is_member(number) {
                    changed |= self.sync_to_the_end(number, relay)?;
                }
            }
        }
        Ok(changed)
    }

    fn sync_to_the_end(&mut self, number: usize, relay: usize) -> Result<bool, Finding> {
        let mut changed = false;
        let packs = !self.model.packed.is_empty();
        for _ in 0..if packs { AGAIN_WITH_PACKS_MAX } else { AGAIN_MAX } {
            let Some(outcome) = self.exchange(number, relay, 1_000)? else { return Ok(changed) };
            changed |= is_news(&outcome);
            if !outcome.again {
                return Ok(changed);
            }
        }
        Checker::Liveness.found(format!("device {number} asks for one more exchange for ever"))
    }

    /// The device by which the team goes: the founder, or the other coordinator where the founder was put back to before it took new
    /// keys, and so is out.
    pub(crate) fn keeper(&self) -> Option<&Device> {
        let is_in = |device: &&Device| !device.is_out();
        self.devices.iter().take(2).find(is_in).or(self.devices.first())
    }

    /// Whether a device is in the team, as far as itself and who keeps the team's work know.
    pub(crate) fn is_member(&self, number: usize) -> bool {
        let Some(device) = self.devices.get(number) else { return false };
        !device.is_out() && !self.keeper().is_some_and(|keeper| keeper.knows_removed(&device.id))
    }

    /// Makes sure that every error of reading is one.
    pub(crate) fn read<T>(
        &mut self,
        number: usize,
        read: impl FnOnce(&mut Engine) -> Result<T, haversack_core::Error>,
    ) -> Result<T, Finding> {
        let engine = self.devices.get_mut(number).and_then(|device| device.engine.as_mut());
        match engine.map(read) {
            Some(Ok(read)) => Ok(read),
            Some(Err(error)) => unexpected(&format!("reading device {number}"), &error),
            None => Checker::Liveness.found(format!("device {number} is not open")),
        }
    }
}

fn is_news(outcome: &SyncOutcome) -> bool {
    let received = &outcome.received;
    outcome.pushed > 0 || received.applied > 0 || received.quarantined > 0 || outcome.again
}

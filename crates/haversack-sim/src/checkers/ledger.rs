//! Nothing is shown as acknowledged that no keeper has signed for.

use haversack_core::Role;

use crate::finding::{Checker, Finding};
use crate::world::World;

impl World {
    /// Remembers what a keeper of the team's work has applied.
    pub(crate) fn note_kept(&mut self, number: usize) {
        let Some(engine) = self.devices.get(number).and_then(|device| device.engine.as_ref())
        else {
            return;
        };
        let keeps = matches!(engine.role(), Ok(Some(Role::Coordinator | Role::Archive)));
        if keeps {
            let bodies = engine.bodies_here().into_iter();
            let start = |body: &haversack_core::sim::BodyAt| {
                body.position.as_bytes().first_chunk().copied()
            };
            let kept = bodies.filter_map(|body| Some((body.lane, body.sequence, start(&body)?)));
            self.model.kept.extend(kept);
        }
    }
}

/// What a device shows as acknowledged.
pub(crate) fn ledger(world: &World, number: usize) -> Result<(), Finding> {
    let device = world.devices.get(number);
    let Some(engine) = device.and_then(|device| device.engine.as_ref()) else { return Ok(()) };
    let missing = engine.acknowledged_here();
    let missing = missing.iter().filter(|place| !world.model.kept.contains(place)).count();
    Checker::HonestLedger
        .expect(missing == 0, || format!("device {number}: no keeper has {missing} bodies"))
}

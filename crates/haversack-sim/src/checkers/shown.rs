//! Nothing is shown that nobody had the right to say.

use crate::finding::{Checker, Finding};
use crate::founding::FORBIDDEN;
use crate::world::{World, unexpected};

pub(super) fn nothing_without_authority(world: &World) -> Result<(), Finding> {
    for (number, device) in world.devices.iter().enumerate() {
        if !world.is_member(number) {
            continue;
        }
        let shown = device.shown().or_else(|error| unexpected("reading", &error))?;
        let forged: Vec<_> = shown.iter().filter(|mark| **mark >= FORBIDDEN).collect();
        let is_none = forged.is_empty();
        Checker::Authority
            .expect(is_none, || format!("device {number} shows forged {forged:?}"))?;
        let keeper = world.keeper();
        let is_out = |id| keeper.is_some_and(|keeper| keeper.knows_removed(id));
        let late =
            world.model.too_late.iter().filter(|(mark, by)| shown.contains(mark) && is_out(by));
        let late: Vec<_> = late.map(|(mark, _)| *mark).collect();
        let is_none = late.is_empty();
        Checker::Authority
            .expect(is_none, || format!("device {number} shows {late:?} of a removed device"))?;
    }
    Ok(())
}

//! What was said to be saved is there.

use std::collections::BTreeSet;

use super::lost;
use crate::finding::{Checker, Finding};
use crate::world::{World, unexpected};

/// Rotations and removals after which a phone lets go of outings that are safe elsewhere.
pub(super) const OLD: u64 = 5;

/// After a store was opened: all that it said was saved is in it.
pub(crate) fn saved_here(world: &World, number: usize) -> Result<(), Finding> {
    let Some(device) = world.devices.get(number) else { return Ok(()) };
    if world.model.aged >= OLD {
        return Ok(());
    }
    let shown = device.shown().or_else(|error| unexpected("reading", &error))?;
    let gone: Vec<i64> = device.saved.difference(&shown).copied().collect();
    // A device that others cut shows what they believe of it, but its own to itself.
    Checker::AcknowledgedIsKept.expect(gone.is_empty(), || format!("device {number} lost {gone:?}"))
}

/// At the end: all that members said was saved is with whoever keeps the team's work; or with somebody, where it was lost to those who
/// could offer it.
pub(super) fn saved_everywhere(world: &World) -> Result<(), Finding> {
    let keeper = world.keeper();
    let alone = keeper.filter(|keeper| !lost::is_excused(world, keeper.number));
    let mut shown = BTreeSet::new();
    for device in alone.map_or(world.devices.as_slice(), std::slice::from_ref) {
        shown.extend(device.shown().or_else(|error| unexpected("reading", &error))?);
    }
    let members: BTreeSet<_> = (0..world.devices.len())
        .filter(|number| world.is_member(*number))
        .filter_map(|number| world.devices.get(number).map(|device| device.id))
        .collect();
    let saved = world.model.saved.iter();
    let owed =
        saved.filter(|(mark, by)| members.contains(by) && !world.model.excused.contains(mark));
    let gone: Vec<i64> = owed.map(|(mark, _)| *mark).filter(|mark| !shown.contains(mark)).collect();
    Checker::AcknowledgedIsKept
        .expect(gone.is_empty(), || format!("{gone:?} are nowhere to be found"))
}

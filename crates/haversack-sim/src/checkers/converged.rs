//! Everybody ends with the same, and all work is done.

use super::lost;
use super::saved::OLD;
use crate::finding::{Checker, Finding};
use crate::world::World;

/// Those whose content is to be the same: all members, or only those that let go of nothing.
fn compared(world: &World) -> Vec<usize> {
    let all = (0..world.devices.len()).filter(|number| world.is_member(*number));
    all.filter(|number| world.model.aged < OLD || *number == 0).collect()
}

pub(super) fn converged(world: &mut World) -> Result<(), Finding> {
    let mut first: Option<(usize, Vec<u8>)> = None;
    for number in compared(world) {
        let canonical = world.read(number, haversack_core::Engine::canonical)?;
        let shown = world.read(number, |engine| engine.contacts(&Default::default()))?;
        world.read(number, haversack_core::Engine::rebuild)?;
        let rebuilt = world.read(number, |engine| engine.contacts(&Default::default()))?;
        // For one of them also all that the view does not show.
        let is_looked_into = number as u64 == world.seed % (world.devices.len() as u64).max(1);
        let again = is_looked_into.then(|| world.read(number, haversack_core::Engine::canonical));
        let is_same = again.transpose()?.is_none_or(|again| again == canonical) && shown == rebuilt;
        Checker::Converged
            .expect(is_same, || format!("device {number}: the log gives something else"))?;
        // What an erasure destroyed that turned out to be of somebody removed is to be had from others.
        if lost::is_excused(world, number)
            || world.read(number, |engine| Ok(engine.lacks_files()))?
        {
            continue;
        }
        let (other, of_first) = first.get_or_insert_with(|| (number, canonical.clone()));
        let is_same = *of_first == canonical;
        Checker::Converged.expect(is_same, || format!("devices {other} and {number} differ"))?;
    }
    if let Some((_, canonical)) = first {
        world.trace.add(&canonical);
    }
    Ok(())
}

pub(super) fn work_is_done(world: &mut World) -> Result<(), Finding> {
    for number in 0..world.devices.len() {
        if !world.is_member(number) {
            continue;
        }
        let status = world.read(number, |engine| engine.status())?;
        world.say(&format!("device {number}: {status:?}"));
        // What a store had said before it was put back may be nowhere any more: what came after that waits for ever.
        let may_wait = world.model.put_back
            || lost::is_excused(world, number)
            || lost::is_forked_below_a_pack(world);
        let waiting = if may_wait { 0 } else { status.waiting };
        let left = (status.own.here_only, waiting, status.dropped);
        Checker::Liveness.expect(left == (0, 0, 0), || {
            format!("device {number}: unsent, waiting and dropped are {left:?}")
        })?;
    }
    Ok(())
}

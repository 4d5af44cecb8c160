//! What a removed device holds opens nothing that was sealed by who knew of its removal.

use std::collections::BTreeSet;

use haversack_core::Engine;
use haversack_wire::{Device, Frame, FrameHash};

use crate::finding::{Checker, Finding};
use crate::world::World;

/// Remembers the bodies of its own that a device has sent, with whom it knew to be removed.
pub(crate) fn note_sealed(
    world: &mut World,
    number: usize,
    removed: &BTreeSet<Device>,
    stored: &[Vec<u8>],
) {
    let engine = world.devices.get(number).and_then(|device| device.engine.as_ref());
    if removed.is_empty() {
        return;
    }
    let tags = engine.map(Engine::own_tags).unwrap_or_default();
    let is_own = |frame: &&Vec<u8>| match Frame::parse(frame) {
        Ok(Frame::Chunk(header, _)) => tags.contains(&header.tag),
        _ => false,
    };
    for frame in stored.iter().filter(is_own) {
        let filed = world.model.filed.get(&FrameHash::of(frame));
        // Another life of the same device has sealed it, before it knew, and this one hands on what it read.
        let is_anothers = |id: &&Device| {
            filed.is_some_and(|(writer, knew)| *writer != number && !knew.contains(*id))
        };
        let by_who_knew = removed.iter().filter(|id| !is_anothers(id));
        world.model.sealed.extend(by_who_knew.map(|id| (*id, frame.clone())));
    }
}

/// Remembers frames that a device handed over, and whom it knew to be removed.
pub(crate) fn note_filed<'a>(
    world: &mut World,
    number: usize,
    frames: impl Iterator<Item = &'a [u8]>,
) {
    let knew = world.removed_for(number);
    for frame in frames {
        world.model.filed.entry(FrameHash::of(frame)).or_insert_with(|| (number, knew.clone()));
    }
}

/// At the end, with all that the removed devices have come by since.
pub(super) fn removed_are_blind(world: &World) -> Result<(), Finding> {
    let keeper = world.keeper();
    for (number, device) in world.devices.iter().enumerate() {
        let is_out = keeper.is_some_and(|keeper| keeper.knows_removed(&device.id));
        let Some(engine) = device.engine.as_ref().filter(|_| is_out) else { continue };
        let sealed = world.model.sealed.iter().filter(|(id, _)| *id == device.id);
        let opened = sealed.filter(|(_, frame)| engine.opens(frame)).count();
        Checker::RemovedIsBlind
            .expect(opened == 0, || format!("device {number} opens {opened} bodies"))?;
    }
    Ok(())
}

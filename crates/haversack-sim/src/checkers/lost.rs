//! What is with some device and no author of it can offer any more, or what it cannot be told any more.

use std::collections::{BTreeMap, BTreeSet};

use haversack_core::sim::BodyAt;
use haversack_wire::Lane;

use crate::world::World;

/// Whether a device is not to be compared: it lacks what nobody offers, or came in by a pack beyond a fork.
pub(super) fn is_excused(world: &World, number: usize) -> bool {
    lacks_what_nobody_offers(world, number) || came_in_beyond_a_fork(world, number)
}

/// Whether something came to a device by a pack, and there was one that ends beyond a fork: who takes that has only its maker's word for
/// which branch is believed, and none of what lies below to tell by.
fn came_in_beyond_a_fork(world: &World, number: usize) -> bool {
    let engine = world.devices.get(number).and_then(|device| device.engine.as_ref());
    engine.is_some_and(haversack_core::Engine::has_met_packs) && is_forked_below_a_pack(world)
}

/// Whether there was a pack that ends beyond a place with two bodies. Its maker knew of one, and let relays drop both: what follows the
/// other one may wait for it.
pub(super) fn is_forked_below_a_pack(world: &World) -> bool {
    if world.model.forked.is_empty() {
        return false;
    }
    let mut met: BTreeMap<(Lane, u32), BTreeSet<_>> = BTreeMap::new();
    let held = (0..world.devices.len()).flat_map(|other| held(world, other));
    for (lane, sequence, position) in
        held.map(|body| key(&body)).chain(world.model.in_packs.iter().copied())
    {
        met.entry((lane, sequence)).or_default().insert(position);
    }
    world.model.packed.iter().any(|(lane, next)| {
        met.range((*lane, 0)..(*lane, *next)).any(|(_, positions)| positions.len() > 1)
    })
}

/// Whether a device lacks a body that another one has, and that nobody is at who wrote it: its author was put back, took new keys, or was
/// removed, and a relay has lost it, or it never reached one. Who merely received it keeps it, and offers only its own.
fn lacks_what_nobody_offers(world: &World, number: usize) -> bool {
    let model = &world.model;
    if !(model.put_back || model.rolled_back || model.removed) {
        return false;
    }
    let members = || (0..world.devices.len()).filter(|number| world.is_member(*number));
    let offered: BTreeSet<Key> = members().flat_map(|member| offers(world, member)).collect();
    let here: BTreeSet<Key> = held(world, number).map(|body| key(&body)).collect();
    let mut all = (0..world.devices.len()).flat_map(|other| held(world, other));
    all.any(|body| !offered.contains(&key(&body)) && !here.contains(&key(&body)))
}

/// The bodies that a device has written on the lane where it still is.
fn offers(world: &World, number: usize) -> impl Iterator<Item = Key> {
    let engine = world.devices.get(number).and_then(|device| device.engine.as_ref());
    let own = engine.and_then(haversack_core::Engine::lane_here);
    let all = held(world, number).filter(move |body| Some(body.lane) == own);
    all.map(|body| key(&body))
}

type Key = (Lane, u32, haversack_wire::Position);

const fn key(body: &BodyAt) -> Key {
    (body.lane, body.sequence, body.position)
}

fn held(world: &World, number: usize) -> impl Iterator<Item = BodyAt> {
    let engine = world.devices.get(number).and_then(|device| device.engine.as_ref());
    engine.map(haversack_core::Engine::bodies_here).unwrap_or_default().into_iter()
}

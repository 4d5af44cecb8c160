//! What is with some device and no author of it can offer any more.

use std::collections::BTreeSet;

use haversack_core::sim::BodyAt;
use haversack_wire::Lane;

use crate::world::World;

/// Whether a device lacks a body that another one has, of a lane that nobody writes any more: its author was put back, took new keys,
/// or was removed, and a relay has lost it, or it never reached one. Who merely received it keeps it, and offers only its own.
pub(super) fn lacks_what_nobody_offers(world: &World, number: usize) -> bool {
    let model = &world.model;
    if !(model.put_back || model.rolled_back || model.removed) {
        return false;
    }
    let members = world.devices.iter().filter(|device| world.is_member(device.number));
    let written: BTreeSet<Lane> = members
        .filter_map(|device| device.engine.as_ref())
        .filter_map(haversack_core::Engine::lane_here)
        .collect();
    let here = bodies(world, number);
    let others = (0..world.devices.len()).filter(|other| *other != number);
    let lacks = |body: &BodyAt| !written.contains(&body.lane) && !here.contains(&key(body));
    others.flat_map(|other| held(world, other)).any(|body| lacks(&body))
}

type Key = (Lane, u32, haversack_wire::Position);

const fn key(body: &BodyAt) -> Key {
    (body.lane, body.sequence, body.position)
}

fn held(world: &World, number: usize) -> Vec<BodyAt> {
    let engine = world.devices.get(number).and_then(|device| device.engine.as_ref());
    engine.map(haversack_core::Engine::bodies_here).unwrap_or_default()
}

fn bodies(world: &World, number: usize) -> BTreeSet<Key> {
    held(world, number).iter().map(key).collect()
}

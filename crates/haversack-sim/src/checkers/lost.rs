//! What is with some device and no author of it can offer any more.

use std::collections::BTreeSet;

use haversack_core::sim::BodyAt;
use haversack_wire::Lane;

use crate::world::World;

/// Whether a device lacks a body that another one has, and that nobody is at who wrote it: its author was put back, took new keys, or was
/// removed, and a relay has lost it, or it never reached one. Who merely received it keeps it, and offers only its own.
pub(super) fn lacks_what_nobody_offers(world: &World, number: usize) -> bool {
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

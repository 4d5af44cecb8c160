//! No place of a lane and no number of an actor has two contents.

use std::collections::{BTreeMap, BTreeSet};

use haversack_wire::Lane;

use crate::finding::{Checker, Finding};
use crate::world::World;

/// The lanes with two bodies at one place, over all stores.
fn doubled(world: &World) -> BTreeSet<Lane> {
    let engines = world.devices.iter().filter_map(|device| device.engine.as_ref());
    let mut met = BTreeMap::new();
    let mut doubled = BTreeSet::new();
    for body in engines.flat_map(haversack_core::Engine::bodies_here) {
        let first = *met.entry((body.lane, body.sequence)).or_insert(body.position);
        if first != body.position {
            doubled.insert(body.lane);
        }
    }
    doubled
}

pub(super) fn said_once(world: &World) -> Result<(), Finding> {
    let forked = &world.model.forked;
    let wrong = doubled(world).difference(forked).count();
    Checker::SaidOnce
        .expect(wrong == 0, || format!("{wrong} lanes have two bodies at one place"))?;
    let engines = world.devices.iter().filter_map(|device| device.engine.as_ref());
    let mut met = BTreeMap::new();
    for change in engines.flat_map(haversack_core::Engine::changes_here) {
        let place = (change.document, change.lane, change.sequence);
        let first = *met.entry(place).or_insert(change.hash);
        let is_same = first == change.hash || forked.contains(&change.lane);
        Checker::SaidOnce.expect(is_same, || "an actor has two changes of one number".into())?;
    }
    Ok(())
}

/// Where a lane has two bodies at one place, the founder shows that it has.
pub(super) fn forks_are_noticed(world: &World) -> Result<(), Finding> {
    let founder = world.devices.first().and_then(|device| device.engine.as_ref());
    let Some(engine) = founder else { return Ok(()) };
    let bodies = engine.bodies_here();
    let mut met = BTreeMap::new();
    let is_doubled = bodies.iter().any(|body| {
        *met.entry((body.lane, body.sequence)).or_insert(body.position) != body.position
    });
    let shown = engine.status().is_ok_and(|status| status.forked > 0);
    Checker::LossIsNoticed.expect(shown || !is_doubled, || "a fork is not shown".into())
}

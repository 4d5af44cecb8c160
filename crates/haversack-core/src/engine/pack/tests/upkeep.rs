//! What is known of records that came by a pack, and what is let go once a pack has it.

use super::route::{Small, sync, synced};
use super::*;
use crate::engine::kept::KeptBody;
use crate::store::Table;

fn all_own(engine: &Engine) -> Vec<KeptBody> {
    let key = engine.outbox_key().unwrap();
    let rows = engine.bodies.values().map(|kept| kept.row);
    let row = |row| engine.db.row(Table::Bodies, &key, row).unwrap().unwrap();
    rows.map(|kept| KeptBody::decode(&row(kept)).unwrap()).collect()
}

#[test]
fn what_came_by_a_pack_is_acknowledged_by_whoever_made_it() {
    let mut team = Team::new(1);
    team.phones[0].log(day(1), &[draft(3)]).unwrap();
    team.gather();
    let pack = team.pack();
    let mut new = team.newcomer("new", Role::Educator);
    new.receive(&pack, false).unwrap();
    let contact = new.contacts(&crate::ContactFilter::default()).unwrap()[0].id.clone();
    let place = new.whereabouts(&RecordId::Contact(contact.clone())).unwrap();
    assert_eq!(place.state, RecordState::Acknowledged);
    let maker = Witness { device: team.admin.device(), keeps: true };
    assert!(place.devices.contains(&maker), "{place:?}");
    // A keeper that is none any more keeps nothing.
    let maker = team.admin.device();
    let mut other = team.newcomer("other", Role::Coordinator);
    give(&mut team.admin, &mut other);
    other.revoke(maker, false).unwrap();
    give(&mut other, &mut new);
    let place = new.whereabouts(&RecordId::Contact(contact)).unwrap();
    assert!(place.devices.iter().all(|witness| !(witness.keeps && witness.device == maker)));
}

#[test]
fn own_bodies_go_once_a_pack_has_them_and_a_keeper_said_so() {
    let (mut team, mut relay) = (Team::new(2), Small::default());
    for n in 0..3 {
        team.phones[0].log(day(n), &[draft(n + 1)]).unwrap();
        synced(&mut team, &mut relay);
    }
    sync(&mut team.phones[0], &mut relay);
    let before = team.phones[0].canonical().unwrap();
    assert!(all_own(&team.phones[0]).iter().all(|body| !body.is_empty()));
    team.pack();
    team.phones[0].log(day(8), &[draft(9)]).unwrap();
    sync(&mut team.admin, &mut relay);
    sync(&mut team.phones[0], &mut relay);
    let own = all_own(&team.phones[0]);
    assert!(own[..3].iter().all(KeptBody::is_empty), "what the pack has");
    assert!(!own.last().unwrap().is_empty(), "and not what it lacks");
    assert_eq!(team.phones[0].contact_count().unwrap(), 4);
    assert_ne!(team.phones[0].canonical().unwrap(), before);
    // A relay that lost everything is not offered it again: the pack has it.
    relay.frames.clear();
    sync(&mut team.phones[0], &mut relay);
    synced(&mut team, &mut relay);
    synced(&mut team, &mut relay);
    let mut new = team.newcomer("new", Role::Archive);
    sync(&mut new, &mut relay);
    sync(&mut new, &mut relay);
    assert_eq!(new.contact_count().unwrap(), 4, "the pack was pushed again");
}

//! The honest ledger: where each record is, in the safest place that is known, and who says so.

use std::collections::BTreeMap;

use haversack_core::model::*;
use haversack_core::{
    ContactDraft, ContactFilter, ContactId, Error, RecordId, RecordState, RelayRoute, Saved,
    Whereabouts, WhoDraft,
};
use haversack_relay::{Identity, Memory, Storage, exchange};
use haversack_wire::Relay;
use haversack_wire::request::Basis;

use crate::bad_relays::World;
use crate::fleet::Fleet;

use RecordState::{Acknowledged, Carried, HereOnly, Relayed};

fn log(fleet: &mut Fleet, n: usize, day: u16) -> ContactId {
    let line = Line { direction: Direction::Out, item: Item::SYRINGE_FIXED_1ML };
    let draft = ContactDraft::new(WhoDraft::default(), crate::team::van().code)
        .line(line, Quantity::new(5).unwrap());
    let day = Day::from_number(3_000 + i64::from(day)).unwrap();
    let Saved(ids) = fleet.device(n).log(day, &[draft]).unwrap();
    ids[0].clone()
}

fn state(fleet: &mut Fleet, n: usize, id: &ContactId) -> RecordState {
    let rows = fleet.device(n).contacts(&ContactFilter::default()).unwrap();
    let state = rows.iter().find(|row| row.id == *id).unwrap().state;
    assert_eq!(details(fleet, n, id).state, state, "the list and the details say the same");
    state
}

fn details(fleet: &mut Fleet, n: usize, id: &ContactId) -> Whereabouts {
    fleet.device(n).whereabouts(&RecordId::Contact(id.clone())).unwrap()
}

#[test]
fn each_contact_of_one_outing_is_where_it_is() {
    let mut fleet = Fleet::new();
    fleet.settle();
    let a = log(&mut fleet, 1, 1);
    assert_eq!(state(&mut fleet, 1, &a), HereOnly);
    fleet.device(1).export_bundle().unwrap();
    let b = log(&mut fleet, 1, 1);
    assert_eq!([&a, &b].map(|id| state(&mut fleet, 1, id)), [Carried, HereOnly]);
    fleet.sync(1, 1_000);
    let c = log(&mut fleet, 1, 1);
    assert_eq!([&a, &b, &c].map(|id| state(&mut fleet, 1, id)), [Relayed, Relayed, HereOnly]);
    assert_eq!(details(&mut fleet, 1, &a).relays, [fleet.id]);
    // Another phone has signed that it has them: that makes nobody free of keeping them.
    fleet.sync(2, 1_000);
    log(&mut fleet, 2, 1);
    fleet.sync(2, 1_000);
    fleet.sync(1, 1_000);
    let of_a = details(&mut fleet, 1, &a);
    assert_eq!((of_a.state, of_a.devices.len(), of_a.devices[0].keeps), (Relayed, 1, false));
    // The coordinator has it, and has not said so yet.
    fleet.sync(0, 1_000);
    fleet.sync(1, 1_000);
    assert_eq!(state(&mut fleet, 1, &a), Relayed);
    fleet.sync(0, 1_000);
    fleet.sync(1, 1_000);
    assert_eq!([&a, &b, &c].map(|id| state(&mut fleet, 1, id)), [Acknowledged; 3]);
    let of_a = details(&mut fleet, 1, &a);
    let keeper = of_a.devices.iter().find(|witness| witness.keeps).unwrap().device;
    assert_eq!(keeper, fleet.device(0).device());
    let status = fleet.device(1).status().unwrap();
    let acknowledged = (status.whereabouts.acknowledged, status.own.acknowledged);
    assert_eq!(acknowledged, (4, 3), "one is another's");
    log(&mut fleet, 1, 2);
    let status = fleet.device(1).status().unwrap();
    assert_eq!((status.whereabouts.here_only, status.own.here_only), (1, 1));
    let holders = fleet.device(1).holders();
    assert_eq!((holders.relays[0].holds, holders.relays[0].lacks), (3, 1));
    let has = |keeps| holders.devices.iter().find(|one| one.witness.keeps == keeps).unwrap().has;
    assert_eq!((has(true), has(false)), (3, 2));
}

#[test]
fn of_others_records_it_is_told_who_has_them() {
    let mut fleet = Fleet::new();
    fleet.settle();
    let a = log(&mut fleet, 1, 1);
    let file = fleet.device(1).export_bundle().unwrap();
    fleet.device(2).import_bundle(&file).unwrap();
    let of_a = details(&mut fleet, 2, &a);
    assert_eq!((of_a.state, of_a.devices.len()), (Carried, 1), "its author has it");
    assert_eq!(of_a.devices[0].device, fleet.device(1).device());
    fleet.sync(2, 1_000);
    assert_eq!(state(&mut fleet, 2, &a), Relayed);
    fleet.settle();
    assert_eq!(state(&mut fleet, 2, &a), Acknowledged);
    assert_eq!(state(&mut fleet, 0, &a), Acknowledged, "who keeps it has signed so itself");
    assert_eq!(state(&mut fleet, 3, &a), Acknowledged);
}

#[test]
fn a_correction_is_where_the_correction_is() {
    let mut fleet = Fleet::new();
    let a = log(&mut fleet, 1, 1);
    let b = log(&mut fleet, 1, 1);
    fleet.settle();
    assert_eq!(state(&mut fleet, 1, &a), Acknowledged);
    let line = Line { direction: Direction::Out, item: Item::SYRINGE_FIXED_1ML };
    fleet.device(1).correct(&a, &line, Quantity::new(7).unwrap()).unwrap();
    assert_eq!([&a, &b].map(|id| state(&mut fleet, 1, id)), [HereOnly, Acknowledged]);
    // To another who corrects it, its own word counts.
    fleet.device(2).correct(&b, &line, Quantity::new(8).unwrap()).unwrap();
    assert_eq!([&a, &b].map(|id| state(&mut fleet, 2, id)), [Acknowledged, HereOnly]);
    fleet.settle();
    for n in 0..4 {
        assert_eq!([&a, &b].map(|id| state(&mut fleet, n, id)), [Acknowledged, Acknowledged]);
    }
}

#[test]
fn files_and_sites_have_a_place_as_well() {
    let mut fleet = Fleet::new();
    fleet.settle();
    let site = |fleet: &mut Fleet, n: usize| {
        let code = crate::team::van().code;
        fleet.device(n).whereabouts(&RecordId::Site(code)).unwrap()
    };
    // The coordinator's own: nobody else who keeps the work has it.
    assert_eq!(site(&mut fleet, 0).state, Relayed);
    assert_eq!(site(&mut fleet, 1).state, Acknowledged, "its author keeps it");
    let Saved(ids) = fleet.device(1).add_clients(&[Client::default()]).unwrap();
    let of = |fleet: &mut Fleet| {
        let rows = fleet.device(1).clients().unwrap();
        let state = rows.iter().find(|row| row.id == ids[0]).unwrap().state;
        let said = fleet.device(1).whereabouts(&RecordId::Client(ids[0])).unwrap();
        assert_eq!(said.state, state);
        state
    };
    assert_eq!(of(&mut fleet), HereOnly);
    fleet.settle();
    assert_eq!(of(&mut fleet), Acknowledged);
    let nowhere = RecordId::Site(SiteCode::new("NO-SUCH").unwrap());
    assert!(matches!(fleet.device(1).whereabouts(&nowhere), Err(Error::Unknown { .. })));
}

/// Two relays: each has what it was given, and the vector sent to one says nothing of what came from the other.
#[test]
fn each_relay_is_given_everything_and_told_nothing_of_the_other() {
    let mut fleet = Fleet::new();
    fleet.settle();
    let second = (Memory::new(), Identity::from_seed(&[8; 32]).id());
    let other = |fleet: &mut Fleet, n: usize| {
        let route = RelayRoute { relay: second.1, admission: Vec::new() };
        let mut under_way = fleet.device(n).begin_exchange(&route).unwrap();
        let answer = exchange(&second.0, under_way.request()).unwrap();
        fleet.device(n).feed(&mut under_way, &answer).unwrap();
        fleet.device(n).end_exchange(&under_way).unwrap()
    };
    let at = |relay, port: u16| haversack_core::RelayAddress {
        relay,
        addresses: vec![format!("http://relay.example:{port}")],
        pins: Vec::new(),
    };
    let first = fleet.id;
    fleet.device(0).set_relays(&[at(first, 1), at(second.1, 2)]).unwrap();
    fleet.settle();
    let a = log(&mut fleet, 1, 1);
    fleet.sync(1, 1_000);
    assert_eq!(details(&mut fleet, 1, &a).relays, [fleet.id]);
    let holders = fleet.device(1).holders();
    assert_eq!(holders.relays.iter().map(|one| one.holds).sum::<u64>(), 1);
    // What another carries, it carries to both.
    let file = fleet.device(1).export_bundle().unwrap();
    fleet.device(2).import_bundle(&file).unwrap();
    assert!(fleet.device(2).status().unwrap().carried > 0);
    fleet.sync(2, 1_000);
    assert!(fleet.device(2).status().unwrap().carried > 0, "the other relay lacks it");
    while other(&mut fleet, 2).again {}
    assert_eq!(fleet.device(2).status().unwrap().carried, 0);
    assert_eq!(details(&mut fleet, 1, &a).relays, [fleet.id]);
    while other(&mut fleet, 1).again {}
    assert_eq!(details(&mut fleet, 1, &a).relays.len(), 2);
    // A phone that only ever reaches the second one has it.
    while other(&mut fleet, 3).again {}
    for n in [0, 0, 3] {
        while other(&mut fleet, n).again {}
    }
    assert_eq!(state(&mut fleet, 3, &a), Acknowledged);
}

/// A vector names what this relay itself delivered or took, whatever came by another one, a file or a meeting: it must not tell who met
/// whom.
#[test]
fn a_vector_tells_a_relay_nothing_of_what_came_elsewhere() {
    let mut fleet = Fleet::new();
    fleet.settle();
    let first = route(fleet.id);
    let mut asked = World::asked(fleet.device(2).begin_exchange(&first).unwrap().request());
    let mailbox = asked.remove(0).0.mailbox();
    let had: BTreeMap<_, _> = fleet.relay.have(mailbox).unwrap().into_iter().collect();
    // By another relay, and by a file.
    let second = (Memory::new(), Identity::from_seed(&[8; 32]).id());
    log(&mut fleet, 1, 1);
    for n in [1, 2] {
        let mut under_way = fleet.device(n).begin_exchange(&route(second.1)).unwrap();
        let answer = exchange(&second.0, under_way.request()).unwrap();
        fleet.device(n).feed(&mut under_way, &answer).unwrap();
        fleet.device(n).end_exchange(&under_way).unwrap();
    }
    log(&mut fleet, 3, 1);
    let file = fleet.device(3).export_bundle().unwrap();
    fleet.device(2).import_bundle(&file).unwrap();
    let contacts = fleet.device(2).contacts(&ContactFilter::default()).unwrap();
    assert_eq!(contacts.len(), 2, "both are here");
    // The first relay forgets everything, and so is asked with a vector.
    fleet.relay = Memory::new();
    let mut vectors = 0;
    for _ in 0..4 {
        let mut under_way = fleet.device(2).begin_exchange(&first).unwrap();
        let has: BTreeMap<_, _> = fleet.relay.have(mailbox).unwrap().into_iter().collect();
        for (head, _) in World::asked(under_way.request()) {
            let Basis::Vector(_, lanes) = head.basis else { continue };
            vectors += usize::from(!lanes.is_empty());
            let known = |tag, next| [&had, &has].iter().any(|all| all.get(tag) >= Some(next));
            let more = lanes.iter().find(|(tag, next)| !known(tag, next));
            assert_eq!(more, None, "of {had:?} and {has:?}");
        }
        let answer = exchange(&fleet.relay, under_way.request()).unwrap();
        fleet.device(2).feed(&mut under_way, &answer).unwrap();
        if !fleet.device(2).end_exchange(&under_way).unwrap().again {
            break;
        }
    }
    assert!(vectors > 0, "no request had a vector");
}

const fn route(relay: Relay) -> RelayRoute {
    RelayRoute { relay, admission: Vec::new() }
}

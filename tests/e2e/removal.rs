//! Removing a device, over whole engines and a relay: what it may still read and say, what the others keep of it, and what
//! grows old.

use haversack_core::model::*;
use haversack_core::{
    ContactDraft, ContactFilter, Engine, Error as EngineError, RelayRoute, Role, WhoDraft,
};
use haversack_relay::exchange;
use proptest::prelude::*;
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

use crate::fleet::{Fleet, PHONES, passphrase};

pub(crate) fn log(fleet: &mut Fleet, n: usize, day: u16) {
    let line = Line { direction: Direction::Out, item: Item::SYRINGE_FIXED_1ML };
    let draft = ContactDraft::new(WhoDraft::default(), crate::team::van().code)
        .line(line, Quantity::new(5).unwrap());
    fleet.device(n).log(Day::from_number(3_000 + i64::from(day)).unwrap(), &[draft]).unwrap();
}

/// A device syncs until nothing more comes, if it may.
pub(crate) fn sync(fleet: &mut Fleet, n: usize) -> Result<(), EngineError> {
    let route = RelayRoute { relay: fleet.id, admission: Vec::new() };
    for _ in 0..6 {
        let mut under_way = fleet.device(n).begin_exchange(&route)?;
        let answer = exchange(&fleet.relay, under_way.request()).unwrap();
        fleet.device(n).feed(&mut under_way, &answer)?;
        if !fleet.device(n).end_exchange(&under_way)?.again {
            return Ok(());
        }
    }
    panic!("a sync asks for another for ever");
}

pub(crate) fn settle(fleet: &mut Fleet, of: &[usize]) {
    for _ in 0..4 {
        of.iter().for_each(|n| sync(fleet, *n).unwrap());
    }
}

pub(crate) fn count(fleet: &mut Fleet, n: usize) -> u64 {
    fleet.device(n).contact_count().unwrap()
}

pub(crate) fn same(fleet: &mut Fleet, of: &[usize]) {
    let first = fleet.device(of[0]).canonical().unwrap();
    for n in of {
        assert_eq!(fleet.device(*n).canonical().unwrap(), first, "device {n}");
        let shown = fleet.device(*n).contacts(&ContactFilter::default()).unwrap();
        fleet.device(*n).rebuild().unwrap();
        assert_eq!(fleet.device(*n).contacts(&ContactFilter::default()).unwrap(), shown);
    }
}

pub(crate) fn reopen(fleet: &mut Fleet, n: usize) {
    drop(fleet.devices[n].take());
    let folder = fleet.folder.path().join(n.to_string());
    let random = Box::new(ChaCha20Rng::seed_from_u64(500 + n as u64));
    fleet.devices[n] = Some(Engine::open(&folder, &passphrase(), random).unwrap());
}

#[test]
fn a_removed_phone_reads_nothing_new_and_says_nothing_more() {
    let mut fleet = Fleet::new();
    (1..=3).for_each(|n| log(&mut fleet, n, 1));
    settle(&mut fleet, &[0, 1, 2, 3]);
    let lost = fleet.device(3).device();
    fleet.device(0).revoke(lost, false).unwrap();
    settle(&mut fleet, &[0, 1, 2]);
    log(&mut fleet, 0, 2);
    log(&mut fleet, 1, 2);
    settle(&mut fleet, &[0, 1, 2]);
    // The lost phone has not heard of it: it logs, and syncs with what it has.
    log(&mut fleet, 3, 3);
    let _ = sync(&mut fleet, 3);
    assert_eq!(count(&mut fleet, 3), 4, "nothing of what was written after");
    settle(&mut fleet, &[0, 1, 2]);
    assert_eq!(count(&mut fleet, 0), 5, "what it said before stands, what it said after does not");
    same(&mut fleet, &[0, 1, 2]);
    let status = fleet.device(0).status().unwrap();
    assert_eq!((status.doubted, status.waiting), (1, 0), "it is kept, and shown to be");
}

#[test]
fn a_crash_after_a_removal_forgets_nothing() {
    let mut fleet = Fleet::new();
    settle(&mut fleet, &[0, 1, 2, 3]);
    let lost = fleet.device(2).device();
    fleet.device(0).revoke(lost, false).unwrap();
    reopen(&mut fleet, 0);
    log(&mut fleet, 0, 1);
    reopen(&mut fleet, 0);
    settle(&mut fleet, &[0, 1, 3]);
    assert_eq!([0, 1, 3].map(|n| count(&mut fleet, n)), [1; 3]);
    let _ = sync(&mut fleet, 2);
    assert_eq!(count(&mut fleet, 2), 0);
}

#[test]
fn two_months_late_with_unsent_outings_loses_nothing() {
    let mut fleet = Fleet::new();
    settle(&mut fleet, &[0, 1, 2, 3]);
    (0..4).for_each(|day| log(&mut fleet, 1, day));
    for _ in 0..8 {
        fleet.device(0).rotate().unwrap();
        settle(&mut fleet, &[0, 2, 3]);
    }
    let lost = fleet.device(3).device();
    fleet.device(0).revoke(lost, false).unwrap();
    settle(&mut fleet, &[0, 2]);
    settle(&mut fleet, &[0, 1, 2]);
    // Once the coordinator has said that it has them, the phone lets go of what is two months old.
    assert_eq!([0, 1, 2].map(|n| count(&mut fleet, n)), [4, 0, 4]);
    assert_eq!(fleet.device(1).status().unwrap().own.here_only, 0);
}

#[test]
fn an_outing_older_than_the_horizon_leaves_the_phone_and_no_other() {
    let mut fleet = Fleet::new();
    log(&mut fleet, 1, 1);
    log(&mut fleet, 2, 1);
    settle(&mut fleet, &[0, 1, 2, 3]);
    for round in 0..5 {
        assert_eq!(count(&mut fleet, 1), 2, "{round} rotations");
        fleet.device(0).rotate().unwrap();
        settle(&mut fleet, &[0, 1, 2]);
    }
    assert_eq!([0, 1, 2].map(|n| count(&mut fleet, n)), [2, 0, 0]);
    // A phone that was away writes into what the others let go.
    let row = fleet.device(3).contacts(&ContactFilter::default()).unwrap()[0].clone();
    let line = Line { direction: Direction::Out, item: Item::SYRINGE_FIXED_1ML };
    fleet.device(3).correct(&row.id, &line, Quantity::new(7).unwrap()).unwrap();
    log(&mut fleet, 3, 9);
    settle(&mut fleet, &[0, 1, 2, 3]);

    assert_eq!([0, 1].map(|n| count(&mut fleet, n)), [3, 1]);
    let sets: u64 = fleet
        .device(0)
        .contacts(&ContactFilter::default())
        .unwrap()
        .iter()
        .map(|row| row.sets())
        .sum();
    assert_eq!(sets, 17, "the correction arrived where the outing is kept");
    reopen(&mut fleet, 1);
    log(&mut fleet, 1, 10);
    settle(&mut fleet, &[0, 1, 2]);
    assert_eq!([0, 1, 2].map(|n| count(&mut fleet, n)), [4, 2, 2]);
}

#[test]
fn a_role_is_what_the_roster_says_and_not_what_a_record_claims() {
    let mut fleet = Fleet::new();
    settle(&mut fleet, &[0, 1, 2, 3]);
    let phone = fleet.device(2).device();
    fleet.device(0).set_role(phone, Role::Trainer).unwrap();
    log(&mut fleet, 2, 1);
    settle(&mut fleet, &[0, 1, 2, 3]);
    assert_eq!(
        count(&mut fleet, 0),
        0,
        "a trainer's contact, written before it knew, is kept and not shown"
    );
    assert_eq!(fleet.device(0).status().unwrap().doubted, 1);
    let draft = ContactDraft::new(WhoDraft::default(), crate::team::van().code);
    let day = Day::from_number(3_000).unwrap();
    assert!(matches!(fleet.device(2).log(day, &[draft]), Err(EngineError::NotAllowed { .. })));
    let site = crate::team::van();
    assert!(matches!(fleet.device(1).put_site(&site), Err(EngineError::NotAllowed { .. })));
    fleet.device(0).set_role(phone, Role::Supervisor).unwrap();
    settle(&mut fleet, &[0, 1, 2, 3]);
    log(&mut fleet, 2, 2);
    settle(&mut fleet, &[0, 1, 2, 3]);
    same(&mut fleet, &[0, 1, 2, 3]);
}

/// What befalls a team whose coordinator removes one phone, some time.
#[derive(Debug, Clone, Copy)]
enum Event {
    Log(usize),
    Sync(usize),
    Bundle(usize, usize),
    Rotate,
    Revoke,
    Reopen(usize),
}

fn event() -> impl Strategy<Value = Event> {
    let device = 0..=PHONES;
    prop_oneof![
        4 => device.clone().prop_map(Event::Log),
        5 => device.clone().prop_map(Event::Sync),
        2 => (device.clone(), device.clone()).prop_map(|(n, m)| Event::Bundle(n, m)),
        1 => Just(Event::Rotate),
        1 => Just(Event::Revoke),
        1 => device.prop_map(Event::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn whoever_stays_ends_with_the_same_records(events in proptest::collection::vec(event(), 1..40)) {
        play(events);
    }
}

/// A history that once did not end so.
#[test]
fn two_stores_that_reopen_amid_a_removal_end_with_the_same_records() {
    use Event::{Bundle, Log, Reopen, Revoke, Rotate, Sync};
    play(vec![
        Sync(2),
        Sync(0),
        Revoke,
        Log(1),
        Reopen(2),
        Sync(3),
        Sync(0),
        Rotate,
        Log(3),
        Log(3),
        Bundle(0, 1),
        Log(0),
        Log(1),
        Sync(0),
        Sync(3),
        Sync(3),
        Log(3),
        Revoke,
        Sync(3),
        Rotate,
        Log(1),
        Reopen(3),
        Sync(3),
        Sync(0),
        Log(2),
        Revoke,
        Log(0),
        Bundle(2, 3),
        Sync(0),
        Sync(0),
        Log(3),
        Bundle(3, 2),
        Log(3),
        Reopen(2),
    ]);
}

/// Lets it all happen, then lets everybody who stays sync.
fn play(events: Vec<Event>) {
    let mut fleet = Fleet::new();
    let (mut kept, mut revoked) = (0, false);
    for (at, event) in events.into_iter().enumerate() {
        kept += u64::from(matches!(event, Event::Log(n) if n < 3));
        befall(&mut fleet, event, at as u16, &mut revoked);
    }
    let all: &[usize] = if revoked { &[0, 1, 2] } else { &[0, 1, 2, 3] };
    settle(&mut fleet, all);
    let shown = count(&mut fleet, 0);
    assert!(shown >= kept, "{shown} of {kept}");
    let archive = fleet.device(0).canonical().unwrap();
    fleet.device(0).rebuild().unwrap();
    assert_eq!(fleet.device(0).canonical().unwrap(), archive);
    for n in all {
        let status = fleet.device(*n).status().unwrap();
        assert_eq!((status.waiting, status.own.here_only), (0, 0), "device {n}");
    }
}

fn befall(fleet: &mut Fleet, event: Event, at: u16, revoked: &mut bool) {
    match event {
        Event::Log(n) => {
            if n < 3 || !fleet.device(n).status().unwrap().removed {
                log(fleet, n, at);
            }
        }
        Event::Sync(n) => drop(sync(fleet, n)),
        Event::Bundle(n, m) => {
            if let Ok(bundle) = fleet.device(n).export_bundle() {
                let _ = fleet.device(m).import_bundle(&bundle);
            }
        }
        Event::Rotate => fleet.device(0).rotate().unwrap(),
        Event::Revoke if !*revoked => {
            let lost = fleet.device(3).device();
            fleet.device(0).revoke(lost, false).unwrap();
            *revoked = true;
        }
        Event::Revoke => {}
        Event::Reopen(n) => reopen(fleet, n),
    }
}

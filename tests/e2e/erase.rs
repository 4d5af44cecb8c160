//! Erasing a client (CT-9): once every device that keeps to the rules has synced, the file is nowhere, and nothing brings it back.

use std::collections::BTreeSet;

use haversack_core::forensic::{Named, Sealed};
use haversack_core::model::*;
use haversack_core::{
    ClientId, ContactDraft, ContactFilter, CreateOptions, Engine, Error, Person, Role, Saved,
    WhoDraft,
};
use haversack_wire::{Frame, bundle};
use proptest::prelude::*;
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

use crate::fleet::{Fleet, PHONES, passphrase};
use crate::forensic::image::{copy, keys};
use crate::forensic::search::Search;
use crate::removal::{reopen, same, settle};
use crate::team::van;

const SUPERVISOR: usize = 2;
const ALL: [usize; 4] = [0, 1, 2, 3];

fn label(n: usize) -> String {
    format!("ZQLABEL-{n:03}")
}

fn add(fleet: &mut Fleet, n: usize, count: usize) -> ClientId {
    let client = Client { label: Some(Label::new(&label(count)).unwrap()), ..Client::default() };
    let Saved(id) = fleet.device(n).add_client(&client).unwrap();
    id
}

fn log(fleet: &mut Fleet, n: usize, day: u16, who: WhoDraft) {
    let line = Line { direction: Direction::Out, item: Item::SYRINGE_FIXED_1ML };
    let draft = ContactDraft::new(who, van().code).line(line, Quantity::new(5).unwrap());
    fleet.device(n).log(Day::from_number(3_000 + i64::from(day)).unwrap(), &[draft]).unwrap();
}

/// A fleet whose phone 2 is a supervisor's.
fn fleet() -> Fleet {
    let mut fleet = Fleet::new();
    let supervisor = fleet.device(SUPERVISOR).device();
    fleet.device(0).set_role(supervisor, Role::Supervisor).unwrap();
    settle(&mut fleet, &ALL);
    fleet
}

/// What is released of a store: contacts and sets, whoever they were with.
fn totals(engine: &Engine) -> (usize, u64) {
    let rows = engine.contacts(&ContactFilter::default()).unwrap();
    (rows.len(), rows.iter().map(|row| row.sets()).sum())
}

fn unattributed(engine: &Engine) -> usize {
    let rows = engine.contacts(&ContactFilter::default()).unwrap();
    rows.iter().filter(|row| row.person == Person::Unattributed).count()
}

fn has(engine: &Engine, client: ClientId) -> bool {
    engine.clients().unwrap().iter().any(|row| row.id == client)
}

/// A copy of a device's folder: every box in it, and every key that the passphrase gets out of it.
struct Image {
    rows: Vec<Sealed>,
    keys: Vec<Named>,
    raw: Vec<u8>,
}

impl Image {
    /// Of a store that is open, and in use.
    fn of(fleet: &Fleet, n: usize, when: &str) -> Self {
        let at = |name: &str| fleet.folder.path().join(format!("{when}-{n}-{name}"));
        let store = fleet.folder.path().join(n.to_string());
        let mut raw = Vec::new();
        crate::canaries::image(&store, &mut raw);
        copy(&store, &at("rows"));
        copy(&store, &at("keys"));
        let rows = Sealed::all(&at("rows")).unwrap();
        Self { rows, keys: keys(&at("keys"), &passphrase()), raw }
    }

    /// The image itself, and what all its keys open of it.
    fn everything(&self) -> Vec<u8> {
        let opened = self.rows.iter().filter_map(|row| row.content(&self.keys)).flatten();
        self.raw.iter().copied().chain(opened).collect()
    }
}

/// A file of the chunks that a device gives a relay.
fn blobs(fleet: &mut Fleet, n: usize) -> Vec<u8> {
    let whole = fleet.device(n).export_bundle().unwrap();
    let frames = bundle::decode(&whole).unwrap().frames.into_iter();
    let chunks = frames.filter(|frame| matches!(Frame::parse(frame), Ok(Frame::Chunk(..))));
    bundle::encode(chunks).unwrap()
}

#[test]
fn an_erased_client_is_nowhere_left_and_nothing_brings_it_back() {
    let mut fleet = fleet();
    let gone = add(&mut fleet, 1, 7);
    let stays = add(&mut fleet, 1, 8);
    log(&mut fleet, 1, 1, WhoDraft::Client(gone));
    let old = blobs(&mut fleet, 1);
    settle(&mut fleet, &ALL);
    log(&mut fleet, 0, 1, WhoDraft::Client(gone));
    log(&mut fleet, 2, 1, WhoDraft::Client(stays));
    settle(&mut fleet, &ALL);
    // Closed once, so that there are snapshots, and a phone that is away from here on, with work that it has not sent.
    ALL.into_iter().for_each(|n| {
        fleet.devices[n].take().unwrap().close().unwrap();
        reopen(&mut fleet, n);
    });
    settle(&mut fleet, &ALL);
    log(&mut fleet, 3, 2, WhoDraft::Client(gone));
    let before = [0, 1, 2].map(|n| Image::of(&fleet, n, "before"));
    let released = totals(fleet.device(0));
    assert_eq!((released, unattributed(fleet.device(0))), ((3, 15), 0));

    assert!(matches!(fleet.device(1).erase_client(gone), Err(Error::NotAllowed { .. })));
    fleet.device(SUPERVISOR).erase_client(gone).unwrap();
    settle(&mut fleet, &[0, 1, 2]);
    for n in [0, 1, 2] {
        let engine = fleet.device(n);
        assert_eq!((has(engine, gone), has(engine, stays)), (false, true), "device {n}");
        assert_eq!((totals(engine), unattributed(engine)), (released, 2), "device {n}");
        engine.rebuild().unwrap();
        assert_eq!((totals(engine), unattributed(engine)), (released, 2), "device {n}");
        assert_eq!(engine.erasures().unwrap()[0].confirmed, 3, "device {n}");
    }
    // The phone that is away may be all that the coordinator's and the phone's own bodies were kept for.
    let after = [0, 1, 2].map(|n| Image::of(&fleet, n, "after"));
    for (n, (before, after)) in before.iter().zip(&after).enumerate() {
        assert_nothing_left(n, before, after);
    }

    // Sixty days later: field devices have destroyed the old epochs with the fifth rotation, the coordinator with the 26th.
    for round in 0..27 {
        fleet.device(0).rotate().unwrap();
        settle(&mut fleet, &[0, 1, 2]);
        let opens = |fleet: &mut Fleet, n: usize| fleet.device(n).import_bundle(&old).is_ok();
        assert_eq!(opens(&mut fleet, 0), round < 25, "{round}");
        assert_eq!(opens(&mut fleet, 1), round < 4, "{round}");
    }
    // The phone returns, with the client's file and a contact that is news.
    assert!(has(fleet.device(3), gone));
    settle(&mut fleet, &ALL);
    for n in [0, 3] {
        let engine = fleet.device(n);
        assert!(!has(engine, gone));
        assert_eq!(engine.erasures().unwrap()[0].confirmed, 4);
    }
    assert_eq!((totals(fleet.device(0)), unattributed(fleet.device(0))), ((4, 20), 3));
    assert_eq!(before[0].keys.iter().filter(|key| key.0 == "client key").count(), 5);
    let image = Image::of(&fleet, 3, "returned");
    assert_nothing_left(3, &before[1], &image);
}

/// Nothing of what a store lost with the erasure is in a later image of it.
fn assert_nothing_left(n: usize, before: &Image, after: &Image) {
    let is_lost = |key: &&Named| !after.keys.contains(key);
    let lost: Vec<Named> = before.keys.iter().filter(is_lost).copied().collect();
    let of_clients: Vec<&Named> = lost.iter().filter(|key| key.0 == "client key").collect();
    assert_eq!(of_clients.len(), 1, "device {n}: the client's key is not held any more");
    let mut search = Search::default();
    search.text("label", &label(7));
    search.bytes("client key", &of_clients[0].1);
    lost.iter().filter(|key| key.0 == "keyring").for_each(|key| search.bytes("key", &key.1));
    let names: Vec<&str> = search.run(&before.everything()).into_keys().collect();
    assert_eq!(names, ["client key", "key", "label"], "device {n}: the search can find");
    let found = search.run(&after.everything());
    assert!(found.is_empty(), "device {n}: {found:?}");
    // Not even an old image of the rows opens with the keys that are held now.
    let rows = before.rows.iter().filter(|row| row.opens_with(&lost));
    let of_the_file =
        rows.filter(|row| row.content(&lost).is_some_and(|content| shows(&content, &label(7))));
    let of_the_file: Vec<&Sealed> = of_the_file.collect();
    assert!(!of_the_file.is_empty() && !of_the_file.iter().any(|row| row.opens_with(&after.keys)));
}

fn shows(content: &[u8], text: &str) -> bool {
    content.windows(text.len()).any(|part| part == text.as_bytes())
}

#[test]
fn whoever_joins_after_an_erasure_never_shows_the_client() {
    let mut fleet = fleet();
    let gone = add(&mut fleet, 1, 7);
    log(&mut fleet, 1, 1, WhoDraft::Client(gone));
    settle(&mut fleet, &ALL);
    fleet.device(0).erase_client(gone).unwrap();
    settle(&mut fleet, &ALL);
    let (folder, options) = (fleet.folder.path().join("late"), CreateOptions::cheapest());
    let random = Box::new(ChaCha20Rng::seed_from_u64(77));
    let mut late = Engine::create(&folder, &passphrase(), options, random).unwrap();
    let request = late.request_to_join().unwrap();
    let (answer, _) = fleet.device(0).invite(&request, Role::Educator, &[]).unwrap();
    late.join(&answer).unwrap();
    fleet.devices.push(Some(late));
    settle(&mut fleet, &[0, 4]);
    let newcomer = fleet.device(4);
    assert_eq!((has(newcomer, gone), totals(newcomer), unattributed(newcomer)), (false, (1, 5), 1));
    same(&mut fleet, &[0, 4]);
}

#[test]
fn an_erasure_that_was_cut_off_goes_on_when_the_store_is_opened() {
    let mut fleet = fleet();
    let gone = add(&mut fleet, 1, 7);
    settle(&mut fleet, &ALL);
    fleet.device(0).erase_client(gone).unwrap();
    // Erased, not sent, and killed: the erasure is owed.
    assert!(fleet.device(0).owed().changes > 0);
    reopen(&mut fleet, 0);
    assert!(!has(fleet.device(0), gone));
    settle(&mut fleet, &ALL);
    ALL.into_iter().for_each(|n| assert!(!has(fleet.device(n), gone)));
    same(&mut fleet, &ALL);
}

/// What befalls a team that erases now and then.
#[derive(Debug, Clone, Copy)]
enum Event {
    Add(usize),
    Log(usize, usize),
    Erase(usize, usize),
    Sync(usize, usize),
    Bundle(usize, usize),
    Rotate,
    Reopen(usize),
}

fn event() -> impl Strategy<Value = Event> {
    let device = || 0..=PHONES;
    prop_oneof![
        2 => device().prop_map(Event::Add),
        4 => (device(), 0..8_usize).prop_map(|(n, who)| Event::Log(n, who)),
        2 => (device(), 0..8_usize).prop_map(|(n, who)| Event::Erase(n, who)),
        6 => (device(), prop_oneof![3 => Just(1_000), 1 => 0..1_000_usize])
            .prop_map(|(n, cut)| Event::Sync(n, cut)),
        2 => (device(), device()).prop_map(|(n, m)| Event::Bundle(n, m)),
        1 => Just(Event::Rotate),
        1 => device().prop_map(Event::Reopen),
    ]
}

/// What a team did, and what has to be so in the end.
#[derive(Default)]
struct Told {
    files: usize,
    contacts: usize,
    rotations: usize,
    reopened: u64,
    erased: BTreeSet<ClientId>,
}

fn befall(fleet: &mut Fleet, told: &mut Told, event: Event) {
    match event {
        Event::Add(n) => {
            told.files += 1;
            add(fleet, n, told.files);
        }
        Event::Log(n, who) => {
            let clients = fleet.device(n).clients().unwrap();
            let who =
                clients.get(who).map_or_else(WhoDraft::default, |row| WhoDraft::Client(row.id));
            told.contacts += 1;
            log(fleet, n, 1, who);
        }
        Event::Erase(n, who) => {
            let clients = fleet.device(n).clients().unwrap();
            let Some(id) = clients.get(who).map(|row| row.id) else { return };
            match fleet.device(n).erase_client(id) {
                Ok(()) => drop(told.erased.insert(id)),
                Err(error) => assert!(matches!((n, error), (1 | 3, Error::NotAllowed { .. }))),
            }
        }
        Event::Sync(n, cut) => drop(fleet.sync(n, cut)),
        Event::Bundle(n, m) => {
            let bundle = fleet.device(n).export_bundle().unwrap();
            let _ = fleet.device(m).import_bundle(&bundle);
        }
        // With the fifth the horizon would come into it.
        Event::Rotate if told.rotations == 4 => {}
        Event::Rotate => {
            told.rotations += 1;
            fleet.device(0).rotate().unwrap();
        }
        Event::Reopen(n) => {
            drop(fleet.devices[n].take());
            // No two lives have the same random numbers.
            told.reopened += 1;
            let random = Box::new(ChaCha20Rng::seed_from_u64(9_000 + told.reopened));
            let folder = fleet.folder.path().join(n.to_string());
            fleet.devices[n] = Some(Engine::open(&folder, &passphrase(), random).unwrap());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn in_any_order_all_end_without_the_erased_and_with_all_else(
        events in proptest::collection::vec(event(), 1..50)
    ) {
        let (mut fleet, mut told) = (fleet(), Told::default());
        events.into_iter().for_each(|event| befall(&mut fleet, &mut told, event));
        settle(&mut fleet, &ALL);
        same(&mut fleet, &ALL);
        for n in ALL {
            let engine = fleet.device(n);
            let left: BTreeSet<ClientId> = engine.clients().unwrap().iter().map(|row| row.id).collect();
            assert!(left.is_disjoint(&told.erased), "device {n}");
            assert_eq!(left.len(), 3 + told.files - told.erased.len(), "device {n}");
            assert_eq!(totals(engine), (told.contacts, 5 * told.contacts as u64), "device {n}");
            let found: BTreeSet<_> = engine.erasures().unwrap().iter().map(|e| e.client).collect();
            assert_eq!(found, told.erased, "device {n}");
            assert!(engine.erasures().unwrap().iter().all(|erasure| erasure.confirmed == 4));
            let held = engine.secrets(&passphrase()).unwrap();
            let held = held.iter().filter(|key| key.0 == "client key").count();
            assert_eq!(held, left.len(), "device {n}: no key but of those that are left");
        }
    }
}

#[test]
fn what_erases_and_what_removes_its_author_may_come_in_one_answer_in_this_order() {
    let mut fleet = fleet();
    let client = add(&mut fleet, 1, 7);
    settle(&mut fleet, &ALL);
    fleet.device(SUPERVISOR).erase_client(client).unwrap();
    while fleet.sync(SUPERVISOR, 1_000) {}
    let seized = fleet.device(SUPERVISOR).device();
    fleet.device(0).revoke(seized, false).unwrap();
    for n in [0, 1, 3] {
        // In small pieces, each applied as it comes.
        while fleet.sync(n, 1_000) {}
    }
    settle(&mut fleet, &[0, 1, 3]);
    for n in [0, 1, 3] {
        assert!(has(fleet.device(n), client), "{n}: nothing that counts erased it");
    }
    same(&mut fleet, &[0, 1, 3]);
}

//! The engine by its public face alone, devices meeting by bundle.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;

use haversack_core::model::*;
use haversack_core::*;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use tempfile::TempDir;

fn random(seed: u64) -> Random {
    Box::new(ChaCha20Rng::seed_from_u64(seed))
}

fn passphrase() -> Passphrase {
    Passphrase::new(b"correct horse battery staple".to_vec()).unwrap()
}

fn create(folder: &TempDir, name: &str, seed: u64) -> Engine {
    let options = CreateOptions::cheapest();
    Engine::create(&folder.path().join(name), &passphrase(), options, random(seed)).unwrap()
}

fn open(folder: &TempDir, name: &str) -> Engine {
    Engine::open(&folder.path().join(name), &passphrase(), random(99)).unwrap()
}

fn site(code: &str, kind: SiteKind) -> Site {
    Site { code: SiteCode::new(code).unwrap(), kind, setting: None, closes: None }
}

fn draft(who: WhoDraft, fixed: i64) -> ContactDraft {
    let line = Line { direction: Direction::Out, item: Item::SYRINGE_FIXED_1ML };
    ContactDraft {
        who,
        site: SiteCode::new("KM-V").unwrap(),
        mode: None,
        lines: BTreeMap::from([(line, Quantity::new(fixed).unwrap())]),
        services: Default::default(),
        duration: None,
    }
}

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

/// A coordinator with a site and a client, and an educator who joined.
fn team(folder: &TempDir) -> (Engine, Engine, ClientId) {
    let mut coordinator = create(folder, "coordinator", 1);
    coordinator.found_space().unwrap();
    coordinator.put_site(&site("KM-V", SiteKind::MOBILE_VAN)).unwrap();
    let label = Some(Label::new("LOTUS-27").unwrap());
    let Saved(client) = coordinator.add_client(&Client { label, ..Client::default() }).unwrap();
    let mut educator = create(folder, "educator", 2);
    let request = educator.request_to_join().unwrap();
    let (answer, words) = coordinator.invite(&request, Role::Educator, &[]).unwrap();
    assert_eq!(educator.join(&answer).unwrap(), words);
    educator.import_bundle(&coordinator.export_bundle().unwrap()).unwrap();
    (coordinator, educator, client)
}

#[test]
fn a_contact_logged_offline_reaches_the_coordinator_by_a_file() {
    let folder = TempDir::new().unwrap();
    let (mut coordinator, mut educator, client) = team(&folder);
    let drafts = [
        draft(WhoDraft::Client(client), 5),
        draft(WhoDraft::Anonymous { sex: Some(Sex::F), age: None }, 2),
        draft(WhoDraft::Count(People::new(30).unwrap()), 240),
    ];
    educator.log(day("2008-02-04"), &drafts).unwrap();
    let bundle = educator.export_bundle().unwrap();
    let outcome = coordinator.import_bundle(&bundle).unwrap();
    assert_eq!((outcome.contacts, outcome.whole), (3, true));
    let rows = coordinator.contacts(&ContactFilter::default()).unwrap();
    let people: Vec<_> =
        rows.iter().map(|row| (&row.person, row.sets(), row.mode.as_str())).collect();
    assert_eq!(people[2], (&Person::Client(client), 5, "van"));
    assert_eq!(people[0].1, 240);
    let twice = coordinator.import_bundle(&bundle).unwrap();
    assert_eq!((twice.contacts, twice.received.applied), (0, 0));
    educator.import_bundle(&coordinator.export_bundle().unwrap()).unwrap();
    assert_eq!(coordinator.canonical().unwrap(), educator.canonical().unwrap());
}

#[test]
fn what_was_saved_is_there_after_reopening_with_and_without_a_snapshot() {
    let folder = TempDir::new().unwrap();
    let (coordinator, mut educator, client) = team(&folder);
    educator.log(day("2008-02-04"), &[draft(WhoDraft::Client(client), 5)]).unwrap();
    let rows = educator.contacts(&ContactFilter::default()).unwrap();
    let content = educator.canonical().unwrap();
    drop(educator);
    let mut educator = open(&folder, "educator");
    assert_eq!(educator.contacts(&ContactFilter::default()).unwrap(), rows);
    educator.log(day("2008-02-04"), &[draft(WhoDraft::Client(client), 7)]).unwrap();
    educator.close().unwrap();
    let mut educator = open(&folder, "educator");
    educator.log(day("2008-02-05"), &[draft(WhoDraft::Client(client), 9)]).unwrap();
    drop(educator);
    let mut educator = open(&folder, "educator");
    let sets: Vec<_> = educator
        .contacts(&ContactFilter::default())
        .unwrap()
        .iter()
        .map(ContactRow::sets)
        .collect();
    assert_eq!(sets, [9, 7, 5]);
    let incremental =
        (educator.contacts(&ContactFilter::default()).unwrap(), educator.canonical().unwrap());
    educator.rebuild().unwrap();
    assert_eq!(
        (educator.contacts(&ContactFilter::default()).unwrap(), educator.canonical().unwrap()),
        incremental
    );
    assert_ne!(content, incremental.1);
    drop(coordinator);
}

#[test]
fn a_cache_and_the_log_beyond_it_give_what_the_log_gives() {
    let folder = TempDir::new().unwrap();
    let (mut coordinator, mut educator, client) = team(&folder);
    let log = |educator: &mut Engine, count| {
        for _ in 0..count {
            educator.log(day("2008-02-04"), &[draft(WhoDraft::Client(client), 3)]).unwrap();
        }
    };
    log(&mut educator, 40);
    educator.close().unwrap();
    let mut educator = open(&folder, "educator");
    log(&mut educator, 3);
    let bundle = educator.export_bundle().unwrap();
    coordinator.import_bundle(&bundle).unwrap();
    drop(educator);
    let mut educator = open(&folder, "educator");
    log(&mut educator, 2);
    let (rows, content) =
        (educator.contacts(&ContactFilter::default()).unwrap(), educator.canonical().unwrap());
    educator.rebuild().unwrap();
    assert_eq!(educator.contacts(&ContactFilter::default()).unwrap(), rows);
    assert_eq!((educator.canonical().unwrap(), rows.len()), (content, 45));
    coordinator.import_bundle(&educator.export_bundle().unwrap()).unwrap();
    assert_eq!(coordinator.contact_count().unwrap(), 45);
}

#[test]
fn a_correction_is_a_put_and_the_lower_count_stands_while_disputed() {
    let folder = TempDir::new().unwrap();
    let (mut coordinator, mut educator, client) = team(&folder);
    let Saved(ids) =
        educator.log(day("2008-02-04"), &[draft(WhoDraft::Client(client), 10)]).unwrap();
    coordinator.import_bundle(&educator.export_bundle().unwrap()).unwrap();
    let line = Line { direction: Direction::Out, item: Item::SYRINGE_FIXED_1ML };
    coordinator.correct(&ids[0], &line, Quantity::new(5).unwrap()).unwrap();
    educator.correct(&ids[0], &line, Quantity::new(6).unwrap()).unwrap();
    let (to, from) = (coordinator.export_bundle().unwrap(), educator.export_bundle().unwrap());
    coordinator.import_bundle(&from).unwrap();
    educator.import_bundle(&to).unwrap();
    for engine in [&mut coordinator, &mut educator] {
        let rows = engine.contacts(&ContactFilter::default()).unwrap();
        assert_eq!((rows.len(), rows[0].sets(), rows[0].disputed), (1, 5, true));
    }
    coordinator.correct(&ids[0], &line, Quantity::new(6).unwrap()).unwrap();
    let rows = coordinator.contacts(&ContactFilter::default()).unwrap();
    assert_eq!((rows[0].sets(), rows[0].disputed), (6, false));
}

#[test]
fn input_is_refused_by_field_and_nothing_is_saved() {
    let folder = TempDir::new().unwrap();
    let (mut coordinator, _educator, _) = team(&folder);
    let anonymous = || WhoDraft::Anonymous { sex: None, age: None };
    let elsewhere =
        ContactDraft { site: SiteCode::new("NOWHERE").unwrap(), ..draft(anonymous(), 1) };
    let drafts = [draft(anonymous(), 1), elsewhere];
    let refused = coordinator.log(day("2008-02-04"), &drafts).unwrap_err();
    assert_eq!(refused.to_string(), "this site is not known here");
    assert_eq!(coordinator.contact_count().unwrap(), 0);
    let stranger: ClientId = "00112233445566778899aabbccddeeff".parse().unwrap();
    let refused =
        coordinator.log(day("2008-02-04"), &[draft(WhoDraft::Client(stranger), 1)]).unwrap_err();
    assert_eq!(refused.to_string(), "this client is not known here");
}

#[test]
fn stores_are_refused_with_a_reason_and_left_alone() {
    let folder = TempDir::new().unwrap();
    let engine = create(&folder, "one", 1);
    let path = folder.path().join("one");
    let again = Engine::open(&path, &passphrase(), random(3)).unwrap_err();
    assert_eq!(again.to_string(), "another process has this store open");
    drop(engine);
    let wrong = Passphrase::new(b"wrong".to_vec()).unwrap();
    assert!(matches!(Engine::open(&path, &wrong, random(3)), Err(Error::WrongPassphrase)));
    let empty = folder.path().join("two");
    assert!(matches!(Engine::open(&empty, &passphrase(), random(3)), Err(Error::NoStore)));
    let exists = Engine::create(&path, &passphrase(), CreateOptions::default(), random(3));
    assert!(matches!(exists, Err(Error::StoreExists)));
    std::fs::write(path.join("data.db"), vec![7; 8_192]).unwrap();
    let broken = Engine::open(&path, &passphrase(), random(3)).unwrap_err();
    assert_eq!(broken.to_string(), "the store's database is damaged: it is not one");
    assert_eq!(std::fs::read(path.join("data.db")).unwrap(), vec![7; 8_192]);
}

#[test]
fn bundles_of_others_and_damaged_ones_are_refused_and_cut_ones_used() {
    let folder = TempDir::new().unwrap();
    let (mut coordinator, mut educator, client) = team(&folder);
    let mut stranger = create(&folder, "stranger", 7);
    stranger.found_space().unwrap();
    let foreign = coordinator.import_bundle(&stranger.export_bundle().unwrap()).unwrap_err();
    assert_eq!(foreign.to_string(), "this bundle is of another space or for another device");
    educator.log(day("2008-02-04"), &[draft(WhoDraft::Client(client), 5)]).unwrap();
    let bundle = educator.export_bundle().unwrap();
    let before = coordinator.canonical().unwrap();
    assert!(coordinator.import_bundle(b"%PDF-1.7").is_err());
    for at in (5..bundle.len()).step_by(97) {
        let mut flipped = bundle.clone();
        flipped[at] ^= 1;
        let _ = coordinator.import_bundle(&flipped);
    }
    let contacts = coordinator.contact_count().unwrap();
    assert!(contacts <= 1, "a flipped bit opens nothing that was not written");
    coordinator.import_bundle(&bundle[..bundle.len() - 3]).unwrap();
    assert_eq!(coordinator.contact_count().unwrap(), 1);
    assert_ne!(coordinator.canonical().unwrap(), before);
}

#[test]
fn enrolment_is_for_admins_and_answers_work_once() {
    let folder = TempDir::new().unwrap();
    let (mut coordinator, mut educator, _) = team(&folder);
    let mut phone = create(&folder, "phone", 8);
    let request = phone.request_to_join().unwrap();
    let refused = educator.invite(&request, Role::Educator, &[]).unwrap_err();
    assert_eq!(refused.to_string(), "this device's role does not allow to invite");
    let (answer, _) = coordinator.invite(&request, Role::Supervisor, &[]).unwrap();
    let mut other = create(&folder, "other", 9);
    assert!(other.join(&answer).unwrap_err().to_string().contains("has no request here"));
    other.request_to_join().unwrap();
    assert!(other.join(&answer).unwrap_err().to_string().contains("another request"));
    phone.join(&answer).unwrap();
    assert!(matches!(phone.join(&answer), Err(Error::InSpace)));
    assert!(coordinator.invite(&request, Role::Coordinator, &[]).is_err());
}

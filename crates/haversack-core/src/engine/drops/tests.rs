//! A street team, a clinic, and who is in both.

use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use tempfile::TempDir;

use super::super::fork::KeptDrop;
use super::super::tests::{client, put_life};
use super::*;
use crate::engine::tests::join;
use crate::model::{Direction, Item, Line, Quantity, Site, SiteCode, SiteKind};
use crate::sync::body::Body;
use crate::{ContactFilter, CreateOptions, Passphrase, WhoDraft};

fn passphrase() -> Passphrase {
    Passphrase::new(b"drops".to_vec()).unwrap()
}

fn open(folder: &TempDir, name: &str, seed: u64) -> Engine {
    let random = Box::new(ChaCha20Rng::seed_from_u64(seed));
    let path = folder.path().join(name);
    match path.exists() {
        true => Engine::open(&path, &passphrase(), random).unwrap(),
        false => Engine::create(&path, &passphrase(), CreateOptions::cheapest(), random).unwrap(),
    }
}

fn clinic() -> SpaceName {
    SpaceName::new("clinic").unwrap()
}

fn day() -> Day {
    "2008-02-04".parse().unwrap()
}

fn syringes(count: i64) -> ContactDraft {
    let line = Line { direction: Direction::Out, item: Item::SYRINGE_FIXED_1ML };
    ContactDraft::new(WhoDraft::default(), SiteCode::new("KM-V").unwrap())
        .line(line, Quantity::new(count).unwrap())
}

fn site() -> Site {
    let code = SiteCode::new("KM-V").unwrap();
    Site { code, kind: SiteKind::MOBILE_VAN, setting: None, closes: None }
}

/// What a device shows: quantities and whose they are.
fn shown(engine: &Engine) -> Vec<(u64, Device)> {
    let rows = engine.contacts(&ContactFilter::default()).unwrap();
    rows.iter().map(|row| (row.lines[0].1.get().into(), row.author)).collect()
}

/// One takes what another has, by file.
fn pass(from: &mut Engine, to: &mut Engine) -> crate::Received {
    to.import_bundle(&from.export_bundle().unwrap()).unwrap().received
}

/// The coordinator's two engines, a phone of the street team, a nurse's of the clinic.
struct Cast {
    folder: TempDir,
    street: Engine,
    health: Engine,
    phone: Engine,
    nurse: Engine,
}

impl Cast {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let mut street = open(&folder, "office", 1);
        street.found_space().unwrap();
        street.put_site(&site()).unwrap();
        let random = Box::new(ChaCha20Rng::seed_from_u64(2));
        let mut health = street.add_space(&clinic(), random).unwrap();
        health.found_space().unwrap();
        let (mut phone, mut nurse) = (open(&folder, "phone", 3), open(&folder, "nurse", 4));
        join(&mut street, &mut phone, Role::Educator);
        join(&mut health, &mut nurse, Role::Clinic);
        assert!(street.open_drop_box(&clinic(), &health.drop_box().unwrap()).unwrap());
        assert!(health.take_drops_of(&street.first_root().unwrap()).unwrap());
        pass(&mut street, &mut phone);
        pass(&mut health, &mut nurse);
        Self { folder, street, health, phone, nurse }
    }

    /// The phone drops something, and the coordinator has it.
    fn drop(&mut self, count: i64) {
        self.phone.drop_contacts(&clinic(), day(), &[syringes(count)]).unwrap();
        pass(&mut self.phone, &mut self.street);
    }

    fn carry(&mut self) -> CarryOutcome {
        carry(&self.street, &mut self.health)
    }
}

mod insider;

/// So many that those of one body lie in several segments.
#[test]
fn a_pack_has_all_notes_that_a_body_carried() {
    const NOTES: u64 = 600;
    let mut cast = Cast::new();
    for from_now in 0..NOTES {
        let day = Day::from_number(i64::from(day().number()) + from_now as i64).unwrap();
        cast.phone.drop_contacts(&clinic(), day, &[syringes(7)]).unwrap();
    }
    pass(&mut cast.phone, &mut cast.street);
    assert_eq!(cast.carry().taken, NOTES);
    pass(&mut cast.health, &mut cast.nurse);
    let rows = cast.health.index.documents().flat_map(|(_, entry)| &entry.rows);
    let carried = rows.filter(|row| row.head.kind == RowKind::Carried);
    let bodies: BTreeSet<_> = carried.map(|row| row.head.sequence).collect();
    assert!(bodies.len() < 60, "{bodies:?}");
    let segments = cast.health.make_pack(&mut |_, _| {}).unwrap().segments;
    assert!(segments > 2, "{segments}");
    let mut new = open(&cast.folder, "new", 5);
    join(&mut cast.health, &mut new, Role::Clinic);
    let pack = cast.health.export_pack().unwrap().unwrap();
    let received = new.import_bundle(&pack).unwrap().received;
    assert_eq!((received.waiting, received.quarantined), (0, 0));
    assert_eq!(new.contact_count().unwrap(), NOTES);
    assert_eq!(new.canonical().unwrap(), cast.health.canonical().unwrap());
}

fn carry(from: &Engine, to: &mut Engine) -> CarryOutcome {
    let dropped = from.dropped_for(&to.space_id().unwrap()).unwrap();
    to.carry(&dropped).unwrap()
}

#[test]
fn what_is_dropped_is_read_by_the_other_space_alone_and_is_its_authors() {
    let mut cast = Cast::new();
    assert_eq!(cast.phone.drop_boxes().unwrap(), [clinic()]);
    cast.drop(7);
    assert_eq!((shown(&cast.phone), shown(&cast.street)), (vec![], vec![]));
    assert_eq!(cast.carry().taken, 1);
    pass(&mut cast.health, &mut cast.nurse);
    let theirs = vec![(7, cast.phone.device())];
    assert_eq!((shown(&cast.health), shown(&cast.nurse)), (theirs.clone(), theirs));
    assert_eq!(cast.health.canonical().unwrap(), cast.nurse.canonical().unwrap());
    let again = cast.carry();
    assert_eq!((again.taken, again.known), (0, 1));
}

#[test]
fn what_was_carried_is_the_same_after_a_restart_and_from_the_log_alone() {
    let mut cast = Cast::new();
    cast.drop(7);
    cast.carry();
    pass(&mut cast.health, &mut cast.nurse);
    let (theirs, canonical) = (shown(&cast.nurse), cast.nurse.canonical().unwrap());
    cast.nurse.rebuild().unwrap();
    assert_eq!((shown(&cast.nurse), cast.nurse.canonical().unwrap()), (theirs.clone(), canonical));
    cast.nurse.close().unwrap();
    cast.nurse = open(&cast.folder, "nurse", 5);
    assert_eq!(shown(&cast.nurse), theirs);
    cast.nurse.rebuild().unwrap();
    assert_eq!(shown(&cast.nurse), theirs);
}

/// What the rows of bodies say of what they carried: its name, since its text goes with its own key.
#[test]
fn no_row_but_its_own_holds_what_was_carried() {
    let mut cast = Cast::new();
    cast.drop(7);
    cast.carry();
    pass(&mut cast.health, &mut cast.nurse);
    let lane = cast.health.space().unwrap().lane;
    for engine in [&cast.health, &cast.nurse] {
        let rows = engine.index.bodies(&lane).unwrap().spine.values();
        let bodies = rows.map(|(row, _)| engine.lean_body(*row).unwrap());
        let carried: Vec<Vec<u8>> = bodies.flat_map(|body| body.carried).collect();
        let kept = engine
            .index
            .documents()
            .filter(|(_, entry)| entry.rows.iter().any(|row| row.head.kind == RowKind::Carried));
        let names: Vec<Document> = kept.map(|(id, _)| *id).collect();
        let named = carried.iter().map(|bytes| match KeptDrop::decode(bytes).unwrap() {
            KeptDrop::Row(document, _) => document,
            KeptDrop::Whole(_) => panic!("what was carried stands there in full"),
        });
        assert_eq!(named.collect::<Vec<_>>(), names);
        assert_eq!(names.len(), 1);
    }
}

/// The same for what its author's space keeps of it until it is safe.
#[test]
fn no_row_but_its_own_holds_what_was_dropped() {
    let mut cast = Cast::new();
    cast.drop(7);
    let lane = cast.phone.space().unwrap().lane;
    for engine in [&cast.phone, &cast.street] {
        let rows = engine.index.bodies(&lane).unwrap().spine.values();
        let bodies = rows.map(|(row, _)| engine.lean_body(*row).unwrap());
        let dropped: Vec<Vec<u8>> = bodies.flat_map(|body| body.drops).collect();
        assert_eq!((dropped.len(), dropped[0].len()), (1, 1 + 16 + 16));
    }
}

/// CT-10 across spaces: what one device holds in one space opens nothing of the other, whoever it is in there.
#[test]
fn the_keys_of_one_space_open_nothing_of_another() {
    let mut cast = Cast::new();
    cast.drop(7);
    cast.carry();
    cast.health.rotate().unwrap();
    let street = cast.street.export_bundle().unwrap();
    let health = cast.health.export_bundle().unwrap();
    pass(&mut cast.health, &mut cast.nurse);
    let table = [
        (&cast.street, &street, true),
        (&cast.phone, &street, true),
        (&cast.health, &street, false),
        (&cast.nurse, &street, false),
        (&cast.street, &health, false),
        (&cast.phone, &health, false),
        (&cast.health, &health, true),
        (&cast.nurse, &health, true),
    ];
    for (n, (device, bundle, may)) in table.into_iter().enumerate() {
        let frames = haversack_wire::bundle::decode(bundle).unwrap().frames;
        assert!(frames.len() > 1);
        let opened = frames.iter().filter(|frame| opens(device, frame)).count();
        assert_eq!(opened > 0, may, "row {n}");
        assert_eq!(frames.iter().any(|frame| device.is_ours(frame)), may, "row {n}");
    }
}

/// Whether any key that a device holds opens a frame.
fn opens(device: &Engine, frame: &[u8]) -> bool {
    let space = device.space().unwrap();
    let keys = device.ring.epochs().iter();
    let with = |(epoch, secret): (&haversack_wire::Epoch, &crate::crypto::EpochSecret)| {
        let epoch = (secret, epoch);
        match haversack_wire::Frame::parse(frame) {
            Ok(haversack_wire::Frame::Chunk(header, sealed)) => {
                crate::sync::chunk::open(epoch, space.space(), &header, sealed).is_some()
            }
            Ok(haversack_wire::Frame::Roster(header, sealed)) => {
                crate::sync::chunk::open_roster(epoch, space.space(), &header, sealed).is_some()
            }
            _ => false,
        }
    };
    keys.into_iter().any(with)
}

#[test]
fn two_carry_the_same_and_it_is_there_once() {
    let mut cast = Cast::new();
    let mut second = open(&cast.folder, "second", 6);
    join(&mut cast.street, &mut second, Role::Coordinator);
    let random = Box::new(ChaCha20Rng::seed_from_u64(7));
    let mut there = second.add_space(&clinic(), random).unwrap();
    join(&mut cast.health, &mut there, Role::Clinic);
    pass(&mut cast.health, &mut there);
    cast.drop(7);
    pass(&mut cast.phone, &mut second);
    assert_eq!((cast.carry().taken, carry(&second, &mut there).taken), (1, 1));
    pass(&mut cast.health, &mut cast.nurse);
    pass(&mut there, &mut cast.nurse);
    pass(&mut there, &mut cast.health);
    pass(&mut cast.health, &mut there);
    let canonical = cast.nurse.canonical().unwrap();
    assert_eq!(shown(&cast.nurse), [(7, cast.phone.device())]);
    assert_eq!(cast.health.canonical().unwrap(), canonical);
    assert_eq!(there.canonical().unwrap(), canonical);
    // One of the two is believed no more: the other still carried it.
    cast.health.revoke(there.device(), false).unwrap();
    pass(&mut cast.health, &mut cast.nurse);
    assert_eq!(shown(&cast.nurse), [(7, cast.phone.device())]);
    assert_eq!(cast.health.canonical().unwrap(), cast.nurse.canonical().unwrap());
}

#[test]
fn it_is_corrected_like_any_record() {
    let mut cast = Cast::new();
    cast.drop(7);
    cast.carry();
    pass(&mut cast.health, &mut cast.nurse);
    let id = cast.nurse.contacts(&ContactFilter::default()).unwrap()[0].id.clone();
    let line = Line { direction: Direction::Out, item: Item::SYRINGE_FIXED_1ML };
    cast.nurse.correct(&id, &line, Quantity::new(9).unwrap()).unwrap();
    assert_eq!(pass(&mut cast.nurse, &mut cast.health).quarantined, 0);
    assert_eq!(shown(&cast.health), [(9, cast.phone.device())]);
    cast.health.rebuild().unwrap();
    assert_eq!(cast.health.canonical().unwrap(), cast.nurse.canonical().unwrap());
}

/// A phone with two lives: what one of them corrected, on the branch that lost, is said again.
#[test]
fn a_correction_of_what_was_carried_outlives_its_branch() {
    let mut cast = Cast::new();
    cast.drop(7);
    cast.carry();
    pass(&mut cast.health, &mut cast.nurse);
    let Cast { folder, mut health, nurse, phone, .. } = cast;
    drop(nurse);
    put_life(&folder, "nurse", "other");
    let mut nurse = open(&folder, "nurse", 31);
    let id = nurse.contacts(&ContactFilter::default()).unwrap()[0].id.clone();
    let line = Line { direction: Direction::Out, item: Item::SYRINGE_FIXED_1ML };
    nurse.correct(&id, &line, Quantity::new(9).unwrap()).unwrap();
    let lost = nurse.export_bundle().unwrap();
    drop(nurse);
    put_life(&folder, "nurse", "first");
    put_life(&folder, "other", "nurse");
    let mut other = open(&folder, "nurse", 32);
    client(&mut other, "OTHER");
    let won = other.export_bundle().unwrap();
    drop(other);
    put_life(&folder, "first", "nurse");
    let mut nurse = open(&folder, "nurse", 33);
    health.import_bundle(&won).unwrap();
    let named = health.export_bundle().unwrap();
    for bundle in [&won, &named] {
        nurse.import_bundle(bundle).unwrap();
    }
    health.import_bundle(&lost).unwrap();
    assert_eq!((health.status().unwrap().forked, shown(&health)[0].0), (1, 7));
    pass(&mut nurse, &mut health);
    assert_eq!(shown(&nurse), [(9, phone.device())]);
    assert_eq!(shown(&health), [(9, phone.device())]);
    assert_eq!(health.canonical().unwrap(), nurse.canonical().unwrap());
}

#[test]
fn what_is_carried_and_corrected_before_it_is_sent_is_taken_in_one_body() {
    let mut cast = Cast::new();
    cast.drop(7);
    cast.carry();
    let id = cast.health.contacts(&ContactFilter::default()).unwrap()[0].id.clone();
    let line = Line { direction: Direction::Out, item: Item::SYRINGE_FIXED_1ML };
    cast.health.correct(&id, &line, Quantity::new(9).unwrap()).unwrap();
    let received = pass(&mut cast.health, &mut cast.nurse);
    assert_eq!((received.quarantined, received.waiting), (0, 0));
    assert_eq!(shown(&cast.nurse), [(9, cast.phone.device())]);
}

#[test]
fn a_new_life_goes_on_with_what_it_had_not_sent() {
    let mut cast = Cast::new();
    cast.drop(7);
    cast.carry();
    cast.phone.drop_contacts(&clinic(), day(), &[syringes(8)]).unwrap();
    let Cast { folder, street, health, phone, mut nurse } = cast;
    drop((street, health, phone));
    for store in ["office", "phone"] {
        for path in [folder.path().join(store)].into_iter().chain(inner(&folder, store)) {
            std::fs::remove_file(path.join("lock")).unwrap();
            std::fs::write(path.join("lock"), b"").unwrap();
        }
    }
    let (mut street, mut phone) = (open(&folder, "office", 8), open(&folder, "phone", 9));
    let random = Box::new(ChaCha20Rng::seed_from_u64(10));
    let mut health = street.open_space(&clinic(), random).unwrap();
    pass(&mut phone, &mut street);
    assert_eq!(carry(&street, &mut health).taken, 1);
    pass(&mut health, &mut nurse);
    let mut counts: Vec<u64> = shown(&nurse).into_iter().map(|(count, _)| count).collect();
    counts.sort_unstable();
    assert_eq!(counts, [7, 8]);
    assert_eq!(health.canonical().unwrap(), nurse.canonical().unwrap());
}

fn inner(folder: &TempDir, store: &str) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder.path().join(store).join("inner"));
    entries.into_iter().flatten().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn a_new_generation_has_a_new_key_and_what_was_sealed_to_the_old_one_still_opens() {
    let mut cast = Cast::new();
    let before = cast.health.drop_box().unwrap();
    cast.drop(7);
    let nurse = cast.nurse.device();
    cast.health.revoke(nurse, false).unwrap();
    let after = cast.health.drop_box().unwrap();
    assert_ne!(before.key, after.key);
    assert!(cast.street.open_drop_box(&clinic(), &after).unwrap());
    assert!(!cast.street.open_drop_box(&clinic(), &after).unwrap());
    pass(&mut cast.street, &mut cast.phone);
    cast.drop(8);
    assert_eq!(cast.carry().taken, 2);
    // Who was removed holds no key to what was dropped since.
    let secrets = &cast.nurse.space().unwrap().group.generations;
    assert!(secrets.values().all(|secret| secret.drop_key().public() != after.key));
}

#[test]
fn who_may_not_is_told_so() {
    let mut cast = Cast::new();
    let target = cast.health.drop_box().unwrap();
    let not_allowed = |result: Result<bool, Error>| {
        assert!(matches!(result, Err(Error::NotAllowed { .. })));
    };
    not_allowed(cast.phone.open_drop_box(&SpaceName::new("mine").unwrap(), &target));
    not_allowed(cast.nurse.take_drops_of(&[1; 32]));
    let own = cast.street.drop_box().unwrap();
    let invalid = |result| assert!(matches!(result, Err(Error::Invalid { .. })));
    invalid(cast.street.open_drop_box(&SpaceName::new("self").unwrap(), &own));
    invalid(
        cast.street.open_drop_box(&clinic(), &DropBox { space: Space::new([9; 16]), ..target }),
    );
    let none = SpaceName::new("none").unwrap();
    let unknown = cast.phone.drop_contacts(&none, day(), &[syringes(1)]);
    assert!(matches!(unknown, Err(Error::Unknown { what: "drop-box" })));
    // Nobody said that the clinic's drops are taken on the street.
    let back = cast.health.dropped_for(&own.space).unwrap();
    assert!(back.is_empty());
    cast.phone.drop_contacts(&clinic(), day(), &[syringes(1)]).unwrap();
    let dropped = cast.phone.dropped_for(&target.space).unwrap();
    assert!(matches!(cast.street.carry(&dropped), Err(Error::NotAllowed { .. })));
}

/// Signs a body of the coordinator's lane in the clinic's space, with these drops as carried.
fn forge(health: &mut Engine, carried: Vec<Vec<u8>>) -> Vec<u8> {
    let space = health.space().unwrap().clone();
    let own = &space.lanes[&space.lane];
    let (sequence, previous) = (own.next, own.position);
    let body = Body { lane: space.lane, previous, carried, ..Body::default() };
    let encoded = body.encode().unwrap();
    let leaves = crate::sync::tree::Tree::new(space.space()).leaves(&encoded.rest, &[]);
    let root = leaves.root();
    let message = crate::sync::tree::signed(space.space(), &space.lane, sequence, &root);
    let signature = health.device.identity.sign.sign(&message);
    let raw = [&encoded.bytes[..], &signature].concat();
    let frame = health.seal(&space, sequence, &raw).unwrap();
    let mut space = space;
    super::super::outgoing::advance(&mut space, &body, sequence, &root);
    health.space = Some(space);
    frame
}

#[test]
fn what_an_insider_carries_is_checked_by_every_reader_and_blocks_nothing() {
    let mut cast = Cast::new();
    cast.drop(7);
    pass(&mut cast.health, &mut cast.nurse);
    let dropped = cast.street.dropped_for(&cast.health.space_id().unwrap()).unwrap();
    let space = cast.health.space().unwrap();
    let secret = space.group.generations.values().next().unwrap().drop_key();
    let note = dropped[0].drop.open(&cast.street.space_id().unwrap(), &secret).unwrap().unwrap();
    let introduction = dropped[0].authors[0].introduction.clone();
    let good = Carried { root: dropped[0].root, note, introduction };
    let mut stranger = open(&cast.folder, "stranger", 11);
    stranger.found_space().unwrap();
    let flipped = |place: usize| {
        let mut bytes = good.encode();
        bytes[place] ^= 1;
        bytes
    };
    let bad = [
        ("cut", good.encode()[..100].to_vec()),
        ("another space's root", flipped(0)),
        ("another author", flipped(32)),
        ("another salt", flipped(64)),
        ("another signature", flipped(80)),
        ("other changes", flipped(160)),
        ("nobody's introduction", Carried { introduction: vec![], ..good.clone() }.encode()),
        (
            "an unknown space",
            Carried { root: stranger.first_root().unwrap(), ..good.clone() }.encode(),
        ),
    ];
    for (what, bytes) in bad {
        let frame = forge(&mut cast.health, vec![bytes]);
        let received = cast.nurse.receive(&[frame], false).unwrap();
        assert_eq!((received.quarantined, received.applied), (1, 0), "{what}");
        assert_eq!(shown(&cast.nurse), [], "{what}");
    }
    let frame = forge(&mut cast.health, vec![good.encode()]);
    assert_eq!(cast.nurse.receive(&[frame], false).unwrap().applied, 1);
    assert_eq!(shown(&cast.nurse), [(7, cast.phone.device())]);
}

#[test]
fn the_author_of_a_drop_must_be_a_member_when_it_is_carried() {
    let mut cast = Cast::new();
    cast.drop(7);
    let phone = cast.phone.device();
    cast.street.revoke(phone, false).unwrap();
    cast.phone.drop_contacts(&clinic(), day(), &[syringes(8)]).unwrap();
    pass(&mut cast.phone, &mut cast.street);
    assert!(cast.street.dropped_for(&cast.health.space_id().unwrap()).unwrap().is_empty());
}

#[test]
fn what_is_safe_there_is_let_go_here() {
    let mut cast = Cast::new();
    cast.drop(7);
    cast.carry();
    let mut archive = open(&cast.folder, "archive", 12);
    join(&mut cast.health, &mut archive, Role::Archive);
    let outcome = cast.carry();
    cast.street.let_go(&outcome).unwrap();
    let target = cast.health.space_id().unwrap();
    assert_eq!(cast.street.dropped_for(&target).unwrap().len(), 1, "nobody has it yet");
    pass(&mut cast.health, &mut archive);
    archive.rotate().unwrap();
    pass(&mut archive, &mut cast.health);
    let outcome = cast.carry();
    cast.street.let_go(&outcome).unwrap();
    assert!(cast.street.dropped_for(&target).unwrap().is_empty());
    assert_eq!(shown(&archive), [(7, cast.phone.device())]);
    // Said once more, it is not kept again.
    let again = cast.phone.export_bundle().unwrap();
    cast.street.import_bundle(&again).unwrap();
    assert!(cast.street.dropped_for(&target).unwrap().is_empty());
}

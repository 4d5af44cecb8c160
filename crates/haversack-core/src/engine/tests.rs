//! What an insider or a relay can try, with the keys and names that only tests may reach.

use haversack_wire::answer::{Part, START};
use haversack_wire::hash::Label as HashLabel;
use haversack_wire::{ChunkHeader, CursorDigest, Epoch, KeyHint, LaneTag, Relay};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use tempfile::TempDir;

use super::kept::Keep;
use super::*;
use crate::Passphrase;
use crate::docs::rebuild::Tip;
use crate::docs::{DocumentChanges, RawChange, ops};
use crate::members::Role;
use crate::model::{Client, Label};
use crate::sync::body::Body;
use crate::sync::{chunk, tree};

mod dictionary;
mod insider;
mod matrix;

struct Pair {
    _folder: TempDir,
    admin: Engine,
    phone: Engine,
}

pub(super) fn engine(folder: &TempDir, name: &str, seed: u64) -> Engine {
    let passphrase = Passphrase::new(b"team".to_vec()).unwrap();
    let random = Box::new(ChaCha20Rng::seed_from_u64(seed));
    let options = CreateOptions::cheapest();
    Engine::create(&folder.path().join(name), &passphrase, options, random).unwrap()
}

pub(super) fn join(admin: &mut Engine, other: &mut Engine, role: Role) {
    let request = other.request_to_join().unwrap();
    let (answer, _) = admin.invite(&request, role, &[]).unwrap();
    other.join(&answer).unwrap();
}

/// Puts the files of a store, but for its lock, in place of those of another: so two lives take turns in one folder, and neither
/// notices.
pub(super) fn put_life(folder: &TempDir, from: &str, to: &str) {
    let (from, to) = (folder.path().join(from), folder.path().join(to));
    std::fs::create_dir_all(&to).unwrap();
    let files = |folder: &std::path::Path| {
        let names = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name());
        let is_file = |name: &std::ffi::OsString| folder.join(name).is_file() && name != "lock";
        names.filter(is_file).collect::<Vec<_>>()
    };
    files(&to).iter().for_each(|name| std::fs::remove_file(to.join(name)).unwrap());
    for name in files(&from) {
        std::fs::copy(from.join(&name), to.join(&name)).unwrap();
    }
}

/// Hands a bundle over. What is sealed under a key that the bundle itself grants is taken the second time.
pub(super) fn carry(from: &mut Engine, to: &mut Engine) {
    let bundle = from.export_bundle().unwrap();
    to.import_bundle(&bundle).unwrap();
}

/// An admin and a phone that has the admin's first records.
fn pair() -> Pair {
    let folder = TempDir::new().unwrap();
    let (mut admin, mut phone) = (engine(&folder, "admin", 1), engine(&folder, "phone", 2));
    admin.found_space().unwrap();
    join(&mut admin, &mut phone, Role::Educator);
    carry(&mut admin, &mut phone);
    Pair { _folder: folder, admin, phone }
}

pub(super) fn client(engine: &mut Engine, label: &str) {
    let label = Some(Label::new(label).unwrap());
    engine.add_client(&Client { label, ..Client::default() }).unwrap();
}

fn tag_of(space: &SpaceState) -> LaneTag {
    space.group.generations[&space.live.unwrap().generation].lane_tag(&space.lane)
}

fn route() -> RelayRoute {
    RelayRoute { relay: Relay::new([7; 16]), admission: Vec::new() }
}

/// A chunk's clear header and garbage behind it.
pub(super) fn garbage(tag: LaneTag, sequence: u32, n: u8) -> Vec<u8> {
    let hint = KeyHint::new([n; 4]);
    let header = ChunkHeader { tag, sequence, length: 212, nonce: [n; 24], hint };
    [&header.encode()[..], &[n; 212]].concat()
}

pub(super) fn answer(frames: &[Vec<u8>]) -> Vec<u8> {
    let mut out = START.to_vec();
    let mut put = |part: Part<'_>| part.encode(&mut out).unwrap();
    put(Part::Section(0));
    for (frame, cursor) in frames.iter().zip(1..) {
        put(Part::Frame { cursor, frame });
    }
    put(Part::End { cursor: frames.len() as u64, digest: digest(frames) });
    put(Part::Done);
    out
}

/// dₙ over frames.
pub(super) fn digest(frames: &[Vec<u8>]) -> CursorDigest {
    let next =
        |digest: CursorDigest, frame: &Vec<u8>| digest.next(haversack_wire::FrameHash::of(frame));
    frames.iter().fold(CursorDigest::default(), next)
}

#[test]
fn a_squatter_at_my_next_place_does_not_keep_me_from_sending() {
    let Pair { mut phone, _folder, .. } = pair();
    let space = phone.space().unwrap();
    let (tag, next) = (tag_of(space), space.lanes[&space.lane].next);
    let mut exchange = phone.begin_exchange(&route()).unwrap();
    phone.feed(&mut exchange, &answer(&[garbage(tag, next, 1)])).unwrap();
    let empty = exchange.request().len();
    client(&mut phone, "LOTUS-27");
    let exchange = phone.begin_exchange(&route()).unwrap();
    assert!(exchange.request().len() >= empty + 256, "the body is offered");
}

#[test]
fn garbage_is_kept_up_to_a_limit_and_blocks_nobody() {
    let Pair { mut admin, mut phone, _folder } = pair();
    let flood: Vec<_> = (0..2_000_u32).map(|n| garbage(LaneTag::new([9; 8]), n, n as u8)).collect();
    let mut exchange = phone.begin_exchange(&route()).unwrap();
    phone.feed(&mut exchange, &answer(&flood)).unwrap();
    assert!(phone.waiting.foreign().count() <= 1_024);
    client(&mut admin, "LOTUS-27");
    let outcome = phone.import_bundle(&admin.export_bundle().unwrap()).unwrap();
    assert_eq!((outcome.received.applied, phone.clients().unwrap().len()), (1, 1));
}

/// Signs and seals a body at the admin's next place, as a program that has no scruples.
pub(super) fn sign(
    admin: &mut Engine,
    body: Body,
    tips: &[(Document, automerge::ChangeHash)],
) -> Vec<u8> {
    let space = admin.space().unwrap().clone();
    let own = &space.lanes[&space.lane];
    let body = Body { lane: space.lane, previous: own.position, ..body };
    let encoded = body.encode().unwrap();
    let root = tree::Tree::new(space.space()).leaves(&encoded.rest, tips).root();
    let message = tree::signed(space.space(), &space.lane, own.next, &root);
    let signature = admin.device.identity.sign.sign(&message);
    let raw = [&encoded.bytes[..], &signature].concat();
    let epoch = space.live.unwrap().epoch;
    let secret = admin.ring.epochs()[&epoch].clone();
    let place = (tag_of(&space), own.next);
    let random = &mut ChaCha20Rng::seed_from_u64(9);
    let frame = chunk::seal((&secret, &epoch), space.space(), place, &raw, random).unwrap();
    let mut after = space;
    outgoing::advance(&mut after, &body, place.1, &root);
    admin.space = Some(after);
    frame
}

/// A body that the admin signs properly, with changes that no document takes.
fn poisoned(admin: &mut Engine, sequence: u64, before: Tip) -> (Vec<u8>, Tip) {
    let author = admin.author(&admin.space().unwrap().lane).unwrap();
    let document = Document::new([66; 16]);
    let change =
        RawChange { sequence, start_op: 4_000_000, dependencies: vec![], operations: vec![] };
    let changes = vec![DocumentChanges { document, changes: vec![change.clone()] }];
    let item = ops::encode(&author, &changes).unwrap();
    let made = crate::docs::rebuild::changes(&author, vec![change], before).unwrap();
    let hash = made[0].hash();
    let frame = sign(admin, Body { changes: Some(item), ..Body::default() }, &[(document, hash)]);
    (frame, Tip { sequence, hash: Some(hash) })
}

#[test]
fn an_opening_stands_at_the_beginning_of_a_lane_only() {
    let Pair { mut admin, mut phone, _folder } = pair();
    let opening = Some(crate::sync::body::Opening {
        device_key: admin.device.identity.sign.public(),
        incarnation: admin.device.identity.incarnation,
    });
    let frame = sign(&mut admin, Body { opening, ..Body::default() }, &[]);
    let received = phone.receive(&[frame], false).unwrap();
    assert_eq!((received.applied, received.quarantined), (0, 1));
}

#[test]
fn items_of_a_newer_version_are_kept() {
    let Pair { mut admin, mut phone, _folder } = pair();
    let other = vec![(77, b"newer".to_vec())];
    let frame = sign(&mut admin, Body { other, ..Body::default() }, &[]);
    let received = phone.receive(std::slice::from_ref(&frame), false).unwrap();
    assert_eq!((received.applied, received.quarantined), (1, 0));
    assert!(phone.waiting.of(Keep::Newer).any(|(_, kept)| kept == frame));
}

#[test]
fn a_poisoned_document_is_passed_over_and_its_lane_goes_on() {
    let Pair { mut admin, mut phone, _folder } = pair();
    let (poison, tip) = poisoned(&mut admin, 1, Tip::default());
    let (more, _) = poisoned(&mut admin, 2, tip);
    client(&mut admin, "LOTUS-27");
    let received = phone.receive(&[poison, more], false).unwrap();
    assert_eq!((received.applied, received.quarantined, received.waiting), (0, 2, 0));
    let outcome = phone.import_bundle(&admin.export_bundle().unwrap()).unwrap();
    assert_eq!(outcome.received.applied, 1);
    let lane = admin.space().unwrap().lane;
    let state = phone.space().unwrap().lanes[&lane].clone();
    assert_eq!(state.quarantined, [state.next - 3, state.next - 2]);
    drop(phone);
    let passphrase = Passphrase::new(b"team".to_vec()).unwrap();
    let random = Box::new(ChaCha20Rng::seed_from_u64(3));
    let phone = Engine::open(&_folder.path().join("phone"), &passphrase, random).unwrap();
    assert_eq!(phone.clients().unwrap().len(), 1);
    assert_eq!(phone.space().unwrap().lanes[&lane], state);
}

#[test]
fn a_batch_that_was_cut_off_is_gone_through_frame_by_frame() {
    let hash = haversack_wire::FrameHash::new;
    let many = Mark { frames: vec![hash([1; 16]), hash([2; 16])], ..Mark::default() }.after_crash();
    assert!(many.cautious && many.poison.is_empty() && many.suspect.is_none());
    let alone = |mark: Mark| Mark { frames: vec![hash([1; 16])], ..mark }.after_crash();
    let twice = alone(alone(Mark::default()));
    assert_eq!((twice.poison.len(), twice.suspect), (0, Some((hash([1; 16]), 2))));
    assert_eq!(Mark::decode(&twice.encode()).unwrap(), twice);
    assert_eq!(alone(twice.clone()).poison, [hash([1; 16])]);
    let well = Mark { frames: vec![hash([1; 16])], ..twice }.after_success();
    assert_eq!((well.suspect, well.frames), (None, vec![]));
    assert_eq!(Mark::default().after_crash(), Mark::default());
    // Repairs, too, are given up after some openings that they cut off.
    let begun = |mendings| Mark { mendings, ..Mark::default() };
    assert!(!begun(2).after_crash().is_past_mending());
    assert!(!begun(3).is_past_mending(), "the third time it goes on");
    assert!(begun(3).after_crash().is_past_mending());
    assert_eq!(Mark::decode(&begun(2).encode()).unwrap(), begun(2));
    let mut by_another = begun(2).encode();
    *by_another.last_mut().unwrap() ^= 1;
    assert_eq!(Mark::decode(&by_another).unwrap(), Mark::default());
    let mut of_another = Mark { poison: vec![hash([1; 16])], ..Mark::default() }.encode();
    *of_another.last_mut().unwrap() ^= 1;
    assert_eq!(Mark::decode(&of_another).unwrap(), Mark::default(), "it may not stop that one");
}

#[test]
fn an_acknowledgement_counts_for_the_body_it_means_and_not_for_what_it_refused() {
    let Pair { mut admin, mut phone, _folder } = pair();
    (0..3).for_each(|n| {
        client(&mut phone, &format!("K-{n}"));
        phone.close_unsent().unwrap();
    });
    admin.import_bundle(&phone.export_bundle().unwrap()).unwrap();
    client(&mut admin, "ADMIN");
    phone.import_bundle(&admin.export_bundle().unwrap()).unwrap();
    let acknowledged =
        |phone: &Engine| incoming::acknowledged(phone.space().unwrap(), &phone.bodies);
    assert_eq!(acknowledged(&phone).into_iter().collect::<Vec<_>>(), [0, 1, 2]);
    let (lane, theirs) = (phone.space().unwrap().lane, admin.space().unwrap().lane);
    let said = |phone: &mut Engine| {
        let space = phone.space.as_mut().unwrap();
        space.lanes.get_mut(&theirs).unwrap().vector.get_mut(&lane).unwrap().clone()
    };
    let mut refusing = said(&mut phone);
    refusing.quarantined = vec![1];
    let put = |phone: &mut Engine, said| {
        let space = phone.space.as_mut().unwrap();
        space.lanes.get_mut(&theirs).unwrap().vector.insert(lane, said);
    };
    put(&mut phone, refusing.clone());
    assert_eq!(acknowledged(&phone).into_iter().collect::<Vec<_>>(), [0, 2]);
    refusing.hash = [9; 8];
    put(&mut phone, refusing);
    assert!(acknowledged(&phone).is_empty());
}

#[test]
fn much_that_does_not_compress_is_halved_until_it_fits() {
    let Pair { mut admin, mut phone, _folder } = pair();
    let label = |n: u32| {
        let letters = haversack_wire::hash::derive(HashLabel::FRAME, &[&n.to_le_bytes()]);
        let text: String = letters.iter().take(16).map(|b| char::from(b'A' + b % 26)).collect();
        Client { label: Some(Label::new(&text).unwrap()), ..Client::default() }
    };
    let many: Vec<Client> = (0..900).map(label).collect();
    admin.add_clients(&many).unwrap();
    let outcome = phone.import_bundle(&admin.export_bundle().unwrap()).unwrap();
    assert!(outcome.received.applied > 1);
    assert_eq!(phone.clients().unwrap().len(), 900);
    assert_eq!(phone.client_keys.len(), 900);
}

/// Writes a device's first change of a document, whatever its role allows and the program would make.
fn writes(
    by: &mut Engine,
    id: Document,
    write: impl FnOnce(&mut automerge::transaction::Transaction<'_>),
) {
    let lane = by.space().unwrap().lane;
    let author = by.author(&lane).unwrap();
    let mut document = by.document(&id).unwrap().with_actor(author.id().clone());
    let mut tx = document.transaction();
    write(&mut tx);
    tx.commit();
    let made = document.get_last_local_change().unwrap();
    let tip = Tip { sequence: made.seq(), hash: Some(made.hash()) };
    let raw = crate::docs::rebuild::raw(&made, Tip::default());
    let item = documents::row_item(&author, id, vec![raw]).unwrap();
    let content = documents::RowContent { item, signed: None }.encode().unwrap();
    let (kind, since) = (log::RowKind::Changes, Epoch::default());
    let head = log::RowHead { document: id, kind, lane, sequence: None, tip, since };
    by.commit(documents::Staged { rows: vec![(head, content)], ..Default::default() }).unwrap();
}

#[test]
fn nobody_replaces_the_key_of_another_s_client() {
    use automerge::transaction::{Transactable as _, Transaction};
    let check = |begins_again: bool| {
        let Pair { mut admin, mut phone, _folder } = pair();
        client(&mut admin, "LOTUS-27");
        phone.import_bundle(&admin.export_bundle().unwrap()).unwrap();
        let (file, key) = phone.client_keys.clone().pop_first().unwrap();
        if begins_again {
            // What is there already makes no operation.
            let types = ["outing", "client"];
            let put = |tx: &mut Transaction<'_>| {
                types.into_iter().for_each(|kind| tx.put(automerge::ROOT, "t", kind).unwrap());
            };
            writes(&mut phone, file, put);
        }
        phone.client_keys.insert(file, ClientKey::new([9; 32]));
        let lane = phone.space().unwrap().lane;
        let head = log::RowHead {
            document: file,
            kind: log::RowKind::ClientKey,
            lane,
            sequence: None,
            tip: Tip::default(),
            since: Epoch::default(),
        };
        let rows = vec![(head, vec![9; 32])];
        phone.commit(documents::Staged { rows, ..Default::default() }).unwrap();
        let outcome = admin.import_bundle(&phone.export_bundle().unwrap()).unwrap();
        assert_eq!(outcome.received.applied, 1);
        assert_eq!(admin.client_keys[&file], key);
        // Not even as one of several, of which the first on the first lane counts.
        let rows = &admin.index.document(&file).unwrap().rows;
        let taken = |row: &&log::Row| row.head.kind == log::RowKind::ClientKey;
        assert!(rows.iter().filter(taken).all(|row| row.head.lane != lane), "{begins_again}");
    };
    [false, true].into_iter().for_each(check);
}

#[test]
fn a_poisonous_frame_is_not_tried_again() {
    let Pair { mut admin, mut phone, _folder } = pair();
    client(&mut admin, "LOTUS-27");
    let bundle = admin.export_bundle().unwrap();
    let frames = haversack_wire::bundle::decode(&bundle).unwrap().frames;
    let fatal = haversack_wire::FrameHash::of(frames.last().unwrap());
    phone.mark.poison.push(fatal);
    let outcome = phone.import_bundle(&bundle).unwrap();
    assert_eq!((outcome.received.quarantined, outcome.received.applied), (1, 0));
    assert_eq!(phone.clients().unwrap().len(), 0);
}

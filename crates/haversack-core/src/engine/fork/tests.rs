//! Somebody who has the keys of a device, and signs what they like on its lane.

use std::collections::BTreeMap;

use automerge::transaction::Transactable;
use automerge::{ActorId, Automerge, ROOT};
use haversack_wire::limits::WAITING_MAX;
use proptest::prelude::*;
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use tempfile::TempDir;

use super::super::documents::{RowContent, Staged, row_item};
use super::super::intake::Intake;
use super::super::state::LaneState;
use super::super::tests::{client, engine, put_life, sign};
use super::*;
use crate::Passphrase;
use crate::crypto::{ClientKey, SignKey};
use crate::docs::{Dependency, DocumentChanges, RawChange, ops};
use crate::members::{Role, space_of};
use crate::sync::drop::{Carried, Note};

/// A document as the insider has it on one of its branches.
#[derive(Clone, Default)]
struct Text {
    document: Automerge,
    tip: Tip,
    /// Whether something in it broke a rule: then all that follows does.
    is_ruined: bool,
}

/// Where the insider can go on from: the lane, and its documents.
#[derive(Clone)]
struct Node {
    lane: LaneState,
    texts: BTreeMap<Document, Text>,
}

/// What is wrong with a body that is signed and in its place.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Sin {
    None,
    /// Changes of a document that break a rule.
    Rule,
    /// Another key for a client.
    Key,
    /// Carried, and of the length of a name.
    Junk,
    /// Carried from a space of which nothing is taken.
    Stranger,
    /// A drop that is none.
    Drop,
    /// Several of these.
    All,
}

const SINS: [Sin; 7] =
    [Sin::None, Sin::Rule, Sin::Key, Sin::Junk, Sin::Stranger, Sin::Drop, Sin::All];

impl Sin {
    fn is(self, other: Self) -> bool {
        self == other || self == Self::All
    }
}

struct World {
    folder: TempDir,
    insider: Engine,
    others: Vec<Engine>,
    nodes: Vec<Node>,
}

const DOCUMENT: Document = Document::new([77; 16]);
const ANOTHER: Document = Document::new([78; 16]);

impl World {
    /// An insider, and others of whom the last founded the space.
    fn new(others: u64) -> Self {
        let folder = TempDir::new().unwrap();
        let mut founder = engine(&folder, "founder", 1);
        founder.found_space().unwrap();
        let mut joined: Vec<Engine> = (0..others)
            .map(|n| {
                let mut device = engine(&folder, &format!("device{n}"), 2 + n);
                let request = device.request_to_join().unwrap();
                let (answer, _) = founder.invite(&request, Role::Supervisor, &[]).unwrap();
                device.join(&answer).unwrap();
                device
            })
            .collect();
        let mut insider = joined.pop().unwrap();
        joined.push(founder);
        client(&mut insider, "FIRST");
        let start = insider.export_bundle().unwrap();
        for n in 0..joined.len() {
            let bundle = joined.last_mut().unwrap().export_bundle().unwrap();
            joined[n].import_bundle(&bundle).unwrap();
            joined[n].import_bundle(&start).unwrap();
        }
        let lane = insider.space().unwrap().lane;
        let lane = insider.space().unwrap().lanes[&lane].clone();
        let nodes = vec![Node { lane, texts: BTreeMap::new() }];
        Self { folder, insider, others: joined, nodes }
    }

    /// A body after another one, which nobody else could tell from the honest one.
    fn fork(&mut self, from: usize, value: u64) -> Vec<u8> {
        self.sin(from, value, Sin::None)
    }

    /// A body after another one, with something wrong in it.
    fn sin(&mut self, from: usize, value: u64, sin: Sin) -> Vec<u8> {
        let node = &self.nodes[from % self.nodes.len()];
        let mut texts = node.texts.clone();
        let mut parts = vec![];
        for (document, is_broken) in [(DOCUMENT, sin.is(Sin::Rule)), (ANOTHER, false)] {
            if document == ANOTHER && value.is_multiple_of(2) {
                continue;
            }
            let text = texts.entry(document).or_default();
            text.is_ruined |= is_broken;
            parts.push((document, self.write(text, value)));
        }
        let tips: Vec<_> = parts.iter().map(|(id, _)| (*id, texts[id].tip.hash.unwrap())).collect();
        let changes = |(document, change)| DocumentChanges { document, changes: vec![change] };
        let parts: Vec<_> = parts.into_iter().map(changes).collect();
        let author = self.insider.author(&self.insider.space().unwrap().lane).unwrap();
        let mut body =
            Body { changes: Some(ops::encode(&author, &parts).unwrap()), ..Body::default() };
        self.add(&mut body, value, sin);
        self.say(from, body, &tips, texts)
    }

    fn add(&mut self, body: &mut Body, value: u64, sin: Sin) {
        if sin.is(Sin::Key) {
            // Another one for the insider's own file, or one for a file of which nobody knows.
            let own = self.insider.client_keys.keys().next().copied().unwrap();
            let file = if value.is_multiple_of(3) { own } else { Document::new([79; 16]) };
            body.client_keys = vec![(file, ClientKey::new([value as u8; 32]))];
        }
        if sin.is(Sin::Junk) {
            body.carried.push(vec![value as u8; 16]);
        }
        if sin.is(Sin::Stranger) {
            body.carried.push(self.carried(value));
        }
        if sin.is(Sin::Drop) {
            body.drops.push(vec![value as u8; 9]);
        }
    }

    /// A drop from a space of which nobody takes any.
    fn carried(&mut self, value: u64) -> Vec<u8> {
        let mut document = Automerge::new().with_actor(ActorId::from([value as u8; 16]));
        let mut tx = document.transaction();
        tx.put(ROOT, "need", value).unwrap();
        tx.commit();
        let root = SignKey::from_seed(&[3; 32]);
        let ends = (space_of(&root.public()), *self.insider.space().unwrap().space());
        let random = &mut *self.insider.random;
        let note = Note::sign((&ends.0, &ends.1), &root, &mut document, random).unwrap();
        Carried { root: root.public(), note, introduction: vec![] }.encode()
    }

    /// The next change of a document.
    fn write(&self, text: &mut Text, value: u64) -> RawChange {
        let author = self.insider.author(&self.insider.space().unwrap().lane).unwrap();
        let before = text.tip;
        let raw = if text.is_ruined {
            let own = (before.sequence > 0).then_some(Dependency::Own);
            let (sequence, start_op) = (before.sequence + 1, 4_000_000 + value);
            let dependencies = own.into_iter().collect();
            RawChange { sequence, start_op, dependencies, operations: vec![] }
        } else {
            text.document.set_actor(author.id().clone());
            let mut tx = text.document.transaction();
            tx.put(ROOT, "need", value).unwrap();
            tx.commit();
            rebuild::raw(&text.document.get_last_local_change().unwrap(), before)
        };
        let made = rebuild::changes(&author, vec![raw.clone()], before).unwrap().remove(0);
        text.tip = Tip { sequence: made.seq(), hash: Some(made.hash()) };
        raw
    }

    fn say(
        &mut self,
        from: usize,
        body: Body,
        tips: &[(Document, ChangeHash)],
        texts: BTreeMap<Document, Text>,
    ) -> Vec<u8> {
        let before = self.nodes[from % self.nodes.len()].lane.clone();
        let lane = self.insider.space().unwrap().lane;
        self.insider.space.as_mut().unwrap().lanes.insert(lane, before);
        let frame = sign(&mut self.insider, body, tips);
        let lane = self.insider.space().unwrap().lanes[&lane].clone();
        self.nodes.push(Node { lane, texts });
        frame
    }

    /// The place of the newest body.
    fn newest(&self) -> usize {
        self.nodes.len() - 1
    }

    fn position(&self, node: usize) -> Position {
        self.nodes[node].lane.position
    }

    /// A body beside the newest one, from where that goes on, which is believed before it if nobody names either.
    fn lower(&mut self, from: usize, sin: Sin) -> Vec<u8> {
        let than = self.position(self.newest());
        let mut value = 1_000;
        loop {
            let frame = self.sin(from, value, sin);
            if self.position(self.newest()) < than {
                return frame;
            }
            self.nodes.pop();
            value += 1;
        }
    }

    fn take(&mut self, n: usize, frames: &[&Vec<u8>]) {
        for frame in frames {
            self.others[n].receive(&[(*frame).clone()], false).unwrap();
        }
    }

    /// What a device believes of the insider.
    fn seen(&mut self, n: usize) -> (LaneState, Vec<u8>) {
        let lane = self.insider.space().unwrap().lane;
        let device = &mut self.others[n];
        let state = device.space().unwrap().lanes[&lane].clone();
        (state, device.canonical().unwrap())
    }

    fn agree(&mut self) -> Result<(), TestCaseError> {
        let first = self.seen(0);
        for n in 0..self.others.len() {
            prop_assert_eq!(&self.seen(n), &first);
            self.others[n].rebuild().unwrap();
            prop_assert_eq!(&self.seen(n), &first);
            prop_assert_eq!(self.others[n].status().unwrap().waiting, 0);
        }
        Ok(())
    }

    /// That everybody believes the same of the insider, up to a body, and nobody waits.
    fn all_see(&mut self, node: usize, what: &str) {
        let first = self.seen(0);
        for n in 0..self.others.len() {
            assert_eq!(self.seen(n).0.position, self.position(node), "{what}, {n}");
            assert!(self.seen(n) == first, "{what}, {n}");
            assert_eq!(self.others[n].status().unwrap().waiting, 0, "{what}, {n}");
            self.others[n].rebuild().unwrap();
            assert!(self.seen(n) == first, "{what}, {n}, rebuilt");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn every_order_of_forks_comes_to_the_same(
        from in proptest::collection::vec((0..6_usize, proptest::sample::select(&SINS)), 3..14),
        orders in proptest::collection::vec(proptest::collection::vec(any::<u16>(), 14), 3),
        piece in 1..5_usize,
    ) {
        let mut world = World::new(3);
        let frames: Vec<Vec<u8>> = (1..)
            .zip(&from)
            .map(|(value, (back, sin))| {
                world.sin(world.nodes.len().saturating_sub(1 + back), value, *sin)
            })
            .collect();
        for (n, order) in orders.iter().enumerate() {
            let mut shuffled: Vec<_> = frames.iter().zip(order).collect();
            shuffled.sort_by_key(|(_, key)| **key);
            let shuffled: Vec<_> = shuffled.into_iter().map(|(frame, _)| frame.clone()).collect();
            for some in shuffled.chunks(piece) {
                world.others[n].receive(some, false).unwrap();
            }
        }
        let is_straight = from.iter().skip(1).all(|(back, _)| *back == 0);
        prop_assert!(is_straight || world.others[0].status().unwrap().forked > 0);
        world.agree()?;
        // Who keeps the work names what it believes; that may be what others left.
        for n in [2, 0, 1, 2] {
            let bundle = world.others[n].export_bundle().unwrap();
            world.others.iter_mut().for_each(|other| drop(other.import_bundle(&bundle)));
        }
        world.agree()?;
    }
}

#[test]
fn forks_without_end_are_bounded_and_cost_nobody_else_anything() {
    let mut world = World::new(2);
    let honest = world.others[0].space().unwrap().lane;
    client(&mut world.others[0], "OWN");
    world.others[0].close_unsent().unwrap();
    let frames: Vec<_> = (0..1_100).map(|value| world.fork(0, value)).collect();
    let received = world.others[0].receive(&frames, false).unwrap();
    // Beside the first many, only what is lower than all before it.
    let taken = world.others[0].status().unwrap().forked as usize;
    assert!((1_024..1_060).contains(&taken), "{taken}");
    assert_eq!(received.applied + received.quarantined + received.known, 1_100);
    // Whatever was built on one that was too many here: nobody else's lane waits for it.
    let other = &mut world.others[1];
    other.receive(&frames[1_099..], false).unwrap();
    let need = other.document(&DOCUMENT).unwrap();
    let own = other.space().unwrap().lane;
    let actor = other.author(&own).unwrap().id().clone();
    let mut edited = need.clone().with_actor(actor);
    let mut tx = edited.transaction();
    tx.put(ROOT, "need", 7_u64).unwrap();
    tx.commit();
    let made = edited.get_last_local_change().unwrap();
    let tip = Tip { sequence: 1, hash: Some(made.hash()) };
    let author = other.author(&own).unwrap();
    let item = row_item(&author, DOCUMENT, vec![rebuild::raw(&made, Tip::default())]).unwrap();
    let content = RowContent { item, signed: None }.encode().unwrap();
    let (kind, since) = (RowKind::Changes, Default::default());
    let head = RowHead { document: DOCUMENT, kind, lane: own, sequence: None, tip, since };
    other.commit(Staged { rows: vec![(head, content)], ..Staged::default() }).unwrap();
    client(other, "AFTER");
    let bundle = other.export_bundle().unwrap();
    world.others[0].import_bundle(&bundle).unwrap();
    assert_eq!(world.others[0].status().unwrap().waiting, 0);
    let mut flood = Vec::new();
    for value in 0..WAITING_MAX as u64 + 20 {
        // Nobody ever sees what these come after.
        let hidden = world.nodes.len();
        let _ = world.fork(0, 1_000 + value);
        flood.push(world.fork(hidden, value));
    }
    world.others[0].receive(&flood, false).unwrap();
    assert!(world.others[0].status().unwrap().waiting as usize <= WAITING_MAX);
    client(&mut world.others[0], "MORE");
    assert_eq!(world.others[0].space().unwrap().lane, honest, "no new life for another's forks");
    assert_eq!(world.others[0].clients().unwrap().len(), 4);
}

/// A body on one's own lane that another life wrote, while there is something unsent: nothing is said in one place twice.
#[test]
fn another_life_that_went_on_from_here_is_noticed() {
    let mut world = World::new(2);
    let lane = world.insider.space().unwrap().lane;
    let before = world.nodes[0].lane.clone();
    let frame = world.fork(0, 7);
    world.insider.space.as_mut().unwrap().lanes.insert(lane, before);
    client(&mut world.insider, "UNSENT");
    world.insider.receive(std::slice::from_ref(&frame), false).unwrap();
    // Which of the two bodies is believed is for their positions to say; who is not believed goes on elsewhere.
    assert!(!world.insider.is_beside_itself());
    assert_eq!(world.insider.clients().unwrap().len(), 2);
    world.others[0].receive(&[frame], true).unwrap();
    let bundle = world.insider.export_bundle().unwrap();
    world.others[0].import_bundle(&bundle).unwrap();
    let bundle = world.others[0].export_bundle().unwrap();
    world.insider.import_bundle(&bundle).unwrap();
    assert_eq!(world.others[0].clients().unwrap().len(), 2);
    assert_eq!(world.others[0].canonical().unwrap(), world.insider.canonical().unwrap());
}

/// Two bodies at one place, the lower one with something wrong in it: whichever came first.
#[test]
fn whatever_a_body_brings_everybody_believes_the_same() {
    for sin in SINS {
        let mut world = World::new(3);
        let high = world.fork(0, 1);
        let low = world.lower(0, sin);
        let last = world.newest();
        let more = world.sin(last, 5, Sin::None);
        let end = world.newest();
        world.take(0, &[&high, &low, &more]);
        world.take(1, &[&low, &high, &more]);
        world.take(2, &[&more, &high, &low]);
        world.all_see(end, &format!("{sin:?}"));
    }
}

/// What broke a rule before the fork is broken on all branches.
#[test]
fn what_was_passed_over_before_a_fork_is_passed_over_after_it() {
    let mut world = World::new(3);
    let broken = world.sin(0, 1, Sin::Rule);
    let high = world.fork(1, 3);
    let low = world.lower(1, Sin::None);
    let end = world.newest();
    world.take(0, &[&broken, &high, &low]);
    world.take(1, &[&broken, &low, &high]);
    world.take(2, &[&low, &high, &broken]);
    world.all_see(end, "after what is broken");
    assert!(world.others.iter().all(|other| other.status().unwrap().forked == 1));
}

/// A branch that was left, and is believed again since somebody who keeps the work names it.
#[test]
fn a_branch_is_taken_up_again_whatever_it_brought() {
    for sin in SINS {
        let mut world = World::new(3);
        let high = world.sin(0, 1, sin);
        let named = world.newest();
        let low = world.lower(0, Sin::None);
        world.take(2, &[&high]);
        let word = world.others[2].export_bundle().unwrap();
        world.take(0, &[&high, &low]);
        world.others[0].import_bundle(&word).unwrap();
        world.take(1, &[&low]);
        world.others[1].import_bundle(&word).unwrap();
        world.take(1, &[&high]);
        world.take(2, &[&low]);
        world.all_see(named, &format!("{sin:?}"));
    }
}

/// Whoever has a key chooses half of a signature.
#[test]
fn half_of_a_signature_makes_nothing_known() {
    let mut world = World::new(1);
    let (one, two) = (world.fork(0, 1), world.fork(0, 2));
    world.take(0, &[&one]);
    let other = &mut world.others[0];
    let open = |frame: &Vec<u8>| other.open_all(&[frame], &[], false).unwrap();
    let (first, second) = (open(&one), open(&two));
    assert_eq!(other.rival(&first.batch, &first.opened[0]), Some(Verdict::Known));
    for half in [0..32, 32..64] {
        let mut chunk = second.opened[0].clone();
        chunk.signature[half.clone()].copy_from_slice(&first.opened[0].signature[half]);
        assert_eq!(other.rival(&second.batch, &chunk), Some(Verdict::Rival));
    }
}

/// A rival that waited stays where it waited until it is taken, whatever cuts that off.
#[test]
fn a_rival_that_waited_is_on_the_disk_all_along() {
    let mut world = World::new(1);
    let (one, two) = (world.fork(0, 1), world.fork(0, 2));
    let after = world.fork(2, 3);
    world.take(0, &[&one, &after]);
    let other = &mut world.others[0];
    assert!(other.waiting.holds(&after));
    let rivals = other.open_all(&[&two], &[], false).unwrap().opened;
    other.take_rivals(rivals, false).unwrap();
    let due = other.due();
    assert_eq!(due.len(), 1);
    let Intake { mut batch, opened, .. } = other.open_all(&[], &due, false).unwrap();
    other.apply_all(&mut batch, opened).unwrap();
    other.commit(batch.staged).unwrap();
    // Here it was cut off.
    assert!(other.waiting.holds(&after) && other.status().unwrap().forked == 1);
    other.take_in(&[], false).unwrap();
    assert_eq!(other.status().unwrap().waiting, 0);
    let lane = world.insider.space().unwrap().lane;
    let sequence = world.nodes[3].lane.next - 1;
    let bodies = world.others[0].index.bodies(&lane).unwrap();
    assert!(bodies.marks_at(sequence).any(|mark| mark.position == world.position(3)));
}

fn reopen(world: &World, seed: u64) -> Engine {
    let passphrase = Passphrase::new(b"team".to_vec()).unwrap();
    let random = Box::new(ChaCha20Rng::seed_from_u64(seed));
    Engine::open(&world.folder.path().join("device0"), &passphrase, random).unwrap()
}

/// A file that only a lost branch had is said again with the key that was on that branch, not with one that somebody else put
/// beside it.
#[test]
fn a_file_is_said_again_with_its_own_key() {
    let mut world = World::new(2);
    drop(world.others.remove(0));
    put_life(&world.folder, "device0", "other");
    let mut first = reopen(&world, 50);
    let before = first.client_keys.clone();
    client(&mut first, "LOST");
    let lost = first.export_bundle().unwrap();
    let (file, key) =
        first.client_keys.clone().into_iter().find(|(id, _)| !before.contains_key(id)).unwrap();
    drop(first);
    put_life(&world.folder, "device0", "first");
    put_life(&world.folder, "other", "device0");
    let mut other = reopen(&world, 51);
    client(&mut other, "WON");
    let won = other.export_bundle().unwrap();
    drop(other);
    put_life(&world.folder, "first", "device0");
    let mut first = reopen(&world, 52);
    world.others[0].import_bundle(&won).unwrap();
    let word = world.others[0].export_bundle().unwrap();
    // The insider has a key for that file on a branch of its own.
    let low = world.fork(0, 1);
    let body = Body { client_keys: vec![(file, ClientKey::new([9; 32]))], ..Body::default() };
    let mut high = world.say(0, body.clone(), &[], BTreeMap::new());
    for value in 0.. {
        if world.position(world.newest()) > world.position(1) {
            break;
        }
        let body = Body { drops: vec![vec![value; 3]], ..body.clone() };
        high = world.say(0, body, &[], BTreeMap::new());
    }
    first.receive(&[low, high], false).unwrap();
    for bundle in [&won, &word] {
        first.import_bundle(bundle).unwrap();
    }
    assert_eq!(first.client_keys[&file], key);
    let again = first.export_bundle().unwrap();
    world.others[0].import_bundle(&lost).unwrap();
    world.others[0].import_bundle(&again).unwrap();
    assert_eq!(world.others[0].client_keys[&file], key);
}

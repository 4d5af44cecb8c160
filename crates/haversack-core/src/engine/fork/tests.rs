//! Somebody who has the keys of a device, and signs what they like on its lane.

use automerge::transaction::Transactable;
use automerge::{Automerge, ROOT};
use haversack_wire::limits::WAITING_MAX;
use proptest::prelude::*;
use tempfile::TempDir;

use super::super::state::LaneState;
use super::super::tests::{client, engine, sign};
use super::*;
use crate::docs::ops;
use crate::members::Role;

/// Where the insider can go on from: the lane, and its document.
#[derive(Clone)]
struct Node {
    lane: LaneState,
    document: Automerge,
    tip: Tip,
}

struct World {
    _folder: TempDir,
    insider: Engine,
    others: Vec<Engine>,
    nodes: Vec<Node>,
}

const DOCUMENT: Document = Document::new([77; 16]);

impl World {
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
        let document = Automerge::new().with_actor(insider.author(&lane).unwrap().id().clone());
        let lane = insider.space().unwrap().lanes[&lane].clone();
        let nodes = vec![Node { lane, document, tip: Tip::default() }];
        Self { _folder: folder, insider, others: joined, nodes }
    }

    /// A body after another one, which nobody else could tell from the honest one.
    fn fork(&mut self, from: usize, value: u64) -> Vec<u8> {
        let Node { lane: before, mut document, tip } = self.nodes[from % self.nodes.len()].clone();
        let lane = self.insider.space().unwrap().lane;
        self.insider.space.as_mut().unwrap().lanes.insert(lane, before);
        let mut tx = document.transaction();
        tx.put(ROOT, "need", value).unwrap();
        tx.commit();
        let made = document.get_last_local_change().unwrap();
        let author = self.insider.author(&lane).unwrap();
        let changes = vec![rebuild::raw(&made, tip)];
        let changes =
            ops::encode(&author, &[crate::docs::DocumentChanges { document: DOCUMENT, changes }]);
        let body = Body { changes: Some(changes.unwrap()), ..Body::default() };
        let frame = sign(&mut self.insider, body, &[(DOCUMENT, made.hash())]);
        let after = self.insider.space().unwrap().lanes[&lane].clone();
        let tip = Tip { sequence: made.seq(), hash: Some(made.hash()) };
        self.nodes.push(Node { lane: after, document, tip });
        frame
    }

    /// What a device believes of the insider.
    fn seen(&mut self, n: usize) -> (LaneState, Vec<u8>) {
        let lane = self.insider.space().unwrap().lane;
        let device = &mut self.others[n];
        let state = device.space().unwrap().lanes[&lane].clone();
        (state, device.canonical().unwrap())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn every_order_of_forks_comes_to_the_same(
        // Never more than four after one: beyond that some are not taken in, and what follows them waits.
        from in proptest::collection::vec(0..4_usize, 3..12),
        orders in proptest::collection::vec(proptest::collection::vec(any::<u16>(), 12), 3),
        piece in 1..5_usize,
    ) {
        let mut world = World::new(3);
        let frames: Vec<Vec<u8>> = (1..)
            .zip(&from)
            .map(|(value, back)| world.fork(world.nodes.len().saturating_sub(1 + back), value))
            .collect();
        for (n, order) in orders.iter().enumerate() {
            let mut shuffled: Vec<_> = frames.iter().zip(order).collect();
            shuffled.sort_by_key(|(_, key)| **key);
            let shuffled: Vec<_> = shuffled.into_iter().map(|(frame, _)| frame.clone()).collect();
            for some in shuffled.chunks(piece) {
                world.others[n].receive(some, false).unwrap();
            }
        }
        let first = world.seen(0);
        prop_assert!(world.others[0].status().unwrap().forked > 0 || from.iter().skip(1).all(|back| *back == 0));
        for n in 1..3 {
            prop_assert_eq!(&world.seen(n), &first);
            world.others[n].rebuild().unwrap();
            prop_assert_eq!(&world.seen(n), &first);
            prop_assert_eq!(world.others[n].status().unwrap().waiting, 0);
        }
    }
}

#[test]
fn forks_without_end_are_bounded_and_cost_nobody_else_anything() {
    let mut world = World::new(2);
    let honest = world.others[0].space().unwrap().lane;
    client(&mut world.others[0], "OWN");
    world.others[0].close_unsent().unwrap();
    let frames: Vec<_> = (0..40).map(|value| world.fork(0, value)).collect();
    let received = world.others[0].receive(&frames, false).unwrap();
    // Beside the first few, only what is lower than all before it.
    let taken = world.others[0].status().unwrap().forked as usize;
    assert!((CANDIDATES_MAX - 1..20).contains(&taken), "{taken}");
    assert_eq!(received.applied + received.quarantined + received.known, 40);
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
    assert_eq!(world.others[0].clients().unwrap().len(), 3);
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
    assert_ne!(world.insider.space().unwrap().lane, lane);
    assert_eq!(world.insider.clients().unwrap().len(), 2);
    world.others[0].receive(&[frame], true).unwrap();
    let bundle = world.insider.export_bundle().unwrap();
    world.others[0].import_bundle(&bundle).unwrap();
    let bundle = world.others[0].export_bundle().unwrap();
    world.insider.import_bundle(&bundle).unwrap();
    assert_eq!(world.others[0].clients().unwrap().len(), 2);
    assert_eq!(world.others[0].canonical().unwrap(), world.insider.canonical().unwrap());
}

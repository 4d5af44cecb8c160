//! Bodies: each broken in one place, and properly signed and sealed around that.

use super::cast::{Cast, blob, list, varint};
use super::chunks::{body, fields, pack, pad, seal_plain};
use super::vector::Vector;
use crate::members::lane;
use crate::sync::tree;

const ASCENDING: &str = "is not strictly ascending";
const LIMIT: &str = "over a maximum";

/// A body as parts that can be broken one by one.
#[derive(Clone)]
struct Parts {
    sequence: u32,
    lane: [u8; 16],
    flags: u8,
    heads: Vec<u8>,
    previous: [u8; 16],
    vector: Vec<u8>,
    items: Vec<(u64, Vec<u8>)>,
    trailing: Vec<u8>,
}

impl Parts {
    fn raw(&self, cast: &Cast) -> Vec<u8> {
        let items =
            self.items.iter().map(|(kind, content)| [varint(*kind), blob(content)].concat());
        let items = list(&items.collect::<Vec<_>>());
        let heads = if self.flags & 1 == 1 { &self.heads[..] } else { &[] };
        let bytes =
            [&self.lane[..], &[self.flags], heads, &self.previous, &self.vector, &items].concat();
        let root = tree::Tree::new(&cast.space).leaves(&bytes, &[]).root();
        let lane = haversack_wire::Lane::new(self.lane);
        let message = tree::signed(&cast.space, &lane, self.sequence, &root);
        [&bytes[..], &cast.admin.sign.sign(&message), &self.trailing].concat()
    }

    fn vector(&self, cast: &Cast, name: &str, expect: &str) -> Vector {
        let raw = self.raw(cast);
        let plain = pad([varint(1), varint(raw.len() as u64), blob(&pack(&raw))].concat());
        let vector = fields(cast, name, expect, &seal_plain(cast, self.sequence, &plain));
        vector.hex("device key", cast.admin.sign.public()).hex("body", raw)
    }
}

fn opening(cast: &Cast) -> (u64, Vec<u8>) {
    let incarnation = cast.admin.incarnation;
    (3, [&cast.admin.sign.public()[..], incarnation.as_bytes()].concat())
}

/// What stands at sequence 0.
fn first(cast: &Cast) -> Parts {
    let heads: Vec<[u8; 16]> = cast.roster.heads().iter().map(|head| head.to_bytes()).collect();
    Parts {
        sequence: 0,
        lane: cast.lane().to_bytes(),
        flags: 1,
        heads: list(&heads),
        previous: [0; 16],
        vector: varint(0),
        items: vec![opening(cast)],
        trailing: vec![],
    }
}

/// What stands behind it.
fn second(cast: &Cast) -> Parts {
    let (_, root) = body(cast);
    let position = tree::Tree::new(&cast.space).position(&cast.lane(), 0, &root);
    let previous = position.to_bytes();
    Parts { sequence: 1, flags: 0, previous, items: vec![], ..first(cast) }
}

pub(super) fn vectors(cast: &Cast) -> Vec<Vector> {
    let families = [beginnings(cast), clear(cast), entries(cast), items(cast), contents(cast)];
    families.into_iter().flatten().collect()
}

fn beginnings(cast: &Cast) -> Vec<Vector> {
    let good = first(cast);
    let late = second(cast);
    let elsewhere =
        lane(&cast.space, &cast.admin.sign.public(), haversack_wire::Incarnation::new([5; 8]));
    let make = |name: &str, expect: &str, parts: Parts| parts.vector(cast, name, expect);
    vec![
        make("body_first", "ok", good.clone()),
        make("body_second", "ok", late.clone()),
        make("body_without_heads_at_0", "roster heads are absent at sequence 0", {
            Parts { flags: 0, ..good.clone() }
        }),
        make("body_without_opening_at_0", "lane opening is absent at sequence 0", {
            Parts { items: vec![], ..good.clone() }
        }),
        make("body_previous_at_0", "previous is not zeros at sequence 0", {
            Parts { previous: [1; 16], ..good.clone() }
        }),
        make("body_lane_of_another_opening", "lane is not that of its opening", {
            Parts { lane: elsewhere.to_bytes(), ..good.clone() }
        }),
        make("body_opening_late", "lane opening after sequence 0", {
            Parts { items: vec![opening(cast)], ..late.clone() }
        }),
        make("body_heads_repeated", "ok", Parts { flags: 1, ..late }),
        make("body_trailing", "1 bytes too many", Parts { trailing: vec![0], ..good }),
    ]
}

fn clear(cast: &Cast) -> Vec<Vector> {
    let good = first(cast);
    let heads = |heads: &[[u8; 16]]| Parts { heads: list(heads), ..good.clone() };
    let make = |name: &str, expect: &str, parts: Parts| parts.vector(cast, name, expect);
    vec![
        make("body_unknown_flag", "body flags is unknown", Parts { flags: 3, ..good.clone() }),
        make("body_heads_unsorted", ASCENDING, heads(&[[2; 16], [1; 16]])),
        make("body_heads_twice", ASCENDING, heads(&[[1; 16], [1; 16]])),
        make("body_heads_too_many", LIMIT, heads(&vec![[1; 16]; 1_025])),
    ]
}

/// An entry of the vector: reference, and a lane where that is 0.
fn entry(reference: u64, lane: &[u8], next: u64, quarantined: &[u64]) -> Vec<u8> {
    let steps: Vec<Vec<u8>> = quarantined.iter().map(|step| varint(*step)).collect();
    [&varint(reference)[..], lane, &varint(next), &[7; 8], &list(&steps)].concat()
}

fn entries(cast: &Cast) -> Vec<Vector> {
    let make = |name: &str, expect: &str, entries: &[Vec<u8>]| {
        Parts { vector: list(entries), ..second(cast) }.vector(cast, name, expect)
    };
    let new = |n: u8| entry(0, &[n; 16], 3, &[]);
    let many: Vec<u64> = vec![1; 257];
    let most: Vec<u64> = vec![1; 256];
    let quarantine = "quarantined sequences are not ascending";
    vec![
        make("vector", "ok", &[entry(1, &[], 300, &[0, 1, 290]), entry(7, &[], 2, &[1]), new(1)]),
        make("vector_most_quarantined", "ok", &[entry(1, &[], 300, &most)]),
        make("vector_unsorted", ASCENDING, &[entry(7, &[], 2, &[]), entry(1, &[], 2, &[])]),
        make("vector_twice", ASCENDING, &[entry(7, &[], 2, &[]), entry(7, &[], 2, &[])]),
        make("vector_new_before_known", ASCENDING, &[new(1), entry(1, &[], 2, &[])]),
        make("vector_new_lane_twice", ASCENDING, &[new(1), new(1)]),
        make("vector_quarantined_twice", quarantine, &[entry(1, &[], 9, &[3, 0])]),
        make("vector_too_many_quarantined", LIMIT, &[entry(1, &[], 300, &many)]),
        make("vector_next_too_large", LIMIT, &[entry(1, &[], 1 << 32, &[])]),
    ]
}

fn items(cast: &Cast) -> Vec<Vector> {
    let make = |name: &str, expect: &str, items: &[(u64, Vec<u8>)]| {
        Parts { items: items.to_vec(), ..second(cast) }.vector(cast, name, expect)
    };
    let newer = |kind: u64| (kind, b"newer".to_vec());
    let many: Vec<_> = (100..133).map(newer).collect();
    vec![
        make("items_of_newer_kinds", "ok", &[newer(6), newer(9), newer(1 << 40)]),
        make(
            "items_of_drops",
            "ok",
            &[(5, list(&[blob(b"a"), blob(b"b")])), (8, list(&[blob(b"")]))],
        ),
        make("items_of_drops_cut", "ends too early", &[(5, vec![2, 1, 9])]),
        make("items_of_drops_too_many", LIMIT, &[(8, list(&[[0]; 257]))]),
        make("items_unsorted", ASCENDING, &[newer(78), newer(77)]),
        make("items_twice", ASCENDING, &[newer(77), newer(77)]),
        make("items_too_many", LIMIT, &many),
    ]
}

fn contents(cast: &Cast) -> Vec<Vector> {
    let make = |name: &str, expect: &str, parts: Parts| parts.vector(cast, name, expect);
    let after =
        |kind: u64, content: Vec<u8>| Parts { items: vec![(kind, content)], ..second(cast) };
    let statements: Vec<Vec<u8>> = cast.roster.statements().map(blob).collect();
    let backwards: Vec<Vec<u8>> = statements.iter().rev().cloned().collect();
    let key = |n: u8| [[n; 16], [n; 16], [n; 16]].concat();
    let long = [&opening(cast).1[..], &[0]].concat();
    vec![
        make("item_statements", "ok", after(2, list(&statements))),
        make("item_statements_unsorted", ASCENDING, after(2, list(&backwards))),
        make("item_statements_trailing", "1 bytes too many", {
            after(2, [&list(&statements)[..], &[0]].concat())
        }),
        make("item_client_keys", "ok", after(4, list(&[key(1), key(2)]))),
        make("item_client_keys_unsorted", ASCENDING, after(4, list(&[key(2), key(1)]))),
        make("item_client_keys_twice", ASCENDING, after(4, list(&[key(2), key(2)]))),
        make("item_erasures", "ok", after(7, list(&[[1; 16], [2; 16]]))),
        make("item_erasures_too_many", LIMIT, after(7, varint(4_097))),
        make("item_erasures_of_nothing", "erasures of nothing", after(7, varint(0))),
        make("item_erasures_unsorted", ASCENDING, after(7, list(&[[2; 16], [1; 16]]))),
        make("item_erasures_twice", ASCENDING, after(7, list(&[[2; 16], [2; 16]]))),
        make("item_erasures_cut", "ends too early", after(7, vec![2, 1, 9])),
        make("item_erasures_trailing", "1 bytes too many", {
            after(7, [&list(&[[1; 16]])[..], &[0]].concat())
        }),
        make("item_opening_trailing", "1 bytes too many", {
            Parts { items: vec![(3, long)], ..first(cast) }
        }),
    ]
}

//! Packs: segments, manifests, and what a relay may drop. Each is broken in one place, and properly sealed around that.

use haversack_wire::hash::{Label, derive};
use haversack_wire::{
    Document, FrameHash, Incarnation, Lane, LaneTag, PackHeader, Position, Retire, StatementHash,
};

use super::cast::{Cast, blob, flip, list, random, varint};
use super::vector::Vector;
use crate::crypto::{AadLabel, ClientKey, PackKey, SignKey, message};
use crate::docs::ops::Part;
use crate::docs::rebuild::{self, Tip};
use crate::docs::{Author, RawChange};
use crate::sync::manifest::Manifest;
use crate::sync::pack::{
    LaneEnd, PackAuthor, PackedDrop, PackedErasure, PackedKey, PartProof, Segment,
};
use crate::sync::{chunk, tree};

const ASCENDING: &str = "is not strictly ascending";
const LIMIT: &str = "over a maximum";

pub(super) fn vectors(cast: &Cast) -> Vec<Vector> {
    let families = [
        frames(cast),
        items(cast),
        contents(cast),
        proofs(cast),
        lanes(cast),
        manifests(cast),
        retires(),
    ];
    families.into_iter().flatten().collect()
}

fn key() -> PackKey {
    PackKey::new([6; 32])
}

fn fields(cast: &Cast, what: &str, (name, expect): (&str, &str), frame: &[u8]) -> Vector {
    Vector::new(name, what, expect)
        .hex("space", cast.space.as_bytes())
        .hex("pack key", key().expose())
        .hex("pack", key().id(&cast.space).as_bytes())
        .hex("frame", frame)
}

fn seal(cast: &Cast, manifest: bool, raw: &[u8]) -> Vec<u8> {
    let (key, random) = (key(), &mut random());
    let pack = key.id(&cast.space);
    chunk::seal_pack((&key, &pack), &cast.space, (manifest, raw), random).unwrap()
}

/// The two who wrote what is in the segment, ascending.
fn writers(cast: &Cast) -> [(SignKey, Incarnation); 2] {
    let other = (SignKey::from_seed(&[20; 32]), Incarnation::new([21; 8]));
    let mut both = [(cast.admin.sign.clone(), cast.admin.incarnation), other];
    both.sort_by_key(|(sign, _)| sign.public());
    both
}

fn author(cast: &Cast, place: usize) -> PackAuthor {
    let (sign, incarnation) = &writers(cast)[place];
    let later = vec![StatementHash::new([1; 16]), StatementHash::new([2; 16])];
    let rosters = vec![(0, cast.roster.heads()), (7, later)];
    PackAuthor { device_key: sign.public(), incarnation: *incarnation, rosters }
}

fn document(n: u8) -> Document {
    Document::new([n; 16])
}

fn raw(sequence: u64) -> RawChange {
    let dependencies = match sequence {
        1 => vec![],
        _ => vec![crate::docs::Dependency::Own],
    };
    RawChange { sequence, start_op: 1, dependencies, operations: vec![] }
}

/// What one body of a writer said of some documents: so many changes of each.
struct Said {
    author: usize,
    sequence: u32,
    changes: Vec<(Document, Vec<RawChange>)>,
}

impl Said {
    /// Its parts, as far as they are in the segment, each with its proof. The body said something of one more document.
    fn parts(self, cast: &Cast, kept: usize) -> Vec<(Part, PartProof)> {
        let pack_author = author(cast, self.author);
        let by = pack_author.author(&cast.space);
        let tips: Vec<_> = self.changes.iter().map(|(id, raw)| (*id, last(&by, raw))).collect();
        let leaves = tree::Tree::new(&cast.space).leaves(b"everything else", &tips);
        let lane = pack_author.lane(&cast.space);
        let message = tree::signed(&cast.space, &lane, self.sequence, &leaves.root());
        let signature = writers(cast)[self.author].0.sign(&message);
        let all = self.changes.into_iter().enumerate().take(kept);
        all.map(|(place, (document, changes))| {
            let runs = match changes.len() {
                1 => vec![(self.sequence, 1)],
                more => vec![(self.sequence - 3, 1), (self.sequence, more - 1)],
            };
            let proof = PartProof { runs, signature, proof: leaves.proof(place) };
            (Part { document, author: self.author, changes }, proof)
        })
        .collect()
    }
}

fn last(by: &Author, raw: &[RawChange]) -> automerge::ChangeHash {
    rebuild::changes(by, raw.to_vec(), Tip::default()).unwrap().last().unwrap().hash()
}

/// A segment with something of everything.
fn segment(cast: &Cast) -> Segment {
    let shared = [10, 11, 12, 13, 14].map(|n| (document(n), vec![raw(1)])).to_vec();
    let shared = Said { author: 0, sequence: 2, changes: shared }.parts(cast, 4);
    let alone = vec![(document(10), vec![raw(1), raw(2)]), (document(15), vec![raw(1)])];
    let alone = Said { author: 1, sequence: 5, changes: alone }.parts(cast, 1);
    let (parts, proofs) = shared.into_iter().chain(alone).unzip();
    let client = |n: u8| ClientKey::new([n; 32]);
    Segment {
        authors: vec![author(cast, 0), author(cast, 1)],
        parts,
        proofs,
        client_keys: vec![
            PackedKey { document: document(10), author: 0, sequence: 2, key: client(1) },
            PackedKey { document: document(11), author: 0, sequence: 2, key: client(2) },
        ],
        drops: vec![PackedDrop { author: 1, sequence: 5, bytes: b"a drop".to_vec() }],
        erasures: vec![
            PackedErasure { document: document(20), author: 0, sequence: 9 },
            PackedErasure { document: document(20), author: 1, sequence: 4 },
        ],
        carried: vec![PackedDrop { author: 0, sequence: 1, bytes: b"carried".to_vec() }],
        lanes: vec![end(cast)],
        other: Vec::new(),
    }
}

fn end(cast: &Cast) -> LaneEnd {
    LaneEnd {
        author: 0,
        next: 3,
        position: Position::new([8; 16]),
        mentions: vec![author(cast, 1).lane(&cast.space), Lane::new([9; 16])],
        said: vec![(1, 6, [7; 8], vec![2, 4]), (2, 1, [6; 8], vec![])],
        quarantined: vec![1],
        passed: vec![(document(10), 4, [5; 32])],
    }
}

/// The items of a segment, to be broken one by one.
fn items_of(cast: &Cast, segment: &Segment) -> Vec<(u64, Vec<u8>)> {
    let raw = segment.encode(&cast.space).unwrap();
    let mut r = haversack_wire::Reader::new("items", &raw);
    let count = r.count(32).unwrap();
    (0..count).map(|_| (r.varint().unwrap(), r.blob(1 << 18).unwrap().to_vec())).collect()
}

fn encode(items: &[(u64, Vec<u8>)]) -> Vec<u8> {
    let each = items.iter().map(|(kind, content)| [varint(*kind), blob(content)].concat());
    list(&each.collect::<Vec<_>>())
}

fn of_items(cast: &Cast, name: &str, expect: &str, items: &[(u64, Vec<u8>)]) -> Vector {
    fields(cast, "pack segment", (name, expect), &seal(cast, false, &encode(items)))
}

/// The segment with another item of a kind.
fn with(cast: &Cast, name: &str, expect: &str, kind: u64, content: Vec<u8>) -> Vector {
    let mut items = items_of(cast, &segment(cast));
    match items.iter_mut().find(|(its, _)| *its == kind) {
        Some((_, old)) => *old = content,
        None => items.push((kind, content)),
    }
    items.sort_by_key(|(kind, _)| *kind);
    of_items(cast, name, expect, &items)
}

fn frames(cast: &Cast) -> Vec<Vector> {
    let (raw, whole) = (segment(cast).encode(&cast.space).unwrap(), segment(cast));
    let frame = seal(cast, false, &raw);
    let make = |name: &str, expect: &str, frame: &[u8]| {
        fields(cast, "pack segment", (name, expect), frame)
    };
    let tree = tree::Tree::new(&cast.space);
    let mut good = make("pack_segment", "ok", &frame).hex("items", &raw);
    for (part, proof) in whole.parts.iter().zip(&whole.proofs) {
        let hash = last(&author(cast, part.author).author(&cast.space), &part.changes);
        let root = tree.root_of(&proof.proof, &part.document, &hash);
        good = good.hex("last change", hash.0).hex("root", root);
    }
    let mut newer = frame.clone();
    newer[1] = 2;
    let elsewhere = Vector::new("pack_segment_other_space", "pack segment", "does not open")
        .hex("space", [99; 16])
        .hex("pack key", key().expose())
        .hex("frame", &frame);
    vec![
        good,
        make("pack_segment_flipped_length", "length is wrong", &flip(&frame, 2)),
        make("pack_segment_flipped_nonce", "the hint names another key", &flip(&frame, 5)),
        make(
            "pack_segment_flipped_hint",
            "the hint names another key",
            &flip(&frame, PackHeader::LEN - 1),
        ),
        make("pack_segment_flipped_content", "does not open", &flip(&frame, 60)),
        make("pack_segment_cut", "length is wrong", &frame[..frame.len() - 1]),
        make("pack_segment_newer_version", "kept and passed on", &newer),
        elsewhere,
    ]
}

/// Items in an order or a number that no writer makes.
fn items(cast: &Cast) -> Vec<Vector> {
    let good = items_of(cast, &segment(cast));
    let of = |kind: u64| good.iter().find(|(its, _)| *its == kind).unwrap().clone();
    let make =
        |name: &str, expect: &str, items: &[(u64, Vec<u8>)]| of_items(cast, name, expect, items);
    let newer = [&good[..], &[(10, b"newer".to_vec())]].concat();
    let raw = encode(&good);
    let sealed = |name: &str, expect: &str, raw: &[u8]| {
        fields(cast, "pack segment", (name, expect), &seal(cast, false, raw))
    };
    let swapped: Vec<_> = good.iter().rev().cloned().collect();
    vec![
        make("pack_items_of_newer_kinds", "ok", &newer),
        make("pack_items_of_nothing", "ok", &[]),
        make("pack_items_unsorted", ASCENDING, &swapped),
        make("pack_items_twice", ASCENDING, &[of(4), of(4)]),
        sealed("pack_items_cut", "ends too early", &raw[..raw.len() - 1]),
        sealed("pack_items_trailing", "1 bytes too many", &[&raw[..], &[0]].concat()),
        make("pack_too_many_items", LIMIT, &(1..=33).map(|n| (n, vec![0])).collect::<Vec<_>>()),
    ]
}

/// What is in items: out of order, of nobody, or cut.
fn contents(cast: &Cast) -> Vec<Vector> {
    let good = items_of(cast, &segment(cast));
    let of = |kind: u64| good.iter().find(|(its, _)| *its == kind).unwrap().clone();
    let make =
        |name: &str, expect: &str, items: &[(u64, Vec<u8>)]| of_items(cast, name, expect, items);
    let broken = |break_it: &dyn Fn(&mut Segment)| {
        let mut segment = segment(cast);
        break_it(&mut segment);
        items_of(cast, &segment)
    };
    let (first, _) = (author(cast, 0), author(cast, 1));
    let head = [&first.device_key[..], first.incarnation.as_bytes()].concat();
    let rosters = |each: &[Vec<u8>]| list(&[[&head[..], &list(each)].concat()]);
    let from = |n: u64, heads: &[[u8; 16]]| [varint(n), list(heads)].concat();
    let others_key = [&[10; 16][..], &varint(2), &varint(0), &[1; 32]].concat();
    vec![
        make(
            "pack_authors_unsorted",
            ASCENDING,
            &broken(&|s| {
                s.lanes.clear();
                s.authors.reverse();
            }),
        ),
        with(
            cast,
            "pack_author_rosters_unsorted",
            ASCENDING,
            3,
            rosters(&[from(7, &[[1; 16]]), from(0, &[[1; 16]])]),
        ),
        with(
            cast,
            "pack_author_heads_twice",
            ASCENDING,
            3,
            rosters(&[from(0, &[[1; 16], [1; 16]])]),
        ),
        make("pack_part_of_nobody", "an author is not in the list", &{
            let mut items = broken(&|s| s.lanes.clear());
            items.retain(|(kind, _)| *kind == 1);
            let only = list(&[[&head[..], &list::<Vec<u8>>(&[])].concat()]);
            [items, vec![of(2), (3, only)]].concat()
        }),
        make("pack_part_before_one_that_it_follows", "a part comes before one that it follows", &{
            broken(&|s| {
                let (part, proof) = (s.parts[4].clone(), s.proofs[4].clone());
                s.parts.push(part);
                s.proofs.push(proof);
            })
        }),
        make("pack_client_keys_unsorted", ASCENDING, &broken(&|s| s.client_keys.reverse())),
        with(cast, "pack_client_key_of_nobody", "an author is not in the list", 4, {
            list(&[others_key])
        }),
        make("pack_erasures_unsorted", ASCENDING, &broken(&|s| s.erasures.reverse())),
        make("pack_erasures_twice", ASCENDING, &broken(&|s| s.erasures[1] = s.erasures[0])),
        with(cast, "pack_erasure_of_nobody", "an author is not in the list", 7, {
            list(&[[&[20; 16][..], &varint(2), &varint(0)].concat()])
        }),
        with(cast, "pack_erasures_trailing", "1 bytes too many", 7, vec![0, 0]),
        with(cast, "pack_drop_of_nobody", "an author is not in the list", 5, {
            list(&[[varint(2), varint(0), blob(b"drop")].concat()])
        }),
    ]
}

/// (sequence or step, how many changes)
type Runs = Vec<(u64, u64)>;

/// Item 2 of the segment, piece by piece.
struct Shown {
    bodies: Vec<([u8; 64], u64, Vec<[u8; 32]>)>,
    /// Runs, the place of the body, the index.
    parts: Vec<(Runs, u64, u64)>,
}

impl Shown {
    fn of(cast: &Cast) -> Self {
        let whole = segment(cast);
        let [shared, alone] = [0..4, 4..5].map(|range| &whole.proofs[range]);
        let told = |proofs: &[PartProof]| {
            let all: Vec<_> = proofs.iter().map(|proof| &proof.proof).collect();
            let count = u64::from(proofs[0].proof.count);
            (proofs[0].signature, count, tree::share(&all).unwrap())
        };
        let part = |(proof, body): (&PartProof, u64)| {
            let runs = proof.runs.iter().scan(0, |last, (sequence, count)| {
                let step = sequence - *last;
                *last = *sequence;
                Some((u64::from(step), *count as u64))
            });
            (runs.collect(), body, u64::from(proof.proof.index))
        };
        let places = [0, 0, 0, 0, 1];
        let parts = whole.proofs.iter().zip(places).map(part).collect();
        Self { bodies: vec![told(shared), told(alone)], parts }
    }

    fn encode(&self) -> Vec<u8> {
        let body = |(signature, count, told): &([u8; 64], u64, Vec<[u8; 32]>)| {
            [&signature[..], &varint(*count), &list(told)].concat()
        };
        let part = |(runs, body, index): &(Runs, u64, u64)| {
            let runs: Vec<_> =
                runs.iter().map(|(step, count)| [varint(*step), varint(*count)].concat()).collect();
            [list(&runs), varint(*body), varint(*index)].concat()
        };
        let bodies: Vec<_> = self.bodies.iter().map(body).collect();
        let parts: Vec<_> = self.parts.iter().map(part).collect();
        [list(&bodies), parts.concat()].concat()
    }
}

fn proofs(cast: &Cast) -> Vec<Vector> {
    let make = |name: &str, expect: &str, break_it: &dyn Fn(&mut Shown)| {
        let mut shown = Shown::of(cast);
        break_it(&mut shown);
        with(cast, name, expect, 2, shown.encode())
    };
    let way = "a proof is not a way to a root";
    let one_body = "parts are not of one body";
    let unsigned = "a part's signature does not verify";
    vec![
        make("pack_proofs", "ok", &|_| {}),
        make("pack_proofs_signature", unsigned, &|s| s.bodies[0].0[0] ^= 1),
        make("pack_proofs_hash", unsigned, &|s| s.bodies[1].2[0][0] ^= 1),
        make("pack_proofs_run", unsigned, &|s| s.parts[4].0[1].0 += 1),
        make("pack_proofs_other_leaf", unsigned, &|s| {
            (s.parts[0].2, s.parts[1].2) = (s.parts[1].2, s.parts[0].2);
        }),
        make("pack_proofs_leaf_0", way, &|s| s.parts[4].2 = 0),
        make("pack_proofs_beyond_the_leaves", way, &|s| s.parts[4].2 = s.bodies[1].1),
        make("pack_proofs_hash_too_many", way, &|s| s.bodies[0].2.push([1; 32])),
        make("pack_proofs_hash_missing", way, &|s| {
            s.bodies[0].2.pop();
        }),
        make("pack_proofs_too_many_leaves", LIMIT, &|s| s.bodies[1].1 = 4_098),
        make("pack_proofs_same_leaf", one_body, &|s| s.parts[1].2 = s.parts[0].2),
        make("pack_proofs_other_author", one_body, &|s| {
            (s.parts[4].1, s.parts[4].2) = (0, 5);
            s.bodies.pop();
        }),
        make("pack_proofs_other_sequence", one_body, &|s| s.parts[1].0[0].0 += 1),
        make("pack_proofs_bodies_unsorted", "bodies are not in the order of their parts", &|s| {
            s.bodies.reverse();
            s.parts.iter_mut().for_each(|part| part.1 = 1 - part.1);
        }),
        make("pack_proofs_body_without_part", "a body has no part", &|s| {
            s.bodies.push(s.bodies[0].clone());
        }),
        make("pack_proofs_run_of_nothing", "a run is empty", &|s| s.parts[0].0[0].1 = 0),
        make("pack_proofs_runs_unsorted", "sequences are not ascending", &|s| {
            s.parts[4].0[1].0 = 0;
        }),
        make("pack_proofs_runs_short", "runs do not make up their part", &|s| {
            s.parts[4].0.pop();
        }),
        with(cast, "pack_proofs_trailing", "1 bytes too many", 2, {
            [&Shown::of(cast).encode()[..], &[0]].concat()
        }),
        shared_from_the_middle(cast),
    ]
}

/// A part that does not begin with its author's first change shares its body with another.
fn shared_from_the_middle(cast: &Cast) -> Vector {
    let both = vec![(document(10), vec![raw(1)]), (document(11), vec![raw(1)])];
    let parts = Said { author: 0, sequence: 2, changes: both }.parts(cast, 2);
    let (mut parts, proofs): (Vec<Part>, Vec<PartProof>) = parts.into_iter().unzip();
    let bodies = vec![(
        proofs[0].signature,
        u64::from(proofs[0].proof.count),
        tree::share(&[&proofs[0].proof, &proofs[1].proof]).unwrap(),
    )];
    let shown = proofs.iter().map(|proof| (vec![(2, 1)], 0, u64::from(proof.proof.index)));
    let shown = Shown { bodies, parts: shown.collect() };
    parts[1].changes[0] = raw(2);
    let authors = vec![author(cast, 0), author(cast, 1)];
    let whole = Segment { authors, parts, proofs, ..Segment::default() };
    let mut items = items_of(cast, &whole);
    items.iter_mut().find(|(kind, _)| *kind == 2).unwrap().1 = shown.encode();
    of_items(cast, "pack_proofs_from_the_middle", "parts are not of one body", &items)
}

fn lanes(cast: &Cast) -> Vec<Vector> {
    let make = |name: &str, expect: &str, break_it: &dyn Fn(&mut LaneEnd)| {
        let mut segment = segment(cast);
        break_it(&mut segment.lanes[0]);
        of_items(cast, name, expect, &items_of(cast, &segment))
    };
    let start = [varint(0), varint(3), vec![8; 16]].concat();
    let raw = |name: &str, expect: &str, rest: &[Vec<u8>]| {
        with(cast, name, expect, 9, list(&[[&start[..], &rest.concat()].concat()]))
    };
    let none = || varint(0);
    let unmentioned = "a lane is not among the mentions";
    vec![
        make("pack_lanes_said_unsorted", ASCENDING, &|end| end.said.reverse()),
        make("pack_lanes_said_of_place_0", unmentioned, &|end| end.said[0].0 = 0),
        make("pack_lanes_said_of_nobody", unmentioned, &|end| end.said[1].0 = 3),
        make("pack_lanes_passed_unsorted", ASCENDING, &|end| {
            end.passed.push((document(9), 1, [1; 32]));
        }),
        raw("pack_lanes_mention_beyond", LIMIT, &[list(&[varint(3)]), none(), none(), none()]),
        raw(
            "pack_lanes_quarantined_twice",
            "sequences are not ascending",
            &[none(), none(), list(&[varint(1), varint(0)]), none()],
        ),
        with(cast, "pack_lane_of_nobody", "an author is not in the list", 9, {
            list(&[[&varint(2)[..], &start[1..], &[0, 0, 0, 0]].concat()])
        }),
    ]
}

fn manifest(cast: &Cast) -> Manifest {
    Manifest {
        signer: cast.admin.sign.public(),
        heads: vec![StatementHash::new([1; 16]), StatementHash::new([2; 16])],
        documents: 300,
        segments: vec![FrameHash::new([9; 16]), FrameHash::new([4; 16])],
    }
}

fn manifests(cast: &Cast) -> Vec<Vector> {
    let (good, pack) = (manifest(cast), key().id(&cast.space));
    let make = |name: &str, expect: &str, raw: &[u8]| {
        fields(cast, "pack manifest", (name, expect), &seal(cast, true, raw))
    };
    let signed = |manifest: &Manifest| manifest.sign(&cast.admin.sign, &cast.space, &pack).unwrap();
    let raw = signed(&good);
    let by_hand = |content: Vec<u8>| {
        let told = message(AadLabel::PACK, &[cast.space.as_bytes(), pack.as_bytes(), &content]);
        [&content[..], &cast.admin.sign.sign(&told)].concat()
    };
    let mut other = good.clone();
    other.heads.reverse();
    let twice = Manifest { segments: vec![good.segments[0]; 2], ..good.clone() };
    let start = [&good.signer[..], &varint(0), &varint(300)].concat();
    let many = [start, varint(1_537)].concat();
    let frame = seal(cast, true, &raw);
    let as_segment = [&[4][..], &frame[1..]].concat();
    let elsewhere = good.sign(&cast.admin.sign, &cast.space, &haversack_wire::Pack::new([1; 16]));
    let unsigned = "its signature is not good";
    vec![
        make("pack_manifest", "ok", &raw)
            .hex("signer", good.signer)
            .line("documents", good.documents)
            .hexes("segment", good.segments.iter().map(|hash| hash.to_bytes())),
        make("pack_manifest_signature", unsigned, &flip(&raw, raw.len() - 1)),
        make("pack_manifest_changed", unsigned, &flip(&raw, raw.len() - 65)),
        make("pack_manifest_of_another_pack", unsigned, &elsewhere.unwrap()),
        make("pack_manifest_heads_unsorted", ASCENDING, &signed(&other)),
        make("pack_manifest_segment_twice", "a segment stands twice", &signed(&twice)),
        make("pack_manifest_too_many_segments", LIMIT, &by_hand(many)),
        make("pack_manifest_cut", "ends too early", &raw[..raw.len() - 1]),
        make("pack_manifest_trailing", "1 bytes too many", &[&raw[..], &[0]].concat()),
        fields(
            cast,
            "pack manifest",
            ("pack_manifest_flipped", "does not open"),
            &flip(&frame, 90),
        ),
        fields(cast, "pack segment", ("pack_manifest_as_segment", "does not open"), &as_segment),
    ]
}

fn retires() -> Vec<Vector> {
    let good = Retire {
        preimage: [1; 32],
        lanes: vec![(LaneTag::new([2; 8]), 3), (LaneTag::new([4; 8]), 300)],
        frames: vec![FrameHash::new([5; 16]), FrameHash::new([6; 16])],
    };
    let frame = good.encode().unwrap();
    let make = |name: &str, expect: &str, frame: &[u8]| {
        Vector::new(name, "retire", expect).hex("frame", frame)
    };
    let by_hand = |lanes: &[Vec<u8>], frames: &[[u8; 16]]| {
        [&[6, 1][..], &[1; 32], &list(lanes), &list(frames)].concat()
    };
    let lane = |n: u8| [&[n; 8][..], &varint(3)].concat();
    let many = [&[6, 1][..], &[1; 32], &varint(0), &varint(1_921)].concat();
    vec![
        make("retire", "ok", &frame).hex("retire hash", derive(Label::RETIRE, &[&[1; 32]])),
        make("retire_lanes_unsorted", ASCENDING, &by_hand(&[lane(2), lane(1)], &[])),
        make("retire_frames_twice", ASCENDING, &by_hand(&[], &[[5; 16]; 2])),
        make("retire_too_many_frames", LIMIT, &many),
        make("retire_cut", "ends too early", &frame[..frame.len() - 1]),
        make("retire_trailing", "1 bytes too many", &[&frame[..], &[0]].concat()),
        make("retire_newer_version", "kept and passed on", &[&[6, 2][..], &frame[2..]].concat()),
    ]
}

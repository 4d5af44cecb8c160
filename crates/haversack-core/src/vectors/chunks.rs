//! Chunks: the clear header, the seal, the envelope.

use haversack_wire::{ChunkHeader, Document, LaneTag, padded};

use super::cast::{Cast, blob, flip, random, varint};
use super::vector::Vector;
use crate::compress::{For, compress};
use crate::crypto::{AadLabel, ClientKey, EpochSecret, seal};
use crate::docs::rebuild::{self, Tip};
use crate::docs::{Author, DocumentChanges, RawChange, ops};
use crate::members::actor;
use crate::sync::body::{Body, Opening};
use crate::sync::{chunk, tree};

pub(super) fn vectors(cast: &Cast) -> Vec<Vector> {
    let mut vectors = sealed(cast);
    vectors.extend(with_changes(cast));
    vectors.extend(envelopes(cast));
    vectors
}

pub(super) fn tag(cast: &Cast) -> LaneTag {
    cast.epoch.generation().lane_tag(&cast.lane())
}

pub(super) fn fields(cast: &Cast, name: &str, expect: &str, frame: &[u8]) -> Vector {
    Vector::new(name, "chunk", expect)
        .hex("space", cast.space.as_bytes())
        .hex("epoch secret", cast.epoch.expose())
        .hex("frame", frame)
}

/// The lane's first body, and the root of its tree.
pub(super) fn body(cast: &Cast) -> (Vec<u8>, [u8; 32]) {
    let own = cast.lane();
    let opening =
        Opening { device_key: cast.admin.sign.public(), incarnation: cast.admin.incarnation };
    let body = Body {
        lane: own,
        heads: Some(cast.roster.heads()),
        statements: cast.roster.statements().map(<[u8]>::to_vec).collect(),
        opening: Some(opening),
        client_keys: vec![(Document::new([10; 16]), ClientKey::new([9; 32]))],
        ..Body::default()
    };
    let encoded = body.encode().unwrap();
    let root = tree::Tree::new(&cast.space).leaves(&encoded.rest, &[]).root();
    let signature = cast.admin.sign.sign(&tree::signed(&cast.space, &own, 0, &root));
    ([&encoded.bytes[..], &signature].concat(), root)
}

fn sealed(cast: &Cast) -> Vec<Vector> {
    let epoch = cast.epoch.id(&cast.space);
    let (raw, root) = body(cast);
    let place = (tag(cast), 0);
    let frame =
        chunk::seal((&cast.epoch, &epoch), &cast.space, place, &raw, &mut random()).unwrap();
    let vector = |name: &str, expect: &str, frame: &[u8]| fields(cast, name, expect, frame);
    let position = tree::Tree::new(&cast.space).position(&cast.lane(), 0, &root);
    let other = EpochSecret::new([99; 32]);
    let hint = "the hint names another key";
    vec![
        vector("chunk", "ok", &frame)
            .hex("body", &raw)
            .hex("root", root)
            .hex("position", position.as_bytes())
            .hex("device key", cast.admin.sign.public()),
        vector("chunk_flipped_tag", "does not open", &flip(&frame, 3)),
        vector("chunk_flipped_sequence", "does not open", &flip(&frame, 10)),
        vector("chunk_flipped_length", "length is wrong", &flip(&frame, 14)),
        vector("chunk_flipped_nonce", hint, &flip(&frame, 20)),
        vector("chunk_flipped_hint", hint, &flip(&frame, 41)),
        vector("chunk_flipped_content", "does not open", &flip(&frame, 100)),
        vector("chunk_cut", "length is wrong", &frame[..frame.len() - 1]),
        vector("chunk_cut_in_its_header", "ends too early", &frame[..20]),
        vector("chunk_newer_version", "kept and passed on", &{
            let mut frame = frame.clone();
            frame[1] = 2;
            frame
        }),
        vector("chunk_unknown_kind", "kept and passed on", &{
            let mut frame = frame.clone();
            frame[0] = 77;
            frame
        }),
        Vector::new("chunk_other_epoch", "chunk", hint)
            .hex("space", cast.space.as_bytes())
            .hex("epoch secret", other.expose())
            .hex("frame", &frame),
        Vector::new("chunk_other_space", "chunk", "does not open")
            .hex("space", [99; 16])
            .hex("epoch secret", cast.epoch.expose())
            .hex("frame", &frame),
    ]
}

/// A second body on the lane: changes of two documents, so that the tree has an odd node.
fn with_changes(cast: &Cast) -> Vec<Vector> {
    let key = cast.admin.sign.public();
    let own = cast.lane();
    let tree = tree::Tree::new(&cast.space);
    let id = actor(&cast.space, &key, cast.admin.incarnation);
    let author = Author::new(&id);
    let (_, first_root) = body(cast);
    let raw = RawChange { sequence: 1, start_op: 1, dependencies: vec![], operations: vec![] };
    let documents = [10, 11]
        .map(|n| DocumentChanges { document: Document::new([n; 16]), changes: vec![raw.clone()] });
    let made = rebuild::changes(&author, vec![raw], Tip::default()).unwrap();
    let tips = [10, 11].map(|n| (Document::new([n; 16]), made[0].hash()));
    let second = Body {
        lane: own,
        previous: tree.position(&own, 0, &first_root),
        changes: Some(ops::encode(&author, &documents).unwrap()),
        other: vec![(77, b"newer".to_vec())],
        ..Body::default()
    };
    let encoded = second.encode().unwrap();
    let root = tree.leaves(&encoded.rest, &tips).root();
    let sign = |message: &[u8]| cast.admin.sign.sign(message);
    let epoch = cast.epoch.id(&cast.space);
    let vector = |name: &str, expect: &str, signature: [u8; 64]| {
        let raw = [&encoded.bytes[..], &signature].concat();
        let place = (tag(cast), 1);
        let frame =
            chunk::seal((&cast.epoch, &epoch), &cast.space, place, &raw, &mut random()).unwrap();
        fields(cast, name, expect, &frame)
            .hex("device key", key)
            .hex("actor", id.as_bytes())
            .hex("body", raw)
    };
    let good = sign(&tree::signed(&cast.space, &own, 1, &root));
    let elsewhere = sign(&tree::signed(&cast.space, &own, 2, &root));
    vec![
        vector("chunk_with_changes", "ok", good)
            .hex("leaf 0 covers", &encoded.rest)
            .hex("automerge change", made[0].raw_bytes())
            .hex("change hash", made[0].hash().0)
            .hex("root", root)
            .hex("position", tree.position(&own, 1, &root).as_bytes()),
        vector("chunk_signed_for_another_place", "the body's signature does not verify", elsewhere),
    ]
}

/// Seals any plaintext.
pub(super) fn seal_plain(cast: &Cast, sequence: u32, plain: &[u8]) -> Vec<u8> {
    let nonce = [8; 24];
    let header = ChunkHeader {
        tag: tag(cast),
        sequence,
        length: (plain.len() + 16) as u16,
        nonce,
        hint: cast.epoch.hint_key().hint(&nonce),
    };
    let clear = header.encode();
    let epoch = cast.epoch.id(&cast.space);
    let aad = AadLabel::CHUNK.with(&[cast.space.as_bytes(), epoch.as_bytes(), &clear]);
    [&clear[..], &seal(cast.epoch.chunk_key().expose(), &nonce, &aad, plain)].concat()
}

/// Fills an envelope as § 3.1 has it.
pub(super) fn pad(mut plain: Vec<u8>) -> Vec<u8> {
    let around = ChunkHeader::LEN + 16;
    let whole = padded(plain.len() + around).unwrap();
    plain.resize(whole - around, 0);
    plain
}

/// As what lies in an envelope is compressed.
pub(super) fn pack(raw: &[u8]) -> Vec<u8> {
    compress(raw, For::Sending).unwrap()
}

fn envelope(dictionary: u64, length: usize, packed: &[u8]) -> Vec<u8> {
    pad([varint(dictionary), varint(length as u64), blob(packed)].concat())
}

fn envelopes(cast: &Cast) -> Vec<Vector> {
    let (raw, _) = body(cast);
    let packed = pack(&raw);
    let half = raw.len() / 2;
    // Less its magic number, as all are.
    let plain = zstd::bulk::compress(&raw, 19).unwrap().split_off(4);
    let magic = [0x28, 0xb5, 0x2f, 0xfd];
    let two = [&pack(&raw[..half])[..], &magic, &pack(&raw[half..])].concat();
    let skippable = [&packed[..], &[0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 7]].concat();
    let good = || envelope(1, raw.len(), &packed);
    let vector = |name: &str, expect: &str, plain: Vec<u8>| {
        fields(cast, name, expect, &seal_plain(cast, 0, &plain))
    };
    let frame = "does not decompress";
    vec![
        vector("envelope", "ok", good()).hex("body", &raw),
        vector("envelope_without_dictionary", "ok", envelope(0, raw.len(), &plain))
            .hex("body", &raw),
        vector("envelope_with_magic_number", frame, {
            envelope(1, raw.len(), &[&magic[..], &packed].concat())
        }),
        vector("envelope_padding_not_zero", "padding is not zero", {
            let mut plain = good();
            *plain.last_mut().unwrap() = 1;
            plain
        }),
        vector("envelope_more_padding", "ok", [good(), vec![0; 300]].concat()),
        vector("envelope_dictionary", "waits for a dictionary", envelope(7, raw.len(), &packed)),
        vector("envelope_length_over", "over a maximum", envelope(1, 262_145, &packed)),
        vector("envelope_longer_than_stated", frame, envelope(1, raw.len() - 1, &packed)),
        vector("envelope_shorter_than_stated", "length is wrong inside", {
            envelope(1, raw.len() + 1, &packed)
        }),
        vector("envelope_not_zstd", frame, envelope(1, raw.len(), &[7; 200])),
        vector("envelope_cut_zstd", frame, envelope(1, raw.len(), &packed[..packed.len() - 1])),
        vector("envelope_two_zstd_frames", frame, envelope(1, raw.len(), &two)),
        vector("envelope_skippable_frame", frame, envelope(1, raw.len(), &skippable)),
        vector("envelope_cut", "ends too early", {
            let mut plain = [varint(1), varint(raw.len() as u64)].concat();
            plain.extend(varint(5_000));
            plain.extend(&packed);
            pad(plain)
        }),
        vector("envelope_not_minimal", "varint is not minimal", {
            pad([&[0x81, 0][..], &varint(raw.len() as u64), &blob(&packed)].concat())
        }),
    ]
}

//! Roster segments.

use haversack_wire::RosterHeader;

use super::cast::{Cast, blob, flip, list, random, varint};
use super::vector::Vector;
use crate::sync::chunk;

pub(super) fn vectors(cast: &Cast) -> Vec<Vector> {
    let mut vectors = contents(cast);
    vectors.extend(sealed(cast));
    vectors
}

fn content(epochs: &[Vec<u8>], index: u64, count: u64, statements: &[Vec<u8>]) -> Vec<u8> {
    let blobs = |all: &[Vec<u8>]| list(&all.iter().map(|bytes| blob(bytes)).collect::<Vec<_>>());
    [blobs(epochs), varint(index), varint(count), blobs(statements)].concat()
}

fn seal(cast: &Cast, content: &[u8]) -> Vec<u8> {
    let epoch = cast.epoch.id(&cast.space);
    chunk::seal_roster((&cast.epoch, &epoch), &cast.space, content, &mut random()).unwrap()
}

fn vector(cast: &Cast, name: &str, expect: &str, frame: &[u8]) -> Vector {
    Vector::new(name, "roster segment", expect)
        .hex("space", cast.space.as_bytes())
        .hex("epoch secret", cast.epoch.expose())
        .hex("frame", frame)
}

fn contents(cast: &Cast) -> Vec<Vector> {
    let epochs = vec![cast.first_epoch().bytes];
    let statements: Vec<Vec<u8>> = cast.roster.statements().map(<[u8]>::to_vec).collect();
    let backwards: Vec<Vec<u8>> = statements.iter().rev().cloned().collect();
    let make = |name: &str, expect: &str, content: Vec<u8>| {
        vector(cast, name, expect, &seal(cast, &content))
    };
    let good = content(&epochs, 0, 1, &statements);
    let limit = "over a maximum";
    let ascending = "is not strictly ascending";
    let many = vec![vec![1]; 129];
    vec![
        make("segment", "ok", good.clone())
            .hexes("epoch statement", &epochs)
            .hexes("statement", &statements),
        make("segment_last_of_many", "ok", content(&epochs, 63, 64, &[])),
        make("segment_too_many", limit, content(&epochs, 0, 65, &statements)),
        make("segment_statements_unsorted", ascending, content(&epochs, 0, 1, &backwards)),
        make("segment_statements_twice", ascending, {
            content(&epochs, 0, 1, &[backwards[0].clone(), backwards[0].clone()])
        }),
        make("segment_epochs_twice", ascending, {
            content(&[epochs[0].clone(), epochs[0].clone()], 0, 1, &statements)
        }),
        make("segment_too_many_epochs", limit, content(&many, 0, 1, &statements)),
        make("segment_trailing", "1 bytes too many", [&good[..], &[0]].concat()),
        make("segment_cut", "ends too early", good[..good.len() - 1].to_vec()),
    ]
}

fn sealed(cast: &Cast) -> Vec<Vector> {
    let epochs = vec![cast.first_epoch().bytes];
    let frame = seal(cast, &content(&epochs, 0, 1, &[]));
    let make = |name: &str, expect: &str, frame: &[u8]| vector(cast, name, expect, frame);
    vec![
        make("segment_flipped_content", "does not open", &flip(&frame, 60)),
        make(
            "segment_flipped_hint",
            "the hint names another key",
            &flip(&frame, RosterHeader::LEN - 1),
        ),
        make("segment_frame_cut", "length is wrong", &frame[..frame.len() - 1]),
        make("segment_newer_version", "kept and passed on", &[&[2, 2][..], &frame[2..]].concat()),
    ]
}

//! Requests, answers, bundles.

use haversack_wire::request::{self, Basis, Resume, Section, SectionHead};
use haversack_wire::{CursorDigest, FrameHash, LaneTag, RetireHash, answer, bundle};

use super::cast::{blob, list, varint};
use super::vector::Vector;

pub(super) fn vectors() -> Vec<Vector> {
    let families = [requests(), heads(), answers(), parts(), bundles()];
    families.into_iter().flatten().collect()
}

fn vector(name: &str, what: &str, expect: &str, bytes: &[u8]) -> Vector {
    Vector::new(name, what, expect).hex("bytes", bytes)
}

fn head(n: u8) -> SectionHead {
    SectionHead {
        token: haversack_wire::Token::new([n; 32]),
        retire: RetireHash::new([n + 1; 32]),
        admission: Vec::new(),
        cursor: 300,
        basis: Basis::Digest(CursorDigest::new([3; 16])),
        resume: None,
        frames: 0,
    }
}

fn requests() -> Vec<Vector> {
    let one = Section { head: head(1), frames: vec![vec![9; 256]] };
    let lanes = vec![(LaneTag::new([3; 8]), 4), (LaneTag::new([5; 8]), 600)];
    let resume = Resume { cursor: 4, offset: 100, frame: FrameHash::new([8; 16]) };
    let admission = b"let me in".to_vec();
    let basis = Basis::Vector(CursorDigest::new([3; 16]), lanes);
    let other = SectionHead { admission, basis, resume: Some(resume), ..head(5) };
    let other = Section { head: other, frames: vec![vec![9; 256], vec![8; 300]] };
    let asked = request::encode(std::slice::from_ref(&one)).unwrap();
    let make = |name: &str, expect: &str, bytes: &[u8]| vector(name, "request", expect, bytes);
    let with = |at: usize, byte: u8| {
        let mut bytes = asked.clone();
        bytes[at] = byte;
        bytes
    };
    vec![
        make("request", "ok", &asked),
        make("request_two_sections", "ok", &request::encode(&[one, other]).unwrap()),
        make("request_of_another_protocol", "is not one of this protocol", &with(0, b'G')),
        make("request_newer_version", "request version is unknown", &with(2, 2)),
        make("request_without_sections", "has no section", b"HS\x01\x00"),
        make("request_too_many_sections", "over a maximum", &with(3, 17)),
        make("request_cut", "ends too early", &asked[..asked.len() - 1]),
        make("request_trailing", "1 bytes too many", &[&asked[..], &[0]].concat()),
    ]
}

/// A section, piece by piece, behind its admission.
fn section(rest: &[&[u8]]) -> Vec<u8> {
    let start = [&b"HS\x01\x01"[..], &[1; 32], &[2; 32]].concat();
    [&start[..], &rest.concat()].concat()
}

fn heads() -> Vec<Vector> {
    let make =
        |name: &str, expect: &str, rest: &[&[u8]]| vector(name, "request", expect, &section(rest));
    let (digest, none) = ([&[0][..], &[3; 16]].concat(), [0_u8; 1]);
    let lane = |n: u8| [&[n; 8][..], &[1]].concat();
    let unsorted = list(&[lane(2), lane(1)]);
    let twice = list(&[lane(2), lane(2)]);
    let ascending = "is not strictly ascending";
    vec![
        make(
            "request_long_admission",
            "over a maximum",
            &[&blob(&[7; 65]), &[0], &digest, &none, &none],
        ),
        make("request_for_packs", "ok", &[&none, &[0], &[2], &none, &none]),
        make(
            "request_for_chunks",
            "ok",
            &[&none, &[9], &[3], &[6; 16], &list(&[lane(1), lane(2)]), &none, &none],
        ),
        make("request_unknown_basis", "basis is unknown", &[&none, &[0], &[4], &none, &none]),
        make("request_unknown_resume", "resume is unknown", &[&none, &[0], &digest, &[2], &none]),
        make(
            "request_vector_unsorted",
            ascending,
            &[&none, &[0], &[1], &[0; 16], &unsorted, &none, &none],
        ),
        make(
            "request_vector_twice",
            ascending,
            &[&none, &[0], &[1], &[0; 16], &twice, &none, &none],
        ),
        make(
            "request_too_many_frames",
            "over a maximum",
            &[&none, &[0], &digest, &none, &varint(4_097)],
        ),
        make(
            "request_long_frame",
            "over a maximum",
            &[&none, &[0], &digest, &none, &[1], &varint(32_769)],
        ),
        make(
            "request_not_minimal",
            "varint is not minimal",
            &[&none, &[0x80, 0], &digest, &none, &none],
        ),
    ]
}

fn answered(parts: &[answer::Part<'_>]) -> Vec<u8> {
    let mut bytes = answer::START.to_vec();
    parts.iter().for_each(|part| part.encode(&mut bytes).unwrap());
    bytes
}

fn answers() -> Vec<Vector> {
    use answer::{Part, Stored};
    let digest = CursorDigest::new([4; 16]);
    let plain = answered(&[
        Part::Section(0),
        Part::Ack { index: 0, stored: Stored::New, cursor: 301 },
        Part::End { cursor: 301, digest },
        Part::Done,
    ]);
    let whole = answered(&[
        Part::Section(0),
        Part::Ack { index: 0, stored: Stored::Duplicate, cursor: 7 },
        Part::Ack { index: 1, stored: Stored::Full, cursor: 0 },
        Part::Tail { cursor: 8, offset: 100, rest: &[1; 156] },
        Part::Frame { cursor: 9, frame: &[2; 300] },
        Part::Passed { cursor: 300, digest },
        Part::Have(vec![(LaneTag::new([1; 8]), 3), (LaneTag::new([2; 8]), 1)]),
        Part::End { cursor: 9, digest },
        Part::Section(1),
        Part::Need,
        Part::Done,
    ]);
    let unknown = [&answer::START[..], &[99, 2, 1, 1, 8, 0]].concat();
    let make = |name: &str, expect: &str, bytes: &[u8]| vector(name, "answer", expect, bytes);
    vec![
        make("answer", "ok", &plain),
        make("answer_every_part", "ok", &whole),
        make("answer_unknown_part", "ok", &unknown),
        make("answer_cut", "cut: whole parts count", &plain[..plain.len() - 1]),
        make("answer_cut_between_parts", "cut: whole parts count", &plain[..plain.len() - 2]),
        make("answer_trailing", "1 bytes too many", &[&plain[..], &[0]].concat()),
        make("answer_of_another_protocol", "is not one of this protocol", b"<html>"),
        make("answer_newer_version", "is not one of this protocol", b"HA\x02\x08\x00"),
    ]
}

fn parts() -> Vec<Vector> {
    let make = |name: &str, expect: &str, kind: u8, content: &[u8]| {
        let bytes = [&answer::START[..], &[kind], &blob(content), &[8, 0]].concat();
        vector(name, "answer", expect, &bytes)
    };
    let unsorted = list(&[[&[2; 8][..], &[1]].concat(), [&[1; 8][..], &[1]].concat()]);
    vec![
        make("answer_unknown_status", "acknowledgement is unknown", 2, &[0, 3, 0]),
        make("answer_ack_short", "ends too early", 2, &[0, 0]),
        make("answer_have_unsorted", "is not strictly ascending", 5, &unsorted),
        make("answer_need_with_content", "1 bytes too many", 6, &[0]),
        make("answer_passed_short", "ends too early", 9, &[&[1][..], &[4; 15]].concat()),
        make("answer_end_short", "ends too early", 7, &[&[1][..], &[4; 15]].concat()),
        make("answer_section_trailing", "1 bytes too many", 1, &[0, 0]),
        vector(
            "answer_part_too_long",
            "answer",
            "over a maximum",
            &[&answer::START[..], &[3], &varint(65_537)].concat(),
        ),
    ]
}

fn bundles() -> Vec<Vector> {
    let packed = bundle::encode([[9; 256].as_slice()]).unwrap();
    let two = bundle::encode([[9; 256].as_slice(), &[8; 300]]).unwrap();
    let make = |name: &str, expect: &str, bytes: &[u8]| vector(name, "bundle", expect, bytes);
    let with = |at: usize, byte: u8| {
        let mut bytes = packed.clone();
        bytes[at] = byte;
        bytes
    };
    vec![
        make("bundle", "ok", &packed),
        make("bundle_of_two", "ok", &two),
        make("bundle_of_none", "ok", &bundle::encode(std::iter::empty()).unwrap()),
        make("bundle_cut", "cut: 1 whole frame", &packed[..packed.len() - 2]),
        make("bundle_cut_in_a_frame", "cut: 1 whole frame", &two[..300]),
        make("bundle_wrong_count", "cut: 1 whole frame", &with(packed.len() - 4, 2)),
        make("bundle_trailing", "cut: 1 whole frame", &[&packed[..], &[0]].concat()),
        make("bundle_of_another_kind", "is not a bundle file", &with(0, b'P')),
        make("bundle_newer_version", "bundle version is unknown", &with(3, 2)),
        make("bundle_wrapped", "bundle wrapping is unknown", &with(4, 1)),
        make(
            "bundle_long_frame",
            "over a maximum",
            &[&b"HSB\x01\x00"[..], &varint(32_769)].concat(),
        ),
    ]
}

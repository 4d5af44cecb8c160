//! An exchange with another device: the request as whoever answers judges it, the answer as whoever asked does.

use haversack_wire::answer::{Part, START, Stored};
use haversack_wire::request::{Basis, Resume, Section, SectionHead, encode};
use haversack_wire::{CursorDigest, FrameHash, LaneTag, Relay, RetireHash, Token};

use super::cast::{Cast, flip};
use super::vector::Vector;
use crate::crypto::EpochSecret;

const NO_KEY: &str = "shows no key of this space";
const FOR_A_RELAY: &str = "is for a relay";
const UNASKED: &str = "names what was not asked";

pub(super) fn vectors(cast: &Cast) -> Vec<Vector> {
    [requests(cast), rights(cast), answers(cast), lies(cast)].into_iter().flatten().collect()
}

/// The device that answers.
fn peer(cast: &Cast) -> Relay {
    Relay::of(&cast.admin.sign.public())
}

/// The secret of a generation that the answering device does not know.
fn older() -> EpochSecret {
    EpochSecret::new([55; 32])
}

fn lanes() -> Vec<(LaneTag, u32)> {
    vec![(LaneTag::new([3; 8]), 4), (LaneTag::new([5; 8]), 600)]
}

fn head(token: Token) -> SectionHead {
    SectionHead {
        token,
        retire: RetireHash::new([7; 32]),
        admission: Vec::new(),
        cursor: 0,
        basis: Basis::Vector(CursorDigest::default(), lanes()),
        resume: None,
        frames: 0,
    }
}

/// The section of a generation that the answering device knows.
fn known(cast: &Cast, frames: usize) -> Section {
    let head = head(cast.epoch.generation().token(&peer(cast)));
    Section { head, frames: (0..frames).map(|n| vec![9 + n as u8; 256 + 44 * n]).collect() }
}

/// The section of one that it does not know.
fn unknown(cast: &Cast, frames: usize) -> Section {
    Section { head: head(older().generation().token(&peer(cast))), ..known(cast, frames) }
}

fn request(cast: &Cast, name: &str, expect: &str, sections: &[Section]) -> Vector {
    bytes(cast, name, expect, &encode(sections).unwrap())
}

fn bytes(cast: &Cast, name: &str, expect: &str, bytes: &[u8]) -> Vector {
    Vector::new(name, "meeting", expect)
        .hex("device key", cast.admin.sign.public())
        .hex("generation secret", cast.epoch.generation().expose())
        .hex("bytes", bytes)
}

fn requests(cast: &Cast) -> Vec<Vector> {
    let frames = |count| known(cast, count).frames;
    let make = |name: &str, sections: &[Section]| {
        let vector = request(cast, name, "ok", sections).hex("peer", peer(cast).as_bytes());
        vector.hexes("frame", sections.iter().flat_map(|section| section.frames.clone()))
    };
    let other = Section { frames: Vec::new(), ..known(cast, 0) };
    let says = lanes().into_iter().map(|(tag, next)| format!("{} {next}", hex(&tag)));
    let whole =
        says.fold(make("meeting", &[known(cast, 2)]), |vector, lane| vector.line("lane", lane));
    assert_eq!(frames(2).len(), 2);
    vec![
        whole,
        make("meeting_without_frames", &[known(cast, 0)]),
        make("meeting_by_an_older_generation", &[unknown(cast, 0), known(cast, 1)]),
        make("meeting_by_a_newer_generation", &[other, unknown(cast, 1)]),
    ]
}

fn hex(tag: &LaneTag) -> String {
    data_encoding::HEXLOWER.encode(tag.as_bytes())
}

fn rights(cast: &Cast) -> Vec<Vector> {
    let of_section = |name: &str, expect: &str, head: SectionHead| {
        request(cast, name, expect, &[Section { head, frames: Vec::new() }])
    };
    let own = || known(cast, 0).head;
    let token = |relay: Relay| cast.epoch.generation().token(&relay);
    let resume = Resume { cursor: 4, offset: 100, frame: FrameHash::new([8; 16]) };
    let whole = encode(&[known(cast, 1)]).unwrap();
    vec![
        request(cast, "meeting_of_a_stranger", NO_KEY, &[unknown(cast, 0)]),
        request(cast, "meeting_of_a_stranger_with_frames", NO_KEY, &[unknown(cast, 1)]),
        request(cast, "meeting_frames_too_early", NO_KEY, &[unknown(cast, 1), known(cast, 0)]),
        of_section("meeting_with_another_device", NO_KEY, head(token(Relay::of(&[66; 32])))),
        of_section("meeting_by_cursor", FOR_A_RELAY, SectionHead { cursor: 1, ..own() }),
        of_section(
            "meeting_by_digest",
            FOR_A_RELAY,
            SectionHead { basis: Basis::Digest(CursorDigest::default()), ..own() },
        ),
        of_section(
            "meeting_by_vector_and_digest",
            FOR_A_RELAY,
            SectionHead { basis: Basis::Vector(CursorDigest::new([1; 16]), lanes()), ..own() },
        ),
        of_section("meeting_for_packs", FOR_A_RELAY, SectionHead { basis: Basis::Loose, ..own() }),
        of_section(
            "meeting_for_chunks",
            FOR_A_RELAY,
            SectionHead { basis: Basis::Chunks(CursorDigest::default(), lanes()), ..own() },
        ),
        of_section(
            "meeting_with_an_admission",
            FOR_A_RELAY,
            SectionHead { admission: vec![1], ..own() },
        ),
        of_section(
            "meeting_inside_a_frame",
            FOR_A_RELAY,
            SectionHead { resume: Some(resume), ..own() },
        ),
        bytes(cast, "meeting_of_strangers", NO_KEY, &flip(&whole, 4)),
        bytes(cast, "meeting_cut", "ends too early", &whole[..whole.len() - 1]),
        bytes(cast, "meeting_trailing", "1 bytes too many", &[&whole[..], &[0]].concat()),
    ]
}

/// Two sections; two frames in the last.
fn asked(cast: &Cast) -> Vec<u8> {
    encode(&[unknown(cast, 0), known(cast, 2)]).unwrap()
}

fn answer(cast: &Cast, name: &str, expect: &str, parts: &[Part<'_>]) -> Vector {
    let mut bytes = START.to_vec();
    parts.iter().for_each(|part| part.encode(&mut bytes).unwrap());
    Vector::new(name, "meeting answer", expect).hex("request", asked(cast)).hex("bytes", bytes)
}

const END: Part<'static> = Part::End { cursor: 0, digest: CursorDigest::new([0; 16]) };
const SENT: [u8; 300] = [2; 300];

fn ack(index: u32, stored: Stored) -> Part<'static> {
    Part::Ack { index, stored, cursor: 0 }
}

fn answers(cast: &Cast) -> Vec<Vector> {
    let [new, known] = [ack(0, Stored::New), ack(1, Stored::Duplicate)];
    let frame = Part::Frame { cursor: 0, frame: &SENT };
    let parts = [Part::Section(0), END, Part::Section(1), new, known, frame, END, Part::Done];
    let plain = [
        Part::Section(0),
        END,
        Part::Section(1),
        ack(0, Stored::Full),
        ack(1, Stored::New),
        END,
        Part::Done,
    ];
    let mut unknown = START.to_vec();
    parts[..7].iter().for_each(|part| part.encode(&mut unknown).unwrap());
    unknown.extend([99, 2, 1, 1, 8, 0]);
    vec![
        answer(cast, "meeting_answer", "ok", &parts).hex("frame", SENT),
        answer(cast, "meeting_answer_full", "ok", &plain),
        Vector::new("meeting_answer_unknown_part", "meeting answer", "ok")
            .hex("request", asked(cast))
            .hex("bytes", unknown)
            .hex("frame", SENT),
        answer(cast, "meeting_answer_cut", "cut: whole parts count", &parts[..7]),
    ]
}

/// What a relay may say and a device may not, and what nobody may.
fn lies(cast: &Cast) -> Vec<Vector> {
    let digest = CursorDigest::new([4; 16]);
    let make = |name: &str, parts: &[Part<'_>]| {
        let last = [Part::Section(0), END, Part::Section(1)];
        let all: Vec<Part<'_>> = last.into_iter().chain(parts.iter().cloned()).collect();
        answer(cast, name, UNASKED, &all)
    };
    let frame = |cursor| Part::Frame { cursor, frame: &SENT };
    vec![
        make("meeting_answer_tail", &[Part::Tail { cursor: 0, offset: 100, rest: &SENT }]),
        make("meeting_answer_have", &[Part::Have(lanes())]),
        make("meeting_answer_need", &[Part::Need]),
        make(
            "meeting_answer_passed",
            &[Part::Passed { cursor: 0, digest: CursorDigest::default() }],
        ),
        make("meeting_answer_frame_at_a_cursor", &[frame(1)]),
        make(
            "meeting_answer_ack_at_a_cursor",
            &[Part::Ack { index: 0, stored: Stored::New, cursor: 1 }],
        ),
        make(
            "meeting_answer_end_at_a_cursor",
            &[Part::End { cursor: 1, digest: CursorDigest::default() }],
        ),
        make("meeting_answer_end_with_a_digest", &[Part::End { cursor: 0, digest }]),
        make("meeting_answer_ack_of_nothing", &[ack(2, Stored::New)]),
        make("meeting_answer_ack_twice", &[ack(0, Stored::New), ack(0, Stored::New)]),
        make("meeting_answer_frame_after_the_end", &[END, frame(0)]),
        make("meeting_answer_section_of_nothing", &[END, Part::Section(2), END]),
        answer(cast, "meeting_answer_frames_too_early", UNASKED, &[Part::Section(0), frame(0)]),
    ]
}

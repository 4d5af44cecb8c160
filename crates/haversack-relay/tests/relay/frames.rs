//! Frames, requests and answers to test with.

use haversack_relay::{Memory, Storage, exchange};
use haversack_wire::answer::{AnswerReader, Part};
use haversack_wire::limits::FRAME_MAX;
use haversack_wire::request::{self, Basis, Resume, Section, SectionHead};
use haversack_wire::{
    ChunkHeader, CursorDigest, Frame, FrameHash, KeyHint, LaneTag, Mailbox, RetireHash,
    RosterHeader, Token,
};

/// A lane tag named by a letter.
pub(crate) fn tag(name: char) -> LaneTag {
    LaneTag::new([name as u8; 8])
}

/// A chunk of 256 bytes on a lane; `fill` tells candidates apart.
pub(crate) fn chunk(name: char, sequence: u32, fill: u8) -> Vec<u8> {
    chunk_of(tag(name), sequence, fill, 256)
}

/// A chunk of any length.
pub(crate) fn chunk_of(tag: LaneTag, sequence: u32, fill: u8, length: usize) -> Vec<u8> {
    let sealed = vec![fill; length - ChunkHeader::LEN];
    let header = ChunkHeader {
        tag,
        sequence,
        length: sealed.len() as u16,
        nonce: [fill; 24],
        hint: KeyHint::default(),
    };
    [&header.encode()[..], &sealed].concat()
}

/// Chunks of one lane, as large as they may be.
pub(crate) fn large(count: u32) -> Vec<Vec<u8>> {
    (0..count).map(|n| chunk_of(tag('a'), n, 1, FRAME_MAX)).collect()
}

/// A roster segment.
pub(crate) fn roster(fill: u8) -> Vec<u8> {
    let sealed = vec![fill; 256 - RosterHeader::LEN];
    let header =
        RosterHeader { length: sealed.len() as u16, nonce: [fill; 24], hint: KeyHint::default() };
    [&header.encode()[..], &sealed].concat()
}

/// The mailbox of [`pull`] and [`push`].
pub(crate) fn mailbox() -> Mailbox {
    head().mailbox()
}

fn head() -> SectionHead {
    SectionHead {
        token: Token::new([1; 32]),
        retire: RetireHash::new([2; 32]),
        admission: Vec::new(),
        cursor: 0,
        basis: Basis::Digest(CursorDigest::default()),
        resume: None,
        frames: 0,
    }
}

/// A section that pushes, from a device that has nothing yet.
pub(crate) fn push(frames: &[Vec<u8>]) -> Section {
    Section { head: head(), frames: frames.to_vec() }
}

/// A section that pushes nothing, from a device that read these frames, all there were.
pub(crate) fn pull(known: &[Vec<u8>]) -> Section {
    from(known, push(&[]))
}

/// The section of a device that read these frames, all there were.
pub(crate) fn from(known: &[Vec<u8>], mut section: Section) -> Section {
    section.head.cursor = known.len() as u64;
    section.head.basis = Basis::Digest(digest(known));
    section
}

/// The section of a device that has this of each lane, whatever the relay counts.
pub(crate) fn with_vector(vector: &[(char, u32)], mut section: Section) -> Section {
    let vector = vector.iter().map(|(name, next)| (tag(*name), *next));
    section.head.basis = Basis::Vector(CursorDigest::default(), vector.collect());
    section.head.cursor = 1 << 48;
    section
}

/// The section of a device that read these frames, and has this of each lane.
pub(crate) fn beyond(known: &[Vec<u8>], vector: &[(char, u32)], section: Section) -> Section {
    let mut section = with_vector(vector, section);
    section.head.cursor = known.len() as u64;
    if let Basis::Vector(at_cursor, _) = &mut section.head.basis {
        *at_cursor = digest(known);
    }
    section
}

/// The section of a device that has the first bytes of the frame at a cursor.
pub(crate) fn resuming(cursor: u64, frame: &[u8], offset: u32, mut section: Section) -> Section {
    let start = &frame[..frame.len().min(offset as usize)];
    section.head.resume = Some(Resume { cursor, offset, frame: FrameHash::of(start) });
    section
}

/// The section, at another mailbox.
pub(crate) fn elsewhere(token: u8, mut section: Section) -> Section {
    section.head.token = Token::new([token; 32]);
    section
}

/// A storage in which these frames were pushed.
pub(crate) fn holding(frames: &[Vec<u8>]) -> Memory {
    let storage = Memory::new();
    exchange(&storage, &request(&[push(frames)])).unwrap();
    storage
}

/// How many frames were stored.
pub(crate) fn cursor(storage: &Memory) -> u64 {
    storage.head(mailbox()).unwrap().cursor
}

/// dₙ over frames.
pub(crate) fn digest(frames: &[Vec<u8>]) -> CursorDigest {
    let start = CursorDigest::default();
    frames.iter().fold(start, |digest, frame| digest.next(FrameHash::of(frame)))
}

/// A request's bytes.
pub(crate) fn request(sections: &[Section]) -> Vec<u8> {
    request::encode(sections).unwrap()
}

/// Exchanges, and tells the answer's parts.
pub(crate) fn tell(storage: &dyn Storage, sections: &[Section]) -> String {
    told(&exchange(storage, &request(sections)).unwrap())
}

/// An answer's parts, one a line; the last says whether it was cut.
pub(crate) fn told(answer: &[u8]) -> String {
    let mut reader = AnswerReader::new();
    reader.feed(answer);
    let mut lines = Vec::new();
    while let Some(part) = reader.next_part().unwrap() {
        lines.push(tell_part(&part));
    }
    if !reader.is_done() {
        lines.push("(cut)".into());
    }
    lines.join("\n")
}

/// The frames of an answer.
pub(crate) fn frames_of(answer: &[u8]) -> Vec<Vec<u8>> {
    let mut reader = AnswerReader::new();
    reader.feed(answer);
    let mut frames = Vec::new();
    while let Some(part) = reader.next_part().unwrap() {
        if let Part::Frame { frame, .. } = part {
            frames.push(frame.to_vec());
        }
    }
    assert!(reader.is_done());
    frames
}

fn tell_part(part: &Part<'_>) -> String {
    match part {
        Part::Frame { cursor, frame } => format!("Frame {cursor}: {}", tell_frame(frame)),
        Part::Tail { cursor, offset, rest } => {
            format!("Tail {cursor}: {} bytes from {offset}", rest.len())
        }
        Part::Ack { index, stored, cursor } => format!("Ack {index}: {stored:?} {cursor}"),
        Part::Have(lanes) => {
            let tell =
                |(tag, next): &(LaneTag, u32)| format!(" {}<{next}", tag.as_bytes()[0] as char);
            format!("Have{}", lanes.iter().map(tell).collect::<String>())
        }
        Part::Passed { cursor, digest } => format!("Passed {cursor} {digest:?}"),
        Part::End { cursor, digest } => format!("End {cursor} {digest:?}"),
        other => format!("{other:?}"),
    }
}

fn tell_frame(frame: &[u8]) -> String {
    match Frame::parse(frame).unwrap() {
        Frame::Chunk(header, sealed) => {
            let name = header.tag.as_bytes()[0] as char;
            format!("{name}{} of {:?}", header.sequence, sealed[0])
        }
        other => format!("{:?}", other.kind()),
    }
}

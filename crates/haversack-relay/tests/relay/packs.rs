//! Packs and retires: who gets which frames, what is dropped, and what stays of it. Over every storage alike.

use haversack_relay::{DataDir, Intake, Memory, Sqlite, Storage, exchange};
use haversack_wire::hash::{Label, derive};
use haversack_wire::limits::FRAME_MAX;
use haversack_wire::request::{Basis, NO_CURSOR, Section};
use haversack_wire::{CursorDigest, FrameHash, KeyHint, PackHeader, Retire, RetireHash};

use crate::frames::{
    chunk, chunk_of, digest, frames_of, push, request, roster, tag, told, with_vector,
};

const PREIMAGE: [u8; 32] = [77; 32];

/// A part of a pack.
fn part(fill: u8) -> Vec<u8> {
    part_of(fill, 256 - PackHeader::LEN as u16)
}

fn part_of(fill: u8, length: u16) -> Vec<u8> {
    let header =
        PackHeader { manifest: false, length, nonce: [fill; 24], hint: KeyHint::default() };
    [&header.encode()[..], &vec![fill; length.into()]].concat()
}

fn retire(preimage: [u8; 32], next: u32, frames: &[Vec<u8>]) -> Vec<u8> {
    let mut frames: Vec<FrameHash> = frames.iter().map(|frame| FrameHash::of(frame)).collect();
    frames.sort();
    Retire { preimage, lanes: vec![(tag('a'), next)], frames }.encode().unwrap()
}

/// The section, at the mailbox whose retire hash has the known preimage.
fn at_ours(mut section: Section) -> Section {
    section.head.retire = RetireHash::new(derive(Label::RETIRE, &[&PREIMAGE]));
    section
}

fn loose(cursor: u64) -> Section {
    let mut section = at_ours(push(&[]));
    (section.head.cursor, section.head.basis) = (cursor, Basis::Loose);
    section
}

/// What an answer says: cursors of frames, and everything else but its ends.
fn tell(storage: &dyn Storage, section: Section) -> String {
    let told = told(&exchange(storage, &request(&[section])).unwrap());
    let is_end = |line: &&str| ["Section", "End", "Done"].iter().any(|end| line.starts_with(end));
    let lines = told.lines().map(str::trim).filter(|line| !line.is_empty() && !is_end(line));
    let short = |line: &str| match (line.strip_prefix("Frame "), line.strip_prefix("Passed ")) {
        (Some(frame), _) => frame.split(':').next().unwrap_or_default().to_owned(),
        (None, Some(passed)) => format!("-{}", passed.split(' ').next().unwrap_or_default()),
        (None, None) => line.to_owned(),
    };
    lines.map(short).collect::<Vec<_>>().join(" ")
}

/// Runs a check over every storage.
fn on_all(check: impl Fn(&dyn Storage)) {
    check(&Memory::new());
    let folder = tempfile::tempdir().unwrap();
    check(&Sqlite::open(DataDir::lock(folder.path()).unwrap()).unwrap());
}

#[test]
fn parts_of_packs_go_to_whoever_asks_for_them() {
    on_all(|storage| {
        let frames = [chunk('a', 0, 1), roster(2), part(3), chunk('a', 1, 4)];
        tell(storage, at_ours(push(&frames)));
        assert_eq!(tell(storage, at_ours(push(&[]))), "1 2 -3 4");
        let asked = |basis: fn(CursorDigest, Vec<_>) -> Basis, cursor: usize| {
            let mut section = at_ours(push(&[]));
            let known = digest(&frames[..cursor.min(frames.len())]);
            let (cursor, digest) = if cursor > frames.len() {
                (NO_CURSOR, Default::default())
            } else {
                (cursor as u64, known)
            };
            (section.head.cursor, section.head.basis) =
                (cursor, basis(digest, vec![(tag('a'), 1)]));
            section
        };
        assert_eq!(tell(storage, loose(0)), "2 3 Have a<2");
        assert_eq!(tell(storage, loose(2)), "3 Have a<2");
        assert_eq!(tell(storage, loose(9)), "Need");
        // With a vector everything after the cursor comes; up to it chunks beyond the vector, and what is no chunk.
        assert_eq!(tell(storage, asked(Basis::Vector, 2)), "2 -3 4 Have a<2");
        assert_eq!(tell(storage, asked(Basis::Vector, 9)), "2 4 Have a<2");
        // Who asks for chunks has the rest up to the cursor.
        assert_eq!(tell(storage, asked(Basis::Chunks, 0)), "1 2 -3 4 Have a<2");
        assert_eq!(tell(storage, asked(Basis::Chunks, 4)), "4 Have a<2");
    });
}

#[test]
fn a_retire_drops_at_the_next_one_and_leaves_cursors_as_they_were() {
    on_all(|storage| {
        let frames = [chunk('a', 0, 1), chunk('a', 1, 2), part(3), chunk('a', 2, 4)];
        tell(storage, at_ours(push(&frames)));
        let first = retire(PREIMAGE, 2, &[part(3)]);
        assert_eq!(
            tell(storage, at_ours(push(std::slice::from_ref(&first)))),
            "Ack 0: New 0 1 2 -3 4"
        );
        // The pack's part is gone at once; whoever reads chunks reads them to the end.
        assert_eq!(tell(storage, loose(0)), "Have a<3");
        // The same once more is not another one.
        assert_eq!(tell(storage, at_ours(push(&[first]))), "Ack 0: New 0 1 2 -3 4");
        let second = retire(PREIMAGE, 3, &[]);
        assert_eq!(tell(storage, at_ours(push(&[second]))), "Ack 0: New 0 -3 4");
        assert_eq!(tell(storage, at_ours(with_vector(&[], push(&[])))), "4 Have a<3");
        // What was dropped is a duplicate still.
        assert_eq!(tell(storage, at_ours(push(&frames[..1]))), "Ack 0: Duplicate 1 -3 4");
        // The digest runs over what was dropped.
        let mut idle = at_ours(push(&[]));
        let digest = frames.iter().fold(CursorDigest::default(), |d, f| d.next(FrameHash::of(f)));
        (idle.head.cursor, idle.head.basis) = (4, Basis::Digest(digest));
        assert_eq!(tell(storage, idle), "");
    });
}

/// What is dropped between the page that looked at it and the one that was to bring it is passed over, not sent as something else.
#[test]
fn what_is_dropped_while_it_is_being_sent_is_passed_over() {
    on_all(|storage| {
        let parts: Vec<Vec<u8>> = (0..10).map(|n| part_of(n, 30_000)).collect();
        tell(storage, at_ours(push(&parts)));
        let chunks: Vec<Vec<u8>> =
            (0..10).map(|n| chunk_of(tag('a'), n, n as u8, FRAME_MAX)).collect();
        tell(storage, at_ours(push(&chunks)));
        // It takes two to drop chunks.
        tell(storage, at_ours(push(&[retire(PREIMAGE, 1, &[])])));
        let mut dropped = vec![retire(PREIMAGE, 10, &parts)];
        for section in [loose(0), at_ours(push(&[]))] {
            let asked = request(&[section]);
            let mut answer = Intake::new().feed(storage, &asked).unwrap().finish(storage).unwrap();
            let mut all = answer.next_page(storage).unwrap().unwrap();
            dropped.drain(..).for_each(|frame| drop(tell(storage, at_ours(push(&[frame])))));
            while let Some(page) = answer.next_page(storage).unwrap() {
                all.extend(page);
            }
            let frames = frames_of(&all);
            assert!(frames.len() > 2 && frames.len() < 10, "{}", frames.len());
            assert!(frames.iter().all(|frame| parts.contains(frame) || chunks.contains(frame)));
            dropped.push(retire(PREIMAGE, 9, &[]));
        }
    });
}

#[test]
fn a_retire_without_its_proof_does_nothing() {
    on_all(|storage| {
        let frames = [chunk('a', 0, 1), part(3)];
        tell(storage, at_ours(push(&frames)));
        for next in [1, 2] {
            let forged = retire([1; 32], next, &[part(3)]);
            assert_eq!(tell(storage, at_ours(push(&[forged]))), "Ack 0: Full 0 1 -2");
        }
        assert_eq!(tell(storage, loose(0)), "2 Have a<1");
    });
}

#[test]
fn what_was_dropped_stays_dropped_after_a_start() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Sqlite::open(DataDir::lock(folder.path()).unwrap()).unwrap();
    let storage = open();
    tell(&storage, at_ours(push(&[chunk('a', 0, 1), part(2)])));
    tell(&storage, at_ours(push(&[retire(PREIMAGE, 1, &[part(2)])])));
    drop(storage);
    let storage = open();
    tell(&storage, at_ours(push(&[retire(PREIMAGE, 2, &[])])));
    assert_eq!(tell(&storage, at_ours(push(&[]))), "-2");
    assert_eq!(tell(&storage, loose(0)), "Have a<1");
}

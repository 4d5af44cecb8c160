//! How much the machine takes, and how much of it it holds.

use std::sync::atomic::{AtomicUsize, Ordering};

use haversack_relay::{
    BATCH_BYTES, Error, Incoming, Intake, Layer, Memory, PAGE_BYTES, Receipt, Refusal, Storage,
    exchange,
};
use haversack_wire::limits::{FRAME_MAX, REQUEST_MAX};
use haversack_wire::request::{Basis, NO_CURSOR};
use haversack_wire::{CursorDigest, Mailbox};

use crate::frames::{
    chunk_of, cursor, digest, frames_of, holding, large, pull, push, request, roster, tag, told,
};

#[test]
fn too_many_frames_are_refused_before_they_are_read() {
    let frame = vec![99, 1];
    let sections = [push(&vec![frame.clone(); 4_000]), push(&vec![frame; 97])];
    let storage = Memory::new();
    let refused = exchange(&storage, &request(&sections)).unwrap_err();
    insta::assert_debug_snapshot!(refused, @r#"
    Malformed(
        Limit {
            what: "frames",
            found: 4097,
            limit: 4096,
        },
    )
    "#);
    assert_eq!(cursor(&storage), 1);
}

#[test]
fn a_request_may_not_be_longer_than_its_maximum() {
    let section = push(&vec![chunk_of(tag('a'), 0, 1, FRAME_MAX); 512]);
    let bytes = request(&[section]);
    assert!(bytes.len() > REQUEST_MAX);
    let storage = Memory::new();
    let feed = |length: usize| Intake::new().feed(&storage, &bytes[..length]).map(drop);
    assert!(matches!(feed(REQUEST_MAX), Ok(())));
    assert!(matches!(feed(REQUEST_MAX + 1), Err(Refusal::TooLarge)));
}

/// Measures what passes, and fails after a number of reads.
struct Watched {
    inner: Memory,
    pushed_bytes_max: AtomicUsize,
    read_bytes_max: AtomicUsize,
    reads_left: AtomicUsize,
}

impl Watched {
    fn new(inner: Memory, reads: usize) -> Self {
        Self {
            inner,
            pushed_bytes_max: AtomicUsize::new(0),
            read_bytes_max: AtomicUsize::new(0),
            reads_left: AtomicUsize::new(reads),
        }
    }
}

impl Layer for Watched {
    fn below(&self) -> &dyn Storage {
        &self.inner
    }

    fn store(&self, mailbox: Mailbox, frames: Vec<Incoming>) -> Result<Vec<Receipt>, Error> {
        let bytes = frames.iter().map(|frame| frame.bytes().len()).sum();
        self.pushed_bytes_max.fetch_max(bytes, Ordering::Relaxed);
        self.inner.push(mailbox, frames)
    }

    fn read(&self, mailbox: Mailbox, cursors: &[u64]) -> Result<Vec<Vec<u8>>, Error> {
        let frames = self.inner.frames(mailbox, cursors)?;
        let bytes = frames.iter().map(Vec::len).sum();
        self.read_bytes_max.fetch_max(bytes, Ordering::Relaxed);
        let left = self.reads_left.fetch_sub(1, Ordering::Relaxed);
        if left == 0 {
            return Err(Error::NoRoom);
        }
        Ok(frames)
    }
}

#[test]
fn neither_way_is_held_whole() {
    let frames = large(100);
    let storage = Watched::new(Memory::new(), usize::MAX);
    exchange(&storage, &request(&[push(&frames)])).unwrap();
    let intake = Intake::new().feed(&storage, &request(&[pull(&[])])).unwrap();
    let mut answer = intake.finish(&storage).unwrap();
    let (mut all, mut pages) = (Vec::new(), 0);
    while let Some(page) = answer.next_page(&storage).unwrap() {
        assert!(page.len() <= PAGE_BYTES + FRAME_MAX + 64);
        all.extend(page);
        pages += 1;
    }
    assert!(answer.is_done() && pages > 20, "{pages}");
    assert_eq!(frames_of(&all), frames);
    assert!(storage.pushed_bytes_max.into_inner() <= BATCH_BYTES + FRAME_MAX);
    assert!(storage.read_bytes_max.into_inner() <= PAGE_BYTES);
}

/// Of much that is not for a device, a page looks at a part: between pages whoever hung up is let go of.
#[test]
fn a_page_looks_at_so_much_and_no_more() {
    let storage = Memory::new();
    for round in 0..9_u8 {
        let frames: Vec<Vec<u8>> =
            (0..4_096_u16).map(|n| [&[99, 1, round], &n.to_le_bytes()[..]].concat()).collect();
        exchange(&storage, &request(&[push(&frames)])).unwrap();
    }
    let mut section = push(&[]);
    (section.head.cursor, section.head.basis) =
        (NO_CURSOR, Basis::Chunks(CursorDigest::default(), Vec::new()));
    let intake = Intake::new().feed(&storage, &request(&[section])).unwrap();
    let mut answer = intake.finish(&storage).unwrap();
    let (mut all, mut pages) = (Vec::new(), 0);
    while let Some(page) = answer.next_page(&storage).unwrap() {
        all.extend(page);
        pages += 1;
    }
    assert!(pages > 1, "{pages}");
    assert!(told(&all).contains(&format!("End {} ", 9 * 4_096)), "{}", told(&all));
}

#[test]
fn what_arrives_meanwhile_is_for_the_next_time() {
    let frames = large(10);
    let storage = holding(&frames);
    let intake = Intake::new().feed(&storage, &request(&[pull(&[])])).unwrap();
    let mut answer = intake.finish(&storage).unwrap();
    let mut all = answer.next_page(&storage).unwrap().unwrap();
    exchange(&storage, &request(&[push(&[roster(1)])])).unwrap();
    while let Some(page) = answer.next_page(&storage).unwrap() {
        all.extend(page);
    }
    assert_eq!(frames_of(&all), frames);
    assert!(told(&all).contains(&format!("End 10 {:?}", digest(&frames))));
}

#[test]
fn an_answer_without_its_storage_is_cut() {
    let storage = Watched::new(holding(&large(10)), 2);
    let intake = Intake::new().feed(&storage, &request(&[pull(&[])])).unwrap();
    let mut answer = intake.finish(&storage).unwrap();
    let mut all = Vec::new();
    let refusal = loop {
        match answer.next_page(&storage) {
            Ok(page) => all.extend(page.unwrap()),
            Err(refusal) => break refusal,
        }
    };
    insta::assert_debug_snapshot!(refusal, @r"
    Unavailable(
        NoRoom,
    )
    ");
    assert!(told(&all).ends_with("(cut)"));
}

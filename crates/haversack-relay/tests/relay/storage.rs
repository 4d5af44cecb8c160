//! What every storage must do, and what SQLite does besides.

use std::thread;

use haversack_relay::{
    DataDir, Entry, Error, Head, Incoming, Memory, Place, Receipt, Sqlite, Storage,
};
use haversack_wire::limits::LANES_MAX;
use haversack_wire::{CursorDigest, LaneTag, Mailbox};

use crate::frames::{chunk, chunk_of, digest, roster, tag};

fn mailbox(name: u8) -> Mailbox {
    Mailbox::new([name; 16])
}

fn push(storage: &dyn Storage, name: u8, frames: &[Vec<u8>]) -> Vec<Receipt> {
    let incoming = frames.iter().map(|frame| Incoming::parse(frame.clone()).unwrap());
    storage.push(mailbox(name), incoming.collect()).unwrap()
}

/// What every storage must do. Uses up mailboxes 1 to 9.
fn check(storage: &dyn Storage) {
    nothing_is_an_empty_mailbox(storage, mailbox(1));
    frames_come_back(storage);
    nothing_is_stored_twice(storage);
    squatters_do_not_shadow(storage);
    gaps_are_not_had(storage);
    lanes_are_counted(storage);
    pushes_at_once_are_in_some_order(storage);
    mailboxes_are_apart(storage);
    nothing_is_an_empty_mailbox(storage, mailbox(9));
}

fn nothing_is_an_empty_mailbox(storage: &dyn Storage, mailbox: Mailbox) {
    assert_eq!(storage.push(mailbox, Vec::new()).unwrap(), []);
    assert_eq!(storage.head(mailbox).unwrap(), Head::default());
    assert_eq!(storage.digest_at(mailbox, 0).unwrap(), Some(CursorDigest::default()));
    assert_eq!(storage.digest_at(mailbox, 1).unwrap(), None);
    assert_eq!(storage.have(mailbox).unwrap(), []);
    assert_eq!(storage.entries(mailbox, 1..=u64::MAX, 10).unwrap(), []);
    assert_eq!(storage.frames(mailbox, &[]).unwrap(), Vec::<Vec<u8>>::new());
    assert!(storage.frames(mailbox, &[1]).is_err());
}

fn frames_come_back(storage: &dyn Storage) {
    let large = chunk_of(tag('a'), 1, 7, 32_768);
    let frames = [chunk('a', 0, 1), roster(2), large, vec![99, 1], chunk('b', 0, 3)];
    assert_eq!(push(storage, 2, &frames[..2]), [Receipt::New(1), Receipt::New(2)]);
    let receipts = push(storage, 2, &frames[2..]);
    assert_eq!(receipts, [Receipt::New(3), Receipt::New(4), Receipt::New(5)]);

    let at = mailbox(2);
    let head = Head { cursor: 5, digest: digest(&frames) };
    assert_eq!(storage.head(at).unwrap(), head);
    for cursor in 0..=5 {
        let expect = digest(&frames[..cursor]);
        assert_eq!(storage.digest_at(at, cursor as u64).unwrap(), Some(expect));
    }
    for beyond in [6, u64::MAX] {
        assert_eq!(storage.digest_at(at, beyond).unwrap(), None);
    }
    assert_eq!(
        storage.frames(at, &[3, 1, 4]).unwrap(),
        [2, 0, 3].map(|n: usize| frames[n].clone())
    );
    check_entries(storage, at);
}

fn check_entries(storage: &dyn Storage, at: Mailbox) {
    let entry = |cursor, place, length| Entry { cursor, place, length };
    let all = [
        entry(1, Place::Lane(tag('a'), 0), 256),
        entry(2, Place::Loose, 256),
        entry(3, Place::Lane(tag('a'), 1), 32_768),
        entry(4, Place::Loose, 2),
        entry(5, Place::Lane(tag('b'), 0), 256),
    ];
    assert_eq!(storage.entries(at, 1..=u64::MAX, 10).unwrap(), all);
    assert_eq!(storage.entries(at, 2..=4, 10).unwrap(), all[1..4]);
    assert_eq!(storage.entries(at, 2..=4, 2).unwrap(), all[1..3]);
    assert_eq!(storage.entries(at, 6..=9, 10).unwrap(), []);
    assert_eq!(storage.entries(at, u64::MAX..=u64::MAX, 10).unwrap(), []);
}

fn nothing_is_stored_twice(storage: &dyn Storage) {
    let frames = [chunk('a', 0, 1), roster(1), vec![99, 1]];
    let twice = [&frames[..], &frames[..]].concat();
    let expect = [
        Receipt::New(1),
        Receipt::New(2),
        Receipt::New(3),
        Receipt::Duplicate(1),
        Receipt::Duplicate(2),
        Receipt::Duplicate(3),
    ];
    assert_eq!(push(storage, 3, &twice), expect);
    assert_eq!(push(storage, 3, &frames), expect[3..]);
    assert_eq!(storage.head(mailbox(3)).unwrap().digest, digest(&frames));
}

fn squatters_do_not_shadow(storage: &dyn Storage) {
    let squat: Vec<_> = (1..=5).map(|fill| chunk('a', 0, fill)).collect();
    let receipts = push(storage, 4, &squat);
    assert_eq!(receipts[3..], [Receipt::New(4), Receipt::Full]);
    let again = push(storage, 4, &[squat[4].clone(), squat[1].clone(), chunk('a', 1, 1)]);
    assert_eq!(again, [Receipt::Full, Receipt::Duplicate(2), Receipt::New(5)]);
}

fn gaps_are_not_had(storage: &dyn Storage) {
    let have = || storage.have(mailbox(5)).unwrap();
    push(storage, 5, &[chunk('b', 2, 1), chunk('b', 1, 1), chunk('a', 1, 1)]);
    assert_eq!(have(), []);
    push(storage, 5, &[chunk('b', 0, 1), chunk('b', 4, 1)]);
    assert_eq!(have(), [(tag('b'), 3)]);
    push(storage, 5, &[chunk('b', 3, 1), chunk('b', 3, 2), chunk('a', 0, 1)]);
    assert_eq!(have(), [(tag('a'), 2), (tag('b'), 5)]);
    push(storage, 5, &[chunk('a', u32::MAX, 1)]);
    assert_eq!(have(), [(tag('a'), 2), (tag('b'), 5)]);
}

fn lanes_are_counted(storage: &dyn Storage) {
    let lane =
        |n: usize, sequence| chunk_of(LaneTag::new((n as u64).to_be_bytes()), sequence, 1, 256);
    let first: Vec<_> = (0..LANES_MAX - 1).map(|n| lane(n, 0)).collect();
    assert!(push(storage, 6, &first).iter().all(|receipt| *receipt != Receipt::Full));
    let last = [lane(LANES_MAX - 1, 0), lane(LANES_MAX, 0), lane(0, 1), roster(1)];
    let at = LANES_MAX as u64;
    let expect = [Receipt::New(at), Receipt::Full, Receipt::New(at + 1), Receipt::New(at + 2)];
    assert_eq!(push(storage, 6, &last), expect);
    assert_eq!(push(storage, 6, &[lane(LANES_MAX + 1, 0)]), [Receipt::Full]);
    assert_eq!(storage.have(mailbox(6)).unwrap().len(), LANES_MAX);
}

fn pushes_at_once_are_in_some_order(storage: &dyn Storage) {
    const EACH: u32 = 20;
    thread::scope(|scope| {
        for name in 'a'..='h' {
            scope.spawn(move || {
                for sequence in 0..EACH {
                    push(storage, 7, &[chunk(name, sequence, 1), roster(sequence as u8)]);
                }
            });
        }
    });
    let at = mailbox(7);
    let head = storage.head(at).unwrap();
    assert_eq!(head.cursor, u64::from(EACH * 8 + EACH));
    let cursors: Vec<_> = (1..=head.cursor).collect();
    assert_eq!(digest(&storage.frames(at, &cursors).unwrap()), head.digest);
    assert_eq!(
        storage.have(at).unwrap(),
        ('a'..='h').map(|name| (tag(name), EACH)).collect::<Vec<_>>()
    );
}

fn mailboxes_are_apart(storage: &dyn Storage) {
    let frame = [chunk('a', 0, 1)];
    assert_eq!(push(storage, 8, &frame), [Receipt::New(1)]);
    assert_eq!(push(storage, 3, &frame), [Receipt::Duplicate(1)]);
    assert_eq!(storage.head(mailbox(8)).unwrap().digest, digest(&frame));
}

#[test]
fn memory() {
    check(&Memory::new());
}

#[test]
fn sqlite() {
    let temp = tempfile::tempdir().unwrap();
    check(&Sqlite::open(DataDir::lock(temp.path()).unwrap()).unwrap());
}

#[test]
fn sqlite_keeps_what_it_confirmed() {
    let temp = tempfile::tempdir().unwrap();
    let open = || Sqlite::open(DataDir::lock(temp.path()).unwrap()).unwrap();
    push(&open(), 1, &[chunk('a', 0, 1)]);
    push(&open(), 1, &[chunk('a', 1, 1)]);
    let storage = open();
    assert_eq!(storage.have(mailbox(1)).unwrap(), [(tag('a'), 2)]);
    assert_eq!(push(&storage, 1, &[chunk('a', 0, 1)]), [Receipt::Duplicate(1)]);
}

/// What a kill leaves behind is the files as they are while the relay runs.
#[test]
fn sqlite_survives_a_kill() {
    let temp = tempfile::tempdir().unwrap();
    let running = Sqlite::open(DataDir::lock(&temp.path().join("live")).unwrap()).unwrap();
    push(&running, 1, &[chunk('a', 0, 1), chunk('b', 0, 1)]);
    let after = temp.path().join("after");
    std::fs::create_dir(&after).unwrap();
    for name in ["relay.db", "relay.db-wal"] {
        std::fs::copy(temp.path().join("live").join(name), after.join(name)).unwrap();
    }
    let revived = Sqlite::open(DataDir::lock(&after).unwrap()).unwrap();
    let head = |storage: &Sqlite| storage.head(mailbox(1)).unwrap();
    assert_eq!(head(&revived), head(&running));
    assert_eq!(head(&revived).cursor, 2);
}

#[test]
fn sqlite_refuses_and_keeps_what_is_not_its_own() {
    let temp = tempfile::tempdir().unwrap();
    let file = temp.path().join("relay.db");
    let garbage = vec![b'?'; 8_192];
    std::fs::write(&file, &garbage).unwrap();
    let refused = Sqlite::open(DataDir::lock(temp.path()).unwrap());
    assert!(matches!(refused, Err(Error::Damaged { .. })), "{refused:?}");
    assert_eq!(std::fs::read(&file).unwrap(), garbage);
}

#[test]
fn sqlite_tells_of_damage_and_goes_on() {
    let temp = tempfile::tempdir().unwrap();
    let storage = Sqlite::open(DataDir::lock(temp.path()).unwrap()).unwrap();
    let frames: Vec<_> = (0..64).map(|n| chunk_of(tag('a'), n, 1, 32_768)).collect();
    push(&storage, 1, &frames);
    drop(storage);
    let file = temp.path().join("relay.db");
    let mut bytes = std::fs::read(&file).unwrap();
    let half = bytes.len() / 2;
    bytes.truncate(half);
    std::fs::write(&file, bytes).unwrap();
    if let Ok(storage) = Sqlite::open(DataDir::lock(temp.path()).unwrap()) {
        let cursors: Vec<_> = (1..=64).collect();
        let read = storage.frames(mailbox(1), &cursors);
        assert!(matches!(read, Err(Error::Damaged { .. })), "{read:?}");
    }
}

#[test]
fn no_name_in_the_file_tells_what_it_is_for() {
    let temp = tempfile::tempdir().unwrap();
    let storage = Sqlite::open(DataDir::lock(temp.path()).unwrap()).unwrap();
    push(&storage, 1, &[chunk('a', 0, 1)]);
    drop(storage);
    let bytes = std::fs::read(temp.path().join("relay.db")).unwrap();
    let text = String::from_utf8_lossy(&bytes).to_lowercase();
    for word in ["client", "outreach", "outing", "drug", "needle", "contact", "haversack"] {
        assert!(!text.contains(word), "{word}");
    }
}

//! What a relay can say that is not so, one by one.

mod answers;
mod frames;
mod splices;

use std::panic::{AssertUnwindSafe, catch_unwind};

use haversack_core::Fault;
use haversack_relay::{Head, Memory, Storage, exchange};
use haversack_wire::answer::Stored;
use haversack_wire::{ChunkHeader, CursorDigest, Frame, FrameHash, KeyHint, LaneTag, Mailbox};

use super::world::{Lie, Said, World, said, saying};
use answers::{CONFUSED, SILENT};
use frames::{CROWDING, FORGING, PAST};
use splices::SPLICES;

/// What an honest relay says, changed.
fn changed(w: &mut World, request: &[u8], change: impl FnOnce(&mut Vec<Said>)) -> Option<Vec<u8>> {
    let mut all = said(&w.honest(request));
    change(&mut all);
    Some(saying(&all))
}

fn is_frame(said: &Said) -> bool {
    matches!(said, Said::Frame(..))
}

/// Changes the bytes of each frame.
fn framed(w: &mut World, request: &[u8], change: impl Fn(usize, &mut Vec<u8>)) -> Option<Vec<u8>> {
    changed(w, request, |all| {
        let frames = all.iter_mut().filter_map(|said| match said {
            Said::Frame(_, frame) => Some(frame),
            _ => None,
        });
        frames.enumerate().for_each(|(n, frame)| change(n, frame));
    })
}

/// Says something else at the end of each mailbox.
fn ending(
    w: &mut World,
    request: &[u8],
    change: impl Fn(&mut u64, &mut CursorDigest),
) -> Option<Vec<u8>> {
    changed(w, request, |all| {
        for said in all {
            if let Said::End(cursor, digest) = said {
                change(cursor, digest);
            }
        }
    })
}

/// Puts something in front of the end of each mailbox.
fn adding(w: &mut World, request: &[u8], more: &[Said]) -> Option<Vec<u8>> {
    changed(w, request, |all| {
        let ends = all.iter().position(|said| matches!(said, Said::End(..) | Said::Need));
        all.splice(ends.unwrap()..ends.unwrap(), more.iter().cloned());
    })
}

fn garbage(tag: LaneTag, sequence: u32, n: u32) -> Vec<u8> {
    let mut nonce = [n as u8; 24];
    nonce[..4].copy_from_slice(&n.to_le_bytes());
    let header =
        ChunkHeader { tag, sequence, length: 212, nonce, hint: KeyHint::new([n as u8; 4]) };
    [&header.encode()[..], &[n as u8; 212]].concat()
}

/// Puts so many frames of garbage behind the last chunk of every lane, so far on.
fn squat(w: &mut World, candidates: u32, ahead: u32) {
    let mailboxes: Vec<Mailbox> = w.mailboxes.iter().copied().collect();
    for mailbox in mailboxes {
        for (tag, next) in w.fleet.relay.have(mailbox).unwrap() {
            let at = |n| haversack_relay::Incoming::parse(garbage(tag, next + ahead, n)).unwrap();
            w.fleet.relay.push(mailbox, (0..candidates).map(at).collect()).unwrap();
        }
    }
}

/// A relay that answers from another memory, which it made when it began to lie.
fn from_other(
    w: &mut World,
    request: &[u8],
    make: impl FnOnce(&World) -> Memory,
) -> Option<Vec<u8>> {
    if w.others.is_empty() {
        let other = make(w);
        w.others.push(other);
    }
    Some(exchange(&w.others[0], request).unwrap())
}

/// Loses everything but the first frames of each mailbox, for good.
fn roll_back(w: &mut World, keep: u64) {
    let older = Memory::new();
    for mailbox in w.mailboxes.clone() {
        let frames = w.frames(mailbox).into_iter().take(keep as usize).collect();
        older.push(mailbox, frames).unwrap();
    }
    w.fleet.relay = older;
}

fn check(lies: &[(&str, Lie, Option<Fault>)]) {
    check_in(World::new, lies);
}

fn check_in(new: fn() -> World, lies: &[(&str, Lie, Option<Fault>)]) {
    let mut world = new();
    let mut failed = Vec::new();
    for (name, lie, expect) in lies {
        let checked = catch_unwind(AssertUnwindSafe(|| world.check(name, *lie, *expect)));
        if checked.is_err() {
            failed.push(*name);
            world = new();
        }
    }
    assert!(failed.is_empty(), "{failed:?}");
}

#[test]
fn a_relay_that_is_silent_or_leaves_things_out() {
    check(SILENT);
}

#[test]
fn a_relay_that_gets_everything_wrong() {
    check(CONFUSED);
}

#[test]
fn a_relay_that_forges() {
    check(FORGING);
}

#[test]
fn a_relay_that_forgets_and_repeats() {
    check(PAST);
}

#[test]
fn a_relay_that_crowds_out() {
    check(CROWDING);
}

#[test]
fn a_relay_that_splices_mailboxes_and_epochs() {
    check_in(World::moved, SPLICES);
}

#[test]
fn there_are_enough_of_them() {
    let all = [SILENT, CONFUSED, FORGING, PAST, CROWDING, SPLICES].concat();
    let names: std::collections::BTreeSet<&str> = all.iter().map(|(name, ..)| *name).collect();
    assert_eq!(names.len(), all.len());
    assert!(all.len() >= 40, "{}", all.len());
}

//! Both halves of an exchange with another device.

use std::collections::{BTreeMap, BTreeSet};

use haversack_wire::request::{Event, RequestReader, Section};
use haversack_wire::{CursorDigest, Epoch, FrameHash, Generation, Relay};

use super::super::vector::Vector;
use super::Read;
use super::words::{of, wire};
use crate::crypto::GenerationSecret;
use crate::engine::{Answering, Asked};
use crate::sync::exchange::{Exchange, MailboxTrail, Pushed, Step};

pub(super) fn request(vector: &Vector) -> Read {
    let me = Relay::of(&vector.array("device key"));
    let secret = GenerationSecret::new(vector.array("generation secret"));
    let secrets = BTreeMap::from([(Generation::new([1; 16]), secret)]);
    let (mut answering, mut frames) = (Answering::new(), Vec::new());
    answering.feed(&vector.bytes("bytes"));
    while let Some(asked) = answering.next(&me, &secrets).map_err(|error| of(&error))? {
        if let Asked::Frame(frame) = asked {
            frames.push(frame);
        }
    }
    if !answering.is_asked() {
        return Err("ends too early".to_owned());
    }
    if vector.expect() == "ok" {
        assert_eq!((frames, me.to_bytes()), (vector.all("frame"), vector.array("peer")));
    }
    Ok(())
}

/// What was asked, as whoever asked it has it.
fn asked(bytes: &[u8]) -> Exchange {
    let mut reader = RequestReader::new();
    reader.feed(bytes);
    let mut sections: Vec<Section> = Vec::new();
    while let Some(event) = reader.next_event().unwrap() {
        match event {
            Event::Section(head) => sections.push(Section { head, frames: Vec::new() }),
            Event::Frame(frame) => sections.last_mut().unwrap().frames.push(frame),
        }
    }
    let trail = |(n, section): (u8, &Section)| {
        let pushed = section.frames.iter().map(|frame| Pushed {
            hash: FrameHash::of(frame),
            size: frame.len() as u32,
            place: None,
            carried: None,
            roster: false,
            grant: None,
            pack: None,
            epoch: Epoch::default(),
        });
        let start = (0, CursorDigest::default());
        MailboxTrail::new(Generation::new([n; 16]), pushed.collect(), start)
    };
    let trails = (0..).zip(&sections).map(trail).collect();
    let (peer, live) = (Relay::new([6; 16]), Epoch::new([7; 16]));
    let mut exchange = Exchange::new(peer, live, &sections, trails).unwrap();
    exchange.is_meeting = true;
    exchange
}

pub(super) fn answer(vector: &Vector) -> Read {
    let mut exchange = asked(&vector.bytes("request"));
    let (steps, nonsense) = exchange.feed(&vector.bytes("bytes"));
    nonsense.map_or(Ok(()), |error| Err(wire(&error)))?;
    if !exchange.is_done() {
        return Err("cut: whole parts count".to_owned());
    }
    let of_step = |(_, step)| match step {
        Step::Frame(_, frame) => Some(frame),
        _ => None,
    };
    let frames: Vec<Vec<u8>> = steps.into_iter().filter_map(of_step).collect();
    let pushed: BTreeSet<_> =
        exchange.mailboxes().iter().flat_map(MailboxTrail::unanswered).map(|p| p.hash).collect();
    assert_eq!((frames, pushed.len()), (vector.all("frame"), 0));
    Ok(())
}

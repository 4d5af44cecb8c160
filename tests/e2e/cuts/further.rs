//! An answer that breaks one byte further each time: so every byte of it is once the place of a cut.

use haversack_core::SyncOutcome;
use haversack_relay::{Intake, Memory};

use super::{BEFORE_REST, BODIES, asked, finish, loaded, read, route, step};
use crate::bad_relays::{Said, said, saying};
use crate::fleet::Fleet;

/// What an answer has of the frame that comes first in it.
struct First {
    /// Where that begins in the answer.
    start: usize,
    /// How many of the frame's bytes the device has.
    kept: usize,
    length: usize,
}

/// The first page of an answer: longer than any frame.
fn page(relay: &Memory, request: &[u8]) -> Vec<u8> {
    let intake = Intake::new().feed(relay, request).unwrap();
    intake.finish(relay).unwrap().next_page(relay).unwrap().unwrap()
}

fn first(page: &[u8]) -> Option<First> {
    let parts = said(page);
    let (at, kept, rest) = parts.iter().zip(1..).find_map(|(part, at)| match part {
        Said::Frame(_, frame) => Some((at, 0, frame.len())),
        Said::Tail(_, offset, rest) => Some((at, *offset as usize, rest.len())),
        _ => None,
    })?;
    // It is the last of the first parts.
    Some(First { start: saying(&parts[..at]).len() - rest, kept, length: kept + rest })
}

/// Where a phone stands that reads what another one said, over a line that breaks.
struct Reading {
    fleet: Fleet,
    cuts: usize,
    /// The most bytes that came in vain.
    most: usize,
}

impl Reading {
    /// One exchange, of whose answer so much arrives of what `place` makes of it. Gives what the answer would have begun with.
    fn cut(&mut self, place: impl Fn(&First) -> usize) -> (First, SyncOutcome) {
        let to = route(&self.fleet);
        let mut under_way = self.fleet.device(2).begin_exchange(&to).unwrap();
        let page = page(&self.fleet.relay, under_way.request());
        let first = first(&page).unwrap();
        let at = place(&first);
        let outcome = read(&mut self.fleet, 2, &mut under_way, &page[..at]);
        self.cuts += 1;
        assert!(!outcome.complete);
        (first, outcome)
    }

    /// All bytes of one frame, and of what an answer has before it.
    fn frame(&mut self) {
        let (first, outcome) = self.cut(|first| first.start);
        assert_eq!((first.kept, outcome.received.applied), (0, 0), "a frame begins");
        for at in (0..first.start).step_by(step(5, 1)) {
            self.cut(|_| at);
        }
        let mut reached = 0;
        while reached < first.length {
            let before = reached;
            reached = (reached + step(211, 1)).min(first.length);
            let (found, outcome) = self.cut(|first| first.start + reached - first.kept);
            let arrived = found.start + reached - found.kept;
            let again = arrived - (reached - before);
            assert!(again <= BEFORE_REST, "{again} bytes came in vain");
            self.most = self.most.max(again);
            let is_whole = reached == first.length;
            assert_eq!(outcome.received.applied, u32::from(is_whole), "at {reached}");
        }
    }
}

#[test]
fn a_byte_further_each_time_comes_to_the_end() {
    let mut fleet = loaded();
    finish(&mut fleet, 1);
    let mut reading = Reading { fleet, cuts: 0, most: 0 };
    let bodies = if asked().is_some() { BODIES } else { 12 };
    (0..bodies).for_each(|_| reading.frame());
    println!(
        "down, further each time: {} cuts, at most {} bytes again",
        reading.cuts, reading.most
    );
    let Reading { mut fleet, .. } = reading;
    assert_eq!(fleet.device(2).contact_count().unwrap(), bodies as u64);
    finish(&mut fleet, 2);
    assert_eq!(fleet.device(2).contact_count().unwrap(), BODIES as u64);
    let of_author = fleet.device(1).canonical().unwrap();
    assert!(fleet.device(2).canonical().unwrap() == of_author);
}

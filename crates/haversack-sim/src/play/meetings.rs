//! What happens without a relay: devices meet, carriers join files, clients are erased.

use std::collections::BTreeSet;

use haversack_core::{Answering, Engine, Error};
use haversack_wire::answer::{AnswerReader, Part};
use haversack_wire::request::{Event, RequestReader};
use haversack_wire::{FrameHash, bundle};

use super::relays::{PIECE, told};
use crate::checkers;
use crate::finding::Finding;
use crate::world::{Done, World, unexpected};

impl World {
    /// One device asks another one. Of the request and of the answer so much arrives.
    pub(super) fn meet(
        &mut self,
        (asks, answers): (usize, usize),
        (request, answer): (u16, u16),
    ) -> Result<(), Finding> {
        let other = self.devices.get(answers).and_then(|device| device.engine.as_ref());
        let Some(peer) = other.filter(|_| asks != answers).map(Engine::peer_id) else {
            return Ok(());
        };
        let begun = self.ask(asks, |engine| engine.begin_meeting(&peer, None))?;
        let name = begun.name();
        let Done::Ok(mut under_way) = begun else {
            self.say(&format!("device {asks} begins no meeting: {name}"));
            return Ok(());
        };
        self.note_handed(asks, &frames_of_request(under_way.request()));
        let asked = part(under_way.request(), request).to_vec();
        let answered = self.give(answers, |engine| answer_to(engine, &asked))?;
        self.note_kept(answers);
        let name = answered.name();
        let whole = answered.ok().unwrap_or_default();
        self.note_handed(answers, &frames_of_answer(&whole));
        let fed = self.give(asks, |engine| {
            let mut pieces = part(&whole, answer).chunks(PIECE);
            let fed = pieces.try_for_each(|piece| engine.feed(&mut under_way, piece).map(drop));
            let outcome = engine.end_exchange(&under_way)?;
            fed.map(|()| outcome)
        })?;
        self.note_kept(asks);
        let (done, told) = (fed.name(), told(&fed));
        self.say(&format!("device {asks} meets {answers}, which answers: {name}: {done} {told}"));
        if let Done::Refused(error @ (Error::Wire(_) | Error::Relay { .. })) = &fed {
            return unexpected("an honest device's answer", error);
        }
        checkers::ledger(self, asks)?;
        checkers::ledger(self, answers)
    }

    /// Remembers what a device handed over, and whom it knew to be removed.
    fn note_handed(&mut self, number: usize, frames: &[Vec<u8>]) {
        let removed = self.removed_for(number);
        checkers::note_sealed(self, number, &removed, frames);
        checkers::note_filed(self, number, frames.iter().map(Vec::as_slice));
    }

    /// The last files become one, as far as each arrives: who carries them for others reads where frames end, and nothing else.
    pub(super) fn carry(&mut self, files: u8, arrives: u16) -> Result<(), Finding> {
        let (mut seen, mut frames) = (BTreeSet::new(), Vec::new());
        let last = self.files.len().saturating_sub(files.into());
        for file in self.files.iter().skip(last) {
            let read = bundle::decode(part(file, arrives)).map(|read| read.frames);
            let fresh = read.unwrap_or_default().into_iter();
            frames.extend(fresh.filter(|frame| seen.insert(FrameHash::of(frame))));
        }
        let joined = bundle::encode(frames);
        let joined = joined.or_else(|error| unexpected("a carrier's file", &error.into()))?;
        self.say(&format!("a carrier joins {files} files: {} frames", seen.len()));
        self.lay_down(joined);
        Ok(())
    }

    pub(super) fn erase(&mut self, number: usize, nth: usize) -> Result<(), Finding> {
        let done = self.ask(number, |engine| {
            let clients = engine.clients()?;
            let Some(client) = clients.get(nth % clients.len().max(1)) else { return Ok(()) };
            engine.erase_client(client.id)
        })?;
        self.say(&format!("device {number} erases a client: {}", done.name()));
        Ok(())
    }
}

/// So many thousandths of some bytes.
fn part(bytes: &[u8], arrives: u16) -> &[u8] {
    bytes.get(..bytes.len() * usize::from(arrives) / 1_000).unwrap_or_default()
}

fn answer_to(engine: &mut Engine, request: &[u8]) -> Result<Vec<u8>, Error> {
    let (mut answering, mut answer) = (Answering::new(), Vec::new());
    request.chunks(PIECE).try_for_each(|piece| engine.take_request(&mut answering, piece))?;
    while let Some(page) = engine.next_answer(&mut answering)? {
        answer.extend(page);
    }
    Ok(answer)
}

fn frames_of_request(request: &[u8]) -> Vec<Vec<u8>> {
    let (mut reader, mut frames) = (RequestReader::new(), Vec::new());
    reader.feed(request);
    while let Ok(Some(event)) = reader.next_event() {
        if let Event::Frame(frame) = event {
            frames.push(frame);
        }
    }
    frames
}

fn frames_of_answer(answer: &[u8]) -> Vec<Vec<u8>> {
    let (mut reader, mut frames) = (AnswerReader::new(), Vec::new());
    reader.feed(answer);
    while let Ok(Some(part)) = reader.next_part() {
        if let Part::Frame { frame, .. } = part {
            frames.push(frame.to_vec());
        }
    }
    frames
}

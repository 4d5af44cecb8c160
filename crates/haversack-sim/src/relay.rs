//! A relay: the real machine over a memory that can be put back, forked and merged, and lies now and then.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use haversack_relay::{
    Error, Identity, Incoming, Layer, Memory, Receipt, Refusal, Storage, exchange,
};
use haversack_wire::{Mailbox, Relay};

use crate::act::Lie;

/// Frames in the order in which they were stored.
type Past = Vec<(Mailbox, Vec<u8>)>;

/// A memory that knows its past.
#[derive(Debug, Default)]
struct Branch {
    memory: Memory,
    past: Mutex<Past>,
}

impl Branch {
    fn of(past: &[(Mailbox, Vec<u8>)]) -> Self {
        let branch = Self::default();
        past.iter().for_each(|(mailbox, frame)| branch.take(*mailbox, frame));
        branch
    }

    fn take(&self, mailbox: Mailbox, frame: &[u8]) {
        if let Ok(frame) = Incoming::parse(frame.to_vec()) {
            let _ = self.push(mailbox, vec![frame]);
        }
    }

    fn past(&self) -> Past {
        self.past.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn len(&self) -> usize {
        self.past.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

impl Layer for Branch {
    fn below(&self) -> &dyn Storage {
        &self.memory
    }

    fn store(&self, mailbox: Mailbox, frames: Vec<Incoming>) -> Result<Vec<Receipt>, Error> {
        let bytes: Vec<Vec<u8>> = frames.iter().map(|frame| frame.bytes().to_vec()).collect();
        let receipts = self.memory.push(mailbox, frames)?;
        let is_new = |(_, receipt): &(Vec<u8>, &Receipt)| matches!(receipt, Receipt::New(_));
        let new = bytes.into_iter().zip(&receipts).filter(is_new);
        let mut past = self.past.lock().unwrap_or_else(PoisonError::into_inner);
        past.extend(new.map(|(frame, _)| (mailbox, frame)));
        drop(past);
        Ok(receipts)
    }
}

/// What a relay did with a request.
#[derive(Debug, Default)]
pub(crate) struct Answered {
    /// The bytes that it answered; nothing when it did not.
    pub(crate) answer: Option<Vec<u8>>,
    /// The frames that it was given and had not had.
    pub(crate) stored: Vec<Vec<u8>>,
    /// Whether all of that is true.
    pub(crate) honest: bool,
}

/// A relay of the world.
#[derive(Debug)]
pub(crate) struct SimRelay {
    pub(crate) id: Relay,
    faces: Vec<Branch>,
    lie: Option<(Lie, u8)>,
    /// What it answered, for others to be told.
    answers: Vec<Vec<u8>>,
    /// What each device was told of that is not there any more, and when nobody has written since.
    lost: BTreeMap<usize, bool>,
    told: BTreeMap<usize, usize>,
}

impl SimRelay {
    pub(crate) fn new(number: usize) -> Self {
        let id = Identity::from_seed(&[7 + number as u8; 32]).id();
        let (lost, told, answers) = Default::default();
        Self { id, faces: vec![Branch::default()], lie: None, answers, lost, told }
    }

    /// The face that a device sees.
    fn face(&self, device: usize) -> usize {
        device % self.faces.len().max(1)
    }

    pub(crate) fn lies(&mut self, lie: Lie, exchanges: u8) {
        self.lie = Some((lie, exchanges));
    }

    /// From here on it is honest, and shows everybody the same.
    pub(crate) fn turn_honest(&mut self) {
        self.lie = None;
        self.merge();
    }

    pub(crate) fn is_used(&self) -> bool {
        self.faces.iter().any(|face| face.len() > 0)
    }

    fn next_lie(&mut self) -> Option<Lie> {
        let (lie, left) = self.lie?;
        self.lie = left.checked_sub(1).filter(|left| *left > 0).map(|left| (lie, left));
        Some(lie)
    }

    /// Answers a request.
    pub(crate) fn exchange(&mut self, device: usize, request: &[u8]) -> Answered {
        let lie = self.next_lie();
        if lie == Some(Lie::Refuses) {
            return Answered::default();
        }
        let at = self.face(device);
        let Some(face) = self.faces.get(at) else { return Answered::default() };
        let (past, before) = (face.past(), face.len());
        let Ok(answer) = self.answer(at, request) else { return Answered::default() };
        let after = self.faces.get(at).map(Branch::past).unwrap_or_default();
        let stored = after.iter().skip(before).map(|(_, frame)| frame.clone()).collect();
        let told = match lie {
            None => answer.clone(),
            Some(Lie::Replays) => {
                self.answers.get(device).or(self.answers.last()).unwrap_or(&answer).clone()
            }
            Some(Lie::Garbles(place)) => garbled(answer.clone(), place),
            Some(Lie::Repeats) => self.answer(at, request).unwrap_or_default(),
            Some(Lie::Forgets | Lie::Refuses) => {
                self.faces.get_mut(at).into_iter().for_each(|face| *face = Branch::of(&past));
                answer.clone()
            }
        };
        self.answers.push(answer);
        Answered { answer: Some(told), stored, honest: lie.is_none() }
    }

    fn answer(&self, face: usize, request: &[u8]) -> Result<Vec<u8>, Refusal> {
        match self.faces.get(face) {
            Some(face) => exchange(face, request),
            None => Ok(Vec::new()),
        }
    }

    /// Puts it back to so many thousandths of its past.
    pub(crate) fn roll_back(&mut self, keeps: u16) {
        for face in &mut self.faces {
            let past = face.past();
            let kept = past.len() * usize::from(if keeps == 1_000 { 0 } else { keeps }) / 1_000;
            for (device, told) in self.told.iter_mut().filter(|(_, told)| **told > kept) {
                self.lost.insert(*device, true);
                *told = kept;
            }
            *face = Branch::of(past.get(..kept).unwrap_or_default());
        }
    }

    /// A device was told of all that it holds.
    pub(crate) fn told_all(&mut self, device: usize) {
        let all = self.faces.get(self.face(device)).map_or(0, Branch::len);
        self.told.insert(device, all);
    }

    /// A device has forgotten what it was told.
    pub(crate) fn untell(&mut self, device: usize) {
        self.told.remove(&device);
        self.lost.remove(&device);
    }

    /// Whether a device must notice at its next whole exchange that something is gone: it was told of it, and nobody has put
    /// anything in its place.
    pub(crate) fn must_be_noticed(&mut self, device: usize, stored: usize) -> bool {
        let must = self.lost.remove(&device).unwrap_or(false) && self.faces.len() == 1;
        if stored > 0 {
            self.lost.clear();
        }
        must
    }

    pub(crate) fn fork(&mut self) {
        if let (1, Some(face)) = (self.faces.len(), self.faces.first()) {
            let other = Branch::of(&face.past());
            self.faces.push(other);
            self.lost.clear();
        }
    }

    pub(crate) fn merge(&mut self) {
        while self.faces.len() > 1 {
            let Some(other) = self.faces.pop() else { return };
            if let Some(face) = self.faces.first() {
                other.past().iter().for_each(|(mailbox, frame)| face.take(*mailbox, frame));
            }
            self.lost.clear();
        }
    }

    /// The frames that it holds, oldest first, each with its mailbox.
    pub(crate) fn frames(&self) -> Past {
        self.faces.first().map(Branch::past).unwrap_or_default()
    }

    /// Somebody who has the token puts a frame there.
    pub(crate) fn put(&mut self, mailbox: Mailbox, frame: &[u8]) {
        self.lost.clear();
        self.faces.iter().for_each(|face| face.take(mailbox, frame));
    }
}

fn garbled(mut answer: Vec<u8>, place: u16) -> Vec<u8> {
    let at = answer.len() * usize::from(place) / 1_000;
    answer.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << (place % 8));
    answer
}

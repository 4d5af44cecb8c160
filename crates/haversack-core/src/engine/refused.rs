//! What was refused, and why: kept for whoever looks after the team. A reason says what rule was broken, and nothing of
//! what was in it.

use haversack_wire::codec::put_varint;
use haversack_wire::{Device, Error, Lane, Reader};

use super::Engine;
use super::batch::Opened;
use super::state::SpaceState;
use crate::members::device;

/// Why something was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// Its form is not that of a frame, or of a body.
    #[error("its form is none that there is")]
    Form = 1,
    /// This program stopped while it was taken in, three times.
    #[error("this program stopped over it three times")]
    Crash = 2,
    /// A grant for this device that does not hold what it says.
    #[error("it grants something else than it says")]
    Grant = 3,
    /// A part of the roster that is none.
    #[error("it is a part of the roster with a statement that is none")]
    Roster = 4,
    /// The lane's opening is missing, stands elsewhere, or is of another lane.
    #[error("its lane is not opened as it should be")]
    Opening = 5,
    /// Its clear header names another lane than its body.
    #[error("its header names another lane than its body")]
    Tag = 6,
    /// Its author has more lanes than count.
    #[error("its author has more lanes than count")]
    Lanes = 7,
    /// Its author was no member by what it says that it had seen.
    #[error("its author was no member by what it had seen")]
    Member = 8,
    /// It says that its author had seen less of the roster than before.
    #[error("its author had seen more of the team before")]
    Heads = 9,
    /// It does not follow the body before it.
    #[error("it does not follow what its author said before it")]
    Previous = 10,
    /// The device whose lane it is on did not sign it.
    #[error("the device whose lane it is on did not sign it")]
    Signature = 11,
    /// Its changes cannot be read, or are not those that were signed.
    #[error("its changes cannot be read")]
    Changes = 12,
    /// It changes a document as no document is changed.
    #[error("it changes a record as none is changed")]
    Document = 13,
    /// Its author's role does not let it write this.
    #[error("its author's role does not let it write this")]
    Role = 14,
    /// It goes on with what was refused of its author before.
    #[error("it goes on with what was refused before")]
    Continued = 15,
    /// It carries a statement about the team that is not its signer's to make.
    #[error("it says of the team what is not its signer's to say")]
    Statement = 16,
    /// A statement about the team that counts for nothing: who made it was removed, or let in by somebody who was.
    #[error("it is a decision about the team that counts for nothing")]
    Void = 17,
    /// What it drops for another space is none, or what it carries from one is not as it was dropped.
    #[error("it drops or carries for another team what is not to be taken")]
    Drop = 18,
    /// A part of a pack that is none, or whose maker may not make one.
    #[error("it is a part of a pack that is none, or that nobody may make who made it")]
    Pack = 19,
    /// Records that a pack tells, and that their author did not sign: the device named is who made the pack.
    #[error("it is as told by who made a pack: its author did not sign it")]
    Told = 20,
}

impl Reason {
    const ALL: [Self; 20] = [
        Self::Form,
        Self::Crash,
        Self::Grant,
        Self::Roster,
        Self::Opening,
        Self::Tag,
        Self::Lanes,
        Self::Member,
        Self::Heads,
        Self::Previous,
        Self::Signature,
        Self::Changes,
        Self::Document,
        Self::Role,
        Self::Continued,
        Self::Statement,
        Self::Void,
        Self::Drop,
        Self::Pack,
        Self::Told,
    ];
}

impl Reason {
    /// A short word for it, for programs.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Form => "form",
            Self::Crash => "crash",
            Self::Grant => "grant",
            Self::Roster => "roster",
            Self::Opening => "opening",
            Self::Tag => "tag",
            Self::Lanes => "lanes",
            Self::Member => "member",
            Self::Heads => "heads",
            Self::Previous => "previous",
            Self::Signature => "signature",
            Self::Changes => "changes",
            Self::Document => "document",
            Self::Role => "role",
            Self::Continued => "continued",
            Self::Statement => "statement",
            Self::Void => "void",
            Self::Drop => "drop",
            Self::Pack => "pack",
            Self::Told => "told",
        }
    }
}

/// How many frames were refused for which reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reasons([u32; Reason::ALL.len()]);

impl Reasons {
    pub(super) fn count(&mut self, reason: Reason) {
        if let Some(count) = self.0.get_mut(reason as usize - 1) {
            *count += 1;
        }
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0).for_each(|(mine, theirs)| *mine += theirs);
    }

    /// Each reason that there was, with how often.
    pub fn iter(&self) -> impl Iterator<Item = (Reason, u32)> + '_ {
        let all = Reason::ALL.into_iter().zip(self.0);
        all.filter(|(_, count)| *count > 0)
    }
}

/// Something that was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quarantined {
    /// The device whose lane it is on, or whose statement it is. `None` when nobody knows.
    pub device: Option<Device>,
    /// Its place on the lane, from 0. `None` for what is on no lane.
    pub sequence: Option<u32>,
    /// Why.
    pub reason: Reason,
}

/// What is kept with a frame that was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) reason: Reason,
    /// The device key of the lane, and the place on it.
    pub(super) place: Option<([u8; 32], u32)>,
}

impl Refused {
    /// Something on no lane that is known.
    pub(super) const fn unplaced(reason: Reason) -> Self {
        Self { reason, place: None }
    }

    /// An opened chunk, on the lane that it says it is on.
    pub(super) fn chunk(space: &SpaceState, chunk: &Opened, reason: Reason) -> Self {
        let lane: &Lane = &chunk.body.lane;
        let known = space.lanes.get(lane).map(|lane| lane.device_key);
        let key = known.or(chunk.body.opening.map(|opening| opening.device_key));
        Self { reason, place: key.map(|key| (key, chunk.sequence)) }
    }

    /// Something of a pack that a device made.
    pub(super) const fn packed(signer: [u8; 32], reason: Reason) -> Self {
        Self { reason, place: Some((signer, 0)) }
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.reason as u8);
        out.push(self.place.is_some().into());
        if let Some((key, sequence)) = &self.place {
            out.extend_from_slice(key);
            put_varint(out, (*sequence).into());
        }
    }

    pub(super) fn decode(r: &mut Reader<'_>) -> Result<Self, Error> {
        let found = r.u8()?;
        let known = Reason::ALL.into_iter().find(|reason| *reason as u8 == found);
        let unknown = Error::Unknown { what: "reason of a refusal", found: found.into() };
        let reason = known.ok_or(unknown)?;
        let place = match r.u8()? {
            0 => None,
            _ => Some((r.array()?, r.varint_u32()?)),
        };
        Ok(Self { reason, place })
    }
}

impl Engine {
    /// What was refused and is kept, and the decisions about the team that count for nothing: in the order of devices and
    /// of their lanes.
    #[must_use]
    pub fn quarantined(&self) -> Vec<Quarantined> {
        let line = |key: &[u8; 32]| {
            let space = self.space.as_ref();
            let line = space.and_then(|space| space.group.roster.standing().line(key));
            line.unwrap_or_else(|| device(key))
        };
        let frames = self.waiting.refused().map(|refused| Quarantined {
            device: refused.place.map(|(key, _)| line(&key)),
            sequence: refused
                .place
                .map(|(_, sequence)| sequence)
                .filter(|_| !matches!(refused.reason, Reason::Pack | Reason::Told)),
            reason: refused.reason,
        });
        let roster = self.space.as_ref().map(|space| &space.group.roster);
        let void = roster.into_iter().flat_map(|roster| {
            let signer = |hash| roster.statement(hash).map(|statement| statement.signer);
            roster.standing().void.iter().filter_map(signer)
        });
        let void = void.map(|signer| Quarantined {
            device: Some(line(&signer)),
            sequence: None,
            reason: Reason::Void,
        });
        let mut all: Vec<Quarantined> = frames.chain(void).collect();
        all.sort();
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_counted_each_for_itself() {
        let mut reasons = Reasons::default();
        Reason::ALL.into_iter().for_each(|reason| reasons.count(reason));
        let mut twice = reasons;
        twice.add(&reasons);
        let all: Vec<(Reason, u32)> = Reason::ALL.into_iter().map(|reason| (reason, 2)).collect();
        assert_eq!(twice.iter().collect::<Vec<_>>(), all);
    }

    #[test]
    fn every_reason_is_read_as_it_was_written() {
        for reason in Reason::ALL {
            for place in [None, Some(([7; 32], u32::MAX))] {
                let (refused, mut bytes) = (Refused { reason, place }, Vec::new());
                refused.encode(&mut bytes);
                let mut r = Reader::new("test", &bytes);
                assert_eq!(Refused::decode(&mut r).unwrap(), refused);
                r.end().unwrap();
            }
            assert!(!reason.to_string().is_empty());
        }
        let mut newer = Reader::new("test", &[99, 0]);
        assert!(matches!(Refused::decode(&mut newer), Err(Error::Unknown { found: 99, .. })));
    }
}

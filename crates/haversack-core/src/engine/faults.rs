//! What a relay does that an honest one does not, in words and numbers. A relay can lie to one device in ways that nobody sees
//! at once; what shows is told.

use std::collections::BTreeMap;

use haversack_wire::codec::put_varint;
use haversack_wire::{Error as WireError, Lane, Reader, Relay};

use super::Engine;
use super::intake::tags;
use super::room::tag_of;
use super::state::SpaceState;
use crate::Error;
use crate::sync::exchange::place;

/// In what way a relay was not as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Fault {
    /// It lost frames of this device that it had confirmed.
    RolledBack = 1,
    /// It remembers another past than it had shown: restored from a copy, or a liar.
    OtherPast = 2,
    /// Others have signed that they have bodies which it did not deliver.
    Withheld = 3,
    /// It counted frames that it neither delivered nor confirmed.
    LeftOut = 4,
    /// It said nothing of frames that were pushed.
    Unconfirmed = 5,
    /// Its digest was not that of the frames which it delivered.
    Digest = 6,
    /// Frames that nobody can open lay at this device's own places.
    Squatted = 7,
    /// It said what is no answer.
    Nonsense = 8,
    /// It had no room at this device's next place, so that the device went on elsewhere.
    Crowded = 9,
}

impl Fault {
    const ALL: [Self; 9] = [
        Self::RolledBack,
        Self::OtherPast,
        Self::Withheld,
        Self::LeftOut,
        Self::Unconfirmed,
        Self::Digest,
        Self::Squatted,
        Self::Nonsense,
        Self::Crowded,
    ];

    /// A short word for it, for programs.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::RolledBack => "rolled_back",
            Self::OtherPast => "other_past",
            Self::Withheld => "withheld",
            Self::LeftOut => "left_out",
            Self::Unconfirmed => "unconfirmed",
            Self::Digest => "digest",
            Self::Squatted => "squatted",
            Self::Nonsense => "nonsense",
            Self::Crowded => "crowded",
        }
    }
}

/// What a relay did, and how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RelayFault {
    /// The relay.
    pub relay: Relay,
    /// What it did.
    pub fault: Fault,
    /// How many frames or bodies it is about; how many times, of what is about none.
    pub count: u32,
}

impl std::fmt::Display for RelayFault {
    /// Without the relay's name.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let n = self.count;
        let frames = if n == 1 { "1 frame".to_owned() } else { format!("{n} frames") };
        let times = if n == 1 { "once".to_owned() } else { format!("{n} times") };
        match self.fault {
            Fault::RolledBack => {
                write!(f, "lost {frames} that it had confirmed; what it lost is offered again")
            }
            Fault::OtherPast => write!(
                f,
                "remembered another past than before, {times}: it was restored from a copy, or lies"
            ),
            Fault::Withheld => write!(
                f,
                "does not deliver {n} that other devices have signed to have: they went another way, or are held back"
            ),
            Fault::LeftOut => {
                write!(f, "counted {frames} that it did not deliver; they are asked for")
            }
            Fault::Unconfirmed => write!(f, "said nothing of {frames} that were sent to it"),
            Fault::Digest => {
                write!(f, "gave a digest that is not that of what it delivered, {times}")
            }
            Fault::Squatted => {
                write!(f, "holds {frames} that nobody can open at places that are this device's")
            }
            Fault::Nonsense => write!(f, "said what is no answer, {times}"),
            Fault::Crowded => write!(
                f,
                "had no room at this device's next place, {times}; the device goes on at another one, nothing is lost"
            ),
        }
    }
}

/// What relays did, added up.
pub(super) type Faults = BTreeMap<(Relay, Fault), u32>;

pub(super) fn encode(faults: &Faults, out: &mut Vec<u8>) {
    put_varint(out, faults.len() as u64);
    for ((relay, fault), count) in faults {
        out.extend_from_slice(relay.as_bytes());
        out.push(*fault as u8);
        put_varint(out, (*count).into());
    }
}

pub(super) fn decode(r: &mut Reader<'_>, most: usize) -> Result<Faults, WireError> {
    let mut faults = Faults::new();
    for _ in 0..r.count(most)? {
        let (relay, found) = (Relay::new(r.array()?), r.u8()?);
        let fault = Fault::ALL.into_iter().find(|fault| *fault as u8 == found);
        let unknown = WireError::Unknown { what: "fault of a relay", found: found.into() };
        faults.insert((relay, fault.ok_or(unknown)?), r.varint_u32()?);
    }
    Ok(faults)
}

/// Adds what an exchange showed to what is remembered. What is withheld is so now, or not any more.
pub(super) fn remember(
    faults: &mut Faults,
    relay: Relay,
    seen: &BTreeMap<Fault, u32>,
    withheld: Option<u32>,
    most: usize,
) {
    for (fault, count) in seen.iter().filter(|(_, count)| **count > 0) {
        if faults.len() < most || faults.contains_key(&(relay, *fault)) {
            let sum = faults.entry((relay, *fault)).or_default();
            *sum = sum.saturating_add(*count);
        }
    }
    match withheld {
        Some(0) => drop(faults.remove(&(relay, Fault::Withheld))),
        Some(count) if faults.len() < most => {
            faults.insert((relay, Fault::Withheld), count);
        }
        _ => {}
    }
}

/// Bodies of one lane that are counted as missing, at most: a member can sign any number.
const MISSING_MAX: u32 = 1 << 20;

impl SpaceState {
    /// Whether a relay is known to have lost something that it had.
    pub(super) fn has_a_relay_lost(&self) -> bool {
        let is_loss = |fault: &Fault| matches!(fault, Fault::OtherPast | Fault::RolledBack);
        self.faults.keys().any(|(_, fault)| is_loss(fault))
    }
}

impl Engine {
    /// What relays did that they should not, as far as it showed.
    ///
    /// # Errors
    /// [`Error::NoSpace`].
    pub fn relay_faults(&self) -> Result<Vec<RelayFault>, Error> {
        let faults = self.space()?.faults.iter();
        let told = faults.map(|((relay, fault), count)| (*relay, *fault, *count));
        Ok(told.map(|(relay, fault, count)| RelayFault { relay, fault, count }).collect())
    }

    /// How many bodies members have signed to have that are here in no form.
    pub(super) fn missing_bodies(&self, space: &SpaceState) -> u32 {
        let standing = space.group.roster.standing();
        let is_member = |key: &[u8; 32]| standing.member(key).is_some();
        let members = space.lanes.values().filter(|lane| is_member(&lane.device_key));
        let mut named: BTreeMap<Lane, u32> = BTreeMap::new();
        for (lane, said) in members.flat_map(|lane| &lane.vector) {
            let most = named.entry(*lane).or_default();
            *most = said.next.max(*most);
        }
        named.remove(&space.lane);
        named.retain(|lane, _| !self.index.is_forked(lane));
        let held = self.held_places(space);
        let missing = named.into_iter().map(|(lane, next)| {
            let here = space.lanes.get(&lane).map_or(0, |lane| lane.next);
            let waits = held.range((lane, here)..(lane, next.max(here))).count() as u32;
            next.saturating_sub(here).saturating_sub(waits).min(MISSING_MAX)
        });
        missing.fold(0, u32::saturating_add)
    }

    /// The places of chunks that are kept here and wait for something.
    fn held_places(&self, space: &SpaceState) -> std::collections::BTreeSet<(Lane, u32)> {
        let waits = self.waiting.waits().map(|(_, wait, _)| (wait.lane, wait.sequence));
        let tags = tags(space);
        let foreign = self.waiting.foreign().filter_map(|(_, frame)| {
            let (tag, sequence) = place(frame)?;
            debug_assert_eq!(tag_of(frame), Some(tag));
            Some((*tags.get(&tag)?, sequence))
        });
        waits.chain(foreign).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_read_as_it_was_written_and_told_in_words() {
        let relay = Relay::new([7; 16]);
        let mut faults = Faults::new();
        let seen: BTreeMap<Fault, u32> = Fault::ALL.into_iter().zip(1..).collect();
        remember(&mut faults, relay, &seen, None, 99);
        remember(&mut faults, relay, &seen, Some(0), 99);
        assert_eq!(faults.get(&(relay, Fault::Withheld)), None, "it came");
        assert_eq!(faults.get(&(relay, Fault::OtherPast)), Some(&4));
        let mut bytes = Vec::new();
        encode(&faults, &mut bytes);
        assert_eq!(decode(&mut Reader::new("test", &bytes), 99).unwrap(), faults);
        let texts = Fault::ALL.map(|fault| RelayFault { relay, fault, count: 2 }.to_string());
        let all: std::collections::BTreeSet<&String> = texts.iter().collect();
        assert_eq!(all.len(), Fault::ALL.len());
        let once = RelayFault { relay, fault: Fault::RolledBack, count: 1 };
        let text = "lost 1 frame that it had confirmed; what it lost is offered again";
        assert_eq!(once.to_string(), text);
        let mut newer =
            Reader::new("test", &[1, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 99, 1]);
        assert!(matches!(decode(&mut newer, 99), Err(WireError::Unknown { found: 99, .. })));
    }
}

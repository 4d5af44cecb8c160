//! What can befall a fleet, and how often.

use haversack_disk::Fault;
use serde::{Deserialize, Serialize};

use crate::dice::Dice;

/// One thing that happens. Numbers are taken modulo how many there are when it happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(
    missing_docs,
    reason = "the names of fields say it: devices, relays and files by number, parts in thousandths"
)]
pub enum Act {
    /// A device logs so many contacts of a day.
    Log { device: usize, day: u8, contacts: u8 },
    /// A device adds to a contact.
    Correct { device: usize, contact: usize },
    /// A device begins a client's file.
    AddClient { device: usize },
    /// A device reaches a relay; of the answer so much arrives.
    Sync { device: usize, relay: usize, arrives: u16 },
    /// A device writes a file.
    WriteFile { device: usize },
    /// A device is given so much of a file.
    ReadFile { device: usize, file: usize, arrives: u16 },
    /// One device asks another one, without a relay; so much of the request and of the answer arrives.
    Meet { asks: usize, answers: usize, request: u16, answer: u16 },
    /// Somebody who is in no team puts so many of the last files into one, each as far as it is whole.
    Carry { files: u8, arrives: u16 },
    /// A device erases a client.
    Erase { device: usize, client: usize },
    /// So many days pass.
    Days { days: u8 },
    /// A device rotates keys if it thinks that it is time.
    Rotate { device: usize },
    /// A coordinator removes a device.
    Revoke { by: usize, device: usize },
    /// A coordinator gives another role.
    SetRole { by: usize, device: usize, role: u8 },
    /// A device takes new keys.
    Renew { device: usize },
    /// A coordinator packs what the team has written.
    Pack { by: usize },
    /// A coordinator lets a new device in.
    Enrol { by: usize, role: u8 },
    /// The process dies, or the power is cut, between two calls.
    Crash { device: usize, power: bool, dice: u64 },
    /// The disk fails after so many calls.
    Doom { device: usize, after: u8, fault: Failure, power: bool, dice: u64 },
    /// The store is closed and opened.
    Close { device: usize },
    /// A copy of the store is put aside.
    Backup { device: usize },
    /// It is put back; the device may not notice.
    Restore { device: usize, noticed: bool },
    /// The store is copied to one more device, and both go on; they may not notice.
    Clone { device: usize, noticed: bool },
    /// A relay is put back to so much of its past, or to nothing.
    Rollback { relay: usize, keeps: u16 },
    /// A relay shows different faces to different devices from now on.
    Fork { relay: usize },
    /// It shows all of them the same again.
    Merge { relay: usize },
    /// A relay lies, at so many exchanges.
    Hostile { relay: usize, lie: Lie, exchanges: u8 },
    /// A member writes in the name of another.
    Forge { by: usize, victim: usize, by_file: bool },
    /// Whoever can write to the mailbox takes the next place of a lane.
    Squat { relay: usize, dice: u64 },
    /// A device is given a file of another team's.
    Stranger { device: usize },
}

/// How a disk fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Failure {
    /// The process dies.
    Death,
    /// So many writes find no room.
    Full(u32),
    /// So many calls fail.
    Broken(u32),
}

impl From<Failure> for Fault {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Death => Self::Death,
            Failure::Full(times) => Self::Full(times),
            Failure::Broken(times) => Self::Broken(times),
        }
    }
}

/// How a relay lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lie {
    /// It says that it stored what it forgot.
    Forgets,
    /// It answers what it answered somebody before.
    Replays,
    /// It flips a bit of the answer.
    Garbles(u16),
    /// It does not answer.
    Refuses,
    /// It says everything twice.
    Repeats,
}

/// One step in so many, where packs are made.
const PACKS_EVERY: usize = 12;

/// Draws what happens, one thing a step.
#[must_use]
pub fn draw(seed: u64, steps: usize) -> Vec<Act> {
    let mut dice = Dice::new(seed);
    (0..steps).map(|_| one(&mut dice)).collect()
}

/// Has coordinators make packs in the place of some of what happens. Dice of their own see to it that the rest stays as it is.
pub(crate) fn with_packs(seed: u64, acts: Vec<Act>) -> Vec<Act> {
    let mut dice = Dice::new(!seed);
    let instead = |act| match dice.below(PACKS_EVERY) {
        0 => Act::Pack { by: dice.below(64) },
        _ => act,
    };
    acts.into_iter().map(instead).collect()
}

/// One step in so many, where devices meet without a relay.
const MEETINGS_EVERY: usize = 6;

/// Has devices meet, carriers join files and clients be erased in the place of some of what happens. Dice of their own, as for packs.
pub(crate) fn with_meetings(seed: u64, acts: Vec<Act>) -> Vec<Act> {
    let mut dice = Dice::new(seed.rotate_left(32));
    let instead = |act| match dice.below(MEETINGS_EVERY) {
        0 => meeting(&mut dice),
        _ => act,
    };
    acts.into_iter().map(instead).collect()
}

fn meeting(dice: &mut Dice) -> Act {
    let device = dice.below(64);
    match dice.below(12) {
        0..7 => {
            let (answers, request) = (dice.below(64), arrives(dice));
            Act::Meet { asks: device, answers, request, answer: arrives(dice) }
        }
        7..9 => Act::Carry { files: 2 + dice.below(4) as u8, arrives: arrives(dice) },
        9 => Act::WriteFile { device },
        10 => Act::AddClient { device },
        _ => Act::Erase { device, client: dice.below(64) },
    }
}

fn one(dice: &mut Dice) -> Act {
    let device = dice.below(64);
    match dice.below(100) {
        0..24 => Act::Log { device, day: dice.below(8) as u8, contacts: 1 + dice.below(2) as u8 },
        24..29 => Act::Correct { device, contact: dice.below(64) },
        29 => Act::AddClient { device },
        30..58 => Act::Sync { device, relay: relay(dice), arrives: arrives(dice) },
        58..62 => Act::WriteFile { device },
        62..67 => Act::ReadFile { device, file: dice.below(64), arrives: arrives(dice) },
        67..70 => Act::Days { days: 1 + dice.below(3) as u8 },
        70..73 => Act::Rotate { device: dice.below(2) },
        73..79 => Act::Crash { device, power: dice.below(2) == 0, dice: dice.number() },
        79..85 => doom(dice, device),
        85 => Act::Close { device },
        _ => rare(dice, device),
    }
}

fn doom(dice: &mut Dice, device: usize) -> Act {
    let times = 1 + dice.below(3) as u32;
    let fault = match dice.below(4) {
        0 => Failure::Full(times),
        1 => Failure::Broken(times),
        _ => Failure::Death,
    };
    let after = dice.below(40) as u8;
    Act::Doom { device, after, fault, power: dice.below(2) == 0, dice: dice.number() }
}

fn rare(dice: &mut Dice, device: usize) -> Act {
    let (noticed, one_in_five) = (dice.below(2) == 0, dice.below(5) == 0);
    match dice.below(28) {
        0..3 => Act::Backup { device },
        3 if one_in_five => Act::Clone { device, noticed },
        4..7 if one_in_five => Act::Restore { device, noticed },
        7 if one_in_five => Act::Revoke { by: dice.below(64), device },
        8 if one_in_five => Act::Enrol { by: dice.below(64), role: dice.below(8) as u8 },
        9 if one_in_five => Act::SetRole { by: dice.below(64), device, role: dice.below(8) as u8 },
        10 if one_in_five => Act::Renew { device },
        11..13 => Act::Rollback { relay: relay(dice), keeps: arrives(dice) },
        13 => Act::Fork { relay: relay(dice) },
        14 => Act::Merge { relay: relay(dice) },
        15..18 => {
            Act::Hostile { relay: relay(dice), lie: lie(dice), exchanges: 1 + dice.below(4) as u8 }
        }
        18 => Act::Forge { by: device, victim: dice.below(64), by_file: noticed },
        19..21 => Act::Squat { relay: relay(dice), dice: dice.number() },
        21 => Act::Stranger { device },
        _ => Act::Log { device, day: dice.below(4) as u8, contacts: 1 },
    }
}

fn lie(dice: &mut Dice) -> Lie {
    match dice.below(5) {
        0 => Lie::Forgets,
        1 => Lie::Replays,
        2 => Lie::Garbles(dice.below(1_000) as u16),
        3 => Lie::Refuses,
        _ => Lie::Repeats,
    }
}

/// Two relays, one of them seldom used.
fn relay(dice: &mut Dice) -> usize {
    usize::from(dice.below(6) == 0)
}

/// Mostly all of it.
fn arrives(dice: &mut Dice) -> u16 {
    match dice.below(4) {
        0 => dice.below(1_000) as u16,
        _ => 1_000,
    }
}

//! A contact: one meeting, with a client, with someone unnamed, or with a number of people.

use std::collections::{BTreeMap, BTreeSet};

use super::{AgeBand, Duration, Item, Mode, Month, People, Quantity, Service, Sex, SiteCode};

/// What was given and taken in one meeting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// Whom it was with.
    pub who: Who,
    /// Where.
    pub site: SiteCode,
    /// How it came about.
    pub mode: Mode,
    /// What changed hands.
    pub lines: BTreeMap<Line, Quantity>,
    /// Services given beside supplies.
    pub services: BTreeSet<Service>,
    /// How long it took.
    pub duration: Option<Duration>,
}

/// Whom a contact was with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// A client, by the tag of the month in which the contact was made (never recomputed).
    Client {
        /// `ClientKey::tag` of that month.
        tag: [u8; 8],
        /// The month.
        month: Month,
    },
    /// Someone without a file.
    Anonymous {
        /// Sex, where asked.
        sex: Option<Sex>,
        /// Age band, where asked.
        age: Option<AgeBand>,
    },
    /// A number of people, counted only.
    Count(People),
}

/// A line of a contact: an item and which way it went.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Line {
    /// Which way.
    pub direction: Direction,
    /// What.
    pub item: Item,
}

/// Which way an item went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// Handed out for the person's own use.
    Out,
    /// Handed out to be passed on to others (secondary exchange).
    OutForOthers,
    /// Taken back.
    In,
}

impl Contact {
    /// Sets handed out: fixed syringes, plus the fewer of barrels and needles (domain § 2.1).
    #[must_use]
    pub fn sets(&self) -> u64 {
        let sum = |is: fn(&Item) -> bool| {
            self.lines
                .iter()
                .filter(|(line, _)| line.direction != Direction::In && is(&line.item))
                .map(|(_, quantity)| u64::from(quantity.get()))
                .sum::<u64>()
        };
        sum(Item::is_fixed_syringe) + sum(Item::is_barrel).min(sum(|item| *item == Item::NEEDLE))
    }

    /// Used pieces taken back.
    #[must_use]
    pub fn returned(&self) -> u64 {
        self.lines
            .iter()
            .filter(|(line, _)| line.direction == Direction::In && line.item.is_sharp())
            .map(|(_, quantity)| u64::from(quantity.get()))
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_and_returns() {
        let line = |direction, item: Item, n| (Line { direction, item }, Quantity::new(n).unwrap());
        let contact = Contact {
            who: Who::Anonymous { sex: None, age: None },
            site: SiteCode::new("KM-V").unwrap(),
            mode: Mode::VAN,
            lines: BTreeMap::from([
                line(Direction::Out, Item::SYRINGE_FIXED_1ML, 5),
                line(Direction::Out, Item::BARREL_2ML, 4),
                line(Direction::OutForOthers, Item::NEEDLE, 3),
                line(Direction::In, Item::USED_MIXED, 7),
                line(Direction::In, Item::CONDOM_M, 9),
            ]),
            services: BTreeSet::new(),
            duration: None,
        };
        assert_eq!((contact.sets(), contact.returned()), (8, 7));
    }
}

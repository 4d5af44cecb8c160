//! Contacts: logged, and shown.

use std::collections::BTreeMap;

use haversack::model::{self, Duration, Item, Mode, Quantity, Service, SiteCode};
use haversack::{ContactDraft, ContactRow, EngineError, WhoDraft};

use crate::codes::{optional, shown};
use crate::team::device_text;
use crate::{Person, RecordState, Who};

/// Which way an item went.
#[derive(Debug, Clone, Copy, uniffi::Enum)]
pub enum Direction {
    /// Handed out for the person's own use.
    Out,
    /// Handed out to be passed on to others.
    OutForOthers,
    /// Taken back.
    In,
}

/// So many pieces of one item, one way.
#[derive(Debug, uniffi::Record)]
pub struct Line {
    /// Which way.
    pub direction: Direction,
    /// What.
    pub item: String,
    /// How many pieces.
    pub quantity: u32,
}

/// A contact to be logged.
#[derive(Debug, uniffi::Record)]
pub struct NewContact {
    /// Whom it was with.
    pub who: Who,
    /// Where: a site of the space.
    pub site: String,
    /// How it came about; the usual way of the site when absent.
    pub mode: Option<String>,
    /// What changed hands; of two lines with the same item and direction the last counts.
    pub lines: Vec<Line>,
    /// Services given beside supplies.
    pub services: Vec<String>,
    /// How long it took.
    pub duration: Option<String>,
}

/// A contact as it is shown.
#[derive(Debug, uniffi::Record)]
pub struct Contact {
    /// Its id, the same on every device.
    pub id: String,
    /// The local calendar date.
    pub day: String,
    /// Where.
    pub site: String,
    /// The device that logged it.
    pub author: String,
    /// How it came about.
    pub mode: String,
    /// Whom it was with.
    pub person: Person,
    /// What changed hands.
    pub lines: Vec<Line>,
    /// Services given.
    pub services: Vec<String>,
    /// How long it took.
    pub duration: Option<String>,
    /// Whether corrections of a count disagree.
    pub disputed: bool,
    /// Sets handed out: fixed syringes, plus the fewer of barrels and needles.
    pub sets: u64,
    /// Used pieces taken back.
    pub returned: u64,
    /// The safest place that it is known to be in.
    pub state: RecordState,
}

/// Which contacts are asked for; without any limit, all.
#[derive(Debug, uniffi::Record)]
pub struct ContactFilter {
    /// The first day.
    pub from: Option<String>,
    /// The day after the last.
    pub to: Option<String>,
    /// At most so many, newest day first.
    pub newest: Option<u32>,
}

impl From<Direction> for model::Direction {
    fn from(direction: Direction) -> Self {
        match direction {
            Direction::Out => Self::Out,
            Direction::OutForOthers => Self::OutForOthers,
            Direction::In => Self::In,
        }
    }
}

impl From<model::Direction> for Direction {
    fn from(direction: model::Direction) -> Self {
        match direction {
            model::Direction::Out => Self::Out,
            model::Direction::OutForOthers => Self::OutForOthers,
            model::Direction::In => Self::In,
        }
    }
}

/// Takes a line apart into what it is and how many.
pub(crate) fn read_line(line: &Line) -> Result<(model::Line, Quantity), EngineError> {
    let kind = model::Line { direction: line.direction.into(), item: Item::new(&line.item)? };
    Ok((kind, Quantity::new(line.quantity.into())?))
}

impl From<&(model::Line, Quantity)> for Line {
    fn from((line, quantity): &(model::Line, Quantity)) -> Self {
        Self {
            direction: line.direction.into(),
            item: line.item.to_string(),
            quantity: quantity.get(),
        }
    }
}

impl TryFrom<&NewContact> for ContactDraft {
    type Error = EngineError;

    fn try_from(contact: &NewContact) -> Result<Self, EngineError> {
        let services = contact.services.iter().map(|code| Service::new(code));
        Ok(Self {
            who: WhoDraft::try_from(&contact.who)?,
            site: SiteCode::new(&contact.site)?,
            mode: optional(contact.mode.as_ref(), Mode::new)?,
            lines: contact.lines.iter().map(read_line).collect::<Result<BTreeMap<_, _>, _>>()?,
            services: services.collect::<Result<_, _>>()?,
            duration: optional(contact.duration.as_ref(), Duration::new)?,
        })
    }
}

impl From<&ContactRow> for Contact {
    fn from(row: &ContactRow) -> Self {
        Self {
            id: row.id.to_string(),
            day: row.day.to_string(),
            site: row.site.to_string(),
            author: device_text(row.author),
            mode: row.mode.to_string(),
            person: Person::from(&row.person),
            lines: row.lines.iter().map(Line::from).collect(),
            services: row.services.iter().map(ToString::to_string).collect(),
            duration: shown(row.duration.as_ref()),
            disputed: row.disputed,
            sets: row.sets(),
            returned: row.returned(),
            state: row.state.into(),
        }
    }
}

impl TryFrom<&ContactFilter> for haversack::ContactFilter {
    type Error = EngineError;

    fn try_from(filter: &ContactFilter) -> Result<Self, EngineError> {
        Ok(Self {
            from: optional(filter.from.as_ref(), str::parse)?,
            to: optional(filter.to.as_ref(), str::parse)?,
            newest: filter.newest,
        })
    }
}

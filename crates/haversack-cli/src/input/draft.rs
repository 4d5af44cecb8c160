//! A contact, column by column.

use std::collections::BTreeSet;
use std::str::FromStr;

use haversack::model::{
    AgeBand, Day, Direction, Duration, Item, Line, Mode, People, Quantity, Service, Sex, SiteCode,
};
use haversack::{ClientId, ContactDraft, WhoDraft};

use super::code::{Code, Counted, quantity, whole};
use super::known::Known;
use crate::error::Error;

/// The columns whose names stand for themselves.
const COLUMNS: [(&str, Column); 9] = [
    ("date", Column::Date),
    ("site", Column::Site),
    ("mode", Column::Mode),
    ("client", Column::Client),
    ("sex", Column::Sex),
    ("age", Column::Age),
    ("people", Column::People),
    ("services", Column::Services),
    ("duration", Column::Duration),
];
/// The columns of items, by what stands before the item.
const DIRECTIONS: [(&str, Direction); 3] =
    [("out.", Direction::Out), ("others.", Direction::OutForOthers), ("in.", Direction::In)];

/// What a column of a file of contacts holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Column {
    Date,
    Site,
    Mode,
    Client,
    Sex,
    Age,
    People,
    Services,
    Duration,
    Line(Line),
}

impl Column {
    /// Takes a column's name.
    pub(super) fn named(name: &str) -> Result<Self, Error> {
        if let Some((_, column)) = COLUMNS.iter().find(|(known, _)| *known == name) {
            return Ok(column.clone());
        }
        for (prefix, direction) in DIRECTIONS {
            if let Some(item) = name.strip_prefix(prefix) {
                return Ok(Self::Line(Line { direction, item: Item::exact(item)? }));
            }
        }
        let names = COLUMNS.map(|(name, _)| name).join(", ");
        Err(Error::rule(format!(
            "no such column; columns are {names}, out.ITEM, others.ITEM, in.ITEM"
        )))
    }
}

/// A line of a contact and its count, written as a file's columns are named: `out.swab=20`.
#[derive(Debug, Clone)]
pub(crate) struct CountedLine {
    pub(crate) line: Line,
    pub(crate) quantity: Quantity,
}

impl FromStr for CountedLine {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let form = || Error::rule("must be written as out.ITEM=N, others.ITEM=N or in.ITEM=N");
        let named = |(prefix, direction)| Some((direction, text.strip_prefix(prefix)?));
        let (direction, counted) = DIRECTIONS.into_iter().find_map(named).ok_or_else(form)?;
        let Counted { item, quantity } = counted.parse()?;
        Ok(Self { line: Line { direction, item }, quantity })
    }
}

/// A line's name: `out.swab`.
pub(crate) fn line_name(line: &Line) -> String {
    let named = DIRECTIONS.iter().find(|(_, direction)| *direction == line.direction);
    format!("{}{}", named.map_or("", |(prefix, _)| prefix), line.item)
}

/// A contact and its day.
#[derive(Debug)]
pub(crate) struct Dated {
    pub(crate) day: Day,
    pub(crate) draft: ContactDraft,
}

/// A contact in the making.
#[derive(Debug, Default)]
pub(crate) struct Builder {
    pub(crate) day: Option<Day>,
    pub(crate) site: Option<SiteCode>,
    pub(crate) mode: Option<Mode>,
    pub(crate) client: Option<ClientId>,
    pub(crate) sex: Option<Sex>,
    pub(crate) age: Option<AgeBand>,
    pub(crate) people: Option<People>,
    pub(crate) services: BTreeSet<Service>,
    pub(crate) duration: Option<Duration>,
    pub(crate) lines: Vec<(Line, Quantity)>,
}

impl Builder {
    /// Takes what a cell says.
    pub(super) fn take(&mut self, column: &Column, text: &str, known: &Known) -> Result<(), Error> {
        match column {
            Column::Date => self.day = Some(text.parse()?),
            Column::Site => self.site = Some(known.site(text)?),
            Column::Mode => self.mode = Some(Mode::exact(text)?),
            Column::Client => self.client = Some(known.client(text)?),
            Column::Sex => self.sex = Some(Sex::exact(text)?),
            Column::Age => self.age = Some(AgeBand::exact(text)?),
            Column::People => self.people = Some(People::new(whole("people", text)?)?),
            Column::Duration => self.duration = Some(Duration::exact(text)?),
            Column::Line(line) => self.lines.push((line.clone(), quantity(text)?)),
            Column::Services => {
                for code in text.split(';').map(str::trim).filter(|code| !code.is_empty()) {
                    self.services.insert(Service::exact(code)?);
                }
            }
        }
        Ok(())
    }

    /// Takes items that went one way.
    pub(crate) fn add(&mut self, direction: Direction, counted: &[Counted]) {
        self.lines.extend(
            counted.iter().map(|Counted { item, quantity }| {
                (Line { direction, item: item.clone() }, *quantity)
            }),
        );
    }

    /// Whether nothing is said but when and where.
    pub(crate) fn says_nothing(&self) -> bool {
        let Self { client, sex, age, people, duration, .. } = self;
        let who = client.is_some() || people.is_some() || sex.is_some() || age.is_some();
        !who && duration.is_none() && self.lines.is_empty() && self.services.is_empty()
    }

    /// Whether anything changed hands, or a service was given.
    pub(crate) fn is_empty(&self) -> bool {
        self.lines.is_empty() && self.services.is_empty()
    }

    /// The contact, if nothing is missing and nothing contradicts itself. None of an item is the same as no such
    /// line; an item that is given twice is one line.
    pub(crate) fn finish(self) -> Result<Dated, Error> {
        let missing = |what| Error::rule(format!("the {what} is missing"));
        let day = self.day.ok_or_else(|| missing("date"))?;
        let site = self.site.clone().ok_or_else(|| missing("site"))?;
        let mut draft = ContactDraft::new(self.who()?, site);
        for (line, quantity) in self.lines {
            let before = draft.lines.get(&line).map_or(0, |before| before.get());
            let sum = Quantity::new(i64::from(before) + i64::from(quantity.get()))?;
            if sum.get() > 0 {
                draft.lines.insert(line, sum);
            }
        }
        draft.mode = self.mode;
        draft.services = self.services;
        draft.duration = self.duration;
        Ok(Dated { day, draft })
    }

    fn who(&self) -> Result<WhoDraft, Error> {
        let anonymous = self.sex.is_some() || self.age.is_some();
        match (self.client, self.people) {
            (Some(id), None) if !anonymous => Ok(WhoDraft::Client(id)),
            (None, Some(people)) if !anonymous => Ok(WhoDraft::Count(people)),
            (None, None) => {
                Ok(WhoDraft::Anonymous { sex: self.sex.clone(), age: self.age.clone() })
            }
            _ => Err(Error::rule(
                "a contact is with a client, or with a number of people, or with someone of some sex and age",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns() {
        let check = |name: &str, usable| assert_eq!(Column::named(name).is_ok(), usable, "{name}");
        for name in ["date", "services", "out.swab", "others.needle", "in.used_mixed"] {
            check(name, true);
        }
        for name in ["", "Date", "name", "out.", "out.swabs", "swab", "in.in.swab"] {
            check(name, false);
        }
    }

    fn built(cells: &[(&str, &str)]) -> Result<Dated, Error> {
        let mut builder = Builder { site: Some(SiteCode::new("KM-V")?), ..Builder::default() };
        for (name, text) in cells {
            builder.take(&Column::named(name)?, text, &Known::default())?;
        }
        builder.finish()
    }

    #[test]
    fn contacts() {
        let day = ("date", "2008-02-04");
        let contact =
            built(&[day, ("out.swab", "2"), ("out.swab", "3"), ("in.needle", "0")]).unwrap();
        assert_eq!(contact.draft.lines.values().map(|n| n.get()).collect::<Vec<_>>(), [5]);
        let contact = built(&[day, ("services", "nsp; counselling;")]).unwrap();
        assert_eq!(contact.draft.services.len(), 2);
        for bad in [
            &[][..],
            &[day, ("people", "2"), ("sex", "F")],
            &[day, ("people", "0")],
            &[day, ("services", "nsp,oamt")],
            &[day, ("out.swab", "9000"), ("out.swab", "9000")],
            &[("date", "1970-01-01")],
            &[day, ("client", "nobody")],
        ] {
            assert!(built(bad).is_err(), "{bad:?}");
        }
    }
}

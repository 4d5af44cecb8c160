//! Local calendar dates: chosen by the educator, never taken from a clock alone.

use std::str::FromStr;

use jiff::civil::Date;

use crate::Error;

/// A local calendar date from 2000-01-01 to 2079-12-31. A phone's clock that was never set says 1970; a
/// date outside of this range is a mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(u16);

const FIRST: Date = Date::constant(2000, 1, 1);
const LAST: Date = Date::constant(2079, 12, 31);

impl Day {
    /// Takes a date.
    ///
    /// # Errors
    /// [`Error::Invalid`] outside of 2000-01-01 to 2079-12-31.
    pub fn new(date: Date) -> Result<Self, Error> {
        if !(FIRST..=LAST).contains(&date) {
            return Err(Error::invalid("date", "must lie between 2000-01-01 and 2079-12-31"));
        }
        let days = date.duration_since(FIRST).as_hours() / 24;
        u16::try_from(days).map(Self).map_err(|_| Error::invalid("date", "is out of range"))
    }

    /// Days since 2000-01-01, as documents store it.
    #[must_use]
    pub const fn number(self) -> u16 {
        self.0
    }

    /// From days since 2000-01-01, 0 to 29,219.
    ///
    /// # Errors
    /// [`Error::Invalid`] beyond 2079-12-31.
    pub fn from_number(days: i64) -> Result<Self, Error> {
        match u16::try_from(days) {
            Ok(days) if days <= 29_219 => Ok(Self(days)),
            _ => Err(Error::invalid("date", "must lie between 2000-01-01 and 2079-12-31")),
        }
    }

    /// The date.
    #[must_use]
    pub fn date(self) -> Date {
        FIRST.saturating_add(jiff::Span::new().days(i64::from(self.0)))
    }

    /// Its calendar month.
    #[must_use]
    pub fn month(self) -> Month {
        let date = self.date();
        Month(date.year().unsigned_abs() * 12 + date.month().unsigned_abs() as u16 - 1)
    }
}

impl FromStr for Day {
    type Err = Error;

    /// Reads `2008-02-29`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let refused = || Error::invalid("date", "must be written as YYYY-MM-DD");
        let plain = |b: u8| b.is_ascii_digit() || b == b'-';
        if text.len() != 10 || !text.bytes().all(plain) {
            return Err(refused());
        }
        text.parse::<Date>().map_err(|_| refused()).and_then(Self::new)
    }
}

impl std::fmt::Display for Day {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.date().fmt(f)
    }
}

/// A calendar month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month(u16);

impl Month {
    /// `year · 12 + month − 1`, as documents store it.
    #[must_use]
    pub const fn number(self) -> u16 {
        self.0
    }

    /// From `year · 12 + month − 1`, years 2000 to 2079.
    ///
    /// # Errors
    /// [`Error::Invalid`] for another year.
    pub fn from_number(number: u64) -> Result<Self, Error> {
        match u16::try_from(number) {
            Ok(n) if (24_000..24_960).contains(&n) => Ok(Self(n)),
            _ => Err(Error::invalid("month", "must lie between 2000-01 and 2079-12")),
        }
    }

    /// (year, month 1–12)
    #[must_use]
    pub const fn parts(self) -> (u16, u8) {
        (self.0 / 12, (self.0 % 12) as u8 + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_months() {
        let check = |text: &str, number, month| {
            let day: Day = text.parse().unwrap();
            assert_eq!(
                (day.number(), day.month().parts(), day.to_string()),
                (number, month, text.into())
            );
            assert_eq!(Day::from_number(number.into()).unwrap(), day);
        };
        check("2000-01-01", 0, (2000, 1));
        check("2008-02-29", 2_981, (2008, 2));
        check("2079-12-31", 29_219, (2079, 12));
        for bad in [
            "1970-01-01",
            "2100-01-01",
            "2008-02-30",
            "yesterday",
            "",
            "20080204",
            "2008-02-04T10:00",
            "+002008-02-04",
        ] {
            assert!(bad.parse::<Day>().is_err(), "{bad}");
        }
        assert!(Day::from_number(29_220).is_err());
        assert!(Day::from_number(-1).is_err());
        assert!(Month::from_number(5).is_err());
    }
}

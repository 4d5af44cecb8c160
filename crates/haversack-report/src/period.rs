use haversack_core::model::Day;

use crate::Error;

/// A period of whole local days; its end is exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    from: Day,
    to: Day,
}

/// WHO PRV.9a counts in periods of so many days.
const BLOCK_DAYS: u32 = 30;

impl Period {
    /// Takes `[from, to)`.
    ///
    /// # Errors
    /// [`Error::EmptyPeriod`] unless `from` comes before `to`.
    pub fn new(from: Day, to: Day) -> Result<Self, Error> {
        if from < to { Ok(Self { from, to }) } else { Err(Error::EmptyPeriod) }
    }

    /// The first day.
    #[must_use]
    pub const fn from(&self) -> Day {
        self.from
    }

    /// The day after the last.
    #[must_use]
    pub const fn to(&self) -> Day {
        self.to
    }

    /// Whether a day lies in it.
    #[must_use]
    pub fn contains(&self, day: Day) -> bool {
        (self.from..self.to).contains(&day)
    }

    /// Its length in days.
    #[must_use]
    pub fn days(&self) -> u32 {
        u32::from(self.to.number()) - u32::from(self.from.number())
    }

    /// How many complete blocks of 30 days it has, counted from its start; a rest is ignored.
    #[must_use]
    pub fn blocks(&self) -> u32 {
        self.days() / BLOCK_DAYS
    }

    /// The block that a day of the period lies in, from 0.
    #[must_use]
    pub fn block(&self, day: Day) -> u32 {
        (u32::from(day.number()) - u32::from(self.from.number())) / BLOCK_DAYS
    }

    /// How many calendar months have a day in it.
    #[must_use]
    pub fn months(&self) -> u32 {
        let last = Day::from_number(i64::from(self.to.number()) - 1).unwrap_or(self.from);
        u32::from(last.month().number()) - u32::from(self.from.month().number()) + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_blocks_and_months() {
        let check = |from: &str, to: &str, days, blocks, months| {
            let period = Period::new(from.parse().unwrap(), to.parse().unwrap()).unwrap();
            assert_eq!((period.days(), period.blocks(), period.months()), (days, blocks, months));
        };
        check("2008-02-01", "2008-08-01", 182, 6, 6);
        check("2008-02-01", "2008-02-02", 1, 0, 1);
        check("2007-12-31", "2008-02-01", 32, 1, 2);
        let day: Day = "2008-02-01".parse().unwrap();
        assert_eq!(Period::new(day, day), Err(Error::EmptyPeriod));
    }
}

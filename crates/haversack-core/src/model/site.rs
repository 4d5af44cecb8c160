//! A site: where a service is given. A kind and a coarse code, never a coordinate.

use super::{Setting, SiteCode, SiteKind};
use crate::Error;

/// A site of the programme.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// Its code within the space.
    pub code: SiteCode,
    /// What kind of place it is.
    pub kind: SiteKind,
    /// In the community, a facility, or closed.
    pub setting: Option<Setting>,
    /// When it closes.
    pub closes: Option<Closing>,
}

/// A time of day, in minutes after midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Closing(u16);

impl Closing {
    /// From minutes after midnight, 0 to 1,440.
    ///
    /// # Errors
    /// [`Error::Invalid`] beyond a day.
    pub fn from_minutes(minutes: u64) -> Result<Self, Error> {
        match u16::try_from(minutes) {
            Ok(minutes) if minutes <= 1_440 => Ok(Self(minutes)),
            _ => Err(Error::invalid("closing time", "must lie within a day")),
        }
    }

    /// Minutes after midnight.
    #[must_use]
    pub const fn minutes(self) -> u16 {
        self.0
    }
}

impl std::str::FromStr for Closing {
    type Err = Error;

    /// Reads `17:00`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let parse = || {
            let (hours, minutes) = text.split_once(':')?;
            let (hours, minutes) = (hours.parse::<u64>().ok()?, minutes.parse::<u64>().ok()?);
            (hours <= 24 && minutes < 60).then_some(hours * 60 + minutes)
        };
        parse()
            .ok_or_else(|| Error::invalid("closing time", "must be written as HH:MM"))
            .and_then(Self::from_minutes)
    }
}

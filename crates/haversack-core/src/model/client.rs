//! A client's file. Every field but the key is optional (domain § 3.1).

use super::{ClientStatus, Label, Needed, Sex};
use crate::Error;

/// What is known of a client, by their own leave. Who they are is not in it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Client {
    /// The human code; two clients may have the same.
    pub label: Option<Label>,
    /// Sex as asked.
    pub sex: Option<Sex>,
    /// A band of birth years, never a birth date.
    pub birth: Option<BirthBand>,
    /// Injections a day.
    pub need: Option<Needed>,
    /// Where the file stands.
    pub status: Option<ClientStatus>,
}

/// A band of birth years: the first of them and how many (1, 5 or 10).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BirthBand {
    first: u16,
    width: u8,
}

impl BirthBand {
    /// Takes a band.
    ///
    /// # Errors
    /// [`Error::Invalid`] outside of 1900–2079 or for another width.
    pub fn new(first: i64, width: i64) -> Result<Self, Error> {
        match (u16::try_from(first), u8::try_from(width)) {
            (Ok(first @ 1900..=2079), Ok(width @ (1 | 5 | 10))) => Ok(Self { first, width }),
            _ => {
                Err(Error::invalid("birth year", "must be a band of 1, 5 or 10 years from 1900 on"))
            }
        }
    }

    /// (first year, number of years)
    #[must_use]
    pub const fn parts(self) -> (u16, u8) {
        (self.first, self.width)
    }
}

//! Whom a contact was with.

use haversack::model::{AgeBand, People, Sex};
use haversack::{EngineError, WhoDraft};

use crate::codes::{optional, shown};

/// Whom a contact to be logged was with.
#[derive(Debug, uniffi::Enum)]
pub enum Who {
    /// A client whose file is here.
    Client {
        /// The file's id.
        id: String,
    },
    /// Someone without a file.
    Anonymous {
        /// Sex, where asked.
        sex: Option<String>,
        /// Age band, where asked.
        age: Option<String>,
    },
    /// A number of people, counted only.
    Count {
        /// How many.
        people: u32,
    },
}

/// Whom a contact was with, as far as this device can tell.
#[derive(Debug, uniffi::Enum)]
pub enum Person {
    /// A client whose file is here.
    Client {
        /// The file's id.
        id: String,
    },
    /// A client whose file is not here: not arrived yet, or erased.
    Unattributed,
    /// Someone without a file.
    Anonymous {
        /// Sex, where asked.
        sex: Option<String>,
        /// Age band, where asked.
        age: Option<String>,
    },
    /// A number of people, counted only.
    Count {
        /// How many.
        people: u32,
    },
}

impl TryFrom<&Who> for WhoDraft {
    type Error = EngineError;

    fn try_from(who: &Who) -> Result<Self, EngineError> {
        Ok(match who {
            Who::Client { id } => Self::Client(id.parse()?),
            Who::Anonymous { sex, age } => Self::Anonymous {
                sex: optional(sex.as_ref(), Sex::new)?,
                age: optional(age.as_ref(), AgeBand::new)?,
            },
            Who::Count { people } => Self::Count(People::new((*people).into())?),
        })
    }
}

impl From<&haversack::Person> for Person {
    fn from(person: &haversack::Person) -> Self {
        match person {
            haversack::Person::Client(id) => Self::Client { id: id.to_string() },
            haversack::Person::Unattributed => Self::Unattributed,
            haversack::Person::Anonymous { sex, age } => {
                Self::Anonymous { sex: shown(sex.as_ref()), age: shown(age.as_ref()) }
            }
            haversack::Person::Count(people) => Self::Count { people: *people },
        }
    }
}

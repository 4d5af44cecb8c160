//! Client files.

use haversack::EngineError;
use haversack::model::{self, ClientStatus, Label, Needed, Sex};

use crate::RecordState;
use crate::codes::{optional, shown};

/// What is known of a client, by their own leave. Every field may be absent.
#[derive(Debug, uniffi::Record)]
pub struct Client {
    /// The human code, such as `LOTUS-27`; two clients may have the same.
    pub label: Option<String>,
    /// Sex as asked.
    pub sex: Option<String>,
    /// A band of birth years, never a birth date.
    pub birth: Option<BirthBand>,
    /// Injections a day, as the client says.
    pub injections_a_day: Option<u32>,
    /// Where the file stands.
    pub status: Option<String>,
}

/// A band of birth years.
#[derive(Debug, uniffi::Record)]
pub struct BirthBand {
    /// The first year of the band.
    pub first_year: u16,
    /// How many years it has: 1, 5 or 10.
    pub years: u8,
}

/// A client's file.
#[derive(Debug, uniffi::Record)]
pub struct ClientFile {
    /// Its id: random, and the same on every device.
    pub id: String,
    /// What is known.
    pub client: Client,
    /// The safest place that it is known to be in.
    pub state: RecordState,
}

/// An erased client, and how far that has come.
#[derive(Debug, uniffi::Record)]
pub struct Erasure {
    /// The id that the file had. Nothing else is left of it.
    pub client: String,
    /// How many members have said, signed, that the erasure came to them; this device among them.
    pub confirmed: u64,
    /// How many members there are.
    pub members: u64,
}

impl From<&haversack::Erasure> for Erasure {
    fn from(erasure: &haversack::Erasure) -> Self {
        let haversack::Erasure { client, confirmed, members } = *erasure;
        Self { client: client.to_string(), confirmed, members }
    }
}

impl TryFrom<&Client> for model::Client {
    type Error = EngineError;

    fn try_from(client: &Client) -> Result<Self, EngineError> {
        let birth = client.birth.as_ref().map(model::BirthBand::try_from);
        let need = client.injections_a_day.map(|count| Needed::new(count.into()));
        Ok(Self {
            label: optional(client.label.as_ref(), Label::new)?,
            sex: optional(client.sex.as_ref(), Sex::new)?,
            birth: birth.transpose()?,
            need: need.transpose()?,
            status: optional(client.status.as_ref(), ClientStatus::new)?,
        })
    }
}

impl TryFrom<&BirthBand> for model::BirthBand {
    type Error = EngineError;

    fn try_from(band: &BirthBand) -> Result<Self, EngineError> {
        Self::new(band.first_year.into(), band.years.into())
    }
}

impl From<model::BirthBand> for BirthBand {
    fn from(band: model::BirthBand) -> Self {
        let (first_year, years) = band.parts();
        Self { first_year, years }
    }
}

impl From<&model::Client> for Client {
    fn from(client: &model::Client) -> Self {
        Self {
            label: shown(client.label.as_ref()),
            sex: shown(client.sex.as_ref()),
            birth: client.birth.map(BirthBand::from),
            injections_a_day: client.need.map(Needed::get),
            status: shown(client.status.as_ref()),
        }
    }
}

impl From<&haversack::ClientRow> for ClientFile {
    fn from(row: &haversack::ClientRow) -> Self {
        Self { id: row.id.to_string(), client: Client::from(&row.client), state: row.state.into() }
    }
}

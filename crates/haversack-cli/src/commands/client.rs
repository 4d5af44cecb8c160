//! `haversack client`: files of people who want one.

pub(crate) mod add;
pub(crate) mod erase;
pub(crate) mod erased;
pub(crate) mod list;

use haversack::model::{BirthBand, Client};
use haversack::{ClientId, Erasure};
use serde::Serialize;

/// Opens, lists and erases client files
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    Add(add::Args),
    List(list::Args),
    Erase(erase::Args),
    Erased(erased::Args),
}

/// An erased client, as it is shown.
#[derive(Debug, Default, Serialize)]
pub(crate) struct ErasureShown {
    client: String,
    /// Members who have said that it came to them, this device among them.
    confirmed: u64,
    /// Members.
    members: u64,
}

impl From<&Erasure> for ErasureShown {
    fn from(erasure: &Erasure) -> Self {
        let Erasure { client, confirmed, members } = *erasure;
        Self { client: client.to_string(), confirmed, members }
    }
}

/// A client's file, as it is shown.
#[derive(Debug, Serialize)]
pub(crate) struct ClientShown {
    id: String,
    label: Option<String>,
    sex: Option<String>,
    birth_year: Option<u16>,
    birth_band: Option<u8>,
    need: Option<u32>,
    status: Option<String>,
}

impl ClientShown {
    fn new(id: ClientId, client: &Client) -> Self {
        let birth = client.birth.map(BirthBand::parts);
        Self {
            id: id.to_string(),
            label: client.label.as_ref().map(ToString::to_string),
            sex: client.sex.as_ref().map(ToString::to_string),
            birth_year: birth.map(|(year, _)| year),
            birth_band: birth.map(|(_, band)| band),
            need: client.need.map(|need| need.get()),
            status: client.status.as_ref().map(ToString::to_string),
        }
    }

    /// The band of birth years, as people write it.
    fn born(&self) -> String {
        match (self.birth_year, self.birth_band) {
            (Some(year), Some(band)) if band > 1 => {
                format!("{year}-{}", year + u16::from(band) - 1)
            }
            (Some(year), _) => year.to_string(),
            _ => String::new(),
        }
    }
}

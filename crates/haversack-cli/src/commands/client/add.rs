//! `haversack client add`.

use std::io::{self, Write};

use haversack::EngineError;
use haversack::model::{BirthBand, Client, Label, Needed, Sex};
use serde::Serialize;

use super::ClientShown;
use crate::error::Error;
use crate::global::{Global, close};
use crate::input::{self, Known};
use crate::output::Show;

/// Opens a client's file
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Opens a client's file. Everything in it is optional, and nothing in it says who they are.\n\n\
    The label is invented, short, and spoken over a counter; two clients may have the same. There is no room for a name, a \
    number that identifies, or a birth date.\n\n\
    Example:\n  haversack client add --label LOTUS-27 --sex F --birth-year 1980 --band 10 --need 3"
)]
pub(crate) struct Args {
    /// An invented label, as in LOTUS-27
    #[arg(long, value_parser = input::label)]
    label: Option<Label>,
    /// Sex, as they say
    #[arg(long, value_parser = input::one_of::<Sex>())]
    sex: Option<Sex>,
    /// The first year of a band of birth years
    #[arg(long, value_name = "YEAR", allow_negative_numbers = true)]
    birth_year: Option<i64>,
    /// How many years the band has: 1, 5 or 10
    #[arg(long, value_name = "YEARS", default_value_t = 1, requires = "birth_year")]
    #[arg(allow_negative_numbers = true)]
    band: i64,
    /// Injections a day, as they say
    #[arg(long, value_name = "N", value_parser = need, allow_negative_numbers = true)]
    need: Option<Needed>,
}

fn need(text: &str) -> Result<Needed, Error> {
    Ok(Needed::new(input::whole("injections a day", text)?)?)
}

/// A file was opened.
#[derive(Debug, Serialize)]
pub(crate) struct Opened {
    #[serde(flatten)]
    client: ClientShown,
    /// Other clients of this label.
    namesakes: usize,
}

/// Runs it.
pub(crate) fn run(global: &Global, args: &Args) -> Result<Opened, Error> {
    let birth = args.birth_year.map(|year| BirthBand::new(year, args.band)).transpose()?;
    let client = Client {
        label: args.label.clone(),
        sex: args.sex.clone(),
        birth,
        need: args.need,
        status: None,
    };
    let notebook = global.open()?;
    let label = args.label.as_ref().map_or("", Label::as_str);
    let namesakes = Known::of(&notebook)?.namesakes(label);
    let ids = notebook.add_clients(std::slice::from_ref(&client))?;
    close(&notebook);
    let id = ids.first().ok_or(EngineError::Unknown { what: "client" })?;
    Ok(Opened { client: ClientShown::new(*id, &client), namesakes })
}

impl Show for Opened {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        let label = self.client.label.as_deref().unwrap_or("no label");
        writeln!(out, "opened the file of {label}, id {}", self.client.id)?;
        match self.namesakes {
            0 => Ok(()),
            1 => writeln!(out, "another client has this label: name this one by the id"),
            more => writeln!(out, "{more} other clients have this label: name this one by the id"),
        }
    }
}

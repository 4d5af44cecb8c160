//! `haversack device rename`.

use std::io::{self, Write};

use haversack::model::Label;
use serde::Serialize;

use super::{DeviceShown, find};
use crate::error::Error;
use crate::global::{Global, close};
use crate::input;
use crate::output::Show;

/// Gives a device a name that is seen in this store only
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Gives a device a name that is seen in this store only, or takes it away.\n\n\
    The name is kept sealed in this store and shared with nobody. It is no place for a person's name: the van, the \
    shift, the colour of the phone. DEVICE is its name here, or the first digits of its id, four or more.\n\n\
    Example:\n  haversack device rename 3f2a van-phone\n  haversack device rename van-phone --clear"
)]
pub(crate) struct Args {
    /// Which device
    #[arg(value_name = "DEVICE")]
    device: String,
    /// What to call it: 1 to 16 of A-Z a-z 0-9 and -
    #[arg(value_name = "NAME", value_parser = input::label, required_unless_present = "clear")]
    name: Option<Label>,
    /// Takes its name away
    #[arg(long, conflicts_with = "name")]
    clear: bool,
}

/// It has its name.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct Renamed(DeviceShown);

/// Runs it.
pub(crate) fn run(global: &Global, args: &Args) -> Result<Renamed, Error> {
    let notebook = global.open()?;
    let mut row = find(&notebook, &args.device)?;
    notebook.rename(row.device, args.name.clone())?;
    row.name.clone_from(&args.name);
    close(&notebook);
    Ok(Renamed(DeviceShown::from(&row)))
}

impl Show for Renamed {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        match &self.0.name {
            Some(name) => writeln!(out, "{} is called {name} here.", self.0.device),
            None => writeln!(out, "{} has no name here any more.", self.0.device),
        }
    }
}

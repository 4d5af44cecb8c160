//! `haversack space rename`.

use std::io::{self, Write};

use haversack::model::SpaceName;
use serde::Serialize;

use crate::error::Error;
use crate::global::{Global, close};
use crate::input;
use crate::output::Show;

/// Gives another name to a further team of this store
#[derive(Debug, clap::Args)]
#[command(long_about = "Gives another name to a further team of this store.\n\n\
    The name is seen in this store only.\n\n\
    Example:\n  haversack space rename clinic health")]
pub(crate) struct Args {
    /// Its name
    #[arg(value_name = "NAME", value_parser = input::space_name)]
    name: SpaceName,
    /// What to call it from now on
    #[arg(value_name = "NEW", value_parser = input::space_name)]
    new: SpaceName,
}

/// It has its name.
#[derive(Debug, Serialize)]
pub(crate) struct Renamed {
    name: String,
}

/// Runs it.
pub(crate) fn run(global: &Global, args: &Args) -> Result<Renamed, Error> {
    global.whole()?;
    let first = global.open()?;
    first.rename_space(&args.name, &args.new)?;
    close(&first);
    Ok(Renamed { name: args.new.to_string() })
}

impl Show for Renamed {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "It is called {} from now on.", self.name)
    }
}

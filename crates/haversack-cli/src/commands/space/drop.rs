//! `haversack space drop`.

use std::io::{self, Write};

use haversack::model::SpaceName;
use serde::Serialize;

use crate::error::Error;
use crate::global::{Global, close};
use crate::input;
use crate::output::Show;
use crate::prompt;

/// Destroys a further team's records and keys in this store
#[derive(Debug, clap::Args)]
#[command(long_about = "Destroys a further team's records and keys in this store.\n\n\
    Neither this store nor a later copy of it opens them again, whatever passphrase is known. What was not synced is lost; \
    what others of that team hold is not. The team is not told: a coordinator of it removes this device with haversack device \
    revoke.\n\n\
    Example:\n  haversack space drop clinic")]
pub(crate) struct Args {
    /// Its name
    #[arg(value_name = "NAME", value_parser = input::space_name)]
    name: SpaceName,
    /// Does not ask
    #[arg(long)]
    yes: bool,
}

/// It is gone.
#[derive(Debug, Serialize)]
pub(crate) struct Dropped {
    dropped: bool,
    name: String,
}

/// Runs it.
pub(crate) fn run(global: &Global, args: &Args) -> Result<Dropped, Error> {
    global.whole()?;
    let first = global.open()?;
    let name = args.name.to_string();
    // A name that is none is said before anybody types.
    drop(first.open_space(&args.name)?);
    let question = format!("To destroy {name} in this store for good, type {name}:");
    prompt::confirm(global.format(), args.yes, &question, &name)?;
    first.drop_space(&args.name)?;
    close(&first);
    Ok(Dropped { dropped: true, name })
}

impl Show for Dropped {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "Nothing of {} is left in this store.", self.name)
    }
}

//! `haversack space rotate`.

use std::io::{self, Write};

use serde::Serialize;

use crate::error::Error;
use crate::global::{Global, close};
use crate::output::Show;

/// Makes new keys for what is written from now on
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Makes new keys for what is written from now on; coordinators and archives only.\n\n\
    Old keys do not open what comes after. haversack sync does this by itself every week, and a removal always does; by hand it is \
    of use when a copy of a store may have been taken.\n\n\
    Example:\n  haversack space rotate"
)]
pub(crate) struct Args {}

/// New keys were made.
#[derive(Debug, Serialize)]
pub(crate) struct Rotated {
    rotated: bool,
}

/// Runs it.
pub(crate) fn run(global: &Global) -> Result<Rotated, Error> {
    let notebook = global.open()?;
    notebook.rotate()?;
    close(&notebook);
    Ok(Rotated { rotated: true })
}

impl Show for Rotated {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "New keys were made. Others get them with the next sync: haversack sync")
    }
}

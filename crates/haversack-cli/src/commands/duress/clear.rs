//! `haversack duress clear`: makes the duress passphrase a wrong one.

use std::io::{self, Write};

use serde::Serialize;

use crate::error::Error;
use crate::global::{Global, close};
use crate::output::Show;

/// Makes the duress passphrase a wrong one like any other
#[derive(Debug, clap::Args)]
#[command(long_about = "Makes the duress passphrase a wrong one like any other.\n\n\
    Example:\n  haversack duress clear")]
pub(crate) struct Args {}

/// There is none any more.
#[derive(Debug, Serialize)]
pub(crate) struct Disarmed {
    duress: bool,
}

/// Runs it.
pub(crate) fn run(global: &Global) -> Result<Disarmed, Error> {
    let notebook = global.open()?;
    notebook.clear_duress()?;
    close(&notebook);
    Ok(Disarmed { duress: false })
}

impl Show for Disarmed {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "No passphrase destroys this store any more.")
    }
}

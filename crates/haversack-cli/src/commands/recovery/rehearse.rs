//! `haversack recovery rehearse`: proves that the paper is right.

use std::io::{self, Write};

use serde::Serialize;

use crate::error::Error;
use crate::global::{Global, close};
use crate::output::Show;
use crate::passphrase::Code;

/// Proves that a recovery code opens this store, and changes nothing
#[derive(Debug, clap::Args)]
#[command(long_about = "Proves that a recovery code opens this store, and changes nothing.\n\n\
    Takes the passphrase, then the twelve words from the paper. Do it once after haversack recovery create, and once a \
    year.\n\n\
    Example:\n  haversack recovery rehearse")]
pub(crate) struct Args {
    #[command(flatten)]
    code: Code,
}

/// The code is right.
#[derive(Debug, Serialize)]
pub(crate) struct Rehearsed {
    opens: bool,
}

/// Runs it.
pub(crate) fn run(global: &Global, args: &Args) -> Result<Rehearsed, Error> {
    let notebook = global.open()?;
    notebook.rehearse_recovery(&args.code.ask()?)?;
    close(&notebook);
    Ok(Rehearsed { opens: true })
}

impl Show for Rehearsed {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "These words open the store. Lock the paper away again.")
    }
}

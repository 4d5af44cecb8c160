//! `haversack recovery create`: makes the code.

use std::io::{self, Write};

use serde::Serialize;

use crate::error::Error;
use crate::global::{Global, close};
use crate::output::Show;

/// Makes a recovery code and prints it
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Makes a recovery code and prints it: twelve words that open the store without its passphrase and \
    without its key file. A code that was made before opens nothing any more.\n\n\
    Write the words on paper and lock it away, not with the device; then haversack recovery rehearse. Whoever has the \
    words and the device, or a copy of its store, has everything.\n\n\
    Example:\n  haversack recovery create\n  haversack recovery rehearse"
)]
pub(crate) struct Args {}

/// A code was made.
#[derive(Debug, Serialize)]
pub(crate) struct Created {
    code: String,
}

/// Runs it.
pub(crate) fn run(global: &Global) -> Result<Created, Error> {
    let notebook = global.open()?;
    let words = notebook.add_recovery()?.words();
    close(&notebook);
    Ok(Created { code: String::from_utf8_lossy(&words).into_owned() })
}

impl Show for Created {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{}\n", self.code)?;
        writeln!(out, "Write these words on paper and lock it away. They are shown this once.")?;
        writeln!(out, "Then prove that they were copied well: haversack recovery rehearse")
    }
}

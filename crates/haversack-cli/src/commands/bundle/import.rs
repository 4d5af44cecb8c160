//! `haversack bundle import`.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::ValueHint;
use haversack::{EngineError, Error as NotebookError};
use serde::Serialize;

use crate::commands::sync::Arrived;
use crate::error::Error;
use crate::files;
use crate::global::{Global, close};
use crate::output::{Show, Table};
use crate::passphrase::OfBundle;

/// A larger file is none.
pub(super) const BUNDLE_BYTES_MAX: u64 = 512 << 20;

/// Takes what a colleague's file brings
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Takes what a colleague's file brings. What is here already is not taken twice; what is new goes on to the \
    next relay as well. Of a file that ends too early it takes what is whole. One under a passphrase asks for it.\n\nExample:\n  haversack bundle import /media/card/monday.hsb"
)]
pub(crate) struct Args {
    /// The file to read
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    file: PathBuf,
    #[command(flatten)]
    passphrase: OfBundle,
}

/// A bundle was taken, to its end.
#[derive(Debug, Serialize)]
pub(crate) struct Imported {
    frames: u32,
    received: Arrived,
    /// Contacts that are new here.
    contacts: u64,
    whole: bool,
}

/// Runs it.
pub(crate) fn run(global: &Global, args: &Args) -> Result<Imported, Error> {
    let bytes = files::read(&args.file, BUNDLE_BYTES_MAX)?;
    let notebook = global.open()?;
    let bytes = match haversack::is_wrapped(&bytes) {
        true => haversack::unwrap_bundle(&bytes, &args.passphrase.ask()?)?,
        false => bytes.into(),
    };
    let outcome = notebook.import_bundle(&bytes).map_err(|error| match error {
        NotebookError::Engine(EngineError::Wire(_)) => {
            Error::from(error).at(args.file.display().to_string())
        }
        other => other.into(),
    })?;
    close(&notebook);
    let (frames, contacts) = (outcome.frames, outcome.contacts);
    match outcome.whole {
        true => Ok(Imported { frames, received: outcome.received.into(), contacts, whole: true }),
        false => Err(Error::CutBundle { frames, contacts }),
    }
}

impl Show for Imported {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut table = Table::default();
        table.pair("frames in the file", self.frames);
        self.received.lines(&mut table);
        table.pair("contacts that are new here", self.contacts);
        table.write(out)
    }
}

//! `haversack bundle export`.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::ValueHint;
use serde::Serialize;

use crate::error::Error;
use crate::files::{self, Replace};
use crate::global::{Global, close};
use crate::output::Show;
use crate::passphrase::OfBundle;

/// Writes a file with everything that nobody has acknowledged yet
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Writes a file with everything of this device that nobody has acknowledged yet, and with what it carries \
    for others. It is sealed as on the way to a relay: whoever carries it reads nothing.\n\n\
    With --wrap it is put under a passphrase as well: then it does not show that it is a bundle of this team, nor how many frames it \
    holds. Tell the passphrase in another way than the file goes; there is no other way to open it.\n\n\
    Example:\n  haversack bundle export /media/card/monday.hsb"
)]
pub(crate) struct Args {
    /// The file to write
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    file: PathBuf,
    /// Replaces the file if it is there
    #[arg(long)]
    force: bool,
    /// Puts the file under a passphrase of its own: six words or more
    #[arg(long)]
    wrap: bool,
    #[command(flatten)]
    passphrase: OfBundle,
}

/// A bundle was written.
#[derive(Debug, Serialize)]
pub(crate) struct Exported {
    file: String,
    bytes: u64,
}

/// Runs it.
pub(crate) fn run(global: &Global, args: &Args) -> Result<Exported, Error> {
    let replace = if args.force { Replace::Existing } else { Replace::Never };
    files::check_free(&args.file, replace)?;
    let notebook = global.open()?;
    let wrapped = args.wrap || args.passphrase.bundle_passphrase_file.is_some();
    let passphrase = wrapped.then(|| args.passphrase.ask_new()).transpose()?;
    let bundle = notebook.export_bundle()?;
    close(&notebook);
    let bundle = match passphrase {
        Some(passphrase) => haversack::wrap_bundle(&bundle, &passphrase, global.cost())?,
        None => bundle,
    };
    files::write(&args.file, &bundle, replace)?;
    Ok(Exported { file: args.file.display().to_string(), bytes: bundle.len() as u64 })
}

impl Show for Exported {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "wrote {}, {} bytes", self.file, self.bytes)?;
        writeln!(
            out,
            "The records in it stay on this device as well, and are acknowledged only when they arrive."
        )
    }
}

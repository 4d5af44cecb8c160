//! `haversack bundle carry`.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::ValueHint;
use haversack::carry_bundles;
use serde::Serialize;

use super::import::BUNDLE_BYTES_MAX;
use crate::error::Error;
use crate::files::{self, Replace};
use crate::output::{Show, Table};

/// Puts files of any team into one, to hand on
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Puts files of any team into one, to hand on. It takes no store, no passphrase and no membership: whoever carries \
    files for others reads nothing in them but where each sealed piece ends. A piece that is in several of them is in the new one \
    once; of a file that ends too early it takes what is whole. Files under a passphrase travel as they are.\n\n\
    A device of the team takes the new file with haversack bundle import.\n\n\
    Example:\n  haversack bundle carry --into all.hsb monday.hsb tuesday.hsb"
)]
pub(crate) struct Args {
    /// The files to put into one
    #[arg(required = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    files: Vec<PathBuf>,
    /// The file to write
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    into: PathBuf,
    /// Replaces the file if it is there
    #[arg(long)]
    force: bool,
}

/// Files were put into one.
#[derive(Debug, Serialize)]
pub(crate) struct Carried {
    file: String,
    frames: u32,
    bytes: u64,
    /// Files that ended too early.
    cut: u32,
}

/// Runs it.
pub(crate) fn run(args: &Args) -> Result<Carried, Error> {
    let replace = if args.force { Replace::Existing } else { Replace::Never };
    files::check_free(&args.into, replace)?;
    let read = args.files.iter().map(|file| files::read(file, BUNDLE_BYTES_MAX));
    let carried = carry_bundles(&read.collect::<Result<Vec<_>, _>>()?)?;
    files::write(&args.into, &carried.bundle, replace)?;
    let (file, bytes) = (args.into.display().to_string(), carried.bundle.len() as u64);
    Ok(Carried { file, frames: carried.frames, bytes, cut: carried.cut })
}

impl Show for Carried {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "wrote {}, {} bytes", self.file, self.bytes)?;
        let mut table = Table::default();
        table.pair("frames in it", self.frames);
        if self.cut > 0 {
            table.pair("files that ended too early", self.cut);
        }
        table.write(out)
    }
}

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
    once; of a file that ends too early or is damaged it takes what is whole. Files under a passphrase travel as they are: they, and \
    what is no such file, are left out and named.\n\n\
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
    /// Files of which nothing is in it.
    left_out: Vec<LeftOut>,
}

#[derive(Debug, Serialize)]
struct LeftOut {
    file: String,
    why: String,
}

/// Runs it.
pub(crate) fn run(args: &Args) -> Result<Carried, Error> {
    let replace = if args.force { Replace::Existing } else { Replace::Never };
    files::check_free(&args.into, replace)?;
    let (mut good, mut left_out, mut first) = (Vec::new(), Vec::new(), None);
    for path in &args.files {
        let read = files::read(path, BUNDLE_BYTES_MAX)?;
        match carry_bundles(std::slice::from_ref(&read)) {
            Ok(_) => good.push(read),
            Err(error) => {
                left_out.push(LeftOut { file: path.display().to_string(), why: error.to_string() });
                first = first.or(Some(error));
            }
        }
    }
    if let Some(error) = first.filter(|_| good.is_empty()) {
        return Err(error.into());
    }
    let carried = carry_bundles(&good)?;
    files::write(&args.into, &carried.bundle, replace)?;
    let (file, bytes) = (args.into.display().to_string(), carried.bundle.len() as u64);
    Ok(Carried { file, frames: carried.frames, bytes, cut: carried.cut, left_out })
}

impl Show for Carried {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "wrote {}, {} bytes", self.file, self.bytes)?;
        let mut table = Table::default();
        table.pair("frames in it", self.frames);
        if self.cut > 0 {
            table.pair("files that ended too early", self.cut);
        }
        table.write(out)?;
        self.left_out.iter().try_for_each(|one| writeln!(out, "not {}: {}", one.file, one.why))
    }
}

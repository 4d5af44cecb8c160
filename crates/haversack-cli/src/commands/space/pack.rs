//! `haversack space pack`.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::ValueHint;
use serde::Serialize;

use crate::error::Error;
use crate::files::{self, Replace};
use crate::global::{Global, close};
use crate::output::{Format, Show};
use crate::progress;

/// Packs everything that the team has written, for new devices
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Packs everything that the team has written, so that a new device has it in few bytes, newest outings first, \
    and one that was away for months comes back; coordinators and archives only.\n\n\
    The pack goes to the relay with the next sync, and its key to every member. Once the relay has it, it is told what it need not \
    keep any more. With --file the pack is also written to a file, for haversack bundle import.\n\n\
    Example:\n  haversack space pack"
)]
pub(crate) struct Args {
    /// Writes the pack to a file as well
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    file: Option<PathBuf>,
    /// Replaces the file if it is there
    #[arg(long, requires = "file")]
    force: bool,
}

/// A pack was made.
#[derive(Debug, Serialize)]
pub(crate) struct Packed {
    documents: u64,
    segments: u32,
    bytes: u64,
    file: Option<String>,
}

/// Runs it.
pub(crate) fn run(global: &Global, args: &Args, format: Format) -> Result<Packed, Error> {
    let replace = if args.force { Replace::Existing } else { Replace::Never };
    args.file.iter().try_for_each(|file| files::check_free(file, replace))?;
    let notebook = global.open()?;
    let bar = progress::Bar::start("packing", format);
    let made = notebook.make_pack(&mut |done, all| bar.at(done, all))?;
    drop(bar);
    if let Some(file) = &args.file {
        let pack = notebook.export_pack()?.unwrap_or_default();
        files::write(file, &pack, replace)?;
    }
    close(&notebook);
    let file = args.file.as_ref().map(|file| file.display().to_string());
    let (documents, segments, bytes) = (made.documents, made.segments, made.bytes);
    Ok(Packed { documents, segments, bytes, file })
}

impl Show for Packed {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        let Self { documents, segments, bytes, .. } = self;
        writeln!(out, "packed {documents} documents in {bytes} bytes, in {segments} segments")?;
        match &self.file {
            Some(file) => writeln!(out, "wrote {file}"),
            None => writeln!(out, "It goes to the relay with the next sync: haversack sync"),
        }
    }
}

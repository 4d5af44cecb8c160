//! `haversack man`: manual pages.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::ValueHint;
use serde::Serialize;

use crate::error::Error;
use crate::output::Show;

/// Writes manual pages, one for each command, into a folder
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Writes manual pages, one for each command, into a folder, which is made if there is none. They say what \
    haversack help says.\n\n\
    Example:\n  haversack man ~/.local/share/man/man1"
)]
pub(crate) struct Args {
    /// The folder
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    folder: PathBuf,
}

/// They were written.
#[derive(Debug, Serialize)]
pub(crate) struct Written {
    folder: String,
}

/// Runs it.
pub(crate) fn run(command: clap::Command, args: &Args) -> Result<Written, Error> {
    let folder = args.folder.display().to_string();
    std::fs::create_dir_all(&args.folder)
        .and_then(|()| clap_mangen::generate_to(command, &args.folder))
        .map_err(|source| Error::File { path: folder.clone(), done: "written", source })?;
    Ok(Written { folder })
}

impl Show for Written {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "wrote manual pages into {}", self.folder)
    }
}

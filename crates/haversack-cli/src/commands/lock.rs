//! `haversack lock`: makes sure that nobody holds the store open.

use std::io::{self, Write};

use serde::Serialize;

use crate::error::Error;
use crate::global::Global;
use crate::output::Show;

/// Makes sure that no program has this device's store open
#[derive(Debug, clap::Args)]
#[command(long_about = "Makes sure that no program has this device's store open.\n\n\
    Every command locks the store when it ends: its keys are in no memory then. This one asks for no passphrase, and fails \
    when another program still has the store open, such as an app or a haversack that waits for input.\n\n\
    Example:\n  haversack lock")]
pub(crate) struct Args {}

/// Nobody has it open.
#[derive(Debug, Serialize)]
pub(crate) struct Locked {
    locked: bool,
}

/// Runs it.
pub(crate) fn run(global: &Global) -> Result<Locked, Error> {
    global.whole()?;
    haversack::check_locked(global.folder()?)?;
    Ok(Locked { locked: true })
}

impl Show for Locked {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "The store is locked: no program has it open.")
    }
}

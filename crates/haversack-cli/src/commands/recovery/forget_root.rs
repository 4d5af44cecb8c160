//! `haversack recovery forget-root`: the root key is on paper only.

use std::io::{self, Write};

use serde::Serialize;

use crate::error::Error;
use crate::global::{Global, close};
use crate::output::Show;
use crate::prompt;

/// Forgets the team's root key on this device
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Forgets the team's root key on this device, so that it is on paper only.\n\n\
    First haversack recovery create --root, then haversack recovery rehearse --root with the very papers. Where there are \
    none, nobody ever has the key again. Asks for the word forget, unless --yes is given.\n\n\
    Example:\n  haversack recovery forget-root"
)]
pub(crate) struct Args {
    /// Does not ask
    #[arg(long)]
    yes: bool,
}

/// It is not here any more.
#[derive(Debug, Serialize)]
pub(crate) struct Forgotten {
    root_key: bool,
}

/// Runs it.
pub(crate) fn run(global: &Global, args: &Args) -> Result<Forgotten, Error> {
    let notebook = global.open()?;
    let question = "To forget the root key here, type the word forget:";
    prompt::confirm(global.format(), args.yes, question, "forget")?;
    notebook.forget_root()?;
    close(&notebook);
    Ok(Forgotten { root_key: false })
}

impl Show for Forgotten {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "The root key is not on this device any more: its shares make it.")
    }
}

//! `haversack recovery replace-root`: another root key.

use std::io::{self, Write};

use serde::Serialize;

use crate::error::Error;
use crate::global::{Global, close};
use crate::output::Show;
use crate::prompt;

/// Makes a new root key for the team; shares of the old one are worth nothing then
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Makes a new root key for the team, which is kept on this device; the old one signs it and is forgotten.\n\n\
    For when a share was lost or seen. Shares of the old key are worth nothing to the team once everybody has synced; destroy \
    them all the same. Whoever had put the old key together before could have replaced it too, and of two replacements only one \
    stands. Afterwards haversack recovery create --root makes new shares. Asks for the word replace, unless --yes is \
    given.\n\n\
    Example:\n  haversack recovery replace-root\n  haversack recovery create --root --shares 5 --needed 3"
)]
pub(crate) struct Args {
    /// Does not ask
    #[arg(long)]
    yes: bool,
}

/// There is another.
#[derive(Debug, Serialize)]
pub(crate) struct Replaced {
    replaced: bool,
}

/// Runs it.
pub(crate) fn run(global: &Global, args: &Args) -> Result<Replaced, Error> {
    let notebook = global.open()?;
    let question = "To make the shares of the root key worthless, type the word replace:";
    prompt::confirm(global.format(), args.yes, question, "replace")?;
    notebook.replace_root()?;
    close(&notebook);
    Ok(Replaced { replaced: true })
}

impl Show for Replaced {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(
            out,
            "A new root key was made, and is kept on this device. Tell the others: haversack sync"
        )?;
        writeln!(
            out,
            "Then make shares of it: haversack recovery create --root --shares 5 --needed 3"
        )
    }
}

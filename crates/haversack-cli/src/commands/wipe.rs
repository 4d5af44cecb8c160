//! `haversack wipe`: destroys the store.

use std::io::{self, Write};

use haversack::{EngineError, Error as NotebookError};
use serde::Serialize;

use crate::error::Error;
use crate::global::Global;
use crate::output::Show;
use crate::prompt;

/// What has to be typed.
const WORD: &str = "wipe";

/// Destroys this device's store: its keys first, then its data
#[derive(Debug, clap::Args)]
#[command(long_about = "Destroys this device's store: its keys first, then its data.\n\n\
    Asks for no passphrase, and works while another program has the store open. The keys are gone at once, however many \
    records there are. When it \
    is cut off, the next command that opens the store finishes it. What was not synced is lost; what others of the team \
    hold is not, nor are copies of the folder. A key file stays where it is: remove it too.\n\n\
    This is for an emergency. A phone that goes to another worker is given up with haversack device hand-over, which makes \
    sure first that nothing is lost.\n\n\
    Example:\n  haversack wipe --store team\n  haversack wipe --store team --yes")]
pub(crate) struct Args {
    /// Does not ask
    #[arg(long)]
    yes: bool,
}

/// Nothing is left.
#[derive(Debug, Serialize)]
pub(crate) struct Wiped {
    wiped: bool,
}

/// Runs it.
pub(crate) fn run(global: &Global, args: &Args) -> Result<Wiped, Error> {
    global.whole()?;
    let folder = global.folder()?;
    if let Err(error @ NotebookError::Engine(EngineError::NoStore)) =
        haversack::check_locked(folder)
    {
        return Err(error.into());
    }
    if !args.yes {
        let mut prompt =
            prompt::terminal(global.format()).ok_or(Error::Missing { what: "--yes" })?;
        let question = "To destroy this store for good, type the word wipe:";
        if prompt.ask(question, |typed| Ok(typed.to_owned()))? != WORD {
            return Err(Error::NotConfirmed);
        }
    }
    haversack::wipe(folder)?;
    Ok(Wiped { wiped: true })
}

impl Show for Wiped {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "The store was wiped; nothing of it is left in its folder.")
    }
}

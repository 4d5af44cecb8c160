//! `haversack device revoke`.

use std::io::{self, Write};

use haversack::{EngineError, Error as NotebookError};
use serde::Serialize;

use super::{find, short};
use crate::commands::exposure::ExposureShown;
use crate::error::Error;
use crate::global::{Global, close};
use crate::output::Show;
use crate::prompt;

/// Removes a device from the team for good, and says what it could have read; coordinators only
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Removes a device from the team for good, and says what it could have read; coordinators, and \
    whoever keeps the root key.\n\n\
    For a phone that is lost, seized or given back. From then on nothing is sealed to it, and new keys are made that it does \
    not get; each member's device follows when it syncs, so have them sync soon. It does not delete anything on the phone: whoever can \
    open its store reads what it had received, which the report counts. What the device logged after the last sync here is \
    not believed, unless others have built on it.\n\n\
    With --undo, what that device decided is void too: whom it removed is back, whose role it changed has the old one. That is for a \
    coordinator's device in the wrong hands. A coordinator whom it has removed may do so as well, and stays out until the root \
    key says otherwise.\n\n\
    A removed device does not come back; its owner joins with a new store. Asks for the beginning of the device's id, unless \
    --yes is given.\n\n\
    Example:\n  haversack device revoke van-phone\n  haversack device revoke 3f2a9c01 --undo --yes"
)]
pub(crate) struct Args {
    /// Which device: its name here, or the first digits of its id, four or more
    #[arg(value_name = "DEVICE")]
    device: String,
    /// Makes void what the device decided about others
    #[arg(long)]
    undo: bool,
    /// Does not ask
    #[arg(long)]
    yes: bool,
}

/// It was removed.
#[derive(Debug, Serialize)]
pub(crate) struct Revoked {
    revoked: bool,
    undone: bool,
    /// Whether this very device is a member no more, or not yet again.
    this_removed: bool,
    /// How many relays the team's roster names.
    relays: u64,
    exposure: ExposureShown,
}

/// Runs it.
pub(crate) fn run(global: &Global, args: &Args) -> Result<Revoked, Error> {
    let notebook = global.open()?;
    let row = find(&notebook, &args.device)?;
    let short = short(row.device);
    let question = format!("To remove {short} from the team for good, type {short}:");
    prompt::confirm(global.format(), args.yes, &question, &short)?;
    notebook.revoke(row.device, args.undo).map_err(|error| match error {
        NotebookError::Engine(EngineError::Unknown { .. }) if row.removed => Error::RemovedBefore,
        other => other.into(),
    })?;
    let exposure = ExposureShown::new(&notebook.exposure(row.device)?, row.name.as_ref());
    let this_removed = notebook.status()?.removed;
    let relays = notebook.relays()?.len() as u64;
    close(&notebook);
    Ok(Revoked { revoked: true, undone: args.undo, this_removed, relays, exposure })
}

impl Show for Revoked {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "The device was removed. Others learn of it with their next sync.")?;
        match (self.this_removed, self.relays) {
            (false, 0) => writeln!(
                out,
                "The team's roster names no relay. Tell them now: haversack sync --relay http://HOST:PORT, with the relay that they \
                use, or hand everybody a file: haversack bundle export FILE\n"
            )?,
            (false, _) => writeln!(out, "Tell them now: haversack sync\n")?,
            (true, _) => writeln!(
                out,
                "This device is out of the team too. Hand a file to who is not: haversack bundle export FILE\n"
            )?,
        }
        self.exposure.text(out)
    }
}

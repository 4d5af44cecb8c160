//! `haversack device renew`: new keys for this device.

use std::io::{self, Write};

use serde::Serialize;

use super::{DeviceShown, find};
use crate::error::Error;
use crate::global::{Global, close};
use crate::output::{Show, hex};
use crate::prompt;

/// What has to be typed.
const WORD: &str = "renew";

/// Gives this device new keys; it stays the same member
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Gives this device new keys, which the old ones vouch for. It stays the same member, with its id, its role and its \
    records.\n\n\
    For a device that is in the right hands, whose keys somebody may have seen: a copy of its store was in strange hands for a \
    while, or its passphrase was. Others learn of it with their next sync, after this device's. Whoever does have the old \
    keys is not locked out by this: they read what is sealed until then, and can say that it is they who went on. If that \
    is to be feared, have a coordinator remove the device and invite it anew: haversack device hand-over, then \
    haversack device revoke there. Change the passphrase as well: haversack passphrase. Asks for the word renew, unless --yes is given.\n\n\
    Example:\n  haversack device renew"
)]
pub(crate) struct Args {
    /// Does not ask
    #[arg(long)]
    yes: bool,
}

/// It goes on under new keys.
#[derive(Debug, Serialize)]
pub(crate) struct Renewed {
    renewed: bool,
    #[serde(flatten)]
    device: DeviceShown,
}

/// Runs it.
pub(crate) fn run(global: &Global, args: &Args) -> Result<Renewed, Error> {
    let notebook = global.open()?;
    let question = "To go on under new keys, type the word renew:";
    prompt::confirm(global.format(), args.yes, question, WORD)?;
    notebook.renew_device()?;
    let row = find(&notebook, &hex(notebook.device()?.to_bytes()))?;
    close(&notebook);
    Ok(Renewed { renewed: true, device: DeviceShown::from(&row) })
}

impl Show for Renewed {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{} goes on under new keys.", self.device.device)?;
        writeln!(out, "Others learn of it with their next sync: haversack sync, here first.")
    }
}

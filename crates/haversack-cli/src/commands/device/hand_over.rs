//! `haversack device hand-over`: this device goes to somebody else.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::ValueHint;
use haversack::{EngineError, Error as NotebookError, Notebook, Owed};
use serde::Serialize;

use super::short;
use crate::error::Error;
use crate::files::{self, Replace};
use crate::global::{Global, close};
use crate::output::{Show, count, hex};
use crate::prompt;

/// What has to be typed.
const WORD: &str = "wipe";

/// Gives this device to its next worker: makes sure that its work is with others, then wipes its store
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Gives this device to its next worker: makes sure that its work is with others, then wipes its store.\n\n\
    Stops when something is here that nobody else is known to have: records that no coordinator and no archive has \
    acknowledged, frames carried for others, decisions about the team. haversack sync here, then twice at a \
    coordinator's (the second says that the records are there), then here again clears that. Without a relay --bundle writes a file with it, reads the file back, and only then wipes: the \
    coordinator imports it before anything else.\n\n\
    The order matters: what the device logged, and had not brought when the coordinator removed it, is not believed. So, first \
    this command; second, at the coordinator's, haversack bundle import if there is a file, and haversack device revoke with \
    the id that this command shows; third, on this device, haversack join --request. The next worker has new keys and a \
    passphrase of their own. What the former one logged stays theirs in every report.\n\n\
    A store with further spaces gives up each of them first, with --space NAME: each owes its own team.\n\n\
    Asks for the word wipe, unless --yes is given. In an emergency there is haversack wipe, which needs no passphrase and asks \
    for nothing else.\n\n\
    Example:\n  haversack device hand-over\n  haversack device hand-over --bundle /media/card/last.hsb"
)]
pub(crate) struct Args {
    /// Writes what others do not have yet into this file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    bundle: Option<PathBuf>,
    /// Replaces the file if it is there
    #[arg(long, requires = "bundle")]
    force: bool,
    /// Wipes the store although others do not have everything: that is lost then
    #[arg(long, conflicts_with = "bundle")]
    lose_unsent: bool,
    /// Does not ask
    #[arg(long)]
    yes: bool,
}

/// The device is free for its next worker.
#[derive(Debug, Serialize)]
pub(crate) struct HandedOver {
    wiped: bool,
    /// The device that it was: others remove it.
    device: String,
    #[serde(skip)]
    short: String,
    /// The further space that was given up, when it was not the whole store.
    space: Option<String>,
    bundle: Option<String>,
    changes_lost: u64,
}

/// Runs it.
pub(crate) fn run(global: &Global, args: &Args) -> Result<HandedOver, Error> {
    let replace = if args.force { Replace::Existing } else { Replace::Never };
    if let Some(file) = &args.bundle {
        files::check_free(file, replace)?;
    }
    let first = global.open_first()?;
    let notebook = global.space().map_or(Ok(first.clone()), |name| first.open_space(name))?;
    let device = notebook.device()?;
    let settled = settled(&notebook, args)?;
    let question = "To wipe this device's store for its next worker, type the word wipe:";
    prompt::confirm(global.format(), args.yes, question, WORD)?;
    if let Some(file) = &args.bundle {
        write(&notebook, file, replace)?;
    }
    match global.space() {
        None => first.hand_over(&settled)?,
        Some(name) => {
            first.hand_over_space(name, &settled)?;
            close(&first);
        }
    }
    Ok(HandedOver {
        wiped: true,
        device: hex(device.to_bytes()),
        short: short(device),
        space: global.space().map(ToString::to_string),
        bundle: args.bundle.as_ref().map(|file| file.display().to_string()),
        changes_lost: if args.lose_unsent { settled.changes } else { 0 },
    })
}

/// What somebody says that they have taken care of. A device that was removed has nothing to say to anybody.
fn settled(notebook: &Notebook, args: &Args) -> Result<Owed, Error> {
    let owed = notebook.owed()?;
    let removed = notebook.status()?.removed;
    let settled = match args.lose_unsent || (args.bundle.is_some() && !removed) {
        true => owed,
        false => Owed::default(),
    };
    match notebook.check_owed(&settled) {
        Err(NotebookError::Engine(EngineError::Owed { owed })) if removed => {
            Err(Error::OwedByRemoved { owed })
        }
        checked => Ok(checked.map(|()| settled)?),
    }
}

/// Writes the bundle, and makes sure that the file holds it: soon it is the only one that does.
fn write(notebook: &Notebook, file: &Path, replace: Replace) -> Result<(), Error> {
    let bundle = notebook.export_bundle()?;
    files::write(file, &bundle, replace)?;
    match files::read(file, bundle.len() as u64)? == bundle {
        true => Ok(()),
        false => Err(Error::WrittenOtherwise { path: file.to_owned() }),
    }
}

impl Show for HandedOver {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        let (device, short) = (&self.device, &self.short);
        match &self.space {
            None => writeln!(out, "The store of {device} was wiped.")?,
            Some(name) => writeln!(out, "Nothing of {name} is left here. It was {device} there.")?,
        }
        if self.changes_lost > 0 {
            writeln!(out, "Lost with it: {}.", count(self.changes_lost, "change"))?;
        }
        writeln!(out, "\nAt a coordinator's, in this order:")?;
        if let Some(file) = &self.bundle {
            writeln!(out, "  haversack bundle import {file}")?;
        }
        writeln!(out, "  haversack device revoke {short}")?;
        match &self.space {
            None => {
                writeln!(out, "Then on this device, by its next worker: haversack join --request")
            }
            Some(_) => Ok(()),
        }
    }
}

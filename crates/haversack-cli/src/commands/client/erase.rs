//! `haversack client erase`.

use std::io::{self, Write};

use serde::Serialize;

use super::ErasureShown;
use crate::error::Error;
use crate::global::{Global, close};
use crate::input::Known;
use crate::output::Show;
use crate::prompt;

/// What has to be typed.
const WORD: &str = "erase";

/// Destroys a client's file on every device, for good; supervisors and coordinators only
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Destroys a client's file on every device, for good; supervisors and coordinators only.\n\n\
    For somebody who wants to be in no record any more. The file and its keys are gone from this device at once, and from every \
    other one with its next sync: have them sync soon. What others still say of this client is dropped when it comes. Contacts \
    stay, so that what was handed out is still counted; whom they were with nobody can tell any more.\n\n\
    Nothing takes it back. It does not reach a phone that never syncs again, nor a copy that somebody made before; haversack \
    client erased shows how many devices have said that it came to them. Asks for the word erase, unless --yes is given.\n\n\
    Example:\n  haversack client erase LOTUS-27\n  haversack client erase LOTUS-27 --yes"
)]
pub(crate) struct Args {
    /// Which client: the label, or the id where several have that label
    #[arg(value_name = "CLIENT")]
    client: String,
    /// Does not ask
    #[arg(long)]
    yes: bool,
}

/// It was erased.
#[derive(Debug, Serialize)]
pub(crate) struct Erased {
    erased: bool,
    #[serde(flatten)]
    erasure: ErasureShown,
}

/// Runs it.
pub(crate) fn run(global: &Global, args: &Args) -> Result<Erased, Error> {
    let notebook = global.open()?;
    let client = Known::of(&notebook)?.client(&args.client)?;
    let question = "To destroy this client's file on every device, type the word erase:";
    prompt::confirm(global.format(), args.yes, question, WORD)?;
    notebook.erase_client(client)?;
    let erasures = notebook.erasures()?;
    close(&notebook);
    let erasure = erasures.iter().find(|erasure| erasure.client == client);
    let shown = erasure.map(ErasureShown::from).unwrap_or_default();
    Ok(Erased { erased: true, erasure: shown })
}

impl Show for Erased {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(
            out,
            "The client's file is gone from this device. Others destroy it with their next sync."
        )?;
        match self.erasure.members {
            0 | 1 => Ok(()),
            _ => writeln!(out, "Tell them now: haversack sync"),
        }
    }
}

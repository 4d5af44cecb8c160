//! `haversack recovery rehearse`: proves that the paper is right.

use std::io::{self, Write};

use serde::Serialize;

use super::shares::Shares;
use crate::error::Error;
use crate::global::{Global, close};
use crate::output::Show;
use crate::passphrase::Code;

/// Proves that a recovery code opens this store, or that shares give the root key; changes nothing
#[derive(Debug, clap::Args)]
#[command(long_about = "Proves that a recovery code opens this store, and changes nothing.\n\n\
    Takes the passphrase, then the twelve words from the paper. Do it once after haversack recovery create, and once a \
    year.\n\n\
    With --root: proves that shares give the team's root key, as many as it takes. The key is not kept.\n\n\
    Example:\n  haversack recovery rehearse\n  haversack recovery rehearse --root --share-file one --share-file two")]
pub(crate) struct Args {
    #[command(flatten)]
    shares: Shares,
    #[command(flatten)]
    code: Code,
}

/// The code is right, or the shares.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Rehearsed {
    Code { opens: bool },
    Shares { root_key: bool },
}

/// Runs it.
pub(crate) fn run(global: &Global, args: &Args) -> Result<Rehearsed, Error> {
    let notebook = global.open()?;
    if args.shares.root {
        notebook.rehearse_root(&args.shares.ask()?)?;
        close(&notebook);
        return Ok(Rehearsed::Shares { root_key: true });
    }
    notebook.rehearse_recovery(&args.code.ask()?)?;
    close(&notebook);
    Ok(Rehearsed::Code { opens: true })
}

impl Show for Rehearsed {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::Code { .. } => {
                writeln!(out, "These words open the store. Lock the paper away again.")
            }
            Self::Shares { .. } => {
                writeln!(out, "These shares give the team's root key. Take the papers apart again.")
            }
        }
    }
}

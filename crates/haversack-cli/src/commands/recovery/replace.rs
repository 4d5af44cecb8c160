//! `haversack recovery use`: a new passphrase for a store whose old one is lost.

use std::io::{self, Write};

use haversack::{Bind, EngineError, OpenedBy, SecretOptions};
use serde::Serialize;

use crate::error::Error;
use crate::global::{Global, close};
use crate::output::Show;
use crate::passphrase::{Code, New};

/// Opens the store with the recovery code, and sets a new passphrase
#[derive(Debug, clap::Args)]
#[command(long_about = "Opens the store with the recovery code, and sets a new passphrase.\n\n\
    For a passphrase that is forgotten, or a key file that is lost; with --key-file, the new passphrase is bound to that \
    file, which is made if it is not there. The recovery code stays as it is. Wrong codes count like wrong \
    passphrases.\n\n\
    Example:\n  haversack recovery use")]
pub(crate) struct Args {
    #[command(flatten)]
    code: Code,
    #[command(flatten)]
    new: New,
}

/// The passphrase was replaced.
#[derive(Debug, Serialize)]
pub(crate) struct Recovered {
    recovered: bool,
}

/// Runs it.
pub(crate) fn run(global: &Global, args: &Args) -> Result<Recovered, Error> {
    global.folder()?;
    let code = args.code.ask()?;
    let notebook = global.open_with(&code.passphrase(), None).map_err(as_code)?;
    if notebook.opened_by()? != OpenedBy::Recovery {
        return Err(EngineError::WrongRecoveryCode.into());
    }
    let passphrase = args.new.ask("New passphrase: ")?;
    let key = global.key_or_new()?;
    let hardware = key.as_ref().map(|key| key as &dyn Bind);
    let accept_weak = args.new.weak_passphrase;
    let options = SecretOptions { hardware, cost: None, accept_weak };
    notebook.change_passphrase(&passphrase, options)?;
    close(&notebook);
    Ok(Recovered { recovered: true })
}

/// What was wrong was the code.
fn as_code(error: Error) -> Error {
    match error {
        Error::Notebook(haversack::Error::Engine(EngineError::WrongPassphrase)) => {
            EngineError::WrongRecoveryCode.into()
        }
        other => other,
    }
}

impl Show for Recovered {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "The store opens with the new passphrase. The recovery code still works.")
    }
}

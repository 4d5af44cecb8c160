//! `haversack recovery use`: a new passphrase for a store whose old one is lost.

use std::io::{self, Write};

use haversack::{Bind, EngineError, OpenedBy, SecretOptions};
use serde::Serialize;

use super::shares::Shares;
use crate::error::Error;
use crate::global::{Global, close};
use crate::output::Show;
use crate::passphrase::{Code, New};

/// Opens the store with the recovery code and sets a new passphrase; or takes the root key from its shares
#[derive(Debug, clap::Args)]
#[command(long_about = "Opens the store with the recovery code, and sets a new passphrase.\n\n\
    For a passphrase that is forgotten, or a key file that is lost; with --key-file, the new passphrase is bound to that \
    file, which is made if it is not there. The recovery code stays as it is. Wrong codes count like wrong \
    passphrases.\n\n\
    With --root: puts the team's root key together from its shares and keeps it on this device, which opens as always. It signs \
    what this device decides from then on: haversack device revoke, device role. Afterwards haversack recovery \
    forget-root.\n\n\
    Example:\n  haversack recovery use\n  haversack recovery use --root --share-file one --share-file two")]
pub(crate) struct Args {
    #[command(flatten)]
    shares: Shares,
    #[command(flatten)]
    code: Code,
    #[command(flatten)]
    new: New,
}

/// The passphrase was replaced, or the root key is here.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Recovered {
    Store { recovered: bool },
    Root { root_key: bool },
}

/// Runs it.
pub(crate) fn run(global: &Global, args: &Args) -> Result<Recovered, Error> {
    global.folder()?;
    if args.shares.root {
        let notebook = global.open()?;
        notebook.use_root(&args.shares.ask()?)?;
        close(&notebook);
        return Ok(Recovered::Root { root_key: true });
    }
    global.whole()?;
    global.find()?;
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
    Ok(Recovered::Store { recovered: true })
}

/// What was wrong was the code.
fn as_code(error: Error) -> Error {
    match error {
        Error::NotOpened { attempts, .. } => {
            Error::NotOpened { why: Box::new(EngineError::WrongRecoveryCode.into()), attempts }
        }
        other => other,
    }
}

impl Show for Recovered {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::Store { .. } => {
                writeln!(
                    out,
                    "The store opens with the new passphrase. The recovery code still works."
                )
            }
            Self::Root { .. } => writeln!(
                out,
                "The root key is on this device, and signs what it decides. Afterwards: haversack recovery forget-root"
            ),
        }
    }
}

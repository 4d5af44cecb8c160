//! `haversack duress set`: sets the passphrase that destroys.

use std::io::{self, Write};

use haversack::{Bind, SecretOptions};
use serde::Serialize;

use crate::error::Error;
use crate::global::{Global, close};
use crate::output::Show;
use crate::passphrase::New;

/// Sets a second passphrase that destroys the store when it is typed
#[derive(Debug, clap::Args)]
#[command(long_about = "Sets a second passphrase that destroys the store when it is typed.\n\n\
    Wherever the passphrase is asked for, typing this one first destroys the keys of everything that is here, and then \
    opens an empty store that works. There is no way back but what others of the team hold.\n\n\
    It does not deceive somebody who knows this program: an empty store, and what the disk shows of it, can be told from \
    one that is used. Nor does it destroy copies that were made before; it opens nothing on them either.\n\n\
    Example:\n  haversack duress set")]
pub(crate) struct Args {
    #[command(flatten)]
    new: New,
}

/// The passphrase was set.
#[derive(Debug, Serialize)]
pub(crate) struct Armed {
    duress: bool,
}

/// Runs it.
pub(crate) fn run(global: &Global, args: &Args) -> Result<Armed, Error> {
    let notebook = global.open()?;
    let passphrase = args.new.ask("Duress passphrase: ")?;
    let key = global.key()?;
    let hardware = key.as_ref().map(|key| key as &dyn Bind);
    let accept_weak = args.new.weak_passphrase;
    notebook.set_duress(&passphrase, SecretOptions { hardware, cost: None, accept_weak })?;
    close(&notebook);
    Ok(Armed { duress: true })
}

impl Show for Armed {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "From now on the duress passphrase destroys this store, without asking.")
    }
}

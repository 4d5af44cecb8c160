//! `haversack passphrase`: another passphrase, or a suggestion for one.

use std::io::{self, Write};

use haversack::{Bind, SecretOptions, Slots};
use serde::Serialize;

use crate::error::Error;
use crate::global::{Global, close};
use crate::output::Show;
use crate::passphrase::New;

/// Changes the passphrase of this device's store, or suggests one
#[derive(Debug, clap::Args)]
#[command(long_about = "Changes the passphrase of this device's store, or suggests one.\n\n\
    The old one opens this store no more. It still opens copies that were made before, and whoever has both such a copy \
    and the old passphrase can take the store's inner key from it, which stays the same: after such a loss, make a new \
    store and join the team again.\n\n\
    Stretching is raised to what this device can bear, unless there is a recovery code or a duress passphrase: those would \
    stop to work. It is never lowered.\n\n\
    With --wipe-after it changes after how many wrong passphrases the store is wiped, and nothing else. They are counted in a \
    file: whoever copies the folder tries on copies.\n\n\
    Example:\n  haversack passphrase --suggest\n  haversack passphrase\n  haversack passphrase --wipe-after 10")]
pub(crate) struct Args {
    /// Prints six random words, and changes nothing
    #[arg(long, conflicts_with_all = ["new_passphrase_file", "weak_passphrase"])]
    suggest: bool,
    /// Keeps the passphrase, and changes after how many wrong ones in a row the store is wiped: 3 or more, or 0 for never
    #[arg(long, value_name = "N", conflicts_with_all = ["suggest", "new_passphrase_file", "weak_passphrase"])]
    wipe_after: Option<u16>,
    #[command(flatten)]
    new: New,
}

/// What was done.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Outcome {
    Suggested { suggestion: String },
    Guarded { wipe_after: u16 },
    Changed { changed: bool, recovery_dropped: bool, duress_dropped: bool },
}

/// Runs it.
pub(crate) fn run(global: &Global, args: &Args) -> Result<Outcome, Error> {
    if args.suggest {
        let words = haversack::suggest_passphrase();
        let suggestion = String::from_utf8_lossy(words.expose()).into_owned();
        return Ok(Outcome::Suggested { suggestion });
    }
    let notebook = global.open()?;
    if let Some(wipe_after) = args.wipe_after {
        notebook.set_wipe_after(wipe_after)?;
        close(&notebook);
        return Ok(Outcome::Guarded { wipe_after });
    }
    let passphrase = args.new.ask("New passphrase: ")?;
    let key = global.key()?;
    let hardware = key.as_ref().map(|key| key as &dyn Bind);
    let cost = (notebook.slots()? == Slots::default()).then(|| global.cost());
    let options = SecretOptions { hardware, cost, accept_weak: args.new.weak_passphrase };
    let dropped = notebook.change_passphrase(&passphrase, options)?;
    close(&notebook);
    let (recovery_dropped, duress_dropped) = (dropped.recovery, dropped.duress);
    Ok(Outcome::Changed { changed: true, recovery_dropped, duress_dropped })
}

impl Show for Outcome {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::Suggested { suggestion } => writeln!(out, "{suggestion}"),
            Self::Guarded { wipe_after: 0 } => {
                writeln!(out, "Wrong passphrases do not wipe this store, however many.")
            }
            Self::Guarded { wipe_after } => {
                writeln!(
                    out,
                    "{wipe_after} wrong passphrases in a row wipe this store from now on."
                )
            }
            Self::Changed { recovery_dropped, duress_dropped, .. } => {
                writeln!(out, "The passphrase was changed.")?;
                if *recovery_dropped {
                    writeln!(out, "The recovery code works no more: haversack recovery create.")?;
                }
                if *duress_dropped {
                    writeln!(out, "The duress passphrase works no more: haversack duress set.")?;
                }
                Ok(())
            }
        }
    }
}

//! `haversack recovery`: twelve words that open the store when the passphrase does not.

use clap::Subcommand;

pub(crate) mod create;
pub(crate) mod rehearse;
pub(crate) mod replace;

/// A recovery code on paper, for the day the passphrase or the key file is lost
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Create(create::Args),
    Rehearse(rehearse::Args),
    Use(replace::Args),
}

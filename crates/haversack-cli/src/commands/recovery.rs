//! `haversack recovery`: what is on paper. Twelve words that open the store when the passphrase does not, and shares of
//! the team's root key.

use clap::Subcommand;

pub(crate) mod create;
pub(crate) mod forget_root;
pub(crate) mod rehearse;
pub(crate) mod replace;
pub(crate) mod replace_root;
mod shares;

/// What is on paper: a code for the day the passphrase is lost, and shares of the team's root key
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Create(create::Args),
    Rehearse(rehearse::Args),
    Use(replace::Args),
    ForgetRoot(forget_root::Args),
    ReplaceRoot(replace_root::Args),
}

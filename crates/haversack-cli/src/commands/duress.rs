//! `haversack duress`: a passphrase that destroys.

use clap::Subcommand;

pub(crate) mod clear;
pub(crate) mod set;

/// A passphrase that destroys the store and shows an empty one; off until it is set
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Set(set::Args),
    Clear(clear::Args),
}

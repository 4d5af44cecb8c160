//! `haversack bundle`: records in a file, where no network is.

pub(crate) mod carry;
pub(crate) mod export;
pub(crate) mod import;

/// Hands records over in a file, where no network is
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    Export(export::Args),
    Import(import::Args),
    Carry(carry::Args),
}

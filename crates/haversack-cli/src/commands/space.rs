//! `haversack space`: the team that this store is in, and its keys.

pub(crate) mod list;
pub(crate) mod rotate;

/// Shows the team that this store is in, and renews its keys
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    List(list::Args),
    Rotate(rotate::Args),
}

//! `haversack space`: the teams that this store is in, and their keys.

pub(crate) mod carry;
pub(crate) mod create;
pub(crate) mod drop;
pub(crate) mod link;
pub(crate) mod list;
pub(crate) mod pack;
pub(crate) mod rename;
pub(crate) mod rotate;

/// Shows the teams that this store is in, makes room for further ones, and renews keys
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    List(list::Args),
    Create(create::Args),
    Rename(rename::Args),
    Drop(drop::Args),
    Rotate(rotate::Args),
    Pack(pack::Args),
    Link(link::Args),
    Carry(carry::Args),
}

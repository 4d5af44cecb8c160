//! `haversack peer`: phone to phone, where no relay is in reach.

pub(crate) mod serve;

/// Meets other devices of the team on one network, without a relay
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    Serve(serve::Args),
}

//! `haversack relay`: the meeting point of devices that are seldom online together.

pub(crate) mod serve;
pub(crate) mod stop;

/// Runs a relay: stores and forwards what it cannot read
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    Serve(serve::Args),
}

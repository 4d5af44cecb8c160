//! `haversack relay`: the meeting point of devices that are seldom online together.

pub(crate) mod add;
pub(crate) mod list;
pub(crate) mod remove;
pub(crate) mod serve;
pub(crate) mod stop;

use haversack::RelayAddress;
use serde::Serialize;

use crate::output::hex;

/// Runs a relay, which stores and forwards what it cannot read; or names those of the team
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    Serve(serve::Args),
    List(list::Args),
    Add(add::Args),
    Remove(remove::Args),
}

/// A relay of the team, as it is shown.
#[derive(Debug, Serialize)]
pub(crate) struct RelayShown {
    relay: String,
    addresses: Vec<String>,
}

impl From<&RelayAddress> for RelayShown {
    fn from(relay: &RelayAddress) -> Self {
        Self { relay: hex(relay.relay.to_bytes()), addresses: relay.addresses.clone() }
    }
}

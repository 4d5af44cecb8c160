//! `haversack relay remove`.

use std::io::{self, Write};

use haversack::{EngineError, RelayAddress};
use serde::Serialize;

use crate::error::Error;
use crate::global::{Global, close};
use crate::output::{Show, hex};

/// Digits that name a relay, at least.
const DIGITS_MIN: usize = 4;

/// Tells the team that a relay answers nowhere any more
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Tells the whole team that a relay answers nowhere any more. Takes the role of a coordinator. What the relay \
    holds stays there; nobody asks for it again.\n\n\
    RELAY is its id, or the first digits of it, four or more.\n\nExample:\n  haversack relay remove 0011"
)]
pub(crate) struct Args {
    /// Which relay
    #[arg(value_name = "RELAY")]
    relay: String,
}

/// It is not named any more.
#[derive(Debug, Serialize)]
pub(crate) struct Removed {
    relay: String,
}

/// Runs it.
pub(crate) fn run(global: &Global, args: &Args) -> Result<Removed, Error> {
    let notebook = global.open()?;
    let digits = args.relay.to_ascii_lowercase();
    let id = |relay: &RelayAddress| hex(relay.relay.to_bytes());
    let is_it = |relay: &&RelayAddress| {
        digits.len() >= DIGITS_MIN && !relay.addresses.is_empty() && id(relay).starts_with(&digits)
    };
    let relays = notebook.relays()?;
    let found: Vec<&RelayAddress> = relays.iter().filter(is_it).collect();
    let [relay] = found.as_slice() else {
        return Err(EngineError::Unknown { what: "relay" }.into());
    };
    let (addresses, pins) = Default::default();
    notebook.set_relays(&[RelayAddress { relay: relay.relay, addresses, pins }])?;
    let removed = Removed { relay: id(relay) };
    close(&notebook);
    Ok(removed)
}

impl Show for Removed {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "Relay {} is the team's no more.", self.relay)
    }
}

//! `haversack relay add`.

use std::io::{self, Write};

use clap::ValueHint;
use haversack::RelayUrl;
use serde::Serialize;

use super::RelayShown;
use crate::error::Error;
use crate::global::{Global, close};
use crate::output::Show;

/// Names a relay to the team, or another address of one
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Names a relay to the whole team, or another address of one that is named already. Takes the role of a \
    coordinator.\n\n\
    The address ends in # and the relay's id, as haversack relay serve prints it. Without the id, the relay is asked for it: \
    do that only on a network that you trust.\n\n\
    Example:\n  haversack relay add http://relay.example:8080#00112233445566778899aabbccddeeff"
)]
pub(crate) struct Args {
    /// Where the relay answers
    #[arg(value_name = "URL", value_hint = ValueHint::Url)]
    relay: RelayUrl,
}

/// It is named.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct Added(RelayShown);

/// Runs it.
pub(crate) async fn run(global: &Global, args: &Args) -> Result<Added, Error> {
    let notebook = global.open()?;
    let named = notebook.add_relay(&args.relay).await?;
    close(&notebook);
    Ok(Added(RelayShown::from(&named)))
}

impl Show for Added {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(
            out,
            "The team's relay {} answers at {}.",
            self.0.relay,
            self.0.addresses.join(", ")
        )?;
        writeln!(out, "The others learn of it with their next sync by another way, or by a file.")
    }
}

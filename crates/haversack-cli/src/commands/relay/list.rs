//! `haversack relay list`.

use std::io::{self, Write};

use serde::Serialize;

use super::RelayShown;
use crate::error::Error;
use crate::global::Global;
use crate::output::{Show, Table};

/// Lists the relays of the team
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Lists the relays that the team's roster names, and where they answer. haversack sync goes to all of \
    them.\n\nExample:\n  haversack relay list --json"
)]
pub(crate) struct Args {}

/// The relays.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct Relays(Vec<RelayShown>);

/// Runs it.
pub(crate) fn run(global: &Global) -> Result<Relays, Error> {
    let notebook = global.open()?;
    Ok(Relays(notebook.relays()?.iter().map(RelayShown::from).collect()))
}

impl Show for Relays {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.0.is_empty() {
            return writeln!(out, "no relay is named: haversack relay add URL");
        }
        let mut table = Table::under(["relay", "answers at"]);
        for relay in &self.0 {
            let addresses = match relay.addresses.is_empty() {
                true => "nowhere any more".to_owned(),
                false => relay.addresses.join(", "),
            };
            table.row([relay.relay.clone(), addresses]);
        }
        table.write(out)
    }
}

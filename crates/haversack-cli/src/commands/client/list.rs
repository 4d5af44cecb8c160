//! `haversack client list`.

use std::io::{self, Write};

use serde::Serialize;

use super::ClientShown;
use crate::error::Error;
use crate::global::Global;
use crate::output::{Show, Table};

/// Lists the client files
#[derive(Debug, clap::Args)]
#[command(long_about = "Lists the client files that are on this device, in order of label.\n\n\
    Example:\n  haversack client list --json")]
pub(crate) struct Args {}

/// The clients.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct Clients(Vec<ClientShown>);

/// Runs it.
pub(crate) fn run(global: &Global) -> Result<Clients, Error> {
    let rows = global.open()?.clients()?;
    Ok(Clients(rows.iter().map(|row| ClientShown::new(row.id, &row.client)).collect()))
}

impl Show for Clients {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.0.is_empty() {
            return writeln!(out, "no client files yet: haversack client add --label LABEL");
        }
        let mut table = Table::under(["label", "sex", "born", "need", "status", "id"]);
        for client in &self.0 {
            table.row([
                client.label.clone().unwrap_or_default(),
                client.sex.clone().unwrap_or_default(),
                client.born(),
                client.need.map(|need| need.to_string()).unwrap_or_default(),
                client.status.clone().unwrap_or_default(),
                client.id.clone(),
            ]);
        }
        table.write(out)
    }
}

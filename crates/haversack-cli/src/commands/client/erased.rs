//! `haversack client erased`.

use std::io::{self, Write};

use serde::Serialize;

use super::ErasureShown;
use crate::error::Error;
use crate::global::Global;
use crate::output::{Show, Table};

/// Lists the erased clients, and how many devices have said that it came to them
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Lists the erased clients, and how many devices have said, signed, that the erasure came to them.\n\n\
    Of the client there is nothing left but the id. A device says so with the sync after the one in which it heard; one that \
    is lost never does, until it is removed.\n\n\
    Example:\n  haversack client erased --json"
)]
pub(crate) struct Args {}

/// The erasures.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct Erased(Vec<ErasureShown>);

/// Runs it.
pub(crate) fn run(global: &Global) -> Result<Erased, Error> {
    let erasures = global.open()?.erasures()?;
    Ok(Erased(erasures.iter().map(ErasureShown::from).collect()))
}

impl Show for Erased {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.0.is_empty() {
            return writeln!(out, "no client was erased");
        }
        let mut table = Table::under(["client", "confirmed by"]);
        for erasure in &self.0 {
            let devices = format!("{} of {} devices", erasure.confirmed, erasure.members);
            table.row([erasure.client.clone(), devices]);
        }
        table.write(out)
    }
}

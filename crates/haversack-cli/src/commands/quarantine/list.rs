//! `haversack quarantine list`.

use std::io::{self, Write};

use serde::Serialize;

use super::{RefusedShown, refused};
use crate::error::Error;
use crate::global::Global;
use crate::output::{Show, Table};

/// Lists what was refused: on whose lane, at which place, and why
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Lists what was refused: on whose lane, at which place, and why. Changes nothing.\n\n\
    Refused is what breaks a rule, such as a record that its device's role does not let it write, or bytes that nobody signed; and \
    decisions about the team that count for nothing. It is kept, sealed, and not shown among the records; what else the same device \
    said is. One row may be a slip of a disk or an old app. Many of one device are a reason to look at that device, and to remove it: \
    haversack device revoke.\n\n\
    Example:\n  haversack quarantine list --json"
)]
pub(crate) struct Args {}

/// What was refused.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct Refused(Vec<RefusedShown>);

/// Runs it.
pub(crate) fn run(global: &Global) -> Result<Refused, Error> {
    refused(&global.open()?).map(Refused)
}

impl Show for Refused {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.0.is_empty() {
            return writeln!(out, "Nothing was refused.");
        }
        let mut table = Table::under(["device", "place", "why"]);
        for one in &self.0 {
            let place = one.sequence.map(|sequence| sequence.to_string());
            table.row([one.who.clone(), place.unwrap_or_default(), one.why.to_string()]);
        }
        table.write(out)
    }
}

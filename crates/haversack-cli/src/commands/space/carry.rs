//! `haversack space carry`.

use std::io::{self, Write};

use haversack::CarryOutcome;
use serde::Serialize;

use crate::error::Error;
use crate::global::{Global, close};
use crate::output::{Show, Table};

/// Carries what was dropped in one team of this store for another
#[derive(Debug, clap::Args)]
#[command(long_about = "Carries what was dropped in one team of this store for another.\n\n\
    haversack sync does this by itself; by hand it is of use with bundle files, without a network. What is no good is left where it \
    is.\n\n\
    Example:\n  haversack bundle import street.hsb\n  haversack space carry\n  haversack --space clinic bundle export \
    clinic.hsb")]
pub(crate) struct Args {}

/// What was carried.
#[derive(Debug, Serialize)]
pub(crate) struct Carried {
    carried: u64,
    carried_before: u64,
    without_key: u64,
    refused: u64,
}

impl From<CarryOutcome> for Carried {
    fn from(outcome: CarryOutcome) -> Self {
        let CarryOutcome { taken, known, sealed, refused, .. } = outcome;
        Self { carried: taken, carried_before: known, without_key: sealed, refused }
    }
}

/// Runs it.
pub(crate) fn run(global: &Global) -> Result<Carried, Error> {
    global.whole()?;
    let first = global.open()?;
    let outcome = first.carry()?;
    close(&first);
    Ok(outcome.into())
}

impl Show for Carried {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut table = Table::default();
        table.pair("drops carried", self.carried);
        let others = [
            ("  carried before", self.carried_before),
            ("  whose key is not held here", self.without_key),
            ("  refused", self.refused),
        ];
        for (name, number) in others.into_iter().filter(|(_, number)| *number > 0) {
            table.pair(name, number);
        }
        table.write(out)
    }
}

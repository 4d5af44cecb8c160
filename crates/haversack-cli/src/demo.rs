//! `haversack demo`: the whole job on a data set, everything in it the real thing.
//!
//! ```text
//! dataset ─► team (a store per phone, one for the coordinator) ─► plan (who does what when, by seed)
//!                         └─ syncs ─► wire (a line that counts and breaks) ─► relay (a process of its own)
//! ```

mod dataset;
mod plan;
mod relay;
mod run;
mod team;
mod wire;

use std::io::{self, Write};
use std::path::PathBuf;

use haversack::Indicators;
use serde::Serialize;

use crate::commands::report;
use crate::output::{Show, Table, null_without_data};

pub(crate) use run::run;

/// Shows the whole job: five phones log offline, sync when they can, a coordinator reports
#[derive(Debug, clap::Args)]
#[command(long_about = "Shows the whole job on one machine, with nothing faked: a store for each \
    educator's phone and one for the coordinator, a relay process on a loopback port, sealed files, \
    real connections, some of which break.\n\n\
    Each educator logs their own contacts offline. They sync when they happen to meet the relay, in an \
    order that --seed decides; one of them never does and hands over a bundle file. Then the coordinator \
    reports.\n\n\
    Example:\n  haversack demo --seed 7 --keep demo-stores")]
pub(crate) struct Args {
    /// A data set in the shape of fixtures/kunming.json, in place of that one
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// Decides who syncs when, and where connections break
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Leaves every store, the relay's data and the passphrase in this new folder
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

/// What the demo found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Outcome {
    /// The coordinator's report.
    #[serde(serialize_with = "null_without_data")]
    pub(crate) indicators: Indicators,
    /// What moving the records took.
    pub(crate) sync: Moved,
}

/// What moving the records took, by relay, broken connections included.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Moved {
    /// HTTP requests.
    pub(crate) requests: u64,
    /// Connections that were cut on purpose.
    pub(crate) connections_cut: u64,
    /// Bytes to the relay, headers included.
    pub(crate) bytes_up: u64,
    /// Bytes from the relay, headers included.
    pub(crate) bytes_down: u64,
    /// Contacts that arrived at a store that did not have them.
    pub(crate) contacts_moved: u64,
    /// Of these, by bundle file.
    pub(crate) contacts_by_bundle: u64,
    /// Bytes both ways for each contact that moved by relay, to one decimal.
    pub(crate) bytes_per_contact: String,
    /// Phones that met the relay.
    pub(crate) stores: u64,
    /// Those of them whose content is, byte for byte, the coordinator's.
    pub(crate) stores_alike: u64,
}

/// Why the demo stopped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The data set is not usable.
    #[error("the data set's {what}: {why}")]
    Data {
        /// Which part.
        what: String,
        /// Why.
        why: String,
    },
    /// A file or a process failed.
    #[error("{what}")]
    Io {
        /// What was being done.
        what: &'static str,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// A store or a sync failed where it should not.
    #[error(transparent)]
    Notebook(#[from] haversack::Error),
    /// The records did not end up the same.
    #[error("after the last sync, {different} stores differ from the coordinator's")]
    Different {
        /// How many.
        different: u64,
    },
}

impl From<haversack::EngineError> for Error {
    fn from(error: haversack::EngineError) -> Self {
        Self::Notebook(error.into())
    }
}

fn failing(what: &'static str) -> impl Fn(io::Error) -> Error {
    move |source| Error::Io { what, source }
}

impl Show for Outcome {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "Phones logged offline, met a relay now and then, or handed over a file.")?;
        let moved = &self.sync;
        let mut table = Table::default();
        table.pair("requests to the relay", moved.requests);
        table.pair("  connections cut on the way", moved.connections_cut);
        table.pair("bytes to the relay", moved.bytes_up);
        table.pair("bytes from the relay", moved.bytes_down);
        table.pair("contacts that moved to another device", moved.contacts_moved);
        table.pair("  of these by file", moved.contacts_by_bundle);
        table.pair("bytes for each that moved by relay", &moved.bytes_per_contact);
        let alike = format!("{} of {}", moved.stores_alike, moved.stores);
        table.pair("phones with the coordinator's records, byte for byte", alike);
        table.write(out)?;
        writeln!(out, "\nThe coordinator's report:")?;
        let mut table = Table::default();
        report::lines(&mut table, &self.indicators);
        table.write(out)
    }
}

//! `haversack exposure`: what a device could have read.

use std::io::{self, Write};

use haversack::Exposure;
use haversack::model::Label;
use serde::Serialize;

use super::device::find;
use super::invite::role_name;
use crate::error::Error;
use crate::global::Global;
use crate::output::{Show, Table, hex};

/// Says what a device could have read
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Says what a device could have read, be it a member or removed. Changes nothing.\n\n\
    The numbers are upper bounds: everything is counted that anybody signed, and that is here, before learning of the device's \
    removal. Whether it had received it all, nobody but the device knows. Keys that it has to have destroyed by now count too: \
    that it did, nobody can tell. What this device has not received is not counted: sync first.\n\n\
    Example:\n  haversack exposure van-phone\n  haversack exposure 3f2a9c01 --json"
)]
pub(crate) struct Args {
    /// Which device: its name here, or the first digits of its id, four or more
    #[arg(value_name = "DEVICE")]
    device: String,
}

/// What a device could have read.
#[derive(Debug, Serialize)]
pub(crate) struct ExposureShown {
    space: String,
    device: String,
    name: Option<String>,
    role: &'static str,
    removed: bool,
    epochs: u64,
    epochs_expired: u64,
    oldest_epochs_ago: u64,
    newest_epochs_ago: u64,
    first: Option<String>,
    last: Option<String>,
    contacts: u64,
    contacts_undated: u64,
    clients: u64,
}

/// Runs it.
pub(crate) fn run(global: &Global, args: &Args) -> Result<ExposureShown, Error> {
    let notebook = global.open()?;
    let row = find(&notebook, &args.device)?;
    Ok(ExposureShown::new(&notebook.exposure(row.device)?, row.name.as_ref()))
}

impl ExposureShown {
    pub(crate) fn new(exposure: &Exposure, name: Option<&Label>) -> Self {
        Self {
            space: hex(exposure.space.to_bytes()),
            device: hex(exposure.device.to_bytes()),
            name: name.map(ToString::to_string),
            role: role_name(exposure.role),
            removed: exposure.removed,
            epochs: exposure.epochs,
            epochs_expired: exposure.expired,
            oldest_epochs_ago: exposure.since,
            newest_epochs_ago: exposure.until,
            first: exposure.first.map(|day| day.to_string()),
            last: exposure.last.map(|day| day.to_string()),
            contacts: exposure.contacts,
            contacts_undated: exposure.undated,
            clients: exposure.clients,
        }
    }

    fn pairs(&self) -> Table {
        let mut table = Table::default();
        let state = if self.removed { ", removed" } else { "" };
        table.pair("device", &self.device);
        if let Some(name) = &self.name {
            table.pair("  called here", name);
        }
        table.pair("  role", format!("{}{state}", self.role));
        table.pair("contacts that it could have read, at most", self.contacts);
        if let (Some(first), Some(last)) = (&self.first, &self.last) {
            table.pair("  from", first);
            table.pair("  to", last);
        }
        if self.contacts_undated > 0 {
            table.pair("  without a usable date, beside these", self.contacts_undated);
        }
        table.pair("client files that it could have read, at most", self.clients);
        table.pair("keys that it could hold, at most", self.epochs);
        table.pair("  of these, to be destroyed by now if it has synced", self.epochs_expired);
        table.pair("  the oldest was made, rotations ago", self.oldest_epochs_ago);
        table.pair("  the newest was made, rotations ago", self.newest_epochs_ago);
        table
    }
}

impl Show for ExposureShown {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        self.pairs().write(out)?;
        writeln!(
            out,
            "Upper bounds, judged from what is on this device. What the device had received, it keeps."
        )
    }
}

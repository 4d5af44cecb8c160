//! `haversack device role`.

use std::io::{self, Write};

use haversack::Role;
use serde::Serialize;

use super::{DeviceShown, find, short};
use crate::commands::invite::role;
use crate::error::Error;
use crate::global::{Global, close};
use crate::output::Show;
use crate::prompt;

/// Gives a device another role; coordinators only
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Gives a device another role; coordinators, and whoever keeps the root key.\n\n\
    The device learns of it with its next sync. What it may not write any more is not believed from then on; it reads as \
    before: every member's device takes every record. Asks for the beginning of the device's id, unless --yes is given.\n\n\
    Example:\n  haversack device role van-phone supervisor"
)]
pub(crate) struct Args {
    /// Which device: its name here, or the first digits of its id, four or more
    #[arg(value_name = "DEVICE")]
    device: String,
    /// What it may do from now on
    #[arg(value_name = "ROLE", value_parser = role())]
    role: Role,
    /// Does not ask
    #[arg(long)]
    yes: bool,
}

/// It has its role.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct Given(DeviceShown);

/// Runs it.
pub(crate) fn run(global: &Global, args: &Args) -> Result<Given, Error> {
    let notebook = global.open()?;
    let device = find(&notebook, &args.device)?.device;
    let short = short(device);
    let question = format!("To change what {short} may do, type {short}:");
    prompt::confirm(global.format(), args.yes, &question, &short)?;
    notebook.set_role(device, args.role)?;
    let row = find(&notebook, &crate::output::hex(device.to_bytes()))?;
    close(&notebook);
    Ok(Given(DeviceShown::from(&row)))
}

impl Show for Given {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{} is {} from now on.", self.0.device, self.0.role)?;
        writeln!(out, "Others learn of it with their next sync: haversack sync, here first.")
    }
}

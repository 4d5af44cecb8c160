//! `haversack device list`.

use std::io::{self, Write};

use serde::Serialize;

use super::DeviceShown;
use crate::error::Error;
use crate::global::Global;
use crate::output::{Show, Table};

/// Lists the devices of the team, removed ones last
#[derive(Debug, clap::Args)]
#[command(long_about = "Lists the devices of the team, removed ones last.\n\n\
    Names are those of haversack device rename: they are in this store only, and nobody else sees them.\n\n\
    Example:\n  haversack device list --json")]
pub(crate) struct Args {}

/// The devices.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct Devices(Vec<DeviceShown>);

/// Runs it.
pub(crate) fn run(global: &Global) -> Result<Devices, Error> {
    let devices = global.open()?.devices()?;
    Ok(Devices(devices.iter().map(DeviceShown::from).collect()))
}

impl Show for Devices {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut table = Table::under(["name", "role", "", "device"]);
        for device in &self.0 {
            let state = match (device.this, device.removed) {
                (true, false) => "this device",
                (true, true) => "this device, removed",
                (false, true) => "removed",
                (false, false) => "",
            };
            table.row([
                device.name.clone().unwrap_or_default(),
                device.role.to_owned(),
                state.to_owned(),
                device.device.clone(),
            ]);
        }
        table.write(out)
    }
}

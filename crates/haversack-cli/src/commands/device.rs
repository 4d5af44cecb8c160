//! `haversack device`: the devices of the team.

pub(crate) mod hand_over;
pub(crate) mod list;
pub(crate) mod rename;
pub(crate) mod renew;
pub(crate) mod revoke;
pub(crate) mod role;

use std::collections::BTreeMap;

use haversack::{Device, DeviceRow, EngineError, Error as NotebookError, Notebook};
use serde::Serialize;

use super::invite::role_name;
use crate::error::Error;
use crate::output::hex;

/// Digits of an id that are shown, and typed to confirm.
const SHORT: usize = 8;
/// Digits that name a device, at least.
const DIGITS_MIN: usize = 4;

/// Lists, names and removes the devices of the team, and gives this one away
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    List(list::Args),
    Rename(rename::Args),
    Role(role::Args),
    Revoke(revoke::Args),
    Renew(renew::Args),
    HandOver(hand_over::Args),
}

/// A device, as it is shown.
#[derive(Debug, Serialize)]
pub(crate) struct DeviceShown {
    device: String,
    name: Option<String>,
    role: &'static str,
    this: bool,
    removed: bool,
}

impl From<&DeviceRow> for DeviceShown {
    fn from(row: &DeviceRow) -> Self {
        Self {
            device: hex(row.device.to_bytes()),
            name: row.name.as_ref().map(ToString::to_string),
            role: role_name(row.role),
            this: row.own,
            removed: row.removed,
        }
    }
}

/// The beginning of a device's id.
pub(crate) fn short(device: Device) -> String {
    hex(device.to_bytes()).chars().take(SHORT).collect()
}

/// The devices of all teams of a store. In a further one there may be records of devices that only another one knows.
pub(crate) fn known_here(first: &Notebook) -> Result<BTreeMap<Device, DeviceRow>, Error> {
    let mut known = BTreeMap::new();
    let further = first.spaces()?.into_iter().map(|name| first.open_space(&name));
    for space in std::iter::once(Ok(first.clone())).chain(further) {
        match space?.devices() {
            Err(NotebookError::Engine(EngineError::NoSpace)) => {}
            devices => known.extend(devices?.into_iter().map(|row| (row.device, row))),
        }
    }
    Ok(known)
}

/// The device that somebody means: by its name here, or by the first digits of its id.
pub(crate) fn find(notebook: &Notebook, text: &str) -> Result<DeviceRow, Error> {
    let devices = notebook.devices()?;
    let digits = text.to_ascii_lowercase();
    let is_hex = digits.len() >= DIGITS_MIN && digits.bytes().all(|b| b.is_ascii_hexdigit());
    let is_named = |row: &DeviceRow| row.name.as_ref().is_some_and(|name| name.as_str() == text);
    let is_it = |row: &&DeviceRow| {
        is_named(row) || (is_hex && hex(row.device.to_bytes()).starts_with(&digits))
    };
    let found: Vec<&DeviceRow> = devices.iter().filter(is_it).collect();
    match found.as_slice() {
        [] => Err(EngineError::Unknown { what: "device" }.into()),
        [row] => Ok((*row).clone()),
        several => {
            let ids = several.iter().map(|row| hex(row.device.to_bytes())).collect();
            Err(Error::SeveralDevices { ids })
        }
    }
}

//! `haversack space list`.

use std::io::{self, Write};

use haversack::{EngineError, Error as NotebookError, Notebook};
use serde::Serialize;

use crate::commands::invite::role_name;
use crate::error::Error;
use crate::global::Global;
use crate::output::{Show, Table, count, hex};

/// Lists the teams that this store is in: one, or none yet
#[derive(Debug, clap::Args)]
#[command(long_about = "Lists the teams that this store is in: one, or none yet.\n\n\
    Says whether the team's root key is kept here. It stands above the coordinators, and belongs on paper: haversack recovery \
    create --root.\n\n\
    Example:\n  haversack space list --json")]
pub(crate) struct Args {}

/// The teams.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct Spaces(Vec<SpaceShown>);

#[derive(Debug, Serialize)]
struct SpaceShown {
    space: String,
    role: Option<&'static str>,
    devices: u64,
    removed_devices: u64,
    relays: u64,
    root_key: bool,
}

/// Runs it.
pub(crate) fn run(global: &Global) -> Result<Spaces, Error> {
    let notebook = global.open()?;
    match shown(&notebook) {
        Err(NotebookError::Engine(EngineError::NoSpace)) => Ok(Spaces(Vec::new())),
        shown => Ok(Spaces(vec![shown?])),
    }
}

fn shown(notebook: &Notebook) -> Result<SpaceShown, NotebookError> {
    let devices = notebook.devices()?;
    let (gone, members): (Vec<_>, Vec<_>) = devices.iter().partition(|device| device.removed);
    let own = members.iter().find(|device| device.own);
    Ok(SpaceShown {
        space: hex(notebook.space()?.to_bytes()),
        role: own.map(|device| role_name(device.role)),
        devices: members.len() as u64,
        removed_devices: gone.len() as u64,
        relays: notebook.relays()?.len() as u64,
        root_key: notebook.keeps_root()?,
    })
}

impl Show for Spaces {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        let Some(space) = self.0.first() else {
            return writeln!(out, "in no team yet: haversack init, or haversack join --request");
        };
        let mut table = Table::default();
        table.pair("team", &space.space);
        table.pair("this device", space.role.unwrap_or("removed"));
        table.pair("devices", count(space.devices, "device"));
        table.pair("removed", count(space.removed_devices, "device"));
        table.pair("relays", space.relays);
        table.pair("root key", if space.root_key { "kept here" } else { "not here" });
        table.write(out)
    }
}

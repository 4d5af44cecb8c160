//! `haversack space list`.

use std::io::{self, Write};

use haversack::model::SpaceName;
use haversack::{EngineError, Error as NotebookError, Notebook};
use serde::Serialize;

use crate::commands::invite::role_name;
use crate::error::Error;
use crate::global::Global;
use crate::output::{Show, Table, count, hex};

/// Lists the teams that this store is in
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Lists the teams that this store is in: its first, and further ones by their names here.\n\n\
    Says whether a team's root key is kept here. It stands above the coordinators, and belongs on paper: haversack recovery \
    create --root.\n\n\
    Example:\n  haversack space list --json"
)]
pub(crate) struct Args {}

/// The teams.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct Spaces(Vec<SpaceShown>);

#[derive(Debug, Serialize)]
struct SpaceShown {
    /// Absent for the store's first.
    name: Option<String>,
    /// Absent until an answer to a request to join was taken.
    team: Option<Team>,
}

#[derive(Debug, Serialize)]
struct Team {
    space: String,
    role: Option<&'static str>,
    devices: u64,
    removed_devices: u64,
    relays: u64,
    root_key: bool,
    /// Where records for other teams are dropped.
    drop_boxes: Vec<String>,
}

/// Runs it.
pub(crate) fn run(global: &Global) -> Result<Spaces, Error> {
    global.whole()?;
    let first = global.open()?;
    let mut spaces = vec![shown(None, &first)?];
    for name in first.spaces()? {
        spaces.push(shown(Some(&name), &first.open_space(&name)?)?);
    }
    Ok(Spaces(spaces))
}

fn shown(name: Option<&SpaceName>, notebook: &Notebook) -> Result<SpaceShown, NotebookError> {
    let team = match team(notebook) {
        Err(NotebookError::Engine(EngineError::NoSpace)) => None,
        team => Some(team?),
    };
    Ok(SpaceShown { name: name.map(ToString::to_string), team })
}

fn team(notebook: &Notebook) -> Result<Team, NotebookError> {
    let devices = notebook.devices()?;
    let (gone, members): (Vec<_>, Vec<_>) = devices.iter().partition(|device| device.removed);
    let own = members.iter().find(|device| device.own);
    Ok(Team {
        space: hex(notebook.space()?.to_bytes()),
        role: own.map(|device| role_name(device.role)),
        devices: members.len() as u64,
        removed_devices: gone.len() as u64,
        relays: notebook.relays()?.len() as u64,
        root_key: notebook.keeps_root()?,
        drop_boxes: notebook.drop_boxes()?.iter().map(ToString::to_string).collect(),
    })
}

impl Show for Spaces {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        for (n, space) in self.0.iter().enumerate() {
            if n > 0 {
                writeln!(out)?;
            }
            space.text(out)?;
        }
        Ok(())
    }
}

impl Show for SpaceShown {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        if let Some(name) = &self.name {
            writeln!(out, "{name} (--space {name})")?;
        }
        match &self.team {
            Some(team) => team.text(out),
            None => writeln!(out, "in no team yet: haversack join --request"),
        }
    }
}

impl Show for Team {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut table = Table::default();
        table.pair("team", &self.space);
        table.pair("this device", self.role.unwrap_or("removed"));
        table.pair("devices", count(self.devices, "device"));
        table.pair("removed", count(self.removed_devices, "device"));
        table.pair("relays", self.relays);
        table.pair("root key", if self.root_key { "kept here" } else { "not here" });
        if !self.drop_boxes.is_empty() {
            table.pair("drop-boxes", self.drop_boxes.join(", "));
        }
        table.write(out)
    }
}

//! `haversack status`: where this store stands.

use std::io::{self, Write};

use haversack::{EngineError, Error as NotebookError, Ledger, Notebook};
use serde::Serialize;

use super::invite::role_name;
use super::quarantine::{RefusedShown, refused, summed};
use crate::error::Error;
use crate::global::Global;
use crate::output::{Show, Table, count, hex};

/// Shows where this store stands, and where its changes are
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Shows where this store stands: what it holds, and where this device's own changes are.\n\n\
    A change is safe elsewhere only when a coordinator or an archive has acknowledged it. One that a relay holds is on its \
    way.\n\nExample:\n  haversack status --json"
)]
pub(crate) struct Args {}

/// Where a store stands.
#[derive(Debug, Serialize)]
pub(crate) struct Standing {
    team: Option<Team>,
    request_pending: bool,
    contacts: u64,
    contacts_undated: u64,
    clients: u64,
    sites: u64,
    documents: u64,
    own: Own,
    waiting: u64,
    quarantined: u64,
    quarantine: Vec<RefusedShown>,
    carried: u64,
    doubted: u64,
    forked: u64,
    removed: bool,
}

#[derive(Debug, Serialize)]
struct Team {
    members: Vec<MemberShown>,
    relays: Vec<RelayShown>,
}

#[derive(Debug, Serialize)]
struct MemberShown {
    device: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    role: &'static str,
}

#[derive(Debug, Serialize)]
struct RelayShown {
    relay: String,
    addresses: Vec<String>,
}

/// Where this device's own records are: each in the safest place it is known to be.
#[derive(Debug, Serialize)]
pub(crate) struct Own {
    here_only: u64,
    relayed: u64,
    acknowledged: u64,
}

impl From<Ledger> for Own {
    fn from(ledger: Ledger) -> Self {
        let Ledger { here_only, relayed, acknowledged } = ledger;
        Self { here_only, relayed, acknowledged }
    }
}

impl Own {
    /// Adds a line for each place.
    pub(crate) fn lines(&self, table: &mut Table) {
        table.pair("own changes, on this device only", self.here_only);
        table.pair("  held by the relay, not yet acknowledged", self.relayed);
        table.pair("  acknowledged by a coordinator or an archive", self.acknowledged);
    }
}

/// Runs it.
pub(crate) fn run(global: &Global) -> Result<Standing, Error> {
    let notebook = global.open()?;
    let status = notebook.status()?;
    Ok(Standing {
        team: team(&notebook)?,
        request_pending: notebook.pending_request()?.is_some(),
        contacts: status.contacts,
        contacts_undated: status.undated,
        clients: notebook.clients()?.len() as u64,
        sites: notebook.sites()?.len() as u64,
        documents: status.documents,
        own: status.own.into(),
        waiting: status.waiting,
        quarantined: status.quarantined,
        quarantine: refused(&notebook)?,
        carried: status.carried,
        doubted: status.doubted,
        forked: status.forked,
        removed: status.removed,
    })
}

/// The team, if this store is in one.
fn team(notebook: &Notebook) -> Result<Option<Team>, Error> {
    let members = match notebook.devices() {
        Err(NotebookError::Engine(EngineError::NoSpace)) => return Ok(None),
        devices => {
            devices?.into_iter().filter(|member| !member.removed).map(|member| MemberShown {
                device: hex(member.device.to_bytes()),
                name: member.name.map(|name| name.to_string()),
                role: role_name(member.role),
            })
        }
    };
    let relays = notebook
        .relays()?
        .into_iter()
        .map(|relay| RelayShown { relay: hex(relay.relay.to_bytes()), addresses: relay.addresses });
    Ok(Some(Team { members: members.collect(), relays: relays.collect() }))
}

impl Standing {
    fn pairs(&self) -> Table {
        let mut table = Table::default();
        table.pair("contacts", self.contacts);
        if self.contacts_undated > 0 {
            table.pair("  without a usable date, not counted", self.contacts_undated);
        }
        table.pair("client files", self.clients);
        table.pair("sites", self.sites);
        self.own.lines(&mut table);
        let frames = [
            ("received, waiting for what comes before", self.waiting),
            ("received, refused", self.quarantined),
            ("carried for others, to the next relay", self.carried),
            ("changes by removed devices, not believed", self.doubted),
            ("bodies of devices with two lives, not believed", self.forked),
        ];
        for (name, number) in frames.into_iter().filter(|(_, number)| *number > 0) {
            table.pair(name, number);
        }
        table
    }
}

impl Show for Standing {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        match &self.team {
            None if self.request_pending => writeln!(
                out,
                "in no team yet: a request waits for its answer, haversack join, or take it back, haversack join --forget"
            )?,
            None => writeln!(out, "in no team yet: haversack join --request, or haversack init")?,
            Some(team) => {
                let members = count(team.members.len() as u64, "device");
                let relays = count(team.relays.len() as u64, "relay");
                writeln!(out, "in a team of {members}, {relays}")?;
            }
        }
        if self.removed {
            writeln!(
                out,
                "This device was removed from its team: it neither sends nor takes records any more."
            )?;
        }
        self.pairs().write(out)?;
        if !self.quarantine.is_empty() {
            summed(&self.quarantine).write(out)?;
            writeln!(out, "Each with its place: haversack quarantine list")?;
        }
        match self.own.here_only {
            0 => Ok(()),
            _ => writeln!(
                out,
                "What is on this device only is lost with it: haversack sync, or haversack bundle export."
            ),
        }
    }
}

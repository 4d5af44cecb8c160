//! `haversack status`: where this store stands.

use std::io::{self, Write};

use haversack::{EngineError, Error as NotebookError, Ledger, Notebook, PackProgress, RelayFault};
use serde::Serialize;

use super::invite::role_name;
use super::quarantine::{RefusedShown, names, refused, summed};
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
    /// The same contacts, whoever logged them, by where they are.
    whereabouts: Own,
    own: Own,
    /// This device's changes, relay by relay and device by device.
    held: Held,
    /// How far packs are here that are still coming: all zero when none is.
    packs: PacksShown,
    waiting: u64,
    quarantined: u64,
    quarantine: Vec<RefusedShown>,
    carried: u64,
    doubted: u64,
    forked: u64,
    removed: bool,
}

/// Packs that are still coming: of how many documents, and how many of their parts are here.
#[derive(Debug, Serialize)]
struct PacksShown {
    parts: u32,
    of: u32,
    documents: u64,
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
    carried: u64,
    relayed: u64,
    acknowledged: u64,
    /// Of those not acknowledged: refused in part by who keeps the team's work.
    refused: u64,
}

/// Who says that it has this device's changes, and what relays did that they should not.
#[derive(Debug, Serialize)]
struct Held {
    relays: Vec<RelayHeld>,
    devices: Vec<DeviceHeld>,
}

#[derive(Debug, Serialize)]
struct RelayHeld {
    relay: String,
    holds: u64,
    lacks: u64,
    faults: Vec<FaultShown>,
}

#[derive(Debug, Serialize)]
struct DeviceHeld {
    device: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    keeps: bool,
    has: u64,
}

/// What a relay did that it should not.
#[derive(Debug, Serialize)]
pub(crate) struct FaultShown {
    fault: &'static str,
    count: u32,
    #[serde(skip)]
    pub(crate) words: String,
}

impl From<&RelayFault> for FaultShown {
    fn from(fault: &RelayFault) -> Self {
        Self { fault: fault.fault.code(), count: fault.count, words: fault.to_string() }
    }
}

impl From<Ledger> for Own {
    fn from(ledger: Ledger) -> Self {
        let Ledger { here_only, carried, relayed, acknowledged, refused } = ledger;
        Self { here_only, carried, relayed, acknowledged, refused }
    }
}

impl Own {
    /// Adds a line for each place.
    pub(crate) fn lines(&self, table: &mut Table) {
        table.pair("own changes, on this device only", self.here_only);
        if self.carried > 0 {
            table.pair("  in a file that somebody carries, not yet acknowledged", self.carried);
        }
        table.pair("  held by the relay, not yet acknowledged", self.relayed);
        table.pair("  acknowledged by a coordinator or an archive", self.acknowledged);
        if self.refused > 0 {
            table.pair("  of what is not acknowledged, refused in part", self.refused);
        }
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
        whereabouts: status.whereabouts.into(),
        own: status.own.into(),
        held: held(&notebook)?,
        packs: packs(&notebook)?,
        waiting: status.waiting,
        quarantined: status.quarantined,
        quarantine: refused(&notebook)?,
        carried: status.carried,
        doubted: status.doubted,
        forked: status.forked,
        removed: status.removed,
    })
}

fn packs(notebook: &Notebook) -> Result<PacksShown, Error> {
    let PackProgress { taken, segments, documents } = notebook.pack_progress()?;
    Ok(PacksShown { parts: taken, of: segments, documents })
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

/// Where this device's changes are, and by whose word.
fn held(notebook: &Notebook) -> Result<Held, Error> {
    let (holders, names) = (notebook.holders()?, names(notebook)?);
    let faults = match notebook.relay_faults() {
        Err(NotebookError::Engine(EngineError::NoSpace)) => Vec::new(),
        faults => faults?,
    };
    let of = |relay| faults.iter().filter(move |fault| fault.relay == relay);
    let relays = holders.relays.iter().map(|one| RelayHeld {
        relay: hex(one.relay.to_bytes()),
        holds: one.holds,
        lacks: one.lacks,
        faults: of(one.relay).map(FaultShown::from).collect(),
    });
    let devices = holders.devices.iter().map(|one| DeviceHeld {
        device: hex(one.witness.device.to_bytes()),
        name: names.get(&one.witness.device).map(ToString::to_string),
        keeps: one.witness.keeps,
        has: one.has,
    });
    Ok(Held { relays: relays.collect(), devices: devices.collect() })
}

impl Held {
    /// What each relay and each device has, and what relays did.
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut table = Table::default();
        let start = |id: &str| id.chars().take(8).collect::<String>();
        for relay in &self.relays {
            let name = format!("  relay {} says that it holds", start(&relay.relay));
            table.pair(&name, format!("{} of {}", relay.holds, relay.holds + relay.lacks));
        }
        for device in &self.devices {
            let name = device.name.clone().unwrap_or_else(|| start(&device.device));
            let keeps = if device.keeps { ", which keeps the team's work," } else { "" };
            table.pair(&format!("  {name}{keeps} has signed that it has"), device.has);
        }
        table.write(out)?;
        for relay in &self.relays {
            for fault in &relay.faults {
                writeln!(out, "relay {} {}", start(&relay.relay), fault.words)?;
            }
        }
        Ok(())
    }
}

impl Standing {
    fn pairs(&self) -> Table {
        let mut table = Table::default();
        table.pair("contacts", self.contacts);
        if self.contacts_undated > 0 {
            table.pair("  without a usable date, not counted", self.contacts_undated);
        }
        let of = &self.whereabouts;
        let places = [
            ("  on this device only", of.here_only),
            ("  in a file that somebody carries", of.carried),
            ("  held by a relay, not yet acknowledged", of.relayed),
            ("  acknowledged by a coordinator or an archive", of.acknowledged),
        ];
        for (name, number) in places.into_iter().filter(|(_, number)| *number > 0) {
            table.pair(name, number);
        }
        table.pair("client files", self.clients);
        table.pair("sites", self.sites);
        self.own.lines(&mut table);
        let PacksShown { parts, of, documents } = &self.packs;
        if *of > 0 {
            let name =
                format!("packs of {} still coming, parts here", count(*documents, "document"));
            table.pair(&name, format!("{parts} of {of}"));
        }
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
        self.held.text(out)?;
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

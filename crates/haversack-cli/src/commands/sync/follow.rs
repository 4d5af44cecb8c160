//! `haversack sync --follow`: in touch with a relay of each team at once. What comes for another team of this store is carried there as it comes.

use std::io::{self, Write};

use haversack::model::SpaceName;
use haversack::{Error as NotebookError, Notebook, RelayUrl, SyncReport};
use serde::Serialize;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

use super::{Args, FaultShown, Sums, Synced, all, one, stop, urls};
use crate::error::Error;
use crate::output::{self, Format, Show};

/// A team that is followed, at the relay that was reached first.
#[derive(Clone)]
struct Team {
    /// That of a further team.
    name: Option<String>,
    notebook: Notebook,
    url: RelayUrl,
}

/// What one sync of many did.
#[derive(Debug, Default, Serialize)]
struct Moved {
    /// The further team that it was of.
    #[serde(skip_serializing_if = "Option::is_none")]
    space: Option<String>,
    pushed: u32,
    contacts: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    failed: Option<String>,
    /// Whether that cannot be mended by trying again: the team is not followed any more.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    ended: bool,
    /// What the relay did that it should not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    faults: Vec<FaultShown>,
    #[serde(skip)]
    sums: Sums,
}

impl Moved {
    fn of(team: &Team, synced: &Result<SyncReport, NotebookError>) -> Self {
        let space = team.name.clone();
        match synced {
            Ok(report) => Self {
                space,
                pushed: report.pushed,
                contacts: report.contacts,
                faults: report.faults.iter().map(FaultShown::from).collect(),
                sums: report.clone().into(),
                ..Self::default()
            },
            Err(error) => {
                let (failed, ended) = (Some(error.to_string()), error.is_lasting());
                Self { space, failed, ended, ..Self::default() }
            }
        }
    }
}

impl Show for Moved {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        if let Some(space) = &self.space {
            write!(out, "{space}: ")?;
        }
        match &self.failed {
            Some(why) if self.ended => writeln!(out, "{why}; not followed any more"),
            Some(why) => writeln!(out, "{why}; trying again later"),
            None => writeln!(out, "new contacts {}, frames pushed {}", self.contacts, self.pushed),
        }?;
        let mut faults = self.faults.iter();
        faults.try_for_each(|fault| writeln!(out, "  that relay {}", fault.words))
    }
}

/// What was moved so far, team by team, and shown as it came.
struct Tally {
    all: Synced,
    format: Format,
}

impl Tally {
    fn add(&mut self, moved: &Moved) {
        // Whoever stopped reading learns the rest from the records.
        let _gone = output::print(moved, self.format);
        if let Some(synced) = self.of(moved.space.as_deref()) {
            synced.sum.add(&moved.sums);
        }
    }

    /// The sum of a team; none of one that the first sync left out.
    fn of(&mut self, space: Option<&str>) -> Option<&mut Synced> {
        let Some(name) = space else { return Some(&mut self.all) };
        let mut spaces = self.all.further.iter_mut().flat_map(|further| &mut further.spaces);
        spaces.find(|space| space.name == name).map(|space| &mut space.synced)
    }

    /// All of it, and where each team's records are by now.
    fn end(mut self, teams: &[Team]) -> Result<Synced, Error> {
        for team in teams {
            let status = team.notebook.status()?;
            if let Some(synced) = self.of(team.name.as_deref()) {
                (synced.own, synced.removed) = (status.own.into(), status.removed);
            }
        }
        Ok(self.all)
    }
}

/// Stays in touch with a relay of each team; shows what each sync moved, and at the end all of it.
pub(super) async fn run(
    first: &Notebook,
    (notebook, names): (&Notebook, &[SpaceName]),
    args: &Args,
    format: Format,
) -> Result<Synced, Error> {
    let stop = stop::requested(args.stop_with_stdin).map_err(|source| Error::Runtime { source })?;
    let synced = match names.is_empty() {
        true => one(notebook, args, format).await.map(Synced::alone),
        false => all(first, names, args, format).await,
    };
    let synced = match synced {
        // It answers later, perhaps; and what cannot go on in one team keeps nobody from the others.
        Err(error) if !names.is_empty() || passes(&error) => {
            output::print_error(&error, format);
            Synced::failed(notebook, &error)?.alone()
        }
        synced => synced?,
    };
    let teams = teams((first, notebook), names, args, &synced)?;
    let mut tally = Tally { all: synced, format };
    let (said, mut hears) = unbounded_channel();
    let mut following = JoinSet::new();
    for team in &teams {
        following.spawn(stay(team.clone(), said.clone()));
    }
    let mut stop = std::pin::pin!(stop);
    loop {
        tokio::select! {
            biased;
            () = &mut stop => return tally.end(&teams),
            Some(moved) = hears.recv() => {
                tally.add(&moved);
                if moved.sums.received.applied > 0 && teams.len() > 1 {
                    carry(first, &teams, &mut tally).await?;
                }
            }
            Some(ended) = following.join_next() => {
                let error = ended.unwrap_or(NotebookError::Task);
                // What cannot go on in one team keeps nobody from the others.
                if following.is_empty() {
                    return Err(error.into());
                }
            }
        }
    }
}

/// Whether trying again may mend it.
fn passes(error: &Error) -> bool {
    matches!(error, Error::Notebook(error) if !error.is_lasting())
}

/// The teams that name a relay, each with the one that was reached just now, or else its first.
fn teams(
    (first, notebook): (&Notebook, &Notebook),
    names: &[SpaceName],
    args: &Args,
    synced: &Synced,
) -> Result<Vec<Team>, Error> {
    let mut teams = Vec::new();
    teams.extend(team(None, notebook.clone(), args, synced.relay.as_deref())?);
    for name in names {
        let mut spaces = synced.further.iter().flat_map(|further| &further.spaces);
        let space = spaces.find(|space| space.name == name.to_string());
        let relay = space.and_then(|space| space.synced.relay.as_deref());
        teams.extend(team(Some(name.to_string()), first.open_space(name)?, args, relay)?);
    }
    if teams.is_empty() { Err(Error::NoRelay) } else { Ok(teams) }
}

fn team(
    name: Option<String>,
    notebook: Notebook,
    args: &Args,
    relay: Option<&str>,
) -> Result<Option<Team>, Error> {
    let url = match relay {
        Some(relay) => Some(relay.parse()?),
        // Of one that is in no team yet there is nothing to follow.
        None => {
            notebook.relays().ok().and_then(|relays| urls(args, &relays).ok()).and_then(first_of)
        }
    };
    Ok(url.map(|url| Team { name, notebook, url }))
}

fn first_of(relays: Vec<Vec<RelayUrl>>) -> Option<RelayUrl> {
    relays.into_iter().flatten().next()
}

/// Follows one team until that cannot work any more; gives why.
async fn stay(team: Team, says: UnboundedSender<Moved>) -> NotebookError {
    let told = |synced: &Result<SyncReport, NotebookError>| {
        // Nobody hears it who has stopped.
        let _stopped = says.send(Moved::of(&team, synced));
    };
    team.notebook.follow(&team.url, told).await
}

/// Carries what was dropped in one team for another, and sends it on at once.
async fn carry(first: &Notebook, teams: &[Team], tally: &mut Tally) -> Result<(), Error> {
    let carried = first.carry()?.taken;
    if carried == 0 {
        return Ok(());
    }
    if let Some(further) = &mut tally.all.further {
        further.carried += carried;
    }
    for team in teams {
        let synced = team.notebook.sync(&team.url).await;
        tally.add(&Moved::of(team, &synced));
    }
    Ok(())
}

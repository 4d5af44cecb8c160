//! `haversack sync --follow`: in touch with a relay of each team at once. What comes for another team of this store is carried there as it comes.

use std::io::{self, Write};

use haversack::model::SpaceName;
use haversack::{Error as NotebookError, Notebook, RelayUrl, SyncReport};
use serde::Serialize;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

use super::{Args, Sums, Synced, all, one, stop};
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
    #[serde(skip)]
    requests: u32,
    /// Whether anything came.
    #[serde(skip)]
    brought: bool,
}

impl Moved {
    fn of(team: &Team, synced: &Result<SyncReport, NotebookError>) -> Self {
        let space = team.name.clone();
        match synced {
            Ok(report) => Self {
                space,
                pushed: report.pushed,
                contacts: report.contacts,
                failed: None,
                requests: report.requests,
                brought: report.received.applied > 0,
            },
            Err(error) => Self { space, failed: Some(error.to_string()), ..Self::default() },
        }
    }
}

impl Show for Moved {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        if let Some(space) = &self.space {
            write!(out, "{space}: ")?;
        }
        match &self.failed {
            Some(why) => writeln!(out, "{why}; trying again later"),
            None => writeln!(out, "new contacts {}, frames pushed {}", self.contacts, self.pushed),
        }
    }
}

/// What was moved so far, team by team, and shown as it came.
struct Tally {
    all: Synced,
    format: Format,
}

impl Tally {
    fn add(&mut self, place: usize, moved: &Moved) {
        // Whoever stopped reading learns the rest from the records.
        let _gone = output::print(moved, self.format);
        if let Some(sum) = self.sum(place) {
            sum.requests += moved.requests;
            sum.pushed += moved.pushed;
            sum.contacts += moved.contacts;
        }
    }

    fn sum(&mut self, place: usize) -> Option<&mut Sums> {
        match place.checked_sub(1) {
            None => Some(&mut self.all.sum),
            Some(further) => {
                let spaces = &mut self.all.further.as_mut()?.spaces;
                spaces.get_mut(further).map(|space| &mut space.synced.sum)
            }
        }
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
        true => one(notebook, args, format).await?.alone(),
        false => all(first, names, args, format).await?,
    };
    let teams = teams(first, notebook, &synced)?;
    let mut tally = Tally { all: synced, format };
    let (said, mut hears) = unbounded_channel();
    let mut following = JoinSet::new();
    for (place, team) in teams.iter().enumerate() {
        following.spawn(stay(team.clone(), place, said.clone()));
    }
    let mut stop = std::pin::pin!(stop);
    loop {
        tokio::select! {
            biased;
            () = &mut stop => return Ok(tally.all),
            Some((place, moved)) = hears.recv() => {
                tally.add(place, &moved);
                if moved.brought && teams.len() > 1 {
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

/// The teams that a sync has just reached.
fn teams(first: &Notebook, notebook: &Notebook, synced: &Synced) -> Result<Vec<Team>, Error> {
    let mut teams =
        vec![Team { name: None, notebook: notebook.clone(), url: synced.relay.parse()? }];
    for space in synced.further.iter().flat_map(|further| &further.spaces) {
        let notebook = first.open_space(&SpaceName::new(&space.name)?)?;
        let (name, url) = (Some(space.name.clone()), space.synced.relay.parse()?);
        teams.push(Team { name, notebook, url });
    }
    Ok(teams)
}

/// Follows one team until that cannot work any more; gives why.
async fn stay(team: Team, place: usize, says: UnboundedSender<(usize, Moved)>) -> NotebookError {
    let told = |synced: &Result<SyncReport, NotebookError>| {
        // Nobody hears it who has stopped.
        let _stopped = says.send((place, Moved::of(&team, synced)));
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
    for (place, team) in teams.iter().enumerate() {
        let synced = team.notebook.sync(&team.url).await;
        tally.add(place, &Moved::of(team, &synced));
    }
    Ok(())
}

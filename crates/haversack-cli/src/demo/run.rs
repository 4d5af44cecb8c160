//! The run itself.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use haversack::{Notebook, RelayUrl};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::dataset::Dataset;
use super::plan::{Plan, Step, Who};
use super::relay::RelayProcess;
use super::team::Team;
use super::wire::Wire;
use super::{Args, Error, Moved, Outcome, failing};

/// Runs the demo.
pub(crate) async fn run(args: &Args) -> Result<Outcome, Error> {
    let dataset = Dataset::read(args.data.as_deref())?;
    let temporary = tempfile::tempdir().map_err(failing("no temporary folder can be made"))?;
    let folder = match &args.keep {
        Some(folder) => new_folder(folder)?,
        None => temporary.path().to_owned(),
    };
    let relay = RelayProcess::start(&folder.join("relay")).await?;
    let wire = Wire::open(relay.url()).await?;
    let outcome = Field {
        dataset: &dataset,
        wire: &wire,
        url: wire.url(relay.url()),
        moved: Moved::default(),
    }
    .work(&folder, args.seed)
    .await?;
    relay.stop().await?;
    Ok(outcome)
}

fn new_folder(folder: &Path) -> Result<PathBuf, Error> {
    let failed = failing("the folder to keep must be new or empty");
    std::fs::create_dir_all(folder).map_err(&failed)?;
    let mut entries = std::fs::read_dir(folder).map_err(&failed)?;
    match entries.next() {
        None => Ok(folder.to_owned()),
        Some(_) => Err(failed(std::io::ErrorKind::AlreadyExists.into())),
    }
}

/// Half a year in the field.
struct Field<'a> {
    dataset: &'a Dataset,
    wire: &'a Wire,
    url: RelayUrl,
    moved: Moved,
}

impl Field<'_> {
    async fn work(mut self, folder: &Path, seed: u64) -> Result<Outcome, Error> {
        let outings: Vec<usize> =
            self.dataset.outings.iter().map(|outing| outing.educator).collect();
        let plan = Plan::draw(seed, self.dataset.educators, &outings);
        let team = Team::gather(folder, self.dataset, &self.url)?;
        self.prepare(&team, plan.carried).await?;
        let progress = progress(plan.steps.len() as u64);
        let last_round = self.last_round(&plan);
        for (n, step) in plan.steps.iter().enumerate() {
            if n == last_round {
                self.carry(&team, plan.carried)?;
            }
            self.step(&team, *step).await?;
            progress.inc(1);
        }
        self.bring_back(&team, plan.carried)?;
        progress.finish_and_clear();
        self.finish(&team, plan.carried)
    }

    /// Where the last round of syncs begins: after the last outing.
    fn last_round(&self, plan: &Plan) -> usize {
        let last = plan.steps.iter().rposition(|step| matches!(step, Step::Log(_)));
        last.map_or(0, |last| last + 1)
    }

    /// Before the first walk everybody has the sites and the client files: by relay, or by a file.
    async fn prepare(&mut self, team: &Team, carried: Option<usize>) -> Result<(), Error> {
        self.sync(&team.coordinator, None).await?;
        for (n, phone) in team.phones.iter().enumerate() {
            match Some(n) == carried {
                true => drop(team.hand_over(&team.coordinator, phone, "start.bundle")?),
                false => self.sync(phone, None).await?,
            }
        }
        Ok(())
    }

    async fn step(&mut self, team: &Team, step: Step) -> Result<(), Error> {
        match step {
            Step::Log(outing) => self.log(team, outing),
            Step::Sync(Who::Coordinator, cut) => self.sync(&team.coordinator, cut).await,
            Step::Sync(Who::Educator(n), cut) => match team.phones.get(n) {
                Some(phone) => self.sync(phone, cut).await,
                None => Ok(()),
            },
        }
    }

    fn log(&self, team: &Team, outing: usize) -> Result<(), Error> {
        let Some(outing) = self.dataset.outings.get(outing) else { return Ok(()) };
        let Some(phone) = team.phones.get(outing.educator) else { return Ok(()) };
        for contact in &outing.contacts {
            phone.log(outing.day, &[contact.draft(&team.clients)])?;
        }
        Ok(())
    }

    /// A sync over a line that may break. A broken one is what it is: the next brings the rest.
    async fn sync(&mut self, notebook: &Notebook, cut: Option<u64>) -> Result<(), Error> {
        self.wire.cut_after(cut);
        let before = notebook.status()?.contacts;
        let synced = notebook.sync(&self.url).await;
        self.wire.cut_after(None);
        self.moved.contacts_moved += notebook.status()?.contacts - before;
        match synced {
            Ok(report) => self.moved.requests += u64::from(report.requests),
            Err(haversack::Error::Interrupted { so_far }) if cut.is_some() => {
                self.moved.requests += u64::from(so_far.requests);
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Whoever never met the relay hands over a file, and the same file again.
    fn carry(&mut self, team: &Team, carried: Option<usize>) -> Result<(), Error> {
        let Some(phone) = carried.and_then(|n| team.phones.get(n)) else { return Ok(()) };
        for _ in 0..2 {
            let contacts = team.hand_over(phone, &team.coordinator, "handover.bundle")?;
            self.moved.contacts_moved += contacts;
            self.moved.contacts_by_bundle += contacts;
        }
        Ok(())
    }

    /// What the coordinator has of its own goes back the same way.
    fn bring_back(&mut self, team: &Team, carried: Option<usize>) -> Result<(), Error> {
        let Some(phone) = carried.and_then(|n| team.phones.get(n)) else { return Ok(()) };
        let contacts = team.hand_over(&team.coordinator, phone, "return.bundle")?;
        self.moved.contacts_moved += contacts;
        self.moved.contacts_by_bundle += contacts;
        Ok(())
    }

    /// Reports, and checks that everybody who met the relay has, byte for byte, what the coordinator has.
    fn finish(mut self, team: &Team, carried: Option<usize>) -> Result<Outcome, Error> {
        let indicators = team.coordinator.report(&self.dataset.period)?.indicators;
        let expected = team.coordinator.canonical()?;
        for (_, phone) in team.phones.iter().enumerate().filter(|(n, _)| Some(*n) != carried) {
            self.moved.stores += 1;
            self.moved.stores_alike += u64::from(phone.canonical()? == expected);
        }
        let different = self.moved.stores - self.moved.stores_alike;
        (self.moved.bytes_up, self.moved.bytes_down, self.moved.connections_cut) = self.wire.read();
        let bytes = u128::from(self.moved.bytes_up + self.moved.bytes_down);
        let by_relay = self.moved.contacts_moved - self.moved.contacts_by_bundle;
        self.moved.bytes_per_contact = haversack::rate(bytes, by_relay.into());
        team.close()?;
        match different {
            0 => Ok(Outcome { indicators, sync: self.moved }),
            different => Err(Error::Different { different }),
        }
    }
}

fn progress(steps: u64) -> ProgressBar {
    let target = match std::io::stderr().is_terminal() {
        true => ProgressDrawTarget::stderr(),
        false => ProgressDrawTarget::hidden(),
    };
    let bar = ProgressBar::with_draw_target(Some(steps), target);
    if let Ok(style) = ProgressStyle::with_template("half a year in the field {bar:40} {percent}%")
    {
        bar.set_style(style);
    }
    bar
}

//! `haversack sync`: an exchange with each relay of the team, in both directions.

mod follow;

use std::collections::BTreeMap;
use std::io::{self, Write};

use clap::ValueHint;
use haversack::model::SpaceName;
use haversack::{
    EngineError, Error as NotebookError, Notebook, Padding, Proxy, Received, RelayAddress,
    RelayUrl, SyncReport,
};
use serde::Serialize;

use super::relay::stop;
use super::status::{FaultShown, Own};
use crate::error::Error;
use crate::global::{Global, close};
use crate::output::{Format, Show, Table, count};
use crate::progress;

/// Exchanges records with the relays of the team, in both directions, for every team of this store
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Exchanges records with each relay of the team, in both directions. What arrives is kept as it arrives: a \
    sync that breaks off goes on where it stopped. A relay that cannot be reached keeps nobody from the others.\n\n\
    The relay sees sealed frames of padded lengths, and cannot read them. That it holds a record does not make the record \
    safe: that is said only when a coordinator or an archive acknowledges it, which haversack status shows.\n\n\
    A store that is in several teams syncs each with the relays of its own roster, carries what was dropped in one for another, \
    and sends that on. A team with which that does not work keeps nobody from the others, and is said to be left out. With --space NAME, \
    or --relay, one team only.\n\n\
    Over https the relay must show the key that its address or the roster pins; where neither does, a certificate that a public \
    authority vouches for. Whoever watches the network then sees that you talk to this relay, and when. A proxy \
    hides that: through Tor, --proxy socks5h://127.0.0.1:9050. It looks the relay's name up itself, so .onion works.\n\n\
    With --follow it stays, and syncs a team again whenever its relay has something new, until Ctrl-C; when a relay does not answer it \
    tries again, after a while and less and less often.\n\n\
    Example:\n  haversack sync --relay https://relay.example#00112233445566778899aabbccddeeff"
)]
pub(crate) struct Args {
    /// Where a relay answers, as haversack relay serve prints it; all of the team's roster when omitted
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url)]
    relay: Option<RelayUrl>,
    /// Meets a device of the team in place of a relay, at the address that haversack peer serve shows there
    #[arg(long, value_name = "ADDRESS", value_hint = ValueHint::Url, conflicts_with = "relay")]
    peer: Option<RelayUrl>,
    /// Goes over a proxy: socks5h://HOST:PORT (Tor), or http://HOST:PORT (CONNECT)
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url, env = "HAVERSACK_PROXY")]
    #[arg(hide_env_values = true)]
    proxy: Option<Proxy>,
    /// Syncs again whenever the relay has something new, until it is told to stop
    #[arg(long, conflicts_with = "peer")]
    follow: bool,
    /// Stops following when stdin closes, so as not to outlive the program that started it
    #[arg(long, hide = true)]
    stop_with_stdin: bool,
    /// How much of the lengths of what is sent may show, from now on: high-risk leaves five lengths, from 2 to 32 KiB
    #[arg(long, value_name = "PROFILE")]
    padding: Option<Profile>,
}

/// Who was at the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum With {
    Relay,
    Device,
}

/// How much of the lengths of frames shows.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Profile {
    Default,
    HighRisk,
}

impl From<Profile> for Padding {
    fn from(profile: Profile) -> Self {
        match profile {
            Profile::Default => Self::Padme,
            Profile::HighRisk => Self::HighRisk,
        }
    }
}

/// What a sync did.
#[derive(Debug, Serialize)]
pub(crate) struct Synced {
    #[serde(skip)]
    with: With,
    /// The first relay that was reached, if any was.
    relay: Option<String>,
    /// The sums over all relays.
    #[serde(flatten)]
    sum: Sums,
    /// Each relay by itself.
    relays: Vec<RelayReached>,
    /// The relays with which it did not work.
    failed: Vec<RelayFailed>,
    own: Own,
    /// Whether this device turned out to be a member no more.
    removed: bool,
    /// The further teams of this store; absent within one of them.
    #[serde(flatten)]
    further: Option<Further>,
}

/// What went to and fro.
#[derive(Debug, Default, Serialize)]
struct Sums {
    requests: u32,
    bytes_up: u64,
    bytes_down: u64,
    /// This device's changes among what was pushed.
    records: u32,
    /// Frames that the relay now holds; nobody has acknowledged them by that.
    pushed: u32,
    /// Their bytes, sealed.
    pushed_bytes: u64,
    /// Frames that the relay had no room for.
    full: u32,
    received: Arrived,
    /// Contacts that are new here.
    contacts: u64,
}

#[derive(Debug, Serialize)]
struct RelayReached {
    relay: String,
    #[serde(flatten)]
    moved: Sums,
    /// What it did that it should not.
    faults: Vec<FaultShown>,
}

#[derive(Debug, Serialize)]
struct RelayFailed {
    /// None where it did not come to asking any.
    #[serde(skip_serializing_if = "Option::is_none")]
    relay: Option<String>,
    why: String,
}

impl From<SyncReport> for Sums {
    fn from(report: SyncReport) -> Self {
        Self {
            requests: report.requests,
            bytes_up: report.bytes_up,
            bytes_down: report.bytes_down,
            records: report.records,
            pushed: report.pushed,
            pushed_bytes: report.pushed_bytes,
            full: report.full,
            received: report.received.into(),
            contacts: report.contacts,
        }
    }
}

impl Sums {
    fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.bytes_up += other.bytes_up;
        self.bytes_down += other.bytes_down;
        self.records += other.records;
        self.pushed += other.pushed;
        self.pushed_bytes += other.pushed_bytes;
        self.full += other.full;
        self.received.add(&other.received);
        self.contacts += other.contacts;
    }

    fn lines(&self, with: With, table: &mut Table) {
        match with {
            With::Relay => {
                table.pair("pushed, held by the relay, not yet acknowledged", self.pushed);
            }
            With::Device => table.pair("handed over, not yet acknowledged", self.pushed),
        }
        if self.records > 0 {
            table.pair("  own changes in that", self.records);
        }
        if self.full > 0 {
            table.pair("  not taken: no room there", self.full);
        }
        self.received.lines(table);
        table.pair("contacts that are new here", self.contacts);
    }

    fn traffic(&self, table: &mut Table) {
        let (requests, up, down) = (self.requests, self.bytes_up, self.bytes_down);
        table.pair(
            "traffic",
            format!("{}, {up} bytes up, {down} bytes down", count(requests.into(), "request")),
        );
    }
}

/// What the sync of all teams did beyond the first's.
#[derive(Debug, Default, Serialize)]
struct Further {
    /// Drops that were carried from one team to another.
    carried: u64,
    spaces: Vec<SpaceSynced>,
    skipped: Vec<SpaceSkipped>,
}

#[derive(Debug, Serialize)]
struct SpaceSynced {
    name: String,
    #[serde(flatten)]
    synced: Synced,
}

/// A further team that was not synced.
#[derive(Debug, Serialize)]
struct SpaceSkipped {
    name: String,
    why: Skipped,
    /// What went wrong, in words.
    error: Option<String>,
    own: Own,
}

/// Why a team was not synced.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
enum Skipped {
    /// Its roster names none.
    NoRelay,
    /// It waits for the answer to a request to join.
    NoTeam,
    /// It was tried, and did not work.
    Failed,
}

impl SpaceSkipped {
    fn new(name: &SpaceName, space: &Notebook, error: &Error) -> Result<Self, Error> {
        let why = match error {
            Error::NoRelay => Skipped::NoRelay,
            Error::Notebook(NotebookError::Engine(EngineError::NoSpace)) => Skipped::NoTeam,
            _ => Skipped::Failed,
        };
        let text = matches!(why, Skipped::Failed).then(|| error.to_string());
        Ok(Self { name: name.to_string(), why, error: text, own: space.status()?.own.into() })
    }
}

/// What frames brought.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Arrived {
    applied: u32,
    known: u32,
    waiting: u32,
    quarantined: u32,
    /// Why what was refused was, by the reason's word.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    reasons: BTreeMap<&'static str, u32>,
    foreign: u32,
    dropped: u32,
}

impl From<Received> for Arrived {
    fn from(received: Received) -> Self {
        let Received { applied, known, waiting, quarantined, foreign, dropped, .. } = received;
        let reasons = received.reasons.iter().map(|(reason, n)| (reason.code(), n)).collect();
        Self { applied, known, waiting, quarantined, reasons, foreign, dropped }
    }
}

impl Arrived {
    fn add(&mut self, other: &Self) {
        self.applied += other.applied;
        self.known += other.known;
        self.waiting += other.waiting;
        self.quarantined += other.quarantined;
        for (reason, n) in &other.reasons {
            *self.reasons.entry(reason).or_default() += n;
        }
        self.foreign += other.foreign;
        self.dropped += other.dropped;
    }

    /// Adds a line for what is new, and for each kind that is no matter of course.
    pub(crate) fn lines(&self, table: &mut Table) {
        table.pair("received, new", self.applied);
        let others = [
            ("  here before", self.known),
            ("  waiting for what comes before", self.waiting),
            ("  refused", self.quarantined),
            ("  under keys that this device does not have", self.foreign),
            ("  without room to wait, asked for again", self.dropped),
        ];
        for (name, number) in others.into_iter().filter(|(_, number)| *number > 0) {
            table.pair(name, number);
        }
    }
}

/// Runs it.
pub(crate) async fn run(global: &Global, args: &Args) -> Result<Synced, Error> {
    let first = global.open_first()?;
    first.set_proxy(args.proxy.clone());
    let notebook = global.open_within(&first)?;
    let names = match (global.whole(), &args.relay, &args.peer) {
        (Ok(()), None, None) => first.spaces()?,
        _ => Vec::new(),
    };
    if args.follow {
        let synced = follow::run(&first, (&notebook, &names), args, global.format()).await;
        close(&first);
        return synced;
    }
    let synced = match names.is_empty() {
        true => one(&notebook, args, global.format()).await.map(Synced::alone),
        false => all(&first, &names, args, global.format()).await,
    };
    close(&first);
    synced
}

/// Syncs every team, carries between them, and sends on what was carried. One with which that does not work keeps nobody from the
/// others: it is left out, and said to be.
async fn all(
    first: &Notebook,
    names: &[SpaceName],
    args: &Args,
    format: Format,
) -> Result<Synced, Error> {
    let tried = one(first, args, format).await;
    let (mut spaces, mut skipped) = (Vec::new(), Vec::new());
    for name in names {
        let space = first.open_space(name)?;
        match one(&space, args, format).await {
            Ok(synced) => spaces.push(SpaceSynced { name: name.to_string(), synced }),
            Err(error) => skipped.push(SpaceSkipped::new(name, &space, &error)?),
        }
    }
    let mut synced = match tried {
        Err(error) if spaces.is_empty() => return Err(error),
        Err(error) => Synced::failed(first, &error)?,
        Ok(synced) => synced,
    };
    let carried = first.carry()?.taken;
    if carried > 0 {
        synced.again(first, args, format).await?;
        for space in &mut spaces {
            let notebook = first.open_space(&SpaceName::new(&space.name)?)?;
            space.synced.again(&notebook, args, format).await?;
        }
    }
    synced.further = Some(Further { carried, spaces, skipped });
    Ok(synced)
}

async fn one(notebook: &Notebook, args: &Args, format: Format) -> Result<Synced, Error> {
    if let Some(profile) = args.padding {
        notebook.set_padding(profile.into())?;
    }
    let (mut reached, mut failed, mut why) = (Vec::new(), Vec::new(), None);
    match &args.peer {
        Some(peer) => reached.push(meet(notebook, peer, format).await?),
        None => {
            for urls in urls(args, &notebook.relays()?)? {
                match first_that_answers(notebook, &urls, format).await {
                    Ok(one) => reached.push(one),
                    Err(Error::NoRelay) => {}
                    Err(error) => {
                        let relay = urls.first().map(ToString::to_string);
                        failed.push(RelayFailed { relay, why: error.to_string() });
                        why = why.or(Some(error));
                    }
                }
            }
        }
    }
    let relay = reached.first().map(|one| one.relay.clone());
    if relay.is_none() {
        return Err(why.unwrap_or(Error::NoRelay));
    }
    let mut sum = Sums::default();
    reached.iter().for_each(|one| sum.add(&one.moved));
    let status = notebook.status()?;
    Ok(Synced {
        with: if args.peer.is_some() { With::Device } else { With::Relay },
        relay,
        sum,
        relays: reached,
        failed,
        own: status.own.into(),
        removed: status.removed,
        further: None,
    })
}

impl Synced {
    /// The sync of one team, and of no other.
    fn alone(mut self) -> Self {
        self.further = Some(Further::default());
        self
    }

    /// A sync that came to nothing, and why.
    fn failed(notebook: &Notebook, error: &Error) -> Result<Self, Error> {
        let status = notebook.status()?;
        let failed = RelayFailed { relay: None, why: error.to_string() };
        Ok(Self {
            with: With::Relay,
            relay: None,
            sum: Sums::default(),
            relays: Vec::new(),
            failed: vec![failed],
            own: status.own.into(),
            removed: status.removed,
            further: None,
        })
    }

    /// Syncs once more, and adds what that did.
    async fn again(
        &mut self,
        notebook: &Notebook,
        args: &Args,
        format: Format,
    ) -> Result<(), Error> {
        let again = one(notebook, args, format).await;
        let other = again.or_else(|error| Self::failed(notebook, &error))?;
        self.sum.add(&other.sum);
        self.relays.extend(other.relays);
        self.failed.extend(other.failed);
        (self.own, self.removed) = (other.own, other.removed);
        Ok(())
    }
}

/// The addresses of each relay: of the one that was named, by the id that the roster has for it; or of all that the roster names.
fn urls(args: &Args, roster: &[RelayAddress]) -> Result<Vec<Vec<RelayUrl>>, Error> {
    let relays = roster.iter().map(|relay| RelayUrl::of(relay).collect::<Vec<_>>());
    let named: Vec<Vec<RelayUrl>> = relays.filter(|urls| !urls.is_empty()).collect();
    match &args.relay {
        None if named.is_empty() => Err(Error::NoRelay),
        None => Ok(named),
        Some(url) => {
            let mut all = named.into_iter().flatten();
            let known = all.find(|known| known.base() == url.base());
            let url = known.filter(|_| url.relay().is_none()).unwrap_or_else(|| url.clone());
            Ok(vec![vec![url]])
        }
    }
}

/// Syncs with a device of the team.
async fn meet(notebook: &Notebook, peer: &RelayUrl, format: Format) -> Result<RelayReached, Error> {
    let _line = progress::Line::start(format!("syncing with {}", peer.base()), format);
    let moved = notebook.sync_with_peer(peer).await?.into();
    Ok(RelayReached { relay: peer.to_string(), moved, faults: Vec::new() })
}

/// Syncs with a relay at the first of its addresses that can be reached.
async fn first_that_answers(
    notebook: &Notebook,
    urls: &[RelayUrl],
    format: Format,
) -> Result<RelayReached, Error> {
    let mut failed = Error::NoRelay;
    for url in urls {
        let _line = progress::Line::start(format!("syncing with {}", url.base()), format);
        match notebook.sync(url).await {
            Ok(report) => {
                let faults = report.faults.iter().map(FaultShown::from).collect();
                return Ok(RelayReached { relay: url.to_string(), moved: report.into(), faults });
            }
            Err(error @ NotebookError::Unreachable { .. }) => failed = error.into(),
            Err(error) => return Err(error.into()),
        }
    }
    Err(failed)
}

impl Show for Synced {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        for reached in &self.relays {
            writeln!(out, "exchanged with {}", reached.relay)?;
            let mut faults = reached.faults.iter();
            faults.try_for_each(|fault| writeln!(out, "  that relay {}", fault.words))?;
        }
        for failed in &self.failed {
            match &failed.relay {
                None => writeln!(out, "not synced: {}", failed.why)?,
                Some(relay) => writeln!(out, "not with {relay}: {}", failed.why)?,
            }
        }
        if self.removed {
            writeln!(
                out,
                "This device was removed from its team: it neither sends nor takes records any more."
            )?;
        }
        let mut table = Table::default();
        self.sum.lines(self.with, &mut table);
        self.own.lines(&mut table);
        self.sum.traffic(&mut table);
        table.write(out)?;
        self.further.iter().try_for_each(|further| further.text(out))
    }
}

impl Further {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        for space in &self.spaces {
            writeln!(out, "\n{}:", space.name)?;
            space.synced.text(out)?;
        }
        self.skipped.iter().try_for_each(|space| space.text(out))?;
        match self.spaces.is_empty() && self.skipped.is_empty() {
            true => Ok(()),
            false => writeln!(out, "\ncarried between teams: {}", count(self.carried, "drop")),
        }
    }
}

impl SpaceSkipped {
    /// Where this device's records are that did not go.
    fn owed(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut table = Table::default();
        self.own.lines(&mut table);
        table.write(out)
    }

    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        let name = &self.name;
        match self.why {
            Skipped::NoTeam => {
                writeln!(out, "\n{name}: not synced, it is in no team yet: haversack join")
            }
            Skipped::NoRelay => {
                writeln!(out, "\n{name}: not synced, its roster names no relay")?;
                self.owed(out)?;
                writeln!(out, "Name one: haversack --space {name} relay add http://HOST:PORT#ID")
            }
            Skipped::Failed => {
                let why = self.error.as_deref().unwrap_or_default();
                writeln!(out, "\n{name}: not synced: {why}")?;
                self.owed(out)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use haversack::Relay;

    use super::*;

    const ID: &str = "07070707070707070707070707070707";

    fn roster(addresses: &[&str]) -> Vec<RelayAddress> {
        let addresses = addresses.iter().map(|address| (*address).to_owned()).collect();
        vec![RelayAddress { relay: Relay::new([7; 16]), addresses, pins: Vec::new() }]
    }

    #[test]
    fn which_relay() {
        let check = |named: Option<&str>, addresses: &[&str], expect: &str| {
            let args = Args {
                relay: named.map(|url| url.parse().unwrap()),
                peer: None,
                proxy: None,
                follow: false,
                stop_with_stdin: false,
                padding: None,
            };
            let urls = urls(&args, &roster(addresses)).unwrap_or_default();
            let urls: Vec<String> = urls.iter().flatten().map(ToString::to_string).collect();
            assert_eq!(urls.join(" "), expect.replace("ID", ID), "{named:?} {addresses:?}");
        };
        check(None, &[], "");
        check(None, &["http://a:1", "b:2"], "http://a:1#ID http://b:2#ID");
        check(None, &["https://a:1", "a b"], "https://a:1#ID");
        check(Some("https://a:1"), &["http://a:1"], "https://a:1");
        check(Some("http://c:3"), &["http://a:1"], "http://c:3");
        check(Some("http://a:1"), &["http://a:1"], "http://a:1#ID");
        let other = "http://a:1#08080808080808080808080808080808";
        check(Some(other), &["http://a:1"], other);
    }
}

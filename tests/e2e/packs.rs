//! Packs with a relay that is a process of its own, over TCP: who joins late, who was away for long, what the relay dropped.

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::Ordering;

use haversack::{Notebook, RelayUrl, Role, SyncReport, WhoDraft};
use haversack_relay::Relay;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::team::{Team, create, day, given};
use crate::wire_size::counted;

const DATA: &str = "HAVERSACK_TEST_RELAY";
const HERE: &str = "relay at ";
/// More than a field device keeps keys for.
const WEEKS: usize = 8;

/// What the relay's process does, until its stdin is closed; a pass of nothing when nobody asks for it.
#[test]
fn relay_process() {
    let Some(data) = std::env::var_os(DATA).map(PathBuf::from) else { return };
    let relay = Relay::open(&data).unwrap();
    Runtime::new().unwrap().block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        println!("\n{HERE}{}", RelayUrl::new("127.0.0.1".into(), port, Some(relay.id())));
        let stdin = || std::io::stdin().read_to_end(&mut Vec::new());
        let closed = async { drop(tokio::task::spawn_blocking(stdin).await) };
        relay.serve(listener, closed).await.unwrap();
    });
}

/// A relay's process, stopped when dropped.
pub(crate) struct Process {
    child: Child,
    /// Read from no more, and open all the same.
    _said: BufReader<ChildStdout>,
    pub(crate) url: RelayUrl,
}

impl Process {
    pub(crate) fn start(data: PathBuf) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["packs::relay_process", "--exact", "--nocapture"])
            .env(DATA, data)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        let lines = said.by_ref().lines().map(Result::unwrap);
        let url = lines.filter_map(|line| line.strip_prefix(HERE).map(str::to_owned)).next();
        Self { child, _said: said, url: url.unwrap().parse().unwrap() }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        self.child.wait().unwrap();
    }
}

/// A team whose relay dropped what two packs have, while one phone was away.
struct Office {
    team: Team,
    runtime: Runtime,
    relay: Process,
}

impl Office {
    fn new() -> Self {
        let team = Team::new(2, 1);
        team.start_by_file();
        let relay = Process::start(team.folder.path().join("relay"));
        let office = Self { team, runtime: Runtime::new().unwrap(), relay };
        for _ in 0..2 {
            office.team.phones.iter().for_each(|phone| drop(office.sync(phone)));
            office.sync(&office.team.coordinator);
        }
        office
    }

    /// A sync in which the relay shows nothing that is not in order.
    fn sync(&self, notebook: &Notebook) -> SyncReport {
        let report = self.runtime.block_on(notebook.sync(&self.relay.url)).unwrap();
        assert_eq!(report.faults, [], "a gap under a pack is no fault");
        report
    }

    /// One phone and the office go on for weeks, with new keys each week; twice everything is packed.
    fn go_on(&self) {
        let coordinator = &self.team.coordinator;
        for week in 0..WEEKS {
            let date = day(&format!("2008-03-{:02}", week + 1));
            self.team.phones[0].log(date, &[self.team.contact(0, week as i64 + 1)]).unwrap();
            self.sync(&self.team.phones[0]);
            coordinator.rotate().unwrap();
            self.sync(coordinator);
            if week % 4 == 3 {
                coordinator.make_pack(&mut |_, _| {}).unwrap();
                self.sync(coordinator);
            }
            self.sync(&self.team.phones[0]);
        }
    }

    /// Both in turn, until each knows what the other has.
    fn meet(&self, notebook: &Notebook) {
        for _ in 0..2 {
            self.sync(notebook);
            self.sync(&self.team.coordinator);
        }
        self.sync(notebook);
    }
}

fn contacts(notebook: &Notebook) -> u64 {
    notebook.status().unwrap().contacts
}

#[test]
fn a_phone_past_its_horizon_comes_back_by_a_pack_with_its_unsent_lane() {
    let office = Office::new();
    let away = &office.team.phones[1];
    away.log(day("2008-02-28"), &[given(WhoDraft::default(), 3), given(WhoDraft::default(), 4)])
        .unwrap();
    office.go_on();
    assert_eq!(away.status().unwrap().own.here_only, 1, "what it wrote in one change, unsent");
    let back = office.sync(away);
    assert_eq!(contacts(away), WEEKS as u64 + 2);
    assert_eq!((back.received.quarantined, away.status().unwrap().waiting), (0, 0));
    assert!(back.records > 0, "what it had not sent is at the relay now");
    assert_eq!(away.status().unwrap().own.relayed, 1);
    office.meet(away);
    // It has reached the office, and is acknowledged: only then does the phone let go of what is that old.
    assert_eq!(contacts(&office.team.coordinator), WEEKS as u64 + 2);
    assert_eq!(contacts(away), WEEKS as u64);
    // And so it goes on.
    away.log(day("2008-03-20"), &[given(WhoDraft::default(), 5)]).unwrap();
    office.meet(away);
    office.sync(&office.team.phones[0]);
    assert!(contacts(&office.team.phones[0]) > 2, "what is not beyond its horizon");
    assert_eq!(contacts(&office.team.coordinator), WEEKS as u64 + 3);
}

#[test]
fn who_joins_when_the_relay_dropped_the_chunks_has_everything_in_three_requests() {
    let office = Office::new();
    office.go_on();
    let new = create(&office.team.folder.path().join("new"));
    let request = new.request_to_join().unwrap();
    let (answer, _) = office.team.coordinator.invite(&request, Role::Educator, &[]).unwrap();
    new.join(&answer).unwrap();
    let (url, opened) = office.runtime.block_on(counted(&office.relay.url, false));
    let first = office.runtime.block_on(new.sync(&url)).unwrap();
    assert_eq!(contacts(&new), WEEKS as u64);
    assert_eq!(new.clients().unwrap().len(), 1);
    // The relay's proof, what is packed, what came after it.
    assert!(first.requests <= 3, "{} requests", first.requests);
    assert_eq!(opened.load(Ordering::SeqCst), 1, "each connection takes seconds on a bad network");
    assert_eq!(first.received.quarantined, 0);
    office.meet(&new);
    assert_eq!(office.sync(&new).requests, 1, "nothing is asked for once more");
    let acknowledged = new.status().unwrap().whereabouts.acknowledged;
    assert_eq!(acknowledged, WEEKS as u64, "by whoever made the pack, at least");
}

//! Phone to phone: over a network of one room, and over nothing but bytes.

use haversack::{Error, Notebook, PeerReport, PeerServer, RelayUrl, WhoDraft};
use haversack_core::{Answering, Engine};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::fleet::Fleet;
use crate::team::{Running, Team, day, given, relay, tls_relay};

/// A phone that answers, until it is told to stop.
pub(crate) struct Serving {
    pub(crate) url: RelayUrl,
    stop: oneshot::Sender<()>,
    task: JoinHandle<PeerReport>,
}

impl Serving {
    pub(crate) async fn start(notebook: &Notebook) -> Self {
        let server = PeerServer::bind(notebook, "127.0.0.1:0".parse().unwrap(), None).await;
        let server = server.unwrap();
        let (url, (stop, stopped)) = (server.url().clone(), oneshot::channel());
        let task = tokio::spawn(server.serve(async { drop(stopped.await) }));
        Self { url, stop, task }
    }

    pub(crate) async fn stop(self) -> PeerReport {
        drop(self.stop);
        self.task.await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_phones_meet_and_a_relay_hears_of_both() {
    let team = Team::new(2, 3);
    team.start_by_file();
    let [a, b] = [&team.phones[0], &team.phones[1]];
    a.log(day("2008-02-04"), &[team.contact(0, 4), team.contact(1, 5)]).unwrap();
    b.log(day("2008-02-05"), &[team.contact(2, 6)]).unwrap();
    let serving = Serving::start(a).await;
    // As it would be scanned.
    let url: RelayUrl = serving.url.to_code().parse().unwrap();
    assert_eq!(url, serving.url);
    let met = b.sync_with_peer(&url).await.unwrap();
    assert_eq!((met.requests, met.contacts), (1, 2));
    assert_eq!(a.canonical().unwrap(), b.canonical().unwrap());
    // Nothing of it counts as held by a relay.
    for phone in [a, b] {
        assert_eq!(phone.status().unwrap().own.relayed, 0);
        assert!(phone.status().unwrap().own.here_only > 0);
    }
    // Again: there is nothing new, and the vector says so.
    let again = b.sync_with_peer(&url).await.unwrap();
    assert_eq!((again.requests, again.contacts, again.received.applied), (1, 0, 0));
    assert!(again.bytes_down < met.bytes_down, "{again:?}");
    let report = serving.stop().await;
    assert_eq!((report.answered, report.received.applied > 0), (2, true));
    // Whoever reaches a relay brings what the other did as well.
    let relay = relay(&team.folder.path().join("relay")).await;
    b.sync(&relay.url).await.unwrap();
    assert_eq!(team.coordinator.sync(&relay.url).await.unwrap().contacts, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_and_others_in_between_get_nothing() {
    let (team, others) = (Team::new(1, 1), Team::new(0, 1));
    team.start_by_file();
    let serving = Serving::start(&team.phones[0]).await;
    let before = team.phones[0].canonical().unwrap();
    match others.coordinator.sync_with_peer(&serving.url).await {
        Err(Error::Refused { status: 403 }) => {}
        other => panic!("{other:?}"),
    }
    let decoy = tls_relay(&team.folder.path().join("decoy")).await;
    let wrong = in_place_of(&serving.url, &decoy);
    let refused = team.coordinator.sync_with_peer(&wrong).await.unwrap_err();
    assert!(matches!(refused, Error::Tls { .. }), "{refused}");
    let bare: RelayUrl = serving.url.base().parse().unwrap();
    let refused = team.coordinator.sync_with_peer(&bare).await.unwrap_err();
    assert!(matches!(refused, Error::Address { .. }), "{refused}");
    assert_eq!(team.phones[0].canonical().unwrap(), before);
    assert_eq!(serving.stop().await, PeerReport::default());
}

/// The address of a phone, with somebody else at its port.
fn in_place_of(peer: &RelayUrl, decoy: &Running) -> RelayUrl {
    RelayUrl::new("127.0.0.1".into(), decoy.url.port(), peer.relay()).secured(peer.pins().to_vec())
}

/// Pumps a whole exchange in pieces: the request up to a part of it, then the answer up to a part of it.
fn pump(fleet: &mut Fleet, (from, to): (usize, usize), (up, down): (usize, usize), size: usize) {
    let peer = fleet.device(to).peer_id();
    let mut asking = fleet.device(from).begin_meeting(&peer, None).unwrap();
    let request = asking.request().to_vec();
    let mut answering = Answering::new();
    for piece in request[..request.len() * up / 1_000].chunks(size) {
        fleet.device(to).take_request(&mut answering, piece).unwrap();
    }
    let answer = answer(fleet.device(to), &mut answering);
    assert_eq!(answer.is_empty(), up < 1_000);
    for piece in answer[..answer.len() * down / 1_000].chunks(size) {
        fleet.device(from).feed(&mut asking, piece).unwrap();
    }
    let outcome = fleet.device(from).end_exchange(&asking).unwrap();
    assert_eq!(outcome.complete, up == 1_000 && down == 1_000);
    assert!(!(outcome.complete && outcome.again));
}

fn answer(device: &mut Engine, answering: &mut Answering) -> Vec<u8> {
    let mut all = Vec::new();
    while let Some(page) = device.next_answer(answering).unwrap() {
        all.extend(page);
    }
    all
}

#[test]
fn bytes_in_and_bytes_out_in_pieces_of_any_size() {
    for size in [1, 7, 700, 1 << 20] {
        let mut fleet = Fleet::new();
        for n in 1..=3 {
            let who = WhoDraft::Client(fleet.clients[n % 3]);
            fleet.device(n).log(day("2008-02-04"), &[given(who, 4)]).unwrap();
        }
        // Cut at many places first: what came stays, and nothing else happens.
        for cut in [(0, 0), (500, 0), (999, 0), (1_000, 0), (1_000, 300), (1_000, 999)] {
            pump(&mut fleet, (1, 2), cut, size);
        }
        pump(&mut fleet, (1, 2), (1_000, 1_000), size);
        pump(&mut fleet, (3, 2), (1_000, 1_000), size);
        pump(&mut fleet, (2, 3), (1_000, 1_000), size);
        pump(&mut fleet, (1, 3), (1_000, 1_000), size);
        let canonical = fleet.device(1).canonical().unwrap();
        for n in 2..=3 {
            assert_eq!(fleet.device(n).canonical().unwrap(), canonical, "{n}");
        }
    }
}

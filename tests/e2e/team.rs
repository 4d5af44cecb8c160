//! A team to test with: a coordinator, phones that joined, a relay.

use std::path::Path;

use haversack::model::*;
use haversack::{
    ClientId, ContactDraft, CreateOptions, Notebook, Passphrase, Pin, RelayUrl, Role, WhoDraft,
};
use haversack_relay::{Relay, Tls};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

pub(crate) fn passphrase() -> Passphrase {
    Passphrase::new(b"a passphrase for tests".to_vec()).unwrap()
}

pub(crate) fn create(folder: &Path) -> Notebook {
    let options = CreateOptions::cheapest();
    Notebook::create(folder, &passphrase(), options).unwrap()
}

pub(crate) struct Team {
    pub(crate) folder: TempDir,
    pub(crate) coordinator: Notebook,
    pub(crate) phones: Vec<Notebook>,
    pub(crate) clients: Vec<ClientId>,
}

impl Team {
    /// A team whose phones have joined but synced nothing yet.
    pub(crate) fn new(phones: usize, clients: usize) -> Self {
        let folder = TempDir::new().unwrap();
        let coordinator = create(&folder.path().join("coordinator"));
        coordinator.found_space().unwrap();
        coordinator.put_site(&van()).unwrap();
        let files: Vec<Client> = (0..clients)
            .map(|n| Client {
                label: Some(Label::new(&format!("K{n}")).unwrap()),
                ..Client::default()
            })
            .collect();
        let clients =
            if clients == 0 { Vec::new() } else { coordinator.add_clients(&files).unwrap() };
        let phones = (0..phones)
            .map(|n| {
                let phone = create(&folder.path().join(format!("phone-{n}")));
                let request = phone.request_to_join().unwrap();
                let (answer, words) = coordinator.invite(&request, Role::Educator, &[]).unwrap();
                assert_eq!(phone.join(&answer).unwrap(), words);
                phone
            })
            .collect();
        Self { folder, coordinator, phones, clients }
    }

    /// Hands the coordinator's own records to every phone as a file.
    pub(crate) fn start_by_file(&self) {
        let bundle = self.coordinator.export_bundle().unwrap();
        self.phones.iter().for_each(|phone| assert!(phone.import_bundle(&bundle).unwrap().whole));
    }

    /// A contact of the n-th client.
    pub(crate) fn contact(&self, client: usize, sets: i64) -> ContactDraft {
        given(WhoDraft::Client(self.clients[client % self.clients.len()]), sets)
    }
}

pub(crate) fn van() -> Site {
    Site {
        code: SiteCode::new("KM-V").unwrap(),
        kind: SiteKind::MOBILE_VAN,
        setting: None,
        closes: None,
    }
}

pub(crate) fn given(who: WhoDraft, sets: i64) -> ContactDraft {
    let line = Line { direction: Direction::Out, item: Item::SYRINGE_FIXED_1ML };
    ContactDraft::new(who, van().code).line(line, Quantity::new(sets).unwrap())
}

pub(crate) fn day(text: &str) -> Day {
    text.parse().unwrap()
}

/// A relay on a loopback port, stopped when dropped.
pub(crate) struct Running {
    pub(crate) url: RelayUrl,
    _stop: oneshot::Sender<()>,
}

pub(crate) async fn relay(data: &Path) -> Running {
    serve(Relay::open(data).unwrap(), None).await
}

/// One that shows a certificate of its own; its pin is in the address.
pub(crate) async fn tls_relay(data: &Path) -> Running {
    let relay = Relay::open(data).unwrap();
    let tls = Tls::self_signed(data).unwrap();
    let pin = tls.pin();
    serve(relay.with_tls(tls), Some(pin)).await
}

async fn serve(relay: Relay, pin: Option<Pin>) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url =
        RelayUrl::new("127.0.0.1".into(), listener.local_addr().unwrap().port(), Some(relay.id()));
    let url = pin.map_or(url.clone(), |pin| url.secured(vec![pin]));
    let (stop, stopped) = oneshot::channel::<()>();
    tokio::spawn(async move { relay.serve(listener, async { drop(stopped.await) }).await });
    Running { url, _stop: stop }
}

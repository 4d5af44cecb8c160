//! A team with the reference data in its relay: who logs, who reads, who is behind.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};

use haversack::model::*;
use haversack::{ClientId, CreateOptions, Notebook, Passphrase, Role};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::machine::disk;
use crate::process::{Place, Relay, sync};
use crate::reference::{CLIENTS, DEVICES, Data, OUTINGS, SITES};

/// How many devices know all of the team but no contact.
pub(crate) const BEHIND: usize = 3;

pub(crate) fn passphrase() -> Passphrase {
    Passphrase::new(b"a passphrase for measuring".to_vec()).unwrap()
}

/// The clients, in the order of the reference data: their labels are their places.
pub(crate) fn client_ids(notebook: &Notebook) -> Vec<ClientId> {
    notebook.clients().unwrap().iter().map(|row| row.id).collect()
}

/// The teams that rows share, each made when it is first asked for.
#[derive(Default)]
pub(crate) struct Teams {
    small: OnceCell<Team>,
    large: OnceCell<Team>,
}

impl Teams {
    /// 5,000 contacts.
    pub(crate) fn small(&self) -> &Team {
        self.small.get_or_init(|| Team::make(OUTINGS))
    }

    /// 25,000 contacts.
    pub(crate) fn large(&self) -> &Team {
        self.large.get_or_init(|| Team::make(5 * OUTINGS))
    }
}

/// A team, its relay, and what a device costs that has everything but the contacts.
pub(crate) struct Team {
    folder: TempDir,
    runtime: Runtime,
    pub(crate) relay: Relay,
    coordinator: Notebook,
    /// The first sync of a device before there was any contact, and what it then had on disk.
    pub(crate) empty: Value,
    pub(crate) empty_disk: u64,
    /// Devices that had everything but the contacts.
    pub(crate) behind: Vec<PathBuf>,
}

impl Team {
    pub(crate) fn make(outings: usize) -> Self {
        let folder = TempDir::new().unwrap();
        let relay = Relay::start(&[], &folder.path().join("relay"), "127.0.0.1:0");
        let coordinator = create(&folder.path().join("coordinator"));
        found(&coordinator);
        let (empty, empty_disk, behind) = (Value::Null, 0, Vec::new());
        let runtime = Runtime::new().unwrap();
        let mut team = Self { folder, runtime, relay, coordinator, empty, empty_disk, behind };
        team.sync(&team.coordinator);
        let phones: Vec<Notebook> =
            (0..DEVICES).map(|n| team.join(&format!("phone-{n}"))).collect();
        for n in 0..BEHIND {
            let store = team.new_device(&format!("behind-{n}"));
            team.empty = sync(&[], &store, &team.relay.url);
            team.empty_disk = disk(&store);
            sync(&[], &store, &team.relay.url);
            team.behind.push(store);
        }
        team.go_out(&phones, outings);
        phones.iter().for_each(|phone| phone.close().unwrap());
        team
    }

    /// Every outing is logged and pushed by itself.
    fn go_out(&self, phones: &[Notebook], outings: usize) {
        phones.iter().for_each(|phone| self.sync(phone));
        let clients = client_ids(&phones[0]);
        assert_eq!(clients.len(), CLIENTS);
        for (outing, n) in Data::draw(outings).outings.iter().zip(0..) {
            let phone: &Notebook = &phones[n % DEVICES];
            let drafts: Vec<_> = outing
                .contacts
                .iter()
                .map(|contact| contact.draft(outing.site, &clients))
                .collect();
            phone.log(outing.day, &drafts).unwrap();
            self.sync(phone);
        }
        self.sync(&self.coordinator);
    }

    /// The coordinator packs everything, and the relay has it.
    pub(crate) fn pack(&self) {
        self.sync(&self.coordinator);
        self.coordinator.make_pack(&mut |_, _| {}).unwrap();
        self.sync(&self.coordinator);
    }

    fn sync(&self, notebook: &Notebook) {
        self.runtime.block_on(notebook.sync(&self.relay.url)).unwrap();
    }

    fn join(&self, name: &str) -> Notebook {
        let notebook = create(&self.folder.path().join(name));
        let request = notebook.request_to_join().unwrap();
        let (answer, words) = self.coordinator.invite(&request, Role::Educator, &[]).unwrap();
        assert_eq!(notebook.join(&answer).unwrap(), words);
        self.sync(&self.coordinator);
        notebook
    }

    /// A device that joined just now, and has not synced.
    pub(crate) fn new_device(&self, name: &str) -> PathBuf {
        self.join(name).close().unwrap();
        self.folder.path().join(name)
    }

    /// A phone that logged a tenth of it, and has everything.
    pub(crate) fn phone(&self, n: usize) -> PathBuf {
        let store = self.path(&format!("phone-{n}"));
        self.catch_up(&store);
        store
    }

    /// A device that has everything.
    pub(crate) fn reader(&self, name: &str) -> PathBuf {
        let store = self.new_device(name);
        self.catch_up(&store);
        store
    }

    /// Syncs a device until nothing moves.
    pub(crate) fn catch_up(&self, store: &Path) {
        let moves = |found: Value| found["pushed"] != 0 || found["received"] != 0;
        while moves(sync(&[], store, &self.relay.url)) {}
    }

    /// Starts the relay anew, at another place.
    pub(crate) fn move_relay(&mut self, place: Place<'_>, listen: &str) {
        self.relay.stop();
        self.relay = Relay::start(place, &self.path("relay"), listen);
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

fn create(folder: &Path) -> Notebook {
    Notebook::create(folder, &passphrase(), CreateOptions::cheapest()).unwrap()
}

/// A space with the sites and the clients of the reference data.
pub(crate) fn found(coordinator: &Notebook) {
    coordinator.found_space().unwrap();
    for code in SITES {
        let code = SiteCode::new(code).unwrap();
        let site = Site { code, kind: SiteKind::MOBILE_VAN, setting: None, closes: None };
        coordinator.put_site(&site).unwrap();
    }
    let label = |n| Some(Label::new(&format!("K{n:03}")).unwrap());
    let clients = (0..CLIENTS).map(|n| Client { label: label(n), ..Client::default() });
    coordinator.add_clients(&clients.collect::<Vec<_>>()).unwrap();
}

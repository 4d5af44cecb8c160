//! A fleet in one thread: engines over real stores, a relay in memory.

use haversack_core::model::*;
use haversack_core::{CreateOptions, Engine, Passphrase, RelayRoute, Role, Saved};
use haversack_relay::{Identity, Memory, exchange};
use haversack_wire::Relay;
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use tempfile::TempDir;

pub(crate) const PHONES: usize = 3;

pub(crate) struct Fleet {
    pub(crate) folder: TempDir,
    pub(crate) devices: Vec<Option<Engine>>,
    pub(crate) relay: Memory,
    pub(crate) id: Relay,
    pub(crate) clients: Vec<haversack_core::ClientId>,
}

pub(crate) fn passphrase() -> Passphrase {
    Passphrase::new(b"fleet".to_vec()).unwrap()
}

impl Fleet {
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let mut engines: Vec<Engine> = (0..=PHONES)
            .map(|n| {
                let random = Box::new(ChaCha20Rng::seed_from_u64(n as u64));
                let options = CreateOptions::cheapest();
                Engine::create(&folder.path().join(n.to_string()), &passphrase(), options, random)
                    .unwrap()
            })
            .collect();
        let (coordinator, phones) = engines.split_first_mut().unwrap();
        coordinator.found_space().unwrap();
        coordinator.put_site(&crate::team::van()).unwrap();
        let Saved(clients) = coordinator.add_clients(&vec![Client::default(); 3]).unwrap();
        for phone in phones {
            let request = phone.request_to_join().unwrap();
            let (answer, _) = coordinator.invite(&request, Role::Educator, &[]).unwrap();
            phone.join(&answer).unwrap();
        }
        let start = coordinator.export_bundle().unwrap();
        engines[1..]
            .iter_mut()
            .for_each(|phone| assert!(phone.import_bundle(&start).unwrap().whole));
        let id = Identity::from_seed(&[7; 32]).id();
        let devices = engines.into_iter().map(Some).collect();
        Self { folder, devices, relay: Memory::new(), id, clients }
    }

    pub(crate) fn device(&mut self, n: usize) -> &mut Engine {
        self.devices[n].as_mut().unwrap()
    }

    /// One exchange. Says whether another would bring more.
    pub(crate) fn sync(&mut self, n: usize, thousandths: usize) -> bool {
        let route = RelayRoute { relay: self.id, admission: Vec::new() };
        let mut under_way = self.device(n).begin_exchange(&route).unwrap();
        let answer = exchange(&self.relay, under_way.request()).unwrap();
        let cut = answer.len() * thousandths / 1_000;
        for piece in answer[..cut].chunks(700) {
            self.device(n).feed(&mut under_way, piece).unwrap();
        }
        self.device(n).end_exchange(&under_way).unwrap().again
    }

    /// Everybody syncs until nobody gets anything new.
    pub(crate) fn settle(&mut self) {
        for _ in 0..4 {
            for n in 0..=PHONES {
                let mut rounds = 0;
                while self.sync(n, 1_000) {
                    rounds += 1;
                    assert!(rounds < 5, "a sync asks for another for ever");
                }
            }
        }
    }
}

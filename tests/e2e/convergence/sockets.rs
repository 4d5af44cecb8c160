//! The same over real sockets: two relays that are processes of their own, phones that answer phones over TLS, files, some of them
//! under a passphrase; what happens next is drawn from a seed.

use std::collections::BTreeMap;

use haversack::{
    ContactFilter, Cost, Notebook, RecordState, carry_bundles, is_wrapped, unwrap_bundle,
    wrap_bundle,
};
use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Rng, SeedableRng},
};

use crate::packs::Process;
use crate::peers::Serving;
use crate::team::{Team, day, passphrase};

const ACTS: usize = 60;

/// A team, its relays, and the files that lie about.
struct Town {
    team: Team,
    relays: [Process; 2],
    shelf: Vec<Vec<u8>>,
    dice: ChaCha20Rng,
    /// How often what was done.
    done: BTreeMap<&'static str, usize>,
    logged: u64,
}

impl Town {
    fn new(seed: u64) -> Self {
        let team = Team::new(3, 3);
        team.start_by_file();
        let relays = ["here", "there"].map(|name| Process::start(team.folder.path().join(name)));
        let dice = ChaCha20Rng::seed_from_u64(seed);
        Self { team, relays, shelf: Vec::new(), dice, done: BTreeMap::new(), logged: 0 }
    }

    fn devices(&self) -> Vec<Notebook> {
        let phones = self.team.phones.iter().cloned();
        [self.team.coordinator.clone()].into_iter().chain(phones).collect()
    }

    fn below(&mut self, n: usize) -> usize {
        (self.dice.next_u64() % n as u64) as usize
    }

    fn anybody(&mut self) -> Notebook {
        let devices = self.devices();
        devices[self.below(devices.len())].clone()
    }

    async fn act(&mut self) {
        let who = self.anybody();
        let name = match self.below(12) {
            0..=3 => self.log(&who),
            4 | 5 => {
                let relay = self.below(2);
                who.sync(&self.relays[relay].url).await.unwrap();
                "sync"
            }
            6 | 7 => self.meet(&who).await,
            8 => self.write(&who),
            9 => self.carry(),
            _ => self.take(&who),
        };
        *self.done.entry(name).or_default() += 1;
    }

    fn log(&mut self, who: &Notebook) -> &'static str {
        let (date, client) = (format!("2008-02-{:02}", self.below(5) + 1), self.below(3));
        who.log(day(&date), &[self.team.contact(client, 5)]).unwrap();
        self.logged += 1;
        "log"
    }

    /// Somebody else answers.
    async fn meet(&mut self, who: &Notebook) -> &'static str {
        let other = loop {
            let other = self.anybody();
            if other.device().unwrap() != who.device().unwrap() {
                break other;
            }
        };
        let serving = Serving::start(&other).await;
        who.sync_with_peer(&serving.url).await.unwrap();
        assert!(serving.stop().await.answered > 0);
        "meet"
    }

    fn write(&mut self, who: &Notebook) -> &'static str {
        let file = who.export_bundle().unwrap();
        let file = match self.below(3) {
            0 => wrap_bundle(&file, &passphrase(), Cost::FLOOR).unwrap(),
            _ => file,
        };
        self.shelf.push(file);
        "write"
    }

    /// All plain files in one: the carrier has no passphrase.
    fn carry(&mut self) -> &'static str {
        let plain: Vec<_> = self.shelf.iter().filter(|file| !is_wrapped(file)).cloned().collect();
        self.shelf.push(carry_bundles(&plain).unwrap().bundle);
        "carry"
    }

    fn take(&mut self, who: &Notebook) -> &'static str {
        if self.shelf.is_empty() {
            return "nothing to take";
        }
        let file = self.below(self.shelf.len());
        let file = self.shelf[file].clone();
        let file = match is_wrapped(&file) {
            true => unwrap_bundle(&file, &passphrase()).unwrap().to_vec(),
            false => file,
        };
        assert!(who.import_bundle(&file).unwrap().whole);
        "take"
    }

    async fn rest(&self) {
        for _ in 0..4 {
            for who in self.devices() {
                for relay in &self.relays {
                    who.sync(&relay.url).await.unwrap();
                }
            }
        }
    }

    fn check(&self) {
        let expected = self.team.coordinator.canonical().unwrap();
        for (n, who) in self.devices().iter().enumerate() {
            assert!(who.canonical().unwrap() == expected, "device {n} has others");
            let status = who.status().unwrap();
            assert_eq!((status.contacts, status.waiting, status.quarantined), (self.logged, 0, 0));
            let rows = who.contacts(&ContactFilter::default()).unwrap();
            let safe = rows.iter().filter(|row| row.state == RecordState::Acknowledged).count();
            assert!(n == 0 || safe as u64 == self.logged, "device {n}: {safe} acknowledged");
            assert!(n == 0 || who.owed().unwrap().is_nothing(), "device {n}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn in_any_order_over_real_sockets() {
    for seed in 1..=2 {
        let mut town = Town::new(seed);
        for _ in 0..ACTS {
            town.act().await;
        }
        for name in ["log", "sync", "meet", "write", "carry", "take"] {
            assert!(town.done.contains_key(name), "seed {seed} never drew: {name}");
        }
        town.rest().await;
        town.check();
    }
}

//! Two, three lives of one store that do not notice each other: the same lane, the same places, other bodies.
//!
//! The lives take turns in one folder, each with its own database and header, around one lock file: so the mark of the
//! store's place stays, as it does in copies of a whole machine.

use std::collections::BTreeSet;
use std::path::Path;

use haversack::Notebook;
use haversack_core::model::*;
use haversack_core::{
    ContactDraft, ContactFilter, ContactRow, CreateOptions, Engine, Status, WhoDraft,
};
use proptest::prelude::*;
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

use crate::fleet::{Fleet, PHONES, passphrase};
use crate::team::{Team, day, given, relay, van};

const PHONE: usize = 1;

fn drop_box() -> SpaceName {
    SpaceName::new("fleet").unwrap()
}

fn item(item: Item) -> Line {
    Line { direction: Direction::Out, item }
}

/// Puts the files of a store, but for its lock, in place of those of another.
fn put(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    let files = |folder: &Path| {
        let names = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name());
        names.filter(|name| name != "lock").collect::<Vec<_>>()
    };
    files(to).iter().for_each(|name| std::fs::remove_file(to.join(name)).unwrap());
    for name in files(from) {
        std::fs::copy(from.join(&name), to.join(&name)).unwrap();
    }
}

/// A fleet whose phone 1 has several lives; one of them is awake. Somebody of another team drops records for it.
struct Lives {
    fleet: Fleet,
    outside: Engine,
    /// The counts of contacts that were dropped and that nobody carried yet.
    dropped: BTreeSet<i64>,
    awake: usize,
    count: usize,
    opened: u64,
    logged: i64,
    added: i64,
}

impl Lives {
    fn new() -> Self {
        let mut fleet = Fleet::new();
        let (folder, random) = (fleet.folder.path(), Box::new(ChaCha20Rng::seed_from_u64(400)));
        let options = CreateOptions::cheapest();
        let mut outside =
            Engine::create(&folder.join("outside"), &passphrase(), options, random).unwrap();
        outside.found_space().unwrap();
        outside.put_site(&van()).unwrap();
        let target = fleet.device(0).drop_box().unwrap();
        outside.open_drop_box(&drop_box(), &target).unwrap();
        fleet.device(0).take_drops_of(&outside.first_root().unwrap()).unwrap();
        fleet.settle();
        let dropped = BTreeSet::new();
        Self { fleet, outside, dropped, awake: 0, count: 1, opened: 0, logged: 0, added: 0 }
    }

    /// A contact of the other team's, for this one.
    fn drop_one(&mut self, d: u16) {
        self.logged += 1;
        self.dropped.insert(self.logged);
        let draft = given(WhoDraft::default(), self.logged);
        let day = Day::from_number(3_000 + i64::from(d)).unwrap();
        self.outside.drop_contacts(&drop_box(), day, &[draft]).unwrap();
    }

    /// Takes all that was dropped.
    fn carry(&mut self, n: usize) {
        let target = self.fleet.device(0).space_id().unwrap();
        let dropped = self.outside.dropped_for(&target).unwrap();
        self.fleet.device(n).carry(&dropped).unwrap();
        self.dropped.clear();
    }

    fn rest(&mut self) {
        self.fleet.devices[PHONE].take().unwrap().close().unwrap();
        let folder = self.fleet.folder.path();
        put(&folder.join("1"), &folder.join(format!("life{}", self.awake)));
    }

    fn wake(&mut self, life: usize) {
        let folder = self.fleet.folder.path();
        put(&folder.join(format!("life{life}")), &folder.join("1"));
        self.opened += 1;
        let random = Box::new(ChaCha20Rng::seed_from_u64(500 + self.opened));
        let engine = Engine::open(&folder.join("1"), &passphrase(), random).unwrap();
        self.fleet.devices[PHONE] = Some(engine);
        self.awake = life;
    }

    fn reopen(&mut self, n: usize) {
        if n == PHONE {
            self.rest();
            return self.wake(self.awake);
        }
        drop(self.fleet.devices[n].take());
        let random = Box::new(ChaCha20Rng::seed_from_u64(900 + n as u64));
        let folder = self.fleet.folder.path().join(n.to_string());
        self.fleet.devices[n] = Some(Engine::open(&folder, &passphrase(), random).unwrap());
    }

    fn become_life(&mut self, life: usize) {
        if life != self.awake {
            self.rest();
            self.wake(life);
        }
    }

    /// One more life, a copy of the one that is awake; says which.
    fn split(&mut self) -> usize {
        self.rest();
        let folder = self.fleet.folder.path();
        put(&folder.join("1"), &folder.join(format!("life{}", self.count)));
        self.count += 1;
        self.wake(self.awake);
        self.count - 1
    }

    /// Logs a contact with a count that no other has.
    fn log(&mut self, n: usize, d: u16) {
        self.logged += 1;
        let line = item(Item::SYRINGE_FIXED_1ML);
        let draft = ContactDraft::new(WhoDraft::default(), van().code)
            .line(line, Quantity::new(self.logged).unwrap());
        self.fleet
            .device(n)
            .log(Day::from_number(3_000 + i64::from(d)).unwrap(), &[draft])
            .unwrap();
    }

    fn rows(&mut self, n: usize) -> Vec<ContactRow> {
        self.fleet.device(n).contacts(&ContactFilter::default()).unwrap()
    }

    /// Adds to a contact what it lacked. Gives the count by which it is known.
    fn add_to(&mut self, n: usize, which: impl Fn(usize, &ContactRow) -> bool) -> Option<i64> {
        let rows = self.rows(n);
        let row = rows.iter().enumerate().find(|(place, row)| which(*place, row))?.1;
        let (id, line) = (row.id.clone(), item(Item::NALOXONE_IM));
        let known_by = known_by(row);
        self.added += 1;
        self.fleet.device(n).correct(&id, &line, Quantity::new(self.added).unwrap()).unwrap();
        Some(known_by)
    }

    fn sync(&mut self, n: usize) {
        for _ in 0..5 {
            if !self.fleet.sync(n, 1_000) {
                return;
            }
        }
        panic!("a sync asks for another for ever");
    }

    fn hand(&mut self, from: usize, to: usize) {
        let bundle = self.fleet.device(from).export_bundle().unwrap();
        self.fleet.device(to).import_bundle(&bundle).unwrap();
    }

    /// Everybody syncs, in every life, until a whole round brings nobody anything.
    fn settle(&mut self) {
        let mut before = Vec::new();
        for _ in 0..12 {
            let mut now = Vec::new();
            for life in 0..self.count {
                self.become_life(life);
                for n in 0..=PHONES {
                    self.sync(n);
                    now.push(self.fleet.device(n).canonical().unwrap());
                }
            }
            if now == before {
                return;
            }
            before = now;
        }
        panic!("the lives never come to rest");
    }

    fn status(&mut self, n: usize) -> Status {
        self.fleet.device(n).status().unwrap()
    }

    /// Everybody, in every life, has the same, and each contact once; those of `added` with what was added to them.
    fn check(&mut self, added: &BTreeSet<i64>) {
        let everything: Vec<i64> =
            (1..=self.logged).filter(|count| !self.dropped.contains(count)).collect();
        let first = self.fleet.device(0).canonical().unwrap();
        for life in 0..self.count {
            self.become_life(life);
            for n in 0..=PHONES {
                if n != PHONE && life > 0 {
                    continue;
                }
                let rows = self.rows(n);
                let mut shown: Vec<i64> = rows.iter().map(known_by).collect();
                shown.sort_unstable();
                assert_eq!(shown, everything, "device {n}, life {life}");
                let more = rows.iter().filter(|row| row.lines.len() > 1).map(known_by);
                assert_eq!(&more.collect::<BTreeSet<_>>(), added, "device {n}, life {life}");
                assert!(
                    self.fleet.device(n).canonical().unwrap() == first,
                    "device {n}, life {life}"
                );
                let status = self.status(n);
                assert_eq!(
                    (status.waiting, status.own.here_only),
                    (0, 0),
                    "device {n}, life {life}"
                );
                self.fleet.device(n).rebuild().unwrap();
                assert_eq!(self.rows(n), rows, "device {n}, life {life}, rebuilt");
                assert!(self.fleet.device(n).canonical().unwrap() == first, "device {n}, rebuilt");
            }
        }
    }
}

fn known_by(row: &ContactRow) -> i64 {
    let line = item(Item::SYRINGE_FIXED_1ML);
    row.lines.iter().find(|(other, _)| *other == line).map(|(_, n)| i64::from(n.get())).unwrap()
}

#[test]
fn two_lives_that_do_not_notice_lose_nothing_and_double_nothing() {
    let mut lives = Lives::new();
    lives.log(PHONE, 1);
    lives.sync(PHONE);
    // Logged, not sent, and copied: it is in both lives.
    lives.log(PHONE, 1);
    let other = lives.split();
    lives.log(PHONE, 1);
    lives.log(PHONE, 2);
    lives.sync(PHONE);
    lives.become_life(other);
    lives.log(PHONE, 1);
    lives.log(PHONE, 1);
    lives.log(PHONE, 3);
    // One of the others saw this life first, the rest the other.
    lives.hand(PHONE, 3);
    lives.sync(2);
    lives.settle();
    lives.check(&BTreeSet::new());
    assert!(lives.status(0).forked > 0);
    // What comes after goes on.
    for life in [0, 1, 0] {
        lives.become_life(life);
        lives.log(PHONE, 1);
        lives.sync(PHONE);
    }
    lives.log(2, 1);
    lives.settle();
    lives.check(&BTreeSet::new());
}

/// Two lives write at one place; a device that keeps no work, or the coordinator, has heard of the first before any other.
/// Says which life had to begin anew, by how many lanes write what each logged.
fn first_heard_by(n: usize, logs: [u16; 2]) -> bool {
    let mut lives = Lives::new();
    lives.log(PHONE, 1);
    lives.settle();
    let other = lives.split();
    (0..logs[0]).for_each(|_| lives.log(PHONE, 1));
    lives.hand(PHONE, n);
    // Whoever has something to say, says what it has of others.
    lives.log(n, 4);
    lives.sync(n);
    lives.become_life(other);
    (0..logs[1]).for_each(|_| lives.log(PHONE, 1));
    lives.sync(PHONE);
    lives.settle();
    lives.check(&BTreeSet::new());
    let rows = lives.rows(2);
    // The first life's contacts kept their keys where it was believed from the beginning.
    let first = rows.iter().filter(|row| (2..2 + i64::from(logs[0])).contains(&known_by(row)));
    first.into_iter().all(|row| !row.id.to_string().contains('-'))
}

#[test]
fn the_branch_that_a_keeper_has_named_wins() {
    let mut by_chance = Vec::new();
    for logs in [[1, 1], [1, 2], [2, 1], [3, 1], [1, 3], [2, 2]] {
        assert!(first_heard_by(0, logs), "a coordinator had it");
        by_chance.push(first_heard_by(3, logs));
    }
    assert!(by_chance.contains(&false), "an educator's word decides nothing");
}

#[test]
fn three_lives_of_one_store() {
    let mut lives = Lives::new();
    lives.log(PHONE, 1);
    lives.sync(PHONE);
    let (second, third) = (lives.split(), lives.split());
    for (life, heard_by) in [(0, 2), (second, 3), (third, 2)] {
        lives.become_life(life);
        for d in [1, 1, 2] {
            lives.log(PHONE, d);
            lives.hand(PHONE, heard_by);
        }
    }
    lives.settle();
    lives.check(&BTreeSet::new());
}

#[test]
fn what_others_built_on_a_lost_branch_is_said_again() {
    let mut lost = 0;
    for extra in 0..4 {
        let mut lives = Lives::new();
        lives.log(PHONE, 1);
        lives.sync(PHONE);
        let other = lives.split();
        // A deep branch, on which an educator builds and another one on that.
        let mut added = BTreeSet::new();
        for n in 0..6 + extra {
            lives.log(PHONE, 1);
            lives.hand(PHONE, 2);
            let newest = lives.logged;
            if n % 2 == 0 {
                added.extend(lives.add_to(2, |_, row| known_by(row) == newest));
                lives.log(2, n as u16);
                lives.hand(2, 3);
                added.extend(lives.add_to(3, |_, row| known_by(row) == 1));
            }
        }
        lives.become_life(other);
        (0..2).for_each(|_| lives.log(PHONE, 1));
        lives.sync(PHONE);
        (0..=PHONES).for_each(|n| lives.sync(n));
        lost += u32::from(lives.status(2).forked > 2);
        lives.settle();
        lives.check(&added);
    }
    assert!(lost > 0, "the deep branch never lost");
}

#[test]
fn a_new_life_s_lane_is_forked_as_well() {
    let mut lives = Lives::new();
    lives.log(PHONE, 1);
    lives.settle();
    let other = lives.split();
    for life in [0, other] {
        lives.become_life(life);
        lives.log(PHONE, 1);
        lives.sync(PHONE);
    }
    // By now one of them has begun anew, and is copied in its turn; the copy from before comes back as well.
    lives.become_life(0);
    lives.sync(PHONE);
    let again = lives.split();
    lives.become_life(other);
    let once_more = lives.split();
    for life in [0, other, again, once_more] {
        lives.become_life(life);
        lives.log(PHONE, 1);
        lives.log(PHONE, 2);
        lives.sync(PHONE);
    }
    lives.settle();
    lives.check(&BTreeSet::new());
}

#[derive(Debug, Clone, Copy)]
enum Act {
    Log(usize, u16),
    Add(usize, usize),
    Drop(u16),
    Carry(usize),
    Sync(usize),
    Hand(usize, usize),
    Become(usize),
    Split,
    Reopen(usize),
}

fn act() -> impl Strategy<Value = Act> {
    let device = 0..=PHONES;
    prop_oneof![
        6 => (prop_oneof![Just(PHONE), 0..=PHONES], 0..3_u16).prop_map(|(n, d)| Act::Log(n, d)),
        3 => (device.clone(), 0..4_usize).prop_map(|(n, k)| Act::Add(n, k)),
        1 => (0..3_u16).prop_map(Act::Drop),
        1 => prop_oneof![Just(PHONE), 0..=PHONES].prop_map(Act::Carry),
        5 => device.clone().prop_map(Act::Sync),
        3 => (device.clone(), device.clone()).prop_map(|(n, m)| Act::Hand(n, m)),
        4 => (0..3_usize).prop_map(Act::Become),
        1 => Just(Act::Split),
        1 => device.prop_map(Act::Reopen),
    ]
}

/// Random histories at every change; HAVERSACK_FORKS plays more.
fn cases() -> u32 {
    std::env::var("HAVERSACK_FORKS").ok().and_then(|n| n.parse().ok()).unwrap_or(16)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn whatever_the_order_everybody_ends_with_the_same(acts in proptest::collection::vec(act(), 5..50)) {
        play(&acts);
    }
}

/// Two lives of one actor gave one key and one id to two contacts; what one life added to its own stays with that.
#[test]
fn what_was_added_to_a_contact_stays_with_it() {
    use Act::{Add, Become, Hand, Log, Split, Sync};
    play(&[
        Log(2, 0),
        Become(1),
        Log(1, 1),
        Hand(1, 2),
        Sync(2),
        Become(0),
        Log(1, 1),
        Sync(0),
        Split,
        Hand(1, 0),
        Become(2),
        Become(0),
        Add(1, 0),
    ]);
}

/// A life corrected what was carried from another team, and lost.
#[test]
fn what_was_added_to_a_carried_contact_outlives_its_branch() {
    use Act::{Add, Become, Carry, Drop, Hand, Log, Sync};
    let start = [Drop(1), Carry(0), Sync(0), Sync(1), Become(1), Sync(1)];
    for (first, then) in [(0, 1), (1, 0)] {
        let rest = [
            Become(first),
            Add(1, 0),
            Add(1, 1),
            Hand(1, 2),
            Become(then),
            Log(1, 1),
            Sync(1),
            Sync(0),
        ];
        play(&[&start[..], &rest].concat());
    }
}

/// What a life carried is on a branch that is not believed, beyond the end of the other: it came from that life, and is not here only.
#[test]
fn what_another_life_carried_is_not_here_only() {
    use Act::{Become, Carry, Drop, Log, Split, Sync};
    play(&[
        Split,
        Drop(0),
        Become(2),
        Log(1, 1),
        Sync(1),
        Log(1, 0),
        Become(0),
        Log(0, 0),
        Log(1, 2),
        Become(2),
        Sync(1),
        Carry(1),
        Become(0),
        Sync(1),
    ]);
}

fn play(acts: &[Act]) {
    let mut lives = Lives::new();
    lives.log(PHONE, 1);
    lives.sync(PHONE);
    lives.split();
    let mut added = BTreeSet::new();
    for act in acts {
        match *act {
            Act::Log(n, d) => lives.log(n, d),
            Act::Add(n, k) => {
                let count = lives.rows(n).len().max(1);
                added.extend(lives.add_to(n, |place, _| place == k % count));
            }
            Act::Drop(d) => lives.drop_one(d),
            Act::Carry(n) => lives.carry(n),
            Act::Sync(n) => lives.sync(n),
            Act::Hand(n, m) => lives.hand(n, m),
            Act::Become(life) => lives.become_life(life % lives.count),
            Act::Split if lives.count < 3 => drop(lives.split()),
            Act::Split => {}
            Act::Reopen(n) => lives.reopen(n),
        }
    }
    lives.settle();
    lives.check(&added);
}

/// The same over TCP, with the relay and the app's own calls.
#[tokio::test(flavor = "multi_thread")]
async fn two_lives_over_a_real_relay() {
    let team = Team::new(2, 1);
    team.start_by_file();
    let folder = team.folder.path().to_owned();
    let running = relay(&folder.join("relay")).await;
    let phone = folder.join("phone-0");
    let life = |n: usize| folder.join(format!("life{n}"));
    let secret = crate::team::passphrase();
    let mut logged = 0;
    team.phones[0].sync(&running.url).await.unwrap();
    team.phones[0].close().unwrap();
    (0..2).for_each(|n| put(&phone, &life(n)));
    for round in 0..4 {
        for n in 0..2 {
            put(&life(n), &phone);
            let notebook = Notebook::open(&phone, &secret).unwrap();
            if round < 2 {
                logged += 1;
                notebook.log(day("2026-03-01"), &[given(WhoDraft::default(), logged)]).unwrap();
            }
            notebook.sync(&running.url).await.unwrap();
            notebook.close().unwrap();
            put(&phone, &life(n));
            team.coordinator.sync(&running.url).await.unwrap();
            team.phones[1].sync(&running.url).await.unwrap();
        }
    }
    let expected = team.coordinator.canonical().unwrap();
    for n in 0..2 {
        put(&life(n), &phone);
        let notebook = Notebook::open(&phone, &secret).unwrap();
        assert!(notebook.canonical().unwrap() == expected, "life {n}");
        notebook.close().unwrap();
    }
    for notebook in [&team.coordinator, &team.phones[1]] {
        assert!(notebook.canonical().unwrap() == expected);
        let rows = notebook.contacts(&ContactFilter::default()).unwrap();
        let mut shown: Vec<i64> = rows.iter().map(known_by).collect();
        shown.sort_unstable();
        assert_eq!(shown, (1..=logged).collect::<Vec<_>>());
        assert!(notebook.status().unwrap().forked > 0);
    }
}

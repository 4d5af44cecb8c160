//! Any order, any route, any number of times: the same records end up everywhere, byte for byte.
//!
//! Between four devices lie two relays, a shelf of files (written by devices, or put together by a carrier that has no key), and
//! meetings of two. Acts are drawn; then everybody comes to rest.

mod sockets;

use haversack::carry_bundles;
use haversack_core::model::*;
use haversack_core::{
    Answering, ContactDraft, ContactFilter, Engine, Error, Exchange, RelayRoute, WhoDraft,
};
use haversack_relay::{Identity, Memory, exchange};
use haversack_wire::Relay;
use proptest::prelude::*;

use crate::cuts::cut_request;
use crate::fleet::{Fleet, PHONES};
use crate::removal::reopen;

/// Thousandths of something that arrive.
type Part = usize;

const ALL: Part = 1_000;

/// What somebody does. Devices and relays are named by their places, files by theirs on the shelf, from the first again where it ends.
#[derive(Debug, Clone, Copy)]
enum Act {
    /// Device n logs a contact of client c on day d.
    Log(usize, usize, u16),
    /// Device n corrects the newest contact it has.
    Correct(usize, i64),
    /// Device n syncs with a relay: so much of the request arrives, then so much of the answer.
    Sync(usize, usize, Part, Part),
    /// Device n asks device m, likewise.
    Meet(usize, usize, Part, Part),
    /// Device n writes a file.
    Write(usize),
    /// The coordinator packs everything, and writes that as a file.
    Pack,
    /// A carrier puts two files into one, of the second only so much.
    Carry(usize, usize, Part),
    /// Device n is handed so much of a file, however old, so many times.
    Take(usize, usize, Part, usize),
    /// Device n is closed and opened again.
    Reopen(usize),
}

fn device() -> std::ops::RangeInclusive<usize> {
    0..=PHONES
}

/// More often all of it than not.
fn part() -> impl Strategy<Value = Part> {
    prop_oneof![3 => Just(ALL), 2 => 0..ALL]
}

fn beside_relays() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => (device(), 0..3_usize, 0..5_u16).prop_map(|(n, c, d)| Act::Log(n, c, d)),
        2 => (device(), 0..20_i64).prop_map(|(n, q)| Act::Correct(n, q)),
        4 => (device(), device(), part(), part()).prop_map(|(n, m, up, down)| Act::Meet(n, m, up, down)),
        3 => device().prop_map(Act::Write),
        1 => Just(Act::Pack),
        1 => (0..8_usize, 0..8_usize, part()).prop_map(|(a, b, part)| Act::Carry(a, b, part)),
        4 => (device(), 0..8_usize, part(), 1..3_usize).prop_map(|(n, f, part, times)| Act::Take(n, f, part, times)),
        1 => device().prop_map(Act::Reopen),
    ]
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        5 => beside_relays(),
        1 => (device(), 0..2_usize, part(), part()).prop_map(|(n, r, up, down)| Act::Sync(n, r, up, down)),
    ]
}

/// Devices, and everything that lies between them.
struct World {
    fleet: Fleet,
    /// A relay that the first one knows nothing of.
    second: (Relay, Memory),
    shelf: Vec<Vec<u8>>,
    logged: u64,
}

impl World {
    fn new() -> Self {
        let id = Identity::from_seed(&[8; 32]).id();
        Self { fleet: Fleet::new(), second: (id, Memory::new()), shelf: Vec::new(), logged: 0 }
    }

    fn device(&mut self, n: usize) -> &mut Engine {
        self.fleet.device(n)
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Log(n, client, d) => self.log(n, client, d),
            Act::Correct(n, quantity) => self.correct(n, quantity),
            Act::Sync(n, relay, up, down) => drop(self.sync(n, relay, up, down)),
            Act::Meet(n, m, _, _) if n == m => {}
            Act::Meet(n, m, up, down) => drop(self.meet((n, m), None, up, down)),
            Act::Write(n) => {
                let file = self.device(n).export_bundle().unwrap();
                self.shelf.push(file);
            }
            Act::Pack => self.pack(),
            Act::Carry(a, b, part) => self.carry(a, b, part),
            Act::Take(n, file, part, times) => (0..times).for_each(|_| self.take(n, file, part)),
            Act::Reopen(n) => reopen(&mut self.fleet, n),
        }
    }

    fn log(&mut self, n: usize, client: usize, d: u16) {
        let client = self.fleet.clients[client];
        let line = Line { direction: Direction::Out, item: Item::SYRINGE_FIXED_1ML };
        let draft = ContactDraft::new(WhoDraft::Client(client), crate::team::van().code)
            .line(line, Quantity::new(5).unwrap());
        let day = Day::from_number(3_000 + i64::from(d)).unwrap();
        self.device(n).log(day, &[draft]).unwrap();
        self.logged += 1;
    }

    fn correct(&mut self, n: usize, quantity: i64) {
        let newest = ContactFilter { newest: Some(1), ..ContactFilter::default() };
        let rows = self.device(n).contacts(&newest).unwrap();
        if let Some(row) = rows.first() {
            let line = Line { direction: Direction::Out, item: Item::SYRINGE_FIXED_1ML };
            self.device(n).correct(&row.id, &line, Quantity::new(quantity).unwrap()).unwrap();
        }
    }

    /// One exchange with a relay. Says whether another would bring more.
    fn sync(&mut self, n: usize, relay: usize, up: Part, down: Part) -> bool {
        let fleet = &mut self.fleet;
        let id = if relay == 0 { fleet.id } else { self.second.0 };
        let route = RelayRoute { relay: id, admission: Vec::new() };
        let mut under_way = fleet.device(n).begin_exchange(&route).unwrap();
        let memory = if relay == 0 { &fleet.relay } else { &self.second.1 };
        let request = under_way.request();
        let at = if up == ALL { request.len() } else { request.len() * up / ALL };
        let answer = cut_request(memory, request, at).unwrap_or_default();
        for piece in answer[..answer.len() * down / ALL].chunks(700) {
            fleet.device(n).feed(&mut under_way, piece).unwrap();
        }
        fleet.device(n).end_exchange(&under_way).unwrap().again
    }

    /// One exchange in which n asks m. Gives it when another would bring more.
    fn meet(
        &mut self,
        (n, m): (usize, usize),
        after: Option<&Exchange>,
        up: Part,
        down: Part,
    ) -> Option<Exchange> {
        let peer = self.device(m).peer_id();
        let mut asking = self.device(n).begin_meeting(&peer, after).unwrap();
        let (request, mut answering) = (asking.request().to_vec(), Answering::new());
        for piece in request[..request.len() * up / ALL].chunks(700) {
            self.device(m).take_request(&mut answering, piece).unwrap();
        }
        let mut answer = Vec::new();
        while let Some(page) = self.device(m).next_answer(&mut answering).unwrap() {
            answer.extend(page);
        }
        for piece in answer[..answer.len() * down / ALL].chunks(700) {
            self.device(n).feed(&mut asking, piece).unwrap();
        }
        let again = self.device(n).end_exchange(&asking).unwrap().again;
        again.then_some(asking)
    }

    fn pack(&mut self) {
        self.device(0).make_pack(&mut |_, _| {}).unwrap();
        let file = self.device(0).export_pack().unwrap();
        self.shelf.extend(file);
    }

    fn carry(&mut self, a: usize, b: usize, part: Part) {
        let Some(count) = Some(self.shelf.len()).filter(|count| *count > 0) else { return };
        let [a, b] = [a, b].map(|file| self.shelf[file % count].clone());
        let carried = carry_bundles(&[a, cut(&b, part).to_vec()]).unwrap();
        self.shelf.push(carried.bundle);
    }

    fn take(&mut self, n: usize, file: usize, part: Part) {
        let Some(count) = Some(self.shelf.len()).filter(|count| *count > 0) else { return };
        let file = self.shelf[file % count].clone();
        match self.device(n).import_bundle(cut(&file, part)) {
            Ok(_) => {}
            // What is for this device came behind the cut.
            Err(Error::Foreign { .. }) if part < ALL => {}
            Err(error) => panic!("{error}"),
        }
    }

    /// Everybody syncs with both relays until nobody gets anything new.
    fn rest_by_relays(&mut self) {
        for _ in 0..4 {
            for (n, relay) in device().flat_map(|n| [(n, 0), (n, 1)]) {
                let mut rounds = 0;
                while self.sync(n, relay, ALL, ALL) {
                    rounds += 1;
                    assert!(rounds < 6, "device {n} asks relay {relay} for ever");
                }
            }
        }
    }

    /// Everybody meets everybody, and once more to say what came.
    fn rest_by_meetings(&mut self) {
        for _ in 0..3 {
            let pairs = device().flat_map(|n| device().map(move |m| (n, m)));
            for pair in pairs.filter(|(n, m)| n != m) {
                let mut rounds = 0;
                let mut before = self.meet(pair, None, ALL, ALL);
                while let Some(exchange) = before {
                    rounds += 1;
                    assert!(rounds < 6, "{pair:?} meet for ever");
                    before = self.meet(pair, Some(&exchange), ALL, ALL);
                }
            }
        }
    }

    /// Everybody's file goes to a carrier, and what it makes of them to everybody.
    fn rest_by_files(&mut self) {
        for _ in 0..3 {
            let written: Vec<_> =
                device().map(|n| self.device(n).export_bundle().unwrap()).collect();
            let carried = carry_bundles(&written).unwrap().bundle;
            for n in device() {
                assert!(self.device(n).import_bundle(&carried).unwrap().whole);
            }
        }
    }

    /// Everybody has everything, all of it is taken, and what is shown is what the log adds up to.
    fn check(&mut self) -> Result<Vec<u8>, TestCaseError> {
        let logged = self.logged;
        let expected = self.device(0).canonical().unwrap();
        for n in device() {
            let engine = self.device(n);
            prop_assert_eq!(engine.contact_count().unwrap(), logged, "device {}", n);
            prop_assert!(engine.canonical().unwrap() == expected, "device {} has others", n);
            let incremental = engine.contacts(&ContactFilter::default()).unwrap();
            engine.rebuild().unwrap();
            prop_assert_eq!(engine.contacts(&ContactFilter::default()).unwrap(), incremental);
            prop_assert!(engine.canonical().unwrap() == expected, "rebuilt device {}", n);
            let status = engine.status().unwrap();
            let kept = (status.waiting, status.quarantined, status.dropped, status.doubted);
            prop_assert_eq!((kept, status.forked), ((0, 0, 0, 0), 0), "device {}", n);
        }
        Ok(expected)
    }

    /// After relays: nobody has anything left to hand on. (Nobody keeps the coordinator's own work but itself.)
    fn check_nothing_is_owed(&mut self) -> Result<(), TestCaseError> {
        for n in device() {
            let (engine, is_keeper) = (self.device(n), n == 0);
            let owed = engine.owed();
            prop_assert!(is_keeper || owed.is_nothing(), "device {}: {:?}", n, owed);
            let left = (owed.carried, engine.status().unwrap().own.here_only);
            prop_assert_eq!(left, (0, 0), "device {}", n);
        }
        Ok(())
    }
}

/// How many series of acts are drawn: `cargo xtask soak routes` asks for more.
fn cases() -> u32 {
    let asked = std::env::var("HAVERSACK_ROUTES").ok().and_then(|text| text.parse().ok());
    asked.unwrap_or(20)
}

fn cut(file: &[u8], part: Part) -> &[u8] {
    &file[..(file.len() * part / ALL).max(5)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn all_routes_lead_to_the_same_records(acts in proptest::collection::vec(act(), 1..60)) {
        let mut world = World::new();
        acts.into_iter().for_each(|act| world.act(act));
        world.rest_by_relays();
        world.check()?;
        world.check_nothing_is_owed()?;
    }

    /// No relay in reach: meetings alone bring everything everywhere, and so do files; a relay that comes into reach later
    /// changes nothing of it.
    #[test]
    fn no_relay_is_needed(acts in proptest::collection::vec(beside_relays(), 1..60), by_files: bool) {
        let mut world = World::new();
        acts.into_iter().for_each(|act| world.act(act));
        match by_files {
            true => world.rest_by_files(),
            false => world.rest_by_meetings(),
        }
        let without = world.check()?;
        world.rest_by_relays();
        prop_assert!(world.check()? == without, "a relay changed something");
        world.check_nothing_is_owed()?;
    }
}

/// Two put the same count without knowing of each other, and one of them puts it once more.
#[test]
fn a_correction_to_what_is_shown_settles_a_dispute_for_everybody() {
    let mut world = World::new();
    world.fleet.settle();
    world.act(Act::Log(1, 0, 0));
    for n in 1..=3 {
        world.fleet.sync(n, 1_000);
    }
    for n in [2, 3] {
        world.act(Act::Correct(n, 7));
    }
    for n in 2..=3 {
        world.fleet.sync(n, 1_000);
    }
    world.act(Act::Correct(3, 7));
    world.fleet.settle();
    let expected = world.device(3).canonical().unwrap();
    for n in 0..=PHONES {
        assert_eq!(world.device(n).status().unwrap().quarantined, 0, "device {n}");
        assert!(world.device(n).canonical().unwrap() == expected, "device {n}");
    }
}

/// An answer with one flipped bit, at each of its bytes in turn: whatever it does to that exchange, the honest
/// ones after it bring everything.
#[test]
fn flipped_answers_lose_nothing() {
    let mut world = World::new();
    world.fleet.settle();
    let (mut logged, mut at) = (0, 0);
    loop {
        world.act(Act::Log(1, logged % 3, (logged % 5) as u16));
        world.act(Act::Log(0, logged % 3, (logged % 5) as u16));
        logged += 1;
        let fleet = &mut world.fleet;
        fleet.sync(1, 1_000);
        let route = RelayRoute { relay: fleet.id, admission: Vec::new() };
        let mut under_way = fleet.device(0).begin_exchange(&route).unwrap();
        let mut answer = exchange(&fleet.relay, under_way.request()).unwrap();
        let Some(byte) = answer.get_mut(at) else { break };
        *byte ^= 1 << (at % 8);
        let _ = fleet.device(0).feed(&mut under_way, &answer);
        at += 5;
        if at % 50 == 0 {
            fleet.sync(0, 1_000);
        }
    }
    assert!(logged > 50, "{logged} answers");
    world.fleet.settle();
    let expected = world.device(0).canonical().unwrap();
    for n in 0..=PHONES {
        assert_eq!(world.device(n).contact_count().unwrap(), 2 * logged as u64, "device {n}");
        assert_eq!(world.device(n).canonical().unwrap(), expected, "device {n}");
    }
}

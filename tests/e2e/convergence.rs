//! Any order, any route, any number of times: the same records end up everywhere, byte for byte.

use haversack_core::model::*;
use haversack_core::{ContactDraft, ContactFilter, Engine, RelayRoute, WhoDraft};
use haversack_relay::exchange;
use proptest::prelude::*;
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

use crate::fleet::{Fleet, PHONES, passphrase};

/// What somebody does.
#[derive(Debug, Clone, Copy)]
enum Act {
    /// Device n logs a contact of client c on day d.
    Log(usize, usize, u16),
    /// Device n corrects the newest contact it has.
    Correct(usize, i64),
    /// Device n syncs; the answer is read up to so many thousandths of it.
    Sync(usize, usize),
    /// Device n hands a file to device m, cut to so many thousandths of it.
    Bundle(usize, usize, usize),
    /// Device n is closed and opened again.
    Reopen(usize),
}

fn act() -> impl Strategy<Value = Act> {
    let device = 0..=PHONES;
    prop_oneof![
        4 => (device.clone(), 0..3_usize, 0..5_u16).prop_map(|(n, c, d)| Act::Log(n, c, d)),
        1 => (device.clone(), 0..20_i64).prop_map(|(n, q)| Act::Correct(n, q)),
        4 => (device.clone(), prop_oneof![Just(1_000), 0..1_000_usize]).prop_map(|(n, cut)| Act::Sync(n, cut)),
        2 => (device.clone(), device.clone(), prop_oneof![Just(1_000), 0..1_000_usize])
            .prop_map(|(n, m, cut)| Act::Bundle(n, m, cut)),
        1 => device.prop_map(Act::Reopen),
    ]
}

impl Fleet {
    fn act(&mut self, act: Act) {
        match act {
            Act::Log(n, client, d) => {
                let client = self.clients[client];
                let line = Line { direction: Direction::Out, item: Item::SYRINGE_FIXED_1ML };
                let draft = ContactDraft::new(WhoDraft::Client(client), crate::team::van().code)
                    .line(line, Quantity::new(5).unwrap());
                let day = Day::from_number(3_000 + i64::from(d)).unwrap();
                self.device(n).log(day, &[draft]).unwrap();
            }
            Act::Correct(n, quantity) => {
                let newest = ContactFilter { newest: Some(1), ..ContactFilter::default() };
                let rows = self.device(n).contacts(&newest).unwrap();
                if let Some(row) = rows.first() {
                    let line = Line { direction: Direction::Out, item: Item::SYRINGE_FIXED_1ML };
                    self.device(n)
                        .correct(&row.id, &line, Quantity::new(quantity).unwrap())
                        .unwrap();
                }
            }
            Act::Sync(n, thousandths) => drop(self.sync(n, thousandths)),
            Act::Bundle(n, m, thousandths) => {
                let bundle = self.device(n).export_bundle().unwrap();
                let cut = (bundle.len() * thousandths / 1_000).max(5);
                self.device(m).import_bundle(&bundle[..cut]).unwrap();
            }
            Act::Reopen(n) => {
                drop(self.devices[n].take());
                let random = Box::new(ChaCha20Rng::seed_from_u64(100 + n as u64));
                let folder = self.folder.path().join(n.to_string());
                self.devices[n] = Some(Engine::open(&folder, &passphrase(), random).unwrap());
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn all_routes_lead_to_the_same_records(acts in proptest::collection::vec(act(), 1..40)) {
        let mut fleet = Fleet::new();
        let logged = acts.iter().filter(|act| matches!(act, Act::Log(..))).count() as u64;
        acts.into_iter().for_each(|act| fleet.act(act));
        fleet.settle();
        let expected = fleet.device(0).canonical().unwrap();
        for n in 0..=PHONES {
            prop_assert_eq!(fleet.device(n).contact_count().unwrap(), logged, "device {}", n);
            prop_assert_eq!(&fleet.device(n).canonical().unwrap(), &expected, "device {}", n);
            let incremental = fleet.device(n).contacts(&ContactFilter::default()).unwrap();
            fleet.device(n).rebuild().unwrap();
            prop_assert_eq!(fleet.device(n).contacts(&ContactFilter::default()).unwrap(), incremental);
            prop_assert_eq!(&fleet.device(n).canonical().unwrap(), &expected, "rebuilt device {}", n);
            let status = fleet.device(n).status().unwrap();
            prop_assert_eq!((status.waiting, status.quarantined, status.own.here_only), (0, 0, 0));
        }
    }
}

/// Two put the same count without knowing of each other, and one of them puts it once more.
#[test]
fn a_correction_to_what_is_shown_settles_a_dispute_for_everybody() {
    let mut fleet = Fleet::new();
    fleet.settle();
    fleet.act(Act::Log(1, 0, 0));
    for n in 1..=3 {
        fleet.sync(n, 1_000);
    }
    for n in [2, 3] {
        fleet.act(Act::Correct(n, 7));
    }
    for n in 2..=3 {
        fleet.sync(n, 1_000);
    }
    fleet.act(Act::Correct(3, 7));
    fleet.settle();
    let expected = fleet.device(3).canonical().unwrap();
    for n in 0..=PHONES {
        assert_eq!(fleet.device(n).status().unwrap().quarantined, 0, "device {n}");
        assert!(fleet.device(n).canonical().unwrap() == expected, "device {n}");
    }
}

/// An answer with one flipped bit, at each of its bytes in turn: whatever it does to that exchange, the honest
/// ones after it bring everything.
#[test]
fn flipped_answers_lose_nothing() {
    let mut fleet = Fleet::new();
    fleet.settle();
    let (mut logged, mut at) = (0, 0);
    loop {
        fleet.act(Act::Log(1, logged % 3, (logged % 5) as u16));
        fleet.act(Act::Log(0, logged % 3, (logged % 5) as u16));
        logged += 1;
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
    fleet.settle();
    let expected = fleet.device(0).canonical().unwrap();
    for n in 0..=PHONES {
        assert_eq!(fleet.device(n).contact_count().unwrap(), 2 * logged as u64, "device {n}");
        assert_eq!(fleet.device(n).canonical().unwrap(), expected, "device {n}");
    }
}

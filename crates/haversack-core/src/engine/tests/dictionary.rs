//! Trains the dictionary of the envelope (PROTOCOL § 3.1, ADR 0018) on outings that are drawn from seeds, with every code of the
//! lists: `HAVERSACK_TRAIN_DICTIONARY=1 cargo test -p haversack-core --lib engine::tests::dictionary`.

use rand_core::Rng;

use super::super::kept::KeptBody;
use super::*;
use crate::compress::{For, compress};
use crate::model::*;
use crate::store::Table;
use crate::view::ClientId;

/// So many teams are learned from; the next is what it is tried on.
const TEAMS: u64 = 20;
const OUTINGS: usize = 40;

/// Draws contacts as teams of many kinds log them: the commoner a code is, the earlier it stands in its list.
struct Dice(ChaCha20Rng);

impl Dice {
    fn below(&mut self, n: u32) -> u32 {
        self.0.next_u32() % n
    }

    fn of<T: Clone>(&mut self, list: &[T]) -> T {
        let least = self.below(list.len() as u32).min(self.below(list.len() as u32));
        list[least as usize].clone()
    }

    fn maybe<T: Clone>(&mut self, list: &[T]) -> Option<T> {
        (self.below(3) > 0).then(|| self.of(list))
    }

    /// Round numbers are handed out more often than others.
    fn quantity(&mut self) -> Quantity {
        let n = match self.below(3) {
            0 => 1 + self.below(10),
            1 => 10 * (1 + self.below(12)),
            _ => 1 + self.below(120),
        };
        Quantity::new(n.into()).unwrap()
    }

    fn who(&mut self, clients: &[ClientId]) -> WhoDraft {
        match self.below(10) {
            0 => WhoDraft::Count(People::new(1 + i64::from(self.below(9))).unwrap()),
            1..4 => {
                WhoDraft::Anonymous { sex: self.maybe(Sex::ALL), age: self.maybe(AgeBand::ALL) }
            }
            _ => WhoDraft::Client(clients[self.below(clients.len() as u32) as usize]),
        }
    }

    fn contact(&mut self, clients: &[ClientId], site: &SiteCode) -> ContactDraft {
        let mut draft = ContactDraft::new(self.who(clients), site.clone());
        for _ in 0..self.below(8) {
            let line = Line { direction: Direction::Out, item: self.of(Item::ALL) };
            draft = draft.line(line, self.quantity());
        }
        if self.below(4) > 0 {
            let line = Line { direction: Direction::In, item: self.of(Item::ALL) };
            draft = draft.line(line, self.quantity());
        }
        draft.services = (0..self.below(6)).map(|_| self.of(Service::ALL)).collect();
        draft.duration = self.maybe(Duration::ALL);
        draft
    }
}

/// The bodies of the outings of a team's device.
fn bodies(seed: u64) -> Vec<Vec<u8>> {
    let folder = TempDir::new().unwrap();
    let mut engine = engine(&folder, "phone", seed);
    engine.found_space().unwrap();
    let site = SiteCode::new("A-1").unwrap();
    engine
        .put_site(&Site {
            code: site.clone(),
            kind: SiteKind::MOBILE_VAN,
            setting: None,
            closes: None,
        })
        .unwrap();
    let mut dice = Dice(ChaCha20Rng::seed_from_u64(seed));
    let clients: Vec<_> = (0..40)
        .map(|n| {
            let label = Some(
                Label::new(&format!("{}{n}", char::from(b'A' + dice.below(26) as u8))).unwrap(),
            );
            engine.add_client(&Client { label, ..Client::default() }).unwrap().0
        })
        .collect();
    engine.close_unsent().unwrap();
    let first: Day = "2026-01-01".parse().unwrap();
    for n in 0..OUTINGS {
        let day = Day::from_number(i64::from(first.number()) + n as i64).unwrap();
        let drafts: Vec<_> =
            (0..1 + dice.below(40)).map(|_| dice.contact(&clients, &site)).collect();
        let one_by_one = dice.below(4) > 0;
        let pieces = if one_by_one { 1 } else { drafts.len() };
        drafts.chunks(pieces).for_each(|drafts| drop(engine.log(day, drafts).unwrap()));
        engine.close_unsent().unwrap();
    }
    let rows = engine.db.rows(Table::Bodies, &engine.outbox_key().unwrap()).unwrap();
    rows.into_iter().map(|(_, bytes)| KeptBody::decode(&bytes).unwrap().raw).collect()
}

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/dictionary-1.zdict");
const LENGTH: usize = 16 << 10;

/// Trains it anew where that is asked for; then, that it is worth its place on outings that it was not trained on.
#[test]
fn it_makes_an_outing_smaller() {
    if std::env::var_os("HAVERSACK_TRAIN_DICTIONARY").is_some() {
        let samples: Vec<_> = (0..TEAMS).flat_map(bodies).collect();
        std::fs::write(FILE, zstd::dict::from_samples(&samples, LENGTH).unwrap()).unwrap();
        return;
    }
    let (mut with, mut without) = (0, 0);
    for body in bodies(TEAMS) {
        with += compress(&body, For::Sending).unwrap().len();
        without += zstd::bulk::compress(&body, 19).unwrap().len();
    }
    assert!(with * 100 <= without * 88, "{with} of {without}");
}

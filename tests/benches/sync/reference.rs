//! The reference data: 5,000 contacts by 10 devices in 200 outings of 25, 221 bytes each as JSON, drawn from a fixed seed. The peers
//! draw the very same (`benches/peers/src/reference.mjs`).

use haversack::model::*;
use haversack::{ClientId, ContactDraft, WhoDraft};
use sha2::{Digest, Sha256};

pub(crate) const DEVICES: usize = 10;
pub(crate) const OUTINGS: usize = 200;
pub(crate) const CONTACTS_OF_OUTING: usize = 25;
pub(crate) const CLIENTS: usize = 500;
pub(crate) const SITES: [&str; 4] = ["KM-N", "KM-V", "KM-B", "KM-M"];

/// SHA-256 of the lines of JSON of all outings and the news, as the peers know it.
const SHA256: &str = "4f89545a4618465476537660da9ab699496ea9e6fe54fba09e61e1d5d86c0fc1";
const SEXES: [Sex; 2] = [Sex::M, Sex::F];
const AGES: [AgeBand; 2] = [AgeBand::UNDER_25, AgeBand::FROM_25];
const ITEMS: [Item; 7] = [
    Item::NEEDLE,
    Item::WATER,
    Item::FILTER,
    Item::SWAB,
    Item::COOKER,
    Item::LEAFLET,
    Item::CONDOM_M,
];
const SERVICES: [Service; 6] = [
    Service::NSP,
    Service::EDUCATION,
    Service::HYGIENE,
    Service::FAMILY,
    Service::LEGAL,
    Service::HOUSING,
];
const DURATIONS: [Duration; 3] = [Duration::UNDER_5, Duration::FROM_5_TO_15, Duration::OVER_15];

/// The data, from the first outing on.
pub(crate) struct Data {
    pub(crate) outings: Vec<Outing>,
}

/// 25 contacts of one device at one place on one day.
pub(crate) struct Outing {
    pub(crate) day: Day,
    pub(crate) site: &'static str,
    pub(crate) contacts: Vec<Contact>,
}

pub(crate) struct Contact {
    /// What another library calls it by; here an outing numbers its contacts.
    id: String,
    who: Who,
    out: Vec<(Item, u32)>,
    back: u32,
    did: Vec<Service>,
    took: Duration,
}

enum Who {
    /// The place of their file, and what the JSON calls them.
    Client(usize, String),
    Anonymous(Sex, AgeBand),
}

/// xorshift32: the same few lines in any language.
struct Dice(u32);

impl Dice {
    fn roll(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0
    }

    fn below(&mut self, n: u32) -> u32 {
        self.roll() % n
    }

    fn of<T: Clone>(&mut self, list: &[T]) -> T {
        list[self.below(list.len() as u32) as usize].clone()
    }

    fn coin(&mut self) -> bool {
        self.below(2) == 0
    }

    fn id(&mut self) -> String {
        format!("{:08x}{:08x}", self.roll(), self.roll())
    }

    fn who(&mut self, tags: &[String]) -> Who {
        match self.below(20) {
            0..19 => {
                let place = self.below(CLIENTS as u32) as usize;
                Who::Client(place, tags[place].clone())
            }
            _ => Who::Anonymous(self.of(&SEXES), self.of(&AGES)),
        }
    }

    fn given(&mut self) -> Vec<(Item, u32)> {
        let mut out = vec![(Item::SYRINGE_FIXED_1ML, 1 + self.below(100))];
        for item in ITEMS {
            if self.coin() {
                out.push((item, 1 + self.below(100)));
            }
        }
        out
    }

    fn contact(&mut self, tags: &[String]) -> Contact {
        let (id, who, out, back) = (self.id(), self.who(tags), self.given(), self.below(100));
        let did = SERVICES.into_iter().filter(|_| self.coin()).collect();
        Contact { id, who, out, back, did, took: self.of(&DURATIONS) }
    }

    fn outing(&mut self, n: usize, tags: &[String]) -> Outing {
        let first: Day = "2008-02-04".parse().unwrap();
        let day = Day::from_number(i64::from(first.number()) + (n / DEVICES) as i64).unwrap();
        let site = self.of(&SITES);
        let contacts = (0..CONTACTS_OF_OUTING).map(|_| self.contact(tags)).collect();
        Outing { day, site, contacts }
    }
}

impl Data {
    /// So many outings.
    pub(crate) fn draw(outings: usize) -> Self {
        let mut dice = Dice(2_008);
        let tags: Vec<String> = (0..CLIENTS).map(|_| dice.id()).collect();
        Self { outings: (0..outings).map(|n| dice.outing(n, &tags)).collect() }
    }

    /// A line of JSON for each contact.
    pub(crate) fn json(&self) -> String {
        self.outings.iter().map(Outing::json).collect()
    }

    /// Makes sure that the peers measure the same.
    pub(crate) fn check() {
        let json = Self::draw(OUTINGS + 1).json();
        let hash: String = Sha256::digest(&json).iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(hash, SHA256, "the reference data is not what the peers draw");
    }
}

impl Outing {
    pub(crate) fn json(&self) -> String {
        let (day, site) = (self.day, self.site);
        self.contacts.iter().map(|contact| contact.json(day, site) + "\n").collect()
    }
}

impl Contact {
    fn json(&self, day: Day, site: &str) -> String {
        let who = match &self.who {
            Who::Client(_, tag) => format!(r#""client":"{tag}""#),
            Who::Anonymous(sex, age) => format!(r#""sex":"{sex}","age":"{age}""#),
        };
        let out: Vec<_> = self.out.iter().map(|(item, n)| format!(r#""{item}":{n}"#)).collect();
        let did: Vec<_> = self.did.iter().map(|service| format!(r#""{service}""#)).collect();
        let (id, out, did, back, took) =
            (&self.id, out.join(","), did.join(","), self.back, &self.took);
        format!(
            r#"{{"id":"{id}","day":"{day}","site":"{site}",{who},"out":{{{out}}},"back":{back},"did":[{did}],"took":"{took}"}}"#
        )
    }

    /// The contact as it is logged.
    pub(crate) fn draft(&self, site: &str, clients: &[ClientId]) -> ContactDraft {
        let who = match &self.who {
            Who::Client(place, _) => WhoDraft::Client(clients[*place]),
            Who::Anonymous(sex, age) => {
                WhoDraft::Anonymous { sex: Some(sex.clone()), age: Some(age.clone()) }
            }
        };
        let quantity = |n: u32| Quantity::new(n.into()).unwrap();
        let mut draft = ContactDraft::new(who, SiteCode::new(site).unwrap());
        for (item, n) in &self.out {
            let line = Line { direction: Direction::Out, item: item.clone() };
            draft = draft.line(line, quantity(*n));
        }
        let back = Line { direction: Direction::In, item: Item::USED_MIXED };
        let mut draft = draft.line(back, quantity(self.back));
        draft.services = self.did.iter().cloned().collect();
        draft.duration = Some(self.took.clone());
        draft
    }
}

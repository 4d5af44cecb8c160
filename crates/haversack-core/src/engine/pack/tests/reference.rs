//! What a pack costs: the reference data, 5,000 contacts by 10 devices in 200 outings of 25 (the benches draw the very same).

use super::*;
use crate::model::{AgeBand, Client, Direction, Duration, Label, Service, Sex};
use crate::view::ClientId;

const DEVICES: usize = 10;
const OUTINGS: usize = 200;
const CONTACTS: usize = 25;
const SITES: [&str; 4] = ["KM-N", "KM-V", "KM-B", "KM-M"];
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

/// xorshift32: the same few lines in any language.
struct Dice(u32);

impl Dice {
    fn below(&mut self, n: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0 % n
    }

    fn who(&mut self, clients: &[ClientId]) -> WhoDraft {
        let who = self.below(20);
        match clients.get(self.below(500) as usize) {
            Some(id) if who < 19 => WhoDraft::Client(*id),
            _ => WhoDraft::Anonymous { sex: Some(Sex::M), age: Some(AgeBand::FROM_25) },
        }
    }

    fn contact(&mut self, site: &str, clients: &[ClientId]) -> ContactDraft {
        let mut draft = ContactDraft::new(self.who(clients), code(site));
        let mut put = |direction, item, n: u32| {
            draft.lines.insert(Line { direction, item }, Quantity::new(n.into()).unwrap());
        };
        put(Direction::Out, Item::SYRINGE_FIXED_1ML, 1 + self.below(100));
        for item in ITEMS {
            if self.below(2) == 0 {
                put(Direction::Out, item, 1 + self.below(100));
            }
        }
        put(Direction::In, Item::USED_MIXED, self.below(100));
        draft.services = SERVICES.into_iter().filter(|_| self.below(2) == 0).collect();
        let durations = [Duration::UNDER_5, Duration::FROM_5_TO_15, Duration::OVER_15];
        draft.duration = durations.get(self.below(3) as usize).cloned();
        draft
    }
}

/// A team that logged so many outings, with so many clients' files.
fn team(outings: usize, clients: usize) -> Team {
    let mut team = Team::new(0);
    SITES.iter().for_each(|code| team.admin.put_site(&site(code)).unwrap());
    let label = |n| Some(Label::new(&format!("KM-{n:04}")).unwrap());
    let files: Vec<Client> =
        (0..clients).map(|n| Client { label: label(n), ..Client::default() }).collect();
    let mut ids = Vec::new();
    if clients > 0 {
        ids = team.admin.add_clients(&files).unwrap().0;
    }
    for n in 0..DEVICES {
        let mut phone = engine(&team.folder, &format!("p{n}"), 50 + n as u64);
        join(&mut team.admin, &mut phone, Role::Educator);
        give(&mut team.admin, &mut phone);
        team.phones.push(phone);
    }
    let mut dice = Dice(2_008);
    for n in 0..outings {
        let site = SITES[dice.below(4) as usize];
        let contacts: Vec<_> = (0..CONTACTS).map(|_| dice.contact(site, &ids)).collect();
        let phone = &mut team.phones[n % DEVICES];
        phone.log(day((n / DEVICES) as i64), &contacts).unwrap();
        phone.close_unsent().unwrap();
    }
    team.gather();
    team
}

fn bytes(frames: &[Vec<u8>]) -> usize {
    frames.iter().map(Vec::len).sum()
}

/// The budget of a first sync: 26 bytes a contact, all told.
#[test]
fn a_pack_takes_few_bytes_a_contact() {
    let mut team = team(OUTINGS, 0);
    let pack = team.pack();
    let mut new = team.newcomer("new", Role::Archive);
    let all = crate::ContactFilter::default();
    let begun = std::time::Instant::now();
    let mut known = 0;
    for (n, frame) in pack.iter().enumerate() {
        new.receive(std::slice::from_ref(frame), false).unwrap();
        // Whatever has come is of use, the newest first.
        let days: Vec<Day> = new.contacts(&all).unwrap().iter().map(|row| row.day).collect();
        assert!(days.len() >= known, "more and more");
        known = days.len();
        if n == 1 {
            assert!(known > 0 && known < OUTINGS * CONTACTS);
            let newest = day((OUTINGS / DEVICES) as i64 - 1);
            assert_eq!(days.iter().max(), Some(&newest));
            assert!(days.iter().all(|known| *known > day(2)), "and the oldest last");
        }
    }
    let took = begun.elapsed();
    assert_eq!(new.canonical().unwrap(), team.admin.canonical().unwrap());
    let contacts = OUTINGS * CONTACTS;
    assert_eq!(new.contact_count().unwrap(), contacts as u64);
    let each = bytes(&pack) as f64 / contacts as f64;
    println!("{each:.2} B a contact in {} frames, taken in {took:?}", pack.len());
    assert!(each <= 26.0, "{each:.2} bytes a contact");
}

#[test]
fn clients_files_and_their_keys_come_along() {
    let mut team = team(20, 500);
    let pack = team.pack();
    let mut new = team.newcomer("new", Role::Archive);
    new.receive(&pack, false).unwrap();
    assert_eq!(new.canonical().unwrap(), team.admin.canonical().unwrap());
    let each = bytes(&pack) as f64 / 500.0;
    println!("{each:.2} B a file, with one contact each");
    assert!(each <= 110.0, "{each:.2} bytes a file");
}

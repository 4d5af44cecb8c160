//! The register in the attacker's hands (CT-8): every row of it, turned into whatever codes are made of, matches the
//! stores, the relay and the report no more often than chance.
//!
//! Chance is this. For labels, which people choose: as many matches as the same labels have with the register of another
//! town, whose people were never met. For ids and tags by four bytes: as many as uniformly random ones would have, a number
//! that a Poisson distribution exceeds once in a million runs. For longer codes and for raw bytes at any offset: none at
//! all; random bytes would show one in fewer than one run of ten thousand, and the exact figure is printed.

mod attack;
mod people;

use std::collections::BTreeSet;
use std::path::Path;

use data_encoding::HEXLOWER;
use haversack::model::*;
use haversack::{ClientRow, ContactDraft, ContactFilter, Notebook, Period, WhoDraft};

use crate::canaries::image;
use crate::team::{Team, day, given, passphrase, relay};
use attack::{Attack, SHORT, chance};
use people::{Row, kenya, kpic, register};

/// As many as the Ping An Centre had.
const CLIENTS: usize = 254;
const FLOWERS: [&str; 16] = [
    "LOTUS", "ORCHID", "PEONY", "ASTER", "DAISY", "TULIP", "VIOLET", "POPPY", "MALLOW", "CLOVER",
    "SORREL", "YARROW", "BEGONIA", "JASMINE", "CAMELLIA", "MAGNOLIA",
];

/// The n-th client's place in the register: their people are spread over it.
fn of_register(client: usize) -> usize {
    client * 19 + 7
}

/// All that the attacker holds.
struct Loot {
    labels: Vec<String>,
    ids: BTreeSet<Vec<u8>>,
    raw: Vec<(&'static str, Vec<u8>)>,
    clients: Vec<ClientRow>,
}

/// Clients who are in the register, in a team that met them, with a relay and a report.
async fn seized(register: &[Row]) -> (Team, Loot) {
    let team = Team::new(1, 0);
    let data = team.folder.path().join("relay");
    let running = relay(&data).await;
    let files: Vec<Client> = (0..CLIENTS).map(|n| file(n, &register[of_register(n)])).collect();
    let ids = team.coordinator.add_clients(&files).unwrap();
    for date in ["2008-02-04", "2008-03-04"] {
        let contacts: Vec<ContactDraft> =
            ids.iter().map(|id| given(WhoDraft::Client(*id), 3)).collect();
        team.coordinator.log(day(date), &contacts).unwrap();
    }
    team.coordinator.sync(&running.url).await.unwrap();
    team.phones[0].sync(&running.url).await.unwrap();
    let loot = loot(&team.coordinator, team.folder.path());
    (team, loot)
}

/// A file as it should be: an invented label, and of the person no more than sex and ten years of birth.
fn file(n: usize, row: &Row) -> Client {
    let label = format!("{}-{}", FLOWERS[n % FLOWERS.len()], 10 + n / FLOWERS.len());
    Client {
        label: Some(Label::new(&label).unwrap()),
        sex: Some(if row.woman { Sex::F } else { Sex::M }),
        birth: Some(BirthBand::new(i64::from(row.year / 10 * 10), 10).unwrap()),
        ..Client::default()
    }
}

fn loot(member: &Notebook, folder: &Path) -> Loot {
    let clients = member.clients().unwrap();
    let contacts = member.contacts(&ContactFilter::default()).unwrap();
    let canonical = member.canonical().unwrap();
    let period = Period::new(day("2008-02-01"), day("2008-04-01")).unwrap();
    let report = serde_json::to_vec(&member.report(&period).unwrap()).unwrap();
    let bundle = member.export_bundle().unwrap();
    let labels = clients.iter().filter_map(|row| row.client.label.as_ref()).map(Label::to_string);
    let labels =
        labels.chain(member.sites().unwrap().into_iter().map(|site| site.code.to_string()));
    let texts = clients.iter().map(|row| row.id.to_string());
    let texts = texts.chain(contacts.iter().map(|row| row.id.to_string()));
    let mut ids: BTreeSet<Vec<u8>> = texts.map(|text| bytes_of(&text)).collect();
    ids.extend(member.members().unwrap().iter().map(|member| member.device.as_bytes().to_vec()));
    ids.extend(byte_values(&canonical));
    let labels = labels.collect();
    member.close().unwrap();
    let mut disk = Vec::new();
    image(folder, &mut disk);
    let raw = vec![
        ("disks and relay", disk),
        ("view", canonical),
        ("report", report),
        ("bundle", bundle),
    ];
    Loot { labels, ids, raw, clients }
}

/// The bytes of an id that is shown as hex, with a part after a point perhaps.
fn bytes_of(id: &str) -> Vec<u8> {
    HEXLOWER.decode(id.split('.').next().unwrap().as_bytes()).unwrap()
}

/// Values of bytes in the view's canonical form, which writes them as `[1, 2, …]`: the clients' tags.
fn byte_values(canonical: &[u8]) -> Vec<Vec<u8>> {
    let text = String::from_utf8_lossy(canonical);
    let lists = text.split('[').skip(1).filter_map(|rest| rest.split_once(']'));
    let read = |list: &str| list.split(", ").map(|byte| byte.parse().ok()).collect();
    lists.filter_map(|(list, _)| read(list)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_row_of_the_register_matches_a_record() {
    let people = register(1);
    let (attack, elsewhere) = (Attack::new(&people), Attack::of_texts(&register(2)));
    let (team, loot) = seized(&people).await;
    println!("of {} people: {:?} texts and hashes", people.len(), attack.size());

    let named =
        |attack: &Attack| loot.labels.iter().filter(|label| !attack.text(label).is_empty()).count();
    println!("labels: {} of {}, chance {}", named(&attack), loot.labels.len(), named(&elsewhere));
    assert!(loot.labels.len() > CLIENTS && named(&attack) <= named(&elsewhere));

    let found: Vec<_> = loot.ids.iter().map(|id| attack.id(id)).collect();
    let long = found.iter().filter(|(long, _)| long.is_some()).count();
    let short = found.iter().filter(|(_, short)| short.is_some()).count();
    let expected = attack.expected_in_ids(loot.ids.len());
    println!(
        "ids and tags: {long} and, by {SHORT} bytes, {short} of {}, expected {expected:.3}, chance {}",
        loot.ids.len(),
        chance(expected)
    );
    // The clients themselves, a tag in each of two months, days and devices.
    assert!(loot.ids.len() > 3 * CLIENTS, "{}", loot.ids.len());
    assert!(long == 0 && short <= chance(expected));

    for (place, bytes) in &loot.raw {
        let expected = attack.expected_in_bytes(bytes.len());
        let found = attack.bytes(bytes);
        println!("{place}: {} of {} bytes, expected {expected:.1e}", found.len(), bytes.len());
        assert!(expected < 1e-4 && found.is_empty(), "{place}: {found:?}");
    }
    assert!(loot.raw[0].1.len() > 500_000);
    alike(&people, &loot.clients);
    planted(&team, &attack, &people, &loot);
}

/// What a member sees of a client besides: sex and ten years. How many of the register are alike in both?
fn alike(people: &[Row], clients: &[ClientRow]) {
    let like = |client: &Client| {
        let (first, _) = client.birth.unwrap().parts();
        let woman = client.sex == Some(Sex::F);
        people.iter().filter(|row| row.woman == woman && row.year / 10 * 10 == first).count()
    };
    let smallest = clients.iter().map(|row| like(&row.client)).min().unwrap();
    println!("the smallest group that sex and band of birth leave: {smallest}");
    assert!(smallest >= 100, "{smallest}");
}

/// The same script on the same store, with one weak label, one hash and one name in it: it finds each, and who it is.
fn planted(team: &Team, attack: &Attack, people: &[Row], loot: &Loot) {
    let weak = |row: &usize| Label::new(&kpic(&people[*row])).is_ok();
    let row = (0..CLIENTS).map(of_register).find(weak).unwrap();
    let label = Some(Label::new(&kpic(&people[row])).unwrap());
    let member = Notebook::open(&team.folder.path().join("coordinator"), &passphrase()).unwrap();
    member.add_clients(&[Client { label, ..Client::default() }]).unwrap();
    let clients = member.clients().unwrap();
    let labels = clients.iter().filter_map(|client| client.client.label.as_ref());
    let found: Vec<usize> = labels.flat_map(|label| attack.text(label.as_str())).collect();
    assert_eq!(found, [row], "the weak label names its person");

    let name = format!("{} {}", people[row].surname, people[row].given);
    let hash = blake3::hash(name.as_bytes());
    assert_eq!(attack.id(&hash.as_bytes()[..16]), (Some(row), Some(row)));
    let hex = hash.to_hex();
    for hidden in [&hash.as_bytes()[..8], &hex.as_bytes()[..16], name.as_bytes()] {
        let mut bytes = loot.raw[0].1[..100_000].to_vec();
        bytes.splice(60_001..60_001, hidden.iter().copied());
        assert!(attack.bytes(&bytes).iter().any(|(at, _)| *at == 60_001), "{hidden:?}");
    }
}

/// Codes as other systems make them, of the same people: the script gives the person of every one.
#[test]
fn weak_codes_fall() {
    let people = register(1);
    let attack = Attack::of_texts(&people);
    let clients: Vec<usize> = (0..CLIENTS).map(of_register).collect();
    let codes: [(&str, Vec<String>); 2] = [
        ("KPIC-style", clients.iter().map(|row| kpic(&people[*row])).collect()),
        (
            "Kenya-style",
            clients.iter().enumerate().map(|(n, row)| kenya(&people[*row], n)).collect(),
        ),
    ];
    for (what, codes) in codes {
        let candidates: Vec<_> = codes.iter().map(|code| attack.text(code)).collect();
        let fallen = candidates.iter().zip(&clients).filter(|(found, row)| found.contains(row));
        let alone = candidates.iter().filter(|found| found.len() == 1).count();
        let most = candidates.iter().map(BTreeSet::len).max().unwrap();
        let fallen = fallen.count();
        println!(
            "{what}: {fallen} of {CLIENTS}, {alone} of them alone, the others among {most} at most"
        );
        assert_eq!(fallen, CLIENTS, "{what}");
        assert!(most < 40, "{what}: {most}");
    }
    // What Kenya's code spells out, no label here can hold: that many digits are no label.
    assert!(clients.iter().all(|row| Label::new(&kenya(&people[*row], 1)).is_err()));
}

#[test]
fn chance_is_what_it_says() {
    assert_eq!((chance(0.0), chance(1e-7), chance(0.01), chance(1.0)), (0, 0, 2, 9));
}

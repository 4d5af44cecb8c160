//! The first sync of a device that joined just now, from a pack: bytes, and the memory that it takes at its worst moment.

use serde_json::Value;

use crate::figure::Figure;
use crate::line::Line;
use crate::process::sync;
use crate::reference::{CONTACTS_OF_OUTING, Data, OUTINGS};
use crate::rows::push::LEVEL;
use crate::team::{Team, Teams};

const REFERENCE: f64 = (OUTINGS * CONTACTS_OF_OUTING) as f64;
const MIB: f64 = 1_024.0;

pub(super) fn run(teams: &Teams) {
    teams.small().pack();
    teams.large().pack();
    bytes(teams.small());
    memory(teams);
}

fn bytes(team: &Team) {
    let line = Line::open(&team.relay.url);
    let first = sync(&[], &team.new_device("first"), &line.url(&team.relay.url));
    // Other rows may have logged a few more.
    let contacts = first["new_contacts"].as_f64().unwrap();
    assert!(contacts >= REFERENCE, "{contacts} contacts came");
    let all = line.take().0 as f64;
    let empty = without_contacts();
    let json = Data::draw(OUTINGS).json();
    let floor = zstd::bulk::compress(json.as_bytes(), LEVEL).unwrap().len() as f64 / REFERENCE;
    Figure::new("first", "first sync of a new device", (all - empty) / contacts, "B/contact")
        .with("requests", first["requests"].clone())
        .with("bytes", all)
        .with("bytes_of_team_and_clients", empty)
        .beside("the JSON of all, zstd -19", floor)
        .at_most(26.0)
        .print();
}

/// What the same team and clients take without any contact, from a pack as well.
fn without_contacts() -> f64 {
    let team = Team::make(0);
    team.pack();
    let line = Line::open(&team.relay.url);
    sync(&[], &team.new_device("first"), &line.url(&team.relay.url));
    line.take().0 as f64
}

fn memory(teams: &Teams) {
    let kib = |found: &Value, name: &str| found[name].as_f64().unwrap();
    let run = |team: &Team| sync(&[], &team.new_device("worst"), &team.relay.url);
    let small = run(teams.small());
    let (idle, peak) = (kib(&small, "idle_kib") / MIB, kib(&small, "peak_kib") / MIB);
    Figure::new("first", "worst moment of it, 5,000", peak - idle, "MiB more")
        .beside("the same process idle", idle)
        .at_most(24.0)
        .print();
    let large = run(teams.large());
    Figure::new("first", "worst moment of it, 25,000", kib(&large, "peak_kib") / MIB, "MiB in all")
        .beside("the same process idle", kib(&large, "idle_kib") / MIB)
        .at_most(48.0)
        .print();
}

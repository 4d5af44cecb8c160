//! One outing of 25 contacts, logged one by one without a connection, then one sync.

use crate::figure::Figure;
use crate::line::Line;
use crate::process::{device, sync};
use crate::reference::{CONTACTS_OF_OUTING, Data, OUTINGS};
use crate::team::Teams;

/// The floor for one outing: a general-purpose compressor at its best.
pub(super) const LEVEL: i32 = 19;

pub(super) fn run(teams: &Teams) {
    let team = teams.small();
    let (store, other) = (team.phone(0), team.phone(1));
    let line = Line::open(&team.relay.url);
    let url = line.url(&team.relay.url);
    // The first meeting at this address takes a request of its own.
    sync(&[], &store, &url);
    device(&[], &["log", store.to_str().unwrap(), &OUTINGS.to_string()]);
    line.take();
    let push = sync(&[], &store, &url);
    let (all, bodies) = line.take();
    let seen = sync(&[], &other, &team.relay.url);
    assert_eq!(seen["new_contacts"], CONTACTS_OF_OUTING, "somebody else has them");

    let json = Data::draw(OUTINGS + 1).outings[OUTINGS].json();
    let contacts = CONTACTS_OF_OUTING as f64;
    let floor = zstd::bulk::compress(json.as_bytes(), LEVEL).unwrap().len() as f64 / contacts;
    Figure::new("push", "push one outing of 25", bodies as f64 / contacts, "B/contact")
        .with("with_http_heads", all as f64 / contacts)
        .with("requests", push["requests"].clone())
        .with("bytes_up", push["up"].clone())
        .with("bytes_down", push["down"].clone())
        .beside("its JSON, zstd -19", floor)
        .at_most(40.0)
        .print();
}

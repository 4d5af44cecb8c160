//! What the contacts take on a device that has them all, closed, with everything that makes it open fast.

use crate::figure::Figure;
use crate::machine::disk;
use crate::reference::{CONTACTS_OF_OUTING, Data, OUTINGS};
use crate::rows::push::LEVEL;
use crate::team::Teams;

pub(super) fn run(teams: &Teams) {
    let team = teams.small();
    let contacts = (OUTINGS * CONTACTS_OF_OUTING) as f64;
    let all = disk(&team.reader("keeper"));
    let json = zstd::bulk::compress(Data::draw(OUTINGS).json().as_bytes(), LEVEL).unwrap();
    Figure::new("disk", "disk", (all - team.empty_disk) as f64 / contacts, "B/contact")
        .with("bytes", all)
        .with("bytes_of_team_and_clients", team.empty_disk)
        .beside("the JSON of all, zstd -19", json.len() as f64 / contacts)
        .at_most(110.0)
        .print();
}

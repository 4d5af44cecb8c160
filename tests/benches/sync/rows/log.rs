//! Logging one contact until it is on the disk, beside one bare SQLite commit of the same bytes, in turns.

use haversack::Notebook;
use haversack_core::forensic::Sealed;
use rusqlite::Connection;

use crate::figure::Figure;
use crate::machine::{median, time};
use crate::reference::{Data, OUTINGS};
use crate::team::{Teams, client_ids, passphrase};

/// Outings that are logged, contact by contact.
const LOGGED: usize = 8;

pub(super) fn run(teams: &Teams) {
    let store = teams.small().phone(2);
    let bytes = bytes_of_one(&store);
    let bare = bare(&teams.small().path("bare.db"));
    let notebook = Notebook::open(&store, &passphrase()).unwrap();
    let clients = client_ids(&notebook);
    let (mut ours, mut reference) = (Vec::new(), Vec::new());
    for outing in &Data::draw(OUTINGS + LOGGED).outings[OUTINGS..] {
        for contact in &outing.contacts {
            let draft = [contact.draft(outing.site, &clients)];
            ours.push(time(|| notebook.log(outing.day, &draft).unwrap()).0);
            let row = vec![7_u8; bytes];
            let insert = || bare.execute("INSERT INTO row (box) VALUES (?1)", [&row]).unwrap();
            reference.push(time(insert).0);
        }
    }
    notebook.close().unwrap();
    Figure::new("log", "log one contact, durable", median(ours), "ms")
        .with("bytes", bytes)
        .beside("one bare SQLite FULL commit", median(reference))
        .times_at_most(1.5)
        .print();
}

/// Bytes of the sealed row that one contact makes.
fn bytes_of_one(store: &std::path::Path) -> usize {
    let log = |n: usize| {
        crate::process::device(&[], &["log", store.to_str().unwrap(), &n.to_string()]);
        let all = Sealed::all(store).unwrap();
        all.iter()
            .filter(|sealed| sealed.table == "c")
            .map(|sealed| sealed.bytes.len())
            .sum::<usize>()
    };
    let before = log(OUTINGS);
    (log(OUTINGS + 1) - before) / crate::reference::CONTACTS_OF_OUTING
}

fn bare(path: &std::path::Path) -> Connection {
    let connection = Connection::open(path).unwrap();
    connection.pragma_update(None, "journal_mode", "WAL").unwrap();
    connection.pragma_update(None, "synchronous", "FULL").unwrap();
    connection
        .execute_batch("CREATE TABLE row (id INTEGER PRIMARY KEY, box BLOB NOT NULL) STRICT")
        .unwrap();
    connection
}

//! How fast contacts come in that others logged: opened, verified, applied, durable, in the view. The peers' rate is that of their
//! first sync, and so is this: of a device that has everything else, with the relay on the same machine.

use automerge::transaction::Transactable;
use automerge::{Automerge, Change, ObjType, ROOT};

use crate::figure::Figure;
use crate::machine::{median, time};
use crate::process::sync;
use crate::reference::{CONTACTS_OF_OUTING, Data, OUTINGS};
use crate::team::Teams;

pub(super) fn run(teams: &Teams) {
    let team = teams.small();
    let contacts = (OUTINGS * CONTACTS_OF_OUTING) as f64;
    let rate = |contacts: f64, ms: f64| contacts / ms * 1e3;
    let ours = team.behind.iter().map(|store| {
        let found = sync(&[], store, &team.relay.url);
        // Other rows may have logged a few more.
        let new = found["new_contacts"].as_f64().unwrap();
        assert!(new >= contacts, "{new} contacts came");
        rate(new, found["ms"].as_f64().unwrap())
    });
    let ours: Vec<f64> = ours.collect();
    let changes = all_changes();
    let bare = (0..ours.len()).map(|_| rate(contacts, time(|| apply(&changes)).0)).collect();
    Figure::new("merge", "merge", median(ours), "contacts/s")
        .beside("Automerge batch apply alone", median(bare))
        .at_least(40_000.0)
        .print();
}

/// The changes of the reference data in plain Automerge: a document an outing, a change a contact.
fn all_changes() -> Vec<Vec<Change>> {
    Data::draw(OUTINGS)
        .outings
        .iter()
        .map(|outing| {
            let mut document = Automerge::new();
            for (n, line) in outing.json().lines().enumerate() {
                let contact: serde_json::Value = serde_json::from_str(line).unwrap();
                let mut tx = document.transaction();
                let map = tx.put_object(ROOT, n.to_string(), ObjType::Map).unwrap();
                fields(&contact)
                    .into_iter()
                    .for_each(|(key, value)| tx.put(&map, key, value).unwrap());
                tx.commit();
            }
            document.get_changes(&[])
        })
        .collect()
}

/// A contact's fields as an outing has them: one flat map.
fn fields(contact: &serde_json::Value) -> Vec<(String, automerge::ScalarValue)> {
    let mut fields = vec![("m".to_owned(), "van".into())];
    for (key, value) in contact.as_object().unwrap() {
        match (key.as_str(), value) {
            ("id" | "day" | "site", _) => {}
            (_, serde_json::Value::Object(items)) => fields.extend(
                items.iter().map(|(item, n)| (format!("o.{item}"), n.as_u64().unwrap().into())),
            ),
            (_, serde_json::Value::Array(services)) => fields.extend(
                services.iter().map(|name| (format!("v.{}", name.as_str().unwrap()), true.into())),
            ),
            ("client", tag) => {
                fields
                    .push(("c".to_owned(), tag.as_str().unwrap().as_bytes()[..8].to_vec().into()));
            }
            (_, serde_json::Value::Number(n)) => {
                fields.push((key.clone(), n.as_u64().unwrap().into()));
            }
            (_, text) => fields.push((key.clone(), text.as_str().unwrap().into())),
        }
    }
    fields
}

fn apply(changes: &[Vec<Change>]) {
    for outing in changes {
        let mut document = Automerge::new();
        document.apply_changes(outing.iter().cloned()).unwrap();
        std::hint::black_box(&document);
    }
}

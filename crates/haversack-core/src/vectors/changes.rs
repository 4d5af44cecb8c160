//! The op encoding: what Automerge makes, every column by hand, and every rule broken by itself.

mod columns;
mod verdicts;

use automerge::transaction::Transactable;
use haversack_wire::Document;

use super::cast::Cast;
use super::vector::Vector;
use crate::docs::rebuild::{self, Tip};
use crate::docs::{Author, DocumentChanges, ops};
use crate::members::actor;

pub(super) fn vectors(cast: &Cast) -> Vec<Vector> {
    let mut vectors = two_contacts(cast);
    vectors.extend(columns::vectors(cast));
    vectors.extend(verdicts::vectors(cast));
    vectors
}

fn author(cast: &Cast) -> Author {
    Author::new(&actor(&cast.space, &cast.admin.sign.public(), cast.admin.incarnation))
}

fn vector(cast: &Cast, name: &str, expect: &str, item: &[u8]) -> Vector {
    let actor = author(cast);
    Vector::new(name, "changes", expect).hex("actor", actor.id().to_bytes()).hex("item", item)
}

/// What a good item makes: of each document the hash of the last change, rebuilt from what was decoded.
fn opened(cast: &Cast, name: &str, item: &[u8]) -> Vector {
    let author = author(cast);
    let mut good = vector(cast, name, "ok", item);
    for document in ops::decode(&author, item).unwrap() {
        let made = rebuild::changes(&author, document.changes, Tip::default()).unwrap();
        let mut last = made.into_iter().next_back().unwrap();
        good = good.hex("document", document.document.as_bytes());
        good = good.hex("last change", last.hash().0).hex("automerge change", last.bytes());
    }
    good
}

/// Two contacts of an outing as changes, and what breaks in them.
fn two_contacts(cast: &Cast) -> Vec<Vector> {
    let author = author(cast);
    let mut outing = automerge::Automerge::new().with_actor(author.id().clone());
    let (mut tip, mut made) = (Tip::default(), Vec::new());
    for key in ["1", "2"] {
        let mut tx = outing.transaction();
        let contact = tx.put_object(automerge::ROOT, key, automerge::ObjType::Map).unwrap();
        tx.put(&contact, "m", "street").unwrap();
        tx.put(&contact, "c", vec![9_u8; 8]).unwrap();
        tx.put(&contact, "o.syringe_fixed_1ml", 10_u64).unwrap();
        tx.put(&contact, "newer field", "newer value").unwrap();
        tx.commit();
        let change = outing.get_last_local_change().unwrap();
        made.push(rebuild::raw(&change, tip));
        tip = Tip { sequence: change.seq(), hash: Some(change.hash()) };
    }
    let document = Document::new([10; 16]);
    let item = ops::encode(&author, &[DocumentChanges { document, changes: made }]).unwrap();
    let vector = |name: &str, expect: &str, item: &[u8]| vector(cast, name, expect, item);
    let mut fewer = item.clone();
    fewer[1] = 0;
    vec![
        opened(cast, "changes", &item),
        vector("changes_cut", "ends too early", &item[..item.len() - 1]),
        vector("changes_trailing", "1 bytes too many", &[&item[..], &[0]].concat()),
        vector("changes_fewer_documents", "a column is not used up", &fewer),
    ]
}

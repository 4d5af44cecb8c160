//! The op encoding against Automerge itself: what is decoded rebuilds to the same hashes.

use automerge::transaction::Transactable;
use automerge::{Automerge, Change, ObjType, ROOT, ReadDoc, ScalarValue};
use proptest::prelude::*;

use super::*;
use crate::docs::rebuild::{self, Tip};

fn author(n: u8) -> Author {
    Author::new(&Actor::new([n; 16]))
}

fn raws(changes: &[Change]) -> Vec<RawChange> {
    let mut tip = Tip::default();
    changes
        .iter()
        .map(|change| {
            let raw = rebuild::raw(change, tip);
            tip = Tip { sequence: change.seq(), hash: Some(change.hash()) };
            raw
        })
        .collect()
}

fn roundtrip(author: &Author, changes: &[Change]) -> Vec<u8> {
    let documents = [DocumentChanges { document: Document::new([7; 16]), changes: raws(changes) }];
    let item = encode(author, &documents).unwrap();
    let decoded = decode(author, &item).unwrap();
    assert_eq!(decoded, documents);
    let again =
        rebuild::changes(author, decoded.into_iter().next().unwrap().changes, Tip::default());
    let hashes = |changes: &[Change]| changes.iter().map(Change::hash).collect::<Vec<_>>();
    assert_eq!(hashes(&again.unwrap()), hashes(changes));
    item
}

fn by(document: &Automerge, author: &Author) -> Vec<Change> {
    let mut own: Vec<_> =
        document.get_changes(&[]).into_iter().filter(|c| c.actor_id() == author.id()).collect();
    own.sort_by_key(Change::seq);
    own
}

#[test]
fn every_kind_of_value_survives() {
    let me = author(1);
    let mut document = Automerge::new().with_actor(me.id().clone());
    let mut tx = document.transaction();
    let values: Vec<ScalarValue> = vec![
        ScalarValue::Null,
        true.into(),
        false.into(),
        (-5_i64).into(),
        i64::MIN.into(),
        u64::MAX.into(),
        1.5_f64.into(),
        "street".into(),
        "not a word".into(),
        vec![0_u8, 255].into(),
        ScalarValue::Timestamp(-9),
        ScalarValue::counter(4),
        ScalarValue::Unknown { type_code: 15, bytes: vec![1, 2] },
    ];
    for (n, value) in values.iter().enumerate() {
        tx.put(ROOT, format!("key {n}"), value.clone()).unwrap();
    }
    tx.increment(ROOT, "key 11", 3).unwrap();
    let list = tx.put_object(ROOT, "list", ObjType::List).unwrap();
    tx.insert(&list, 0, 1).unwrap();
    tx.insert(&list, 1, 2).unwrap();
    tx.insert(&list, 1, 3).unwrap();
    tx.delete(&list, 0).unwrap();
    let text = tx.put_object(ROOT, "text", ObjType::Text).unwrap();
    tx.splice_text(&text, 0, 0, "héllo").unwrap();
    for key in ["12", "13", "007", "4294967296", "4294967295"] {
        tx.put_object(ROOT, key, ObjType::Map).unwrap();
    }
    tx.delete(ROOT, "13").unwrap();
    tx.commit();
    roundtrip(&me, &by(&document, &me));
}

#[test]
fn changes_that_build_on_others_survive() {
    let (a, b) = (author(1), author(2));
    let mut first = Automerge::new().with_actor(a.id().clone());
    let put = |document: &mut Automerge, key: &str, n: u64| {
        let mut tx = document.transaction();
        tx.put(ROOT, key, n).unwrap();
        tx.commit();
    };
    put(&mut first, "d", 1);
    let mut second = first.clone();
    second.set_actor(b.id().clone());
    put(&mut first, "d", 2);
    put(&mut second, "d", 3);
    first.merge(&mut second).unwrap();
    put(&mut first, "d", 4);
    assert_eq!(first.get_all(ROOT, "d").unwrap().len(), 1);
    roundtrip(&a, &by(&first, &a));
    roundtrip(&b, &by(&first, &b));
}

#[test]
fn twenty_five_contacts_are_small() {
    let me = author(1);
    let mut document = Automerge::new().with_actor(me.id().clone());
    for n in 1..=25_u64 {
        let mut tx = document.transaction();
        let contact = tx.put_object(ROOT, n.to_string(), ObjType::Map).unwrap();
        tx.put(&contact, "m", "street").unwrap();
        tx.put(&contact, "n", 24_098_u64).unwrap();
        tx.put(&contact, "o.syringe_fixed_1ml", n).unwrap();
        tx.commit();
    }
    let item = roundtrip(&me, &by(&document, &me));
    let packed = zstd::bulk::compress(&item, 19).unwrap();
    assert!(packed.len() < 25 * 10, "{} bytes", packed.len());
}

fn sample() -> Vec<u8> {
    let me = author(1);
    let mut document = Automerge::new().with_actor(me.id().clone());
    let mut tx = document.transaction();
    let contact = tx.put_object(ROOT, "1", ObjType::Map).unwrap();
    tx.put(&contact, "c", vec![9_u8; 8]).unwrap();
    tx.put(&contact, "newer field", "newer value").unwrap();
    tx.commit();
    roundtrip(&me, &by(&document, &me))
}

#[test]
fn the_bytes_are_pinned() {
    insta::assert_snapshot!(data_encoding::HEXLOWER.encode(&sample()));
}

proptest! {
    #[test]
    fn no_bytes_panic(mut at in proptest::collection::vec((0..200_usize, any::<u8>()), 1..4), cut in 0..200_usize) {
        let mut item = sample();
        let length = item.len();
        for (place, byte) in &mut at {
            item[*place % length] = *byte;
        }
        item.truncate(length.min(length.saturating_sub(cut / 20)));
        if let Ok(documents) = decode(&author(1), &item) {
            for document in documents {
                let raws = document.changes;
                if let Ok(changes) = rebuild::changes(&author(1), raws.clone(), Tip::default()) {
                    let _ = rebuild::apply(&Automerge::new(), &raws, &changes, Tip::default());
                }
            }
        }
    }

    #[test]
    fn what_decodes_encodes_and_decodes_to_the_same(place in 0..200_usize, byte in any::<u8>()) {
        let mut item = sample();
        let length = item.len();
        item[place % length] = byte;
        if let Ok(documents) = decode(&author(1), &item) {
            let again = encode(&author(1), &documents).unwrap();
            prop_assert_eq!(decode(&author(1), &again).unwrap(), documents);
        }
    }
}

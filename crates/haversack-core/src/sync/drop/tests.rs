use automerge::transaction::Transactable;
use automerge::{ActorId, ROOT};
use haversack_wire::Space;
use proptest::prelude::*;
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

use super::*;

const TO: Space = Space::new([2; 16]);

fn random() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(1)
}

fn root() -> SignKey {
    SignKey::from_seed(&[1; 32])
}

fn from() -> Space {
    space_of(&root().public())
}

fn note(changes: usize) -> Note {
    let mut document = Automerge::new().with_actor(ActorId::from([9; 16]));
    for n in 0..changes {
        let mut tx = document.transaction();
        tx.put(ROOT, "t", "outing").unwrap();
        tx.put(ROOT, n.to_string(), true).unwrap();
        tx.commit();
    }
    let author = SignKey::from_seed(&[3; 32]);
    Note::sign((&from(), &TO), &author, &mut document, &mut random()).unwrap()
}

fn secret() -> KemSecret {
    KemSecret::new([4; 32])
}

fn drop() -> Drop {
    note(1).seal((&from(), &TO), &secret().public(), &mut random()).unwrap()
}

fn carried(changes: usize) -> Carried {
    Carried { root: root().public(), note: note(changes), introduction: vec![] }
}

#[test]
fn a_drop_opens_with_its_key_in_its_spaces_and_nowhere_else() {
    let drop = drop();
    assert_eq!(drop.open(&from(), &secret()).unwrap().unwrap(), note(1));
    assert!(drop.open(&Space::new([7; 16]), &secret()).is_none());
    assert!(drop.open(&from(), &KemSecret::new([5; 32])).is_none());
    let elsewhere = Drop { target: Space::new([7; 16]), ..drop.clone() };
    assert!(elsewhere.open(&from(), &secret()).is_none());
    assert_eq!(drop.sealed.ciphertext.len(), 256 + 16);
    assert_eq!(Drop::decode(&drop.encode()).unwrap(), drop);
    insta::assert_snapshot!(data_encoding::HEXLOWER.encode(&drop.encode()));
}

#[test]
fn what_a_drop_is_named_follows_from_all_of_it() {
    let drop = drop();
    let sealed = |at: usize| {
        let mut sealed = drop.sealed.clone();
        sealed.ciphertext[at] ^= 1;
        Drop { sealed, ..drop.clone() }
    };
    assert_ne!(drop.id(), sealed(0).id());
    assert_ne!(drop.id(), sealed(200).id());
    assert_ne!(drop.id(), Drop { key: [8; 32], ..drop.clone() }.id());
}

#[test]
fn a_note_is_the_same_document_by_whoever_it_is_carried() {
    let one = carried(1).rebuild(&TO).unwrap();
    let mut other = carried(1);
    other.introduction = vec![vec![1]];
    let other = other.rebuild(&TO).unwrap();
    assert_eq!((one.id, one.changes[0].hash()), (other.id, other.changes[0].hash()));
    assert_ne!(one.id, carried(2).rebuild(&TO).unwrap().id);
    assert_ne!(one.id, carried(1).rebuild(&Space::new([7; 16])).unwrap().id);
    insta::assert_snapshot!(one.changes[0].hash());
}

#[test]
fn a_note_of_several_changes_is_taken_whole() {
    assert_eq!(carried(3).rebuild(&TO).unwrap().changes.len(), 3);
}

#[test]
fn a_note_that_is_no_new_document_is_refused() {
    let author = Author::of(ActorId::from([9; 16]));
    let mut named = carried(1);
    let changes = ops::decode(&author, &named.note.changes).unwrap();
    let elsewhere = DocumentChanges { document: Document::new([1; 16]), ..changes[0].clone() };
    named.note.changes = ops::encode(&author, std::slice::from_ref(&elsewhere)).unwrap();
    assert!(matches!(named.rebuild(&TO), Err(Refusal::Broken(_))));
    named.note.changes = ops::encode(&author, &[changes[0].clone(), elsewhere]).unwrap();
    assert!(matches!(named.rebuild(&TO), Err(Refusal::Broken(_))));
    named.note.changes = ops::encode(&author, &[]).unwrap();
    assert!(matches!(named.rebuild(&TO), Err(Refusal::Broken(_))));
}

proptest! {
    #[test]
    fn no_bytes_panic(place in 0..600_usize, byte in any::<u8>(), cut in 0..600_usize) {
        for bytes in [drop().encode(), carried(2).encode()] {
            let mut bytes = bytes;
            let length = bytes.len();
            bytes[place % length] = byte;
            bytes.truncate(length - cut % length / 8);
            if let Ok(drop) = Drop::decode(&bytes) {
                prop_assert_eq!(drop.encode(), bytes.clone());
            }
            if let Ok(carried) = Carried::decode(&bytes) {
                prop_assert_eq!(carried.encode(), bytes.clone());
                let _ = carried.check(&TO);
                let _ = carried.rebuild(&TO);
            }
        }
    }
}

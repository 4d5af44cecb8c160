//! What a member of either space can try with drops, and what an unlucky one may come upon.

use rand_chacha::rand_core::Rng;

use super::*;
use crate::engine::tests::client;

/// Puts a row into a device's log that is to go with its next body.
fn say(engine: &mut Engine, id: Document, kind: RowKind, content: Vec<u8>) {
    let head = RowHead::open(id, kind, engine.space().unwrap().lane);
    let rows = vec![(head, content)];
    engine.commit(Staged { rows, ..Staged::default() }).unwrap();
}

fn noise(bytes: usize) -> Vec<u8> {
    let mut noise = vec![0; bytes];
    ChaCha20Rng::seed_from_u64(bytes as u64).fill_bytes(&mut noise);
    noise
}

#[test]
fn what_is_too_large_to_be_carried_is_no_drop() {
    let mut cast = Cast::new();
    let target = cast.health.drop_box().unwrap();
    let ends = (&cast.phone.space_id().unwrap(), &target.space);
    let mut document = Automerge::new().with_actor(ActorId::from([7; 16]));
    put_outing(&mut document, day(), &[]).unwrap();
    let mut tx = document.transaction();
    for key in ["1", "2", "3"] {
        automerge::transaction::Transactable::put(&mut tx, automerge::ROOT, key, noise(8_000))
            .unwrap();
    }
    tx.commit();
    let mut random = ChaCha20Rng::seed_from_u64(1);
    let note = Note::sign(ends, &cast.phone.device.identity.sign, &mut document, &mut random);
    let drop = note.unwrap().seal(ends, &target.key, &mut random).unwrap();
    say(&mut cast.phone, drop.id(), RowKind::Drop, drop.encode());
    cast.drop(7);
    assert_eq!(cast.street.dropped_for(&target.space).unwrap().len(), 1);
    assert_eq!(cast.carry().taken, 1);
    pass(&mut cast.health, &mut cast.nurse);
    assert_eq!(shown(&cast.nurse), [(7, cast.phone.device())]);
}

/// The largest that may be carried, in a body with as long a vector as one has.
#[test]
fn what_may_be_carried_fits_a_body() {
    use haversack_wire::limits::{NOTE_MAX, PROOF_BYTES_MAX, PROOF_MAX};
    let mut cast = Cast::new();
    let largest = 32 + 112 + 2 + NOTE_MAX + 1 + PROOF_BYTES_MAX + 2 * PROOF_MAX;
    let rest = 6 * 1_024 + 200;
    let frame = forge(&mut cast.health, vec![noise(largest), noise(rest)]);
    assert!(frame.len() <= haversack_wire::limits::FRAME_MAX);
}

#[test]
fn what_fits_no_frame_keeps_nothing_else_back() {
    let mut cast = Cast::new();
    for bytes in [40_000, 50] {
        say(&mut cast.phone, Document::new([9; 16]), RowKind::Drop, noise(bytes));
    }
    cast.drop(7);
    assert_eq!(cast.carry().taken, 1);
    let here = cast.phone.index.open_rows().len();
    assert_eq!(here, 2, "it stays with what follows it in its document, and is said to be unsent");
    let bodies = cast.phone.bodies.len();
    cast.phone.close_unsent().unwrap();
    assert_eq!(cast.phone.bodies.len(), bodies, "nor does it cost a body at each sync");
}

/// Who copies what another dropped neither takes its place nor takes it along when it goes.
#[test]
fn a_copy_of_a_drop_does_not_count_for_its_author() {
    let mut cast = Cast::new();
    let mut copier = open(&cast.folder, "copier", 21);
    join(&mut cast.street, &mut copier, Role::Educator);
    cast.phone.drop_contacts(&clinic(), day(), &[syringes(7)]).unwrap();
    let row = cast.phone.index.open_rows()[0];
    let blob = cast.phone.entry(&row).unwrap();
    say(&mut copier, row.head.document, RowKind::Drop, blob);
    pass(&mut copier, &mut cast.street);
    assert_eq!(cast.carry(), CarryOutcome { refused: 1, ..CarryOutcome::default() });
    pass(&mut cast.phone, &mut cast.street);
    let device = copier.device();
    cast.street.revoke(device, true).unwrap();
    assert_eq!(cast.carry(), CarryOutcome { taken: 1, ..CarryOutcome::default() });
    pass(&mut cast.health, &mut cast.nurse);
    assert_eq!(shown(&cast.nurse), [(7, cast.phone.device())]);
}

/// What a removed carrier carried, and nobody believes, is carried again by the next one.
#[test]
fn what_a_removed_device_carried_is_carried_again() {
    let mut cast = Cast::new();
    let mut second = open(&cast.folder, "second", 6);
    join(&mut cast.street, &mut second, Role::Coordinator);
    let random = Box::new(ChaCha20Rng::seed_from_u64(7));
    let mut there = second.add_space(&clinic(), random).unwrap();
    join(&mut cast.health, &mut there, Role::Clinic);
    pass(&mut cast.health, &mut there);
    cast.drop(7);
    pass(&mut cast.phone, &mut second);
    assert_eq!(carry(&second, &mut there).taken, 1);
    let device = there.device();
    cast.health.revoke(device, false).unwrap();
    pass(&mut there, &mut cast.health);
    assert_eq!(shown(&cast.health), []);
    assert_eq!(cast.carry().taken, 1);
    pass(&mut cast.health, &mut cast.nurse);
    for engine in [&cast.health, &cast.nurse] {
        assert_eq!(shown(engine), [(7, cast.phone.device())]);
    }
}

/// Whether a space takes drops is judged by what their carrier had seen: whoever reads it when, the verdict is one.
#[test]
fn drops_are_taken_by_what_their_carrier_had_seen() {
    let mut cast = Cast::new();
    let mut stranger = open(&cast.folder, "stranger", 11);
    stranger.found_space().unwrap();
    let target = cast.health.drop_box().unwrap();
    stranger.open_drop_box(&clinic(), &target).unwrap();
    stranger.put_site(&site()).unwrap();
    stranger.drop_contacts(&clinic(), day(), &[syringes(3)]).unwrap();
    let dropped = stranger.dropped_for(&target.space).unwrap();
    let secret = cast.nurse.space().unwrap().group.generations.values().next().unwrap().drop_key();
    let note = dropped[0].drop.open(&stranger.space_id().unwrap(), &secret).unwrap().unwrap();
    let introduction = dropped[0].authors[0].introduction.clone();
    let carried = Carried { root: dropped[0].root, note, introduction };
    pass(&mut cast.nurse, &mut cast.health);
    client(&mut cast.nurse, "FIRST");
    pass(&mut cast.nurse, &mut cast.health);
    let early = forge(&mut cast.nurse, vec![carried.encode()]);
    let root = stranger.first_root().unwrap();
    assert!(cast.health.take_drops_of(&root).unwrap());
    let received = cast.health.receive(&[early], false).unwrap();
    assert_eq!((received.applied, received.quarantined), (0, 1));
    assert_eq!(shown(&cast.health), []);
    pass(&mut cast.health, &mut cast.nurse);
    assert_eq!(cast.nurse.carry(&dropped).unwrap().taken, 1);
    pass(&mut cast.nurse, &mut cast.health);
    assert_eq!(shown(&cast.health), [(3, stranger.device())]);
}

/// A coordinator who has not heard of the other space's newest key does not bring back the one before it.
#[test]
fn a_key_that_is_not_known_is_newer() {
    let mut cast = Cast::new();
    let before = cast.health.drop_box().unwrap();
    let nurse = cast.nurse.device();
    cast.health.revoke(nurse, false).unwrap();
    let after = cast.health.drop_box().unwrap();
    assert!(cast.street.renew_drop_box(&after).unwrap());
    assert!(!cast.street.renew_drop_box(&before).unwrap());
    assert!(!cast.street.renew_drop_box(&after).unwrap());
    let roster = &cast.street.space().unwrap().group.roster;
    assert_eq!(roster.drop_boxes()[&after.space].0, &after.key);
}

#[test]
fn a_client_of_one_space_is_not_named_to_another() {
    let mut cast = Cast::new();
    client(&mut cast.phone, "FIRST");
    let who = WhoDraft::Client(cast.phone.clients().unwrap()[0].id);
    let draft = ContactDraft { who, ..syringes(1) };
    let refused = cast.phone.drop_contacts(&clinic(), day(), &[draft]);
    assert!(matches!(refused, Err(Error::Invalid { .. })));
}

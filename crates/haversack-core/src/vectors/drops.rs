//! Drops on their way, and carried.

use automerge::legacy::OpType;
use automerge::transaction::Transactable;
use automerge::{ActorId, Automerge, ROOT, ScalarValue};
use haversack_wire::Space;
use haversack_wire::limits::{DROP_MAX, NOTE_MAX};

use super::cast::{Cast, blob, flip, list, random, statement};
use super::vector::Vector;
use crate::crypto::{AadLabel, KemSecret, Real, SignKey, Suite, message};
use crate::docs::rebuild::{Tip, raw};
use crate::docs::{Author, Dependency, DocumentChanges, RawChange, ops};
use crate::sync::drop::{Carried, Drop, Note};

const TARGET: Space = Space::new([60; 16]);

fn author() -> SignKey {
    SignKey::from_seed(&[61; 32])
}

fn outing(changes: usize) -> Automerge {
    let mut document = Automerge::new().with_actor(ActorId::from([62; 16]));
    for n in 0..changes {
        let mut tx = document.transaction();
        tx.put(ROOT, "t", "outing").unwrap();
        tx.put(ROOT, "d", 2_956 + n as u64).unwrap();
        tx.commit();
    }
    document
}

fn note(cast: &Cast, changes: usize) -> Note {
    let ends = (&cast.space, &TARGET);
    Note::sign(ends, &author(), &mut outing(changes), &mut random()).unwrap()
}

pub(super) fn vectors(cast: &Cast) -> Vec<Vector> {
    let mut vectors = drops(cast);
    vectors.extend(carried(cast));
    vectors.extend(introduced(cast));
    vectors.extend(contents(cast));
    vectors
}

/// Seals any plain text.
fn seal(cast: &Cast, plain: &[u8]) -> Vec<u8> {
    let key = cast.epoch.generation().drop_key().public();
    let info = message(AadLabel::DROP, &[TARGET.as_bytes(), &key]);
    let from = cast.space.as_bytes();
    let sealed = Real::seal_to(&key, &info, from, plain, &mut random()).unwrap();
    Drop { target: TARGET, key, sealed }.encode()
}

fn drops(cast: &Cast) -> Vec<Vector> {
    let secret: KemSecret = cast.epoch.generation().drop_key();
    let note = note(cast, 1);
    let drop = note.seal((&cast.space, &TARGET), &secret.public(), &mut random()).unwrap();
    let good = drop.encode();
    let plain = note.encode();
    let padded = |mut plain: Vec<u8>| {
        plain.resize(plain.len().next_multiple_of(256), 0);
        plain
    };
    let make = |name: &str, expect: &str, bytes: &[u8]| {
        Vector::new(name, "drop", expect)
            .hex("author's space", cast.space.as_bytes())
            .hex("generation secret", cast.epoch.generation().expose())
            .hex("drop", bytes)
    };
    let opens = "does not open";
    let last = good.len() - 1;
    vec![
        make("drop", "ok", &good)
            .hex("drop secret", secret.expose())
            .hex("drop key", secret.public())
            .hex("name", drop.id().as_bytes())
            .hex("note", &plain),
        make("drop_flipped_target", opens, &flip(&good, 0)),
        make("drop_to_another_key", "its key is another generation's", &flip(&good, 16)),
        make("drop_flipped_encapsulated", opens, &flip(&good, 50)),
        make("drop_flipped_content", opens, &flip(&good, last)),
        make("drop_cut", "ends too early", &good[..last]),
        make("drop_trailing", "1 bytes too many", &[&good[..], &[0]].concat()),
        make(
            "drop_padding_not_zero",
            "padding is not zero",
            &seal(cast, &{
                let mut plain = padded(plain.clone());
                let end = plain.len() - 1;
                plain[end] = 1;
                plain
            }),
        ),
        make(
            "drop_padding_too_long",
            "length is wrong",
            &seal(cast, &{
                let mut plain = padded(plain.clone());
                plain.resize(plain.len() + 256, 0);
                plain
            }),
        ),
        make("drop_padding_too_short", "length is wrong", &seal(cast, &plain)),
        make(
            "drop_note_runs_over",
            "ends too early",
            &seal(cast, &{
                let mut plain = padded(plain[..112].to_vec());
                plain[112..114].copy_from_slice(&[0xff, 0x3f]);
                plain
            }),
        ),
        make("drop_note_too_large", "over a maximum", &{
            let plain = [&plain[..112], &blob(&[0; NOTE_MAX + 1])].concat();
            seal(cast, &padded(plain))
        }),
        make("drop_too_large", "over a maximum", &seal(cast, &[0; DROP_MAX])),
        Vector::new("drop_of_another_space", "drop", opens)
            .hex("author's space", [63; 16])
            .hex("generation secret", cast.epoch.generation().expose())
            .hex("drop", &good),
    ]
}

/// The root lets the author in, as what.
fn add(cast: &Cast, signer: &SignKey, key: &SignKey, role: u8) -> Vec<u8> {
    let payload = [&key.public()[..], &[0; 32], &[role, 0]].concat();
    statement(&cast.space, signer, 1, &[], &payload)
}

const SIGNATURE: &str = "a note's signature does not verify";
const STRANGER: &str = "a note's author is not shown to be a member who may write";
const FORM: &str = "a note's changes are not those of one new document";

fn make(name: &str, expect: &str, bytes: &[u8]) -> Vector {
    Vector::new(name, "carried drop", expect)
        .hex("target space", TARGET.as_bytes())
        .hex("bytes", bytes)
}

fn ok(name: &str, carried: &Carried) -> Vector {
    let taken = carried.check(&TARGET).unwrap();
    make(name, "ok", &carried.encode())
        .hex("note", taken.id.as_bytes())
        .hex("actor", carried.actor(&TARGET).to_bytes())
        .hex("last change", taken.changes.last().unwrap().hash().0)
}

fn by_root(cast: &Cast, role: u8) -> Vec<Vec<u8>> {
    vec![add(cast, &cast.root, &author(), role)]
}

fn good(cast: &Cast, changes: usize) -> Carried {
    let introduction = by_root(cast, 1);
    Carried { root: cast.root.public(), note: note(cast, changes), introduction }
}

fn carried(cast: &Cast) -> Vec<Vector> {
    let bytes = good(cast, 1).encode();
    vec![
        ok("carried", &good(cast, 1)),
        ok("carried_of_two_changes", &good(cast, 2)),
        make("carried_flipped_root", SIGNATURE, &flip(&bytes, 0)),
        make("carried_flipped_author", SIGNATURE, &flip(&bytes, 32)),
        make("carried_flipped_salt", SIGNATURE, &flip(&bytes, 64)),
        make("carried_flipped_signature", SIGNATURE, &flip(&bytes, 80)),
        make("carried_flipped_changes", SIGNATURE, &flip(&bytes, bytes.len() - 230)),
        Vector::new("carried_to_another_space", "carried drop", SIGNATURE)
            .hex("target space", [65; 16])
            .hex("bytes", &bytes),
        make("carried_cut", "ends too early", &bytes[..bytes.len() - 1]),
        make("carried_trailing", "1 bytes too many", &[&bytes[..], &[0]].concat()),
    ]
}

/// Introduced in every way that there is, and in none.
fn introduced(cast: &Cast) -> Vec<Vector> {
    let with = |introduction| Carried { introduction, ..good(cast, 1) };
    let by_root = |role| by_root(cast, role);
    let coordinator = SignKey::from_seed(&[64; 32]);
    let chain =
        sorted(vec![add(cast, &coordinator, &author(), 1), add(cast, &cast.root, &coordinator, 3)]);
    let unsorted = chain.iter().rev().cloned().collect();
    vec![
        ok("carried_by_a_coordinators_invitation", &with(chain)),
        make("carried_of_nobody", STRANGER, &with(vec![]).encode()),
        make("carried_of_a_trainer", STRANGER, &with(by_root(6)).encode()),
        make("carried_of_an_unknown_role", STRANGER, &with(by_root(99)).encode()),
        make(
            "carried_by_an_educators_invitation",
            STRANGER,
            &with(vec![add(cast, &coordinator, &author(), 1)]).encode(),
        ),
        make("carried_unsorted", "is not strictly ascending", &with(unsorted).encode()),
        make("carried_too_many_statements", "over a maximum", &{
            let many: Vec<_> =
                (0..65).map(|n| add(cast, &SignKey::from_seed(&[n; 32]), &author(), 1)).collect();
            with(sorted(many)).encode()
        }),
        make("carried_too_large_statements", "over a maximum", &{
            let long = |n| statement(&cast.space, &cast.root, 99, &[], &[n; 4_000]);
            with(sorted((0..3).map(long).collect())).encode()
        }),
        make("carried_damaged_statement", STRANGER, &{
            let good = add(cast, &cast.root, &author(), 1);
            let damaged = flip(&good, good.len() - 1);
            with(sorted(vec![good, damaged])).encode()
        }),
        make("carried_of_a_stock_keeper", STRANGER, &with(by_root(5)).encode()),
        make("carried_of_an_archive", STRANGER, &with(by_root(7)).encode()),
        ok("carried_of_a_supervisor", &with(by_root(2))),
        ok("carried_of_a_coordinator", &with(by_root(3))),
        ok("carried_of_a_clinic", &with(by_root(4))),
        ok("carried_of_a_renewed_key", &with(renewed(cast, 1))),
        make("carried_of_a_renewed_trainer", STRANGER, &with(renewed(cast, 6)).encode()),
        ok("carried_by_a_renewed_coordinator", &with(by_renewed(cast))),
        ok("carried_of_one_who_was_raised", &with(raised(cast, &cast.root))),
        make("carried_of_one_who_raised_itself", STRANGER, &{
            with(raised(cast, &author())).encode()
        }),
        ok("carried_by_the_next_root", &with(by_next_root(cast, &cast.root))),
        make("carried_by_a_root_of_nobodys", STRANGER, &{
            with(by_next_root(cast, &SignKey::from_seed(&[68; 32]))).encode()
        }),
    ]
}

/// Notes that are signed and introduced well, and say what a note may not.
fn contents(cast: &Cast) -> Vec<Vector> {
    vec![
        make("carried_of_a_named_document", FORM, &signed(cast, &changes(&[[1; 16]]))),
        make("carried_of_no_document", FORM, &signed(cast, &changes(&[]))),
        make("carried_of_two_documents", FORM, &signed(cast, &changes(&[[0; 16], [1; 16]]))),
        make("carried_that_depends_on_another", FORM, &signed(cast, &dependent())),
        make("carried_that_begins_late", FORM, &signed(cast, &late())),
        make("carried_that_replaces_what_is_not_there", REPLACED, &signed(cast, &replacing())),
        make("carried_of_garbage", FORM, &signed(cast, &[1, 2, 3])),
        make("carried_of_a_registry", NO_OUTING, &signed(cast, &registry())),
        make("carried_note_too_large", "over a maximum", &signed(cast, &[0; NOTE_MAX + 1])),
    ]
}

/// Any changes, properly signed and introduced.
fn signed(cast: &Cast, changes: &[u8]) -> Vec<u8> {
    let salt = [66; 16];
    let ends = [cast.space.as_bytes(), TARGET.as_bytes()];
    let signature = author().sign(&message(AadLabel::NOTE, &[ends[0], ends[1], &salt, changes]));
    let note = [&author().public()[..], &salt, &signature, &blob(changes)].concat();
    let introduction = list(&[blob(&add(cast, &cast.root, &author(), 1))]);
    [&cast.root.public()[..], &note, &introduction].concat()
}

fn sorted(mut statements: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    statements.sort_by_key(|statement| crate::members::statement_hash(statement));
    statements
}

fn renew(cast: &Cast, old: &SignKey, new: &SignKey) -> Vec<u8> {
    let keys = [&new.public()[..], &[0; 32]].concat();
    let consent = message(AadLabel::RENEWAL, &[cast.space.as_bytes(), &old.public(), &keys]);
    statement(&cast.space, old, 3, &[], &[&keys[..], &new.sign(&consent)].concat())
}

/// The author's key is one that another was renewed to.
fn renewed(cast: &Cast, role: u8) -> Vec<Vec<u8>> {
    let old = SignKey::from_seed(&[67; 32]);
    sorted(vec![add(cast, &cast.root, &old, role), renew(cast, &old, &author())])
}

/// The coordinator who let the author in has renewed its key.
fn by_renewed(cast: &Cast) -> Vec<Vec<u8>> {
    let (old, new) = (SignKey::from_seed(&[67; 32]), SignKey::from_seed(&[64; 32]));
    let first = add(cast, &cast.root, &old, 3);
    sorted(vec![first, renew(cast, &old, &new), add(cast, &new, &author(), 1)])
}

fn raised(cast: &Cast, by: &SignKey) -> Vec<Vec<u8>> {
    let device = crate::members::device(&author().public()).to_bytes();
    let raise = statement(&cast.space, by, 2, &[], &[&device[..], &[1, 0]].concat());
    sorted(vec![add(cast, &cast.root, &author(), 6), raise])
}

fn by_next_root(cast: &Cast, before: &SignKey) -> Vec<Vec<u8>> {
    let next = SignKey::from_seed(&[69; 32]);
    let replace = statement(&cast.space, before, 7, &[], &next.public());
    sorted(vec![replace, add(cast, &next, &author(), 1)])
}

const NO_OUTING: &str = "a note is no outing";
const REPLACED: &str = "an operation replaces other values than its author saw";

/// The outing's one change, turned into another.
fn turned(turn: impl FnOnce(&mut RawChange)) -> Vec<u8> {
    let document = outing(1);
    let mut change = raw(&document.get_changes(&[])[0], Tip::default());
    turn(&mut change);
    let author = Author::of(document.get_actor().clone());
    let changes = vec![change];
    let unnamed = DocumentChanges { document: haversack_wire::Document::default(), changes };
    ops::encode(&author, &[unnamed]).unwrap()
}

fn dependent() -> Vec<u8> {
    turned(|change| {
        change.dependencies = vec![Dependency::Foreign(automerge::ChangeHash([70; 32]))];
    })
}

fn late() -> Vec<u8> {
    turned(|change| change.sequence = 2)
}

fn registry() -> Vec<u8> {
    turned(|change| change.operations[0].action = OpType::Put(ScalarValue::Str("registry".into())))
}

fn replacing() -> Vec<u8> {
    turned(|change| {
        let twice = change.operations[0].clone();
        change.operations.push(twice);
    })
}

/// The outing's changes, as those of these documents.
fn changes(documents: &[[u8; 16]]) -> Vec<u8> {
    let document = outing(1);
    let change = raw(&document.get_changes(&[])[0], Tip::default());
    let of = |id: &[u8; 16]| DocumentChanges {
        document: haversack_wire::Document::new(*id),
        changes: vec![change.clone()],
    };
    let author = Author::of(document.get_actor().clone());
    ops::encode(&author, &documents.iter().map(of).collect::<Vec<_>>()).unwrap()
}

//! Statements by themselves: every kind, good and broken.

use haversack_wire::StatementHash;

use super::cast::{Cast, blob, flip, list, signed, statement, varint};
use super::vector::Vector;
use crate::crypto::{AadLabel, SignKey, message};
use crate::members::{Role, device, statement_hash};

const ASCENDING: &str = "is not strictly ascending";
const LIMIT: &str = "over a maximum";
const SIGNATURE: &str = "signature does not verify";

pub(super) fn vectors(cast: &Cast) -> Vec<Vector> {
    let payloads = payloads(cast);
    let bad = bad_payloads(cast).into_iter().chain(bad_relays());
    let make = |kind: u8, payload: &[u8]| {
        let parents = &cast.roster.heads();
        statement(&cast.space, &cast.root, kind, parents, payload)
    };
    let good = payloads.iter().map(|(name, kind, payload)| {
        let bytes = make(*kind, payload);
        vector(cast, name, "ok", &bytes).hex("statement hash", statement_hash(&bytes).as_bytes())
    });
    let bad =
        bad.map(|(name, kind, expect, payload)| vector(cast, name, expect, &make(kind, &payload)));
    let mut vectors: Vec<Vector> = good.chain(bad).collect();
    vectors.extend(first(cast));
    vectors.extend(frames(cast));
    vectors.extend(signatures(cast));
    vectors
}

fn vector(cast: &Cast, name: &str, expect: &str, bytes: &[u8]) -> Vector {
    Vector::new(name, "statement", expect)
        .hex("space", cast.space.as_bytes())
        .hex("statement", bytes)
}

/// The root's two statements, as this crate writes them.
fn first(cast: &Cast) -> Vec<Vector> {
    let bytes: Vec<&[u8]> = cast.roster.statements().collect();
    let find = |kind: u8| bytes.iter().find(|bytes| bytes[0] == kind).unwrap().to_vec();
    let (add, retire) = (find(1), find(6));
    let mut forged = add.clone();
    let role = forged.len() - 66;
    forged[role] = Role::Archive as u8;
    vec![
        vector(cast, "statement_add_device", "ok", &add)
            .hex("device key", cast.admin.sign.public())
            .hex("kem key", cast.admin.kem.public())
            .line("role", Role::Coordinator as u8)
            .hex("statement hash", statement_hash(&add).as_bytes()),
        vector(cast, "statement_retire_hashes", "ok", &retire)
            .hex("parent", statement_hash(&add).as_bytes()),
        vector(cast, "statement_forged_role", SIGNATURE, &forged),
        vector(cast, "statement_trailing", "1 bytes too many", &[&add[..], &[0]].concat()),
    ]
}

fn renewal(cast: &Cast, for_whom: &[u8; 32]) -> Vec<u8> {
    let new = SignKey::from_seed(&[21; 32]);
    let keys = [&new.public()[..], &[22; 32]].concat();
    let consent = message(AadLabel::RENEWAL, &[cast.space.as_bytes(), for_whom, &keys]);
    [&keys[..], &new.sign(&consent)].concat()
}

fn relay(n: u8, addresses: &[&str], pins: usize) -> Vec<u8> {
    let addresses: Vec<Vec<u8>> = addresses.iter().map(|text| blob(text.as_bytes())).collect();
    [&[n; 16][..], &list(&addresses), &list(&vec![[n; 32]; pins])].concat()
}

fn drop_box(name: &[u8]) -> Vec<u8> {
    [&[33; 16][..], &[34; 32], &blob(name)].concat()
}

fn cut(lanes: &[u8]) -> Vec<u8> {
    let entry = |n: &u8| [&[*n; 16][..], &u32::from(*n).to_le_bytes()].concat();
    list(&lanes.iter().map(entry).collect::<Vec<_>>())
}

/// A good payload of every kind.
fn payloads(cast: &Cast) -> Vec<(&'static str, u8, Vec<u8>)> {
    let device = device(&cast.admin.sign.public()).to_bytes();
    let relays = [relay(1, &["https://relay.example:443", "http://10.0.0.1:8080"], 2)];
    let two = [relay(1, &[], 0), relay(2, &["https://other.example:8443"], 4)];
    vec![
        ("statement_set_role", 2, [&device[..], &[1], &cut(&[3, 9])].concat()),
        ("statement_set_role_unknown", 2, [&device[..], &[200], &cut(&[])].concat()),
        ("statement_renew_device", 3, renewal(cast, &cast.root.public())),
        ("statement_revoke", 4, [&device[..], &cut(&[1, 2, 255])].concat()),
        ("statement_set_relays", 5, list(&relays)),
        ("statement_set_relays_two", 5, list(&two)),
        ("statement_replace_root", 7, vec![31; 32]),
        ("statement_drop_box", 8, drop_box(b"clinic")),
        ("statement_take_drops", 9, vec![32; 32]),
        ("statement_of_an_unknown_kind", 99, b"newer".to_vec()),
    ]
}

type Bad = (&'static str, u8, &'static str, Vec<u8>);

fn bad_payloads(cast: &Cast) -> Vec<Bad> {
    let device = device(&cast.admin.sign.public()).to_bytes();
    let many: Vec<Vec<u8>> =
        (0..201_u32).map(|n| [&n.to_be_bytes()[..], &[0; 16]].concat()).collect();
    let unsigned = [&SignKey::from_seed(&[21; 32]).public()[..], &[22; 32], &[0; 64]].concat();
    let agreed = "the new key did not agree";
    vec![
        ("statement_set_role_cut_unsorted", 2, ASCENDING, {
            [&device[..], &[1], &cut(&[9, 3])].concat()
        }),
        ("statement_revoke_cut_duplicate", 4, ASCENDING, { [&device[..], &cut(&[3, 3])].concat() }),
        ("statement_revoke_cut_too_long", 4, LIMIT, [&device[..], &list(&many)].concat()),
        ("statement_revoke_cut_missing", 4, "ends too early", device.to_vec()),
        ("statement_renew_without_consent", 3, agreed, unsigned),
        ("statement_renew_consent_to_another", 3, agreed, renewal(cast, &[9; 32])),
        ("statement_renew_trailing", 3, "1 bytes too many", {
            [&renewal(cast, &cast.root.public())[..], &[0]].concat()
        }),
        ("statement_replace_root_short", 7, "ends too early", vec![31; 31]),
        ("statement_retire_hashes_short", 6, "ends too early", [&[0, 2][..], &[7; 63]].concat()),
        ("statement_retire_hashes_not_minimal", 6, "varint is not minimal", {
            [&[0x80, 0, 1][..], &[7; 32]].concat()
        }),
        ("statement_drop_box_no_name", 8, "a name is not one", drop_box(b"")),
        ("statement_drop_box_name_with_space", 8, "a name is not one", drop_box(b"the clinic")),
        ("statement_drop_box_name_too_long", 8, LIMIT, drop_box(&[b'a'; 17])),
        ("statement_drop_box_digits", 8, "a name is not one", drop_box(b"1234567")),
        ("statement_drop_box_trailing", 8, "1 bytes too many", {
            [&drop_box(b"clinic")[..], &[0]].concat()
        }),
        ("statement_take_drops_short", 9, "ends too early", vec![32; 31]),
        ("statement_payload_too_long", 99, LIMIT, vec![0; 4_097]),
    ]
}

fn bad_relays() -> Vec<Bad> {
    let nine: Vec<Vec<u8>> = (0..9).map(|n| relay(n, &[], 0)).collect();
    let address = "http://h:1";
    vec![
        ("statement_set_relays_unsorted", 5, ASCENDING, {
            list(&[relay(2, &[], 0), relay(1, &[], 0)])
        }),
        ("statement_set_relays_twice", 5, ASCENDING, list(&[relay(2, &[], 0), relay(2, &[], 0)])),
        ("statement_set_relays_too_many", 5, LIMIT, list(&nine)),
        ("statement_set_relays_addresses", 5, LIMIT, list(&[relay(1, &[address; 5], 0)])),
        ("statement_set_relays_pins", 5, LIMIT, list(&[relay(1, &[address], 5)])),
        ("statement_set_relays_not_text", 5, "text is not UTF-8", {
            let address = [&varint(4)[..], b"h\xff:1"].concat();
            [&varint(1)[..], &[1; 16], &list(&[address]), &[0]].concat()
        }),
    ]
}

/// What is wrong around the payload.
fn frames(cast: &Cast) -> Vec<Vector> {
    let hash = |n: u8| StatementHash::new([n; 16]);
    let many: Vec<_> = (0..65).map(hash).collect();
    let with =
        |parents: &[StatementHash]| statement(&cast.space, &cast.root, 99, parents, b"newer");
    let padded = [&[99][..], &cast.root.public(), &[0x80, 0], &blob(b"newer")].concat();
    let padded = signed(&cast.space, &cast.root, AadLabel::STATEMENT, padded);
    vec![
        vector(cast, "statement_parents_unsorted", ASCENDING, &with(&[hash(2), hash(1)])),
        vector(cast, "statement_parents_twice", ASCENDING, &with(&[hash(2), hash(2)])),
        vector(cast, "statement_parents_too_many", LIMIT, &with(&many)),
        vector(cast, "statement_parents_not_minimal", "varint is not minimal", &padded),
        vector(cast, "statement_of_another_space", SIGNATURE, &{
            let other = haversack_wire::Space::new([9; 16]);
            statement(&other, &cast.root, 99, &[], b"newer")
        }),
    ]
}

/// What a verifier that is not strict lets through.
fn signatures(cast: &Cast) -> Vec<Vector> {
    let good = statement(&cast.space, &cast.root, 99, &[], b"newer");
    let small = |key: [u8; 32], r: [u8; 32]| {
        let body = [&[99][..], &key, &[0], &blob(b"newer")].concat();
        [&body[..], &r, &[0; 32]].concat()
    };
    let mut identity = [0; 32];
    identity[0] = 1;
    vec![
        vector(cast, "signature_s_above_the_order", SIGNATURE, &plus_order(&good)),
        vector(cast, "signature_key_of_small_order", SIGNATURE, &small(identity, identity)),
        vector(cast, "signature_key_not_canonical", SIGNATURE, &{
            let mut key = [0xff; 32];
            (key[0], key[31]) = (0xee, 0x7f);
            small(key, identity)
        }),
        vector(cast, "signature_flipped", SIGNATURE, &flip(&good, good.len() - 40)),
    ]
}

/// Adds the group's order to S: the same equation holds, but not the encoding.
fn plus_order(signed: &[u8]) -> Vec<u8> {
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut out = signed.to_vec();
    let at = out.len() - 32;
    let mut carry = 0;
    for (byte, order) in out[at..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        *byte = sum as u8;
        carry = sum >> 8;
    }
    assert_eq!(carry, 0);
    out
}

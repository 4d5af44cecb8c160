//! Bundles under a passphrase.

use haversack_wire::bundle;

use super::cast::{flip, random};
use super::vector::Vector;
use crate::crypto::{AadLabel, Cost, Passphrase, seal, wrap_bundle};

const PASSPHRASE: &str = "a card in a coat";
/// Everything before the pieces.
const HEADER: usize = 5 + 12 + 32 + 32 + 19;
const OTHER: &str = "the passphrase does not open it";
const NOTHING: &str = "cut: 0 whole frames";

pub(super) fn vectors() -> Vec<Vector> {
    let families = [plain(), changed(), bounds(), pieces()];
    families.into_iter().flatten().collect()
}

fn file(name: &str, expect: &str, bytes: &[u8]) -> Vector {
    Vector::new(name, "bundle", expect).line("passphrase", PASSPHRASE).hex("bytes", bytes)
}

fn wrap(bundle: &[u8]) -> Vec<u8> {
    let passphrase = Passphrase::new(PASSPHRASE.into()).unwrap();
    wrap_bundle(bundle, &passphrase, Cost::FLOOR, &mut random()).unwrap()
}

fn two() -> Vec<u8> {
    bundle::encode([[9; 256].as_slice(), &[8; 300]]).unwrap()
}

fn plain() -> Vec<Vector> {
    let (none, two) = (bundle::encode(std::iter::empty()).unwrap(), two());
    let cut = &two[..300];
    let trailing = [&two[..], &[0]].concat();
    let wrong = [&two[..two.len() - 4], &3_u32.to_le_bytes()].concat();
    vec![
        file("wrapped", "ok", &wrap(&two)).hexes("frame", [vec![9; 256], vec![8; 300]]),
        file("wrapped_of_none", "ok", &wrap(&none)),
        file("wrapped_of_a_cut_bundle", "cut: 1 whole frame", &wrap(cut)),
        file("wrapped_of_a_wrong_count", "cut: 2 whole frames", &wrap(&wrong)),
        file("wrapped_with_more_inside", "cut: 2 whole frames", &wrap(&trailing)),
    ]
}

fn changed() -> Vec<Vector> {
    let good = wrap(&two());
    let with = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        bytes
    };
    vec![
        Vector::new("wrapped_other_passphrase", "bundle", OTHER)
            .line("passphrase", "a card in a coat ")
            .hex("bytes", &good),
        file("wrapped_flipped_salt", OTHER, &flip(&good, 17)),
        file("wrapped_flipped_commitment", OTHER, &flip(&good, 49)),
        file("wrapped_more_passes", OTHER, &with(9, 3)),
        file("wrapped_flipped_prefix", NOTHING, &flip(&good, 81)),
        file("wrapped_flipped_content", NOTHING, &flip(&good, HEADER + 9)),
        file("wrapped_flipped_tag", NOTHING, &flip(&good, good.len() - 1)),
        file("wrapped_cut", NOTHING, &good[..good.len() - 1]),
        file("wrapped_cut_after_its_header", NOTHING, &good[..HEADER]),
        file("wrapped_cut_in_its_header", "ends too early", &good[..HEADER - 1]),
        file("wrapped_trailing", NOTHING, &[&good[..], &[0]].concat()),
        file("wrapped_newer_version", "bundle version is unknown", &with(3, 2)),
        file("wrapped_in_what_is_not_known", "bundle wrapping is unknown", &with(4, 2)),
        file("wrapped_of_another_kind", "is not a bundle file", &with(0, b'P')),
    ]
}

fn bounds() -> Vec<Vector> {
    let good = wrap(&two());
    let cost = |name: &str, at: usize, to: u32| {
        let bytes = [&good[..at], &to.to_le_bytes(), &good[at + 4..]].concat();
        file(name, "parameters are out of bounds", &bytes)
    };
    vec![
        cost("wrapped_memory_too_small", 5, 19_455),
        cost("wrapped_memory_too_large", 5, 1_048_577),
        cost("wrapped_passes_too_few", 9, 1),
        cost("wrapped_passes_too_many", 9, 17),
        cost("wrapped_lanes_too_few", 13, 0),
        cost("wrapped_lanes_too_many", 13, 5),
    ]
}

/// Pieces sealed by hand.
fn sealed(pieces: &[(&[u8], u32, u8)]) -> Vec<u8> {
    let good = wrap(&two());
    let key = key(&good);
    let aad = AadLabel::BUNDLE.with(&[&good[..HEADER]]);
    let piece = |(content, number, last): &(&[u8], u32, u8)| {
        let prefix: [u8; 19] = good[81..HEADER].try_into().unwrap();
        let nonce = [&prefix[..], &number.to_le_bytes(), &[*last]].concat().try_into().unwrap();
        seal(&key, &nonce, &aad, content)
    };
    [good[..HEADER].to_vec(), pieces.iter().flat_map(piece).collect()].concat()
}

fn key(file: &[u8]) -> [u8; 32] {
    use crate::crypto::{argon2id, hkdf};
    let salt: [u8; 32] = file[17..49].try_into().unwrap();
    let stretched = argon2id(PASSPHRASE.as_bytes(), &salt, Cost::FLOOR).unwrap();
    let mut key = [0; 32];
    hkdf(&[], &*stretched, b"haversack v1 bundle key", &mut key).unwrap();
    key
}

fn pieces() -> Vec<Vector> {
    let two = two();
    let records = &two[5..];
    let long = bundle::encode([[7; 32_000].as_slice(), &[6; 32_000], &[5; 3_000]]).unwrap();
    let (first, last) = long[5..].split_at(65_536);
    assert_eq!(sealed(&[(records, 0, 1)]), wrap(&two));
    assert_eq!(sealed(&[(first, 0, 0), (last, 1, 1)]), wrap(&long));
    let frames = [vec![7; 32_000], vec![6; 32_000], vec![5; 3_000]];
    vec![
        file("wrapped_in_two_pieces", "ok", &wrap(&long)).line("frames", frames.len()),
        file("wrapped_cut_between_pieces", "cut: 2 whole frames", &sealed(&[(first, 0, 0)])),
        // Its end is in it.
        file("wrapped_whole_without_a_last_piece", "ok", &sealed(&[(records, 0, 0)])),
        file("wrapped_begins_at_its_second_piece", NOTHING, &sealed(&[(records, 1, 1)])),
        file("wrapped_last_is_neither", NOTHING, &sealed(&[(records, 0, 2)])),
        file("wrapped_of_an_empty_piece", NOTHING, &sealed(&[(&[], 0, 1)])),
    ]
}

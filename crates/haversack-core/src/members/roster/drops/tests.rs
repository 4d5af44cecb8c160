use haversack_wire::Device;

use super::*;
use crate::crypto::{Real, SignKey};
use crate::members::statement::Cut;

fn key(n: u8) -> SignKey {
    SignKey::from_seed(&[n; 32])
}

fn say(signer: u8, content: Content, consent: Option<u8>) -> Vec<u8> {
    let space = identity::space(&key(0).public());
    let consent = consent.map(key);
    Statement::sign::<Real>(&space, &key(signer), vec![], content, consent.as_ref()).unwrap().bytes
}

fn add(signer: u8, device: u8, role: Role) -> Vec<u8> {
    let device_key = key(device).public();
    let role = Some(role);
    say(signer, Content::AddDevice { device_key, kem_key: [0; 32], role, may_rotate: false }, None)
}

fn set_role(signer: u8, device: u8, role: Role) -> Vec<u8> {
    let device: Device = identity::device(&key(device).public());
    say(signer, Content::SetRole { device, role: Some(role), cut: Cut::new() }, None)
}

fn renew(signer: u8, device: u8) -> Vec<u8> {
    let device_key = key(device).public();
    say(signer, Content::RenewDevice { device_key, kem_key: [0; 32] }, Some(device))
}

fn replace_root(signer: u8, root: u8) -> Vec<u8> {
    say(signer, Content::ReplaceRoot { root: key(root).public() }, None)
}

/// Device 9 writes; 0 is the first root.
#[test]
fn who_is_introduced() {
    use Role::{Coordinator, Educator, Trainer};
    let cases: &[(&str, bool, Vec<Vec<u8>>)] = &[
        ("nothing is said", false, vec![]),
        ("by the root", true, vec![add(0, 9, Educator)]),
        ("by a coordinator", true, vec![add(1, 9, Educator), add(0, 1, Coordinator)]),
        ("by an educator", false, vec![add(1, 9, Educator), add(0, 1, Educator)]),
        ("by nobody", false, vec![add(1, 9, Educator)]),
        ("by itself", false, vec![add(9, 9, Coordinator)]),
        ("in a ring", false, vec![add(1, 9, Coordinator), add(9, 1, Coordinator)]),
        ("as one who writes nothing", false, vec![add(0, 9, Trainer)]),
        ("then raised", true, vec![add(0, 9, Trainer), set_role(0, 9, Educator)]),
        ("then raised by itself", false, vec![add(0, 9, Trainer), set_role(9, 9, Educator)]),
        ("under a new key", true, vec![add(0, 1, Educator), renew(1, 9)]),
        ("under a stranger's new key", false, vec![add(0, 2, Educator), renew(1, 9)]),
        ("by the next root", true, vec![replace_root(0, 1), add(1, 9, Educator)]),
        ("by a root of nobody's", false, vec![replace_root(2, 1), add(1, 9, Educator)]),
        (
            "by one who was raised",
            true,
            vec![add(1, 9, Educator), add(0, 1, Educator), set_role(0, 1, Coordinator)],
        ),
    ];
    for (what, expected, statements) in cases {
        let given = is_introduced::<Real>(&key(0).public(), statements, &key(9).public());
        assert_eq!(given.unwrap(), *expected, "{what}");
        let mut turned = statements.clone();
        turned.reverse();
        let given = is_introduced::<Real>(&key(0).public(), &turned, &key(9).public());
        assert_eq!(given.unwrap(), *expected, "{what}, turned");
    }
    let mut bad = add(0, 9, Educator);
    bad[40] ^= 1;
    assert!(is_introduced::<Real>(&key(0).public(), &[bad], &key(9).public()).is_err());
}

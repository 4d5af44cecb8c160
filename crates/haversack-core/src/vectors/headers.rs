//! The header of a store: as it is written, torn, out of bounds, opened in each way there is.

use std::path::Path;

use haversack_wire::hash::{Label, derive};
use rand_chacha::ChaCha20Rng;

use super::cast::{flip, random};
use super::vector::Vector;
use crate::crypto::{Cost, FileKey, Passphrase, RecoveryCode, stretch};
use crate::store::{HeaderFiles, Kind, Secret, Vault};

const CODE: &[u8] = b"legal winner thank year wave sausage worth useful legal winner thank yellow";

pub(super) fn vectors() -> Vec<Vector> {
    let families = [plain(), bounds(), copies(), slots(), bound()];
    families.into_iter().flatten().collect()
}

fn passphrase(text: &[u8]) -> Passphrase {
    Passphrase::new(text.to_vec()).unwrap()
}

fn secret(passphrase: &Passphrase) -> Secret<'_> {
    Secret { passphrase, hardware: None }
}

fn make(folder: &Path, secret: Secret<'_>, random: &mut ChaCha20Rng) -> Vault {
    let files = HeaderFiles::in_folder(folder);
    let mut vault = Vault::make(files, secret, (Cost::FLOOR, 0), random).unwrap();
    vault.write_new(random).unwrap();
    vault
}

fn read(folder: &Path) -> Vec<u8> {
    std::fs::read(folder.join("key.a")).unwrap()
}

fn header(name: &str, expect: &str, copies: &[&[u8]]) -> Vector {
    let vector = Vector::new(name, "header", expect).line("passphrase", "correct horse");
    vector.hexes("header", copies)
}

/// The first copy of a store's first header, and the vault.
fn first() -> (Vec<u8>, Vault) {
    let files = tempfile::tempdir().unwrap();
    let vault = make(files.path(), secret(&passphrase(b"correct horse")), &mut random());
    (read(files.path()), vault)
}

fn plain() -> Vec<Vector> {
    let (bytes, vault) = first();
    let salt: [u8; 32] = bytes[24..56].try_into().unwrap();
    let slot = stretch(&passphrase(b"correct horse"), &salt, Cost::FLOOR).unwrap().plain();
    vec![
        header("header", "ok", &[&bytes])
            .hex("slot key", slot.key)
            .hex("slot commitment", slot.commitment)
            .hex("keyring key", vault.keyring_key().expose())
            .line("kind", 1),
        Vector::new("header_wrong_passphrase", "header", "the passphrase opens no slot")
            .line("passphrase", "wrong horse")
            .hex("header", &bytes),
        header("header_flipped", "checksum is wrong", &[&flip(&bytes, 700)]),
        header("header_flipped_filler", "checksum is wrong", &[&flip(&bytes, 1_240)]),
        header("header_cut", "it is cut", &[&bytes[..1_279]]),
        header("header_too_long", "it is too long", &[&[&bytes[..], &[0]].concat()]),
    ]
}

/// Changes bytes and makes the checksum right again.
fn changed(bytes: &[u8], at: usize, to: &[u8]) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    changed[at..at + to.len()].copy_from_slice(to);
    let checksum = derive(Label::HEADER, &[&changed[..1_248]]);
    changed[1_248..].copy_from_slice(&checksum);
    changed
}

fn bounds() -> Vec<Vector> {
    let (bytes, _) = first();
    let cost = |name: &str, at: usize, to: u32| {
        let bytes = changed(&bytes, at, &to.to_le_bytes());
        header(name, "parameters are out of bounds", &[&bytes])
    };
    vec![
        cost("header_memory_too_small", 12, 19_455),
        cost("header_memory_too_large", 12, 1_048_577),
        cost("header_passes_too_few", 16, 1),
        cost("header_passes_too_many", 16, 17),
        cost("header_lanes_too_few", 20, 0),
        cost("header_lanes_too_many", 20, 5),
        header("header_of_another_kind", "it is not one", &[&changed(&bytes, 0, b"HSX")]),
        header(
            "header_newer_version",
            "header is of a newer version",
            &[&changed(&bytes, 3, &[2])],
        ),
    ]
}

fn copies() -> Vec<Vector> {
    let (bytes, vault) = first();
    let key = vault.keyring_key().expose();
    let later = changed(&bytes, 4, &9_u64.to_le_bytes());
    let torn = [&later[..640], &bytes[640..]].concat();
    let half = &later[..640];
    let mut stone = vec![7; 1_248];
    stone.extend(derive(Label::WIPED, &[&stone]));
    let with = |name: &str, copies: &[&[u8]], generation: u64| {
        header(name, "ok", copies).line("generation", generation).hex("keyring key", key)
    };
    vec![
        with("header_first_copy_torn", &[&torn, &bytes], 1),
        with("header_second_copy_torn", &[&bytes, &torn], 1),
        with("header_half_a_copy", &[half, &bytes], 1),
        with("header_two_generations", &[&bytes, &later], 9),
        with("header_two_generations_turned", &[&later, &bytes], 9),
        header("header_both_torn", "checksum is wrong", &[&torn, &flip(&torn, 5)]),
        header("header_wiped", "it is wiped", &[&stone, &stone]),
        header("header_half_wiped", "it is wiped", &[&bytes, &stone]),
        header(
            "header_box_broken",
            "its keyring box does not open",
            &[&changed(&bytes, 62 + 8 * 105 + 30, &[0; 4])[..]],
        ),
        header(
            "header_slots_gone",
            "the passphrase opens no slot",
            &[&changed(&bytes, 62, &[7; 840])[..]],
        ),
    ]
}

/// A store with a passphrase, a recovery code and a duress passphrase.
fn slots() -> Vec<Vector> {
    let files = tempfile::tempdir().unwrap();
    let random = &mut random();
    let (normal, duress) = (passphrase(b"correct horse"), passphrase(b"under duress"));
    let code = RecoveryCode::parse(CODE).unwrap();
    let recovery = passphrase(&code.words());
    let mut vault = make(files.path(), secret(&normal), random);
    vault.set(Kind::Recovery, secret(&recovery), random).unwrap();
    vault.set(Kind::Duress, secret(&duress), random).unwrap();
    let bytes = read(files.path());
    let with = |name: &str, secret: &[u8], kind: Kind| {
        Vector::new(name, "header", "ok")
            .line("passphrase", String::from_utf8_lossy(secret))
            .hex("header", &bytes)
            .line("kind", kind as u8)
    };
    let key = vault.keyring_key().expose();
    vec![
        with("header_passphrase_of_three", b"correct horse", Kind::Normal).hex("keyring key", key),
        with("header_recovery_code", CODE, Kind::Recovery).hex("keyring key", key),
        with("header_duress", b"under duress", Kind::Duress),
        Vector::new("header_recovery_in_capitals", "header", "the passphrase opens no slot")
            .line("passphrase", String::from_utf8_lossy(CODE).to_uppercase())
            .hex("header", &bytes),
    ]
}

/// A store that is bound to a key file.
fn bound() -> Vec<Vector> {
    let files = tempfile::tempdir().unwrap();
    let random = &mut random();
    let path = files.path().join("card");
    let content = [&b"HSF1"[..], &[13; 32]].concat();
    std::fs::write(&path, &content).unwrap();
    let file = FileKey::open(&path).unwrap();
    let passphrase = passphrase(b"correct horse");
    let secret = Secret { passphrase: &passphrase, hardware: Some(&file) };
    let vault = make(files.path(), secret, random);
    let bytes = read(files.path());
    let other = [&b"HSF1"[..], &[14; 32]].concat();
    vec![
        header("header_bound", "ok", &[&bytes])
            .hex("key file", content)
            .line("kind", 1)
            .hex("keyring key", vault.keyring_key().expose()),
        header("header_bound_without", "the passphrase opens no slot", &[&bytes]),
        header("header_bound_to_another", "the passphrase opens no slot", &[&bytes])
            .hex("key file", other),
    ]
}

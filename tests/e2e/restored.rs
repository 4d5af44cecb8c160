//! Stores that are restored from a copy, or copied to a second device: no place is spoken from twice, and nothing is lost.

use std::path::Path;

use haversack_core::model::*;
use haversack_core::{ContactDraft, ContactFilter, Engine, WhoDraft};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

use crate::fleet::{Fleet, passphrase};

fn log(engine: &mut Engine, day: u16, client: Option<haversack_core::ClientId>) {
    let line = Line { direction: Direction::Out, item: Item::SYRINGE_FIXED_1ML };
    let who = client.map_or_else(WhoDraft::default, WhoDraft::Client);
    let draft =
        ContactDraft::new(who, crate::team::van().code).line(line, Quantity::new(5).unwrap());
    engine.log(Day::from_number(3_000 + i64::from(day)).unwrap(), &[draft]).unwrap();
}

pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for file in std::fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

fn open(fleet: &Fleet, folder: &str, seed: u64) -> Engine {
    let random = Box::new(ChaCha20Rng::seed_from_u64(seed));
    Engine::open(&fleet.folder.path().join(folder), &passphrase(), random).unwrap()
}

/// A copy of a device's store, which lives on beside it as a device of the fleet.
pub(crate) fn twin_of(fleet: &mut Fleet, n: usize) -> usize {
    fleet.devices[n].take().unwrap().close().unwrap();
    let (folder, name) = (fleet.folder.path().to_owned(), n.to_string());
    copy(&folder.join(&name), &folder.join("twin"));
    fleet.devices[n] = Some(open(fleet, &name, 71));
    fleet.devices.push(Some(open(fleet, "twin", 72)));
    fleet.devices.len() - 1
}

fn everybody_has(fleet: &mut Fleet, contacts: usize, sets: u64) {
    fleet.settle();
    let first = fleet.device(0).canonical().unwrap();
    for n in 0..fleet.devices.len() {
        let shown = fleet.device(n).contacts(&ContactFilter::default()).unwrap();
        assert_eq!(shown.len(), contacts, "device {n}");
        assert_eq!(shown.iter().map(|row| row.sets()).sum::<u64>(), sets, "device {n}");
        let status = fleet.device(n).status().unwrap();
        assert_eq!((status.waiting, status.quarantined), (0, 0), "device {n}");
        assert_eq!(fleet.device(n).canonical().unwrap(), first, "device {n}");
    }
}

#[test]
fn a_restored_copy_goes_on_as_somebody_new() {
    let mut fleet = Fleet::new();
    fleet.settle();
    let client = fleet.clients[0];
    log(fleet.device(1), 1, Some(client));
    fleet.settle();
    // Logged, not sent, and copied.
    log(fleet.device(1), 2, None);
    fleet.devices[1].take().unwrap().close().unwrap();
    let folder = fleet.folder.path().to_owned();
    copy(&folder.join("1"), &folder.join("copy"));
    // The first life goes on, and sends that and more.
    fleet.devices[1] = Some(open(&fleet, "1", 71));
    log(fleet.device(1), 2, None);
    log(fleet.device(1), 3, None);
    everybody_has(&mut fleet, 4, 20);
    // The phone is lost; its copy takes its place, and logs before it hears of anything.
    drop(fleet.devices[1].take());
    std::fs::remove_dir_all(folder.join("1")).unwrap();
    copy(&folder.join("copy"), &folder.join("1"));
    fleet.devices[1] = Some(open(&fleet, "1", 72));
    log(fleet.device(1), 4, Some(client));
    everybody_has(&mut fleet, 5, 25);
}

#[test]
fn two_that_were_copied_from_one_both_go_on() {
    let mut fleet = Fleet::new();
    fleet.settle();
    log(fleet.device(1), 1, None);
    let twin = twin_of(&mut fleet, 1);
    log(fleet.device(1), 2, None);
    log(fleet.device(twin), 2, None);
    log(fleet.device(twin), 3, None);
    for n in [1, twin, 0, 1, twin, 2, 3, 0] {
        while fleet.sync(n, 1_000) {}
    }
    everybody_has(&mut fleet, 4, 20);
}

#[test]
fn two_lives_that_both_go_on_with_an_outing_that_neither_had_sent() {
    let mut fleet = Fleet::new();
    fleet.settle();
    log(fleet.device(1), 1, None);
    let twin = twin_of(&mut fleet, 1);
    for _ in 0..2 {
        log(fleet.device(1), 1, None);
        log(fleet.device(twin), 1, None);
    }
    for n in [1, twin, 0, 1, twin, 2, 3, 0] {
        while fleet.sync(n, 1_000) {}
    }
    everybody_has(&mut fleet, 5, 25);
}

#[test]
fn a_store_that_stays_where_it_is_stays_who_it_is() {
    let mut fleet = Fleet::new();
    log(fleet.device(1), 1, None);
    fleet.settle();
    for seed in 0..3 {
        fleet.devices[1].take().unwrap().close().unwrap();
        fleet.devices[1] = Some(open(&fleet, "1", 80 + seed));
        log(fleet.device(1), 1, None);
    }
    everybody_has(&mut fleet, 4, 20);
    let authors: std::collections::BTreeSet<_> = fleet
        .device(0)
        .contacts(&ContactFilter::default())
        .unwrap()
        .iter()
        .map(|row| row.id.to_string().contains('-'))
        .collect();
    assert_eq!(authors, [false].into(), "one author: no key has another's prefix");
}

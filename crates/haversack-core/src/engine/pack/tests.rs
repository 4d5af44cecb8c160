//! Packs: what they bring, what they are made of, what is refused of them.

mod erased;
mod hostile;
mod laws;
mod reference;
mod route;
mod upkeep;

use haversack_wire::{Frame, bundle};
use rand_chacha::rand_core::SeedableRng;
use tempfile::TempDir;

use super::super::tests::{client, engine};
use super::super::*;
use crate::members::Role;
use crate::model::{Day, Item, Line, Quantity, Site, SiteCode, SiteKind};

/// An archive-keeping coordinator and educators' phones.
struct Team {
    folder: TempDir,
    admin: Engine,
    phones: Vec<Engine>,
}

fn site(code: &str) -> Site {
    let (setting, closes) = (None, None);
    Site { code: SiteCode::new(code).unwrap(), kind: SiteKind::BACKPACK, setting, closes }
}

fn code(code: &str) -> SiteCode {
    SiteCode::new(code).unwrap()
}

fn day(n: i64) -> Day {
    let first: Day = "2008-02-04".parse().unwrap();
    Day::from_number(i64::from(first.number()) + n).unwrap()
}

fn join(admin: &mut Engine, other: &mut Engine, role: Role) {
    let request = other.request_to_join().unwrap();
    let (answer, _) = admin.invite(&request, role, &[]).unwrap();
    other.join(&answer).unwrap();
}

fn draft(n: i64) -> ContactDraft {
    let line = Line { direction: crate::model::Direction::Out, item: Item::NEEDLE };
    ContactDraft::new(WhoDraft::default(), code("KM-N")).line(line, Quantity::new(n).unwrap())
}

/// Everything that a device has to tell.
fn frames(engine: &mut Engine) -> Vec<Vec<u8>> {
    let bytes = engine.export_bundle().unwrap();
    bundle::decode(&bytes).unwrap().frames.iter().map(|frame| frame.to_vec()).collect()
}

/// The frames of the pack that a device made, without what goes with them.
fn pack_frames(engine: &mut Engine) -> Vec<Vec<u8>> {
    let rows = engine.own_parts(engine.space().unwrap());
    rows.into_iter().map(|row| engine.part(row).unwrap()).collect()
}

fn give(from: &mut Engine, to: &mut Engine) {
    let frames = frames(from);
    to.receive(&frames, false).unwrap();
}

fn is_segment(frame: &[u8]) -> bool {
    matches!(Frame::parse(frame), Ok(Frame::Pack(header, _)) if !header.manifest)
}

impl Team {
    fn new(phones: usize) -> Self {
        let folder = TempDir::new().unwrap();
        let mut admin = engine(&folder, "admin", 1);
        admin.found_space().unwrap();
        admin.put_site(&site("KM-N")).unwrap();
        let mut team = Self { folder, admin, phones: Vec::new() };
        for n in 0..phones {
            let mut phone = engine(&team.folder, &format!("phone{n}"), 10 + n as u64);
            join(&mut team.admin, &mut phone, Role::Educator);
            give(&mut team.admin, &mut phone);
            team.phones.push(phone);
        }
        team
    }

    /// A device that joins now, and knows nothing yet but what the answer told.
    fn newcomer(&mut self, name: &str, role: Role) -> Engine {
        let mut new = engine(&self.folder, name, 99 + name.len() as u64);
        join(&mut self.admin, &mut new, role);
        new
    }

    /// All phones tell the admin everything.
    fn gather(&mut self) {
        for phone in &mut self.phones {
            give(phone, &mut self.admin);
        }
    }

    fn pack(&mut self) -> Vec<Vec<u8>> {
        self.admin.make_pack(&mut |_, _| {}).unwrap();
        pack_frames(&mut self.admin)
    }
}

#[test]
fn a_newcomer_has_everything_from_a_pack_and_goes_on_from_its_end() {
    let mut team = Team::new(2);
    for (n, phone) in (0..).zip(&mut team.phones) {
        phone.log(day(n), &[draft(n + 1), draft(n + 2)]).unwrap();
        phone.close_unsent().unwrap();
        phone.log(day(n), &[draft(n + 5)]).unwrap();
    }
    client(&mut team.phones[0], "LOTUS-27");
    team.gather();
    let pack = team.pack();
    let mut new = team.newcomer("new", Role::Educator);
    let received = new.receive(&pack, false).unwrap();
    assert_eq!((received.applied, received.quarantined), (pack.len() as u32, 0));
    assert_eq!(new.pack_progress(), PackProgress::default());
    assert_eq!(new.canonical().unwrap(), team.admin.canonical().unwrap());
    assert_eq!(new.contact_count().unwrap(), 6);
    // The lanes go on: what was in the pack is known, what comes after it is applied.
    let again: u32 = team
        .phones
        .iter_mut()
        .map(|phone| new.receive(&frames(phone), false).unwrap().applied)
        .sum();
    assert_eq!(again, 0);
    team.phones[1].log(day(9), &[draft(7)]).unwrap();
    let one = new.receive(&frames(&mut team.phones[1]), false).unwrap();
    assert_eq!((one.applied, one.waiting, one.quarantined), (1, 0, 0));
    team.gather();
    give(&mut team.admin, &mut new);
    assert_eq!(new.canonical().unwrap(), team.admin.canonical().unwrap());
    // And so they do after the store was closed.
    let passphrase = crate::Passphrase::new(b"team".to_vec()).unwrap();
    let folder = team.folder.path().join("new");
    let before = new.canonical().unwrap();
    new.close().unwrap();
    let random = Box::new(rand_chacha::ChaCha20Rng::from_seed([5; 32]));
    let mut new = Engine::open(&folder, &passphrase, random).unwrap();
    assert_eq!(new.canonical().unwrap(), before);
    team.phones[0].log(day(11), &[draft(8)]).unwrap();
    assert_eq!(new.receive(&frames(&mut team.phones[0]), false).unwrap().applied, 1);
}

#[test]
fn only_who_keeps_the_work_makes_packs() {
    let mut team = Team::new(1);
    let refused = team.phones[0].make_pack(&mut |_, _| {});
    assert!(matches!(refused, Err(Error::NotAllowed { .. })));
}

#[test]
fn a_phone_past_its_horizon_comes_back_by_a_pack_with_its_unsent_work() {
    let mut team = Team::new(2);
    team.phones[1].log(day(0), &[draft(3)]).unwrap();
    team.gather();
    give(&mut team.admin, &mut team.phones[1]);
    // Months go by: what the others say is sealed under keys that nobody grants any more.
    team.phones[1].log(day(1), &[draft(9)]).unwrap();
    for n in 2..6 {
        team.phones[0].log(day(n), &[draft(n)]).unwrap();
        let late: Vec<_> = frames(&mut team.phones[0]);
        team.admin.receive(&late, false).unwrap();
    }
    let pack = team.pack();
    // Of the other's lane only the last body is left: it waits for what the relay dropped.
    team.phones[0].log(day(7), &[draft(7)]).unwrap();
    let last = frames(&mut team.phones[0]).pop().unwrap();
    let late = &mut team.phones[1];
    assert_eq!(late.receive(&[last], false).unwrap().waiting, 1);
    let unsent = late.status().unwrap().own.here_only;
    let grant = frames(&mut team.admin).into_iter().filter(|frame| frame.first() == Some(&3));
    late.receive(&grant.collect::<Vec<_>>(), false).unwrap();
    let received = late.receive(&pack, false).unwrap();
    assert!(received.applied >= pack.len() as u32);
    assert_eq!(late.status().unwrap().waiting, 0);
    assert_eq!(late.status().unwrap().own.here_only, unsent);
    assert_eq!(late.contact_count().unwrap(), 7);
    // Its unsent lane goes on, and reaches the others.
    give(&mut team.phones[0], &mut team.admin);
    give(&mut team.phones[1], &mut team.admin);
    give(&mut team.admin, &mut team.phones[1]);
    assert_eq!(team.phones[1].canonical().unwrap(), team.admin.canonical().unwrap());
}

//! An erased client and packs: none brings it back.

use std::collections::BTreeSet;

use haversack_wire::Document;

use super::hostile::{pack_of, segments};
use super::*;
use crate::ClientId;
use crate::engine::documents::Staged;
use crate::engine::erase::{erased, tests::edit};

/// A team with two clients' files, of which all know, and the one that is to go.
fn team_with_files() -> (Team, ClientId) {
    let mut team = Team::new(2);
    client(&mut team.phones[0], "LOTUS-27");
    client(&mut team.phones[0], "TOMAS-65");
    team.phones[1].log(day(1), &[draft(3)]).unwrap();
    team.gather();
    let rows = team.admin.clients().unwrap();
    let is_it = |row: &&crate::ClientRow| row.client.label.as_ref().unwrap().as_str() == "LOTUS-27";
    let id = rows.iter().find(is_it).unwrap().id;
    (team, id)
}

fn has(engine: &Engine, id: ClientId) -> bool {
    engine.clients().unwrap().iter().any(|row| row.id == id)
}

/// The documents of which there is anything in the admin's pack.
fn packed_documents(team: &mut Team) -> BTreeSet<Document> {
    let (_, segments) = segments(&mut team.admin);
    let keyed = |segment: &crate::sync::pack::Segment| {
        let keys: Vec<_> = segment.client_keys.iter().map(|key| key.document).collect();
        segment.parts.iter().map(|part| part.document).chain(keys).collect::<Vec<_>>()
    };
    segments.iter().flat_map(keyed).collect()
}

#[test]
fn a_pack_made_after_an_erasure_has_nothing_of_the_file_and_says_so() {
    let (mut team, gone) = team_with_files();
    let late = frames(&mut team.phones[0]);
    team.admin.erase_client(gone).unwrap();
    let pack = team.pack();
    let documents = packed_documents(&mut team);
    assert!(!documents.contains(&gone.0));
    assert!(documents.len() > 2, "the other file, the outing, the registry");
    let mut new = team.newcomer("new", Role::Educator);
    new.receive(&pack, false).unwrap();
    assert_eq!(new.clients().unwrap().len(), 1);
    assert_eq!(new.erasures().unwrap().len(), 1, "it knows of the erasure from the pack alone");
    // Nor does a phone that is late bring the file back.
    new.receive(&late, false).unwrap();
    new.let_go_of_erased().unwrap();
    assert!(!has(&new, gone));
    assert_eq!(new.index.document(&gone.0).unwrap().left().count(), 0);
    assert_eq!(new.canonical().unwrap(), team.admin.canonical().unwrap());
}

#[test]
fn a_pack_made_before_an_erasure_brings_nobody_back() {
    let (mut team, gone) = team_with_files();
    let pack = team.pack();
    team.admin.erase_client(gone).unwrap();
    let said = frames(&mut team.admin);
    for name in ["known before", "known after", "in between"] {
        let mut new = team.newcomer(name, Role::Educator);
        let half = pack.len() / 2;
        match name {
            "known before" => {
                new.receive(&said, false).unwrap();
                new.receive(&pack, false).unwrap();
            }
            "known after" => {
                new.receive(&pack, false).unwrap();
                assert!(has(&new, gone), "until it hears of it");
                new.receive(&said, false).unwrap();
            }
            _ => {
                new.receive(&pack[half..], false).unwrap();
                new.receive(&said, false).unwrap();
                new.receive(&pack[..half], false).unwrap();
            }
        }
        new.let_go_of_erased().unwrap();
        assert!(!has(&new, gone), "{name}");
        let left = new.index.document(&gone.0).unwrap().left().count();
        assert_eq!(left, 0, "{name}: nothing of it is kept");
        assert!(!new.client_keys.contains_key(&gone.0), "{name}: nor its key");
        give(&mut team.admin, &mut new);
        assert_eq!(new.erasures().unwrap().len(), 1);
        assert_eq!(new.clients().unwrap(), team.admin.clients().unwrap());
    }
}

#[test]
fn a_pack_with_an_erased_file_is_replaced_when_its_maker_next_packs() {
    let (mut team, gone) = team_with_files();
    let before = team.pack();
    assert!(!team.admin.pack_when_due(false).unwrap(), "nothing of it was erased");
    let old = *team.admin.space().unwrap().group.packs.order().last().unwrap();
    team.admin.erase_client(gone).unwrap();
    assert!(team.admin.pack_when_due(false).unwrap());
    assert!(!packed_documents(&mut team).contains(&gone.0));
    let kept = pack_frames(&mut team.admin);
    assert!(before.iter().all(|frame| !kept.contains(frame)));
    let space = team.admin.space().unwrap();
    let mine = space.packs.mine.as_ref().unwrap();
    let named = |frame: &Vec<u8>| mine.old.contains(&haversack_wire::FrameHash::of(frame));
    assert!(before.iter().all(named), "the relay is told to drop all of the old one");
    // The old one's key goes with the next exchange, although it is one of the newest two.
    assert!(space.group.packs.keys().contains_key(&old));
    team.admin.forget_packs().unwrap();
    assert!(!team.admin.space().unwrap().group.packs.keys().contains_key(&old));
    assert!(!team.admin.pack_when_due(true).unwrap(), "once is enough");
}

#[test]
fn who_may_not_erase_erases_nothing_by_a_pack() {
    let (mut team, kept) = team_with_files();
    team.pack();
    let (key, mut forged) = segments(&mut team.admin);
    let phone = team.phones[0].device.identity.sign.public();
    let is_its = |author: &crate::sync::pack::PackAuthor| author.device_key == phone;
    let segment = forged.iter_mut().find(|one| one.authors.iter().any(is_its)).unwrap();
    let author = segment.authors.iter().position(is_its).unwrap();
    let erasure = crate::sync::pack::PackedErasure { document: kept.0, author, sequence: 0 };
    segment.erasures.push(erasure);
    let pack = pack_of(&mut team.admin, &key, &forged);
    let mut new = team.newcomer("new", Role::Archive);
    new.receive(&pack, false).unwrap();
    give(&mut team.admin, &mut new);
    new.let_go_of_erased().unwrap();
    assert!(new.erasures().unwrap().is_empty());
    assert!(new.quarantined().iter().any(|refused| refused.reason.code() == "told"));
}

/// A phone that has not heard of an erasure writes into the file once more: who has the file's end from a pack alone passes that over, and
/// the phone's lane goes on.
#[test]
fn what_a_late_phone_says_of_a_file_that_is_in_no_pack_keeps_nobody_from_its_lane() {
    let (mut team, gone) = team_with_files();
    give(&mut team.admin, &mut team.phones[1]);
    edit(&mut team.phones[1], gone.0, "LOTUS-28");
    team.gather();
    team.admin.erase_client(gone).unwrap();
    let pack = team.pack();
    edit(&mut team.phones[1], gone.0, "LOTUS-29");
    team.phones[1].close_unsent().unwrap();
    team.phones[1].log(day(5), &[draft(5)]).unwrap();
    let late = frames(&mut team.phones[1]);
    let mut new = team.newcomer("new", Role::Educator);
    new.receive(&pack, false).unwrap();
    let received = new.receive(&late, false).unwrap();
    assert_eq!((received.applied, received.quarantined, received.waiting), (2, 0, 0));
    new.let_go_of_erased().unwrap();
    assert_eq!(new.index.document(&gone.0).unwrap().left().count(), 0, "nothing of it is kept");
    team.gather();
    assert_eq!(new.canonical().unwrap(), team.admin.canonical().unwrap());
    // From a pack that is made of a pack it goes on as well.
    assert_eq!(new.contact_count().unwrap(), 2);
}

/// More erasures than one segment holds are in as many as it takes.
#[test]
fn however_many_were_erased_a_pack_can_be_made() {
    let (mut team, gone) = team_with_files();
    team.admin.erase_client(gone).unwrap();
    team.admin.close_unsent().unwrap();
    let lane = team.admin.space().unwrap().lane;
    let document =
        |n: u32| Document::new(haversack_wire::hash::cut(blake3::hash(&n.to_le_bytes()).into()));
    let rows = (0..4_500).map(|n| (erased(document(n), lane, Some(0)), Vec::new())).collect();
    team.admin.commit(Staged { rows, ..Staged::default() }).unwrap();
    let pack = team.pack();
    let mut new = team.newcomer("new", Role::Educator);
    let received = new.receive(&pack, false).unwrap();
    assert_eq!((received.applied, received.quarantined), (pack.len() as u32, 0));
    assert_eq!(new.erasures().unwrap().len(), 4_501);
}

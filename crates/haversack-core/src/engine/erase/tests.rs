//! What only tests may reach: forged and forked erasures, late changes of an erased file, what is left in what is kept.

use automerge::ROOT;
use automerge::transaction::Transactable;
use haversack_wire::Epoch;
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use tempfile::TempDir;

use super::super::documents::{RowContent, row_item};
use super::super::hostile::Forged;
use super::super::kept::KeptBody;
use super::super::tests::{client, engine};
use super::*;
use crate::docs::rebuild;
use crate::store::Table;
use crate::sync::body::Body;
use crate::{ContactDraft, Passphrase, Person, WhoDraft};

/// A coordinator, a supervisor, an educator; all have what the others said.
struct Team {
    folder: TempDir,
    office: Engine,
    supervisor: Engine,
    phone: Engine,
}

fn team() -> Team {
    let folder = TempDir::new().unwrap();
    let [mut office, supervisor, phone] =
        [("office", 1), ("supervisor", 2), ("phone", 3)].map(|(n, seed)| engine(&folder, n, seed));
    office.found_space().unwrap();
    let mut team = Team { folder, office, supervisor, phone };
    for (n, role) in [(1, Role::Supervisor), (2, Role::Educator)] {
        let request = team.all()[n].request_to_join().unwrap();
        let (answer, _) = team.office.invite(&request, role, &[]).unwrap();
        team.all()[n].join(&answer).unwrap();
    }
    client(&mut team.phone, "ZQGONE");
    client(&mut team.phone, "STAYS");
    client(&mut team.supervisor, "OURS");
    team.meet();
    team.meet();
    team
}

impl Team {
    fn all(&mut self) -> [&mut Engine; 3] {
        [&mut self.office, &mut self.supervisor, &mut self.phone]
    }

    /// Everybody hands everybody a file.
    fn meet(&mut self) {
        for n in 0..3 {
            let bundle = self.all()[n].export_bundle().unwrap();
            self.all().into_iter().for_each(|one| drop(one.import_bundle(&bundle)));
        }
    }
}

fn carry(from: &mut Engine, to: &mut Engine) {
    to.import_bundle(&from.export_bundle().unwrap()).unwrap();
}

fn named(engine: &Engine, label: &str) -> Option<ClientId> {
    let rows = engine.clients().unwrap();
    let is_it = |row: &&crate::ClientRow| row.client.label.as_ref().unwrap().as_str() == label;
    rows.iter().find(is_it).map(|row| row.id)
}

/// Writes into a client's file, as a newer version of this program may.
pub(in crate::engine) fn edit(engine: &mut Engine, id: Document, label: &str) {
    let lane = engine.space().unwrap().lane;
    let author = engine.author(&lane).unwrap();
    let mut document = engine.document(&id).unwrap().with_actor(author.id().clone());
    let mut tx = document.transaction();
    tx.put(ROOT, "label", label).unwrap();
    tx.commit();
    let (made, before) = (document.get_last_local_change().unwrap(), engine.index.tip(&id, &lane));
    let tip = Tip { sequence: made.seq(), hash: Some(made.hash()) };
    let item = row_item(&author, id, vec![rebuild::raw(&made, before)]).unwrap();
    let (kind, since) = (RowKind::Changes, Epoch::default());
    let head = RowHead { document: id, kind, lane, sequence: None, tip, since };
    let mut staged = Staged::default();
    staged.rows.push((head, RowContent { item, signed: None }.encode().unwrap()));
    staged.documents.insert(id, rebuild::Built::of(document));
    engine.commit(staged).unwrap();
}

/// Whether a store has nothing of a file any more: no key, no row, no cache, no body and no frame that its keys open.
fn assert_nothing_of(engine: &Engine, id: Document) {
    let files = BTreeSet::from([id]);
    let rows = engine.index.document(&id).unwrap();
    assert!(rows.is_gone() && rows.left().next().is_none() && !engine.caches.contains_key(&id));
    assert!(engine.ring.document(&id).is_err() && !engine.client_keys.contains_key(&id));
    assert!(engine.documents.get(&id).is_none());
    let bodies = engine.db.rows(Table::Bodies, &engine.outbox_key().unwrap()).unwrap();
    for (_, bytes) in bodies {
        let body = KeptBody::decode(&bytes).unwrap();
        assert!(!engine.holds(&body.raw, &files));
    }
    for (_, kept) in engine.waiting.iter() {
        assert!(!engine.opened_body(kept).is_some_and(|raw| engine.holds(&raw, &files)));
    }
}

fn reopen(engine: Engine, folder: &TempDir, name: &str) -> Engine {
    engine.close().unwrap();
    let passphrase = Passphrase::new(b"team".to_vec()).unwrap();
    let random = Box::new(ChaCha20Rng::seed_from_u64(99));
    Engine::open(&folder.path().join(name), &passphrase, random).unwrap()
}

#[test]
fn once_all_have_said_so_nothing_of_it_is_left_anywhere() {
    let mut team = team();
    let gone = named(&team.office, "ZQGONE").unwrap();
    assert!(team.phone.holds(&bodies_of(&team.phone)[0], &BTreeSet::from([gone.0])));
    team.supervisor.erase_client(gone).unwrap();
    assert_eq!(named(&team.supervisor, "ZQGONE"), None);
    let shown = team.supervisor.erasures().unwrap();
    assert_eq!(shown, [Erasure { client: gone, confirmed: 1, members: 3 }]);
    team.meet();
    team.meet();
    team.meet();
    for one in team.all() {
        assert_nothing_of(one, gone.0);
        assert_eq!(one.clients().unwrap().len(), 2);
        assert_eq!(one.erasures().unwrap()[0].confirmed, 3);
        assert_eq!(one.owed().changes, 0, "the erasure itself is with everybody");
    }
    let (office, folder) = (team.office, &team.folder);
    let office = reopen(office, folder, "office");
    assert_nothing_of(&office, gone.0);
    assert_eq!(office.erasures().unwrap().len(), 1);
}

fn bodies_of(engine: &Engine) -> Vec<Vec<u8>> {
    let rows = engine.db.rows(Table::Bodies, &engine.outbox_key().unwrap()).unwrap();
    rows.into_iter().map(|(_, bytes)| KeptBody::decode(&bytes).unwrap().raw).collect()
}

#[test]
fn nothing_of_it_is_in_what_a_snapshot_would_save() {
    let mut team = team();
    let gone = named(&team.office, "ZQGONE").unwrap();
    let saved = |engine: &mut Engine| {
        let bytes = engine.view.save().unwrap();
        let mut r = haversack_wire::Reader::new("snapshot", &bytes);
        let _version = r.u8().unwrap();
        let length = r.count(1 << 30).unwrap();
        zstd::bulk::decompress(r.rest(), length).unwrap()
    };
    let holds = |bytes: &[u8], what: &[u8]| bytes.windows(what.len()).any(|part| part == what);
    let tag = team.office.client_keys[&gone.0].tag(2008, 2);
    let before = saved(&mut team.office);
    assert!(holds(&before, b"ZQGONE") && holds(&before, gone.0.as_bytes()));
    team.office.erase_client(gone).unwrap();
    let after = saved(&mut team.office);
    assert!(holds(&after, b"STAYS"), "the search can find");
    for what in [&b"ZQGONE"[..], gone.0.as_bytes(), &tag] {
        assert!(!holds(&after, what));
    }
}

#[test]
fn a_file_that_was_never_sent_is_gone_with_its_erasure() {
    let mut team = team();
    client(&mut team.office, "UNSENT");
    let unsent = named(&team.office, "UNSENT").unwrap();
    team.office.erase_client(unsent).unwrap();
    assert_nothing_of(&team.office, unsent.0);
    assert!(matches!(team.office.erase_client(unsent), Err(Error::Unknown { what: "client" })));
    team.meet();
    assert!(team.phone.is_erased(&unsent.0));
}

#[test]
fn what_a_phone_says_of_it_late_counts_as_come_and_is_dropped() {
    let mut team = team();
    let gone = named(&team.office, "ZQGONE").unwrap();
    edit(&mut team.phone, gone.0, "ZQLATE-1");
    team.office.erase_client(gone).unwrap();
    carry(&mut team.office, &mut team.supervisor);
    // The phone has not heard of it, and goes on; the file that it hands over comes to the office alone.
    let first = team.phone.export_bundle().unwrap();
    edit(&mut team.phone, gone.0, "ZQLATE-2");
    client(&mut team.phone, "ANOTHER");
    let second = team.phone.export_bundle().unwrap();
    for bundle in [&first, &second] {
        let received = team.office.import_bundle(bundle).unwrap().received;
        assert_eq!((received.waiting, received.quarantined), (0, 0));
    }
    assert!(named(&team.office, "ANOTHER").is_some(), "its lane goes on");
    (0..3).for_each(|_| team.meet());
    team.all().into_iter().for_each(|one| assert_nothing_of(one, gone.0));
    assert_eq!(team.office.canonical().unwrap(), team.phone.canonical().unwrap());
}

#[test]
fn its_contacts_stay_and_count_as_unattributed() {
    let mut team = team();
    let site = crate::model::Site {
        code: crate::model::SiteCode::new("KM-V").unwrap(),
        kind: crate::model::SiteKind::MOBILE_VAN,
        setting: None,
        closes: None,
    };
    team.office.put_site(&site).unwrap();
    team.meet();
    let gone = named(&team.office, "ZQGONE").unwrap();
    let draft = ContactDraft::new(WhoDraft::Client(gone), site.code.clone());
    let day = crate::model::Day::from_number(3_000).unwrap();
    team.phone.log(day, std::slice::from_ref(&draft)).unwrap();
    team.meet();
    team.office.erase_client(gone).unwrap();
    // One more, by who has not heard of it.
    team.phone.log(day, std::slice::from_ref(&draft)).unwrap();
    team.meet();
    team.meet();
    for one in team.all() {
        let rows = one.contacts(&Default::default()).unwrap();
        assert_eq!(rows.len(), 2);
        assert!(rows.iter().all(|row| row.person == Person::Unattributed));
        one.rebuild().unwrap();
        assert_eq!(one.contacts(&Default::default()).unwrap(), rows);
    }
    assert!(matches!(team.phone.log(day, &[draft]), Err(Error::Unknown { what: "client" })));
}

#[test]
fn only_supervisors_and_coordinators_erase() {
    let mut team = team();
    let client = named(&team.phone, "ZQGONE").unwrap();
    assert!(matches!(team.phone.erase_client(client), Err(Error::NotAllowed { .. })));
    let body = Body { erasures: vec![client.0], ..Body::default() };
    let forged = Forged::of(body).said(&mut team.phone);
    for one in [&mut team.office, &mut team.supervisor] {
        let received = one.receive(std::slice::from_ref(&forged), false).unwrap();
        assert_eq!((received.applied, received.quarantined), (0, 1));
        assert!(named(one, "ZQGONE").is_some() && one.erased().is_empty());
    }
}

#[test]
fn no_outing_and_no_registry_is_a_clients_file() {
    let mut team = team();
    let registry = super::super::documents::registry(team.office.space().unwrap().space());
    let site = crate::model::SiteCode::new("KM-V").unwrap();
    let kind = crate::model::SiteKind::MOBILE_VAN;
    let site = crate::model::Site { code: site, kind, setting: None, closes: None };
    team.office.put_site(&site).unwrap();
    let day = crate::model::Day::from_number(3_000).unwrap();
    team.office.log(day, &[ContactDraft::new(WhoDraft::default(), site.code)]).unwrap();
    team.meet();
    let outing = team.office.contacts(&Default::default()).unwrap()[0].id.outing;
    let mut erasures = vec![registry, outing];
    erasures.sort();
    let body = Body { erasures, ..Body::default() };
    let forged = Forged::of(body).said(&mut team.supervisor);
    let received = team.office.receive(&[forged], false).unwrap();
    assert_eq!(received.applied, 1);
    assert_eq!(team.office.contact_count().unwrap(), 1);
    assert_eq!(team.office.sites().unwrap().len(), 1);
}

#[test]
fn an_erasure_counts_on_whichever_branch_of_a_lane_it_is() {
    for erasing_first in [true, false] {
        let mut team = team();
        let gone = named(&team.office, "ZQGONE").unwrap();
        let body = Body { erasures: vec![gone.0], ..Body::default() };
        let erasing = Forged::of(body).frame(&team.supervisor);
        let other = Body { other: vec![(77, b"newer".to_vec())], ..Body::default() };
        let other = Forged::of(other).frame(&team.supervisor);
        let mut frames = [erasing, other];
        if !erasing_first {
            frames.reverse();
        }
        for one in [&mut team.office, &mut team.phone] {
            for frame in &frames {
                one.receive(std::slice::from_ref(frame), true).unwrap();
            }
            assert_eq!(named(one, "ZQGONE"), None);
            assert!(one.is_erased(&gone.0));
        }
    }
}

#[test]
fn what_a_removed_supervisor_erased_beyond_its_cut_does_not_count() {
    let mut team = team();
    let client = named(&team.office, "ZQGONE").unwrap();
    let seized = team.supervisor.device();
    team.supervisor.erase_client(client).unwrap();
    // The phone hears of the erasure first, the office of nothing.
    let erasing = team.supervisor.export_bundle().unwrap();
    team.phone.import_bundle(&erasing).unwrap();
    assert_eq!(named(&team.phone, "ZQGONE"), None);
    team.office.revoke(seized, false).unwrap();
    drop(team.office.import_bundle(&erasing));
    assert!(named(&team.office, "ZQGONE").is_some(), "it is beyond the cut");
    carry(&mut team.office, &mut team.phone);
    carry(&mut team.phone, &mut team.office);
    assert_eq!((team.office.erased(), team.phone.erased()), Default::default());
    assert_eq!(named(&team.phone, "ZQGONE"), None, "what was destroyed is destroyed");
    assert!(named(&team.office, "ZQGONE").is_some());
    // Erased by somebody who may, it is so everywhere.
    team.office.erase_client(client).unwrap();
    carry(&mut team.office, &mut team.phone);
    assert_eq!(team.phone.erased(), BTreeSet::from([client.0]));
}

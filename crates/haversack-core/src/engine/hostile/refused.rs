//! Bad input, one of each kind: refused by name, where an admin sees it, and the lane that it was on goes on.

use haversack_wire::bundle;

use super::*;
use crate::crypto::Real;
use crate::docs::rebuild::{self, Tip};
use crate::docs::{DocumentChanges, RawChange, ops};
use crate::engine::documents::registry;
use crate::members::{Content, Cut, GrantEntry, Statement, seal_grant};

/// What is to become of it.
enum Expect {
    /// Refused, on the insider's own lane or on another one, or on none.
    Refused(Reason, Whose),
    /// Kept until what it lacks comes.
    Kept,
    /// Nothing at all.
    Nothing,
}

enum Whose {
    Insiders,
    Phones,
    Nobodys,
}

use Expect::{Kept, Nothing, Refused};
use Whose::{Insiders, Nobodys, Phones};

type Make = fn(&mut Team) -> Vec<u8>;

/// One change, as it may not be, in a document.
fn changed(by: &Engine, document: Document, sequence: u64, start_op: u64) -> Forged {
    let author = by.author(&by.space().unwrap().lane).unwrap();
    let operations = vec![];
    let change = RawChange { sequence, start_op, dependencies: vec![], operations };
    let documents = [DocumentChanges { document, changes: vec![change.clone()] }];
    let item = ops::encode(&author, &documents).unwrap();
    let before = Tip { sequence: sequence - 1, hash: None };
    let hash = rebuild::changes(&author, vec![change], before).unwrap()[0].hash();
    let body = Body { changes: Some(item), ..Body::default() };
    Forged { body, tips: vec![(document, hash)], ..Forged::default() }
}

fn saying(by: &Engine, content: Content) -> Forged {
    let roster = &by.space().unwrap().group.roster;
    let sign = &by.device.identity.sign;
    let said = Statement::sign::<Real>(roster.space(), sign, roster.parents(), content, None);
    let body = Body { statements: vec![said.unwrap().bytes], ..Body::default() };
    Forged { body, ..Forged::default() }
}

fn granted(by: &Engine, to: &Engine, names: Epoch) -> Vec<u8> {
    let random = &mut ChaCha20Rng::seed_from_u64(8);
    let entries = [GrantEntry::Epoch(EpochSecret::new([8; 32]))];
    let space = by.space().unwrap();
    let kem = to.device.identity.kem.public();
    seal_grant::<Real>(space.space(), &kem, names, &entries, random).unwrap()
}

const CASES: &[(&str, Make, Expect)] = &[
    (
        "a removal of an admin by an educator",
        |team| {
            let content = Content::Revoke { device: team.admin.device(), cut: Cut::new() };
            saying(&team.insider, content).said(&mut team.insider)
        },
        Refused(Reason::Statement, Insiders),
    ),
    (
        "an admin's role, claimed by an educator",
        |team| {
            let (device, role) = (team.insider.device(), Some(Role::Coordinator));
            let content = Content::SetRole { device, role, cut: Cut::new() };
            saying(&team.insider, content).said(&mut team.insider)
        },
        Refused(Reason::Statement, Insiders),
    ),
    (
        "a role claimed in a record: an educator writes what is the coordinators'",
        |team| {
            let registry = registry(team.insider.space().unwrap().space());
            changed(&team.insider, registry, 1, 1).said(&mut team.insider)
        },
        Refused(Reason::Role, Insiders),
    ),
    (
        "an erasure by an educator",
        |team| {
            let erasures = vec![team.insider.clients().unwrap()[0].id.0];
            let body = Body { erasures, ..Body::default() };
            Forged { body, ..Forged::default() }.said(&mut team.insider)
        },
        Refused(Reason::Role, Insiders),
    ),
    (
        "a chunk under a key that nobody granted",
        |team| {
            let secret = Some(EpochSecret::new([5; 32]));
            Forged { secret, ..Forged::default() }.frame(&team.insider)
        },
        Kept,
    ),
    (
        "a body on another's lane",
        |team| {
            let lane = Some(team.phone.space().unwrap().lane);
            Forged { lane, ..Forged::default() }.frame(&team.insider)
        },
        Refused(Reason::Signature, Phones),
    ),
    (
        "a lane opened for another device",
        |team| {
            let (lane, body) = another_lane(&team.phone, 9);
            Forged { lane: Some(lane), body, ..Forged::default() }.frame(&team.insider)
        },
        Refused(Reason::Signature, Phones),
    ),
    (
        "a lane that is not that of its opening",
        |team| {
            let (_, body) = another_lane(&team.insider, 9);
            let lane = Some(Lane::new([9; 16]));
            Forged { lane, body, ..Forged::default() }.frame(&team.insider)
        },
        Refused(Reason::Opening, Insiders),
    ),
    (
        "a gap in the sequence of an actor",
        |team| changed(&team.insider, Document::new([6; 16]), 2, 1).frame(&team.insider),
        Refused(Reason::Changes, Insiders),
    ),
    (
        "a start op that follows from nothing",
        |team| changed(&team.insider, Document::new([6; 16]), 1, 4_000_000).said(&mut team.insider),
        Refused(Reason::Document, Insiders),
    ),
    (
        "changes that cannot be read",
        |team| {
            let body = Body { changes: Some(vec![1; 40]), ..Body::default() };
            Forged { body, ..Forged::default() }.frame(&team.insider)
        },
        Refused(Reason::Changes, Insiders),
    ),
    (
        "a body that follows one that nobody has",
        |team| {
            let previous = Some(Position::new([9; 16]));
            Forged { previous, ..Forged::default() }.frame(&team.insider)
        },
        // It may be another branch's.
        Kept,
    ),
    (
        "a gap in the sequence of a lane",
        |team| Forged { ahead: 1, ..Forged::default() }.frame(&team.insider),
        Kept,
    ),
    (
        "a header that names another lane than its body",
        |team| {
            let tag = Some(LaneTag::new([9; 8]));
            Forged { tag, ..Forged::default() }.frame(&team.insider)
        },
        Refused(Reason::Tag, Insiders),
    ),
    (
        "an author who had seen more before",
        |team| {
            let body = Body { heads: Some(vec![]), ..Body::default() };
            Forged { body, ..Forged::default() }.frame(&team.insider)
        },
        Refused(Reason::Heads, Insiders),
    ),
    (
        "a grant for somebody else",
        |team| {
            let epoch = EpochSecret::new([8; 32]).id(team.admin.space().unwrap().space());
            granted(&team.insider, &team.phone, epoch)
        },
        Nothing,
    ),
    (
        "a grant that does not hold what it says",
        |team| granted(&team.insider, &team.admin, Epoch::new([7; 16])),
        Refused(Reason::Grant, Nobodys),
    ),
    ("a frame of another length", |_| [&[1, 1][..], &[0; 300]].concat(), {
        Refused(Reason::Form, Nobodys)
    }),
];

#[test]
fn each_is_refused_by_name_and_its_lane_goes_on() {
    for (name, make, expect) in CASES {
        let mut team = team();
        let frame = make(&mut team);
        let secrets = team.admin.ring.epochs().clone();
        let received = team.admin.receive(std::slice::from_ref(&frame), false).unwrap();
        assert_eq!(received.applied, 0, "{name}");
        assert_eq!(team.admin.ring.epochs(), &secrets, "{name}");
        let (insider, phone) = (team.insider.device(), team.phone.device());
        let found = team.admin.quarantined();
        let Status { quarantined, .. } = team.admin.status().unwrap();
        match expect {
            Refused(reason, whose) => {
                let device = match whose {
                    Insiders => Some(insider),
                    Phones => Some(phone),
                    Nobodys => None,
                };
                assert_eq!(found.len(), 1, "{name}: {found:?}");
                assert_eq!((found[0].device, found[0].reason), (device, *reason), "{name}");
                assert_eq!(found[0].sequence.is_some(), device.is_some(), "{name}");
                assert_eq!((quarantined, received.quarantined), (1, 1), "{name}");
            }
            Kept => assert!(found.is_empty() && team.admin.waiting.holds(&frame), "{name}"),
            Nothing => assert!(found.is_empty() && !team.admin.waiting.holds(&frame), "{name}"),
        }
        // It is the same after a restart, and everybody's lane goes on.
        let passphrase = Passphrase::new(b"team".to_vec()).unwrap();
        let folder = team._folder.path().join("admin");
        drop(std::mem::replace(&mut team.admin, engine(&team._folder, "other", 9)));
        let random = Box::new(ChaCha20Rng::seed_from_u64(7));
        team.admin = Engine::open(&folder, &passphrase, random).unwrap();
        assert_eq!(team.admin.quarantined(), found, "{name}");
        for member in [&mut team.insider, &mut team.phone] {
            client(member, "AFTER");
            carry(member, &mut team.admin);
        }
        assert_eq!(team.admin.clients().unwrap().len(), 4, "{name}");
    }
}

/// A removed coordinator: what it says after its removal is refused by name, whether it had seen it or not.
#[test]
fn a_removed_admin_decides_nothing() {
    let mut team = team();
    let mut seized = engine(&team._folder, "seized", 5);
    join(&mut team.admin, &mut seized, Role::Coordinator);
    carry(&mut team.admin, &mut seized);
    client(&mut seized, "FIRST");
    carry(&mut seized, &mut team.admin);
    team.admin.revoke(seized.device(), true).unwrap();
    let content = Content::Revoke { device: team.phone.device(), cut: Cut::new() };
    let unknowing = saying(&seized, content.clone()).said(&mut seized);
    team.admin.receive(&[unknowing], false).unwrap();
    let of = |device| move |found: &Quarantined| found.device == Some(device);
    let found: Vec<_> = team.admin.quarantined().into_iter().filter(of(seized.device())).collect();
    let void = Quarantined { device: Some(seized.device()), sequence: None, reason: Reason::Void };
    assert_eq!(found, [void]);
    assert!(team.admin.members().unwrap().iter().any(|m| m.device == team.phone.device()));
    // Now it knows.
    let mut space = seized.space().unwrap().clone();
    let all: Vec<Vec<u8>> = {
        let roster = &team.admin.space().unwrap().group.roster;
        roster.statements().map(<[u8]>::to_vec).collect()
    };
    space.group.roster.add::<Real>(all.iter().map(Vec::as_slice)).unwrap();
    seized.commit(documents::Staged { space: Some(space), ..Default::default() }).unwrap();
    let mut knowing = saying(&seized, content);
    knowing.body.heads = Some(seized.space().unwrap().group.roster.heads());
    let space = team.admin.space().unwrap();
    let live = space.live.unwrap();
    knowing.secret = team.admin.ring.epochs().get(&live.epoch).cloned();
    let frame = knowing.frame(&seized);
    let received = team.admin.receive(&[frame], false).unwrap();
    assert_eq!(received.quarantined, 1);
    let found = team.admin.quarantined();
    assert!(found.iter().any(|found| found.reason == Reason::Member), "{found:?}");
}

#[test]
fn an_invitation_is_for_one_request_once() {
    let Team { mut admin, phone: _phone, insider: _insider, _folder } = team();
    let mut late = engine(&_folder, "late", 6);
    let asked = late.request_to_join().unwrap();
    let (answer, _) = admin.invite(&asked, Role::Educator, &[]).unwrap();
    // Expired: another request took its place.
    late.request_to_join().unwrap();
    assert!(matches!(late.join(&answer), Err(Error::Enrolment { .. })));
    let request = late.request_to_join().unwrap();
    let (answer, _) = admin.invite(&request, Role::Educator, &[]).unwrap();
    // Foreign: an answer to somebody else's.
    let mut other = engine(&_folder, "other", 7);
    other.request_to_join().unwrap();
    assert!(matches!(other.join(&answer), Err(Error::Enrolment { .. })));
    // Forged: one letter.
    let last = answer.chars().rev().find(char::is_ascii_alphanumeric).unwrap();
    let place = answer.len() / 2;
    let forged: String = answer
        .char_indices()
        .map(|(n, c)| if n > place && c.is_ascii_alphabetic() && c != last { last } else { c })
        .collect();
    assert!(matches!(late.join(&forged), Err(Error::Enrolment { .. } | Error::Wire(_))));
    late.join(&answer).unwrap();
    // Replayed.
    assert!(matches!(late.join(&answer), Err(Error::InSpace)));
    let empty = bundle::encode(std::iter::empty()).unwrap();
    assert_eq!(late.import_bundle(&empty).unwrap().frames, 0);
}

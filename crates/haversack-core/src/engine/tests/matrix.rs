//! CT-10: who can read what, by its keys alone (domain.md § 3 and § 7).
//!
//! The policy is by space: whoever is in a space reads everything of it, whatever its role, also what was written before it came;
//! whoever was removed reads nothing that was sealed by somebody who had seen the removal. What a role must not read (a trainer
//! no client's file, nobody but clinics a health file) lies in another space, and is another column here: a space adds
//! its kinds to [`COLUMNS`], and a row says for each role whether it is in it.

use std::collections::BTreeSet;

use haversack_wire::Frame;

use super::*;
use crate::crypto::Real;
use crate::docs::read::Record;
use crate::members::{Held, RosterSegment};
use crate::model::{Day, Mode, Setting, Site, SiteCode, SiteKind};

/// When something was sealed: before the reader came, while it was a member, after one was removed: by those who had not heard
/// of that, and by those who had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum When {
    Before,
    During,
    Unaware,
    After,
}

/// What is in a body, or lies beside bodies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Outing,
    Client,
    ClientKey,
    Registry,
    Roster,
}

/// Every kind of content of every space; today there is one.
const COLUMNS: [Kind; 5] =
    [Kind::Outing, Kind::Client, Kind::ClientKey, Kind::Registry, Kind::Roster];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    Member(Role),
    Removed,
    Stranger,
}

/// The policy: which rows open a column, and of when.
const fn opens(who: Who, kind: Kind, when: When) -> bool {
    match (who, kind) {
        // All kinds are of the team's own space, and all roles are in it.
        (Who::Member(_), _) => true,
        (Who::Removed, _) => matches!(when, When::Before | When::During | When::Unaware),
        (Who::Stranger, _) => false,
    }
}

/// A device with all the keys that it ever had.
struct Reader {
    who: Who,
    engine: Engine,
    held: Held,
}

/// What lies at a relay: each frame with when it was sealed.
type Image = Vec<(When, Vec<u8>)>;

impl Reader {
    fn remember(&mut self) {
        let held = self.engine.ring.epochs().iter();
        self.held.extend(held.map(|(id, secret)| (*id, secret.clone())));
    }

    /// Its keys, and all those that it can get out of what lies at the relay.
    fn keys(&self, image: &Image) -> Held {
        let Ok(space) = self.engine.space() else { return Held::new() };
        let (mut group, mut held) = (space.group.clone(), self.held.clone());
        for (_, frame) in image {
            let Ok(Frame::Grant(header, sealed)) = Frame::parse(frame) else { continue };
            for kem in self.engine.device.kems() {
                if let Some(Ok(secrets)) = group.take_grant::<Real>(kem, &header, sealed) {
                    held.extend(secrets);
                }
            }
        }
        held
    }
}

/// What a frame holds, to whoever has these keys.
fn read(keys: &Held, frame: &[u8], knows: &Engine) -> Vec<Kind> {
    let space = knows.space().unwrap();
    let id = space.space();
    match Frame::parse(frame).unwrap() {
        Frame::Chunk(header, sealed) => {
            let open = |(epoch, secret)| chunk::open((secret, epoch), id, &header, sealed);
            let Some(Ok(raw)) = keys.iter().find_map(open) else { return Vec::new() };
            kinds(&Body::decode(&raw).unwrap().0, knows)
        }
        Frame::Roster(header, sealed) => {
            let open = |(epoch, secret)| chunk::open_roster((secret, epoch), id, &header, sealed);
            let Some(Ok(raw)) = keys.iter().find_map(open) else { return Vec::new() };
            RosterSegment::decode(&raw).map(|_| vec![Kind::Roster]).unwrap()
        }
        _ => Vec::new(),
    }
}

fn kinds(body: &Body, knows: &Engine) -> Vec<Kind> {
    let author = knows.author(&body.lane).unwrap();
    let parts = body.changes.iter().flat_map(|item| ops::decode(&author, item).unwrap());
    let mut kinds: Vec<Kind> = parts
        .map(|part| {
            let document = knows.rebuild_document(&part.document).unwrap();
            match knows.record(&part.document, &document) {
                Record::Outing(_) => Kind::Outing,
                Record::Client(_) => Kind::Client,
                Record::Registry(_) => Kind::Registry,
                Record::Other => panic!("every document here is of a kind"),
            }
        })
        .collect();
    kinds.extend((!body.client_keys.is_empty()).then_some(Kind::ClientKey));
    kinds.extend((!body.statements.is_empty()).then_some(Kind::Roster));
    kinds
}

/// Puts what a device would send to the relay, as it is now.
fn publish(image: &mut Image, when: When, by: &mut Engine) {
    let bundle = by.export_bundle().unwrap();
    let frames = haversack_wire::bundle::decode(&bundle).unwrap().frames;
    for frame in frames {
        if image.iter().all(|(_, known)| known != frame) {
            image.push((when, frame.to_vec()));
        }
    }
}

fn van(code: &str) -> Site {
    let code = SiteCode::new(code).unwrap();
    Site { code, kind: SiteKind::MOBILE_VAN, setting: Some(Setting::COMMUNITY), closes: None }
}

/// Something of every kind that its role writes.
fn write_all(by: &mut Engine, n: i64) {
    if by.role().unwrap() == Some(Role::Coordinator) {
        by.put_site(&van(&format!("VAN-{n}"))).unwrap();
    }
    client(by, &format!("K-{n}"));
    let draft = ContactDraft {
        mode: Some(Mode::STREET),
        ..ContactDraft::new(WhoDraft::default(), van("VAN-1").code)
    };
    by.log(Day::from_number(3_000 + n).unwrap(), &[draft]).unwrap();
}

/// Everybody who is a member takes what lies at the relay.
fn fetch(image: &Image, readers: &mut [Reader]) {
    let frames: Vec<&[u8]> = image.iter().map(|(_, frame)| frame.as_slice()).collect();
    let bundle = haversack_wire::bundle::encode(frames).unwrap();
    for reader in readers.iter_mut().filter(|reader| matches!(reader.who, Who::Member(_))) {
        reader.engine.import_bundle(&bundle).unwrap();
        reader.remember();
    }
}

/// One who was invited as what it is, and knows what that opens.
fn joined(founder: &mut Engine, who: Who, mut engine: Engine) -> Reader {
    let role = match who {
        Who::Member(role) => Some(role),
        Who::Removed => Some(Role::Coordinator),
        Who::Stranger => None,
    };
    if let Some(role) = role {
        let request = engine.request_to_join().unwrap();
        let (answer, _) = founder.invite(&request, role, &[]).unwrap();
        engine.join(&answer).unwrap();
    }
    let mut reader = Reader { who, engine, held: Held::new() };
    reader.remember();
    reader
}

#[test]
fn what_each_role_can_open_is_what_the_policy_says() {
    let folder = TempDir::new().unwrap();
    let mut founder = engine(&folder, "founder", 1);
    founder.found_space().unwrap();
    let mut image = Image::new();
    write_all(&mut founder, 1);
    publish(&mut image, When::Before, &mut founder);
    founder.rotate().unwrap();

    let members = Role::ALL.map(Who::Member).into_iter();
    let rows = members.chain([Who::Removed, Who::Stranger]).zip(2..);
    let mut readers: Vec<Reader> = rows
        .map(|(who, seed)| joined(&mut founder, who, engine(&folder, &format!("{seed}"), seed)))
        .collect();
    write_all(&mut founder, 2);
    publish(&mut image, When::During, &mut founder);
    fetch(&image, &mut readers);
    let frames: Vec<&[u8]> = image.iter().map(|(_, frame)| frame.as_slice()).collect();
    let bundle = haversack_wire::bundle::encode(frames).unwrap();
    let lost = readers.iter_mut().find(|reader| reader.who == Who::Removed).unwrap();
    lost.engine.import_bundle(&bundle).unwrap();
    lost.remember();
    let device = lost.engine.device();

    // One is removed. A coordinator goes on who has not heard of it; then all have.
    founder.revoke(device, false).unwrap();
    let is_coordinator = |reader: &Reader| reader.who == Who::Member(Role::Coordinator);
    let place = readers.iter().position(is_coordinator).unwrap();
    write_all(&mut readers[place].engine, 3);
    publish(&mut image, When::Unaware, &mut readers[place].engine);
    let knew = image.len();
    write_all(&mut founder, 4);
    publish(&mut image, When::After, &mut founder);
    fetch(&image, &mut readers);
    readers[place].engine.rotate().unwrap();
    write_all(&mut readers[place].engine, 5);
    publish(&mut image, When::After, &mut readers[place].engine);
    fetch(&image, &mut readers);
    assert!(image.len() > knew);

    let frames: Vec<&[u8]> = image.iter().map(|(_, frame)| frame.as_slice()).collect();
    founder.import_bundle(&haversack_wire::bundle::encode(frames).unwrap()).unwrap();
    for reader in &readers {
        let keys = reader.keys(&image);
        let mut opened = BTreeSet::new();
        for (when, frame) in &image {
            opened.extend(read(&keys, frame, &founder).into_iter().map(|kind| (kind, *when)));
        }
        for kind in COLUMNS {
            for when in [When::Before, When::During, When::Unaware, When::After] {
                let (is, ought) = (opened.contains(&(kind, when)), opens(reader.who, kind, when));
                assert_eq!(is, ought, "{:?} and {kind:?} of {when:?}", reader.who);
            }
        }
    }
}

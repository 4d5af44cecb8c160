//! What an insider, or a pack's maker, can try.

use super::*;
use crate::crypto::PackKey;
use crate::sync::chunk;
use crate::sync::manifest::Manifest;
use crate::sync::pack::Segment;
use haversack_wire::FrameHash;

/// The segments of the admin's pack, opened.
pub(super) fn segments(admin: &mut Engine) -> (PackKey, Vec<Segment>) {
    let space = admin.space().unwrap().clone();
    let key = space.group.packs.newest().next().unwrap().clone();
    let pack = key.id(space.space());
    let open = |frame: &Vec<u8>| {
        let Ok(Frame::Pack(header, sealed)) = Frame::parse(frame) else { panic!("a pack") };
        let raw = chunk::open_pack((&key, &pack), space.space(), &header, sealed).unwrap().unwrap();
        Segment::decode(&raw, space.space()).unwrap()
    };
    let frames = pack_frames(admin);
    let segments = frames.iter().filter(|frame| is_segment(frame)).map(open).collect();
    (key, segments)
}

/// A pack with these segments, signed by a device.
pub(super) fn pack_of(signer: &mut Engine, key: &PackKey, segments: &[Segment]) -> Vec<Vec<u8>> {
    let space = *signer.space().unwrap().space();
    let pack = key.id(&space);
    let random = &mut rand_chacha::ChaCha20Rng::from_seed([3; 32]);
    let mut frames: Vec<Vec<u8>> = Vec::new();
    for segment in segments {
        let raw = segment.encode(&space).unwrap();
        frames.push(chunk::seal_pack((key, &pack), &space, (false, &raw), random).unwrap());
    }
    let sign = signer.device.identity.sign.clone();
    let manifest = Manifest {
        signer: sign.public(),
        heads: signer.space().unwrap().group.roster.heads(),
        documents: 1,
        segments: frames.iter().map(|frame| FrameHash::of(frame)).collect(),
    };
    let raw = manifest.sign(&sign, &space, &pack).unwrap();
    frames.insert(0, chunk::seal_pack((key, &pack), &space, (true, &raw), random).unwrap());
    frames
}

fn told_team() -> Team {
    let mut team = Team::new(1);
    team.phones[0].log(day(1), &[draft(3), draft(4)]).unwrap();
    team.gather();
    team.pack();
    team
}

/// Takes a forged pack, and says why of it what was refused.
fn refused(team: &mut Team, pack: &[Vec<u8>]) -> (u64, Vec<&'static str>) {
    let mut new = team.newcomer("new", Role::Archive);
    new.receive(pack, false).unwrap();
    let reasons = new.quarantined().iter().map(|refused| refused.reason.code()).collect();
    let contacts = new.contact_count().unwrap();
    // What was refused keeps nobody from what is true.
    for phone in &mut team.phones {
        new.receive(&frames(phone), false).unwrap();
    }
    give(&mut team.admin, &mut new);
    assert_eq!(new.canonical().unwrap(), team.admin.canonical().unwrap());
    (contacts, reasons)
}

#[test]
fn what_its_author_did_not_sign_is_in_no_document() {
    let mut team = told_team();
    let (key, mut forged) = segments(&mut team.admin);
    let phone = team.phones[0].device.identity.sign.public();
    for segment in &mut forged {
        let place = segment.authors.iter().position(|author| author.device_key == phone);
        for part in segment.parts.iter_mut().filter(|part| Some(part.author) == place) {
            let last = part.changes.last_mut().unwrap();
            let value = automerge::legacy::OpType::Put(automerge::ScalarValue::Uint(99));
            last.operations.last_mut().unwrap().action = value;
        }
    }
    let pack = pack_of(&mut team.admin, &key, &forged);
    assert_eq!(refused(&mut team, &pack), (0, vec!["told"]));
}

/// What is signed is where a part ends; from which bodies the rest of it came is its maker's word. Where that cannot be, the part is taken
/// all the same: its maker may have believed another.
#[test]
fn runs_that_go_back_lead_nobody_astray() {
    let mut team = told_team();
    let id = team.phones[0].log(day(2), &[draft(5)]).unwrap().0.remove(0);
    team.gather();
    team.pack();
    let (_, mut forged) = segments(&mut team.admin);
    for n in [6, 7] {
        let line = Line { direction: crate::model::Direction::Out, item: Item::NEEDLE };
        team.phones[0].correct(&id, &line, Quantity::new(n).unwrap()).unwrap();
        team.gather();
    }
    team.pack();
    let (key, mut whole) = segments(&mut team.admin);
    for segment in &mut whole {
        for (part, proof) in segment.parts.iter_mut().zip(&mut segment.proofs) {
            if part.document == id.outing && part.changes.len() == 3 {
                part.changes.remove(0);
                proof.runs = vec![(0, 1), (proof.runs.last().unwrap().0, 1)];
            }
        }
    }
    forged.extend(whole);
    let pack = pack_of(&mut team.admin, &key, &forged);
    let (contacts, reasons) = refused(&mut team, &pack);
    assert_eq!((contacts, reasons), (3, vec![]));
    let mut keeper = team.newcomer("keeper", Role::Coordinator);
    keeper.receive(&pack, false).unwrap();
    give(&mut team.phones[0], &mut keeper);
    give(&mut team.admin, &mut keeper);
    keeper.make_pack(&mut |_, _| {}).unwrap();
}

#[test]
fn a_signature_from_elsewhere_is_none() {
    let mut team = told_team();
    let (key, mut forged) = segments(&mut team.admin);
    for segment in &mut forged {
        segment.proofs.iter_mut().for_each(|proof| proof.runs[0].0 += 1);
    }
    let pack = pack_of(&mut team.admin, &key, &forged);
    let (contacts, reasons) = refused(&mut team, &pack);
    assert_eq!((contacts, reasons.first()), (0, Some(&"told")));
}

#[test]
fn a_manifest_by_an_educator_counts_for_nothing() {
    let mut team = told_team();
    let (key, good) = segments(&mut team.admin);
    let pack = pack_of(&mut team.phones[0], &key, &good);
    assert_eq!(refused(&mut team, &pack), (0, vec!["pack"]));
}

#[test]
fn a_pack_of_a_removed_coordinator_counts_for_nothing() {
    let mut team = told_team();
    let (key, good) = segments(&mut team.admin);
    let mut other = team.newcomer("other", Role::Coordinator);
    give(&mut team.admin, &mut other);
    let pack = pack_of(&mut other, &key, &good);
    team.admin.revoke(other.device(), false).unwrap();
    let (contacts, reasons) = refused(&mut team, &pack);
    assert_eq!((contacts, reasons), (0, vec!["pack"]));
}

#[test]
fn a_cut_that_comes_after_the_pack_applies() {
    let mut team = told_team();
    let pack = pack_frames(&mut team.admin);
    let mut new = team.newcomer("by-pack", Role::Archive);
    new.receive(&pack, false).unwrap();
    assert_eq!(new.contact_count().unwrap(), 2);
    // The admin undoes all that this phone has written.
    team.admin.revoke(team.phones[0].device(), true).unwrap();
    give(&mut team.admin, &mut new);
    assert_eq!(new.canonical().unwrap(), team.admin.canonical().unwrap());
    assert_eq!(new.contact_count().unwrap(), team.admin.contact_count().unwrap());
}

#[test]
fn no_flip_and_no_cut_does_anything() {
    let mut team = told_team();
    let pack = pack_frames(&mut team.admin);
    let mut new = team.newcomer("new", Role::Archive);
    let before = new.canonical().unwrap();
    for frame in &pack {
        for at in (0..frame.len()).step_by(7) {
            let mut flipped = frame.clone();
            flipped[at] ^= 1;
            let cut = frame[..at].to_vec();
            new.receive(&[flipped, cut], false).unwrap();
        }
    }
    assert_eq!(new.canonical().unwrap(), before);
    new.receive(&pack, false).unwrap();
    assert_eq!(new.canonical().unwrap(), team.admin.canonical().unwrap());
}

#[test]
fn segments_that_are_none_are_refused_within_bounds() {
    let mut team = told_team();
    let (key, good) = segments(&mut team.admin);
    let space = *team.admin.space().unwrap().space();
    let raw = good[0].encode(&space).unwrap();
    for end in 0..raw.len() {
        assert!(Segment::decode(&raw[..end], &space).is_err(), "{end}");
    }
    let mut leafless = good[0].clone();
    leafless.proofs.iter_mut().for_each(|proof| proof.proof.index = 0);
    let raw = leafless.encode(&space).unwrap();
    assert!(Segment::decode(&raw, &space).is_err());
    // More operations than a document may have: refused while it is read.
    let mut bomb = good.iter().find(|segment| !segment.parts.is_empty()).unwrap().clone();
    let operation = bomb.parts[0].changes[0].operations[0].clone();
    bomb.parts[0].changes[0].operations = vec![operation; 10_001];
    assert!(bomb.encode(&space).is_err());
    let (contacts, reasons) = {
        let mut new = team.newcomer("new", Role::Archive);
        let pack = key.id(&space);
        let random = &mut rand_chacha::ChaCha20Rng::from_seed([3; 32]);
        let junk = chunk::seal_pack((&key, &pack), &space, (false, &[9; 400]), random).unwrap();
        new.receive(&[vec![junk], pack_frames(&mut team.admin)].concat(), false).unwrap();
        let codes: Vec<_> = new.quarantined().iter().map(|refused| refused.reason.code()).collect();
        (new.contact_count().unwrap(), codes)
    };
    assert_eq!((contacts, reasons), (2, vec!["pack"]));
}

//! A seized admin, a removed one, another root key: real engines that meet by bundle.

use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use tempfile::TempDir;

use super::*;
use crate::Passphrase;
use crate::engine::Exposure;
use crate::engine::tests::{carry, client, engine, join};
use crate::model::{Label, Site, SiteCode, SiteKind};

/// A founder, two more coordinators and an educator, who all know each other.
struct Team {
    _folder: TempDir,
    founder: Engine,
    seized: Engine,
    other: Engine,
    phone: Engine,
}

fn team() -> Team {
    let folder = TempDir::new().unwrap();
    let [mut founder, mut seized, mut other, mut phone] =
        [("founder", 1), ("seized", 2), ("other", 3), ("phone", 4)]
            .map(|(name, seed)| engine(&folder, name, seed));
    founder.found_space().unwrap();
    join(&mut founder, &mut seized, Role::Coordinator);
    join(&mut founder, &mut other, Role::Coordinator);
    join(&mut founder, &mut phone, Role::Educator);
    for member in [&mut seized, &mut other, &mut phone] {
        carry(&mut founder, member);
    }
    Team { _folder: folder, founder, seized, other, phone }
}

/// The seized device removes the founder and the phone, then the other coordinator; everybody learns of it.
fn removes_everybody(team: &mut Team) {
    let devices = [team.founder.device(), team.phone.device(), team.other.device()];
    devices.into_iter().for_each(|device| team.seized.revoke(device, false).unwrap());
    let bundle = team.seized.export_bundle().unwrap();
    for member in [&mut team.founder, &mut team.other, &mut team.phone] {
        // The epochs that answer the removals are not theirs; what the roster says waits in the one before.
        let _ = member.import_bundle(&bundle);
        member.import_bundle(&roster_under_old(&team.seized)).unwrap();
        assert!(member.still_member().is_err());
    }
}

/// The roster of a device under the first epoch, as whoever was removed by it comes to read it.
fn roster_under_old(from: &Engine) -> Vec<u8> {
    let space = from.space().unwrap();
    let first = space.group.epochs.statements().find(|epoch| epoch.depth == 0).unwrap();
    let secret = &from.ring.epochs()[&first.epoch];
    let statements = space.group.roster.statements();
    let segments =
        RosterSegment::split(&first.bytes, std::slice::from_ref(&first.bytes), statements).unwrap();
    let random = &mut ChaCha20Rng::seed_from_u64(9);
    let seal = |segment: RosterSegment| {
        let key = (secret, &first.epoch);
        chunk::seal_roster(key, space.space(), &segment.encode(), &mut *random).unwrap()
    };
    let frames: Vec<Vec<u8>> = segments.into_iter().map(seal).collect();
    bundle::encode(frames.iter().map(Vec::as_slice)).unwrap()
}

#[test]
fn a_removed_coordinator_undoes_what_a_seized_one_decided() {
    let mut team = team();
    removes_everybody(&mut team);
    assert!(matches!(team.other.revoke(team.seized.device(), false), Err(Error::Removed)));
    team.other.revoke(team.seized.device(), true).unwrap();
    // Each of the two says that the other is seized; both are out. The rest is back.
    assert!(team.other.still_member().is_err());
    assert!(matches!(team.other.export_bundle(), Err(Error::Removed)));
    let undone = team.other.export_roster().unwrap();
    for member in [&mut team.founder, &mut team.phone] {
        member.import_bundle(&undone).unwrap();
        member.still_member().unwrap();
        client(member, "AFTER");
    }
    let (founder, phone) = (&mut team.founder, &mut team.phone);
    carry(phone, founder);
    carry(founder, phone);
    carry(phone, founder);
    assert_eq!((founder.clients().unwrap().len(), phone.clients().unwrap().len()), (2, 2));
    let members: Vec<Device> =
        founder.members().unwrap().iter().map(|member| member.device).collect();
    let mut expected = vec![founder.device(), phone.device()];
    expected.sort();
    assert_eq!(members, expected);
    // Who is out opens nothing that was sealed since.
    let bundle = founder.export_bundle().unwrap();
    let refused = team.seized.import_bundle(&bundle);
    assert!(matches!(refused, Err(Error::Foreign { .. })), "{refused:?}");
}

#[test]
fn the_root_key_undoes_a_removal_of_whoever_keeps_it() {
    let mut team = team();
    removes_everybody(&mut team);
    assert!(team.founder.keeps_root().unwrap());
    team.founder.revoke(team.seized.device(), true).unwrap();
    team.founder.still_member().unwrap();
    let undone = team.founder.export_roster().unwrap();
    team.other.import_bundle(&roster_under_old(&team.founder)).unwrap();
    team.other.still_member().unwrap();
    team.phone.import_bundle(&roster_under_old(&team.founder)).unwrap();
    team.phone.still_member().unwrap();
    assert!(team.seized.import_bundle(&undone).is_err());
    // Twice is once.
    team.founder.revoke(team.seized.device(), true).unwrap();
    assert_eq!(team.founder.members().unwrap().len(), 3);
    let again = team.founder.revoke(team.seized.device(), false);
    assert!(matches!(again, Err(Error::Unknown { what: "device" })), "{again:?}");
}

#[test]
fn what_had_seen_nothing_of_the_decisions_stays() {
    let mut team = team();
    let (_, mut late) = (&team, engine(&team._folder, "late", 5));
    // Invited by the seized device before it decided anything: that is no decision to undo.
    join(&mut team.seized, &mut late, Role::Educator);
    team.seized.set_role(team.phone.device(), Role::Trainer).unwrap();
    carry(&mut team.seized, &mut team.founder);
    let role = |engine: &Engine, device: Device| {
        engine.members().unwrap().iter().find(|member| member.device == device).unwrap().role
    };
    assert_eq!(role(&team.founder, team.phone.device()), Some(Role::Trainer));
    team.founder.revoke(team.seized.device(), true).unwrap();
    assert_eq!(role(&team.founder, team.phone.device()), Some(Role::Educator));
    assert_eq!(role(&team.founder, late.device()), Some(Role::Educator));
    let itself = team.founder.revoke(team.founder.device(), false).unwrap_err();
    insta::assert_snapshot!(itself, @"device is this one: another coordinator removes it");
    let phone = team.phone.revoke(team.other.device(), false).unwrap_err();
    insta::assert_snapshot!(phone, @"this device's role does not allow to remove a device");
}

#[test]
fn an_old_root_key_decides_nothing_any_more() {
    let mut team = team();
    let old = team.founder.space().unwrap().root.clone().unwrap();
    team.founder.replace_root().unwrap();
    assert!(team.founder.keeps_root().unwrap());
    assert_ne!(team.founder.space().unwrap().root.clone().unwrap().public(), old.public());
    carry(&mut team.founder, &mut team.other);
    carry(&mut team.other, &mut team.founder);
    // Whoever has the old key signs on top of what came before the replacement.
    let space = team.seized.space.as_mut().unwrap();
    let parents = space.group.roster.parents();
    let named = team.founder.device();
    let content = Content::Revoke { device: named, cut: Cut::new() };
    say_after(space, (&old, None), parents, content).unwrap();
    carry(&mut team.seized, &mut team.other);
    assert!(team.other.members().unwrap().iter().any(|member| member.device == named));
    // The new one still decides.
    team.founder.set_role(team.phone.device(), Role::Trainer).unwrap();
    carry(&mut team.founder, &mut team.other);
    client(&mut team.other, "LOTUS");
    carry(&mut team.other, &mut team.founder);
    assert_eq!(team.founder.clients().unwrap().len(), 1);
    let today: Day = "2026-02-01".parse().unwrap();
    assert!(!team.founder.rotate_when_due(today).unwrap());
}

#[test]
fn a_root_key_is_forgotten_once() {
    let mut team = team();
    assert!(!team.other.keeps_root().unwrap());
    let none = team.other.replace_root().unwrap_err();
    insta::assert_snapshot!(none, @"this root key is not known here");
    team.founder.forget_root().unwrap();
    assert!(!team.founder.keeps_root().unwrap() && team.founder.forget_root().is_err());
    // A coordinator it is still.
    team.founder.revoke(team.phone.device(), false).unwrap();
    assert_eq!(team.founder.members().unwrap().len(), 3);
}

#[test]
fn shares_give_the_root_key_to_whoever_has_enough() {
    let mut team = team();
    let shares = team.founder.split_root(2, 3).unwrap();
    assert!(matches!(team.other.split_root(2, 3), Err(Error::Unknown { what: "root key" })));
    team.founder.forget_root().unwrap();
    let before = team.phone.canonical().unwrap();
    team.phone.rehearse_root(&shares[1..]).unwrap();
    assert!(matches!(team.phone.use_root(&shares[..1]), Err(Error::SharesMissing { .. })));
    assert!(!team.phone.keeps_root().unwrap() && team.phone.canonical().unwrap() == before);
    // Whoever has enough shares decides, whatever its own role.
    team.phone.use_root(&shares[..2]).unwrap();
    team.phone.revoke(team.seized.device(), true).unwrap();
    assert_eq!(team.phone.members().unwrap().len(), 3);
    team.phone.replace_root().unwrap();
    let old = team.phone.rehearse_root(&shares).unwrap_err();
    insta::assert_snapshot!(old, @"these shares are of a root key that was replaced");
    let mut stranger = engine(&team._folder, "stranger", 6);
    assert!(matches!(stranger.rehearse_root(&shares), Err(Error::NoSpace)));
    stranger.found_space().unwrap();
    let foreign = stranger.use_root(&shares).unwrap_err();
    insta::assert_snapshot!(foreign, @"these shares are of another team's root key");
    insta::assert_debug_snapshot!(shares[0], @"RootShare(1 of 2 needed, …)");
}

#[test]
fn what_a_lost_device_could_have_read() {
    let mut team = team();
    let phone = team.phone.device();
    client(&mut team.founder, "BEFORE");
    let unsent = team.founder.exposure(phone).unwrap();
    assert_eq!((unsent.clients, unsent.contacts, unsent.removed), (0, 0, false));
    carry(&mut team.founder, &mut team.phone);
    let before = team.founder.exposure(phone).unwrap();
    assert_eq!((before.epochs, before.expired, before.since, before.until), (1, 0, 0, 0));
    assert_eq!((before.clients, before.role), (1, Some(Role::Educator)));
    (0..6).for_each(|_| team.founder.rotate().unwrap());
    let rotated = team.founder.exposure(phone).unwrap();
    assert_eq!((rotated.epochs, rotated.expired, rotated.since), (7, 2, 6));
    // A coordinator keeps the keys of half a year.
    assert_eq!(team.founder.exposure(team.other.device()).unwrap().expired, 0);
    team.founder.revoke(phone, false).unwrap();
    client(&mut team.founder, "AFTER");
    carry(&mut team.founder, &mut team.other);
    let after = team.founder.exposure(phone).unwrap();
    let same = Exposure { removed: true, since: 7, until: 1, ..rotated };
    assert_eq!(after, same);
    assert_eq!(team.other.exposure(phone).unwrap().clients, 1);
    assert_eq!(team.founder.clients().unwrap().len(), 2);
    let stranger = engine(&team._folder, "stranger", 7).device();
    assert!(matches!(team.founder.exposure(stranger), Err(Error::Unknown { what: "device" })));
}

#[test]
fn names_stay_in_their_store() {
    let mut team = team();
    let name = |text: &str| Some(Label::new(text).unwrap());
    let (phone, other) = (team.phone.device(), team.other.device());
    team.founder.rename(phone, name("van-2")).unwrap();
    let taken = team.founder.rename(other, name("van-2")).unwrap_err();
    insta::assert_snapshot!(taken, @"name is another device's here already");
    team.founder.rename(phone, name("van-3")).unwrap();
    team.founder.rename(other, name("van-2")).unwrap();
    team.founder.rename(other, None).unwrap();
    team.founder.revoke(phone, false).unwrap();
    carry(&mut team.founder, &mut team.other);
    drop(team.founder);
    let passphrase = Passphrase::new(b"team".to_vec()).unwrap();
    let random = Box::new(ChaCha20Rng::seed_from_u64(3));
    let founder = Engine::open(&team._folder.path().join("founder"), &passphrase, random).unwrap();
    let rows = founder.devices().unwrap();
    assert_eq!(rows.iter().map(|row| row.own).filter(|own| *own).count(), 1);
    let last = rows.last().unwrap();
    assert_eq!((last.device, last.removed, last.role), (phone, true, Some(Role::Educator)));
    assert_eq!((rows.len(), last.name.clone()), (4, name("van-3")));
    assert!(rows.iter().filter(|row| row.name.is_some()).count() == 1);
    assert!(team.other.devices().unwrap().iter().all(|row| row.name.is_none()));
}

#[test]
fn a_clock_that_jumps_rotates_and_destroys_nothing() {
    let mut team = team();
    client(&mut team.founder, "LOTUS");
    let mut rotates = |day: &str| team.founder.rotate_when_due(day.parse().unwrap()).unwrap();
    let days = ["2026-02-01", "2026-02-05", "2079-12-31", "2079-12-31", "2000-01-01", "2000-01-09"];
    assert_eq!(days.map(&mut rotates), [false, false, true, false, true, true]);
    assert_eq!(team.founder.ring.epochs().len(), 4);
    assert!(!team.phone.rotate_when_due("2026-02-01".parse().unwrap()).unwrap());
    carry(&mut team.founder, &mut team.phone);
    assert_eq!(team.phone.clients().unwrap().len(), 1);
}

/// What a removed device is told is what its remover had seen: later members and relays are none of its business.
#[test]
fn a_notice_says_nothing_of_what_came_after() {
    let mut team = team();
    team.founder.revoke(team.phone.device(), false).unwrap();
    let mut late = engine(&team._folder, "late", 5);
    join(&mut team.founder, &mut late, Role::Educator);
    let space = team.founder.space().unwrap().clone();
    let first = space.group.epochs.statements().find(|epoch| epoch.depth == 0).unwrap();
    let notices = team.founder.notices(&space, &first.generation).unwrap();
    let notice = bundle::encode(notices.iter().map(Vec::as_slice)).unwrap();
    team.phone.import_bundle(&notice).unwrap();
    assert!(team.phone.still_member().is_err());
    assert_eq!(team.phone.members().unwrap().len(), 3);
    assert_eq!(team.founder.members().unwrap().len(), 4);
}

/// Void is what two say who remove each other, and out are both.
#[test]
fn a_notice_tells_those_who_removed_each_other() {
    let mut team = team();
    let (seized, other) = (team.seized.device(), team.other.device());
    team.seized.revoke(other, false).unwrap();
    team.other.revoke(seized, false).unwrap();
    for from in [&mut team.seized, &mut team.other] {
        let roster = roster_under_old(from);
        team.founder.import_bundle(&roster).unwrap();
    }
    client(&mut team.founder, "LOTUS");
    let space = team.founder.space().unwrap().clone();
    let first = space.group.epochs.statements().find(|epoch| epoch.depth == 0).unwrap();
    let notices = team.founder.notices(&space, &first.generation).unwrap();
    let notice = bundle::encode(notices.iter().map(Vec::as_slice)).unwrap();
    for member in [&mut team.seized, &mut team.other] {
        member.still_member().unwrap();
        member.import_bundle(&notice).unwrap();
        assert!(member.still_member().is_err());
    }
}

/// A thief's copy, or one's own, whose keys were renewed hears of it in the mailbox that it reads; of a renewal that came after the
/// mailbox moved nothing, since that had seen what is none of its business.
#[test]
fn a_notice_tells_of_renewals_until_the_mailbox_moved() {
    let mut team = team();
    let keys = |engine: &Engine| engine.device.identity.sign.public();
    let renew = |team: &mut Team| {
        team.other.renew_device().unwrap();
        carry(&mut team.other, &mut team.founder);
        keys(&team.other)
    };
    let old = keys(&team.other);
    let early = renew(&mut team);
    // The copy gets no key any more, and this one neither.
    team.founder.rotate().unwrap();
    team.founder.set_role(team.phone.device(), Role::Clinic).unwrap();
    let mut late = engine(&team._folder, "late", 5);
    join(&mut team.founder, &mut late, Role::Educator);
    carry(&mut team.founder, &mut team.other);
    let after = renew(&mut team);
    let space = team.founder.space().unwrap().clone();
    let first = space.group.epochs.statements().find(|epoch| epoch.depth == 0).unwrap();
    let notices = team.founder.notices(&space, &first.generation).unwrap();
    let notice = bundle::encode(notices.iter().map(Vec::as_slice)).unwrap();
    // Who has heard of nothing yet reads it as the copy would.
    team.seized.import_bundle(&notice).unwrap();
    let told = &team.seized.space().unwrap().group.roster;
    let counts = |key: [u8; 32]| told.standing().current(&key).is_some();
    assert_eq!([old, early, after, keys(&late)].map(counts), [false, true, false, false]);
    assert_eq!(team.seized.members().unwrap().len(), 4);
    assert_eq!(team.founder.members().unwrap().len(), 5);
}

#[test]
fn a_bundle_brings_what_is_sealed_under_a_key_that_it_grants() {
    let mut team = team();
    team.founder.rotate().unwrap();
    client(&mut team.founder, "LOTUS");
    team.phone.import_bundle(&team.founder.export_bundle().unwrap()).unwrap();
    assert_eq!(team.phone.clients().unwrap().len(), 1);
}

/// Whoever goes on on a lane of its own says again what it has not signed yet on top of what is believed: what a removed colleague wrote
/// beyond the cut lies in the same document, and would take it along.
#[test]
fn what_is_said_again_builds_on_nothing_that_is_not_believed() {
    let mut team = team();
    // The founder removes a coordinator, of whose last site it has not heard; the phone has it.
    team.seized.put_site(&site("KM-N")).unwrap();
    carry(&mut team.seized, &mut team.phone);
    let (seized, phone) = (team.seized.device(), team.phone.device());
    team.founder.revoke(seized, false).unwrap();
    team.founder.set_role(phone, Role::Coordinator).unwrap();
    carry(&mut team.founder, &mut team.phone);
    assert!(team.phone.sites().unwrap().is_empty(), "it is beyond the cut");
    // Made a coordinator, the phone adds a site, and goes on on another lane before it signs that.
    team.phone.put_site(&site("VAN-1")).unwrap();
    carry(&mut team.phone, &mut team.founder);
    carry(&mut team.founder, &mut team.other);
    for member in [&mut team.phone, &mut team.founder, &mut team.other] {
        let codes: Vec<_> = member.sites().unwrap().into_iter().map(|site| site.code).collect();
        assert_eq!(codes, [site("VAN-1").code]);
        assert_eq!(member.status().unwrap().doubted, 1, "kept, and not shown");
    }
}

fn site(code: &str) -> Site {
    let (setting, closes) = (None, None);
    Site { code: SiteCode::new(code).unwrap(), kind: SiteKind::BACKPACK, setting, closes }
}

//! A member who signs without end what any member may sign.

use super::*;
use crate::crypto::{Real, Suite};
use crate::members::{Content, Statement};

/// Renewals by one key, none of which has seen another.
fn renewals(by: &Engine, from: u32, count: u32) -> Vec<Vec<u8>> {
    let roster = &by.space().unwrap().group.roster;
    let sign = &by.device.identity.sign;
    let renewal = |n: u32| {
        let mut seed = [0; 32];
        seed[..4].copy_from_slice(&n.to_be_bytes());
        let new = SignKey::from_seed(&seed);
        let content = Content::RenewDevice { device_key: Real::public(&new), kem_key: [9; 32] };
        let parents = roster.parents();
        Statement::sign::<Real>(roster.space(), sign, parents, content, Some(&new)).unwrap().bytes
    };
    (from..from + count).map(renewal).collect()
}

fn spam(by: &mut Engine, statements: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    for statements in statements.chunks(40) {
        let mut statements = statements.to_vec();
        statements.sort_by_key(|bytes| crate::members::statement_hash(bytes));
        let body = Body { statements, ..Body::default() };
        frames.push(Forged { body, ..Forged::default() }.said(by));
    }
    frames
}

fn count(engine: &Engine) -> usize {
    engine.space().unwrap().group.roster.statements().count()
}

#[test]
fn a_member_does_not_fill_the_roster() {
    let mut team = team();
    let before = count(&team.admin);
    let statements = renewals(&team.insider, 1_000, 400);
    let frames = spam(&mut team.insider, &statements);
    team.admin.receive(&frames, false).unwrap();
    assert_eq!(count(&team.admin), before + 16);
    // Everybody else goes on as before; and who does this can be removed.
    let mut late = engine(&team._folder, "late", 6);
    join(&mut team.admin, &mut late, Role::Educator);
    team.admin.revoke(team.insider.device(), false).unwrap();
    client(&mut team.admin, "AFTER");
    carry(&mut team.admin, &mut late);
    carry(&mut team.admin, &mut team.phone);
    assert!(team.phone.clients().unwrap().len() >= 2);
}

/// The insider shows different renewals to two devices: each takes what the other says that it has seen.
#[test]
fn a_member_does_not_keep_others_apart() {
    let mut team = team();
    let one = renewals(&team.insider, 1_000, 16);
    let other = renewals(&team.insider, 2_000, 16);
    let frames = spam(&mut team.insider, &one);
    team.admin.receive(&frames, false).unwrap();
    let body = |statements: &[Vec<u8>]| {
        let mut statements = statements.to_vec();
        statements.sort_by_key(|bytes| crate::members::statement_hash(bytes));
        Body { statements, ..Body::default() }
    };
    let (lane, opening) = another_lane(&team.insider, 5);
    let body = Body { statements: body(&other).statements, ..opening };
    let shown = Forged { lane: Some(lane), body, ..Forged::default() }.frame(&team.insider);
    team.phone.receive(std::slice::from_ref(&shown), false).unwrap();
    client(&mut team.phone, "AFTER");
    client(&mut team.admin, "AFTER");
    team.admin.receive(std::slice::from_ref(&shown), false).unwrap();
    assert!(count(&team.admin) < count(&team.phone) + 16);
    carry(&mut team.phone, &mut team.admin);
    carry(&mut team.admin, &mut team.phone);
    let [ours, theirs] = [&team.admin, &team.phone].map(|engine| engine.clients().unwrap().len());
    assert!(ours >= 4 && theirs >= 3, "{ours} and {theirs}");
}

/// What is kept of a roster is what it was: nothing is judged again when the store is opened.
#[test]
fn a_roster_is_read_as_it_was_kept() {
    let mut team = team();
    let statements = renewals(&team.insider, 1_000, 40);
    let frames = spam(&mut team.insider, &statements);
    team.admin.receive(&frames, false).unwrap();
    team.admin.revoke(team.insider.device(), true).unwrap();
    let roster = &team.admin.space().unwrap().group.roster;
    let mut bytes = Vec::new();
    roster.encode(&mut bytes);
    let mut r = haversack_wire::Reader::new("roster", &bytes);
    let again = crate::members::Roster::decode::<Real>(*roster.first_root(), &mut r).unwrap();
    r.end().unwrap();
    assert_eq!((again.heads(), again.standing()), (roster.heads(), roster.standing()));
    let mut added = crate::members::Roster::new(*roster.first_root());
    added.want(roster.statements().map(crate::members::statement_hash));
    added.add::<Real>(roster.statements()).unwrap();
    assert_eq!((added.heads(), added.standing()), (roster.heads(), roster.standing()));
    let cut = &bytes[..bytes.len() - 1];
    let mut r = haversack_wire::Reader::new("roster", cut);
    assert!(crate::members::Roster::decode::<Real>(*roster.first_root(), &mut r).is_err());
}

//! What membership decides: statements in a graph, epochs, grants, invitations.

use haversack_wire::{Frame, StatementHash};

use super::{Read, Vector, frame, space, wire};
use crate::crypto::{KemSecret, Real};
use crate::members::{
    Answer, Content, EpochStatement, Group, Held, Role, Roster, Statement, device, statement_hash,
};

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

pub(super) fn epoch_statement(vector: &Vector) -> Read {
    let bytes = vector.bytes("statement");
    EpochStatement::decode::<Real>(&space(vector), &bytes).map(drop).map_err(|error| wire(&error))
}

/// Adds statements in order; of the last one it says why it does not belong.
fn add(roster: &mut Roster, statements: &[Vec<u8>]) -> Read {
    for bytes in statements {
        let hash = statement_hash(bytes);
        let statement =
            Statement::decode::<Real>(roster.space(), bytes).map_err(|error| wire(&error))?;
        let why = why_not(roster, &statement);
        roster.add::<Real>([bytes.as_slice()]).map_err(|error| wire(&error))?;
        if roster.statement(&hash).is_none() {
            return Err(why.to_owned());
        }
    }
    Ok(())
}

/// The roster only says that something does not belong; the vectors say why.
fn why_not(roster: &Roster, statement: &Statement) -> &'static str {
    let is_here = |parent: &StatementHash| roster.statement(parent).is_some();
    let stood = roster.stood(&statement.parents);
    let is_new = |key: &[u8; 32]| {
        stood.as_ref().is_some_and(|s| s.line(key).is_none() && !s.roots.contains(key))
    };
    let names = |id| stood.as_ref().is_some_and(|s| s.device(id).is_some());
    match &statement.content {
        _ if !statement.parents.iter().all(is_here) => "waits for a parent",
        _ if statement.parents.is_empty() && statement.signer != *roster.first_root() => {
            "only the first root may have no parents"
        }
        Content::AddDevice { device_key: key, .. }
        | Content::RenewDevice { device_key: key, .. }
            if !is_new(key) =>
        {
            "its key was there before"
        }
        Content::SetRole { device, .. } | Content::Revoke { device, .. } if !names(device) => {
            "it names no device"
        }
        _ => "is not its signer's to make",
    }
}

pub(super) fn roster(vector: &Vector) -> Read {
    let statements = vector.all("statement");
    let mut roster = Roster::new(vector.array("root key"));
    add(&mut roster, &statements)?;
    let mut lines: Vec<String> = roster
        .members()
        .map(|member| {
            let keys: Vec<String> = member.current.keys().map(|key| hex(key)).collect();
            let role = member.role.map_or(0, |role| role as u8);
            format!("{} {role} {}", hex(member.device.as_bytes()), keys.join(" "))
        })
        .collect();
    lines.sort();
    assert_eq!(lines, vector.lines("member").collect::<Vec<_>>(), "{}", vector.name);
    // The same set gives the same result, in whatever order it came.
    let mut backwards = Roster::new(vector.array("root key"));
    backwards.add::<Real>(statements.iter().rev().map(Vec::as_slice)).unwrap();
    assert!(backwards.members().eq(roster.members()), "{}", vector.name);
    Ok(())
}

/// Every epoch but the last stands; of that one the table says only whether it does. Then the reason is that which is
/// stated, as the one thing that differs from a vector that stands.
pub(super) fn epochs(vector: &Vector) -> Read {
    const REASONS: [&str; 8] = [
        "its minter may not mint",
        "depth is wrong",
        "generation is wrong",
        "not called for",
        "a parent has a turn that it lacks",
        "waits for a parent",
        "a head is not of the roster",
        "a first epoch that is none",
    ];
    let mut group = Group::new(vector.array("root key"));
    add(&mut group.roster, &vector.all("statement"))?;
    let space = *group.space();
    let all = vector.all("epoch");
    for (place, bytes) in all.iter().enumerate() {
        let epoch = EpochStatement::decode::<Real>(&space, bytes).map_err(|error| wire(&error))?;
        let hash = epoch.hash();
        group.epochs.add(epoch);
        if group.table().get(&hash).is_none() {
            assert_eq!(place, all.len() - 1, "{}", vector.name);
            assert!(REASONS.contains(&vector.expect()), "{}", vector.name);
            return Err(vector.expect().to_owned());
        }
    }
    Ok(())
}

pub(super) fn grant(vector: &Vector) -> Read {
    let bytes = vector.bytes("frame");
    let Frame::Grant(header, sealed) = frame(&bytes)? else { return Err("no grant".into()) };
    // Any root whose space this is would do: a group is asked with the space itself.
    let kem = KemSecret::new(vector.array("kem secret"));
    let root = crate::crypto::SignKey::from_seed(&[1; 32]).public();
    let mut group = Group::new(root);
    if *group.space() != space(vector) {
        group = Group::new([99; 32]);
    }
    let opened = group.take_grant::<Real>(&kem, &header, sealed);
    opened.ok_or("the tag is another device's")?.map(drop).map_err(|error| wire(&error))
}

/// What [`crate::Engine::join`] asks of an answer.
pub(super) fn admission(own: &[u8; 32], answer: Answer) -> Read {
    let mut group = Group::new(answer.root);
    let statements = answer.statements.iter().map(Vec::as_slice);
    group.roster.add::<Real>(statements).map_err(|error| wire(&error))?;
    let role = |key: &[u8; 32]| group.roster.member(key).and_then(|member| member.role);
    if role(own).is_none() {
        return Err("the device is not a member".to_owned());
    }
    if !role(&answer.inviter).is_some_and(Role::is_admin) {
        return Err("the inviter is not an admin".to_owned());
    }
    let space = *group.space();
    for bytes in &answer.epochs {
        let epoch = EpochStatement::decode::<Real>(&space, bytes).map_err(|error| wire(&error))?;
        group.epochs.add(epoch);
    }
    group.epochs.anchor();
    let held: Held = group.take_entries(answer.grant).into_iter().collect();
    assert_eq!(group.roster.member(own).map(|member| member.device), Some(device(own)));
    match group.live(&group.table(), &held) {
        Some(_) => Ok(()),
        None => Err("no epoch that stands comes with its keys".to_owned()),
    }
}

//! What the groups of a history say, beside what the reference model says of the same statements.

use std::collections::{BTreeMap, BTreeSet};

use super::super::group::Group;
use super::super::reference::{Content as Says, Epoch, Eval, Id, Statement, World};
use super::super::statement::Content;
use super::super::{Held, Role, identity};
use super::Keys;
use crate::crypto::Suite;

fn device_id(key: &[u8; 32]) -> Id {
    identity::device(key).to_bytes()
}

/// Asserts that a group comes to the same conclusions as the model.
pub(super) fn same<S: Keys>(group: &Group, held: &Held) {
    let world = world::<S>(group);
    let eval = Eval::new(&world);
    let roster = &group.roster;
    let known: BTreeSet<Id> = world.statements.keys().copied().collect();
    assert_eq!(eval.roster(), &known, "what belongs");
    let heads: BTreeSet<Id> = roster.heads().iter().map(|head| head.to_bytes()).collect();
    assert_eq!(eval.heads(), heads, "heads");
    let (standing, theirs) = (roster.standing(), eval.here());
    assert_eq!(standing.roots.last(), Some(&theirs.root), "root");
    let attackers: BTreeSet<Id> = standing.attackers.keys().map(|hash| hash.to_bytes()).collect();
    assert_eq!(attackers, theirs.attackers, "attackers");
    members(group, &theirs.members);
    epochs(group, &eval, held);
}

fn members(group: &Group, theirs: &BTreeMap<Id, super::super::reference::Member>) {
    let ours: BTreeMap<Id, (u8, bool, BTreeSet<[u8; 32]>)> = group
        .roster
        .members()
        .map(|member| {
            let role = member.role.map_or(0, |role| role as u8);
            let current = member.current.keys().copied().collect();
            (member.device.to_bytes(), (role, member.may_rotate, current))
        })
        .collect();
    let theirs: BTreeMap<Id, (u8, bool, BTreeSet<[u8; 32]>)> = theirs
        .iter()
        .map(|(id, member)| (*id, (member.role, member.may_rotate, member.current.clone())))
        .collect();
    assert_eq!(ours, theirs, "members");
}

fn epochs(group: &Group, eval: &Eval<'_>, held: &Held) {
    let table = group.table();
    for epoch in group.epochs.statements() {
        let hash = epoch.hash();
        let stands = table.get(&hash).is_some();
        assert_eq!(stands, eval.epoch_stands(&hash.to_bytes()), "whether an epoch stands");
    }
    let secrets: BTreeSet<Id> = held.keys().map(|epoch| epoch.to_bytes()).collect();
    let generations: BTreeSet<Id> = group.generations.keys().map(|id| id.to_bytes()).collect();
    let live = group.live(&table, held);
    let theirs = eval.live(&secrets, &generations);
    assert_eq!(live.map(|live| live.hash.to_bytes()), theirs, "the live epoch");
    if let Some(live) = live {
        for epoch in group.epochs.statements().filter(|e| table.get(&e.hash()).is_some()) {
            let age = table.age(&epoch.epoch, &live.hash, &group.roster);
            let theirs = eval.age(&epoch.hash().to_bytes(), &live.hash.to_bytes());
            assert_eq!(age, theirs, "age");
        }
    }
}

fn world<S: Suite>(group: &Group) -> World {
    let statements = group.roster.statements().map(|bytes| {
        let hash = super::super::statement_hash(bytes);
        let statement = group.roster.statement(&hash).unwrap();
        let parents = statement.parents.iter().map(|parent| parent.to_bytes()).collect();
        let content = says(&statement.content);
        let id = hash.to_bytes();
        (id, Statement { id, signer: statement.signer, parents, content })
    });
    let epochs = group.epochs.statements().map(|epoch| {
        let hash = epoch.hash().to_bytes();
        let told = Epoch {
            hash,
            epoch: epoch.epoch.to_bytes(),
            generation: epoch.generation.to_bytes(),
            depth: epoch.depth,
            heads: epoch.heads.iter().map(|head| head.to_bytes()).collect(),
            parents: epoch.parents.iter().map(|parent| parent.to_bytes()).collect(),
            minter: epoch.minter,
        };
        (hash, told)
    });
    World {
        root: *group.roster.first_root(),
        device: device_id,
        statements: statements.collect(),
        epochs: epochs.collect(),
        anchors: group.epochs.anchors().iter().map(|anchor| anchor.to_bytes()).collect(),
    }
}

fn says(content: &Content) -> Says {
    let number = |role: &Option<Role>| role.map_or(0, |role| role as u8);
    let cut = |cut: &super::super::Cut| {
        cut.iter().map(|(lane, next)| (lane.to_bytes(), *next)).collect::<BTreeMap<_, _>>()
    };
    match content {
        Content::AddDevice { device_key, role, may_rotate, .. } => {
            Says::AddDevice { key: *device_key, role: number(role), may_rotate: *may_rotate }
        }
        Content::SetRole { device, role, cut: at } => {
            Says::SetRole { device: device.to_bytes(), role: number(role), cut: cut(at) }
        }
        Content::RenewDevice { device_key, .. } => Says::RenewDevice { key: *device_key },
        Content::Revoke { device, cut: at } => {
            Says::Revoke { device: device.to_bytes(), cut: cut(at) }
        }
        Content::RetireHashes { first, hashes } => {
            Says::RetireHashes { first: *first, count: hashes.len() as u64 }
        }
        Content::ReplaceRoot { root } => Says::ReplaceRoot { key: *root },
        Content::SetRelays(_)
        | Content::DropBox { .. }
        | Content::TakeDrops { .. }
        | Content::Other => Says::Other,
    }
}

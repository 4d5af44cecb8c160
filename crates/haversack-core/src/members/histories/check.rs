//! What must hold at the end of every history.

use std::collections::{BTreeMap, BTreeSet};

use super::super::group::Group;
use super::phone::Phone;
use super::world::World;
use super::{Keys, compare};

pub(super) fn all<S: Keys>(world: &World<S>) {
    for phone in &world.phones {
        compare::same::<S>(&phone.group, &phone.held);
    }
    secrets(world);
    converged(world);
}

/// What a removed device ever held opens nothing that was sealed by somebody who had seen its removal: one that stood for
/// who sealed it, and never fell for anybody. (A removal may fall, when who made it was removed, and stand again, when that falls;
/// in between its device is a member in good faith.)
fn secrets<S: Keys>(world: &World<S>) {
    let all = everything(&world.phones.iter().collect::<Vec<_>>());
    for chunk in &world.sealed {
        // A statement that only a copy of a store knew went with it.
        let Some(stood) = all.roster.stood(&chunk.heads) else { continue };
        let firm = stood
            .attackers
            .iter()
            .filter(|(hash, _)| !world.fallen.contains(hash) && all.roster.is_revocation(hash));
        let removed: BTreeSet<_> = firm.map(|(_, line)| *line).collect();
        for phone in world.phones.iter().filter(|phone| phone.ever.contains(&chunk.epoch)) {
            let line = all.roster.standing().line(&phone.key()).unwrap_or_default();
            assert!(!removed.contains(&line), "a removed device reads on");
        }
    }
}

/// A group that has learned everything that some phones know.
pub(super) fn everything<S: Keys>(phones: &[&Phone<S>]) -> Group {
    let mut all = phones[0].group.clone();
    for phone in phones {
        let statements: Vec<Vec<u8>> =
            phone.group.roster.statements().map(<[u8]>::to_vec).collect();
        all.roster.add::<S>(statements.iter().map(Vec::as_slice)).unwrap();
        phone.group.epochs.statements().for_each(|epoch| all.epochs.add(epoch.clone()));
    }
    all
}

/// The phones that are members by what they know together: what only removed ones know reaches nobody.
pub(super) fn members<S: Keys>(phones: &[Phone<S>]) -> Vec<&Phone<S>> {
    let mut members: Vec<&Phone<S>> = phones.iter().collect();
    loop {
        let before = members.len();
        let all = everything(&members);
        let standing = all.roster.standing();
        members.retain(|phone| standing.current(&phone.key()).is_some_and(|m| m.role.is_some()));
        if members.len() == before || members.is_empty() {
            return members;
        }
    }
}

/// Members end with the same roster, and with an epoch that all of them write under. Those who hold each other for removed,
/// because admins removed each other or lied, tell each other nothing and may end apart; each part goes on, until the
/// root speaks.
fn converged<S: Keys>(world: &World<S>) {
    let mut members = members(&world.phones);
    // Who holds itself for removed asks nobody for anything.
    members.retain(|phone| phone.role().is_some());
    let mut teams: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for phone in &members {
        let live = phone.live().map(|live| live.hash);
        teams.entry(phone.group.roster.heads()).or_default().insert(live);
    }
    let knows = |one: &Phone<S>, other: &Phone<S>| {
        one.group.roster.standing().current(&other.key()).is_some()
    };
    let apart = |one: &Phone<S>, other: &Phone<S>| {
        one.group.roster.heads() != other.group.roster.heads()
            && knows(one, other)
            && knows(other, one)
    };
    let split = members.iter().any(|one| members.iter().any(|other| apart(one, other)));
    let stuck = teams.values().any(|live| live.len() > 1 || live.contains(&None));
    if split || stuck {
        members.iter().for_each(|phone| println!("{}", phone.told(&members)));
    }
    assert!(!split, "members who know each other end with different rosters");
    assert!(!stuck, "members end with different epochs, or with none to write under");
}

//! The roster: a grow-only set of statements, and what follows from it.

use std::collections::{BTreeMap, BTreeSet};

use haversack_wire::codec::bounded;
use haversack_wire::hash::{Label, derive_cut};
use haversack_wire::limits::STATEMENTS_MAX;
use haversack_wire::{Device, Error, RetireHash, RosterDigest, Space, StatementHash};

use super::identity;
use super::statement::{Content, RelayAddress, Role, Statement};

/// A member device, as the roster has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The device.
    pub device: Device,
    /// What it may do; `None` for a role of a newer version.
    pub role: Option<Role>,
    pub(crate) device_key: [u8; 32],
    pub(crate) added_by: StatementHash,
}

/// The statements of a space. The same set gives the same members, in whatever order it came.
#[derive(Debug, Clone)]
pub(crate) struct Roster {
    space: Space,
    root: [u8; 32],
    statements: BTreeMap<StatementHash, Statement>,
    members: BTreeMap<[u8; 32], Member>,
}

impl Roster {
    /// The empty roster under a root key.
    pub(crate) fn new(root: [u8; 32]) -> Self {
        let space = identity::space(&root);
        Self { space, root, statements: BTreeMap::new(), members: BTreeMap::new() }
    }

    pub(crate) const fn space(&self) -> &Space {
        &self.space
    }

    pub(crate) const fn root(&self) -> &[u8; 32] {
        &self.root
    }

    /// Adds statements whose signatures verify and whose signers may make them; says how many were new. What nobody
    /// with a standing signed is left out, so that strangers cannot fill a roster.
    pub(crate) fn add<'a>(
        &mut self,
        statements: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<usize, Error> {
        let mut next = self.clone();
        for bytes in statements {
            let statement = Statement::decode(&self.space, bytes)?;
            next.statements.insert(statement.hash(), statement);
        }
        if next.statements.len() > self.statements.len() {
            next.evaluate();
            let standing: BTreeSet<_> = next.standing().map(|(hash, _)| *hash).collect();
            next.statements.retain(|hash, _| standing.contains(hash));
        }
        bounded("statements of a roster", next.statements.len() as u64, STATEMENTS_MAX)?;
        let new = next.statements.len() - self.statements.len();
        *self = next;
        Ok(new)
    }

    /// Finds the standing additions: signed by the root, or by an admin whose own addition stands.
    fn evaluate(&mut self) {
        self.members.clear();
        loop {
            let found: Vec<Member> = self
                .statements
                .iter()
                .filter_map(|(hash, s)| self.standing_member(*hash, s))
                .collect();
            if found.is_empty() {
                return;
            }
            self.members.extend(found.into_iter().map(|member| (member.device_key, member)));
        }
    }

    /// A member that a statement adds and that is not known yet. The lowest hash wins among several
    /// additions of one key, so that all devices agree.
    fn standing_member(&self, hash: StatementHash, statement: &Statement) -> Option<Member> {
        let Content::AddDevice { device_key, role, .. } = &statement.content else {
            return None;
        };
        let new = !self.members.contains_key(device_key);
        (new && self.may_sign(&statement.signer)).then(|| Member {
            device: identity::device(device_key),
            role: *role,
            device_key: *device_key,
            added_by: hash,
        })
    }

    fn may_sign(&self, key: &[u8; 32]) -> bool {
        *key == self.root || self.member(key).and_then(|m| m.role).is_some_and(Role::is_admin)
    }

    pub(crate) fn member(&self, device_key: &[u8; 32]) -> Option<&Member> {
        self.members.get(device_key)
    }

    pub(crate) fn members(&self) -> impl Iterator<Item = &Member> {
        self.members.values()
    }

    pub(crate) fn statements(&self) -> impl Iterator<Item = &[u8]> {
        self.statements.values().map(|statement| statement.bytes.as_slice())
    }

    pub(crate) fn digest(&self) -> RosterDigest {
        let hashes: Vec<u8> = self.statements.keys().flat_map(|hash| hash.to_bytes()).collect();
        RosterDigest::new(derive_cut(Label::ROSTER, &[&hashes]))
    }

    /// The additions that lead from the root to a device, ascending by hash.
    pub(crate) fn chain(&self, device_key: &[u8; 32]) -> BTreeMap<StatementHash, Vec<u8>> {
        let mut chain = BTreeMap::new();
        let mut key = *device_key;
        while let Some(member) = self.member(&key) {
            let Some(statement) = self.statements.get(&member.added_by) else {
                break;
            };
            if chain.insert(member.added_by, statement.bytes.clone()).is_some() {
                break;
            }
            key = statement.signer;
        }
        chain
    }

    /// The standing statements about relays and retire hashes, ascending by hash.
    pub(crate) fn settings(&self) -> BTreeMap<StatementHash, Vec<u8>> {
        self.standing()
            .filter(|(_, s)| {
                matches!(s.content, Content::SetRelays(_) | Content::RetireHashes { .. })
            })
            .map(|(hash, s)| (*hash, s.bytes.clone()))
            .collect()
    }

    fn standing(&self) -> impl Iterator<Item = (&StatementHash, &Statement)> {
        self.statements.iter().filter(|(_, statement)| {
            let renews_itself = statement.is_renewal() && self.member(&statement.signer).is_some();
            renews_itself || self.may_sign(&statement.signer)
        })
    }

    /// Where the space's relays are: of each, every address and pin that a standing statement names.
    pub(crate) fn relays(&self) -> Vec<RelayAddress> {
        let mut relays: BTreeMap<_, RelayAddress> = BTreeMap::new();
        for (_, statement) in self.standing() {
            let Content::SetRelays(list) = &statement.content else { continue };
            for named in list {
                let relay = relays.entry(named.relay).or_insert_with(|| RelayAddress {
                    relay: named.relay,
                    addresses: Vec::new(),
                    pins: Vec::new(),
                });
                unite(&mut relay.addresses, &named.addresses);
                unite(&mut relay.pins, &named.pins);
            }
        }
        relays.into_values().collect()
    }

    /// The retire hash of a generation.
    pub(crate) fn retire_hash(&self, generation: u64) -> Option<RetireHash> {
        self.standing().find_map(|(_, statement)| match &statement.content {
            Content::RetireHashes { first, hashes } => {
                let index = usize::try_from(generation.checked_sub(*first)?).ok()?;
                hashes.get(index).copied()
            }
            _ => None,
        })
    }
}

/// Adds what is new, in an order that does not depend on the statements' own.
fn unite<T: Ord + Clone>(all: &mut Vec<T>, more: &[T]) {
    all.extend_from_slice(more);
    all.sort();
    all.dedup();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::SignKey;

    fn key(n: u8) -> SignKey {
        SignKey::from_seed(&[n; 32])
    }

    fn add(space: &Space, signer: u8, device: u8, role: Role) -> Vec<u8> {
        Statement::add_device(space, &key(signer), key(device).public(), [device; 32], role).bytes
    }

    fn roster(order: &[usize]) -> Roster {
        let mut roster = Roster::new(key(0).public());
        let space = *roster.space();
        let statements = [
            add(&space, 0, 1, Role::Coordinator),
            add(&space, 1, 2, Role::Educator),
            add(&space, 2, 3, Role::Coordinator),
            add(&space, 9, 4, Role::Coordinator),
        ];
        roster.add(order.iter().map(|index| statements[*index].as_slice())).unwrap();
        roster
    }

    #[test]
    fn only_the_root_and_admins_add() {
        let roster = roster(&[0, 1, 2, 3]);
        let is_member = |n| roster.member(&key(n).public()).is_some();
        assert_eq!([1, 2, 3, 4].map(is_member), [true, true, false, false]);
        assert_eq!(roster.chain(&key(2).public()).len(), 2);
        assert!(roster.chain(&key(3).public()).is_empty());
    }

    #[test]
    fn order_does_not_matter_and_twice_is_once() {
        let (one, other) = (roster(&[0, 1, 2, 3]), roster(&[3, 2, 1, 1, 0, 3]));
        assert_eq!(one.members, other.members);
        assert_eq!(one.digest(), other.digest());
        assert_ne!(one.digest(), roster(&[0]).digest());
        assert_eq!(one.statements().count(), 2, "what has no standing is left out");
    }

    #[test]
    fn a_statement_is_of_one_space_and_unchanged() {
        let mut roster = roster(&[0]);
        let foreign = add(&Space::new([9; 16]), 0, 5, Role::Educator);
        insta::assert_snapshot!(roster.add([foreign.as_slice()]).unwrap_err(),
            @"statement: signature does not verify");
        let mut forged = add(roster.space(), 0, 5, Role::Educator);
        forged[98] = Role::Coordinator as u8;
        assert!(roster.add([forged.as_slice()]).is_err());
        assert!(roster.add([&forged[..50]]).is_err());
    }
}

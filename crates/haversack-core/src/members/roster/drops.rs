//! What a roster says of drop-boxes (PROTOCOL § 6.5): into which its members put what they cannot read, from whose members it
//! takes such, and what introduces a member to those who do not know this space.

use std::collections::{BTreeMap, BTreeSet};

use haversack_wire::limits::{PROOF_BYTES_MAX, PROOF_MAX};
use haversack_wire::{Device, Error, Space, StatementHash};

use super::{Roster, identity};
use crate::crypto::Suite;
use crate::members::statement::{Content, Role, Statement, Written};
use crate::model::SpaceName;

impl Roster {
    /// The drop-boxes of this space: for each other space, what the standing statements say which no later one takes the place
    /// of; of several the one with the lowest key.
    pub(crate) fn drop_boxes(&self) -> BTreeMap<Space, (&[u8; 32], &SpaceName)> {
        let mut named: BTreeMap<Space, Vec<_>> = BTreeMap::new();
        for (place, statement) in self.stands() {
            if let Content::DropBox { target, key, name } = &statement.content {
                named.entry(*target).or_default().push((place, (key, name)));
            }
        }
        let last = |(target, all): (Space, Vec<(usize, _)>)| {
            let is_last = |place| all.iter().all(|(o, _)| !self.graph.past(*o).contains(place));
            let last = all.iter().filter(|(place, _)| is_last(*place)).map(|(_, said)| *said);
            last.min().map(|said| (target, said))
        };
        named.into_iter().filter_map(last).collect()
    }

    /// Whether what is dropped by members of the space with this first root key is taken.
    pub(crate) fn takes_drops(&self, of: &[u8; 32]) -> bool {
        self.stands().any(|(_, statement)| takes(statement, of))
    }

    /// The same, by the past of heads: whatever is decided later, what was said then stays taken, or not.
    pub(crate) fn took_drops(&self, heads: &[StatementHash], of: &[u8; 32]) -> bool {
        let (Some(past), Some(stood)) = (self.past(heads), self.stood(heads)) else { return false };
        let said = |(hash, place): (&StatementHash, &usize)| {
            past.contains(*place)
                && !stood.void.contains(hash)
                && takes(self.graph.statement(*place), of)
        };
        self.graph.places.iter().any(said)
    }

    /// What shows, to somebody who knows this space's first root key alone, that a key is a member's: the statements that added it,
    /// and those that gave their signers the right to. Nothing when they are too many.
    pub(crate) fn introduction(&self, key: &[u8; 32]) -> Option<Vec<Vec<u8>>> {
        let mut places = self.leading_to(key);
        let of = |places: &BTreeSet<usize>| -> Vec<&Statement> {
            places.iter().map(|place| self.graph.statement(*place)).collect()
        };
        if !is_short(&of(&places)) {
            // Of all that says so one way is enough.
            for place in places.clone() {
                places.remove(&place);
                if !shows(self.first_root(), &of(&places), key) {
                    places.insert(place);
                }
            }
        }
        let hashed = |place| (self.graph.hash(place), self.graph.statement(place).bytes.clone());
        let short = is_short(&of(&places));
        let statements: BTreeMap<_, _> = places.into_iter().map(hashed).collect();
        short.then(|| statements.into_values().collect())
    }

    /// All that stands about a key, about those who signed that, and so on to the root.
    fn leading_to(&self, key: &[u8; 32]) -> BTreeSet<usize> {
        let mut open = vec![*key];
        let mut taken = BTreeSet::new();
        while let Some(key) = open.pop() {
            let device = identity::device(&key);
            for (place, statement) in self.stands() {
                let is_about = match &statement.content {
                    Content::AddDevice { device_key, .. }
                    | Content::RenewDevice { device_key, .. } => *device_key == key,
                    Content::SetRole { device: named, .. } => *named == device,
                    Content::ReplaceRoot { root } => *root == key,
                    _ => false,
                };
                if is_about && taken.insert(place) {
                    open.push(statement.signer);
                }
            }
        }
        taken
    }

    /// The keys of a device, from its first one on.
    pub(crate) fn keys_of(&self, device: &Device) -> BTreeSet<[u8; 32]> {
        self.standing.keys_of(device).collect()
    }
}

/// Whether statements show, to somebody who knows a space's first root key alone, that a key is that of a member who may write
/// records. What was said against the member since is not in them: whoever brings them vouches for that.
///
/// # Errors
/// What is wrong with a statement.
pub(crate) fn is_introduced<S: Suite>(
    root: &[u8; 32],
    statements: &[Vec<u8>],
    key: &[u8; 32],
) -> Result<bool, Error> {
    let space = identity::space(root);
    let decode = |bytes: &Vec<u8>| Statement::decode::<S>(&space, bytes);
    let statements: Vec<Statement> = statements.iter().map(decode).collect::<Result<_, _>>()?;
    Ok(shows(root, &statements.iter().collect::<Vec<_>>(), key))
}

/// Whether statements whose signatures are good introduce a key.
fn shows(root: &[u8; 32], statements: &[&Statement], key: &[u8; 32]) -> bool {
    let mut known = Known { roots: BTreeSet::from([*root]), members: BTreeMap::new() };
    // Each round takes one step more away from the root, or is the last.
    while statements.iter().filter(|statement| known.take(statement)).count() > 0 {}
    known.has(key, |role| role.may_write(Written::Records))
}

/// Whether an introduction has room for statements.
fn is_short(statements: &[&Statement]) -> bool {
    let bytes: usize = statements.iter().map(|statement| statement.bytes.len()).sum();
    statements.len() <= PROOF_MAX && bytes <= PROOF_BYTES_MAX
}

fn takes(statement: &Statement, of: &[u8; 32]) -> bool {
    matches!(&statement.content, Content::TakeDrops { root } if root == of)
}

/// Who is shown to be what.
struct Known {
    roots: BTreeSet<[u8; 32]>,
    members: BTreeMap<[u8; 32], BTreeSet<Role>>,
}

impl Known {
    fn has(&self, key: &[u8; 32], is: impl Fn(Role) -> bool) -> bool {
        self.members.get(key).is_some_and(|roles| roles.iter().any(|role| is(*role)))
    }

    /// Takes what a statement says, if its signer may say it. Whether that is news.
    fn take(&mut self, statement: &Statement) -> bool {
        let signer = &statement.signer;
        let by_root = self.roots.contains(signer);
        let by_admin = by_root || self.has(signer, Role::is_admin);
        match &statement.content {
            Content::ReplaceRoot { root } if by_root => self.roots.insert(*root),
            Content::AddDevice { device_key, role: Some(role), .. } if by_admin => {
                self.members.entry(*device_key).or_default().insert(*role)
            }
            Content::SetRole { device, role: Some(role), .. } if by_admin => {
                let mut named = self.members.iter_mut();
                let named = named.find(|(key, _)| identity::device(key) == *device);
                named.is_some_and(|(_, roles)| roles.insert(*role))
            }
            Content::RenewDevice { device_key, .. } => {
                let roles = self.members.get(signer).cloned().unwrap_or_default();
                let renewed = self.members.entry(*device_key).or_default();
                let before = renewed.len();
                renewed.extend(roles);
                renewed.len() > before
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests;

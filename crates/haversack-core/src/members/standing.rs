//! What stands of a set of statements: a function of the set alone (PROTOCOL § 6.2).

use std::collections::{BTreeMap, BTreeSet};

use haversack_wire::{Device, StatementHash};

use super::identity;
use super::roster::Graph;
use super::set::Set;
use super::statement::{Content, Role};

/// A member: the line of a device's keys, and what it may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The device, named by its first key.
    pub device: Device,
    /// What it may do; `None` for a role of a newer version.
    pub role: Option<Role>,
    /// Whether its epochs age those of others.
    pub may_rotate: bool,
    /// Its current keys: the signing key with the key for being sealed to. More than one when it was cloned.
    pub(crate) current: BTreeMap<[u8; 32], [u8; 32]>,
}

/// What stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Standing {
    /// The root keys, from the first to the present one.
    pub(crate) roots: Vec<[u8; 32]>,
    /// The statements that replaced them.
    pub(crate) replacements: Vec<StatementHash>,
    /// Standing revocations, and changes of role to one that is no admin's, each with the line that it names.
    pub(crate) attackers: BTreeMap<StatementHash, Device>,
    /// Those of them whose cuts count.
    pub(crate) cutting: BTreeMap<StatementHash, Device>,
    pub(crate) void: BTreeSet<StatementHash>,
    pub(crate) members: BTreeMap<Device, Member>,
    /// Lines of keys, by key: members' and others'.
    lines: BTreeMap<[u8; 32], Device>,
    /// The line that each key's device id means.
    devices: BTreeMap<Device, Device>,
    revoked: BTreeSet<Device>,
}

impl Standing {
    /// The member that a key is of, current or renewed.
    pub(crate) fn member(&self, key: &[u8; 32]) -> Option<&Member> {
        self.members.get(self.lines.get(key)?)
    }

    /// The member that a key is a current one of.
    pub(crate) fn current(&self, key: &[u8; 32]) -> Option<&Member> {
        self.member(key).filter(|member| member.current.contains_key(key))
    }

    /// The device that a key is of, member or not.
    pub(crate) fn line(&self, key: &[u8; 32]) -> Option<Device> {
        self.lines.get(key).copied()
    }

    /// The keys of a line.
    pub(crate) fn keys_of(&self, line: &Device) -> impl Iterator<Item = [u8; 32]> {
        self.lines.iter().filter(move |(_, of)| *of == line).map(|(key, _)| *key)
    }

    /// Whether every attacker and every replacement of the root that stands in another's eyes stands here too.
    pub(crate) fn answers(&self, other: &Self) -> bool {
        other.attackers.keys().all(|hash| self.attackers.contains_key(hash))
            && other.replacements.iter().all(|hash| self.replacements.contains(hash))
    }

    /// The line that a device id means.
    pub(crate) fn device(&self, id: &Device) -> Option<Device> {
        self.devices.get(id).copied()
    }

    /// Whether a standing revocation names a line.
    pub(crate) fn is_revoked(&self, line: &Device) -> bool {
        self.revoked.contains(line)
    }

    /// Whether a statement may be its signer's, and says something new, if this is all that it knew.
    pub(crate) fn admits(&self, key: &[u8; 32], content: &Content) -> bool {
        let is_new = |key: &[u8; 32]| !self.roots.contains(key) && !self.lines.contains_key(key);
        let is_root = self.roots.last() == Some(key);
        let role = self.current(key).and_then(|member| member.role);
        let admin = is_root || role.is_some_and(Role::is_admin);
        match content {
            Content::AddDevice { device_key, .. } => admin && is_new(device_key),
            Content::SetRole { device, .. } | Content::Revoke { device, .. } => {
                admin && self.devices.contains_key(device)
            }
            Content::RenewDevice { device_key, .. } => role.is_some() && is_new(device_key),
            Content::ReplaceRoot { root } => is_root && is_new(root),
            _ => admin,
        }
    }
}

/// Evaluates a set that contains the past of each of its statements.
pub(crate) fn evaluate(graph: &Graph, set: &Set) -> Standing {
    let view = View::new(graph, set);
    let standing = view.standing_attackers();
    let (void, added) = view.void_under(&standing);
    let named = |x| (graph.hash(x), graph.lines(x).named.unwrap_or_default());
    let attackers: BTreeMap<_, _> = standing.iter().map(named).collect();
    let members = Members { view: &view, attackers: &standing, void: &void, added: &added };
    let (members, revoked) = (members.all(), members.revoked());
    let cutting = cutting(&view, &standing, &members);
    let void = void.iter().map(|s| graph.hash(s)).collect();
    let View { roots, replacements, lines, devices, .. } = view;
    Standing { roots, replacements, attackers, cutting, void, members, lines, devices, revoked }
}

/// The attackers whose cuts count: what a removed line made, only where nobody else says anything.
fn cutting(
    view: &View<'_>,
    standing: &Set,
    members: &BTreeMap<Device, Member>,
) -> BTreeMap<StatementHash, Device> {
    let graph = view.graph;
    let trusted = |x: usize| {
        view.is_by_root(x) || graph.lines(x).signer.is_some_and(|line| members.contains_key(&line))
    };
    let mut by_line: BTreeMap<Device, Vec<(bool, StatementHash)>> = BTreeMap::new();
    for x in standing.iter() {
        let line = graph.lines(x).named.unwrap_or_default();
        by_line.entry(line).or_default().push((trusted(x), graph.hash(x)));
    }
    let mut cutting = BTreeMap::new();
    for (line, all) in by_line {
        let any_trusted = all.iter().any(|(trusted, _)| *trusted);
        let count = all.into_iter().filter(|(trusted, _)| *trusted == any_trusted);
        cutting.extend(count.map(|(_, hash)| (hash, line)));
    }
    cutting
}

/// A set, with what follows from it before any attack is judged.
struct View<'g> {
    graph: &'g Graph,
    set: &'g Set,
    roots: Vec<[u8; 32]>,
    replacements: Vec<StatementHash>,
    /// What former roots signed after they were replaced.
    outlived: Set,
    lines: BTreeMap<[u8; 32], Device>,
    devices: BTreeMap<Device, Device>,
    /// What roots signed, and did not outlive.
    by_roots: Vec<usize>,
}

impl<'g> View<'g> {
    fn new(graph: &'g Graph, set: &'g Set) -> Self {
        let (roots, outlived) = (vec![*graph.first_root()], Set::default());
        let (lines, devices, replacements, by_roots) = Default::default();
        let mut view = Self { graph, set, roots, replacements, outlived, lines, devices, by_roots };
        view.follow_roots();
        let by_root = |s: &usize| view.is_by_root(*s) && !view.outlived.contains(*s);
        view.by_roots = set.iter().filter(by_root).collect();
        view.lines = lines_of(graph, set, &view.roots);
        let device = |(key, line): (&[u8; 32], &Device)| (identity::device(key), *line);
        view.devices = view.lines.iter().map(device).collect();
        view
    }

    fn is_by_root(&self, s: usize) -> bool {
        self.roots.contains(&self.graph.statement(s).signer)
    }

    /// Step 1: from the first root key to the present one.
    fn follow_roots(&mut self) {
        while let Some(present) = self.roots.last().copied() {
            let by_present = |s: &usize| self.graph.statement(*s).signer == present;
            let next = |s: usize| match &self.graph.statement(s).content {
                Content::ReplaceRoot { root } if !self.roots.contains(root) => {
                    Some((self.graph.hash(s), s, *root))
                }
                _ => None,
            };
            let all: Vec<usize> = self.set.iter().filter(by_present).collect();
            let Some((hash, next, root)) = all.iter().filter_map(|s| next(*s)).min() else {
                return;
            };
            let late = |s: &usize| *s != next && !self.graph.past(next).contains(*s);
            all.into_iter().filter(late).for_each(|s| self.outlived.insert(s));
            self.roots.push(root);
            self.replacements.push(hash);
        }
    }

    /// The line that a statement adds a key to, or raises.
    fn supported(&self, s: usize) -> Option<Device> {
        let adds = key_of(&self.graph.statement(s).content).is_some();
        self.graph.lines(s).named.filter(|_| adds || self.raises(s))
    }

    fn raises(&self, s: usize) -> bool {
        match &self.graph.statement(s).content {
            Content::AddDevice { role, .. } | Content::SetRole { role, .. } => {
                role.is_some_and(Role::is_admin)
            }
            _ => false,
        }
    }

    /// Whether an attacker hits a statement by the line that it names.
    fn hits(&self, x: usize, s: usize) -> bool {
        let (graph, attacker) = (self.graph, self.graph.statement(x));
        if self.is_by_root(s) || graph.past(x).contains(s) {
            return false;
        }
        if let Content::SetRole { role, .. } = &attacker.content {
            let renews = matches!(graph.statement(s).content, Content::RenewDevice { .. });
            if graph.past(s).contains(x) || (renews && role.is_some()) {
                return false;
            }
        }
        // What a root has seen is firm, but for roots.
        let firm = |r: &usize| graph.past(*r).contains(s) && !graph.past(*r).contains(x) && *r != x;
        self.is_by_root(x) || !self.by_roots.iter().any(firm)
    }

    /// Step 3: what is void under a set of attackers, and which keys are added all the same.
    fn void_under(&self, attackers: &Set) -> (Set, BTreeSet<[u8; 32]>) {
        let mut named: BTreeMap<Device, Vec<usize>> = BTreeMap::new();
        for x in attackers.iter() {
            let line = self.graph.lines(x).named;
            line.into_iter().for_each(|line| named.entry(line).or_default().push(x));
        }
        let hit = |s: usize| {
            let line = self.graph.lines(s).signer;
            line.and_then(|line| named.get(&line))
                .is_some_and(|all| all.iter().any(|x| self.hits(*x, s)))
        };
        let fallen = |s: &usize| self.outlived.contains(*s) || hit(*s);
        let (mut void, mut open): (Vec<usize>, Vec<usize>) = self.set.iter().partition(fallen);
        let (mut added, mut raised) = (BTreeSet::new(), Vec::new());
        loop {
            let before = open.len();
            open.retain(|s| {
                let entitled = self.is_entitled(*s, &added, &raised);
                if entitled {
                    added.extend(key_of(&self.graph.statement(*s).content));
                    raised.extend(self.raises(*s).then_some(*s));
                }
                !entitled
            });
            if open.len() == before {
                break;
            }
        }
        void.extend(open);
        (void.into_iter().collect(), added)
    }

    fn is_entitled(&self, s: usize, added: &BTreeSet<[u8; 32]>, raised: &[usize]) -> bool {
        let statement = self.graph.statement(s);
        if self.roots.contains(&statement.signer) {
            return true;
        }
        if !added.contains(&statement.signer) {
            return false;
        }
        let line = self.graph.lines(s).signer;
        let raises =
            |r: &usize| self.graph.lines(*r).named == line && self.graph.past(s).contains(*r);
        matches!(statement.content, Content::RenewDevice { .. }) || raised.iter().any(raises)
    }

    fn is_attacker(&self, s: usize) -> bool {
        match &self.graph.statement(s).content {
            Content::Revoke { .. } => true,
            Content::SetRole { role, .. } => !role.is_some_and(Role::is_admin),
            _ => false,
        }
    }

    /// Step 4: rings stand as a whole; what is void under those that stand falls; and so on.
    fn standing_attackers(&self) -> Set {
        let mut standing = Set::default();
        let mut open: Vec<usize> = self.set.iter().filter(|s| self.is_attacker(*s)).collect();
        let (anyway, _) = self.void_under(&Set::default());
        let voids: BTreeMap<usize, Set> =
            open.iter().map(|x| (*x, self.void_under(&[*x].into_iter().collect()).0)).collect();
        while !open.is_empty() {
            let (void, _) = self.void_under(&standing);
            open.retain(|x| !void.contains(*x));
            let attacks =
                |x: &usize| voids.get(x).map(|void| self.attacked(*x, (void, &anyway), &open));
            let attacks: Vec<BTreeSet<usize>> = open.iter().filter_map(attacks).collect();
            let free = unattacked(attacks);
            let places = (0..).zip(&open);
            places.filter(|(place, _)| free.contains(place)).for_each(|(_, x)| standing.insert(*x));
            open.retain(|x| !standing.contains(*x));
        }
        standing
    }

    /// The places of those that an attacker attacks: itself, or what their signers stand on, would be void.
    fn attacked(&self, x: usize, (void, anyway): (&Set, &Set), open: &[usize]) -> BTreeSet<usize> {
        let lost = void.iter().filter(|s| !anyway.contains(*s));
        let lost: BTreeSet<Device> = lost.filter_map(|s| self.supported(s)).collect();
        let is_attacked = |y: usize| {
            let line = self.graph.lines(y).signer;
            let unsupported = !self.is_by_root(y) && line.is_some_and(|line| lost.contains(&line));
            y != x && (void.contains(y) || unsupported)
        };
        (0..).zip(open).filter(|(_, y)| is_attacked(**y)).map(|(place, _)| place).collect()
    }
}

/// The places of those attackers whose ring no other ring attacks.
fn unattacked(mut reached: Vec<BTreeSet<usize>>) -> BTreeSet<usize> {
    for via in 0..reached.len() {
        let onward = reached.get(via).cloned().unwrap_or_default();
        reached
            .iter_mut()
            .filter(|from| from.contains(&via))
            .for_each(|from| from.extend(onward.iter().copied()));
    }
    let reaches = |from: usize, to: usize| reached.get(from).is_some_and(|all| all.contains(&to));
    let all = 0..reached.len();
    let free = |x: &usize| all.clone().all(|y| !reaches(y, *x) || reaches(*x, y));
    all.clone().filter(free).collect()
}

const fn key_of(content: &Content) -> Option<[u8; 32]> {
    match content {
        Content::AddDevice { device_key, .. } | Content::RenewDevice { device_key, .. } => {
            Some(*device_key)
        }
        _ => None,
    }
}

/// Which line each key is of, by the first key of the line: what a renewal names goes by the renewal.
fn lines_of(graph: &Graph, set: &Set, roots: &[[u8; 32]]) -> BTreeMap<[u8; 32], Device> {
    let mut renewed: BTreeMap<[u8; 32], (StatementHash, [u8; 32])> = BTreeMap::new();
    let mut firsts = BTreeSet::new();
    for s in set.iter() {
        let statement = graph.statement(s);
        match &statement.content {
            Content::AddDevice { device_key, .. } => firsts.extend([*device_key]),
            Content::RenewDevice { device_key, .. } => {
                let this = (graph.hash(s), statement.signer);
                let known = renewed.entry(*device_key).or_insert(this);
                *known = this.min(*known);
            }
            _ => {}
        }
    }
    let is_first = |key: &[u8; 32]| firsts.contains(key) && !renewed.contains_key(key);
    let mut lines = BTreeMap::new();
    for key in firsts.iter().chain(renewed.keys()).filter(|key| !roots.contains(*key)) {
        let mut at = *key;
        let mut steps = renewed.len();
        while let (Some((_, from)), true) = (renewed.get(&at), steps > 0) {
            at = *from;
            steps -= 1;
        }
        if is_first(&at) && !roots.contains(&at) {
            lines.insert(*key, identity::device(&at));
        }
    }
    lines
}

/// A change of role: whether it makes an admin, its hash and place, the role.
type RoleSet = (bool, StatementHash, usize, Option<Role>);

/// Step 5.
struct Members<'a> {
    view: &'a View<'a>,
    attackers: &'a Set,
    void: &'a Set,
    added: &'a BTreeSet<[u8; 32]>,
}

impl Members<'_> {
    fn all(&self) -> BTreeMap<Device, Member> {
        let graph = self.view.graph;
        // The lowest hash first: it decides where several statements say different things.
        let stands = self.view.set.iter().filter(|s| !self.void.contains(*s));
        let stands: BTreeMap<StatementHash, usize> = stands.map(|s| (graph.hash(s), s)).collect();
        let mut members: BTreeMap<Device, ((bool, bool), Member)> = BTreeMap::new();
        for s in stands.values() {
            let Content::AddDevice { device_key, kem_key, role, may_rotate } =
                &graph.statement(*s).content
            else {
                continue;
            };
            let device = identity::device(device_key);
            let is_first = self.view.lines.get(device_key) == Some(&device);
            // One by a root first, then one that gives most; the order of hashes for the rest.
            let rank = (!self.view.is_by_root(*s), !role.is_some_and(Role::is_admin));
            let worse = members.get(&device).is_some_and(|(known, _)| *known <= rank);
            if is_first && !worse {
                let current = [(*device_key, *kem_key)].into();
                let member = Member { device, role: *role, may_rotate: *may_rotate, current };
                members.insert(device, (rank, member));
            }
        }
        let mut members = members.into_iter().map(|(line, (_, member))| (line, member)).collect();
        self.renew(&mut members, &stands);
        let sets: BTreeMap<StatementHash, usize> =
            self.attackers.iter().map(|x| (graph.hash(x), x)).chain(stands).collect();
        self.set_roles(&mut members, &sets);
        let gone = self.revoked();
        members.retain(|line, _| !gone.contains(line));
        for member in members.values_mut() {
            member.may_rotate |= member.role.is_some_and(Role::rotates);
        }
        members
    }

    /// Puts renewed keys in the place of those that they renew.
    fn renew(
        &self,
        members: &mut BTreeMap<Device, Member>,
        stands: &BTreeMap<StatementHash, usize>,
    ) {
        let mut renewed = Vec::new();
        for s in stands.values() {
            let statement = self.view.graph.statement(*s);
            let Content::RenewDevice { device_key, kem_key } = &statement.content else { continue };
            let line = self.view.lines.get(device_key);
            let is_renewal = line.is_some_and(|line| *line != identity::device(device_key));
            let member = line.filter(|_| is_renewal).and_then(|line| members.get_mut(line));
            if let Some(member) = member.filter(|_| self.added.contains(device_key)) {
                member.current.entry(*device_key).or_insert(*kem_key);
                renewed.push((member.device, statement.signer));
            }
        }
        for (line, key) in renewed {
            if let Some(member) = members.get_mut(&line) {
                member.current.remove(&key);
            }
        }
    }

    /// Gives members the role that was set last: where several were set at once, the least.
    fn set_roles(
        &self,
        members: &mut BTreeMap<Device, Member>,
        all: &BTreeMap<StatementHash, usize>,
    ) {
        let graph = self.view.graph;
        let mut sets: BTreeMap<Device, Vec<RoleSet>> = BTreeMap::new();
        for (hash, s) in all {
            let Content::SetRole { role, .. } = &graph.statement(*s).content else { continue };
            let line = graph.lines(*s).named.unwrap_or_default();
            let is_admin = role.is_some_and(Role::is_admin);
            sets.entry(line).or_default().push((is_admin, *hash, *s, *role));
        }
        for (line, sets) in sets {
            let is_last =
                |s: usize| sets.iter().all(|(_, _, other, _)| !graph.past(*other).contains(s));
            let last = sets.iter().filter(|(_, _, s, _)| is_last(*s)).min();
            if let (Some(member), Some((_, _, _, role))) = (members.get_mut(&line), last) {
                member.role = *role;
            }
        }
    }

    fn revoked(&self) -> BTreeSet<Device> {
        let revoke =
            |x: &usize| matches!(self.view.graph.statement(*x).content, Content::Revoke { .. });
        self.attackers
            .iter()
            .filter(revoke)
            .filter_map(|x| self.view.graph.lines(x).named)
            .collect()
    }
}

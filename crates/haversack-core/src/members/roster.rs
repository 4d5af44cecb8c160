//! The roster: a graph of signed statements that only grows, and what stands of it (PROTOCOL § 6.1).

mod drops;
mod kept;
mod undo;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use haversack_wire::codec::bounded;
use haversack_wire::limits::{STATEMENT_PARENTS_MAX, STATEMENTS_MAX};
use haversack_wire::{Device, Error, Relay, RetireHash, Space, StatementHash};

use super::identity;
use super::set::Set;
use super::standing::{Member, Standing, evaluate};
use super::statement::{Content, RelayAddress, Role, Statement};
use crate::crypto::Suite;

pub(crate) use drops::is_introduced;

/// Statements that wait for a parent, at most.
const WAITING_MAX: usize = 1_024;
/// Renewals of one line, and of all, that are taken of themselves: any member can sign them without end. All of them
/// together are fewer than the heads that a body may name.
const LINE_RENEWALS_MAX: usize = 16;
const RENEWALS_MAX: usize = 768;
/// Places that are left for removals and changes of roles, and those that are left for the root.
const DECISIONS_ROOM: usize = 512;
const ROOT_ROOM: usize = 64;
/// Evaluations that are remembered.
const REMEMBERED_MAX: usize = 4_096;

/// The statements, each after its parents.
#[derive(Debug, Clone)]
pub(crate) struct Graph {
    first_root: [u8; 32],
    statements: Vec<Arc<Statement>>,
    hashes: Vec<StatementHash>,
    pasts: Vec<Set>,
    lines: Vec<Lines>,
    places: BTreeMap<StatementHash, usize>,
}

/// Whom a statement is by, and whom it is about, as its past has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Lines {
    /// The line of its signer; none for a root.
    pub(crate) signer: Option<Device>,
    /// The line that it names, or adds a key to.
    pub(crate) named: Option<Device>,
}

impl Lines {
    fn of(statement: &Statement, before: &Standing) -> Self {
        let signer = before.line(&statement.signer);
        let named = match &statement.content {
            Content::AddDevice { device_key, .. } => Some(identity::device(device_key)),
            Content::RenewDevice { .. } => signer,
            Content::SetRole { device, .. } | Content::Revoke { device, .. } => {
                before.device(device)
            }
            _ => None,
        };
        Self { signer, named }
    }
}

impl Graph {
    pub(crate) const fn first_root(&self) -> &[u8; 32] {
        &self.first_root
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "places come from this graph alone, which only grows"
    )]
    pub(crate) fn statement(&self, place: usize) -> &Statement {
        &self.statements[place]
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "places come from this graph alone, which only grows"
    )]
    pub(crate) fn hash(&self, place: usize) -> StatementHash {
        self.hashes[place]
    }

    /// What a statement's signer had seen.
    #[expect(
        clippy::indexing_slicing,
        reason = "places come from this graph alone, which only grows"
    )]
    pub(crate) fn past(&self, place: usize) -> &Set {
        &self.pasts[place]
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "places come from this graph alone, which only grows"
    )]
    pub(crate) fn lines(&self, place: usize) -> Lines {
        self.lines[place]
    }

    /// The past of heads, themselves included; nothing when one of them is not here.
    fn past_of(&self, heads: &[StatementHash]) -> Option<Set> {
        let mut past = Set::default();
        for head in heads {
            let place = *self.places.get(head)?;
            past.unite(self.past(place));
            past.insert(place);
        }
        Some(past)
    }

    fn push(&mut self, hash: StatementHash, statement: Arc<Statement>, past: Set, lines: Lines) {
        self.lines.push(lines);
        self.places.insert(hash, self.statements.len());
        self.statements.push(statement);
        self.hashes.push(hash);
        self.pasts.push(past);
    }
}

/// What changes who must not read on: a kind of statement and what it names.
pub(crate) type Turn = (u8, [u8; 32]);

fn turn(content: &Content) -> Option<Turn> {
    let device = |kind: u8, device: &Device| {
        let bytes = device.as_bytes();
        Some((kind, std::array::from_fn(|i| bytes.get(i).copied().unwrap_or_default())))
    };
    match content {
        Content::SetRole { device: named, role, .. } if !role.is_some_and(Role::is_admin) => {
            device(2, named)
        }
        Content::Revoke { device: named, .. } => device(4, named),
        Content::ReplaceRoot { root } => Some((7, *root)),
        _ => None,
    }
}

/// The statements of a space, and what stands of them. The same set gives the same result, in whatever order it
/// came.
#[derive(Clone)]
pub(crate) struct Roster {
    space: Space,
    graph: Arc<Graph>,
    heads: BTreeSet<StatementHash>,
    waiting: BTreeMap<StatementHash, Arc<Statement>>,
    /// Statements that others say that they have seen.
    wanted: BTreeSet<StatementHash>,
    standing: Arc<Standing>,
    /// What stands of the pasts of heads: facts, shared by all copies of this roster.
    remembered: Arc<Mutex<BTreeMap<Vec<StatementHash>, Arc<Standing>>>>,
}

impl std::fmt::Debug for Roster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Roster({} statements)", self.graph.statements.len())
    }
}

impl Roster {
    /// The empty roster under a root key.
    pub(crate) fn new(root: [u8; 32]) -> Self {
        let graph = Graph {
            first_root: root,
            statements: Vec::new(),
            hashes: Vec::new(),
            pasts: Vec::new(),
            lines: Vec::new(),
            places: BTreeMap::new(),
        };
        let standing = Arc::new(evaluate(&graph, &Set::default()));
        Self {
            space: identity::space(&root),
            graph: Arc::new(graph),
            heads: BTreeSet::new(),
            waiting: BTreeMap::new(),
            wanted: BTreeSet::new(),
            standing,
            remembered: Arc::default(),
        }
    }

    pub(crate) const fn space(&self) -> &Space {
        &self.space
    }

    pub(crate) fn first_root(&self) -> &[u8; 32] {
        &self.graph.first_root
    }

    /// Adds statements whose signatures verify; says how many now belong that did not before. What waits for its parents
    /// is kept, within bounds; what its signer may not say is dropped.
    ///
    /// # Errors
    /// The first statement that cannot be read; [`Error::Limit`] for a roster that is full. Nothing is added then.
    pub(crate) fn add<'a, S: Suite>(
        &mut self,
        statements: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<usize, Error> {
        let mut next = self.clone();
        for bytes in statements {
            let hash = super::statement::hash(bytes);
            if !next.graph.places.contains_key(&hash) && !next.waiting.contains_key(&hash) {
                let statement = Statement::decode::<S>(&self.space, bytes)?;
                next.waiting.insert(hash, Arc::new(statement));
            }
        }
        let before = self.graph.statements.len();
        while next.admit_some() {}
        let count = next.graph.statements.len();
        bounded("statements of a roster", count as u64, STATEMENTS_MAX)?;
        while next.waiting.len() > WAITING_MAX {
            next.waiting.pop_last();
        }
        if count > before {
            let heads: Vec<_> = next.heads.iter().copied().collect();
            next.standing = next.stood(&heads).unwrap_or_default();
        }
        *self = next;
        Ok(count - before)
    }

    /// Takes in what waits and has all its parents. Says whether anything was.
    fn admit_some(&mut self) -> bool {
        let mut progress = false;
        let wanted = self.all_wanted();
        for (hash, statement) in std::mem::take(&mut self.waiting) {
            let Some(past) = self.graph.past_of(&statement.parents) else {
                self.waiting.insert(hash, statement);
                continue;
            };
            let before = self.stood(&statement.parents).unwrap_or_default();
            let is_first =
                !statement.parents.is_empty() || statement.signer == self.graph.first_root;
            if !self.has_room(&statement, &before, wanted.contains(&hash)) {
                self.waiting.insert(hash, statement);
                continue;
            }
            if is_first && before.admits(&statement.signer, &statement.content) {
                self.heads.retain(|head| !statement.parents.contains(head));
                self.heads.insert(hash);
                let lines = Lines::of(&statement, &before);
                Arc::make_mut(&mut self.graph).push(hash, statement, past, lines);
                progress = true;
            }
        }
        progress
    }

    /// Notes what others say that they have seen, from now on until the next time: of that, more renewals are taken, so that
    /// whoever makes too many cannot keep those apart who met different ones of them.
    pub(crate) fn want(&mut self, seen: impl Iterator<Item = StatementHash>) {
        self.wanted = seen.filter(|hash| !self.graph.places.contains_key(hash)).collect();
    }

    /// Whether there is room for a statement: nobody fills the roster so that nobody else can say anything.
    fn has_room(&self, statement: &Statement, before: &Standing, is_wanted: bool) -> bool {
        let count = self.graph.statements.len();
        let by_root = before.roots.last() == Some(&statement.signer);
        match &statement.content {
            _ if by_root => count < STATEMENTS_MAX,
            Content::RenewDevice { .. } => {
                let (all, own) = self.renewals(before.line(&statement.signer));
                (own < LINE_RENEWALS_MAX || is_wanted)
                    && all < RENEWALS_MAX
                    && count < STATEMENTS_MAX - DECISIONS_ROOM
            }
            Content::Revoke { .. } | Content::SetRole { .. } => count < STATEMENTS_MAX - ROOT_ROOM,
            _ => count < STATEMENTS_MAX - DECISIONS_ROOM,
        }
    }

    /// The renewals that belong: all, and those of a line.
    fn renewals(&self, line: Option<Device>) -> (usize, usize) {
        let all = self.graph.statements.iter().zip(&self.graph.lines);
        let all = all.filter(|(s, _)| matches!(s.content, Content::RenewDevice { .. }));
        all.fold((0, 0), |(all, own), (_, lines)| {
            (all + 1, own + usize::from(lines.signer == line))
        })
    }

    /// What others say that they have seen, with the past of it: in bodies, or as admins who signed on top of it.
    fn all_wanted(&self) -> BTreeSet<StatementHash> {
        let mut wanted = self.wanted.clone();
        let decides = |statement: &Statement| {
            let renews = matches!(statement.content, Content::RenewDevice { .. });
            !renews && self.standing.admits(&statement.signer, &statement.content)
        };
        loop {
            let said = self.waiting.iter().filter(|(hash, s)| wanted.contains(*hash) || decides(s));
            let seen: Vec<_> = said.flat_map(|(_, s)| s.parents.iter().copied()).collect();
            let before = wanted.len();
            wanted.extend(seen);
            if wanted.len() == before {
                return wanted;
            }
        }
    }

    /// What stands of the past of heads; nothing when one of them does not belong.
    pub(crate) fn stood(&self, heads: &[StatementHash]) -> Option<Arc<Standing>> {
        let remembered = || self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = remembered().get(heads) {
            return Some(known.clone());
        }
        let standing = Arc::new(evaluate(&self.graph, &self.graph.past_of(heads)?));
        let mut all = remembered();
        if all.len() >= REMEMBERED_MAX {
            all.clear();
        }
        all.insert(heads.to_vec(), standing.clone());
        Some(standing)
    }

    /// The statements that are no other's parents, ascending: what this roster has seen.
    pub(crate) fn heads(&self) -> Vec<StatementHash> {
        self.heads.iter().copied().collect()
    }

    /// What the next statement here is signed on top of.
    pub(crate) fn parents(&self) -> Vec<StatementHash> {
        self.heads.iter().copied().take(STATEMENT_PARENTS_MAX).collect()
    }

    /// The past of heads, themselves included; nothing when one of them does not belong.
    pub(crate) fn past(&self, heads: &[StatementHash]) -> Option<Set> {
        self.graph.past_of(heads)
    }

    /// The turns that stand: removals, demotions and replacements of the root. Twice is once.
    pub(crate) fn turns(&self, standing: &Standing) -> BTreeSet<Turn> {
        let all = standing.attackers.keys().chain(&standing.replacements);
        all.filter_map(|hash| turn(&self.statement(hash)?.content)).collect()
    }

    /// The turns of standing revocations alone.
    pub(crate) fn revocations(&self) -> BTreeSet<Turn> {
        self.turns(&self.standing).into_iter().filter(|(kind, _)| *kind == 4).collect()
    }

    /// The name of every statement, ascending.
    #[cfg(test)]
    pub(crate) fn hashes(&self) -> impl Iterator<Item = StatementHash> {
        self.graph.places.keys().copied()
    }

    /// Whether a statement is a revocation.
    #[cfg(test)]
    pub(crate) fn is_revocation(&self, hash: &StatementHash) -> bool {
        matches!(self.statement(hash).map(|s| &s.content), Some(Content::Revoke { .. }))
    }

    /// Whether a past has a statement in it.
    pub(crate) fn is_seen(&self, past: &Set, statement: &StatementHash) -> bool {
        self.graph.places.get(statement).is_some_and(|place| past.contains(*place))
    }

    /// Whether a statement belongs, or waits for its parents.
    pub(crate) fn knows(&self, hash: &StatementHash) -> bool {
        self.graph.places.contains_key(hash) || self.waiting.contains_key(hash)
    }

    pub(crate) fn statement(&self, hash: &StatementHash) -> Option<&Statement> {
        self.graph.places.get(hash).map(|place| self.graph.statement(*place))
    }

    pub(crate) fn standing(&self) -> &Standing {
        &self.standing
    }

    /// The member that a key is of.
    pub(crate) fn member(&self, key: &[u8; 32]) -> Option<&Member> {
        self.standing.member(key)
    }

    pub(crate) fn members(&self) -> impl Iterator<Item = &Member> {
        self.standing.members.values()
    }

    /// The statements that came last, as many as fit so many bytes.
    pub(crate) fn newest(&self, count: usize, bytes: usize) -> Vec<Vec<u8>> {
        let newest = self.graph.statements.iter().rev().map(|statement| &statement.bytes);
        let sized = newest.scan(0, |sum, statement| {
            *sum += statement.len();
            Some((*sum, statement))
        });
        sized.take(count).take_while(|(sum, _)| *sum <= bytes).map(|(_, s)| s.clone()).collect()
    }

    /// Every statement, ascending by hash.
    pub(crate) fn statements(&self) -> impl Iterator<Item = &[u8]> {
        self.graph.places.values().map(|place| self.graph.statement(*place).bytes.as_slice())
    }

    /// What ended keys: standing removals, and renewals by who had seen no standing turn but those in an earlier past.
    pub(crate) fn ends_of_keys(&self, earlier: &Set) -> Vec<StatementHash> {
        let turns = || self.standing.attackers.keys().chain(&self.standing.replacements);
        let places = turns().filter_map(|turn| self.graph.places.get(turn).copied());
        let later: Vec<usize> = places.filter(|turn| !earlier.contains(*turn)).collect();
        let had_seen_later =
            |place| later.iter().any(|turn| self.graph.past(place).contains(*turn));
        let renews = |(place, statement): &(usize, &Statement)| {
            matches!(statement.content, Content::RenewDevice { .. }) && !had_seen_later(*place)
        };
        let renewals = self.stands().filter(renews).map(|(place, _)| self.graph.hash(place));
        // A removal stands also where it is void itself: two who remove each other are both out.
        let removes = |hash: &&StatementHash| {
            let content = self.statement(hash).map(|statement| &statement.content);
            matches!(content, Some(Content::Revoke { .. }))
        };
        self.standing.attackers.keys().filter(removes).copied().chain(renewals).collect()
    }

    /// Whether one of those had ended keys in the eyes of an earlier roster.
    pub(crate) fn had_ended(&self, end: &StatementHash, earlier: &Standing) -> bool {
        match self.statement(end).map(|statement| &statement.content) {
            Some(Content::RenewDevice { device_key, .. }) => earlier.line(device_key).is_some(),
            _ => earlier.attackers.contains_key(end),
        }
    }

    fn stands(&self) -> impl Iterator<Item = (usize, &Statement)> {
        let stands = |(hash, _): &(&StatementHash, &usize)| !self.standing.void.contains(*hash);
        let places = self.graph.places.iter().filter(stands);
        places.map(|(_, place)| (*place, self.graph.statement(*place)))
    }

    /// Where the space's relays are: of each, every address and pin that a standing statement names which no later one takes
    /// the place of.
    pub(crate) fn relays(&self) -> Vec<RelayAddress> {
        let mut named: BTreeMap<Relay, Vec<(usize, &RelayAddress)>> = BTreeMap::new();
        for (place, statement) in self.stands() {
            let Content::SetRelays(list) = &statement.content else { continue };
            list.iter()
                .for_each(|relay| named.entry(relay.relay).or_default().push((place, relay)));
        }
        let last = |all: &[(usize, &RelayAddress)], place: usize| {
            all.iter().all(|(other, _)| !self.graph.past(*other).contains(place))
        };
        let merge = |(relay, all): (Relay, Vec<(usize, &RelayAddress)>)| {
            let mut merged = RelayAddress { relay, addresses: Vec::new(), pins: Vec::new() };
            for (_, one) in all.iter().filter(|(place, _)| last(&all, *place)) {
                unite(&mut merged.addresses, &one.addresses);
                unite(&mut merged.pins, &one.pins);
            }
            merged
        };
        named.into_iter().map(merge).collect()
    }

    /// The retire hash of a generation's number.
    pub(crate) fn retire_hash(&self, number: u64) -> Option<RetireHash> {
        self.stands().find_map(|(_, statement)| match &statement.content {
            Content::RetireHashes { first, hashes } => {
                let index = usize::try_from(number.checked_sub(*first)?).ok()?;
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

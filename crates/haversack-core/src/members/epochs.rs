//! The epochs that are known, which of them stand, and which is written under (PROTOCOL § 6.3).

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use haversack_wire::limits::{EPOCHS_MAX, PARENTS_MAX};
use haversack_wire::{Epoch, EpochHash, Generation};

use super::epoch::EpochStatement;
use super::group::Live;
use super::roster::{Roster, Turn};
use super::standing::Standing;

use super::statement::Role;
use crate::crypto::EpochSecret;
use crate::seeded::{Bug, seeded};

/// Epochs that do not stand, or not yet, of which statements are kept.
const UNJUDGED_MAX: usize = 128;

/// The secrets that are here.
pub(crate) type Held = BTreeMap<Epoch, EpochSecret>;

/// Every epoch statement that is known, standing or not yet.
#[derive(Debug, Clone, Default)]
pub(crate) struct Epochs {
    known: BTreeMap<EpochHash, Arc<EpochStatement>>,
    /// Those that an invitation brought without their parents.
    anchors: BTreeSet<EpochHash>,
}

/// What follows from a standing epoch and what it builds on.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    pub(crate) hash: EpochHash,
    pub(crate) statement: Arc<EpochStatement>,
    /// What stood by what its minter had seen.
    stood: Arc<Standing>,
    /// The turns that stood by that.
    turns: BTreeSet<Turn>,
    /// Its ancestors that are known here.
    ancestors: BTreeSet<EpochHash>,
    may_rotate: bool,
    /// Whether it ages those before it: a rotation by a device that may, and no answer to a turn.
    counted: bool,
}

impl Facts {
    /// R1: highest number, then by who may rotate, then deepest, then lowest hash.
    fn rank(&self) -> (usize, bool, u64, Reverse<EpochHash>) {
        (self.turns.len(), self.may_rotate, self.statement.depth, Reverse(self.hash))
    }

    /// Whether these are the turns that it answers.
    pub(crate) fn answers_just(&self, turns: &BTreeSet<Turn>) -> bool {
        self.turns == *turns
    }

    /// The same, to be written under.
    pub(crate) fn live(&self) -> Live {
        let EpochStatement { epoch, generation, .. } = *self.statement.as_ref();
        Live { hash: self.hash, epoch, generation, number: self.number() }
    }

    /// How many turns it answers.
    pub(crate) fn number(&self) -> u64 {
        self.turns.len() as u64
    }
}

impl Epochs {
    /// Takes a statement, to be judged.
    pub(crate) fn add(&mut self, statement: EpochStatement) {
        self.known.entry(statement.hash()).or_insert_with(|| Arc::new(statement));
    }

    /// Keeps those that stand, and a few that may yet: whoever can seal to this device can make any number of others. Of too many that
    /// stand the shallowest goes, and what builds on it stands without it.
    pub(crate) fn bound(&mut self, table: &Table) {
        let unjudged = self.known.keys().filter(|hash| table.get(hash).is_none());
        let spare: Vec<EpochHash> = unjudged.copied().skip(UNJUDGED_MAX).collect();
        spare.iter().for_each(|hash| self.known.retain(|known, _| known != hash));
        while table.0.len() > EPOCHS_MAX && self.known.len() > EPOCHS_MAX {
            let standing = self.known.iter().filter(|(hash, _)| table.get(hash).is_some());
            let Some((_, shallowest)) = standing.map(|(h, e)| (e.depth, *h)).min() else { return };
            self.known.remove(&shallowest);
            let builds = self.known.iter().filter(|(hash, epoch)| {
                epoch.parents.contains(&shallowest) && table.get(hash).is_some()
            });
            self.anchors.extend(builds.map(|(hash, _)| *hash));
            self.anchors.remove(&shallowest);
        }
    }

    /// Trusts what an invitation brought: epochs whose parents it did not bring.
    pub(crate) fn anchor(&mut self) {
        let lacks = |epoch: &EpochStatement| {
            epoch.parents.iter().any(|parent| !self.known.contains_key(parent))
        };
        self.anchors = self.known.iter().filter(|(_, e)| lacks(e)).map(|(hash, _)| *hash).collect();
    }

    pub(crate) const fn anchors(&self) -> &BTreeSet<EpochHash> {
        &self.anchors
    }

    pub(crate) fn add_anchor(&mut self, anchor: EpochHash) {
        self.anchors.insert(anchor);
    }

    /// Ascending by hash.
    pub(crate) fn statements(&self) -> impl Iterator<Item = &EpochStatement> {
        self.known.values().map(Arc::as_ref)
    }

    /// Judges every known epoch, parents first.
    pub(crate) fn table(&self, roster: &Roster) -> Table {
        let mut order: Vec<_> = self.known.iter().collect();
        order.sort_by_key(|(hash, epoch)| (epoch.depth, **hash));
        let mut table = Table::default();
        for (hash, epoch) in order {
            let is_anchor = self.anchors.contains(hash);
            if let Some(facts) = facts((roster, &table), *hash, epoch, is_anchor) {
                table.0.insert(*hash, facts);
            }
        }
        table
    }
}

/// What follows from one epoch, if it stands; those that it builds on were judged before.
fn facts(
    (roster, table): (&Roster, &Table),
    hash: EpochHash,
    epoch: &Arc<EpochStatement>,
    is_anchor: bool,
) -> Option<Facts> {
    let stood = roster.stood(&epoch.heads)?;
    let minter = stood.current(&epoch.minter).filter(|member| member.role.is_some())?;
    let parents: Vec<&Facts> =
        epoch.parents.iter().filter_map(|parent| table.0.get(parent)).collect();
    let (turns, may_rotate) = (roster.turns(&stood), minter.may_rotate);
    let lacks = |parent: &&Facts| !parent.stood.answers(&stood);
    let called_for = match epoch.parents.as_slice() {
        [] => minter.role.is_some_and(Role::is_admin),
        _ => may_rotate || parents.iter().all(lacks),
    };
    let deepest = parents.iter().map(|facts| facts.statement.depth).max();
    let fits = parents.len() == epoch.parents.len()
        && epoch.depth == deepest.map_or(0, |deepest| deepest + 1)
        && called_for
        && epoch.generation == generation(epoch, &parents, &turns);
    let ancestors =
        parents.iter().flat_map(|parent| parent.ancestors.iter().copied().chain([parent.hash]));
    // An answer is no rotation, not even one to a second removal of the same device, which leaves the turns as they were.
    let is_rotation = parents.iter().any(|parent| parent.turns == turns && !lacks(parent));
    (fits || is_anchor).then(|| Facts {
        hash,
        statement: epoch.clone(),
        stood,
        ancestors: ancestors.collect(),
        may_rotate,
        counted: may_rotate && is_rotation,
        turns,
    })
}

/// The generation of the best parent which answers as much, or its own.
fn generation(epoch: &EpochStatement, parents: &[&Facts], turns: &BTreeSet<Turn>) -> Generation {
    let same = parents.iter().filter(|parent| parent.turns == *turns);
    let best = same.max_by_key(|parent| parent.rank());
    best.map_or_else(|| Generation::new(epoch.epoch.to_bytes()), |best| best.statement.generation)
}

/// The epochs that stand.
#[derive(Debug, Clone, Default)]
pub(crate) struct Table(BTreeMap<EpochHash, Facts>);

impl Table {
    pub(crate) fn get(&self, epoch: &EpochHash) -> Option<&Facts> {
        self.0.get(epoch)
    }

    /// The epochs that could be written under, were there no attackers: their secrets are here, and their minters members.
    fn usable(
        &self,
        roster: &Roster,
        here: &impl Fn(&EpochStatement) -> bool,
    ) -> impl Iterator<Item = &Facts> {
        self.0.values().filter(move |facts| {
            here(&facts.statement) && roster.member(&facts.statement.minter).is_some()
        })
    }

    /// R1: the epoch to write under.
    pub(crate) fn live(
        &self,
        roster: &Roster,
        here: impl Fn(&EpochStatement) -> bool,
    ) -> Option<&Facts> {
        let fit =
            |facts: &&Facts| facts.stood.answers(roster.standing()) || seeded(Bug::AcceptOldEpoch);
        self.usable(roster, &here).filter(fit).max_by_key(|facts| facts.rank())
    }

    /// R2: what a new epoch builds on: those that no other such one builds on, the best 16, best first.
    pub(crate) fn leaves(
        &self,
        roster: &Roster,
        here: impl Fn(&EpochStatement) -> bool,
    ) -> Vec<&Facts> {
        let mut usable: Vec<_> = self.usable(roster, &here).collect();
        if usable.is_empty() {
            usable = self.0.values().filter(|facts| here(&facts.statement)).collect();
        }
        let inner: BTreeSet<EpochHash> =
            usable.iter().flat_map(|facts| facts.statement.parents.iter().copied()).collect();
        usable.retain(|facts| !inner.contains(&facts.hash));
        usable.sort_by_key(|facts| Reverse(facts.rank()));
        usable.truncate(PARENTS_MAX);
        usable
    }

    /// Whether a statement about an epoch's secret stands.
    pub(crate) fn stands(&self, epoch: &Epoch) -> bool {
        self.best(epoch).is_some()
    }

    /// The best statement about an epoch's secret.
    fn best(&self, epoch: &Epoch) -> Option<&Facts> {
        let about = self.0.values().filter(|facts| facts.statement.epoch == *epoch);
        about.max_by_key(|facts| facts.rank())
    }

    /// Who minted an epoch's secret.
    pub(crate) fn minter(&self, epoch: &Epoch) -> Option<[u8; 32]> {
        self.best(epoch).map(|facts| facts.statement.minter)
    }

    /// Whether who writes under an epoch has another's secret: it is the same, or was built upon.
    pub(crate) fn implies(&self, one: &Epoch, other: &Epoch) -> bool {
        let (Some(one), Some(other)) = (self.best(one), self.best(other)) else {
            return one == other;
        };
        one.hash == other.hash || one.ancestors.contains(&other.hash)
    }

    /// The statements of an epoch and its best ancestors, ascending by hash.
    pub(crate) fn lineage(&self, epoch: &EpochHash, max: usize) -> Vec<Vec<u8>> {
        let Some(facts) = self.0.get(epoch) else { return Vec::new() };
        let mut lineage: Vec<_> = facts.ancestors.iter().filter_map(|id| self.0.get(id)).collect();
        lineage.sort_by_key(|facts| Reverse(facts.rank()));
        lineage.truncate(max - 1);
        lineage.push(facts);
        lineage.sort_by_key(|facts| facts.hash);
        lineage.into_iter().map(|facts| facts.statement.bytes.clone()).collect()
    }

    /// R6: how many counted epochs and standing revocations lie between an epoch and the live one.
    pub(crate) fn age(&self, epoch: &Epoch, live: &EpochHash, roster: &Roster) -> u64 {
        let Some(live) = self.0.get(live) else { return 0 };
        let old = self.best(epoch);
        let is_below =
            |id: &EpochHash| old.is_some_and(|old| old.hash == *id || old.ancestors.contains(id));
        let between = live.ancestors.iter().chain([&live.hash]).filter(|id| !is_below(id));
        let is_counted =
            |facts: &&Facts| facts.counted && roster.member(&facts.statement.minter).is_some();
        let counted = between.filter_map(|id| self.0.get(id)).filter(is_counted).count();
        let answered = |turn: &&Turn| old.is_some_and(|old| old.turns.contains(*turn));
        let revocations = roster.revocations();
        let new = revocations.iter().filter(|turn| live.turns.contains(*turn) && !answered(turn));
        (counted + new.count()) as u64
    }

    /// Generations, that of the best epoch first, with their numbers.
    pub(crate) fn generations(&self) -> Vec<(Generation, u64)> {
        let mut all: Vec<_> = self.0.values().collect();
        all.sort_by_key(|facts| Reverse(facts.rank()));
        let mut seen = BTreeSet::new();
        let first = all.into_iter().filter(|facts| seen.insert(facts.statement.generation));
        first.map(|facts| (facts.statement.generation, facts.number())).collect()
    }
}

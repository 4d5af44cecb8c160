//! The epochs that are known, which of them stand, and which is written under (PROTOCOL § 6.3).

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use haversack_wire::limits::{DEPTH_STEP_MAX, EPOCHS_MAX, PARENTS_MAX};
use haversack_wire::{Epoch, EpochHash, Generation};

use super::epoch::EpochStatement;
use super::roster::{Roster, Turn};
use super::standing::Member;
use super::statement::Role;
use crate::crypto::EpochSecret;

/// The secrets that are here.
pub(crate) type Held = BTreeMap<Epoch, EpochSecret>;

/// Every epoch statement that is known, standing or not yet.
#[derive(Debug, Clone, Default)]
pub(crate) struct Epochs {
    known: BTreeMap<EpochHash, Arc<EpochStatement>>,
}

/// What follows from a standing epoch and what it builds on.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    pub(crate) hash: EpochHash,
    pub(crate) statement: Arc<EpochStatement>,
    /// The turns that its minter had seen.
    turns: BTreeSet<Turn>,
    /// Its ancestors that are known here.
    ancestors: BTreeSet<EpochHash>,
    /// Whether it ages those before it: a rotation by a device that may, and no answer to a turn.
    counted: bool,
}

impl Facts {
    /// R1: highest number, then deepest, then lowest hash.
    fn rank(&self) -> (usize, u64, Reverse<EpochHash>) {
        (self.turns.len(), self.statement.depth, Reverse(self.hash))
    }

    /// How many turns it answers.
    pub(crate) fn number(&self) -> u64 {
        self.turns.len() as u64
    }
}

impl Epochs {
    pub(crate) fn add(&mut self, statement: EpochStatement) {
        self.known.entry(statement.hash()).or_insert_with(|| Arc::new(statement));
        while self.known.len() > EPOCHS_MAX {
            let shallowest = self.known.iter().min_by_key(|(hash, epoch)| (epoch.depth, **hash));
            let Some(shallowest) = shallowest.map(|(hash, _)| *hash) else { break };
            self.known.remove(&shallowest);
        }
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
            if let Some(facts) = (Judge { roster, table: &table }).facts(*hash, epoch) {
                table.0.insert(*hash, facts);
            }
        }
        table
    }
}

/// Looks at one epoch, after those that it builds on.
struct Judge<'a> {
    roster: &'a Roster,
    table: &'a Table,
}

impl Judge<'_> {
    fn facts(&self, hash: EpochHash, epoch: &Arc<EpochStatement>) -> Option<Facts> {
        let past = self.roster.past(&epoch.heads)?;
        let stood = self.roster.stood(&epoch.heads)?;
        let minter = stood.current(&epoch.minter).filter(|member| member.role.is_some())?;
        let turns = self.roster.turns(&past);
        let parents: Vec<&Facts> =
            epoch.parents.iter().filter_map(|parent| self.table.0.get(parent)).collect();
        let stands = parents.iter().all(|parent| parent.turns.is_subset(&turns))
            && self.depth_fits(epoch, &parents)
            && called_for(epoch, minter, &parents, &turns)
            && generation_fits(epoch, &parents, &turns);
        stands.then(|| Facts {
            hash,
            statement: epoch.clone(),
            ancestors: parents
                .iter()
                .flat_map(|parent| parent.ancestors.iter().copied().chain([parent.hash]))
                .collect(),
            counted: minter.may_rotate && parents.iter().any(|parent| parent.turns == turns),
            turns,
        })
    }

    fn depth_fits(&self, epoch: &EpochStatement, parents: &[&Facts]) -> bool {
        if epoch.parents.is_empty() {
            return epoch.depth == 0;
        }
        let shallower = |facts: &&Facts| facts.statement.depth < epoch.depth;
        let below =
            self.table.0.values().filter(shallower).map(|facts| facts.statement.depth).max();
        let deepest = parents.iter().map(|facts| facts.statement.depth).max();
        match (deepest, below) {
            (None, below) => below.is_none(),
            (Some(deepest), _) if parents.len() == epoch.parents.len() => {
                epoch.depth == deepest + 1
            }
            (Some(deepest), below) => {
                let most = below.unwrap_or(deepest) + DEPTH_STEP_MAX;
                (deepest + 1..=most).contains(&epoch.depth)
            }
        }
    }
}

/// Whether there is a reason for an epoch: nobody's whim makes everybody rotate.
fn called_for(
    epoch: &EpochStatement,
    minter: &Member,
    parents: &[&Facts],
    turns: &BTreeSet<Turn>,
) -> bool {
    match epoch.parents.as_slice() {
        [] => minter.role.is_some_and(Role::is_admin),
        _ => minter.may_rotate || parents.iter().all(|parent| parent.turns.len() < turns.len()),
    }
}

/// Whether the generation is that of the best parent which answers as much, or its own.
fn generation_fits(epoch: &EpochStatement, parents: &[&Facts], turns: &BTreeSet<Turn>) -> bool {
    let own = Generation::new(epoch.epoch.to_bytes());
    let same = parents.iter().filter(|parent| parent.turns.len() == turns.len());
    match same.max_by_key(|parent| parent.rank()) {
        Some(best) => best.statement.generation == epoch.generation,
        None => epoch.generation == own || (parents.is_empty() && !epoch.parents.is_empty()),
    }
}

/// The epochs that stand.
#[derive(Debug, Clone, Default)]
pub(crate) struct Table(BTreeMap<EpochHash, Facts>);

impl Table {
    pub(crate) fn get(&self, epoch: &EpochHash) -> Option<&Facts> {
        self.0.get(epoch)
    }

    /// The epochs that could be written under, were there no turns: their secrets are here, and their minters members.
    fn usable(
        &self,
        roster: &Roster,
        here: &impl Fn(&EpochStatement) -> bool,
    ) -> impl Iterator<Item = &Facts> {
        self.0.values().filter(move |facts| {
            let minter = &facts.statement.minter;
            here(&facts.statement) && roster.standing().current(minter).is_some()
        })
    }

    /// R1: the epoch to write under.
    pub(crate) fn live(
        &self,
        roster: &Roster,
        here: impl Fn(&EpochStatement) -> bool,
    ) -> Option<&Facts> {
        let turns = roster.standing_turns();
        let fit = |facts: &&Facts| turns.is_subset(&facts.turns);
        self.usable(roster, &here).filter(fit).max_by_key(|facts| facts.rank())
    }

    /// R2: what a new epoch builds on: those that no other such one builds on, the best 16, best first.
    pub(crate) fn leaves(
        &self,
        roster: &Roster,
        here: impl Fn(&EpochStatement) -> bool,
    ) -> Vec<&Facts> {
        let mut usable: Vec<_> = self.usable(roster, &here).collect();
        let inner: BTreeSet<EpochHash> =
            usable.iter().flat_map(|facts| facts.statement.parents.iter().copied()).collect();
        usable.retain(|facts| !inner.contains(&facts.hash));
        usable.sort_by_key(|facts| Reverse(facts.rank()));
        usable.truncate(PARENTS_MAX);
        usable
    }

    /// The best statement about an epoch's secret.
    fn best(&self, epoch: &Epoch) -> Option<&Facts> {
        let about = self.0.values().filter(|facts| facts.statement.epoch == *epoch);
        about.max_by_key(|facts| facts.rank())
    }

    /// Whether an epoch is as good to write under as another, or better.
    pub(crate) fn is_as_good(&self, one: &Epoch, other: &Epoch) -> bool {
        one == other || self.best(one).map(Facts::rank) >= self.best(other).map(Facts::rank)
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
        let is_counted = |facts: &&Facts| {
            facts.counted && roster.standing().current(&facts.statement.minter).is_some()
        };
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

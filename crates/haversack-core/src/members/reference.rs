//! An independent reference model of § 6 (the team), written from the text alone: plain recursion and fixed points.
//! § 6.2 is in `standing.rs`. Where the text leaves a choice, a comment starting with `READING` says which was taken.
//!
//! Preconditions: `statements` and `epochs` are keyed by the `id` or `hash` of what they hold; signatures verify; statements
//! do not go round in a ring (their ids are hashes); a set given to `standing` contains the past of each of its statements.

#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    reason = "a model, whole; the comparison asks some of it"
)]

use std::cell::{OnceCell, RefCell};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

mod standing;
use standing::Case;

pub type Id = [u8; 16];
pub type Key = [u8; 32];

pub const COORDINATOR: u8 = 3;
pub const ARCHIVE: u8 = 7;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    AddDevice { key: Key, role: u8, may_rotate: bool },
    SetRole { device: Id, role: u8, cut: BTreeMap<Id, u32> },
    RenewDevice { key: Key },
    Revoke { device: Id, cut: BTreeMap<Id, u32> },
    RetireHashes { first: u64, count: u64 },
    ReplaceRoot { key: Key },
    Other,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    pub id: Id,
    pub signer: Key,
    pub parents: Vec<Id>,
    pub content: Content,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Epoch {
    pub hash: Id,
    pub epoch: Id,
    pub generation: Id,
    pub depth: u64,
    pub heads: Vec<Id>,
    /// Hashes.
    pub parents: Vec<Id>,
    pub minter: Key,
}

#[derive(Clone, Debug)]
pub struct World {
    pub root: Key,
    pub device: fn(&Key) -> Id,
    pub statements: BTreeMap<Id, Statement>,
    pub epochs: BTreeMap<Id, Epoch>,
    /// Hashes of the epochs that are anchors here.
    pub anchors: BTreeSet<Id>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    pub device: Id,
    pub role: u8,
    pub may_rotate: bool,
    pub keys: BTreeSet<Key>,
    pub current: BTreeSet<Key>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The present root.
    pub root: Key,
    /// All of step 1, and the statements that made them.
    pub roots: BTreeSet<Key>,
    pub replacements: BTreeSet<Id>,
    /// X.
    pub attackers: BTreeSet<Id>,
    /// All that is void under X; members of X that a ring (or they themselves) hit are in both.
    pub void: BTreeSet<Id>,
    pub members: BTreeMap<Id, Member>,
    /// Of every key that is in a line, the line's first key.
    pub line_of: BTreeMap<Key, Key>,
}

impl Standing {
    fn member_by_key(&self, current: &Key) -> Option<&Member> {
        self.members.values().find(|m| m.current.contains(current))
    }

    fn is_member(&self, line: &Key, device: fn(&Key) -> Id) -> bool {
        self.members.get(&device(line)).is_some_and(|m| m.keys.contains(line))
    }

    fn may_sign(&self, signer: &Key, content: &Content) -> bool {
        let may_as_member =
            || self.member_by_key(signer).is_some_and(|m| role_may_sign(m.role, content));
        match content {
            Content::RenewDevice { .. } => may_as_member(),
            _ => *signer == self.root || may_as_member(),
        }
    }

    /// This is the standing of the past of a statement with this content, and the rest of § 6.1 is asked.
    fn lets_in(&self, content: &Content, device: fn(&Key) -> Id) -> bool {
        match content {
            // READING (B1): "was a root" is of those of step 1 in the past; a ReplaceRoot that lost made none.
            Content::AddDevice { key, .. }
            | Content::RenewDevice { key }
            | Content::ReplaceRoot { key } => {
                !self.roots.contains(key) && !self.line_of.contains_key(key)
            }
            Content::SetRole { device: named, .. } | Content::Revoke { device: named, .. } => {
                self.line_of.keys().any(|key| device(key) == *named)
            }
            Content::RetireHashes { .. } | Content::Other => true,
        }
    }
}

fn role_is_known(role: u8) -> bool {
    (1..=7).contains(&role)
}

fn role_may_sign(role: u8, content: &Content) -> bool {
    match content {
        Content::ReplaceRoot { .. } => false,
        Content::RenewDevice { .. } => role_is_known(role),
        _ => role == COORDINATOR,
    }
}

/// A kind and what it names. READING (B2): the device as it is written, not the line: another key of it is another turn.
type Turn = (u8, Vec<u8>);

fn turn(content: &Content) -> Option<Turn> {
    match content {
        Content::SetRole { device, role, .. } if *role != COORDINATOR => Some((2, device.to_vec())),
        Content::Revoke { device, .. } => Some((4, device.to_vec())),
        Content::ReplaceRoot { key } => Some((7, key.to_vec())),
        _ => None,
    }
}

/// All questions about one `World`, answered from one computed roster. `World`'s methods make one each time;
/// who asks many questions makes one with `Eval::new` and asks it.
pub struct Eval<'a> {
    world: &'a World,
    roster: BTreeSet<Id>,
    standings: RefCell<BTreeMap<BTreeSet<Id>, Rc<Standing>>>,
    turns: RefCell<BTreeMap<Id, Rc<BTreeSet<Turn>>>>,
    standing_epochs: OnceCell<BTreeSet<Id>>,
    revokes: OnceCell<Vec<StandingRevoke<'a>>>,
}

/// The lines it names, and whether it counts before others: no removed line made it.
struct StandingRevoke<'a> {
    names: BTreeSet<Key>,
    good: bool,
    cut: &'a BTreeMap<Id, u32>,
}

impl<'a> Eval<'a> {
    /// § 6.1: the statements that belong, as a least fixed point.
    pub fn new(world: &'a World) -> Self {
        let mut eval = Eval::with_roster(world, BTreeSet::new());
        loop {
            let size = eval.roster.len();
            for s in world.statements.values() {
                if !eval.roster.contains(&s.id) && eval.belongs(s) {
                    eval.roster.insert(s.id);
                }
            }
            if eval.roster.len() == size {
                return eval;
            }
        }
    }

    fn with_roster(world: &'a World, roster: BTreeSet<Id>) -> Self {
        Eval {
            world,
            roster,
            standings: RefCell::default(),
            turns: RefCell::default(),
            standing_epochs: OnceCell::new(),
            revokes: OnceCell::new(),
        }
    }

    fn belongs(&self, s: &Statement) -> bool {
        if s.parents.is_empty() && s.signer != self.world.root {
            return false;
        }
        // All parents must belong; its past is theirs and they.
        let Some(past) = self.past(&s.parents) else {
            return false;
        };
        let standing = self.judge(&past);
        standing.may_sign(&s.signer, &s.content) && standing.lets_in(&s.content, self.world.device)
    }

    pub fn roster(&self) -> &BTreeSet<Id> {
        &self.roster
    }

    pub fn past(&self, heads: &[Id]) -> Option<BTreeSet<Id>> {
        let mut past = BTreeSet::new();
        let mut to_do = heads.to_vec();
        while let Some(id) = to_do.pop() {
            if !self.roster.contains(&id) {
                return None;
            }
            if past.insert(id) {
                to_do.extend(&self.world.statements[&id].parents);
            }
        }
        Some(past)
    }

    pub fn heads(&self) -> BTreeSet<Id> {
        let is_parent =
            |id: &Id| self.roster.iter().any(|s| self.world.statements[s].parents.contains(id));
        self.roster.iter().filter(|id| !is_parent(id)).copied().collect()
    }

    /// § 6.2 of a set.
    pub fn judge(&self, set: &BTreeSet<Id>) -> Rc<Standing> {
        if let Some(known) = self.standings.borrow().get(set) {
            return known.clone();
        }
        let standing = Rc::new(Case::new(self.world, set).standing());
        self.standings.borrow_mut().insert(set.clone(), standing.clone());
        standing
    }

    /// § 6.2 of all that is here.
    pub fn here(&self) -> Rc<Standing> {
        self.judge(&self.roster)
    }

    fn turns_of<'s>(&self, statements: impl IntoIterator<Item = &'s Id>) -> BTreeSet<Turn> {
        statements.into_iter().filter_map(|id| turn(&self.world.statements[id].content)).collect()
    }

    /// Those that stand by the past of its heads. Of heads that are not here: none.
    fn turns(&self, epoch: &Epoch) -> Rc<BTreeSet<Turn>> {
        let compute =
            || {
                Rc::new(self.turns_of(&Self::needed(
                    &self.judge(&self.past(&epoch.heads).unwrap_or_default()),
                )))
            };
        self.turns.borrow_mut().entry(epoch.hash).or_insert_with(compute).clone()
    }

    fn number(&self, epoch: &Epoch) -> usize {
        self.turns(epoch).len()
    }

    /// The order of R1; the greatest is the best.
    fn rank(&self, epoch: &Epoch) -> (usize, bool, u64, Reverse<Id>) {
        (
            self.number(epoch),
            self.minter(epoch).is_some_and(|m| m.may_rotate),
            epoch.depth,
            Reverse(epoch.hash),
        )
    }

    /// The member that the minter is, by the past of the epoch's heads alone.
    fn minter(&self, epoch: &Epoch) -> Option<Member> {
        self.judge(&self.past(&epoch.heads)?).member_by_key(&epoch.minter).cloned()
    }

    fn is_in_a_members_line(&self, key: &Key) -> bool {
        let here = self.here();
        here.line_of.get(key).is_some_and(|line| here.is_member(line, self.world.device))
    }

    /// § 6.3, as a least fixed point. READING (B3): a parent that is here, of whatever depth, may be an anchor that is deeper.
    fn standing_epochs(&self) -> &BTreeSet<Id> {
        self.standing_epochs.get_or_init(|| {
            let mut standing = BTreeSet::new();
            loop {
                let open = self.world.epochs.values().filter(|e| !standing.contains(&e.hash));
                let found: Vec<Id> =
                    open.filter(|e| self.judge_epoch(e, &standing)).map(|e| e.hash).collect();
                if found.is_empty() {
                    return standing;
                }
                standing.extend(found);
            }
        })
    }

    /// The statements that the past of the heads of an epoch fit for R1 has: standing attackers, and replacements of step 1.
    fn needed(standing: &Standing) -> BTreeSet<Id> {
        standing.attackers.union(&standing.replacements).copied().collect()
    }

    /// `standing`: those that are known to stand.
    fn judge_epoch(&self, epoch: &Epoch, standing: &BTreeSet<Id>) -> bool {
        let Some(minter) = self.minter(epoch).filter(|m| role_is_known(m.role)) else {
            return false;
        };
        if epoch.depth > 1 << 32 {
            return false;
        }
        if self.world.anchors.contains(&epoch.hash) {
            return true;
        }
        if epoch.parents.is_empty() {
            return epoch.depth == 0
                && minter.role == COORDINATOR
                && epoch.generation == epoch.epoch;
        }
        if !epoch.parents.iter().all(|p| standing.contains(p)) {
            return false;
        }
        let parents: Vec<&Epoch> = epoch.parents.iter().map(|p| &self.world.epochs[p]).collect();
        let deepest = parents.iter().map(|p| p.depth).max();
        deepest.is_some_and(|deepest| epoch.depth == deepest + 1)
            && (minter.may_rotate || self.is_an_answer(epoch, &parents))
            && epoch.generation == self.generation(epoch, &parents)
    }

    fn is_an_answer(&self, epoch: &Epoch, parents: &[&Epoch]) -> bool {
        let needed = Self::needed(&self.judge(&self.past(&epoch.heads).unwrap_or_default()));
        parents.iter().all(|p| !self.has(p, &needed))
    }

    fn has(&self, epoch: &Epoch, needed: &BTreeSet<Id>) -> bool {
        let past = self.past(&epoch.heads).unwrap_or_default();
        needed.is_subset(&Self::needed(&self.judge(&past)))
    }

    fn generation(&self, epoch: &Epoch, parents: &[&Epoch]) -> Id {
        let equals = parents.iter().filter(|p| self.turns(p) == self.turns(epoch));
        equals.max_by_key(|p| self.rank(p)).map_or(epoch.epoch, |best| best.generation)
    }

    pub fn epoch_stands(&self, hash: &Id) -> bool {
        self.standing_epochs().contains(hash)
    }

    /// READING (B7): "secrets" of R2 are both, that of the epoch and that of its generation.
    fn with_secrets(&self, held: &BTreeSet<Id>, generations: &BTreeSet<Id>) -> Vec<&Epoch> {
        let all = self.standing_epochs().iter().map(|hash| &self.world.epochs[hash]);
        all.filter(|e| held.contains(&e.epoch) && generations.contains(&e.generation)).collect()
    }

    /// Fit for R1 but for attackers and replacements.
    fn usable(&self, held: &BTreeSet<Id>, generations: &BTreeSet<Id>) -> Vec<&Epoch> {
        let all = self.with_secrets(held, generations).into_iter();
        all.filter(|e| self.is_in_a_members_line(&e.minter)).collect()
    }

    /// R1; a hash.
    pub fn live(&self, held: &BTreeSet<Id>, generations: &BTreeSet<Id>) -> Option<Id> {
        let needed = Self::needed(&self.here());
        let usable = self.usable(held, generations).into_iter();
        usable.filter(|e| self.has(e, &needed)).max_by_key(|e| self.rank(e)).map(|e| e.hash)
    }

    /// R2; hashes.
    pub fn mint_parents(&self, held: &BTreeSet<Id>, generations: &BTreeSet<Id>) -> BTreeSet<Id> {
        let mut of = self.usable(held, generations);
        if of.is_empty() {
            of = self.with_secrets(held, generations);
        }
        let is_parent = |e: &&&Epoch| of.iter().any(|other| other.parents.contains(&e.hash));
        let mut last: Vec<&&Epoch> = of.iter().filter(|e| !is_parent(e)).collect();
        last.sort_by_key(|e| Reverse(self.rank(e)));
        last.iter().take(16).map(|e| e.hash).collect()
    }

    /// R3, before its exceptions.
    pub fn owed_to(&self) -> BTreeSet<Key> {
        self.here().members.values().flat_map(|m| &m.current).copied().collect()
    }

    fn with_ancestors(&self, hash: &Id) -> BTreeSet<Id> {
        let mut all = BTreeSet::new();
        let mut to_do = vec![*hash];
        while let Some(hash) = to_do.pop() {
            if let Some(epoch) = self.world.epochs.get(&hash)
                && all.insert(hash)
            {
                to_do.extend(&epoch.parents);
            }
        }
        all
    }

    /// R6. READING (B5): a counted epoch need not stand, only its parent.
    pub fn age(&self, hash: &Id, live: &Id) -> u64 {
        let epochs = &self.world.epochs;
        let counted = |hash: &&Id| {
            let epoch = &epochs[*hash];
            let mut parents =
                epoch.parents.iter().filter(|p| self.epoch_stands(p)).map(|p| &epochs[p]);
            let needed = Self::needed(&self.judge(&self.past(&epoch.heads).unwrap_or_default()));
            parents.any(|p| self.turns(p) == self.turns(epoch) && self.has(p, &needed))
                && self.minter(epoch).is_some_and(|m| m.may_rotate)
                && self.is_in_a_members_line(&epoch.minter)
        };
        let rotations = self
            .with_ancestors(live)
            .difference(&self.with_ancestors(hash))
            .filter(counted)
            .count();
        let turns = |hash: &Id| epochs.get(hash).map(|e| self.turns(e)).unwrap_or_default();
        let (old, new) = (turns(hash), turns(live));
        let standing = self.turns_of(&self.here().attackers);
        let revoked =
            standing.iter().filter(|t| t.0 == 4 && new.contains(*t) && !old.contains(*t)).count();
        (rotations + revoked) as u64
    }

    /// The cuts of standing Revokes that name one of these lines, and count.
    /// READING (B6): a "removed line" is one that is no member here, whatever removed it; a root of step 1 is none; and
    /// "where" is the line: a cut is about all its lanes.
    fn cuts(&self, lines: &BTreeSet<Key>) -> Vec<&'a BTreeMap<Id, u32>> {
        let revokes = self.revokes.get_or_init(|| {
            let here = self.here();
            let mut revokes = Vec::new();
            for (id, signer, names) in Case::new(self.world, &self.roster).signers_and_named() {
                let Statement { signer: key, content, .. } = &self.world.statements[&id];
                if let Content::Revoke { cut, .. } = content
                    && here.attackers.contains(&id)
                {
                    let member =
                        signer.is_some_and(|line| here.is_member(&line, self.world.device));
                    revokes.push(StandingRevoke {
                        names,
                        good: member || here.roots.contains(key),
                        cut,
                    });
                }
            }
            revokes
        });
        let about: Vec<_> = revokes.iter().filter(|r| !r.names.is_disjoint(lines)).collect();
        let any_good = about.iter().any(|r| r.good);
        about.iter().filter(|r| r.good || !any_good).map(|r| r.cut).collect()
    }

    /// § 6.4: of every lane the lowest cut over the standing Revokes that name the line of this device, and count. A lane that
    /// one of them does not list is believed from nowhere, so it is not listed here either. Of a device of no line: None.
    pub fn believed_cut(&self, device: &Id) -> Option<BTreeMap<Id, u32>> {
        let here = self.here();
        let lines = here
            .line_of
            .iter()
            .filter(|(key, _)| (self.world.device)(key) == *device)
            .map(|(_, line)| *line);
        let lowest = |a: BTreeMap<Id, u32>, b: &BTreeMap<Id, u32>| {
            a.iter().filter_map(|(lane, n)| Some((*lane, *n.min(b.get(lane)?)))).collect()
        };
        let mut cuts = self.cuts(&lines.collect()).into_iter();
        let first = cuts.next()?.clone();
        Some(cuts.fold(first, lowest))
    }

    /// § 6.4: a body of this author is cut by a standing Revoke, or by what its key is here. Without the cuts of SetRoles.
    /// READING (B8): "that no Revoke names": no standing one. READING (B9): the author's line is that of all that is here.
    pub fn cut_at(&self, key: &Key, lane: &Id, sequence: u32) -> bool {
        let here = self.here();
        let Some(line) = here.line_of.get(key) else {
            return true;
        };
        let cuts = self.cuts(&BTreeSet::from([*line]));
        match cuts.iter().map(|cut| cut.get(lane).copied().unwrap_or(0)).min() {
            Some(lowest) => sequence >= lowest,
            None => !here.is_member(line, self.world.device),
        }
    }
}

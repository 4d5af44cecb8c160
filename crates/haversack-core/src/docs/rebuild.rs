//! From decoded changes to applied ones: rebuild, check, apply to a scratch copy.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::num::NonZeroU64;
use std::panic::{AssertUnwindSafe, catch_unwind};

use automerge::legacy::{Key, ObjectId, Op, OpId, OpType};
use automerge::transaction::Transactable;
use automerge::{
    ActorId, Automerge, Change, ChangeHash, ExpandedChange, ObjId, ObjType, ROOT, ReadDoc,
    ScalarValue,
};
use haversack_wire::limits::DEPTH_MAX;

use super::read::{self, Record};
use super::{Author, Dependency, RawChange};

/// The last change of an author in a document, as the log has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Tip {
    /// Its sequence; 0 when there is none yet.
    pub(crate) sequence: u64,
    /// Its hash.
    pub(crate) hash: Option<ChangeHash>,
}

/// Why changes were not applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// They build on something that is not here yet: they may wait.
    Missing,
    /// They break a rule: they never will.
    Broken(&'static str),
}

/// A document, and what it says.
#[derive(Clone)]
pub(crate) struct Built {
    pub(crate) document: Automerge,
    pub(crate) record: Record,
}

impl Built {
    /// Reads a document.
    pub(crate) fn of(document: Automerge) -> Self {
        let record = read::record(&document);
        Self { document, record }
    }
}

/// Turns a change of the log into its travelling form.
pub(crate) fn raw(change: &Change, before: Tip) -> RawChange {
    let expanded = change.decode();
    let dependency = |hash: &ChangeHash| match before.hash == Some(*hash) {
        true => Dependency::Own,
        false => Dependency::Foreign(*hash),
    };
    RawChange {
        sequence: expanded.seq,
        start_op: expanded.start_op.get(),
        dependencies: expanded.deps.iter().map(dependency).collect(),
        operations: expanded.operations,
    }
}

/// Rebuilds an author's changes. Each one's hash is the "own" dependency of the next.
pub(crate) fn changes(
    author: &Author,
    raw: Vec<RawChange>,
    tip: Tip,
) -> Result<Vec<Change>, Refusal> {
    let mut tip = tip;
    raw.into_iter()
        .map(|raw| {
            let change = change(author, raw, tip)?;
            tip = tip_of(&change);
            Ok(change)
        })
        .collect()
}

fn change(author: &Author, raw: RawChange, tip: Tip) -> Result<Change, Refusal> {
    if raw.sequence != tip.sequence + 1 {
        return Err(if raw.sequence > tip.sequence { Refusal::Missing } else { REPEATED });
    }
    let dependency = |dependency: &Dependency| match dependency {
        Dependency::Own => tip.hash.ok_or(Refusal::Broken("a first change names one before it")),
        Dependency::Foreign(hash) => Ok(*hash),
    };
    let expanded = ExpandedChange {
        operations: raw.operations,
        actor_id: author.id().clone(),
        hash: None,
        seq: raw.sequence,
        start_op: NonZeroU64::new(raw.start_op).ok_or(Refusal::Broken("a start op is 0"))?,
        time: 0,
        message: None,
        deps: raw.dependencies.iter().map(dependency).collect::<Result<_, _>>()?,
        extra_bytes: Vec::new(),
        author: None,
    };
    Ok(Change::from(expanded))
}

const REPEATED: Refusal = Refusal::Broken("a change sequence is repeated");

/// Applies an author's changes to a copy of the document and gives the copy, read.
///
/// Automerge panics on some changes that are valid in form, and a caught panic leaves a document that
/// must not be used again: so everything is checked that can be, the rest is caught, and the copy dropped.
/// What is accepted can be read and edited: both are tried before it is.
pub(crate) fn apply(
    document: &Automerge,
    raw: &[RawChange],
    changes: &[Change],
    tip: Tip,
) -> Result<Built, Refusal> {
    let run = || {
        let (mut scratch, mut tip) = (document.clone(), tip);
        let mut seen = Seen::default();
        for run in &runs(raw, changes) {
            check(&scratch, run, tip, &mut seen)?;
            let taken = scratch.apply_changes(run.iter().map(|(_, change)| (*change).clone()));
            tip = run.last().map_or(tip, |(_, last)| tip_of(last));
            // The last of a run is there only with all that it builds on.
            let last = tip.hash.and_then(|last| scratch.get_change_meta_by_hash(&last));
            if taken.is_err() || last.is_none() {
                return Err(UNTAKEN);
            }
        }
        try_out(scratch)
    };
    catch_unwind(AssertUnwindSafe(run)).unwrap_or(Err(UNTAKEN))
}

/// One author's changes, to be applied with those of others.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Made<'a> {
    pub(crate) raw: &'a [RawChange],
    pub(crate) changes: &'a [Change],
    /// Where the author stood before.
    pub(crate) before: Tip,
}

/// Applies the changes of several authors to a copy of the document, all at once, and gives the copy, read. What is refused is refused
/// as by [`apply`]: each change is judged by what it depends on, so that it may be there already when it is looked at.
pub(crate) fn apply_all(document: &Automerge, all: &[Made<'_>]) -> Result<Built, Refusal> {
    check_starts(document, all)?;
    let run = || {
        let mut scratch = document.clone();
        let changes = all.iter().flat_map(|made| made.changes.iter().cloned());
        scratch.apply_changes(changes).map_err(|_| UNTAKEN)?;
        for made in all {
            let (mut tip, mut seen) = (made.before, Seen::default());
            let is_here =
                |change: &Change| scratch.get_change_meta_by_hash(&change.hash()).is_some();
            if !made.changes.iter().all(is_here) {
                return Err(Refusal::Missing);
            }
            for run in &runs(made.raw, made.changes) {
                check(&scratch, run, tip, &mut seen)?;
                tip = run.last().map_or(tip, |(_, last)| tip_of(last));
            }
        }
        try_out(scratch)
    };
    catch_unwind(AssertUnwindSafe(run)).unwrap_or(Err(UNTAKEN))
}

/// Start ops follow from what changes depend on: looked at before Automerge counts with them.
fn check_starts(document: &Automerge, all: &[Made<'_>]) -> Result<(), Refusal> {
    let pairs = || all.iter().flat_map(|made| made.raw.iter().zip(made.changes));
    let last = |raw: &RawChange| raw.start_op + (raw.operations.len() as u64).saturating_sub(1);
    let new: BTreeMap<ChangeHash, u64> =
        pairs().map(|(raw, change)| (change.hash(), last(raw))).collect();
    for (raw, change) in pairs() {
        let mut max = 0;
        for hash in change.deps() {
            let there = || document.get_change_meta_by_hash(hash).map(|meta| meta.max_op);
            max = max.max(new.get(hash).copied().or_else(there).ok_or(Refusal::Missing)?);
        }
        if raw.start_op != max + 1 {
            return Err(START);
        }
    }
    Ok(())
}

/// Reads and edits a document, and takes the edit back.
fn try_out(scratch: Automerge) -> Result<Built, Refusal> {
    let mut built = Built::of(scratch);
    let mut trial = built.document.transaction();
    trial.put(ROOT, "t", ScalarValue::Null).map_err(|_| UNTAKEN)?;
    trial.rollback();
    Ok(built)
}

const UNTAKEN: Refusal = Refusal::Broken("the document does not take it");
const ORPHAN: Refusal = Refusal::Broken("a change does not build on its author's one before");
const START: Refusal = Refusal::Broken("a start op does not follow from what the change builds on");
const REPLACED: Refusal = Refusal::Broken("an operation replaces other values than its author saw");
const NOWHERE: Refusal = Refusal::Broken("an operation is about an object that does not exist");

fn tip_of(change: &Change) -> Tip {
    Tip { sequence: change.seq(), hash: Some(change.hash()) }
}

type Step<'a> = (&'a RawChange, &'a Change);

/// The changes in runs, in each of which a change builds on the one before it alone: Automerge takes a run at once, many times
/// faster than one by one.
fn runs<'a>(raw: &'a [RawChange], changes: &'a [Change]) -> Vec<Vec<Step<'a>>> {
    let mut runs: Vec<Vec<Step<'a>>> = Vec::new();
    for step in raw.iter().zip(changes) {
        match runs.last_mut().filter(|run| run.last().is_some_and(|last| follows(last.1, step.1))) {
            Some(run) => run.push(step),
            None => runs.push(vec![step]),
        }
    }
    runs
}

fn follows(before: &Change, change: &Change) -> bool {
    change.deps() == [before.hash()]
}

/// A change is as its author's own Automerge would have made it from what it depends on: nothing in it refers
/// to anything beyond that, so every device comes to the same verdict, whatever else it has. A run is checked
/// before anything of it is applied.
fn check(document: &Automerge, run: &[Step<'_>], tip: Tip, seen: &mut Seen) -> Result<(), Refusal> {
    let Some((_, first)) = run.first() else { return Ok(()) };
    let mut max = 0;
    for hash in first.deps() {
        max = max.max(document.get_change_meta_by_hash(hash).ok_or(Refusal::Missing)?.max_op);
    }
    if let Some(own) = tip.hash.filter(|own| !first.deps().contains(own)) {
        seen.walk(document, first.deps());
        if !seen.0.contains(&own) {
            return Err(ORPHAN);
        }
    }
    let past = Past { document, heads: first.deps(), author: first.actor_id(), seen };
    let operations = run.iter().map(|(raw, _)| raw.operations.len()).sum();
    let visible = HashMap::with_capacity(operations);
    let mut run_so_far = Run { past, visible, made: BTreeMap::new() };
    for (raw, _) in run {
        if raw.start_op != max + 1 {
            return Err(START);
        }
        (raw.start_op..).zip(&raw.operations).try_for_each(|(n, op)| run_so_far.take(n, op))?;
        max += raw.operations.len() as u64;
    }
    Ok(())
}

/// A run as it adds up: what it made and put over what its author had seen before it.
struct Run<'a> {
    past: Past<'a>,
    /// What its author's own operations left under a key of an object: the last, or nothing.
    visible: HashMap<(Option<&'a OpId>, &'a str), Option<u64>>,
    /// How deep the objects lie that the run made, by their counters.
    made: BTreeMap<u64, usize>,
}

impl<'a> Run<'a> {
    fn take(&mut self, counter: u64, op: &'a Op) -> Result<(), Refusal> {
        let object = match &op.obj {
            ObjectId::Root => None,
            ObjectId::Id(id) => Some(id),
        };
        let depth = match object.and_then(|id| self.made_depth(id)) {
            Some(depth) => depth,
            None => self.past.depth(object)?,
        };
        let Key::Map(key) = &op.key else { return Err(Refusal::Missing) };
        let is_map =
            matches!(op.action, OpType::Make(ObjType::Map) | OpType::Put(_) | OpType::Delete);
        if op.insert || !is_map {
            // Lists, texts and counters belong to newer versions: not wrong, not yet.
            return Err(Refusal::Missing);
        }
        let replaces_it = match self.visible.get(&(object, key.as_str())) {
            Some(own) => {
                let author = self.past.author;
                op.pred.iter().map(|id| (id.0, &id.1)).eq(own.iter().map(|own| (*own, author)))
            }
            None if object.is_some_and(|id| self.made_depth(id).is_some()) => op.pred.is_empty(),
            None => op.pred.iter().eq(&self.past.visible(object, key)?),
        };
        let is_delete = matches!(op.action, OpType::Delete);
        if !replaces_it || (is_delete && op.pred.is_empty()) {
            return Err(REPLACED);
        }
        if matches!(op.action, OpType::Make(_)) {
            if depth >= DEPTH_MAX {
                return Err(Refusal::Broken("objects are nested too deep"));
            }
            self.made.insert(counter, depth + 1);
        }
        self.visible.insert((object, key), (!is_delete).then_some(counter));
        Ok(())
    }

    /// How deep an object lies, if the run made it.
    fn made_depth(&self, id: &OpId) -> Option<usize> {
        self.made.get(&id.0).copied().filter(|_| id.1 == *self.past.author)
    }
}

/// What an author had seen.
struct Past<'a> {
    document: &'a Automerge,
    heads: &'a [ChangeHash],
    author: &'a ActorId,
    seen: &'a mut Seen,
}

/// The past of an author's changes, one after another: what one of them had seen the next had too, so that all together walk a
/// document's history once.
#[derive(Default)]
struct Seen(BTreeSet<ChangeHash>);

impl Seen {
    fn walk(&mut self, document: &Automerge, heads: &[ChangeHash]) {
        let mut open = heads.to_vec();
        while let Some(hash) = open.pop() {
            if self.0.insert(hash) {
                let meta = document.get_change_meta_by_hash(&hash);
                open.extend(meta.into_iter().flat_map(|meta| meta.deps));
            }
        }
    }
}

impl Past<'_> {
    /// How deep an object lies that was there before the run.
    fn depth(&mut self, object: Option<&OpId>) -> Result<usize, Refusal> {
        let Some(id) = object else { return Ok(0) };
        let exid = ObjId::Id(id.0, id.1.clone(), 0);
        if self.document.object_type(&exid) != Ok(ObjType::Map) || !self.has(id) {
            return Err(NOWHERE);
        }
        self.document.parents(&exid).map(Iterator::count).map_err(|_| NOWHERE)
    }

    /// Whether an operation lies in the past.
    fn has(&mut self, id: &OpId) -> bool {
        let made_by = self.document.hash_for_opid(&ObjId::Id(id.0, id.1.clone(), 0));
        self.seen.walk(self.document, self.heads);
        made_by.is_some_and(|hash| self.seen.0.contains(&hash))
    }

    /// The operations whose values stood under a key of an object, in Automerge's own order.
    fn visible(&self, object: Option<&OpId>, key: &str) -> Result<Vec<OpId>, Refusal> {
        if self.heads.is_empty() {
            return Ok(Vec::new());
        }
        let object = object.map_or(ROOT, |id| ObjId::Id(id.0, id.1.clone(), 0));
        let all = self.document.get_all_at(&object, key, self.heads).map_err(|_| NOWHERE)?;
        let mut ids: Vec<OpId> = all
            .into_iter()
            .filter_map(|(_, id)| match id {
                ObjId::Id(counter, actor, _) => Some(OpId(counter, actor)),
                ObjId::Root => None,
            })
            .collect();
        ids.sort();
        Ok(ids)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use automerge::legacy::SortedVec;
    use haversack_wire::Actor;

    fn author(n: u8) -> Author {
        Author::new(&Actor::new([n; 16]))
    }

    fn document(n: u8) -> Automerge {
        Automerge::new().with_actor(author(n).id().clone())
    }

    fn edit(document: &mut Automerge, key: &str) -> Change {
        let mut tx = document.transaction();
        let map = tx.put_object(ROOT, key, ObjType::Map).unwrap();
        tx.put(&map, "m", "street").unwrap();
        tx.commit();
        document.get_last_local_change().unwrap()
    }

    #[test]
    fn rebuilding_gives_the_same_hashes() {
        let mut mine = document(1);
        let made = [edit(&mut mine, "1"), edit(&mut mine, "2")];
        let tips = [Tip::default(), Tip { sequence: 1, hash: Some(made[0].hash()) }];
        let raws: Vec<_> = made.iter().zip(tips).map(|(change, tip)| raw(change, tip)).collect();
        let rebuilt = changes(&author(1), raws.clone(), Tip::default()).unwrap();
        assert_eq!(rebuilt.iter().map(Change::hash).collect::<Vec<_>>(), made.map(|c| c.hash()));
        let applied = apply(&document(2), &raws, &rebuilt, Tip::default()).unwrap();
        assert_eq!(applied.document.get_heads(), mine.get_heads());
    }

    #[test]
    fn hostile_changes_are_refused_and_the_document_stays() {
        let mut mine = document(1);
        let first = edit(&mut mine, "1");
        let good = raw(&first, Tip::default());
        let check = |name: &str, change: RawChange, tip: Tip, expect: Refusal| {
            let target = document(2);
            let raws = vec![change];
            let rebuilt = changes(&author(1), raws.clone(), tip);
            let refused = rebuilt.and_then(|c| apply(&target, &raws, &c, tip));
            assert_eq!(refused.map(|built| built.document.get_heads()), Err(expect), "{name}");
        };
        let far = RawChange { start_op: u64::from(u32::MAX) - 1, ..good.clone() };
        check("a start op that wedges", far, Tip::default(), START);
        let gap = RawChange { sequence: 3, ..good.clone() };
        check("a gap in the sequence", gap, Tip::default(), Refusal::Missing);
        let seen = Tip { sequence: 1, hash: Some(first.hash()) };
        check("a repeated sequence", good.clone(), seen, REPEATED);
        let unknown = Dependency::Foreign(ChangeHash([9; 32]));
        let missing = RawChange { dependencies: vec![unknown], ..good.clone() };
        check("an unknown dependency", missing, Tip::default(), Refusal::Missing);
        let mut nowhere = good.clone();
        nowhere.operations[1].obj = ObjectId::Id(OpId(77, author(9).id().clone()));
        check("an object that is not there", nowhere, Tip::default(), NOWHERE);
        let mut elsewhere = good;
        elsewhere.operations[1].pred = SortedVec::from(vec![OpId(1, author(1).id().clone())]);
        check("a value of another key replaced", elsewhere, Tip::default(), REPLACED);
    }
}

//! From decoded changes to applied ones: rebuild, check, apply to a scratch copy.

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::panic::{AssertUnwindSafe, catch_unwind};

use automerge::legacy::{ObjectId, Op, OpId, OpType};
use automerge::{ActorId, Automerge, Change, ChangeHash, ExpandedChange, ObjId, ReadDoc};
use haversack_wire::limits::DEPTH_MAX;

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
            tip = Tip { sequence: change.seq(), hash: Some(change.hash()) };
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

/// Applies rebuilt changes to a copy of the document and gives the copy.
///
/// Automerge panics on some changes that are valid in form, and a caught panic leaves a document that
/// must not be used again: so everything is checked that can be, the rest is caught, and the copy dropped.
pub(crate) fn apply(document: &Automerge, changes: &[Change]) -> Result<Automerge, Refusal> {
    check(document, changes)?;
    let applied = catch_unwind(AssertUnwindSafe(|| {
        let mut scratch = document.clone();
        scratch.apply_changes(changes.iter().cloned()).ok()?;
        let arrived = changes.iter().all(|c| scratch.get_change_meta_by_hash(&c.hash()).is_some());
        arrived.then_some(scratch)
    }));
    applied.ok().flatten().ok_or(Refusal::Broken("the document does not take it"))
}

/// Dependencies are here, the start op is the one that follows from them, objects exist and are not too deep.
fn check(document: &Automerge, changes: &[Change]) -> Result<(), Refusal> {
    let mut new_max: BTreeMap<ChangeHash, u64> = BTreeMap::new();
    let mut made: BTreeMap<u64, usize> = BTreeMap::new();
    for change in changes {
        let mut max = 0;
        for hash in change.deps() {
            let known = new_max.get(hash).copied();
            let known = known.or_else(|| document.get_change_meta_by_hash(hash).map(|m| m.max_op));
            max = max.max(known.ok_or(Refusal::Missing)?);
        }
        if change.start_op().get() != max + 1 {
            return Err(Refusal::Broken(
                "a start op does not follow from what the change builds on",
            ));
        }
        new_max.insert(change.hash(), change.max_op().max(max));
        let expanded = change.decode();
        for (counter, op) in (max + 1..).zip(&expanded.operations) {
            check_op(document, &expanded.actor_id, counter, op, &mut made)?;
        }
    }
    Ok(())
}

fn check_op(
    document: &Automerge,
    author: &ActorId,
    counter: u64,
    op: &Op,
    made: &mut BTreeMap<u64, usize>,
) -> Result<(), Refusal> {
    let depth = match &op.obj {
        ObjectId::Root => 0,
        ObjectId::Id(id) if id.1 == *author && made.contains_key(&id.0) => {
            made.get(&id.0).copied().unwrap_or_default()
        }
        ObjectId::Id(id) => depth_of(document, id)?,
    };
    if matches!(op.action, OpType::Make(_)) {
        if depth >= DEPTH_MAX {
            return Err(Refusal::Broken("objects are nested too deep"));
        }
        made.insert(counter, depth + 1);
    }
    Ok(())
}

fn depth_of(document: &Automerge, id: &OpId) -> Result<usize, Refusal> {
    let unknown = Refusal::Broken("an operation is about an object that does not exist");
    let object = ObjId::Id(id.0, id.1.clone(), 0);
    document.object_type(&object).map_err(|_| unknown)?;
    document.parents(&object).map(Iterator::count).map_err(|_| unknown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use automerge::{ObjType, ROOT, transaction::Transactable};
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
        let raws = made.iter().zip(tips).map(|(change, tip)| raw(change, tip)).collect();
        let rebuilt = changes(&author(1), raws, Tip::default()).unwrap();
        assert_eq!(rebuilt.iter().map(Change::hash).collect::<Vec<_>>(), made.map(|c| c.hash()));
        let applied = apply(&document(2), &rebuilt).unwrap();
        assert_eq!(applied.get_heads(), mine.get_heads());
    }

    #[test]
    fn hostile_changes_are_refused_and_the_document_stays() {
        let mut mine = document(1);
        let first = edit(&mut mine, "1");
        let good = raw(&first, Tip::default());
        let check = |name: &str, change: RawChange, tip: Tip, expect: Refusal| {
            let target = document(2);
            let refused = changes(&author(1), vec![change], tip).and_then(|c| apply(&target, &c));
            assert_eq!(refused.map(|d| d.get_heads()), Err(expect), "{name}");
        };
        let far = RawChange { start_op: u64::from(u32::MAX) - 1, ..good.clone() };
        let start = Refusal::Broken("a start op does not follow from what the change builds on");
        check("a start op that wedges", far, Tip::default(), start);
        let gap = RawChange { sequence: 3, ..good.clone() };
        check("a gap in the sequence", gap, Tip::default(), Refusal::Missing);
        let seen = Tip { sequence: 1, hash: Some(first.hash()) };
        check("a repeated sequence", good.clone(), seen, REPEATED);
        let unknown = Dependency::Foreign(ChangeHash([9; 32]));
        let missing = RawChange { dependencies: vec![unknown], ..good.clone() };
        check("an unknown dependency", missing, Tip::default(), Refusal::Missing);
        let mut nowhere = good;
        nowhere.operations[1].obj = ObjectId::Id(OpId(77, author(9).id().clone()));
        let object = Refusal::Broken("an operation is about an object that does not exist");
        check("an object that is not there", nowhere, Tip::default(), object);
    }
}

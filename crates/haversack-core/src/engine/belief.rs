//! What of the log is believed (PROTOCOL § 6.4).
//!
//! The log keeps everything that its author signed. Once a member is removed, or loses a role, what it wrote beyond
//! the cut is shown only as far as others built on it in good faith: a projection over the log, which follows from
//! the log and the roster alone, so that all devices show the same.

use std::collections::{BTreeMap, BTreeSet};

use automerge::{Automerge, Change, ChangeHash};
use haversack_wire::{Device, Document, Lane, StatementHash};

use super::Engine;
use super::log::{Row, RowKind};
use super::state::SpaceState;
use crate::Error;
use crate::docs::rebuild::{self, Tip};
use crate::members::{Content, Roster, Set, Written};
use crate::seeded::{Bug, seeded};

/// A document as it is believed.
struct Believed {
    document: Automerge,
    changes: BTreeSet<ChangeHash>,
    /// How many of its changes are not.
    left_out: u64,
}

/// A change of the log, and what is said against it.
struct Held {
    change: Change,
    /// The standing statements that cut it.
    cutters: BTreeSet<StatementHash>,
    /// What its author had seen, when nothing is said against the author: such a change vouches for what it builds on.
    free: Option<Set>,
}

impl Engine {
    /// A document as it is believed.
    pub(super) fn believed(&mut self, id: &Document) -> Result<Automerge, Error> {
        let full = self.document(id)?;
        self.shown(id, full)
    }

    /// What is believed of a document that the log has in full.
    pub(super) fn shown(&self, id: &Document, full: Automerge) -> Result<Automerge, Error> {
        match self.is_doubted(id, self.written(id, &full)) {
            false => Ok(full),
            true => self.project(id, self.written(id, &full)).map(|believed| believed.document),
        }
    }

    /// The changes of a document that are believed; nothing where all are.
    pub(super) fn believed_changes(
        &self,
        id: &Document,
    ) -> Result<Option<BTreeSet<ChangeHash>>, Error> {
        if !self.is_doubted(id, Written::Newer) && !self.is_doubted(id, Written::Records) {
            return Ok(None);
        }
        let written = self.written(id, &self.rebuild_document(id)?);
        self.project(id, written).map(|believed| Some(believed.changes))
    }

    /// How many changes of the log are not believed.
    pub(super) fn doubted(&self) -> Result<u64, Error> {
        let ids: Vec<Document> = self.index.documents().map(|(id, _)| *id).collect();
        let mut sum = 0;
        for id in ids {
            if self.is_doubted(&id, Written::Newer) || self.is_doubted(&id, Written::Records) {
                let written = self.written(&id, &self.rebuild_document(&id)?);
                sum += self.project(&id, written)?.left_out;
            }
        }
        Ok(sum)
    }

    /// Documents in which a lane of one of these lines has written.
    pub(super) fn documents_of(&self, is_of: impl Fn(&Lane) -> bool) -> Vec<Document> {
        let wrote = |rows: &[Row]| rows.iter().any(|row| is_of(&row.head.lane));
        self.index.documents().filter(|(_, d)| wrote(&d.rows)).map(|(id, _)| *id).collect()
    }

    /// Whether anything is said against any row of a document.
    pub(super) fn is_doubted(&self, id: &Document, written: Written) -> bool {
        let Some(space) = &self.space else { return false };
        let standing = space.group.roster.standing();
        if standing.attackers.is_empty() && standing.roots.len() == 1 {
            return false;
        }
        let rows = self.index.document(id).map(|entry| entry.rows.as_slice()).unwrap_or_default();
        rows.iter()
            .filter(|row| row.head.kind != RowKind::Erased)
            .any(|row| !cutters(space, &row.head.lane, row.head.sequence, written).is_empty())
    }

    /// Whether anything is said against a row of records.
    pub(super) fn is_cut(&self, row: &Row) -> bool {
        let Some(space) = &self.space else { return false };
        !cutters(space, &row.head.lane, row.head.sequence, Written::Records).is_empty()
    }

    /// Builds a document from what is believed of it.
    fn project(&self, id: &Document, written: Written) -> Result<Believed, Error> {
        let held = self.held_changes(id, written)?;
        let vouched = vouched(&held, &self.space()?.group.roster);
        let mut document = Automerge::new();
        let mut open: Vec<&Held> = held
            .iter()
            .filter(|held| held.cutters.is_empty() || vouched.contains(&held.change.hash()))
            .collect();
        let mut changes: BTreeSet<ChangeHash> = BTreeSet::new();
        loop {
            let before = open.len();
            let mut ready = Vec::new();
            open.retain(|held| {
                let fits = held.change.deps().iter().all(|dependency| changes.contains(dependency));
                if fits {
                    changes.insert(held.change.hash());
                    ready.push(held.change.clone());
                }
                !fits
            });
            document.apply_changes(ready).map_err(|_| Error::Document { what: "projected" })?;
            if open.len() == before {
                let left_out = (held.len() - changes.len()) as u64;
                return Ok(Believed { document, changes, left_out });
            }
        }
    }

    /// Every change of a document, each with what is said against it.
    fn held_changes(&self, id: &Document, written: Written) -> Result<Vec<Held>, Error> {
        let damaged = |_| Error::damaged("log", "a document's changes do not fit together");
        let space = self.space()?;
        let standing = space.group.roster.standing();
        let mut tips: BTreeMap<Lane, Tip> = BTreeMap::new();
        let mut held = Vec::new();
        let rows = self.index.document(id).map(|entry| entry.rows.as_slice()).unwrap_or_default();
        for row in rows.iter().filter(|row| row.head.kind == RowKind::Carried) {
            // Believed with whoever carried it: of several, with any.
            let cutters = cutters(space, &row.head.lane, row.head.sequence, written);
            for change in self.carried_changes(row)? {
                let known = |held: &Held| held.change.hash() == change.hash();
                match held.iter_mut().find(|held| known(held)) {
                    Some(known) if cutters.is_empty() => known.cutters.clear(),
                    Some(_) => {}
                    None => held.push(Held { change, cutters: cutters.clone(), free: None }),
                }
            }
        }
        for row in rows.iter().filter(|row| row.head.kind == RowKind::Changes) {
            let (lane, sequence) = (row.head.lane, row.head.sequence);
            let state =
                space.lanes.get(&lane).ok_or(Error::damaged("state", "a lane is missing"))?;
            let tip = tips.entry(lane).or_default();
            let changes = rebuild::changes(&self.author(&lane)?, self.read_row(row)?, *tip);
            *tip = row.head.tip;
            let cutters = cutters(space, &lane, sequence, written);
            let line = standing.line(&state.device_key).unwrap_or_default();
            let good = cutters.is_empty() && standing.members.contains_key(&line);
            let seen = good.then(|| space.group.roster.past(state.heads_at(sequence))).flatten();
            let hold = |change| Held { change, cutters: cutters.clone(), free: seen.clone() };
            held.extend(changes.map_err(damaged)?.into_iter().map(hold));
        }
        Ok(held)
    }
}

/// The cut changes that somebody built on who had not seen what cuts them.
fn vouched(held: &[Held], roster: &Roster) -> BTreeSet<ChangeHash> {
    let by_hash: BTreeMap<ChangeHash, &Held> =
        held.iter().map(|held| (held.change.hash(), held)).collect();
    let mut vouched = BTreeSet::new();
    for free in held {
        let Some(past) = &free.free else { continue };
        let mut open: Vec<ChangeHash> = free.change.deps().to_vec();
        let mut met = BTreeSet::new();
        while let Some(hash) = open.pop() {
            if let (true, Some(below)) = (met.insert(hash), by_hash.get(&hash)) {
                open.extend_from_slice(below.change.deps());
                if !below.cutters.iter().any(|cutter| roster.is_seen(past, cutter)) {
                    vouched.insert(hash);
                }
            }
        }
    }
    vouched
}

/// The standing statements that cut a place of a lane. What this device has not sent yet is its own to see.
pub(super) fn cutters(
    space: &SpaceState,
    lane: &Lane,
    sequence: Option<u32>,
    written: Written,
) -> BTreeSet<StatementHash> {
    let roster = &space.group.roster;
    let (Some(state), Some(sequence)) = (space.lanes.get(lane), sequence) else {
        return BTreeSet::new();
    };
    if seeded(Bug::SkipCut) {
        return BTreeSet::new();
    }
    let standing = roster.standing();
    let line = standing.line(&state.device_key).unwrap_or_default();
    let own = space.lanes.get(&space.lane).map(|own| own.device_key).unwrap_or_default();
    let is_mine = own == state.device_key || standing.line(&own) == Some(line);
    if is_mine && !standing.members.contains_key(&line) {
        // Nobody else believes it any more; who wrote it goes on to see it.
        return BTreeSet::new();
    }
    if !standing.members.contains_key(&line) && !standing.is_revoked(&line) {
        // Gone with whoever let it in: nobody said up to where it is believed.
        return standing.attackers.keys().copied().chain([StatementHash::default()]).collect();
    }
    // By what its author had seen it may have been of another line: a key cannot flee into one.
    let then = roster.stood(state.heads_at(Some(sequence)));
    let then = then.and_then(|then| then.line(&state.device_key));
    let is_about = |named: &Device| *named == line || Some(*named) == then;
    let about = standing.cutting.iter().filter(|(_, named)| is_about(named));
    let cuts = |hash: &StatementHash| match &roster.statement(hash)?.content {
        Content::Revoke { cut, .. } => Some(sequence >= cut.get(lane).copied().unwrap_or(0)),
        Content::SetRole { role, cut, .. } => {
            let past = roster.past(state.heads_at(Some(sequence)))?;
            let beyond = sequence >= cut.get(lane).copied().unwrap_or(0);
            let may = role.is_some_and(|role| role.may_write(written));
            Some(beyond && !may && !roster.is_seen(&past, hash))
        }
        _ => None,
    };
    about.map(|(hash, _)| *hash).filter(|hash| cuts(hash).unwrap_or(false)).collect()
}

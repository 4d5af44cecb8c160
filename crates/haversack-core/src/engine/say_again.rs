//! Saying again what was said on a branch that is not believed, or built on one (PROTOCOL § 4.2).
//!
//! It is written as the difference that it made, on top of what its author had seen and is still believed: at the same
//! time as whatever the other branch says, not after it. A contact that only the lost branch had gets a key that follows
//! from the change that made it, so that everybody who says it again names the same.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use automerge::transaction::{Transactable, Transaction};
use automerge::{Automerge, AutomergeError, ChangeHash, ObjId, ObjType, ROOT, ReadDoc, Value};
use haversack_wire::limits::CUT_MAX;
use haversack_wire::{Document, Epoch, Lane};

use super::Engine;
use super::documents::{RowContent, Staged, row_item};
use super::fork::Known;
use super::log::{Row, RowHead, RowKind};
use super::state::LaneState;
use crate::Error;
use crate::crypto::ClientKey;
use crate::docs::read::{self, Record};
use crate::docs::rebuild::{self, Tip};
use crate::store::Log;

const SAID_AGAIN: Error = Error::Document { what: "said again" };

impl Engine {
    /// Whether the last thing said on this device's lane is not what it said there: its branch lost, or another life of it
    /// went on from here, or what it builds on is not believed.
    pub(super) fn is_beside_itself(&self) -> bool {
        let Some(lane) = self.space.as_ref().map(|space| space.lane) else { return false };
        let spoken = self.index.bodies(&lane).and_then(|bodies| bodies.spine.last_key_value());
        let others = spoken.is_some_and(|(sequence, _)| !self.bodies.contains_key(sequence));
        let mut bodies = self.bodies.iter().rev().take(1);
        let lost = bodies.any(|(sequence, kept)| !self.is_believed(*sequence, &kept.position));
        let orphan = |row: &Row| row.head.lane == lane && self.index.is_orphan(&row.head);
        others || lost || self.index.aside().any(|(_, entry)| entry.rows.iter().any(orphan))
    }

    /// Whether a body of this device is what is believed of its lane there.
    pub(super) fn is_believed(&self, sequence: u32, position: &[u8; 8]) -> bool {
        let Some(space) = &self.space else { return false };
        let bodies = self.index.bodies(&space.lane);
        let Some(bodies) =
            bodies.filter(|bodies| !bodies.spine.is_empty() || !bodies.rivals.is_empty())
        else {
            return true;
        };
        bodies.at(sequence).is_some_and(|here| here.as_bytes().starts_with(position))
    }

    /// Goes on as a new life where the present lane is not this device's alone any more. Says whether it did.
    pub(super) fn go_on_anew(&mut self) -> Result<bool, Error> {
        if !self.is_beside_itself() {
            return Ok(false);
        }
        self.begin_anew(self.device.place)?;
        Ok(true)
    }

    /// Whether others would read the present lane: of one device's lanes they take so many, and no more. What is beyond that stays
    /// here, unsent.
    pub(super) fn has_a_lane(&self) -> bool {
        let Some(space) = &self.space else { return false };
        let standing = space.group.roster.standing();
        let Some(own) = space.lanes.get(&space.lane) else { return false };
        let line = standing.line(&own.device_key);
        let is_mine = |lane: &&LaneState| {
            lane.device_key == own.device_key
                || (line.is_some() && standing.line(&lane.device_key) == line)
        };
        let said = space.lanes.values().filter(is_mine).filter(|lane| lane.next > 0);
        own.next > 0 || said.count() < CUT_MAX
    }

    /// Writes once more, on the present lane, what this device said that is put aside. Says whether there was any. A removed device does
    /// so for itself alone: nothing of it is signed any more.
    pub(super) fn say_lost_again(&mut self) -> Result<bool, Error> {
        let aside: Vec<Document> = self.index.aside().map(|(document, _)| *document).collect();
        let mut changed = false;
        for document in aside {
            loop {
                match self.say_one_again(&document) {
                    Ok(true) => changed = true,
                    // What cannot be put together is the matter of this document alone.
                    Ok(false) | Err(Error::Document { .. }) => break,
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(changed)
    }

    /// Says again what one branch of this device's has of a document.
    fn say_one_again(&mut self, id: &Document) -> Result<bool, Error> {
        let me = self.device.identity.sign.public();
        let space = self.space()?;
        let standing = space.group.roster.standing();
        let own = standing.line(&me);
        let is_mine = |lane: &Lane| {
            space.lanes.get(lane).is_some_and(|lane| {
                lane.device_key == me || (own.is_some() && standing.line(&lane.device_key) == own)
            })
        };
        let known = self.known_changes(id)?;
        let unsaid = |known: &&Known| {
            matches!(known.row.head.kind, RowKind::Aside(_, false)) && is_mine(&known.row.head.lane)
        };
        let here: BTreeSet<ChangeHash> = known.iter().map(|known| known.change.hash()).collect();
        let mut last: Vec<&Known> = known.iter().filter(unsaid).collect();
        last.sort_by_key(|known| std::cmp::Reverse(known.change.seq()));
        let mut pasts = last.iter().map(|last| ancestors(&known, last.change.hash()));
        // What builds on something that is not here does not pass for said.
        let Some(past) = pasts.find(|past| past.is_subset(&here)) else { return Ok(false) };
        let mine: BTreeSet<ChangeHash> = known
            .iter()
            .filter(unsaid)
            .map(|k| k.change.hash())
            .filter(|h| past.contains(h))
            .collect();
        let rows: BTreeMap<i64, Row> = known
            .iter()
            .filter(|known| mine.contains(&known.change.hash()))
            .map(|known| (known.row.id, known.row))
            .collect();
        let before = past.difference(&with_dependents(&known, &mine)).copied().collect();
        let (was, is) = (assemble(&known, &before)?, assemble(&known, &past)?);
        let mut staged = Staged::default();
        let target = self.without_branches(id, &known, &past)?;
        let made = self.stage_again(id, (&was, &is), &target, &mut staged)?;
        for row in rows.values() {
            if let RowKind::Aside(position, _) = row.head.kind {
                self.relabel(&mut staged, row, RowKind::Aside(position, true))?;
            }
        }
        let lanes = rows.values().map(|row| row.head.lane).collect();
        // From whoever did not begin the file nobody takes its key.
        if made && target.get_heads().is_empty() {
            self.say_key_again(id, &lanes, &mut staged)?;
        }
        staged.doubted.push(*id);
        self.commit(staged).map(|()| true)
    }

    /// What is believed of a document, less what was said since a fork by branches that are not in a past: what is said on
    /// top of it stands beside what they say. All that is believed, where this device's own last word is among that.
    fn without_branches(
        &mut self,
        id: &Document,
        known: &[Known],
        past: &BTreeSet<ChangeHash>,
    ) -> Result<Automerge, Error> {
        let own = self.space()?.lane;
        let forks: BTreeMap<Lane, u32> = self
            .index
            .forked()
            .filter_map(|(lane, bodies)| Some((*lane, bodies.rivals.first_key_value()?.0.0)))
            .collect();
        let believed = self.believed_changes(id)?;
        // What was carried proves itself: it does not fall with who carried it.
        let is_told = |known: &&Known| {
            matches!(known.row.head.kind, RowKind::Changes | RowKind::Carried)
                && believed.as_ref().is_none_or(|all| all.contains(&known.change.hash()))
        };
        let is_other = |known: &&Known| {
            let head = &known.row.head;
            let since =
                forks.get(&head.lane).is_some_and(|from| head.sequence.is_none_or(|n| n >= *from));
            head.kind == RowKind::Changes && since && !past.contains(&known.change.hash())
        };
        let other = known.iter().filter(is_other).map(|known| known.change.hash()).collect();
        let fallen = with_dependents(known, &other);
        let is_own = |k: &Known| k.row.head.lane == own && fallen.contains(&k.change.hash());
        if known.iter().any(is_own) {
            return self.believed(id);
        }
        let stays: BTreeSet<ChangeHash> = known
            .iter()
            .filter(is_told)
            .map(|known| known.change.hash())
            .filter(|hash| !fallen.contains(hash))
            .collect();
        assemble(known, &stays)
    }

    /// Stages what makes of one state another, as a change of this device that is not sent yet. Says whether there was anything.
    fn stage_again(
        &self,
        id: &Document,
        (was, is): (&Automerge, &Automerge),
        target: &Automerge,
        staged: &mut Staged,
    ) -> Result<bool, Error> {
        let lane = self.space()?.lane;
        let author = self.author(&lane)?;
        let mut document = target.clone().with_actor(author.id().clone());
        let made = guarded(|| {
            let mut tx = document.transaction();
            let is_outing = matches!(read::record(is), Record::Outing(_));
            let again = Again { was, is, target, is_outing };
            again.object(&mut tx, &ROOT, &ROOT).map_err(|_| SAID_AGAIN)?;
            Ok(tx.commit().0.is_some())
        })?;
        if !made {
            return Ok(false);
        }
        let made = document.get_last_local_change().ok_or(SAID_AGAIN)?;
        let before = self.index.tip(id, &lane);
        if made.seq() != before.sequence + 1 {
            return Err(SAID_AGAIN);
        }
        let tip = Tip { sequence: made.seq(), hash: Some(made.hash()) };
        let item = row_item(&author, *id, vec![rebuild::raw(&made, before)])?;
        let (kind, since) = (RowKind::Changes, Epoch::default());
        let head = RowHead { document: *id, kind, lane, sequence: None, tip, since };
        staged.rows.push((head, RowContent { item, signed: None }.encode()?));
        Ok(true)
    }

    /// A client's key that was put aside with the file, on one of these lanes of this device, is said again with it.
    fn say_key_again(
        &self,
        id: &Document,
        lanes: &BTreeSet<Lane>,
        staged: &mut Staged,
    ) -> Result<(), Error> {
        let rows = self.index.document(id).map(|entry| entry.rows.as_slice()).unwrap_or_default();
        let is_key = |row: &&Row| {
            matches!(row.head.kind, RowKind::AsideKey(_)) && lanes.contains(&row.head.lane)
        };
        let aside = rows.iter().find(is_key);
        let Some(row) = aside.filter(|_| !self.client_keys.contains_key(id)) else { return Ok(()) };
        let content = self.db.entry(Log::Changes, self.ring.document(id)?.expose(), row.id)?;
        let damaged = |_| Error::damaged("log", "a client key has another length");
        let key = content.as_slice().try_into().map(ClientKey::new).map_err(damaged)?;
        let (lane, tip, since) = (self.space()?.lane, Tip::default(), Epoch::default());
        let kind = RowKind::ClientKey;
        let head = RowHead { document: *id, kind, lane, sequence: None, tip, since };
        staged.rows.push((head, key.expose().to_vec()));
        staged.client_keys.insert(*id, key);
        Ok(())
    }
}

/// A change with all that it builds on.
fn ancestors(known: &[Known], last: ChangeHash) -> BTreeSet<ChangeHash> {
    let by_hash: BTreeMap<ChangeHash, &Known> =
        known.iter().map(|k| (k.change.hash(), k)).collect();
    let (mut past, mut open) = (BTreeSet::new(), vec![last]);
    while let Some(hash) = open.pop() {
        if past.insert(hash) {
            open.extend(by_hash.get(&hash).into_iter().flat_map(|known| known.change.deps()));
        }
    }
    past
}

/// Changes with all that build on them.
pub(super) fn with_dependents(
    known: &[Known],
    some: &BTreeSet<ChangeHash>,
) -> BTreeSet<ChangeHash> {
    let mut all = some.clone();
    loop {
        let before = all.len();
        for known in known {
            if known.change.deps().iter().any(|hash| all.contains(hash)) {
                all.insert(known.change.hash());
            }
        }
        if all.len() == before {
            return all;
        }
    }
}

fn assemble(known: &[Known], hashes: &BTreeSet<ChangeHash>) -> Result<Automerge, Error> {
    let mut seen = BTreeSet::new();
    let wanted = known
        .iter()
        .map(|known| &known.change)
        .filter(|change| hashes.contains(&change.hash()) && seen.insert(change.hash()));
    let changes: Vec<_> = wanted.cloned().collect();
    guarded(|| {
        let mut document = Automerge::new();
        document.apply_changes(changes).map_err(|_| SAID_AGAIN)?;
        Ok(document)
    })
}

/// Whoever has a device's key can have put anything aside on its lane; Automerge panics over some of that, as when it is applied.
fn guarded<T>(run: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or(Err(SAID_AGAIN))
}

/// What a lost branch made of a document.
struct Again<'a> {
    was: &'a Automerge,
    is: &'a Automerge,
    /// What it is said on top of.
    target: &'a Automerge,
    is_outing: bool,
}

impl Again<'_> {
    /// Makes the difference in a map that was there before, in its counterpart.
    fn object(
        &self,
        tx: &mut Transaction<'_>,
        there: &ObjId,
        here: &ObjId,
    ) -> Result<(), AutomergeError> {
        for key in self.is.keys(there) {
            let before = self.was.get(there, key.as_str())?;
            match self.is.get(there, key.as_str())? {
                Some((Value::Object(ObjType::Map), inner)) => {
                    let known = matches!(&before, Some((_, same)) if *same == inner);
                    self.map(tx, (&key, &inner, known), here)?;
                }
                Some((Value::Scalar(value), _)) => {
                    let old = before.and_then(|(value, _)| value.into_scalar().ok());
                    let now = tx.get(here, key.as_str())?.and_then(|(v, _)| v.into_scalar().ok());
                    // Where somebody else has had a word since, that stands.
                    if old.as_ref() != Some(value.as_ref()) && now == old {
                        tx.put(here, key.as_str(), value.into_owned())?;
                    }
                }
                _ => {}
            }
        }
        for key in self.was.keys(there) {
            let is_gone = self.is.get(there, key.as_str())?.is_none();
            if is_gone && tx.get(here, key.as_str())?.is_some() {
                tx.delete(here, key.as_str())?;
            }
        }
        Ok(())
    }

    /// Goes on with a map: the same one, if it is there, or the one that was said again in its place.
    fn map(
        &self,
        tx: &mut Transaction<'_>,
        (key, inner, known): (&str, &ObjId, bool),
        here: &ObjId,
    ) -> Result<(), AutomergeError> {
        if known && self.is_there(inner) {
            return self.object(tx, inner, inner);
        }
        let key = self.key_of(key, inner);
        match tx.get(here, key.as_str())? {
            Some((Value::Object(ObjType::Map), there)) if known => self.object(tx, inner, &there),
            Some((Value::Object(ObjType::Map), there)) => self.fill(tx, inner, &there),
            _ => {
                let new = tx.put_object(here, key.as_str(), ObjType::Map)?;
                self.fill(tx, inner, &new)
            }
        }
    }

    /// Whether a map is in the target. Lives that share an actor give one id to two maps: what tells them apart is the change that
    /// made them.
    fn is_there(&self, map: &ObjId) -> bool {
        let made = self.is.hash_for_opid(map);
        made.is_some() && self.target.hash_for_opid(map) == made
    }

    /// The key of a contact that is said again; other maps keep theirs.
    fn key_of(&self, key: &str, object: &ObjId) -> String {
        let renamed = self.is_outing.then(|| read::said_again_as(self.is, key, object)).flatten();
        renamed.unwrap_or_else(|| key.to_owned())
    }

    /// Adds what a map lacks.
    fn fill(
        &self,
        tx: &mut Transaction<'_>,
        there: &ObjId,
        here: &ObjId,
    ) -> Result<(), AutomergeError> {
        for key in self.is.keys(there) {
            let has = tx.get(here, key.as_str())?;
            match (self.is.get(there, key.as_str())?, has) {
                (Some((Value::Object(ObjType::Map), inner)), None) => {
                    let new = tx.put_object(here, key.as_str(), ObjType::Map)?;
                    self.fill(tx, &inner, &new)?;
                }
                (Some((Value::Scalar(value), _)), None) => {
                    tx.put(here, key.as_str(), value.into_owned())?;
                }
                _ => {}
            }
        }
        Ok(())
    }
}

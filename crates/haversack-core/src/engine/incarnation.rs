//! A new life of a store (PROTOCOL § 2, *incarnation*): when it was restored from a copy, or is one.
//!
//! What the store's other life has said since is not known here, so nothing may be said again in its place: no sequence
//! of a lane, no sequence of an actor. This device goes on under a new incarnation, on a lane of its own, and reads
//! what its other life has sent like anybody else's. What it had not sent yet it writes once more, as itself: a contact
//! has the same key in both lives, so it is shown once.

use std::collections::BTreeSet;

use automerge::transaction::{Transactable, Transaction};
use automerge::{
    Automerge, AutomergeError, Change, ChangeHash, ObjId, ObjType, ROOT, ReadDoc, Value,
};
use haversack_wire::{Document, Epoch, Incarnation, Lane, LaneTag};

use super::Engine;
use super::documents::{RowContent, Staged, row_item};
use super::fork::Known;
use super::kept::{Keep, KeptBody, KeptFrame};
use super::log::{Row, RowHead, RowKind};
use super::say_again::with_dependents;
use super::state::{DeviceState, LaneState, RouteState, SpaceState};
use crate::Error;
use crate::crypto::bytes;
use crate::docs::Author;
use crate::docs::rebuild::{self, Tip};
use crate::members::{Identity, actor};
use crate::seeded::{Bug, seeded};
use crate::store::Table;

impl Engine {
    /// Goes on under a new incarnation unless this store lies where it lay.
    pub(super) fn check_place(&mut self, place: Option<[u8; 16]>) -> Result<(), Error> {
        match (place.is_some() && place == self.device.place) || seeded(Bug::KeepActor) {
            true => Ok(()),
            false => self.begin_anew(place),
        }
    }

    /// Goes on under a new incarnation, as what lies here.
    pub(super) fn begin_anew(&mut self, place: Option<[u8; 16]>) -> Result<(), Error> {
        self.begin_anew_from(place, None)
    }

    /// The same, where what this device has said from a sequence on does not get through: that is said again as well.
    pub(super) fn begin_anew_from(
        &mut self,
        place: Option<[u8; 16]>,
        from: Option<u32>,
    ) -> Result<(), Error> {
        let incarnation = Incarnation::new(bytes(&mut *self.random));
        let identity = Identity { incarnation, ..self.device.identity.clone() };
        let device = DeviceState { identity, place, lived_before: true, ..self.device.clone() };
        let mut staged = Staged { device: Some(device.clone()), ..Staged::default() };
        if let Some(space) = self.space.clone() {
            let old = space.lane;
            let is_whole = place.is_some() && place == self.device.place;
            let mut next = on_a_new_lane(space, &device.identity, is_whole);
            let since = Since { lane: old, from };
            if !seeded(Bug::LoseUnsentOnNewLife) {
                self.say_again(since, &next, &device.identity, &mut staged)?;
            }
            if !seeded(Bug::ForgetFormer) {
                staged.frames = self.hand_over_bodies(from)?;
            }
            if let Some(from) = from {
                self.leave_behind(from, &mut next, &mut staged)?;
            }
            staged.clear_bodies = true;
            staged.space = Some(next);
        }
        self.commit(staged)?;
        // How far the old lane had come is what is left of it, no more.
        self.reload()
    }

    /// What was said again from a sequence on is not this device's any more where it said it first: it is taken back if nobody else
    /// has it, and is in files alone if somebody may.
    fn leave_behind(
        &self,
        from: u32,
        next: &mut SpaceState,
        staged: &mut Staged,
    ) -> Result<(), Error> {
        let old = self.space()?.lane;
        if self.may_be_elsewhere(&old, from)? {
            next.left.insert(old, from);
            return Ok(());
        }
        let bodies = self.index.bodies(&old).cloned().unwrap_or_default();
        let said = self.unspoken(Since { lane: old, from: Some(from) });
        for row in said.iter().filter(|row| row.head.sequence.is_some()) {
            staged.replaced.entry(row.head.document).or_default().push(row.id);
        }
        let rows = bodies.spine.range(from..).map(|(_, (row, _))| *row);
        staged.replaced.entry(Document::default()).or_default().extend(rows);
        let state = self.lane_before(self.space()?, &old, &bodies, from)?;
        next.lanes.extend(state.map(|state| (old, state)));
        staged.frames.retain(|frame| frame.keep != Keep::Left);
        Ok(())
    }

    /// Whether anybody else may have what this device said on a lane from a sequence on: by a file, or by a relay.
    fn may_be_elsewhere(&self, lane: &Lane, from: u32) -> Result<bool, Error> {
        let space = self.space()?;
        let is_filed = space.filed.get(lane).is_some_and(|next| *next > from);
        let tags: BTreeSet<LaneTag> =
            space.group.generations.values().map(|secret| secret.lane_tag(lane)).collect();
        let known = space.routes.values().flat_map(|route| &route.known);
        let is_relayed = |(tag, next): (&LaneTag, &u32)| tags.contains(tag) && *next > from;
        let mut said = space.lanes.values().filter_map(|other| other.vector.get(lane));
        Ok(is_filed || known.into_iter().any(is_relayed) || said.any(|said| said.next > from))
    }

    /// Own bodies become frames that are offered to whoever lacks them, and never dropped on a relay's word; those from where the
    /// lane is left, frames that are kept for files alone.
    pub(super) fn hand_over_bodies(&self, left: Option<u32>) -> Result<Vec<KeptFrame>, Error> {
        let mut frames = Vec::new();
        for (_, bytes) in self.db.rows(Table::Bodies, &self.outbox_key()?)? {
            let body = KeptBody::decode(&bytes)?;
            if !body.is_empty() {
                // What others do not believe is handed on once, so that they know what builds on it.
                let believed = self.is_believed(body.sequence, &body.position);
                let keep = match believed {
                    true if left.is_some_and(|from| from <= body.sequence) => Keep::Left,
                    true => Keep::Former,
                    false => Keep::Carried,
                };
                frames.push(KeptFrame { keep, frame: body.frame });
            }
        }
        Ok(frames)
    }

    /// Writes once more, as the new author, what is in no body yet, or in none that gets through.
    fn say_again(
        &mut self,
        since: Since,
        next: &SpaceState,
        identity: &Identity,
        staged: &mut Staged,
    ) -> Result<(), Error> {
        let key = identity.sign.public();
        let author = Author::new(&actor(next.space(), &key, identity.incarnation));
        let open = self.unspoken(since);
        let changes = open.iter().filter(|row| row.head.kind == RowKind::Changes);
        let documents: BTreeSet<Document> = changes.map(|row| row.head.document).collect();
        for id in &documents {
            let (base, full) = self.around(id, since)?;
            let mut document = base.clone().with_actor(author.id().clone());
            let mut tx = document.transaction();
            redo((&base, &ROOT), (&full, &ROOT), &mut tx, &ROOT)
                .map_err(|_| Error::Document { what: "said again" })?;
            if tx.commit().0.is_some() {
                let made = document.get_last_local_change();
                let made = made.ok_or(Error::Document { what: "said again" })?;
                let tip = Tip { sequence: made.seq(), hash: Some(made.hash()) };
                let item = row_item(&author, *id, vec![rebuild::raw(&made, Tip::default())])?;
                let content = RowContent { item, signed: None };
                let (lane, kind) = (next.lane, RowKind::Changes);
                let since = Epoch::default();
                let head = RowHead { document: *id, kind, lane, sequence: None, tip, since };
                staged.rows.push((head, content.encode()?));
            }
            // Memory is made anew from the log once this is saved.
            staged.doubted.push(*id);
            staged.stale_caches.push(*id);
        }
        for row in open {
            if row.head.sequence.is_none() {
                staged.replaced.entry(row.head.document).or_default().push(row.id);
            }
            let key = self.client_keys.get(&row.head.document);
            if let (RowKind::ClientKey, Some(key)) = (row.head.kind, key) {
                let head = RowHead { lane: next.lane, sequence: None, ..row.head };
                staged.rows.push((head, key.expose().to_vec()));
            }
            if row.head.kind == RowKind::Erased {
                let head = RowHead { lane: next.lane, sequence: None, ..row.head };
                staged.rows.push((head, Vec::new()));
            }
            if matches!(row.head.kind, RowKind::Drop | RowKind::Carried) {
                let head = RowHead { lane: next.lane, sequence: None, ..row.head };
                staged.rows.push((head, self.entry(&row)?));
            }
        }
        Ok(())
    }

    /// The rows of a lane that nobody else has.
    fn unspoken(&self, since: Since) -> Vec<Row> {
        let is_unspoken = |row: &&Row| since.is_unspoken(&row.head);
        let rows = self.index.documents().flat_map(|(_, entry)| &entry.rows);
        let mut rows: Vec<Row> = rows.filter(is_unspoken).copied().collect();
        rows.sort_by_key(|row| row.id);
        rows
    }

    /// A document less what nobody else has, and what builds on that; and with it. As it is believed, or, if what nobody else has was
    /// written on what is not, as the log has it.
    fn around(&self, id: &Document, since: Since) -> Result<(Automerge, Automerge), Error> {
        let (known, full) = (self.known_changes(id)?, self.rebuild_document(id)?);
        let is_own = |known: &&Known| {
            known.row.head.kind == RowKind::Changes && since.is_unspoken(&known.row.head)
        };
        let mut own = known.iter().filter(is_own).map(|known| known.change.hash());
        let believed = self.believed_changes(id)?;
        let believed = believed.filter(|believed| own.all(|hash| believed.contains(&hash)));
        let base = self.without(id, since, (&known, believed.as_ref()))?;
        let full = if believed.is_some() { self.shown(id, full)? } else { full };
        Ok((base, full))
    }

    fn without(
        &self,
        id: &Document,
        since: Since,
        (known, believed): (&[Known], Option<&BTreeSet<ChangeHash>>),
    ) -> Result<Automerge, Error> {
        let is_believed =
            |change: &Change| believed.is_none_or(|believed| believed.contains(&change.hash()));
        let is_told =
            |known: &&Known| known.row.head.kind == RowKind::Changes && is_believed(&known.change);
        let is_unspoken = |known: &&Known| since.is_unspoken(&known.row.head);
        let told = || known.iter().filter(is_told);
        let unspoken = told().filter(is_unspoken).map(|known| known.change.hash()).collect();
        let fallen = with_dependents(known, &unspoken);
        let rows = self.index.document(id).map(|entry| entry.rows.as_slice()).unwrap_or_default();
        let mut changes = Vec::new();
        for row in rows.iter().filter(|row| row.head.kind == RowKind::Carried) {
            changes.extend(self.carried_changes(row)?.into_iter().filter(is_believed));
        }
        let stays = told().map(|known| &known.change);
        changes.extend(stays.filter(|change| !fallen.contains(&change.hash())).cloned());
        let mut document = Automerge::new();
        document.apply_changes(changes).map_err(|_| Error::Document { what: "rebuilt" })?;
        Ok(document)
    }
}

/// From where on what was said on a lane is to be said again: what is in no body, and what is in one that does not get through.
#[derive(Debug, Clone, Copy)]
struct Since {
    lane: Lane,
    from: Option<u32>,
}

impl Since {
    fn is_unspoken(&self, head: &RowHead) -> bool {
        head.lane == self.lane && (head.sequence.is_none() || self.is_left(head.sequence))
    }

    fn is_left(&self, sequence: Option<u32>) -> bool {
        let place = self.from.zip(sequence);
        place.is_some_and(|(from, sequence)| from <= sequence)
    }
}

/// The space as it is for a new life: on a lane of its own, and, unless nothing was set back, with everything to be fetched
/// again.
fn on_a_new_lane(mut space: SpaceState, identity: &Identity, is_whole: bool) -> SpaceState {
    let key = identity.sign.public();
    // Former lives that said nothing leave nothing.
    space.lanes.retain(|_, lane| lane.next > 0 || lane.device_key != key || is_whole);
    space.lane = identity.lane(space.space());
    let own = LaneState::new(identity.sign.public(), identity.incarnation);
    space.lanes.insert(space.lane, own);
    for route in space.routes.values_mut().filter(|_| !is_whole) {
        *route = RouteState { needs_vector: true, ..RouteState::default() };
    }
    space
}

/// Makes of one state of a map another that came out of it.
fn redo(
    (base, at): (&Automerge, &ObjId),
    (full, there): (&Automerge, &ObjId),
    tx: &mut Transaction<'_>,
    here: &ObjId,
) -> Result<(), AutomergeError> {
    for key in full.keys(there) {
        let before = base.get(at, key.as_str())?;
        match (full.get(there, key.as_str())?, before) {
            (Some((Value::Object(ObjType::Map), inner)), Some((Value::Object(_), same)))
                if inner == same =>
            {
                redo((base, &same), (full, &inner), tx, &same)?;
            }
            (Some((Value::Object(ObjType::Map), inner)), _) => {
                let new = tx.put_object(here, key.as_str(), ObjType::Map)?;
                // Nothing of it was there before.
                redo((&Automerge::new(), &ROOT), (full, &inner), tx, &new)?;
            }
            (Some((Value::Scalar(value), _)), before) => {
                let unchanged = matches!(&before, Some((Value::Scalar(old), _)) if *old == value);
                if !unchanged {
                    tx.put(here, key.as_str(), value.into_owned())?;
                }
            }
            _ => {}
        }
    }
    let gone: Vec<String> =
        base.keys(at).filter(|key| matches!(full.get(there, key.as_str()), Ok(None))).collect();
    gone.iter().try_for_each(|key| tx.delete(here, key.as_str()))
}

//! A new life of a store (PROTOCOL § 2, *incarnation*): when it was restored from a copy, or is one.
//!
//! What the store's other life has said since is not known here, so nothing may be said again in its place: no sequence
//! of a lane, no sequence of an actor. This device goes on under a new incarnation, on a lane of its own, and reads
//! what its other life has sent like anybody else's. What it had not sent yet it writes once more, as itself: a contact
//! has the same key in both lives, so it is shown once.

use std::collections::BTreeSet;

use automerge::transaction::{Transactable, Transaction};
use automerge::{Automerge, AutomergeError, ObjId, ObjType, ROOT, ReadDoc, Value};
use haversack_wire::{Document, Epoch, Incarnation, Lane};

use super::Engine;
use super::documents::{RowContent, Staged, row_item};
use super::kept::{Keep, KeptBody, KeptFrame};
use super::log::{Row, RowHead, RowKind};
use super::state::{DeviceState, LaneState, RouteState, SpaceState};
use crate::Error;
use crate::crypto::bytes;
use crate::docs::Author;
use crate::docs::rebuild::{self, Tip};
use crate::members::{Identity, actor};
use crate::store::Table;

impl Engine {
    /// Goes on under a new incarnation unless this store lies where it lay.
    pub(super) fn check_place(&mut self, place: Option<[u8; 16]>) -> Result<(), Error> {
        match place.is_some() && place == self.device.place {
            true => Ok(()),
            false => self.begin_anew(place),
        }
    }

    /// Goes on under a new incarnation, as what lies here.
    pub(super) fn begin_anew(&mut self, place: Option<[u8; 16]>) -> Result<(), Error> {
        let incarnation = Incarnation::new(bytes(&mut *self.random));
        let identity = Identity { incarnation, ..self.device.identity.clone() };
        let device = DeviceState { identity, place, ..self.device.clone() };
        let mut staged = Staged { device: Some(device.clone()), ..Staged::default() };
        if let Some(space) = self.space.clone() {
            let old = space.lane;
            let next = on_a_new_lane(space, &device.identity, place == self.device.place);
            self.say_again(&old, &next, &device.identity, &mut staged)?;
            staged.frames = self.hand_over_bodies()?;
            staged.clear_bodies = true;
            staged.space = Some(next);
        }
        self.commit(staged)?;
        // How far the old lane had come is what is left of it, no more.
        self.reload()
    }

    /// Own bodies become frames that are offered to whoever lacks them, and never dropped on a relay's word.
    pub(super) fn hand_over_bodies(&self) -> Result<Vec<KeptFrame>, Error> {
        let mut frames = Vec::new();
        for (_, bytes) in self.db.rows(Table::Bodies, &self.outbox_key()?)? {
            let body = KeptBody::decode(&bytes)?;
            if !body.is_empty() {
                // What others do not believe is handed on once, so that they know what builds on it.
                let believed = self.is_believed(body.sequence, &body.position);
                let keep = if believed { Keep::Former } else { Keep::Carried };
                frames.push(KeptFrame { keep, frame: body.frame });
            }
        }
        Ok(frames)
    }

    /// Writes once more, as the new author, what is in no body yet.
    fn say_again(
        &mut self,
        old: &Lane,
        next: &SpaceState,
        identity: &Identity,
        staged: &mut Staged,
    ) -> Result<(), Error> {
        let key = identity.sign.public();
        let author = Author::new(&actor(next.space(), &key, identity.incarnation));
        let open: Vec<Row> =
            self.index.open_rows().into_iter().filter(|row| row.head.lane == *old).collect();
        let changes = open.iter().filter(|row| row.head.kind == RowKind::Changes);
        let documents: BTreeSet<Document> = changes.map(|row| row.head.document).collect();
        for id in &documents {
            let (base, full) = (self.without_open(id)?, self.rebuild_document(id)?);
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
                staged.rows.push((head, content.encode()));
            }
            staged.documents.insert(*id, document);
            staged.stale_caches.push(*id);
        }
        for row in open {
            staged.replaced.entry(row.head.document).or_default().push(row.id);
            let key = self.client_keys.get(&row.head.document);
            if let (RowKind::ClientKey, Some(key)) = (row.head.kind, key) {
                let head = RowHead { lane: next.lane, ..row.head };
                staged.rows.push((head, key.expose().to_vec()));
            }
            if row.head.kind == RowKind::Erased {
                staged.rows.push((RowHead { lane: next.lane, ..row.head }, Vec::new()));
            }
            if matches!(row.head.kind, RowKind::Drop | RowKind::Carried) {
                let head = RowHead { lane: next.lane, ..row.head };
                staged.rows.push((head, self.entry(&row)?));
            }
        }
        Ok(())
    }

    /// A document as its log has it, less what is in no body yet.
    fn without_open(&self, id: &Document) -> Result<Automerge, Error> {
        let damaged = |_| Error::damaged("log", "a document's changes do not fit together");
        let rows = self.index.document(id).map(|entry| entry.rows.as_slice()).unwrap_or_default();
        let mut changes = Vec::new();
        let mut tips = std::collections::BTreeMap::<Lane, Tip>::new();
        let sent = |row: &&Row| row.head.kind == RowKind::Changes && row.head.sequence.is_some();
        for row in rows.iter().filter(sent) {
            let tip = tips.entry(row.head.lane).or_default();
            let author = self.author(&row.head.lane)?;
            let raws = self.read_row(row)?;
            changes.extend(rebuild::changes(&author, raws, *tip).map_err(damaged)?);
            *tip = row.head.tip;
        }
        let mut document = Automerge::new();
        for row in rows.iter().filter(|row| row.head.kind == RowKind::Carried) {
            changes.extend(self.carried_changes(row)?);
        }
        document.apply_changes(changes).map_err(|_| Error::Document { what: "rebuilt" })?;
        Ok(document)
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

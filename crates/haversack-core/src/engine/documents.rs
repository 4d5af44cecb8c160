//! What the log adds up to: documents in memory, and the one door through which anything is saved.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use automerge::{ActorId, Automerge};
use haversack_wire::codec::{bounded, put_blob, put_varint};
use haversack_wire::hash::{Label, derive_cut};
use haversack_wire::limits::RAW_MAX;
use haversack_wire::{Device, Document, Epoch, Lane, Reader, Space};
use rand_core::CryptoRng;

use super::Engine;
use super::cache::Base;
use super::kept::{KeptBody, KeptFrame};
use super::log::{Row, RowHead, RowKind};
use super::state::{DeviceState, Mark, SpaceState, value};
use crate::Error;
use crate::compress::{For, compress, decompress};
use crate::crypto::{ClientKey, EpochSecret};
use crate::docs::read::Record;
use crate::docs::rebuild::{self, Built};
use crate::docs::{Author, DocumentChanges, RawChange, ops, read};
use crate::members::{Role, Standing, Written, actor, device};
use crate::store::{Keyring, Log, Purpose, Table, Writer};
use crate::sync::tree::Proof;
use crate::view::{Source, View};

const REBUILT: Error = Error::Document { what: "rebuilt" };
/// How many documents stay in memory.
const OPEN_MAX: usize = 64;

/// Documents in memory, the least recently used dropped first.
#[derive(Debug, Default)]
pub(super) struct Documents {
    open: BTreeMap<Document, Automerge>,
    order: VecDeque<Document>,
}

impl Documents {
    pub(super) fn get(&self, id: &Document) -> Option<&Automerge> {
        self.open.get(id)
    }

    pub(super) fn put(&mut self, id: Document, document: Automerge) {
        self.order.retain(|known| *known != id);
        self.order.push_back(id);
        self.open.insert(id, document);
        while self.order.len() > OPEN_MAX {
            if let Some(oldest) = self.order.pop_front() {
                self.open.remove(&oldest);
            }
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Document, &Automerge)> {
        self.open.iter()
    }

    pub(super) fn forget(&mut self, id: &Document) {
        self.open.remove(id);
        self.order.retain(|known| known != id);
    }

    pub(super) fn clear(&mut self) {
        self.open.clear();
        self.order.clear();
    }
}

/// The content of a row of changes: the item, and for what is in a body the proof that it was signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RowContent {
    pub(super) item: Vec<u8>,
    pub(super) signed: Option<([u8; 64], Proof)>,
}

impl RowContent {
    pub(super) fn encode(&self) -> Result<Vec<u8>, Error> {
        let mut out = Vec::new();
        put_varint(&mut out, self.item.len() as u64);
        put_blob(&mut out, &compress(&self.item, For::Keeping)?);
        out.push(self.signed.is_some().into());
        if let Some((signature, proof)) = &self.signed {
            out.extend_from_slice(signature);
            proof.encode(&mut out);
        }
        Ok(out)
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut r = Reader::new("log", bytes);
        let length = r.count(RAW_MAX)?;
        let item = decompress(r.blob(RAW_MAX)?, length, true)
            .ok_or(Error::damaged("log", "a row does not decompress"))?;
        let signed = match r.u8()? {
            0 => None,
            _ => Some((r.array()?, Proof::decode(&mut r)?)),
        };
        r.end()?;
        Ok(Self { item, signed })
    }
}

/// Everything that one input changes: saved together, or not at all.
#[derive(Default)]
pub(super) struct Staged {
    /// Documents as they are afterwards.
    pub(super) documents: BTreeMap<Document, Built>,
    /// Rows to add to the log.
    pub(super) rows: Vec<(RowHead, Vec<u8>)>,
    /// Rows of the log that others take the place of.
    pub(super) replaced: BTreeMap<Document, Vec<i64>>,
    pub(super) client_keys: BTreeMap<Document, ClientKey>,
    pub(super) strangers: Vec<(ActorId, Device)>,
    pub(super) epochs: Vec<(Epoch, EpochSecret)>,
    /// Bodies of this device, to keep.
    pub(super) bodies: Vec<KeptBody>,
    /// Whether the bodies of this device are another life's, and go before others are kept.
    pub(super) clear_bodies: bool,
    /// Documents whose caches hold what is not so any more.
    pub(super) stale_caches: Vec<Document>,
    /// Bodies of this device that were sealed anew, by row.
    pub(super) resealed: Vec<(i64, KeptBody)>,
    pub(super) frames: Vec<KeptFrame>,
    pub(super) drop_frames: Vec<i64>,

    /// Documents that were edited on top of what is believed of them only, or of which something was put aside: built from the
    /// log again.
    pub(super) doubted: Vec<Document>,
    /// Documents whose client keys were put aside.
    pub(super) keys_aside: Vec<Document>,
    pub(super) device: Option<DeviceState>,
    pub(super) space: Option<SpaceState>,
    pub(super) mark: Option<Mark>,
}

impl Staged {
    /// Whether it brings nothing to the log, and keeps and drops no frame.
    pub(super) fn is_empty(&self) -> bool {
        self.documents.is_empty()
            && self.rows.is_empty()
            && self.client_keys.is_empty()
            && self.frames.is_empty()
            && self.drop_frames.is_empty()
    }
}

impl Engine {
    /// A document as the log has it; a new one when there is none.
    pub(super) fn document(&mut self, id: &Document) -> Result<Automerge, Error> {
        if let Some(document) = self.documents.get(id) {
            return Ok(document.clone());
        }
        let document = self.rebuild_document(id)?;
        self.documents.put(*id, document.clone());
        Ok(document)
    }

    /// Builds a document from its cache, if it has a good one, and what the log has beyond it.
    pub(super) fn rebuild_document(&self, id: &Document) -> Result<Automerge, Error> {
        let damaged = |_| Error::damaged("log", "a document's changes do not fit together");
        let Base { mut document, mut tips } = self.base(id);
        let mut changes = Vec::new();
        let rows = self.index.document(id).map(|entry| entry.rows.as_slice()).unwrap_or_default();
        for row in rows.iter().filter(|row| row.head.kind == RowKind::Changes) {
            let tip = tips.entry(row.head.lane).or_default();
            if row.head.tip.sequence > tip.sequence {
                let mut news = self.read_row(row)?;
                news.retain(|change| change.sequence > tip.sequence);
                let author = self.author(&row.head.lane)?;
                changes.extend(rebuild::changes(&author, news, *tip).map_err(damaged)?);
                *tip = row.head.tip;
            }
        }
        for row in rows.iter().filter(|row| row.head.kind == RowKind::Carried) {
            // First: what others wrote on top of it needs it.
            document.apply_changes(self.carried_changes(row)?).map_err(|_| REBUILT)?;
        }
        document.apply_changes(changes).map_err(|_| REBUILT)?;
        Ok(document)
    }

    /// The changes of a row.
    pub(super) fn read_row(&self, row: &Row) -> Result<Vec<RawChange>, Error> {
        let author = self.author(&row.head.lane)?;
        let key = self.ring.document(&row.head.document)?.expose();
        let content = RowContent::decode(&self.db.entry(Log::Changes, key, row.id)?)?;
        let documents = ops::decode(&author, &content.item)?;
        Ok(documents.into_iter().flat_map(|document| document.changes).collect())
    }

    /// Saves what was staged in one transaction, then brings memory and the view in step.
    pub(super) fn commit(&mut self, staged: Staged) -> Result<(), Error> {
        let new_rows = match self.save(&staged) {
            Ok(rows) => rows,
            Err(error) => {
                let unknown = |(head, _): &(RowHead, Vec<u8>)| {
                    self.index.document(&head.document).is_none().then_some(head.document)
                };
                let unsaved: Vec<_> = staged.rows.iter().filter_map(unknown).collect();
                self.ring.forget_documents(&unsaved);
                staged.epochs.iter().for_each(|(epoch, _)| self.ring.forget_epoch(epoch));
                let packs = self.space.iter().flat_map(|space| space.group.packs.keys().keys());
                self.ring.keep_packs(&packs.copied().collect());
                return Err(error);
            }
        };
        self.remember(staged, new_rows);
        Ok(())
    }

    fn save(&mut self, staged: &Staged) -> Result<Saved, Error> {
        let state_key = self.state_key()?;
        let judged = self.judged_anew(staged.space.as_ref());
        let random = &mut *self.random;
        let mut writer = self.db.write()?;
        for (epoch, secret) in &staged.epochs {
            self.ring.add_epoch(*epoch, secret.clone(), &mut writer, random)?;
        }
        if let Some(space) = &staged.space {
            self.ring.add_packs(space.group.packs.keys(), &mut writer, random)?;
        }
        let space = staged.space.as_ref().or(self.space.as_ref());
        let rows = save_rows((staged, space), &state_key, &mut self.ring, &mut writer, random)?;

        if staged.clear_bodies {
            writer.clear(Table::Bodies)?;
        }
        let stale = staged.stale_caches.iter().filter_map(|id| self.caches.get(id).copied());
        writer.delete_entries(Log::Caches, &stale.collect::<Vec<_>>())?;
        let outbox_key = self.ring.purpose(Purpose::Outbox)?.expose();
        let mut saved = save_kept(staged, outbox_key, &mut writer, random)?;
        saved.rows = rows;
        save_values(staged, &state_key, &mut writer, random)?;
        if !judged.is_empty() || !staged.doubted.is_empty() {
            // The snapshot shows what is believed no more.
            writer.clear(Table::Snapshot)?;
        }
        writer.commit().map(|()| saved)
    }

    /// Brings memory and the view in step with what is saved. A view that cannot be is made anew, now or at the next saving: what
    /// is saved is saved, and must not be told as a failure.
    fn remember(&mut self, staged: Staged, saved: Saved) {
        let mut again = staged.doubted;
        again.iter().for_each(|document| self.documents.forget(document));
        let judged = self.judged_anew(staged.space.as_ref());
        for (document, ids) in &staged.replaced {
            self.index.remove(document, &ids.iter().copied().collect());
        }
        saved.rows.into_iter().for_each(|row| self.index.add(row));
        if let Some(device) = staged.device {
            self.device = device;
        }
        if let Some(mark) = staged.mark {
            self.mark = mark;
        }
        if let Some(space) = staged.space {
            self.index.note_packs(&space.lanes);
            self.space = Some(space);
        }
        if staged.clear_bodies {
            self.bodies.clear();
        }
        self.caches.retain(|id, _| !staged.stale_caches.contains(id));
        for (body, row) in staged.bodies.iter().zip(saved.bodies) {
            self.bodies.insert(body.sequence, body.kept(row));
        }
        self.waiting.forget(&staged.drop_frames);

        for (id, frame) in saved.frames.into_iter().zip(staged.frames) {
            self.waiting.keep(id, frame);
        }
        let mut keyed = staged.keys_aside;
        keyed.extend(staged.client_keys.keys());
        keyed.iter().for_each(|id| self.settle_key(id, staged.client_keys.get(id)));
        self.strangers.extend(staged.strangers);
        self.view_is_due |= self.show_news(staged.documents, &keyed, &mut again, judged).is_err();
        if self.view_is_due {
            // Failing that, the next saving tries again.
            let _ = self.show_all();
        }
    }

    /// The key of a client: of several that whoever began its file has said, the first on the first lane, so that it follows from
    /// what is believed and not from what came last.
    pub(super) fn first_key(&self, id: &Document) -> Result<Option<ClientKey>, Error> {
        let rows = self.index.document(id).map(|entry| entry.rows.as_slice()).unwrap_or_default();
        let keys = rows.iter().filter(|row| row.head.kind == RowKind::ClientKey);
        let place = |row: &&Row| (row.head.lane, row.head.sequence.unwrap_or(u32::MAX), row.id);
        let Some(row) = keys.min_by_key(place) else { return Ok(None) };
        let content = self.entry(row)?;
        let damaged = |_| Error::damaged("log", "a client key has another length");
        content.as_slice().try_into().map(|key| Some(ClientKey::new(key))).map_err(damaged)
    }

    fn settle_key(&mut self, id: &Document, new: Option<&ClientKey>) {
        let key = match (self.client_keys.contains_key(id), new) {
            (false, Some(key)) => Some(key.clone()),
            _ => self.first_key(id).unwrap_or_else(|_| new.cloned()),
        };
        match key {
            Some(key) => drop(self.client_keys.insert(*id, key)),
            None => drop(self.client_keys.remove(id)),
        }
    }

    fn show_news(
        &mut self,
        documents: BTreeMap<Document, Built>,
        keyed: &[Document],
        again: &mut Vec<Document>,
        judged: Vec<Document>,
    ) -> Result<(), Error> {
        let (mut records, mut read) = (Vec::new(), Vec::new());
        for (id, Built { document, record }) in documents {
            records.push((id, self.shown_record(&id, &document, record)?));
            read.push((id, document));
        }
        read.into_iter().for_each(|(id, document)| self.documents.put(id, document));
        let authors = self.authors();
        let source = Source { authors: &authors, client_keys: &self.client_keys };
        self.view.show(&records, &source)?;
        self.view.resolve(keyed, &source)?;
        again.extend(judged);
        self.show_again(again)
    }

    /// Makes the view anew. Until that is done, none is shown or kept.
    pub(super) fn show_all(&mut self) -> Result<(), Error> {
        self.view_is_due = true;
        self.view = View::empty()?;
        let all: Vec<_> = self.index.documents().map(|(document, _)| *document).collect();
        self.show_again(&all)?;
        self.view_is_due = false;
        Ok(())
    }

    /// The view, if it shows all that is saved.
    pub(super) fn view(&self) -> Result<&View, Error> {
        match self.view_is_due {
            true => Err(Error::Document { what: "shown; what is saved is safe" }),
            false => Ok(&self.view),
        }
    }

    /// The documents that a change of the roster makes to be judged anew.
    fn judged_anew(&self, next: Option<&SpaceState>) -> Vec<Document> {
        let (Some(before), Some(next)) = (&self.space, next) else { return Vec::new() };
        let (old, new) = (before.group.roster.standing(), next.group.roster.standing());
        let cutting = |standing: &Standing| standing.cutting.clone();
        if cutting(old) == cutting(new) && old.members.keys().eq(new.members.keys()) {
            return Vec::new();
        }
        let is_member = |standing: &Standing, line: &Option<Device>| {
            line.as_ref().is_some_and(|line| standing.members.contains_key(line))
        };
        let changed = cutting(old) != cutting(new);
        let named: BTreeSet<Device> =
            cutting(old).into_values().chain(cutting(new).into_values()).collect();
        let is_judged_anew = |lane: &Lane| {
            let Some(state) = next.lanes.get(lane) else { return false };
            let (then, now) = (old.line(&state.device_key), new.line(&state.device_key));
            let is_named = [then, now].iter().flatten().any(|line| named.contains(line));
            (changed && is_named) || is_member(old, &then) != is_member(new, &now)
        };
        // A line that is new here has written nothing yet that was judged.
        self.documents_of(|lane| before.lanes.contains_key(lane) && is_judged_anew(lane))
    }

    /// Whether a role may write in a document that was one thing before and is another afterwards.
    pub(super) fn may_write(&self, role: Role, id: Document, states: [&Automerge; 2]) -> bool {
        states.into_iter().all(|document| role.may_write(self.written(&id, document)))
    }

    pub(super) fn written(&self, id: &Document, document: &Automerge) -> Written {
        if self.space.as_ref().is_some_and(|space| registry(space.space()) == *id) {
            return Written::Registry;
        }
        match read::is_record(document) {
            true => Written::Records,
            false => Written::Newer,
        }
    }

    /// A document as a record. There is one registry: another document cannot pass for it.
    pub(super) fn record(&self, id: &Document, document: &Automerge) -> Record {
        self.as_itself(id, read::record(document))
    }

    /// What a document is shown as that reads as a record. Where not all of it is believed, the rest is read by itself.
    fn shown_record(
        &self,
        id: &Document,
        document: &Automerge,
        record: Record,
    ) -> Result<Record, Error> {
        match self.is_doubted(id, self.written(id, document)) {
            false => Ok(self.as_itself(id, record)),
            true => Ok(self.record(id, &self.shown(id, document.clone())?)),
        }
    }

    fn as_itself(&self, id: &Document, record: Record) -> Record {
        let registry = self.space.as_ref().map(|space| registry(space.space()));
        match record {
            Record::Registry(_) if registry != Some(*id) => Record::Other,
            // Of which nothing is believed.
            Record::Other if registry == Some(*id) => Record::Registry(Vec::new()),
            record => record,
        }
    }

    /// Which device writes as which actor.
    pub(super) fn authors(&self) -> BTreeMap<ActorId, Device> {
        let Some(space) = &self.space else {
            return BTreeMap::new();
        };
        let author = |lane: &super::state::LaneState| {
            let id = actor(space.space(), &lane.device_key, lane.incarnation);
            let line = space.group.roster.standing().line(&lane.device_key);
            (Author::new(&id).id().clone(), line.unwrap_or_else(|| device(&lane.device_key)))
        };
        let strangers = self.strangers.iter().map(|(actor, device)| (actor.clone(), *device));
        space.lanes.values().map(author).chain(strangers).collect()
    }
}

#[derive(Default)]
struct Saved {
    rows: Vec<Row>,
    bodies: Vec<i64>,
    frames: Vec<i64>,
}

/// Saves rows of the log, and the keys of documents that are new.
fn save_rows(
    (staged, space): (&Staged, Option<&SpaceState>),
    state_key: &[u8; 32],
    ring: &mut Keyring,
    writer: &mut Writer<'_>,
    random: &mut dyn CryptoRng,
) -> Result<Vec<Row>, Error> {
    let kept = staged.rows.iter().filter(|(head, _)| head.kind.is_of_document());
    ring.add_documents(kept.map(|(head, _)| head.document), writer, random)?;
    let live = space.and_then(|space| space.live).map(|live| live.epoch).unwrap_or_default();
    let mut rows = Vec::new();
    for (head, content) in &staged.rows {
        let since = if head.since == Epoch::default() { live } else { head.since };
        let head = &RowHead { since, ..*head };
        let key = match head.kind.is_of_document() {
            // Of what was let go there is no key, and nothing to seal.
            false => state_key,
            true => ring.document(&head.document)?.expose(),
        };
        let sealed_head = head.encode();
        let id = writer.append(Log::Changes, (state_key, &sealed_head), (key, content), random)?;
        rows.push(Row { id, head: *head });
    }
    staged.replaced.values().try_for_each(|ids| writer.delete_entries(Log::Changes, ids))?;
    Ok(rows)
}

/// Saves and drops own bodies and others' frames.
fn save_kept(
    staged: &Staged,
    outbox_key: &[u8; 32],
    writer: &mut Writer<'_>,
    random: &mut dyn CryptoRng,
) -> Result<Saved, Error> {
    let mut saved = Saved::default();
    for body in &staged.bodies {
        let kept = body.encode();
        saved.bodies.push(writer.insert_sealed(Table::Bodies, outbox_key, &kept, random)?);
    }
    for (row, body) in &staged.resealed {
        writer.put_sealed(Table::Bodies, outbox_key, *row, &body.encode(), random)?;
    }
    for frame in &staged.frames {
        let kept = frame.encode();
        saved.frames.push(writer.insert_sealed(Table::Frames, outbox_key, &kept, random)?);
    }
    writer.delete(Table::Frames, &staged.drop_frames)?;
    Ok(saved)
}

/// Saves the single values that changed.
fn save_values(
    staged: &Staged,
    state_key: &[u8; 32],
    writer: &mut Writer<'_>,
    random: &mut dyn CryptoRng,
) -> Result<(), Error> {
    let mut put = |id, bytes: &[u8]| writer.put_sealed(Table::Values, state_key, id, bytes, random);
    if let Some(device) = &staged.device {
        put(value::IDENTITY, &device.encode())?;
    }
    if let Some(space) = &staged.space {
        put(value::SPACE, &space.encode())?;
        put(value::LANES, &space.encode_lanes()?)?;
        put(value::RELAYS, &space.encode_relays()?)?;
        if space.knows_packs() {
            put(value::PACKS, &space.encode_packs())?;
        }
    }
    match &staged.mark {
        Some(mark) => put(value::MARK, &mark.encode()),
        None => Ok(()),
    }
}

/// Writes one document's changes as a row's item.
pub(super) fn row_item(
    author: &Author,
    document: Document,
    changes: Vec<RawChange>,
) -> Result<Vec<u8>, Error> {
    let item = ops::encode(author, &[DocumentChanges { document, changes }])?;
    bounded("changes of one document", item.len() as u64, RAW_MAX)?;
    Ok(item)
}

/// The one registry of a space: its id follows from the space's.
pub(super) fn registry(space: &Space) -> Document {
    Document::new(derive_cut(Label::REGISTRY, &[space.as_bytes()]))
}

//! Applying one opened chunk: lane, member, signature, then the documents, on copies.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use automerge::Automerge;
use haversack_wire::limits::LANES_MAX;
use haversack_wire::{Document, Epoch, FrameHash, Lane, Position, Space, StatementHash};

use super::Engine;
use super::ahead::Standing;
use super::batch::{Batch, Opened};
use super::documents::{RowContent, row_item};
use super::fork::body_row;
use super::horizon::gone;
use super::lines::has_room;
use super::log::{Mark, RowHead, RowKind};
use super::outgoing::go_on;
use super::refused::Reason;
use super::state::{LaneState, SpaceState};
use super::wait::Need;
use crate::Error;
use crate::crypto::{ClientKey, GenerationSecret, verify};
use crate::docs::rebuild::{self, Built, Refusal, Tip};
use crate::docs::{Author, DocumentChanges, RawChange, ops, read};
use crate::members::{Role, Roster, actor, lane as lane_of, statement_hash};
use crate::seeded::{Bug, seeded};
use crate::sync::tree::{Leaves, Tree, signed};

/// What became of an opened chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Applied,
    /// Applied, less what was refused of it.
    PassedOver(Reason),
    Known,
    Wait(Need),
    /// Not applied: its lane waits for another candidate.
    Quarantine(Reason),
    /// It contradicts what is here of its lane: looked at once the batch is saved.
    Rival,
}

/// One document's part of a chunk, rebuilt.
pub(super) struct Rebuilt {
    pub(super) document: Document,
    pub(super) raw: Vec<RawChange>,
    pub(super) changes: Vec<automerge::Change>,
    /// Where the author stood before.
    pub(super) before: Tip,
    pub(super) tip: Tip,
    /// Whether it is all that the body's changes item holds.
    pub(super) is_all: bool,
    /// What its row in the log holds, once it is known who signed it.
    pub(super) content: Result<Vec<u8>, Error>,
}

impl Rebuilt {
    /// The same without the changes that are here already. Nothing when those are others.
    fn beyond(mut self, here: Tip) -> Option<Self> {
        let known = here.sequence.saturating_sub(self.before.sequence) as usize;
        if known == 0 {
            return Some(self);
        }
        let last = self.changes.get(known - 1);
        if last.is_some_and(|last| Some(last.hash()) != here.hash) {
            return None;
        }
        self.raw.drain(..known.min(self.raw.len()));
        self.changes.drain(..known.min(self.changes.len()));
        (self.before, self.is_all) = (here, false);
        Some(self)
    }
}

/// What became of a chunk's documents.
#[derive(Default)]
struct Taken {
    /// As they are afterwards.
    documents: BTreeMap<Document, Built>,
    /// Passed over: what breaks a rule, and all that its author builds on that.
    passed: BTreeSet<Document>,
    /// Why something was.
    refused: Option<Reason>,
    /// Put aside: what builds on a branch that is not believed.
    aside: BTreeSet<Document>,
}

impl Taken {
    fn pass_over(&mut self, part: &Rebuilt, reason: Reason) {
        self.passed.insert(part.document);
        self.refused = self.refused.or(Some(reason));
    }
}

/// What an author signed, and the tree that leads to it.
pub(super) struct Signed {
    pub(super) leaves: Leaves,
    pub(super) mark: Mark,
}

impl Engine {
    /// Applies a chunk to the batch if its turn has come and everything about it is in order.
    pub(super) fn try_apply(
        &mut self,
        batch: &mut Batch,
        chunk: &Opened,
    ) -> Result<Verdict, Error> {
        if let Some(verdict) = self.rival(batch, chunk) {
            return Ok(verdict);
        }
        let judged = turn_of(&batch.space, chunk).and_then(|lane| {
            let ahead = batch.ahead.remove(&FrameHash::of(&chunk.frame));
            let known =
                |id: &Document, first| self.known_of(batch, &lane, (id, first), &chunk.body.lane);
            let ahead = ahead.and_then(|ahead| ahead.made(&lane, known));
            judge(&batch.space, chunk, (&lane, lane.heads()), known, ahead)
                .map(|judged| (lane, judged))
        });
        let (lane, mut judged) = match judged {
            Ok(judged) => judged,
            Err(Verdict::Quarantine(_)) if seeded(Bug::OneBadFrameFailsAll) => {
                return Err(Error::damaged("chunk", "it is refused"));
            }
            Err(verdict) => return Ok(verdict),
        };
        if chunk.body.previous != lane.position {
            return Ok(Verdict::Quarantine(Reason::Previous));
        }
        if !self.goes_up(batch, chunk, &judged.made) {
            return Ok(Verdict::Wait(Need::Branch(self.growth_of(&chunk.body.lane))));
        }
        let heads = chunk.body.heads.as_deref().unwrap_or(lane.heads());
        let Some(brought) = self.brought(batch, chunk, (judged.role, heads))? else {
            return Ok(Verdict::Wait(Need::Version));
        };
        let here = &brought.documents;
        let place = (&chunk.body.lane, judged.role);
        let taken = match self.apply_parts(batch, place, &mut judged.made, here)? {
            Ok(taken) => taken,
            Err(need) => return Ok(Verdict::Wait(need)),
        };
        let Taken { documents, passed, refused, aside } = taken;
        batch.staged.documents.extend(brought.built());
        batch.staged.documents.extend(documents);
        let erased = self.stage_erasures(batch, chunk, judged.role);
        let refused = refused
            .or((!erased).then_some(Reason::Role))
            .or(brought.refused.then_some(Reason::Drop))
            .or_else(|| refused_statement(&batch.space, chunk));
        pass_over(batch, chunk, lane, refused.is_some() || !aside.is_empty());
        brought.stage(batch, chunk, judged.made.signed.mark.position);
        self.stage_parts(batch, chunk, judged, (passed, aside))?;
        Ok(refused.map_or(Verdict::Applied, Verdict::PassedOver))
    }

    /// Whether what is new of a body comes after what is here of its author. Of a lane that forks a pack may have brought later changes as
    /// those of a later body: until it goes on from that pack's end, this one waits.
    fn goes_up(&self, batch: &Batch, chunk: &Opened, made: &Made) -> bool {
        let lane = &chunk.body.lane;
        made.parts.iter().filter(|part| !part.raw.is_empty()).all(|part| {
            let from = self.came_from(batch, &part.document, lane);
            from.is_none_or(|from| from < chunk.sequence)
        })
    }

    /// Stages the rows of an applied body.
    fn stage_parts(
        &mut self,
        batch: &mut Batch,
        chunk: &Opened,
        judged: Judged,
        (passed, aside): (BTreeSet<Document>, BTreeSet<Document>),
    ) -> Result<(), Error> {
        let Judged { author, made: Made { parts, signed, .. }, .. } = judged;
        let (lane, position) = (chunk.body.lane, signed.mark.position);
        for part in parts {
            let document = part.document;
            if part.raw.is_empty() {
                // A pack brought it.
                continue;
            }
            batch.tips.insert((document, lane), part.tip);
            if self.index.is_gone(&document) {
                // Others may let go of what still holds it once all have said that they have seen it.
                batch.space.owes_word |= self.is_erased(&document);
                batch.staged.rows.push((gone(document, lane, part.tip), Vec::new()));
                continue;
            }
            let kind = if passed.contains(&document) {
                RowKind::Passed(position)
            } else if aside.contains(&document) {
                RowKind::Aside(position, false)
            } else {
                RowKind::Changes
            };
            batch.staged.rows.push(row_of(chunk, part, kind)?);
        }
        batch.passed.extend(passed.into_iter().map(|document| (document, lane)));
        self.end_body(batch, chunk, &author, signed.mark)
    }

    /// Stages the row of an applied body and its client keys, and moves its lane on.
    fn end_body(
        &mut self,
        batch: &mut Batch,
        chunk: &Opened,
        author: &Author,
        mark: Mark,
    ) -> Result<(), Error> {
        let (lane, place) = (chunk.body.lane, chunk.sequence);
        let row = body_row(batch.space.space(), RowKind::Body(mark), place, &chunk.body)?;
        batch.staged.rows.push(row);
        batch.marks.insert((lane, place), mark);
        let begun = self.begun(batch, &chunk.body.client_keys, author)?;
        self.stage_client_keys(batch, chunk, mark.position, &begun);
        let SpaceState { group, lanes, .. } = &mut batch.space;
        if let Some(lane) = lanes.get_mut(&lane) {
            go_on(lane, &group.roster, &chunk.body, place, mark.position);
        }
        batch.space.note_retired(&chunk.body);
        Ok(())
    }

    /// Tries a chunk's documents on copies, unless something is not here yet.
    fn apply_parts(
        &mut self,
        batch: &Batch,
        (lane, role): (&Lane, Role),
        made: &mut Made,
        brought: &BTreeMap<Document, Automerge>,
    ) -> Result<Result<Taken, Need>, Error> {
        let mut taken = Taken::default();
        for part in &made.parts {
            let is_passed = batch.passed.contains(&(part.document, *lane));
            let state = batch.space.lanes.get(lane);
            let is_told = state.is_some_and(|state| state.passed.contains_key(&part.document));
            if is_passed || is_told || self.index.is_passed(&part.document, lane) {
                taken.pass_over(part, Reason::Continued);
                continue;
            }
            if self.index.is_gone(&part.document) || part.raw.is_empty() {
                continue;
            }
            let base = match brought.get(&part.document) {
                Some(document) => document.clone(),
                None => self.staged_document(batch, &part.document)?,
            };
            let built = match self.is_new(batch, &part.document, brought) {
                true => made.built.remove(&part.document),
                false => None,
            };
            let apply = || rebuild::apply(&base, &part.raw, &part.changes, part.before);
            match built.unwrap_or_else(apply) {
                Ok(built) if self.may_write(role, part.document, [&base, &built.document]) => {
                    taken.documents.insert(part.document, built);
                }
                Ok(_) => taken.pass_over(part, Reason::Role),
                Err(Refusal::Broken(_)) => taken.pass_over(part, Reason::Document),
                // What it lacks may be among bodies that were too many here: nobody else waits for those.
                Err(Refusal::Missing) if self.builds_on_rivals(part)? || self.is_much_refused() => {
                    taken.aside.insert(part.document);
                }
                Err(Refusal::Missing) => return Ok(Err(self.need_of(&part.document))),
            }
        }
        Ok(Ok(taken))
    }

    /// Whether nothing of a document is here, nor in the batch.
    fn is_new(
        &self,
        batch: &Batch,
        id: &Document,
        brought: &BTreeMap<Document, Automerge>,
    ) -> bool {
        let here = self.index.document(id).is_some();
        !here && !batch.staged.documents.contains_key(id) && !brought.contains_key(id)
    }

    /// Whether bodies may have been refused here only because there are so many of somebody's.
    pub(super) fn is_much_refused(&self) -> bool {
        self.index.is_any_full() || self.is_any_line_full()
    }

    /// That something is missing in a document.
    fn need_of(&self, document: &Document) -> Need {
        Need::Document(*document, self.newest_row(document))
    }

    /// Of the clients that keys are for, those whose files an author began.
    fn begun(
        &mut self,
        batch: &Batch,
        keys: &[(Document, ClientKey)],
        author: &Author,
    ) -> Result<BTreeSet<Document>, Error> {
        let mut begun = BTreeSet::new();
        for (id, _) in keys {
            let is_its = read::is_founder(&self.staged_document(batch, id)?, author.id());
            begun.extend(is_its.then_some(*id));
        }
        Ok(begun)
    }

    /// Takes the keys of the clients whose files this author began: nobody can put another key in their place.
    fn stage_client_keys(
        &self,
        batch: &mut Batch,
        chunk: &Opened,
        position: Position,
        begun: &BTreeSet<Document>,
    ) {
        for (document, key) in &chunk.body.client_keys {
            if self.index.is_gone(document) {
                continue;
            }
            let is_its = begun.contains(document);
            let kind = if is_its { RowKind::ClientKey } else { RowKind::AsideKey(position) };
            batch.staged.rows.push((head_of(chunk, *document, kind), key.expose().to_vec()));
            if is_its {
                batch.staged.client_keys.insert(*document, key.clone());
            }
        }
    }

    /// Where an author stood in a document before some of its changes, and how far it stands: a pack may have brought the changes
    /// already. Nothing when that is not to be told.
    fn known_of(
        &self,
        batch: &Batch,
        lane: &LaneState,
        (document, first): (&Document, u64),
        id: &Lane,
    ) -> Standing {
        let passed = lane.passed.get(document).copied().unwrap_or_default();
        let staged = self.staged_tip(batch, document, id);
        let here = if passed.sequence > staged.sequence { passed } else { staged };
        if lane.told.is_empty() || first > here.sequence {
            return Some((here, here));
        }
        let before = self.tip_at(document, id, first, here).ok()??;
        Some((before, here))
    }

    pub(super) fn staged_tip(&self, batch: &Batch, document: &Document, lane: &Lane) -> Tip {
        let staged = batch.tips.get(&(*document, *lane)).copied();
        staged.unwrap_or_else(|| self.index.tip(document, lane))
    }

    pub(super) fn staged_document(
        &mut self,
        batch: &Batch,
        id: &Document,
    ) -> Result<Automerge, Error> {
        match batch.staged.documents.get(id) {
            Some(built) => Ok(built.document.clone()),
            None => self.document(id),
        }
    }
}

/// What a body adds up to, wherever on its lane it lies.
pub(super) struct Judged {
    pub(super) author: Author,
    pub(super) role: Role,
    pub(super) made: Made,
}

/// What a body brings, decoded and verified.
pub(super) struct Made {
    pub(super) parts: Vec<Rebuilt>,
    pub(super) signed: Signed,
    /// Documents of which nothing was here, built ahead.
    pub(super) built: BTreeMap<Document, Result<Built, Refusal>>,
}

/// Judges a body by what its author had seen of the roster, never by what is known here since (PROTOCOL § 6.4); `before` are the
/// heads, and `known` gives how far the author had come in a document, on the way to this very body.
pub(super) fn judge(
    space: &SpaceState,
    chunk: &Opened,
    (lane, before): (&LaneState, &[StatementHash]),
    known: impl Fn(&Document, u64) -> Standing,
    ahead: Option<Result<Made, Verdict>>,
) -> Result<Judged, Verdict> {
    let role = role_of(&space.group.roster, chunk, &lane.device_key, before)?;
    let author = Author::new(&actor(space.space(), &lane.device_key, lane.incarnation));
    let known = |part: &DocumentChanges| known(&part.document, part.first());
    let make = || make(space.space(), chunk, (&author, &lane.device_key), known);
    let made = ahead.unwrap_or_else(make)?;
    Ok(Judged { author, role, made })
}

/// Decodes a body, makes its changes and checks who signed it.
pub(super) fn make(
    space: &Space,
    chunk: &Opened,
    (author, key): (&Author, &[u8; 32]),
    known: impl FnMut(&DocumentChanges) -> Standing,
) -> Result<Made, Verdict> {
    let mut parts = rebuild_item(chunk, author, known)?;
    let signed = check_signature(space, chunk, key, &parts);
    let signed = signed.ok_or(Verdict::Quarantine(Reason::Signature))?;
    for (place, part) in parts.iter_mut().enumerate() {
        part.content = match row_content(chunk, author, part, (place, &signed)) {
            // It came in a shorter form than this program has for it.
            Err(Error::Wire(_)) => return Err(Verdict::Quarantine(Reason::Changes)),
            content => content,
        };
    }
    Ok(Made { parts, signed, built: BTreeMap::new() })
}

/// The role of a body's author, who must have gone on from what it had seen before.
fn role_of(
    roster: &Roster,
    chunk: &Opened,
    key: &[u8; 32],
    before: &[StatementHash],
) -> Result<Role, Verdict> {
    let heads = chunk.body.heads.as_deref().unwrap_or(before);
    let (Some(past), Some(stood)) = (roster.past(heads), roster.stood(heads)) else {
        let missing = heads.iter().find(|head| roster.statement(head).is_none());
        return Err(Verdict::Wait(missing.map_or(Need::Before, |head| Need::Statement(*head))));
    };
    match stood.current(key).and_then(|member| member.role) {
        _ if !roster.past(before).is_some_and(|before| past.contains_all(&before)) => {
            Err(Verdict::Quarantine(Reason::Heads))
        }
        Some(role) => Ok(role),
        None => Err(Verdict::Quarantine(Reason::Member)),
    }
}

/// Decodes and rebuilds the changes of a chunk, each document from where its author stands.
fn rebuild_item(
    chunk: &Opened,
    author: &Author,
    mut known: impl FnMut(&DocumentChanges) -> Standing,
) -> Result<Vec<Rebuilt>, Verdict> {
    let Some(item) = &chunk.body.changes else {
        return Ok(Vec::new());
    };
    let documents = ops::decode(author, item).map_err(|error| match error {
        haversack_wire::Error::Unknown { .. } => Verdict::Wait(Need::Version),
        _ => Verdict::Quarantine(Reason::Changes),
    })?;
    let is_all = documents.len() == 1;
    let rebuild = |part: DocumentChanges| {
        let (before, here) = known(&part).ok_or(Verdict::Quarantine(Reason::Changes))?;
        let raw = part.changes;
        let made = rebuild::changes(author, raw.clone(), before);
        // A gap will not be filled: all that its author said before is here.
        let changes = made.map_err(|_| Verdict::Quarantine(Reason::Changes))?;
        let last = changes.last().map(|change| (change.seq(), change.hash()));
        let (sequence, hash) = last.ok_or(Verdict::Quarantine(Reason::Changes))?;
        let tip = Tip { sequence, hash: Some(hash) };
        let (document, content) = (part.document, Ok(Vec::new()));
        let whole = Rebuilt { document, raw, changes, before, tip, is_all, content };
        whole.beyond(here).ok_or(Verdict::Quarantine(Reason::Changes))
    };
    match documents.is_empty() {
        true => Err(Verdict::Quarantine(Reason::Changes)),
        false => documents.into_iter().map(rebuild).collect(),
    }
}

/// Whether a body opens its lane where it should, and its clear header names that lane.
pub(super) fn check_form(space: &SpaceState, chunk: &Opened) -> Result<(), Verdict> {
    if chunk.sequence == u32::MAX {
        // Nothing can follow it.
        return Err(Verdict::Quarantine(Reason::Form));
    }
    let first = chunk.sequence == 0;
    if first != chunk.body.opening.is_some() || (first && chunk.body.heads.is_none()) {
        return Err(Verdict::Quarantine(Reason::Opening));
    }
    match is_tagged(space, chunk) {
        true => Ok(()),
        false => Err(Verdict::Quarantine(Reason::Tag)),
    }
}

/// The lane of a chunk whose turn has come, or what becomes of the chunk instead.
fn turn_of(space: &SpaceState, chunk: &Opened) -> Result<LaneState, Verdict> {
    check_form(space, chunk)?;
    let lane = lane_of_body(space, chunk)?;
    match chunk.sequence.cmp(&lane.next) {
        Ordering::Less => Err(Verdict::Known),
        Ordering::Equal => Ok(lane),
        Ordering::Greater => Err(Verdict::Wait(Need::Before)),
    }
}

/// Whether a chunk's clear header names the lane of its body, in the generation of its epoch or in another one: what others
/// carry and leave out goes by the header. Where the generation is not known here, that cannot be told.
fn is_tagged(space: &SpaceState, chunk: &Opened) -> bool {
    let group = &space.group;
    let mut epochs = group.epochs.statements().filter(|epoch| epoch.epoch == chunk.epoch);
    let names = |secret: &GenerationSecret| secret.lane_tag(&chunk.body.lane) == chunk.tag;
    group.generations.values().any(names)
        || !epochs.any(|epoch| group.generations.contains_key(&epoch.generation))
}

/// The lane that a body is on: known, or opened by the body itself.
pub(super) fn lane_of_body(space: &SpaceState, chunk: &Opened) -> Result<LaneState, Verdict> {
    if let Some(lane) = space.lanes.get(&chunk.body.lane) {
        return Ok(lane.clone());
    }
    let opening = chunk.body.opening.ok_or(Verdict::Wait(Need::Before))?;
    let key = opening.device_key;
    if lane_of(space.space(), &key, opening.incarnation) != chunk.body.lane {
        return Err(Verdict::Quarantine(Reason::Opening));
    }
    match has_room(space, &key) && space.lanes.len() < LANES_MAX {
        true => Ok(LaneState::new(key, opening.incarnation)),
        false => Err(Verdict::Quarantine(Reason::Lanes)),
    }
}

/// Checks that its device signed the body.
fn check_signature(
    space: &Space,
    chunk: &Opened,
    device_key: &[u8; 32],
    parts: &[Rebuilt],
) -> Option<Signed> {
    let tips: Vec<_> =
        parts.iter().filter_map(|part| Some((part.document, part.tip.hash?))).collect();
    let tree = Tree::new(space);
    let leaves = tree.leaves(&chunk.rest, &tips);
    let root = leaves.root();
    let (lane, sequence) = (&chunk.body.lane, chunk.sequence);
    let message = signed(space, lane, sequence, &root);
    let mark = Mark {
        position: tree.position(lane, sequence, &root),
        previous: chunk.body.previous,
        signature: chunk.signature,
    };
    (verify(device_key, &message, &chunk.signature) || seeded(Bug::SkipSignature))
        .then_some(Signed { leaves, mark })
}

/// Whether a body says something of the team that is neither so nor waits for what it builds on.
fn refused_statement(space: &SpaceState, chunk: &Opened) -> Option<Reason> {
    let known = |bytes: &Vec<u8>| space.group.roster.knows(&statement_hash(bytes));
    (!chunk.body.statements.iter().all(known)).then_some(Reason::Statement)
}

/// Remembers what of a signed body no document takes: its lane, and its other documents, go on.
fn pass_over(batch: &mut Batch, chunk: &Opened, mut lane: LaneState, refused: bool) {
    if refused {
        lane.quarantine([chunk.sequence]);
    }
    batch.space.lanes.insert(chunk.body.lane, lane);
}

/// The head of a row of a body that is about a document and holds no changes of it.
pub(super) fn head_of(chunk: &Opened, document: Document, kind: RowKind) -> RowHead {
    let (lane, sequence) = (chunk.body.lane, Some(chunk.sequence));
    RowHead { document, kind, lane, sequence, tip: Tip::default(), since: Epoch::default() }
}

/// A row of the log that holds a document's part of a body.
pub(super) fn row_of(
    chunk: &Opened,
    part: Rebuilt,
    kind: RowKind,
) -> Result<(RowHead, Vec<u8>), Error> {
    let head = RowHead { tip: part.tip, ..head_of(chunk, part.document, kind) };
    Ok((head, part.content?))
}

/// What the row of a document's part of a body holds, whatever becomes of the part.
fn row_content(
    chunk: &Opened,
    author: &Author,
    part: &Rebuilt,
    (place, signed): (usize, &Signed),
) -> Result<Vec<u8>, Error> {
    let item = match chunk.body.changes.as_ref().filter(|_| part.is_all) {
        Some(item) => item.clone(),
        None => row_item(author, part.document, part.raw.clone())?,
    };
    let signed = Some((chunk.signature, signed.leaves.proof(place)));
    RowContent { item, signed }.encode()
}

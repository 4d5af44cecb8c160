//! Applying segments whose manifest is here, on copies.

use std::collections::BTreeMap;

use haversack_wire::limits::{CUT_MAX, LANES_MAX};
use haversack_wire::{Document, Epoch, Lane, Pack, Position, StatementHash};

use super::super::Engine;
use super::super::batch::{Batch, Opened};
use super::super::documents::Staged;
use super::super::horizon::gone;
use super::super::log::{Row, RowHead, RowKind};
use super::super::state::{LaneState, Said, SpaceState};
use super::super::wait::Need;
use super::part::{New, Stands, Verdict, role_at};
use super::state::Taking;
use crate::Error;
use crate::docs::ops::Part;
use crate::docs::read;
use crate::docs::rebuild::{self, Refusal, Tip};
use crate::members::{Role, Written};
use crate::sync::body::Body;
use crate::sync::drop::{Carried, Drop};
use crate::sync::pack::{LaneEnd, PackAuthor, PackedDrop, PartProof, Segment};

/// Documents that are saved together.
const SAVE_DOCUMENTS: usize = 16;

/// A segment that a manifest names.
pub(super) struct Held {
    pub(super) place: u32,
    pub(super) frame: Vec<u8>,
    pub(super) row: Option<i64>,
    pub(super) segment: Segment,
}

/// What became of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Became {
    /// All of it is here.
    Whole,
    /// Something of it lacks something.
    Waits,
    /// Something of it is not its author's.
    Told,
}

/// A part, and which of the segments it is in.
struct Of {
    at: usize,
    author: PackAuthor,
    part: Part,
    proof: PartProof,
}

impl Engine {
    /// Applies segments of one pack, saving as it goes, and leaves the rest to the batch. Of each it says what became.
    pub(super) fn apply_segments(
        &mut self,
        batch: &mut Batch,
        pack: &Pack,
        all: &mut [Held],
    ) -> Result<Vec<Became>, Error> {
        let mut became = Vec::new();
        for held in &*all {
            let met = meet_authors(&mut batch.space, &held.segment);
            became.push(met);
            if met == Became::Whole {
                let brought = self.take_drops(batch, &held.segment)?;
                let brought = brought.max(self.take_erasures(batch, &held.segment));
                became.iter_mut().last().into_iter().for_each(|became| *became = brought);
            }
        }
        self.note_shown(batch, pack, all)?;
        let mut documents: BTreeMap<Document, Vec<Of>> = BTreeMap::new();
        for (at, held) in all.iter_mut().enumerate() {
            // Of unknown authors nothing can be said.
            if became.get(at) == Some(&Became::Whole) {
                gather(&mut documents, at, &mut held.segment);
            }
        }
        for (document, parts) in documents {
            self.apply_document(batch, document, parts, &mut became)?;
            if batch.staged.documents.len() >= SAVE_DOCUMENTS {
                self.save_some(batch)?;
            }
        }
        for (held, became) in all.iter().zip(&became) {
            self.take_client_keys(batch, &held.segment)?;
            if *became == Became::Whole {
                note_ends(&mut batch.space, pack, &held.segment);
            }
        }
        Ok(became)
    }

    /// Saves what is applied so far: a whole segment's documents would take too much memory at once. Should this be cut off, they are
    /// known when the segment comes again.
    fn save_some(&mut self, batch: &mut Batch) -> Result<(), Error> {
        let staged = std::mem::take(&mut batch.staged);
        let space = Some(batch.space.clone());
        self.commit(Staged { space, ..staged })
    }

    /// Judges the parts of one document, and applies those that are new.
    fn apply_document(
        &mut self,
        batch: &mut Batch,
        document: Document,
        mut parts: Vec<Of>,
        became: &mut [Became],
    ) -> Result<(), Error> {
        let space = *batch.space.space();
        let first = |of: &Of| of.part.changes.first().map(|change| change.sequence);
        parts.sort_by_key(|of| (of.author.device_key, of.author.incarnation, first(of)));
        let mut stand: BTreeMap<Lane, Stands> = BTreeMap::new();
        let mut news: Vec<(usize, New)> = Vec::new();
        for Of { at, author, part, proof } in parts {
            let lane = author.lane(&space);
            let staged = || Stands {
                tip: self.staged_tip(batch, &document, &lane),
                from: self.came_from(batch, &document, &lane),
            };
            let stands = stand.get(&lane).copied().unwrap_or_else(staged);
            match self.judge_part(batch, &author, (part, proof), stands)? {
                Verdict::Known => {}
                Verdict::Waits => became_at(became, at, Became::Waits),
                Verdict::Told => became_at(became, at, Became::Told),
                Verdict::Beside => drop(batch.space.packs.beside.insert(lane)),
                Verdict::New(new) => {
                    stand.insert(lane, new.stands());
                    news.push((at, *new));
                }
            }
        }
        self.apply_news(batch, document, news, became)
    }

    /// Applies what is new in a document: all at once, or, when that fails, one part after another.
    fn apply_news(
        &mut self,
        batch: &mut Batch,
        document: Document,
        mut news: Vec<(usize, New)>,
        became: &mut [Became],
    ) -> Result<(), Error> {
        if news.is_empty() {
            return Ok(());
        }
        let is_erased = is_erased_file(self, batch, &document, &news);
        if is_erased || self.index.is_gone(&document) {
            // How far its authors had come stays: what they may still send of it goes on from there.
            for (_, new) in news {
                batch.tips.insert((document, new.lane), new.tip);
                batch.staged.rows.push((gone(document, new.lane, new.tip), Vec::new()));
            }
            batch.space.owes_word |= is_erased;
            return Ok(());
        }
        let mut base = self.staged_document(batch, &document)?;
        let all: Vec<rebuild::Made<'_>> = news.iter().map(|(_, new)| new.made()).collect();
        if let Ok(whole) = rebuild::apply_all(&base, &all)
            && news
                .iter()
                .all(|(_, new)| self.may_write(new.role, document, [&base, &whole.document]))
        {
            batch.staged.documents.insert(document, whole);
            return news.iter().try_for_each(|(_, new)| stage(batch, new));
        }
        loop {
            let before = news.len();
            for (at, new) in std::mem::take(&mut news) {
                match rebuild::apply_all(&base, &[new.made()]) {
                    Ok(next) if self.may_write(new.role, document, [&base, &next.document]) => {
                        base = next.document.clone();
                        batch.staged.documents.insert(document, next);
                        stage(batch, &new)?;
                    }
                    Err(Refusal::Missing) => news.push((at, new)),
                    Ok(_) | Err(Refusal::Broken(_)) => became_at(became, at, Became::Told),
                }
            }
            if news.len() == before {
                news.iter().for_each(|(at, _)| became_at(became, *at, Became::Waits));
                return Ok(());
            }
        }
    }

    /// Takes erasures, each as of the place where its author said it.
    fn take_erasures(&self, batch: &mut Batch, segment: &Segment) -> Became {
        let mut became = Became::Whole;
        for erasure in &segment.erasures {
            let Some(author) = segment.authors.get(erasure.author) else { continue };
            let lane = author.lane(batch.space.space());
            match role_at(&batch.space, author, erasure.sequence) {
                Ok(Some(role)) if role.may_write(Written::Erasure) => {
                    self.stage_erasure(batch, erasure.document, &lane, erasure.sequence);
                }
                Ok(_) => became = Became::Told,
                Err(()) => became = became.max(Became::Waits),
            }
        }
        became
    }

    /// Takes drops, on their way and carried, each as of the place where its author said it.
    fn take_drops(&mut self, batch: &mut Batch, segment: &Segment) -> Result<Became, Error> {
        let mut became = Became::Whole;
        let carried = segment.carried.iter().map(|drop| (true, drop));
        let drops = segment.drops.iter().map(|drop| (false, drop));
        for (is_carried, drop) in carried.chain(drops) {
            let Some(author) = segment.authors.get(drop.author) else { continue };
            let role = match role_at(&batch.space, author, drop.sequence) {
                Ok(Some(role)) => role,
                Ok(None) => return Ok(Became::Told),
                Err(()) => return Ok(Became::Waits),
            };
            if !self.is_said(batch, author, drop, is_carried) {
                let chunk = said(author.lane(batch.space.space()), drop, is_carried);
                let named = author.rosters.iter().rev().find(|(from, _)| *from <= drop.sequence);
                let heads = named.map(|(_, heads)| heads.as_slice()).unwrap_or_default();
                became = became.max(self.take_drop(batch, &chunk, (role, heads))?);
            }
        }
        Ok(became)
    }

    fn take_drop(
        &mut self,
        batch: &mut Batch,
        chunk: &Opened,
        judged: (Role, &[StatementHash]),
    ) -> Result<Became, Error> {
        let Some(brought) = self.brought(batch, chunk, judged)? else { return Ok(Became::Waits) };
        if brought.refused {
            return Ok(Became::Told);
        }
        batch.staged.documents.extend(brought.built());
        brought.stage(batch, chunk, Position::default());
        Ok(Became::Whole)
    }

    /// Whether a drop is here from this very place: a body may bring many.
    fn is_said(
        &self,
        batch: &Batch,
        author: &PackAuthor,
        drop: &PackedDrop,
        is_carried: bool,
    ) -> bool {
        let space = batch.space.space();
        let id = match is_carried {
            true => Carried::decode(&drop.bytes).map(|carried| carried.id(space)),
            false => Drop::decode(&drop.bytes).map(|drop| drop.id()),
        };
        let kind = if is_carried { RowKind::Carried } else { RowKind::Drop };
        let place = (kind, author.lane(space), Some(drop.sequence));
        let is_it = |row: &Row| (row.head.kind, row.head.lane, row.head.sequence) == place;
        let entry = id.ok().and_then(|id| self.index.document(&id));
        entry.is_some_and(|entry| entry.rows.iter().any(is_it))
    }

    /// Takes the keys of the clients whose files their authors began.
    fn take_client_keys(&mut self, batch: &mut Batch, segment: &Segment) -> Result<(), Error> {
        let space = *batch.space.space();
        for packed in &segment.client_keys {
            let Some(author) = segment.authors.get(packed.author) else { continue };
            let document = packed.document;
            let known = self.client_keys.contains_key(&document)
                || batch.staged.client_keys.contains_key(&document)
                || self.index.is_gone(&document);
            let actor = author.author(&space);
            if known || !read::is_founder(&self.staged_document(batch, &document)?, actor.id()) {
                continue;
            }
            let (lane, sequence) = (author.lane(&space), Some(packed.sequence));
            let (kind, tip, since) = (RowKind::ClientKey, Tip::default(), Epoch::default());
            let head = RowHead { document, kind, lane, sequence, tip, since };
            batch.staged.rows.push((head, packed.key.expose().to_vec()));
            batch.staged.client_keys.insert(document, packed.key.clone());
        }
        Ok(())
    }

    /// Once a pack is taken whole, its lanes go on from where it ends.
    pub(super) fn finish_pack(&self, batch: &mut Batch, pack: &Pack) {
        let is_whole = |taking: &Taking| taking.taken.len() == taking.segments.len();
        if !batch.space.packs.taking.get(pack).is_some_and(is_whole) {
            return;
        }
        let Some(taking) = batch.space.packs.taking.remove(pack) else { return };
        let to_judge = self.to_judge(batch, &taking);
        let space = &mut batch.space;
        let is_gone = |document: &Document| {
            self.index.is_gone(document)
                || self.is_erased(document)
                || batch.staged.rows.iter().any(|(head, _)| is_erasure(head, document))
        };
        let mut left = Vec::new();
        for (id, mut end) in taking.ends {
            // Of a lane that forks every body is needed to say which are believed. Records that this device wrote before, and that the
            // maker may not have had, are to be judged as well.
            let forks = self.index.is_forked(&id) || space.packs.beside.contains(&id);
            if id == space.lane || forks || to_judge.contains(&id) {
                continue;
            }
            let (of_gone, passed): (BTreeMap<_, _>, _) =
                std::mem::take(&mut end.passed).into_iter().partition(|(id, _)| is_gone(id));
            left.extend(of_gone.into_iter().map(|(of, tip)| (gone(of, id, tip), Vec::new())));
            end.passed = passed;
            let fresh = || LaneState::new(end.device_key, end.incarnation);
            let lane = space.lanes.entry(id).or_insert_with(fresh);
            if lane.next < end.next {
                *lane = LaneState::packed(end, taking.signer);
            }
            lane.told.clear();
        }
        space.group.packs.spend(*pack);
        let own = space.lanes.get(&space.lane).map(|own| own.device_key);
        let role = own.and_then(|key| space.group.roster.member(&key)?.role);
        space.owes_word |= role.is_some_and(Role::keeps_work);
        batch.staged.rows.extend(left);
    }
}

/// Whether this is a client's file that was erased: known before, or from another part of the pack.
fn is_erased_file(
    engine: &Engine,
    batch: &Batch,
    document: &Document,
    news: &[(usize, New)],
) -> bool {
    let is_staged = || batch.staged.rows.iter().any(|(head, _)| is_erasure(head, document));
    let mut changes = news.iter().flat_map(|(_, new)| &new.changes);
    changes.any(read::begins_client) && (engine.is_erased(document) || is_staged())
}

fn is_erasure(head: &RowHead, document: &Document) -> bool {
    head.kind == RowKind::Erased && head.document == *document
}

fn became_at(became: &mut [Became], at: usize, what: Became) {
    if let Some(became) = became.get_mut(at) {
        *became = (*became).max(what);
    }
}

fn gather(documents: &mut BTreeMap<Document, Vec<Of>>, at: usize, segment: &mut Segment) {
    let parts = std::mem::take(&mut segment.parts);
    for (part, proof) in parts.into_iter().zip(std::mem::take(&mut segment.proofs)) {
        if let Some(author) = segment.authors.get(part.author).cloned() {
            documents.entry(part.document).or_default().push(Of { at, author, part, proof });
        }
    }
}

fn stage(batch: &mut Batch, new: &New) -> Result<(), Error> {
    batch.tips.insert((new.document, new.lane), new.tip);
    batch.staged.rows.extend(new.rows()?);
    Ok(())
}

/// Makes the lanes of a segment's authors known, with what these had seen of the roster.
fn meet_authors(space: &mut SpaceState, segment: &Segment) -> Became {
    let mut became = Became::Whole;
    for author in &segment.authors {
        let met = meet_author(space, author);
        became = became.max(met);
    }
    became
}

fn meet_author(space: &mut SpaceState, author: &PackAuthor) -> Became {
    let lane = author.lane(space.space());
    let standing = space.group.roster.standing();
    let Some(line) = standing.line(&author.device_key) else { return Became::Waits };
    let heads = author.rosters.iter().flat_map(|(_, heads)| heads);
    if heads.into_iter().any(|head| space.group.roster.statement(head).is_none()) {
        return Became::Waits;
    }
    let begins = author.rosters.first().is_some_and(|(from, _)| *from == 0);
    let is_its = |other: &LaneState| standing.line(&other.device_key) == Some(line);
    let is_known = space.lanes.contains_key(&lane);
    let has_room = || {
        let its = space.lanes.values().filter(|other| is_its(other)).count();
        its < CUT_MAX && space.lanes.len() < LANES_MAX
    };
    if !begins || !(is_known || has_room()) {
        return Became::Told;
    }
    let own = space.lane;
    let fresh = LaneState::new(author.device_key, author.incarnation);
    let state = space.lanes.entry(lane).or_insert(fresh);
    if lane != own && author.rosters.len() >= state.told.len() {
        state.told.clone_from(&author.rosters);
    }
    Became::Whole
}

/// Remembers where lanes go on.
fn note_ends(space: &mut SpaceState, pack: &Pack, segment: &Segment) {
    let id = *space.space();
    let ends = segment.lanes.iter().filter_map(|end| {
        let author = segment.authors.get(end.author)?;
        Some((author.lane(&id), lane_state(author, end)))
    });
    if let Some(taking) = space.packs.taking.get_mut(pack) {
        taking.ends.extend(ends);
    }
}

fn lane_state(author: &PackAuthor, end: &LaneEnd) -> LaneState {
    let said = end.said.iter().filter_map(|(place, next, hash, quarantined)| {
        let named = end.mentions.get((*place as usize).checked_sub(1)?)?;
        Some((*named, Said { next: *next, hash: *hash, quarantined: quarantined.clone() }))
    });
    let passed = end.passed.iter().map(|(document, sequence, hash)| {
        let hash = Some(automerge::ChangeHash(*hash));
        (*document, Tip { sequence: *sequence, hash })
    });
    LaneState {
        next: end.next,
        position: end.position,
        rosters: author.rosters.clone(),
        mentions: end.mentions.clone(),
        vector: said.collect(),
        quarantined: end.quarantined.clone(),
        passed: passed.collect(),
        ..LaneState::new(author.device_key, author.incarnation)
    }
}

/// A drop as a body of its own, at the place where it was said.
fn said(lane: Lane, drop: &PackedDrop, is_carried: bool) -> Opened {
    let (mut drops, mut carried) = (Vec::new(), Vec::new());
    match is_carried {
        true => carried.push(drop.bytes.clone()),
        false => drops.push(drop.bytes.clone()),
    }
    let body = Body { lane, drops, carried, ..Body::default() };
    let place = (Default::default(), (Default::default(), drop.sequence));
    Opened::new((Vec::new(), None), place, (body, Vec::new(), [0; 64]), (0, Need::Before))
}

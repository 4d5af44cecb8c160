//! Making a pack from the log.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use haversack_wire::limits::{DOCUMENTS_MAX, OPERATIONS_MAX, PACK_SEGMENTS_MAX, RAW_MAX};
use haversack_wire::{Document, FrameHash, Lane};

use super::super::Engine;
use super::super::documents::{RowContent, Staged, registry};
use super::super::kept::{Keep, KeptFrame};
use super::super::log::{DocumentRows, Row, RowKind};
use super::super::state::{LaneState, SpaceState};
use super::state::Mine;
use crate::Error;
use crate::crypto::PackKey;
use crate::docs::RawChange;
use crate::docs::ops::{self, Part};
use crate::members::Role;
use crate::sync::chunk;
use crate::sync::manifest::Manifest;
use crate::sync::pack::{PackAuthor, PackedDrop, PackedErasure, PackedKey, PartProof, Segment};
use crate::sync::tree::Proof;

/// Raw bytes of the first segment that is tried; the next follow from what became of it.
const RAW_START: usize = 96 * 1_024;
/// Below this a segment is tried once more with more in it.
const SEALED_LOW: usize = 29 * 1_024;
/// What is aimed at.
const SEALED_GOAL: usize = 31 * 1_024 + 512;
/// How often a segment is tried.
const TRIES: usize = 4;
/// Frames of older packs that are remembered until relays were told to drop them.
const OLD_FRAMES_MAX: usize = 16 * PACK_SEGMENTS_MAX;
/// Lanes in a segment of lanes.
const LANES_TARGET: usize = 64;
/// Bytes of changes in one part: far below what a segment may hold.
const PART_BYTES: usize = 48 * 1_024;

/// A pack that was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackMade {
    /// Documents in it.
    pub documents: u64,
    /// Frames of segments.
    pub segments: u32,
    /// Bytes of all its frames.
    pub bytes: u64,
}

/// A pack while it is made: its segments are on the disk.
#[derive(Default)]
struct Making {
    hashes: Vec<FrameHash>,
    bytes: u64,
    /// The first row.
    first: Option<i64>,
    /// Lanes of which what others have to know fits no segment: their bodies stay as they are.
    left_out: BTreeSet<Lane>,
}

/// What a pack has of one document.
#[derive(Default)]
struct Piece {
    parts: Vec<LanePart>,
    client_keys: Vec<(Lane, PackedKey)>,
    drops: Vec<(Lane, PackedDrop)>,
    carried: Vec<(Lane, PackedDrop)>,
    /// About how many raw bytes it takes.
    bytes: usize,
}

/// One author's changes in a document, up to something that the author signed.
struct LanePart {
    lane: Lane,
    document: Document,
    changes: Vec<RawChange>,
    proof: PartProof,
}

impl Engine {
    /// Makes a pack of all that the log has, to be pushed with the next exchanges, and grants its key to every member. `progress` is
    /// told how many documents of how many are in it.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] unless this device keeps the team's work, and has from its lane's beginning; [`Error::Wire`]
    /// when there is more than a pack holds; the errors of reading and saving.
    pub fn make_pack(&mut self, progress: &mut dyn FnMut(u64, u64)) -> Result<PackMade, Error> {
        self.may_make_pack()?;
        let space = self.space()?.clone();
        let key = PackKey::make(&mut *self.random);
        let documents = self.in_order(&space)?;
        let all = documents.len() as u64;
        self.drop_parts_of_none(&space)?;
        let mut made = Making::default();
        self.segments((&space, &key), documents, &mut made, &mut |left| progress(all - left, all))?;
        let manifest = self.manifest(&space, &key, &made.hashes, all)?;
        self.keep_pack(space, &key, (made, manifest), all)
    }

    fn may_make_pack(&mut self) -> Result<(), Error> {
        let refused = Error::NotAllowed { what: "make a pack" };
        if !self.role()?.is_some_and(Role::keeps_work) {
            return Err(refused);
        }
        self.prepare()?;
        self.close_unsent()?;
        let space = self.space()?;
        let own = space.lanes.get(&space.lane).filter(|own| own.next > 0);
        // Who has let go of something cannot say that it is all there.
        match own.is_none_or(|own| own.keeps_work(&space.group.roster)) {
            true => Ok(()),
            false => Err(refused),
        }
    }

    /// The documents in the order of a pack: the registry, outings from the newest on, client files, the rest.
    fn in_order(&self, space: &SpaceState) -> Result<VecDeque<Document>, Error> {
        let (days, clients) = self.view()?.kinds()?;
        let registry = registry(space.space());
        let rank = |id: &Document| match days.get(id) {
            _ if *id == registry => (0, 0),
            Some(day) => (1, u32::MAX - u32::from(*day)),
            None if clients.contains(id) => (2, 0),
            None => (3, 0),
        };
        let here = self.index.documents().filter(|(_, entry)| !entry.is_gone() && entry.is_said());
        let mut ids: Vec<Document> = here.map(|(id, _)| *id).collect();
        ids.sort_by_key(|id| (rank(id), *id));
        Ok(ids.into())
    }

    /// Fills segments one after another, seals them, and puts them on the disk. `left` is told how many documents are still to come.
    fn segments(
        &mut self,
        (space, key): (&SpaceState, &PackKey),
        mut documents: VecDeque<Document>,
        made: &mut Making,
        left: &mut dyn FnMut(u64),
    ) -> Result<(), Error> {
        for erased in self.packed_erasures().chunks(DOCUMENTS_MAX) {
            let of = |_: &Self, some: &[_]| erasures_of(space, some);
            self.keep_segments((space, key), erased, &of, made)?;
        }
        let mut goal = RAW_START;
        let mut open: VecDeque<Piece> = VecDeque::new();
        while !documents.is_empty() || !open.is_empty() {
            let frame = self.fill_segment(space, key, &mut documents, &mut open, &mut goal)?;
            self.keep_part(made, frame)?;
            left(documents.len() as u64);
        }
        let ends: Vec<Lane> =
            space.lanes.iter().filter(|(_, l)| l.next > 0).map(|(id, _)| *id).collect();
        for lanes in ends.chunks(LANES_TARGET) {
            let of = |engine: &Self, some: &[_]| engine.lane_ends(space, some);
            let left_out = self.keep_segments((space, key), lanes, &of, made)?;
            made.left_out.extend(left_out);
        }
        Ok(())
    }

    /// Keeps segments of some things: one, or, where they do not fit, as many as it takes. Gives those that fit by themselves in none.
    fn keep_segments<T: Clone>(
        &mut self,
        (space, key): (&SpaceState, &PackKey),
        some: &[T],
        of: &dyn Fn(&Self, &[T]) -> Segment,
        made: &mut Making,
    ) -> Result<Vec<T>, Error> {
        match self.seal_segment(space, key, &of(self, some)) {
            Ok(frame) => self.keep_part(made, frame).map(|()| Vec::new()),
            Err(Error::Wire(_)) if some.len() > 1 => {
                let (first, rest) = some.split_at(some.len() / 2);
                let mut left_out = self.keep_segments((space, key), first, of, made)?;
                left_out.extend(self.keep_segments((space, key), rest, of, made)?);
                Ok(left_out)
            }
            Err(Error::Wire(_)) => Ok(some.to_vec()),
            Err(error) => Err(error),
        }
    }

    fn keep_part(&mut self, made: &mut Making, frame: Vec<u8>) -> Result<(), Error> {
        made.hashes.push(FrameHash::of(&frame));
        made.bytes += frame.len() as u64;
        let frames = vec![KeptFrame { keep: Keep::Pack, frame }];
        self.commit(Staged { frames, ..Staged::default() })?;
        let row = self.waiting.parts().last_key_value().map(|(row, _)| *row);
        made.first = made.first.or(row);
        Ok(())
    }

    /// Drops what is left of a pack that did not come to its end.
    fn drop_parts_of_none(&mut self, space: &SpaceState) -> Result<(), Error> {
        let mine = space.packs.mine.as_ref().map(|mine| mine.rows.0..=mine.rows.1);
        let is_mine = |row: &i64| mine.as_ref().is_some_and(|rows| rows.contains(row));
        let rows = self.waiting.parts().keys().filter(|row| !is_mine(row));
        let drop_frames: Vec<i64> = rows.copied().collect();
        match drop_frames.is_empty() {
            true => Ok(()),
            false => self.commit(Staged { drop_frames, ..Staged::default() }),
        }
    }

    /// Seals the next segment, as full as it can be made in a few tries.
    fn fill_segment(
        &mut self,
        space: &SpaceState,
        key: &PackKey,
        documents: &mut VecDeque<Document>,
        open: &mut VecDeque<Piece>,
        goal: &mut usize,
    ) -> Result<Vec<u8>, Error> {
        let mut best: Option<(Vec<u8>, usize)> = None;
        for _ in 0..TRIES {
            self.read_up_to(*goal, documents, open)?;
            let count = fitting(open, *goal);
            if best.as_ref().is_some_and(|(_, fit)| *fit >= count) {
                break;
            }
            let segment = segment_of(space, open.iter().take(count));
            match self.seal_segment(space, key, &segment) {
                Ok(frame) => {
                    let (size, all) = (frame.len(), open.len() == count && documents.is_empty());
                    best = Some((frame, count));
                    if all || size >= SEALED_LOW || *goal >= RAW_MAX - PART_BYTES {
                        break;
                    }
                    *goal = (*goal * SEALED_GOAL / size).min(RAW_MAX - PART_BYTES);
                }
                Err(Error::Wire(_)) if best.is_none() && count > 1 => *goal = *goal * 3 / 4,
                Err(Error::Wire(_)) if best.is_none() => split_first(open)?,
                Err(Error::Wire(_)) => break,
                Err(error) => return Err(error),
            }
        }
        let (frame, count) = match best {
            Some(best) => best,
            None => self.fill_less(space, key, open)?,
        };
        open.drain(..count);
        Ok(frame)
    }

    /// Halves what goes into a segment until it fits.
    fn fill_less(
        &mut self,
        space: &SpaceState,
        key: &PackKey,
        open: &mut VecDeque<Piece>,
    ) -> Result<(Vec<u8>, usize), Error> {
        let mut count = open.len().div_ceil(2);
        loop {
            let segment = segment_of(space, open.iter().take(count));
            match self.seal_segment(space, key, &segment) {
                Ok(frame) => return Ok((frame, count)),
                Err(Error::Wire(_)) if count > 1 => count = count.div_ceil(2),
                Err(Error::Wire(_)) => split_first(open)?,
                Err(error) => return Err(error),
            }
        }
    }

    fn read_up_to(
        &self,
        goal: usize,
        documents: &mut VecDeque<Document>,
        open: &mut VecDeque<Piece>,
    ) -> Result<(), Error> {
        let mut bytes: usize = open.iter().map(|piece| piece.bytes).sum();
        while bytes < goal {
            let Some(document) = documents.pop_front() else { break };
            let piece = self.piece(&document)?;
            bytes += piece.bytes;
            open.push_back(piece);
        }
        Ok(())
    }

    /// What is erased, and where that was said: nothing of it is in the pack, and whoever enters by it is to know.
    fn packed_erasures(&self) -> Vec<(Lane, PackedErasure)> {
        let rows = self.erased().into_iter().flat_map(|document| {
            let counted = self.counted(&document).map(|row| row.head);
            counted.collect::<Vec<_>>()
        });
        let said = rows.filter_map(|head| {
            let (document, sequence) = (head.document, head.sequence?);
            Some((head.lane, PackedErasure { document, author: 0, sequence }))
        });
        said.collect()
    }

    /// What the log has of a document.
    fn piece(&self, document: &Document) -> Result<Piece, Error> {
        let mut piece = Piece::default();
        let Some(entry) = self.index.document(document) else { return Ok(piece) };
        for lane in entry.rows.iter().map(|row| row.head.lane).collect::<BTreeSet<_>>() {
            self.lane_parts(entry, &lane, &mut piece)?;
        }
        for row in &entry.rows {
            let (lane, Some(sequence)) = (row.head.lane, row.head.sequence) else { continue };
            let drop = |bytes| (lane, PackedDrop { author: 0, sequence, bytes });
            match row.head.kind {
                RowKind::ClientKey => {
                    if let Some(key) = self.client_keys.get(document).cloned() {
                        let packed = PackedKey { document: *document, author: 0, sequence, key };
                        piece.client_keys = vec![(lane, packed)];
                        piece.bytes += 64;
                    }
                }
                RowKind::Drop => piece.drops.push(drop(self.entry(row)?)),
                RowKind::Carried => piece.carried.push(drop(self.entry(row)?)),
                _ => {}
            }
        }
        let drops = piece.drops.iter().chain(&piece.carried);
        piece.bytes += drops.map(|(_, drop)| drop.bytes.len()).sum::<usize>();
        Ok(piece)
    }

    /// One author's changes, in parts that each end where something signed is kept.
    fn lane_parts(
        &self,
        entry: &DocumentRows,
        lane: &Lane,
        piece: &mut Piece,
    ) -> Result<(), Error> {
        let is_its = |row: &&Row| {
            row.head.lane == *lane
                && row.head.kind == RowKind::Changes
                && row.head.sequence.is_some()
        };
        let mut rows: Vec<&Row> = entry.rows.iter().filter(is_its).collect();
        rows.sort_by_key(|row| row.head.tip.sequence);
        let (mut changes, mut runs, mut bytes) = (Vec::new(), Vec::new(), 0);
        let last = rows.len().saturating_sub(1);
        for (place, row) in rows.iter().enumerate() {
            let content = self.row_content(row)?;
            let news = self.changes_of(row, &content)?;
            bytes += content.item.len();
            runs.push((row.head.sequence.unwrap_or_default(), news.len()));
            changes.extend(news);
            let operations: usize = changes.iter().map(|c: &RawChange| c.operations.len()).sum();
            let is_full = bytes >= PART_BYTES || operations >= OPERATIONS_MAX / 2;
            if let (Some((signature, proof)), true) = (content.signed, is_full || place == last) {
                piece.bytes += bytes + 96;
                piece.parts.push(part(row, &mut changes, &mut runs, (signature, proof)));
                bytes = 0;
            }
        }
        match changes.is_empty() {
            true => Ok(()),
            false => Err(Error::damaged("log", "a row has no signature")),
        }
    }

    fn row_content(&self, row: &Row) -> Result<RowContent, Error> {
        let content = self.entry(row)?;
        RowContent::decode(&content)
    }

    fn changes_of(&self, row: &Row, content: &RowContent) -> Result<Vec<RawChange>, Error> {
        let author = self.author(&row.head.lane)?;
        let documents = ops::decode(&author, &content.item)?;
        Ok(documents.into_iter().flat_map(|document| document.changes).collect())
    }

    fn seal_segment(
        &mut self,
        space: &SpaceState,
        key: &PackKey,
        segment: &Segment,
    ) -> Result<Vec<u8>, Error> {
        let raw = segment.encode(space.space())?;
        // What nobody could read is not made.
        Segment::decode(&raw, space.space())?;
        let pack = key.id(space.space());
        let content = (false, raw.as_slice());
        Ok(chunk::seal_pack((key, &pack), space.space(), content, &mut *self.random)?)
    }

    fn manifest(
        &mut self,
        space: &SpaceState,
        key: &PackKey,
        segments: &[FrameHash],
        documents: u64,
    ) -> Result<Vec<u8>, Error> {
        let (id, sign) = (space.space(), self.device.identity.sign.clone());
        let manifest = Manifest {
            signer: sign.public(),
            heads: space.group.roster.heads(),
            documents,
            segments: segments.to_vec(),
        };
        let raw = manifest.sign(&sign, id, &key.id(id))?;
        Ok(chunk::seal_pack((key, &key.id(id)), id, (true, &raw), &mut *self.random)?)
    }

    /// Saves the pack in place of the one before, and owes every member its key.
    fn keep_pack(
        &mut self,
        mut space: SpaceState,
        key: &PackKey,
        (mut made, manifest): (Making, Vec<u8>),
        documents: u64,
    ) -> Result<PackMade, Error> {
        self.keep_part(&mut made, manifest)?;
        let pack = key.id(space.space());
        let first = made.first.unwrap_or_default();
        let parts = self.waiting.parts();
        let last = parts.last_key_value().map_or(first, |(row, _)| *row);
        let before = parts.range(..first).map(|(row, hash)| (*row, *hash));
        let (drop_frames, hashes): (Vec<i64>, Vec<FrameHash>) = before.unzip();
        // Nobody is to be granted the key of the one before any more.
        let before = space.packs.mine.take();
        before.iter().for_each(|mine| space.packs.outdate(&[mine.pack]));
        let older = before.map(|mine| mine.old).unwrap_or_default();
        let frames = made.hashes.len() as u32;
        let vector = space.lanes.iter().map(|(lane, state)| (*lane, state.next));
        // Of a forked lane every body is needed to say which are believed.
        let is_whole = |(lane, next): &(Lane, u32)| {
            *next > 0 && !self.index.is_forked(lane) && !made.left_out.contains(lane)
        };
        let vector = vector.filter(is_whole).collect();
        // The newest first: in them is what was erased just now.
        let old = hashes.into_iter().chain(older).take(OLD_FRAMES_MAX).collect();
        let (rows, untold, is_stale) = ((first, last), true, false);
        space.packs.mine = Some(Mine { pack, vector, old, rows, frames, untold, is_stale });
        let id = *space.space();
        space.group.packs.make(&id, key.clone());
        space.group.owe_all();
        for route in space.routes.values_mut() {
            route.granted.clear();
            // The bodies that relays may drop now may be all that said some of it.
            route.roster = None;
        }
        let made = PackMade { documents, segments: frames.saturating_sub(1), bytes: made.bytes };
        let space = Some(space);
        self.commit(Staged { space, drop_frames, ..Staged::default() }).map(|()| made)
    }
}

fn part(
    last: &Row,
    changes: &mut Vec<RawChange>,
    runs: &mut Vec<(u32, usize)>,
    (signature, proof): ([u8; 64], Proof),
) -> LanePart {
    let proof = PartProof { runs: std::mem::take(runs), signature, proof };
    let (lane, document) = (last.head.lane, last.head.document);
    LanePart { lane, document, changes: std::mem::take(changes), proof }
}

/// How many pieces make up about so many bytes.
fn fitting(open: &VecDeque<Piece>, goal: usize) -> usize {
    let sums = open.iter().scan(0, |sum, piece| {
        *sum += piece.bytes;
        Some(*sum)
    });
    sums.take_while(|sum| *sum <= goal).count().clamp(1, DOCUMENTS_MAX / 4)
}

/// Divides the first piece: a document that no segment holds.
fn split_first(open: &mut VecDeque<Piece>) -> Result<(), Error> {
    let Some(mut first) = open.pop_front() else { return Ok(()) };
    let (found, limit) = (first.bytes as u64, RAW_MAX as u64);
    let too_long = haversack_wire::Error::Limit { what: "document in a pack", found, limit };
    let rest = first.split().ok_or(too_long)?;
    open.push_front(rest);
    open.push_front(first);
    Ok(())
}

impl Piece {
    /// Gives half of what it has away. Nothing when it is one thing.
    fn split(&mut self) -> Option<Self> {
        let mut rest = Self {
            parts: halve(&mut self.parts),
            drops: halve(&mut self.drops),
            carried: halve(&mut self.carried),
            ..Self::default()
        };
        if rest.is_empty() {
            rest.carried = std::mem::take(&mut self.carried);
        }
        if rest.is_empty() {
            rest.drops = std::mem::take(&mut self.drops);
        }
        if !rest.parts.is_empty() {
            rest.client_keys = std::mem::take(&mut self.client_keys);
        }
        rest.bytes = self.bytes / 2;
        self.bytes -= rest.bytes;
        (!rest.is_empty() && !self.is_empty()).then_some(rest)
    }

    const fn is_empty(&self) -> bool {
        self.parts.is_empty() && self.drops.is_empty() && self.carried.is_empty()
    }
}

fn halve<T>(list: &mut Vec<T>) -> Vec<T> {
    list.split_off(list.len().div_ceil(2))
}

/// The authors that some lanes have, ascending, and the place of each lane's.
pub(super) fn authors(
    space: &SpaceState,
    lanes: &BTreeSet<Lane>,
) -> (Vec<PackAuthor>, BTreeMap<Lane, usize>) {
    let state = |lane: &Lane| Some((*lane, space.lanes.get(lane)?));
    let mut known: Vec<(Lane, PackAuthor)> =
        lanes.iter().filter_map(state).map(|(lane, state)| (lane, author_of(state))).collect();
    known.sort_by(|one, other| one.1.cmp(&other.1));
    let places = known.iter().enumerate().map(|(place, (lane, _))| (*lane, place)).collect();
    (known.into_iter().map(|(_, author)| author).collect(), places)
}

fn author_of(lane: &LaneState) -> PackAuthor {
    let (device_key, incarnation) = (lane.device_key, lane.incarnation);
    PackAuthor { device_key, incarnation, rosters: lane.rosters.clone() }
}

fn segment_of<'p>(space: &SpaceState, pieces: impl Iterator<Item = &'p Piece>) -> Segment {
    let pieces: Vec<&Piece> = pieces.collect();
    let mut lanes = BTreeSet::new();
    for piece in &pieces {
        lanes.extend(piece.parts.iter().map(|part| part.lane));
        lanes.extend(piece.client_keys.iter().map(|(lane, _)| *lane));
        lanes.extend(piece.drops.iter().chain(&piece.carried).map(|(lane, _)| *lane));
    }
    let (authors, places) = authors(space, &lanes);
    let place = |lane: &Lane| places.get(lane).copied().unwrap_or_default();
    let mut segment = Segment { authors, ..Segment::default() };
    for piece in pieces {
        for part in &piece.parts {
            let (document, author) = (part.document, place(&part.lane));
            segment.parts.push(Part { document, author, changes: part.changes.clone() });
            segment.proofs.push(part.proof.clone());
        }
        let keys = piece.client_keys.iter();
        let keys = keys.map(|(lane, key)| PackedKey { author: place(lane), ..key.clone() });
        segment.client_keys.extend(keys);
        let at =
            |(lane, drop): &(Lane, PackedDrop)| PackedDrop { author: place(lane), ..drop.clone() };
        segment.drops.extend(piece.drops.iter().map(at));
        segment.carried.extend(piece.carried.iter().map(at));
    }
    segment.client_keys.sort_by_key(|key| key.document);
    segment
}

fn erasures_of(space: &SpaceState, erased: &[(Lane, PackedErasure)]) -> Segment {
    let (authors, places) = authors(space, &erased.iter().map(|(lane, _)| *lane).collect());
    let at = |(lane, erased): &(Lane, PackedErasure)| {
        Some(PackedErasure { author: *places.get(lane)?, ..*erased })
    };
    let mut erasures: Vec<PackedErasure> = erased.iter().filter_map(at).collect();
    erasures.sort();
    Segment { authors, erasures, ..Segment::default() }
}

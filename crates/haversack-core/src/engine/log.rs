//! The log's index: which rows a document has, how far each author has come in it, and which bodies a lane has.

use std::collections::{BTreeMap, BTreeSet};

use automerge::ChangeHash;
use haversack_wire::codec::put_varint;
use haversack_wire::{Document, Epoch, Error, Lane, Position, Reader};

use super::lane::LaneState;
use crate::docs::rebuild::Tip;

/// What a row of the log is, sealed in its head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RowHead {
    pub(super) document: Document,
    pub(super) kind: RowKind,
    /// The author's lane.
    pub(super) lane: Lane,
    /// Its place on the lane; `None` while it is not in a body yet.
    pub(super) sequence: Option<u32>,
    /// The author's last change in the row.
    pub(super) tip: Tip,
    /// The epoch that was live when this came: how old it is follows from that, and from no clock.
    pub(super) since: Epoch,
}

/// What a row of the log holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RowKind {
    /// Changes, in the op encoding.
    Changes,
    /// The key of the client whose file the document is.
    ClientKey,
    /// A drop into another space, sealed: the document is its name.
    Drop,
    /// A drop from another space, which the lane's author carried here.
    Carried,
    /// How far an author had come in a document that was let go: what still comes of it counts as applied.
    Gone,
    /// A body of a lane, without its documents. Such rows name no document.
    Body(Mark),
    /// A body on a branch of a lane that is not believed.
    Rival(Mark),
    /// Changes of a body that are in no document, since the body is a rival or they build on what is: the body's position, and
    /// whether this device has said them again.
    Aside(Position, bool),
    /// A client key of a rival, or of a file that its author did not begin.
    AsideKey(Position),
    /// Changes of a body that break a rule, or go on with what does: in no document on any branch, and kept so that the branch
    /// can be left and taken up again.
    Passed(Position),
    /// What a body carried, and nobody takes.
    AsideDrop(Position),
    /// That the client's file is erased, by who wrote the body; on whichever branch of its lane.
    Erased,
}

/// What a body is known by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) position: Position,
    /// That of the body before.
    pub(super) previous: Position,
    /// Its signature, which tells whether a frame holds the same body: all of it, since a signer chooses half of it.
    pub(super) signature: [u8; 64],
}

impl Mark {
    pub(super) fn is_signed_by(&self, signature: &[u8; 64]) -> bool {
        *signature == self.signature
    }
}

impl RowKind {
    pub(super) const fn number(self) -> u8 {
        match self {
            Self::Changes => 0,
            Self::ClientKey => 1,
            Self::Gone => 2,
            Self::Drop => 3,
            Self::Carried => 4,
            Self::Body(_) => 5,
            Self::Rival(_) => 6,
            Self::Aside(_, false) => 7,
            Self::Aside(_, true) => 8,
            Self::AsideKey(_) => 9,
            Self::Passed(_) => 10,
            Self::AsideDrop(_) => 11,
            Self::Erased => 12,
        }
    }

    /// The body that it is of, where it is in no document.
    pub(super) const fn beside(self) -> Option<Position> {
        match self {
            Self::Aside(position, _)
            | Self::AsideKey(position)
            | Self::Passed(position)
            | Self::AsideDrop(position) => Some(position),
            _ => None,
        }
    }

    /// Whether its content is sealed under the key of its document.
    pub(super) const fn is_of_document(self) -> bool {
        !matches!(self, Self::Gone | Self::Erased | Self::Body(_) | Self::Rival(_))
    }

    /// Whether it stays when its document is let go.
    pub(super) const fn outlives(self) -> bool {
        matches!(self, Self::Gone | Self::Erased)
    }

    fn encode(self, out: &mut Vec<u8>) {
        out.push(self.number());
        match self {
            Self::Changes
            | Self::ClientKey
            | Self::Gone
            | Self::Drop
            | Self::Carried
            | Self::Erased => {}
            Self::Aside(position, _)
            | Self::AsideKey(position)
            | Self::Passed(position)
            | Self::AsideDrop(position) => out.extend_from_slice(position.as_bytes()),
            Self::Body(mark) | Self::Rival(mark) => {
                out.extend_from_slice(mark.position.as_bytes());
                out.extend_from_slice(mark.previous.as_bytes());
                out.extend_from_slice(&mark.signature);
            }
        }
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, Error> {
        let kind = r.u8()?;
        let mut position = || r.array().map(Position::new);
        Ok(match kind {
            0 => Self::Changes,
            1 => Self::ClientKey,
            2 => Self::Gone,
            3 => Self::Drop,
            4 => Self::Carried,
            5 | 6 => {
                let (position, previous) = (position()?, position()?);
                let mark = Mark { position, previous, signature: r.array()? };
                if kind == 5 { Self::Body(mark) } else { Self::Rival(mark) }
            }
            7 => Self::Aside(position()?, false),
            8 => Self::Aside(position()?, true),
            9 => Self::AsideKey(position()?),
            10 => Self::Passed(position()?),
            11 => Self::AsideDrop(position()?),
            12 => Self::Erased,
            other => return Err(Error::Unknown { what: "row kind", found: other.into() }),
        })
    }
}

impl RowHead {
    /// That of a row which is in no body yet and says nothing of how far its author has come.
    pub(super) fn open(document: Document, kind: RowKind, lane: Lane) -> Self {
        let (tip, since) = (Tip::default(), Epoch::default());
        Self { document, kind, lane, sequence: None, tip, since }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = self.document.to_bytes().to_vec();
        self.kind.encode(&mut out);
        out.extend_from_slice(self.lane.as_bytes());
        put_varint(&mut out, self.sequence.map_or(0, |sequence| u64::from(sequence) + 1));
        put_varint(&mut out, self.tip.sequence);
        out.extend_from_slice(&self.tip.hash.map_or([0; 32], |hash| hash.0));
        out.extend_from_slice(self.since.as_bytes());
        out
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut r = Reader::new("log", bytes);
        let document = Document::new(r.array()?);
        let kind = RowKind::decode(&mut r)?;
        let lane = Lane::new(r.array()?);
        let sequence = r.varint()?.checked_sub(1).map(|sequence| sequence as u32);
        let (number, hash) = (r.varint()?, ChangeHash(r.array()?));
        let since = Epoch::new(r.array()?);
        r.end()?;
        let tip = Tip { sequence: number, hash: (number > 0).then_some(hash) };
        Ok(Self { document, kind, lane, sequence, tip, since })
    }
}

/// A row and where it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) id: i64,
    pub(super) head: RowHead,
}

/// The rows of one document, oldest first.
#[derive(Debug, Clone, Default)]
pub(super) struct DocumentRows {
    pub(super) rows: Vec<Row>,
    tips: BTreeMap<Lane, Tip>,
    /// Whether changes of it were put aside.
    aside: bool,
    /// Whether changes of it were passed over.
    passed: bool,
}

impl DocumentRows {
    /// Whether the document was let go.
    pub(super) fn is_gone(&self) -> bool {
        self.rows.iter().any(|row| row.head.kind == RowKind::Gone)
    }

    /// Whether any changes of it are in no document.
    pub(super) const fn has_beside(&self) -> bool {
        self.aside || self.passed
    }

    /// Whether there is anything of it but what was put aside.
    pub(super) fn is_said(&self) -> bool {
        let is_said = |kind: RowKind| kind.beside().is_none() && kind != RowKind::Erased;
        self.rows.iter().any(|row| is_said(row.head.kind))
    }

    /// What goes when it is let go.
    pub(super) fn left(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| !row.head.kind.outlives())
    }

    /// By whom it is said to be erased.
    pub(super) fn erasures(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.head.kind == RowKind::Erased)
    }

    /// How far an author has come in the document itself.
    pub(super) fn tip(&self, lane: &Lane) -> Tip {
        self.tips.get(lane).copied().unwrap_or_default()
    }

    fn add(&mut self, row: Row) {
        self.rows.push(row);
        if matches!(row.head.kind, RowKind::Changes | RowKind::Gone) {
            let tip = self.tips.entry(row.head.lane).or_default();
            if row.head.tip.sequence > tip.sequence {
                *tip = row.head.tip;
            }
        }
        self.aside |= matches!(row.head.kind, RowKind::Aside(..));
        self.passed |= matches!(row.head.kind, RowKind::Passed(_));
    }
}

/// The bodies of a lane that this store has applied or holds against each other.
#[derive(Debug, Clone, Default)]
pub(super) struct Bodies {
    /// Those that are believed, by sequence.
    pub(super) spine: BTreeMap<u32, (i64, Mark)>,
    /// Those on other branches, by sequence and position.
    pub(super) rivals: BTreeMap<(u32, Position), (i64, Mark)>,
    /// Where a pack ends by which the lane came: the first sequence that it does not have, and the position before that.
    pack: Option<(u32, Position)>,
}

/// Forks of one lane, however long their branches are: who forks without end forks to no end.
const FORKS_MAX: usize = 1_024;

/// Where a body lies: the rivals that lead to it, itself included, and the first sequence on which it differs from what
/// is believed.
#[derive(Debug, Clone, Default)]
pub(super) struct Path {
    pub(super) rivals: BTreeSet<Position>,
    pub(super) from: u32,
}

impl Bodies {
    /// The position of what is believed at a sequence.
    pub(super) fn at(&self, sequence: u32) -> Option<Position> {
        let packed = || self.pack.filter(|(next, _)| sequence.checked_add(1) == Some(*next));
        let here = self.spine.get(&sequence).map(|(_, mark)| mark.position);
        here.or_else(|| packed().map(|(_, position)| position))
    }

    /// The row of a body, believed or not, and what is known of it.
    pub(super) fn body(&self, (sequence, position): &(u32, Position)) -> Option<&(i64, Mark)> {
        let believed = self.spine.get(sequence).filter(|(_, mark)| mark.position == *position);
        believed.or_else(|| self.rivals.get(&(*sequence, *position)))
    }

    /// The bodies that follow another one.
    pub(super) fn children(
        &self,
        sequence: u32,
        previous: Position,
    ) -> impl Iterator<Item = Position> {
        let all = self.marks_at(sequence);
        all.filter(move |mark| mark.previous == previous).map(|mark| mark.position)
    }

    /// How often the lane forks: bodies beside another one that follows the same. That depends on what is here, and not on what of it
    /// is believed.
    fn forks(&self) -> usize {
        let parents: BTreeSet<(u32, Position)> =
            self.rivals.iter().map(|((at, _), (_, mark))| (*at, mark.previous)).collect();
        let believed = |(at, previous): &&(u32, Position)| {
            self.spine.get(at).is_some_and(|(_, mark)| mark.previous == *previous)
        };
        let first = parents.iter().filter(|parent| !believed(parent)).count();
        self.rivals.len() - first
    }

    /// Whether it forks as often as is taken in.
    pub(super) fn is_full(&self) -> bool {
        self.rivals.len() >= FORKS_MAX && self.forks() >= FORKS_MAX
    }

    /// All bodies at a sequence.
    pub(super) fn marks_at(&self, sequence: u32) -> impl Iterator<Item = &Mark> {
        let places = (sequence, Position::new([0; 16]))..=(sequence, Position::new([255; 16]));
        let rivals = self.rivals.range(places).map(|(_, rival)| rival);
        self.spine.get(&sequence).into_iter().chain(rivals).map(|(_, mark)| mark)
    }

    /// The way to a body that is to follow `previous` at a sequence. Nothing when that is not here.
    pub(super) fn path(&self, sequence: u32, previous: Position) -> Option<Path> {
        let mut path = Path { rivals: BTreeSet::new(), from: sequence };
        let mut at = previous;
        loop {
            let Some(before) = path.from.checked_sub(1) else {
                return (at == Position::default()).then_some(path);
            };
            // Below the end of a pack the body before may not be here, and the believed one after it is.
            let names = |(_, next): &(i64, Mark)| next.previous == at;
            if self.at(before) == Some(at) || self.spine.get(&path.from).is_some_and(names) {
                return Some(path);
            }
            let (_, mark) = self.rivals.get(&(before, at))?;
            path.rivals.insert(at);
            (path.from, at) = (before, mark.previous);
        }
    }

    /// Whether a row of this lane lies on the way to a body.
    pub(super) fn leads(&self, path: &Path, head: &RowHead) -> bool {
        let Some(sequence) = head.sequence else { return false };
        match head.kind.beside() {
            Some(position) => {
                let believed = sequence < path.from && self.at(sequence) == Some(position);
                believed || path.rivals.contains(&position)
            }
            None => sequence < path.from,
        }
    }
}

/// The whole log's index.
#[derive(Debug, Default)]
pub(super) struct Index {
    documents: BTreeMap<Document, DocumentRows>,
    /// Documents that somebody said are erased.
    erased: BTreeSet<Document>,
    /// Documents of which changes were put aside.
    aside: BTreeSet<Document>,
    /// Those of them that got another row since they were last looked at: without one, nothing of them can be taken back.
    due: BTreeSet<Document>,
    lanes: BTreeMap<Lane, Bodies>,
}

impl Index {
    pub(super) fn add(&mut self, row: Row) {
        let sequence = row.head.sequence.unwrap_or_default();
        match row.head.kind {
            RowKind::Body(mark) => {
                let bodies = self.lanes.entry(row.head.lane).or_default();
                bodies.spine.insert(sequence, (row.id, mark));
            }
            RowKind::Rival(mark) => {
                let bodies = self.lanes.entry(row.head.lane).or_default();
                bodies.rivals.insert((sequence, mark.position), (row.id, mark));
            }
            kind => {
                if kind == RowKind::Erased {
                    self.erased.insert(row.head.document);
                }
                if matches!(kind, RowKind::Aside(..)) {
                    self.aside.insert(row.head.document);
                }
                self.documents.entry(row.head.document).or_default().add(row);
                if self.aside.contains(&row.head.document) {
                    self.due.insert(row.head.document);
                }
            }
        }
    }

    /// Where packs end by which lanes came.
    pub(super) fn note_packs(&mut self, lanes: &BTreeMap<Lane, LaneState>) {
        for (id, lane) in lanes {
            if let Some(packed) = &lane.packed {
                let pack = (packed.end.next, packed.end.position);
                self.lanes.entry(*id).or_default().pack = Some(pack);
            }
        }
    }

    /// Forgets rows that were replaced.
    pub(super) fn remove(&mut self, document: &Document, ids: &BTreeSet<i64>) {
        if let Some(entry) = self.documents.get_mut(document) {
            let rows = std::mem::take(entry).rows.into_iter();
            rows.filter(|row| !ids.contains(&row.id)).for_each(|row| entry.add(row));
            if !entry.aside {
                self.aside.remove(document);
                self.due.remove(document);
            }
            if entry.rows.is_empty() {
                self.documents.remove(document);
            }
        }
        if *document == Document::default() {
            for bodies in self.lanes.values_mut() {
                bodies.spine.retain(|_, (row, _)| !ids.contains(row));
                bodies.rivals.retain(|_, (row, _)| !ids.contains(row));
            }
        }
    }

    /// The bodies of a lane.
    pub(super) fn bodies(&self, lane: &Lane) -> Option<&Bodies> {
        self.lanes.get(lane)
    }

    /// The bodies of every lane.
    #[cfg(feature = "sim")]
    pub(super) fn all_bodies(&self) -> impl Iterator<Item = (&Lane, &Bodies)> {
        self.lanes.iter()
    }

    /// The newest row of a body of a lane.
    pub(super) fn newest_body(&self, lane: &Lane) -> i64 {
        let bodies = self.bodies(lane).into_iter();
        let all = bodies.flat_map(|bodies| bodies.spine.values().chain(bodies.rivals.values()));
        all.map(|(row, _)| *row).max().unwrap_or(0)
    }

    /// The rows that these bodies brought into documents.
    pub(super) fn records_of<'a>(
        &'a self,
        bodies: &'a BTreeSet<(Lane, u32)>,
    ) -> impl Iterator<Item = &'a RowHead> {
        let all = (!bodies.is_empty()).then(|| self.documents());
        let rows = all.into_iter().flatten().flat_map(|(_, entry)| &entry.rows);
        let heads = rows.map(|row| &row.head).filter(|head| head.kind != RowKind::Gone);
        heads.filter(|head| head.sequence.is_some_and(|place| bodies.contains(&(head.lane, place))))
    }

    /// Whether there are rivals of a lane.
    pub(super) fn is_forked(&self, lane: &Lane) -> bool {
        self.bodies(lane).is_some_and(|bodies| !bodies.rivals.is_empty())
    }

    /// The lanes of which there are rivals.
    pub(super) fn forked(&self) -> impl Iterator<Item = (&Lane, &Bodies)> {
        self.lanes.iter().filter(|(_, bodies)| !bodies.rivals.is_empty())
    }

    /// Whether bodies of some lane may have been refused only because there are so many.
    pub(super) fn is_any_full(&self) -> bool {
        self.lanes.values().any(Bodies::is_full)
    }

    /// Whether a row's changes were put aside although their body is believed: they build on a rival.
    pub(super) fn is_orphan(&self, head: &RowHead) -> bool {
        matches!(head.kind, RowKind::Aside(..)) && self.is_of_believed(head)
    }

    /// Whether a row that is in no document is of a body that is believed.
    pub(super) fn is_of_believed(&self, head: &RowHead) -> bool {
        let (Some(position), Some(sequence)) = (head.kind.beside(), head.sequence) else {
            return false;
        };
        self.bodies(&head.lane).and_then(|bodies| bodies.at(sequence)) == Some(position)
    }

    /// Whether what an author says in a document is passed over, since something broke a rule on the branch that is believed.
    pub(super) fn is_passed(&self, document: &Document, lane: &Lane) -> bool {
        let passes = |row: &Row| {
            let is_its = row.head.lane == *lane && matches!(row.head.kind, RowKind::Passed(_));
            is_its && self.is_of_believed(&row.head)
        };
        self.document(document).is_some_and(|entry| entry.passed && entry.rows.iter().any(passes))
    }

    pub(super) fn document(&self, document: &Document) -> Option<&DocumentRows> {
        self.documents.get(document)
    }

    /// Whether a document was let go.
    pub(super) fn is_gone(&self, document: &Document) -> bool {
        self.document(document).is_some_and(DocumentRows::is_gone)
    }

    /// The documents that somebody said are erased, rightly or not.
    pub(super) fn erased(&self) -> impl Iterator<Item = (&Document, &DocumentRows)> {
        self.erased.iter().filter_map(|id| Some((id, self.documents.get(id)?)))
    }

    /// The documents of which changes were put aside.
    pub(super) fn aside(&self) -> impl Iterator<Item = (&Document, &DocumentRows)> {
        self.aside.iter().filter_map(|id| Some((id, self.documents.get(id)?)))
    }

    /// Whether something that was put aside may be taken back now.
    pub(super) fn is_aside_due(&self) -> bool {
        !self.due.is_empty()
    }

    /// Takes the next document of which something may be taken back.
    pub(super) fn next_due(&mut self) -> Option<Document> {
        self.due.pop_first()
    }

    /// It could not be looked at now.
    pub(super) fn still_due(&mut self, document: Document) {
        self.due.insert(document);
    }

    pub(super) fn documents(&self) -> impl Iterator<Item = (&Document, &DocumentRows)> {
        self.documents.iter()
    }

    /// How far an author has come, with what of it was put aside or passed over.
    pub(super) fn tip(&self, document: &Document, lane: &Lane) -> Tip {
        let Some(entry) = self.document(document) else { return Tip::default() };
        let is_its = |row: &&Row| row.head.lane == *lane && self.is_of_believed(&row.head);
        let beside = entry.rows.iter().filter(|_| entry.has_beside()).filter(is_its);
        let tips = beside.map(|row| row.head.tip).chain([entry.tip(lane)]);
        tips.max_by_key(|tip| tip.sequence).unwrap_or_default()
    }

    /// Rows that are in no body yet, oldest first.
    pub(super) fn open_rows(&self) -> Vec<Row> {
        let mut rows: Vec<Row> = self
            .documents
            .values()
            .flat_map(|entry| entry.rows.iter().copied())
            .filter(|row| row.head.sequence.is_none())
            .collect();
        rows.sort_by_key(|row| row.id);
        rows
    }
}

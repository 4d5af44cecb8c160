//! Closing unsent changes into signed bodies on this device's lane.

use std::collections::{BTreeMap, VecDeque};

use automerge::ChangeHash;
use haversack_wire::limits::{DOCUMENTS_MAX, LANES_MAX, WAITING_MAX};
use haversack_wire::{Document, Position};

use super::Engine;
use super::documents::{RowContent, Staged, row_item};
use super::fork::body_row;
use super::kept::KeptBody;
use super::log::{Mark, Row, RowHead, RowKind};
use super::state::{LaneState, Said, SpaceState};
use crate::Error;
use crate::crypto::ClientKey;
use crate::docs::rebuild::Tip;
use crate::docs::{Author, DocumentChanges, ops};
use crate::members::{Roster, lane as lane_of, statement_hash};
use crate::sync::body::{Body, LaneReference, Opening, VectorEntry};
use crate::sync::{chunk, tree};

/// Raw bytes of changes in one body: about 4 to 12 KiB sealed.
const BODY_TARGET: usize = 40 * 1_024;
/// A client key with its document, which no compression makes smaller.
const CLIENT_KEY_BYTES: usize = 64;

/// Bytes of statements in a lane's first body: what does not fit, a roster segment brings.
const STATEMENTS_BYTES: usize = 12 * 1_024;
/// Statements in one body; an addition has about 170 bytes.
const STATEMENTS_TARGET: usize = 64;
/// Bytes of the lanes that one body acknowledges, about 180 of them; the next goes on with the others.
const VECTOR_BYTES: usize = 6 * 1_024;

/// What one body will carry.
#[derive(Default)]
pub(super) struct Load {
    pub(super) documents: Vec<(DocumentChanges, ChangeHash)>,
    pub(super) client_keys: Vec<(Document, ClientKey)>,
    /// Drops, on their way or carried, with their kinds and names.
    pub(super) drops: Vec<(RowKind, Document, Vec<u8>)>,
    pub(super) erasures: Vec<Document>,
}

/// A body that is signed, and known to fit a frame.
pub(super) struct Signed {
    body: Body,
    sequence: u32,
    leaves: tree::Leaves,
    signature: [u8; 64],
    raw: Vec<u8>,
    pub(super) frame: Vec<u8>,
}

impl Engine {
    /// Closes everything unsent into signed bodies. Says how many. What does not fit one body is halved until it
    /// does.
    pub(super) fn close_unsent(&mut self) -> Result<usize, Error> {
        self.go_on_anew()?;
        self.leave_untaken()?;
        let mut space = self.space()?.clone();
        let word = std::mem::take(&mut space.owes_word);
        if self.index.open_rows().is_empty() && space.unsent.is_empty() && !word {
            return Ok(0);
        }
        if !self.has_a_lane() {
            return Ok(0);
        }
        let mut statements: VecDeque<Vec<u8>> = std::mem::take(&mut space.unsent).into();
        let mut work: VecDeque<Vec<Row>> = self.divided()?.into();
        let author = self.author(&space.lane)?;
        let mut staged = Staged::default();
        let mut most = STATEMENTS_TARGET;
        if word && work.is_empty() && statements.is_empty() {
            work.push_back(Vec::new());
        }
        while !work.is_empty() || !statements.is_empty() {
            let rows = work.pop_front().unwrap_or_default();
            let load = self.load(&rows)?;
            let few = first_few(&statements, if rows.is_empty() { most.max(1) } else { most });
            let first: Vec<Vec<u8>> = statements.drain(..few).collect();
            match self.sign_body(&space, &author, &load, first.clone()) {
                Ok(signed) => {
                    stage(&mut space, &author, load, &rows, signed, &mut staged)?;
                    most = STATEMENTS_TARGET;
                }
                Err(Error::Wire(_)) if rows.len() + few > 1 => {
                    most = few / 2;
                    let (one, other) = rows.split_at(rows.len().div_ceil(2));
                    let halves = [other, one].into_iter().filter(|half| !half.is_empty());
                    halves.for_each(|half| work.push_front(half.to_vec()));
                    first.into_iter().rev().for_each(|statement| statements.push_front(statement));
                }
                // What opens the lane goes before it.
                Err(Error::Wire(_)) if rows.len() == 1 && is_new(&space) => {
                    work.push_front(rows);
                    work.push_front(Vec::new());
                }
                // What fits no frame even alone stays here, unsent and shown as such, with what follows it in its document. It keeps
                // nothing else back.
                Err(Error::Wire(_)) if rows.len() == 1 => {
                    leave_out(&mut work, &rows);
                    let is_nothing = work.is_empty() && statements.is_empty();
                    if word && is_nothing && staged.bodies.is_empty() {
                        work.push_back(Vec::new());
                    }
                }
                Err(error) => return Err(error),
            }
        }
        let count = staged.bodies.len();
        if count > 0 {
            staged.space = Some(space);
            self.commit(staged)?;
        }
        Ok(count)
    }

    /// Divides the unsent rows among bodies by what they will about take, documents ascending.
    fn divided(&self) -> Result<Vec<Vec<Row>>, Error> {
        let mut rows = self.index.open_rows();
        rows.sort_by_key(|row| (row.head.document, row.id));
        let mut bodies: Vec<Vec<Row>> = Vec::new();
        let (mut current, mut bytes) = (Vec::new(), 0);
        for row in rows {
            bytes += match row.head.kind {
                // Sealed or signed, they do not get smaller.
                RowKind::Drop | RowKind::Carried => 4 * self.entry(&row)?.len(),
                RowKind::Changes => {
                    let changes = self.read_row(&row)?;
                    changes.iter().map(|change| 16 + 6 * change.operations.len()).sum()
                }
                _ => CLIENT_KEY_BYTES,
            };
            current.push(row);
            if bytes >= BODY_TARGET || current.len() >= DOCUMENTS_MAX / 2 {
                bodies.push(std::mem::take(&mut current));
                bytes = 0;
            }
        }
        if !current.is_empty() {
            bodies.push(current);
        }
        Ok(bodies)
    }

    fn load(&self, rows: &[Row]) -> Result<Load, Error> {
        let mut load = Load::default();
        for row in rows {
            let document = row.head.document;
            if row.head.kind == RowKind::ClientKey {
                let missing = Error::damaged("log", "a client key is missing");
                let key = self.client_keys.get(&document).ok_or(missing)?;
                load.client_keys.push((document, key.clone()));
                continue;
            }
            if matches!(row.head.kind, RowKind::Drop | RowKind::Carried) {
                load.drops.push((row.head.kind, document, self.entry(row)?));
                continue;
            }
            if row.head.kind == RowKind::Erased {
                load.erasures.push(document);
                continue;
            }
            let changes = self.read_row(row)?;
            let missing = Error::damaged("log", "a row has no last change");
            let hash = row.head.tip.hash.ok_or(missing)?;
            match load.documents.last_mut() {
                Some((last, tip)) if last.document == document => {
                    last.changes.extend(changes);
                    *tip = hash;
                }
                _ => load.documents.push((DocumentChanges { document, changes }, hash)),
            }
        }
        Ok(load)
    }

    /// Signs the lane's next body, and makes sure that others will read it.
    pub(super) fn sign_body(
        &mut self,
        space: &SpaceState,
        author: &Author,
        load: &Load,
        statements: Vec<Vec<u8>>,
    ) -> Result<Signed, Error> {
        let lane = space.lane;
        let documents: Vec<_> = load.documents.iter().map(|(changes, _)| changes.clone()).collect();
        let item = (!documents.is_empty()).then(|| ops::encode(author, &documents)).transpose()?;
        let client_keys = load.client_keys.clone();
        let of = |kind| {
            let drops = load.drops.iter().filter(move |(its, ..)| *its == kind);
            drops.map(|(_, _, bytes)| bytes.clone()).collect()
        };
        let (drops, carried) = (of(RowKind::Drop), of(RowKind::Carried));
        let next = next_body(space, statements)?;
        let erasures = load.erasures.clone();
        let body = Body { changes: item, client_keys, drops, erasures, carried, ..next };
        let sequence = space.lanes.get(&lane).map_or(0, |own| own.next);
        let encoded = body.encode()?;
        let tips: Vec<_> = load.documents.iter().map(|(d, hash)| (d.document, *hash)).collect();
        let leaves = tree::Tree::new(space.space()).leaves(&encoded.rest, &tips);
        let message = tree::signed(space.space(), &lane, sequence, &leaves.root());
        let signature = self.device.identity.sign.sign(&message);
        let raw = [&encoded.bytes[..], &signature].concat();
        Body::decode(&raw)?;
        if let Some(item) = &body.changes {
            ops::decode(author, item)?;
        }
        let frame = self.seal(space, sequence, &raw)?;
        Ok(Signed { body, sequence, leaves, signature, raw, frame })
    }

    /// Seals a body of this device under the present write key.
    pub(super) fn seal(
        &mut self,
        space: &SpaceState,
        sequence: u32,
        raw: &[u8],
    ) -> Result<Vec<u8>, Error> {
        let live = space.live.ok_or(Error::Removed)?;
        let missing = || Error::damaged("keyring", "the write key is missing");
        let secret = self.ring.epochs().get(&live.epoch).ok_or_else(missing)?;
        let generation = space.group.generations.get(&live.generation).ok_or_else(missing)?;
        let place = (generation.lane_tag(&space.lane), sequence);
        let content = (raw, space.padding);
        let key = (secret, &live.epoch);
        Ok(chunk::seal_padded(key, space.space(), place, content, &mut *self.random)?)
    }
}

/// Stages everything that follows from a signed body: its rows in place of the open ones, the lane's next place.
fn stage(
    space: &mut SpaceState,
    author: &Author,
    load: Load,
    rows: &[Row],
    signed: Signed,
    staged: &mut Staged,
) -> Result<(), Error> {
    let (lane, sequence) = (space.lane, Some(signed.sequence));
    let since = rows.iter().map(|row| row.head.since).next().unwrap_or_default();
    for (place, (changes, hash)) in load.documents.into_iter().enumerate() {
        let (document, last) = (changes.document, changes.changes.last());
        let number = last.map_or(0, |change| change.sequence);
        let tip = Tip { sequence: number, hash: Some(hash) };
        let head = RowHead { document, kind: RowKind::Changes, lane, sequence, tip, since };
        let item = row_item(author, document, changes.changes)?;
        let proof = signed.leaves.proof(place);
        let content = RowContent { item, signed: Some((signed.signature, proof)) };
        staged.rows.push((head, content.encode()?));
    }
    for (document, key) in &load.client_keys {
        let (document, tip) = (*document, Tip::default());
        let head = RowHead { document, kind: RowKind::ClientKey, lane, sequence, tip, since };
        staged.rows.push((head, key.expose().to_vec()));
    }
    let erasures =
        load.erasures.into_iter().map(|document| (RowKind::Erased, document, Vec::new()));
    for (kind, document, content) in load.drops.into_iter().chain(erasures) {
        let head = RowHead { document, kind, lane, sequence, tip: Tip::default(), since };
        staged.rows.push((head, content));
    }
    for row in rows {
        staged.replaced.entry(row.head.document).or_default().push(row.id);
    }
    advance(space, &signed.body, signed.sequence, &signed.leaves.root());
    space.note_retired(&signed.body);
    if !signed.body.retired.is_empty() {
        space.packs.told();
    }
    let own = space.lanes.get(&lane).ok_or(Error::damaged("state", "the own lane is missing"))?;
    let (position, previous) = (own.position, signed.body.previous);
    let mark = RowKind::Body(Mark { position, previous, signature: signed.signature });
    staged.rows.push(body_row(space.space(), mark, signed.sequence, &signed.body)?);
    staged.bodies.push(KeptBody {
        sequence: signed.sequence,
        position: own.position_start(),
        epoch: space.live.map(|live| live.epoch).unwrap_or_default(),
        raw: signed.raw,
        frame: signed.frame,
        former: Vec::new(),
    });
    Ok(())
}

/// How many statements the next body takes: by number and by bytes, since hashes and signatures do not compress.
fn first_few(statements: &VecDeque<Vec<u8>>, most: usize) -> usize {
    let sizes = statements.iter().take(most).scan(0, |sum, statement| {
        *sum += statement.len();
        Some(*sum)
    });
    let few = sizes.take_while(|sum| *sum <= STATEMENTS_BYTES).count();
    few.max(most.min(statements.len()).min(1))
}

/// Whether a device has said nothing yet on its present lane.
fn is_new(space: &SpaceState) -> bool {
    space.lanes.get(&space.lane).is_some_and(|own| own.next == 0)
}

/// Leaves the documents of some rows out of what is still to be signed.
fn leave_out(work: &mut VecDeque<Vec<Row>>, rows: &[Row]) {
    let stays = |row: &Row| rows.iter().all(|out| out.head.document != row.head.document);
    work.iter_mut().for_each(|rows| rows.retain(stays));
    work.retain(|rows| !rows.is_empty());
}

/// The next body of this device, with all that is not changes of documents.
fn next_body(space: &SpaceState, statements: Vec<Vec<u8>>) -> Result<Body, Error> {
    let missing = Error::damaged("state", "the own lane is missing");
    let own = space.lanes.get(&space.lane).ok_or(missing)?;
    let heads = space.group.roster.heads();
    let first = own.next == 0;
    let opening = Opening { device_key: own.device_key, incarnation: own.incarnation };
    debug_assert_eq!(lane_of(space.space(), &own.device_key, own.incarnation), space.lane);
    Ok(Body {
        lane: space.lane,
        heads: (first || heads != own.heads()).then_some(heads),
        previous: own.position,
        vector: vector(space, own),
        statements: with_roster(space, first, statements),
        opening: first.then_some(opening),
        retired: space.packs.to_tell(),
        ..Body::default()
    })
}

/// A lane's first body carries what its reader may lack of the roster, so that it proves itself: all of a small team's, the
/// newest of a large one's.
fn with_roster(space: &SpaceState, first: bool, statements: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    if !first {
        return statements;
    }
    let newest = space.group.roster.newest(STATEMENTS_TARGET, STATEMENTS_BYTES);
    let hashed = newest.into_iter().chain(statements).map(|bytes| (statement_hash(&bytes), bytes));
    hashed.collect::<BTreeMap<_, _>>().into_values().collect()
}

/// How far this device has come with the other lanes, where that changed since it last said so.
fn vector(space: &SpaceState, own: &LaneState) -> Vec<VectorEntry> {
    let mut entries: Vec<VectorEntry> = space
        .lanes
        .iter()
        .filter(|(id, lane)| **id != space.lane && lane.next > 0)
        .filter(|(id, lane)| {
            let before = own.vector.get(id);
            let (next, hash) = (lane.next, lane.position_start());
            let refused = newest(&lane.quarantined);
            before.is_none_or(|said| {
                (said.next, said.hash, &said.quarantined) != (next, hash, &refused)
            })
        })
        .map(|(id, lane)| {
            let place = own.mentions.iter().position(|mentioned| mentioned == id);
            VectorEntry {
                lane: place.map_or(LaneReference::New(*id), |n| LaneReference::Known(n as u32 + 1)),
                next: lane.next,
                hash: lane.position_start(),
                quarantined: newest(&lane.quarantined),
            }
        })
        .collect();
    // Each time beginning with another one, so that nobody keeps others from their turn.
    let start = own.next as usize % entries.len().max(1);
    entries.rotate_left(start);
    let sizes = entries.iter().scan(0, |sum, entry| {
        *sum += 34 + 5 * entry.quarantined.len();
        Some(*sum)
    });
    let fit = sizes.take_while(|sum| *sum <= VECTOR_BYTES).count();
    entries.truncate(fit);
    entries.sort_by_key(|entry| entry.lane);
    entries
}

/// As many of the newest refused sequences as a vector may name.
fn newest(quarantined: &[u32]) -> Vec<u32> {
    let from = quarantined.len().saturating_sub(WAITING_MAX);
    quarantined.get(from..).unwrap_or_default().to_vec()
}

/// Moves a lane on past a body, whoever wrote it.
pub(super) fn advance(space: &mut SpaceState, body: &Body, sequence: u32, root: &[u8; 32]) {
    let position = tree::Tree::new(space.space()).position(&body.lane, sequence, root);
    let SpaceState { group, lanes, .. } = space;
    if let Some(lane) = lanes.get_mut(&body.lane) {
        go_on(lane, &group.roster, body, sequence, position);
    }
}

/// What is known of a lane, past a body at a position.
pub(super) fn go_on(
    lane: &mut LaneState,
    roster: &Roster,
    body: &Body,
    sequence: u32,
    position: Position,
) {
    lane.next = sequence + 1;
    lane.position = position;
    if let Some(heads) = &body.heads {
        // Said once more, it is no news, and is not remembered twice.
        let (before, now) = (roster.past(lane.heads()), roster.past(heads));
        if before != now || lane.rosters.is_empty() {
            lane.rosters.push((sequence, heads.clone()));
        }
    }
    for entry in &body.vector {
        let named = match entry.lane {
            LaneReference::New(named) if lane.mentions.len() < LANES_MAX => {
                lane.mentions.push(named);
                Some(named)
            }
            LaneReference::New(_) => None,
            LaneReference::Known(place) => lane.mentions.get(place as usize - 1).copied(),
        };
        if let Some(named) = named {
            let quarantined = newest(&entry.quarantined);
            lane.vector.insert(named, Said { next: entry.next, hash: entry.hash, quarantined });
        }
    }
}

//! The honest ledger: of each record, the safest place that this device knows it to be in, and who says so.
//!
//! A relay's word makes a record *held*, never safe; only what somebody signed makes it *acknowledged*: a vector that names
//! the very body which is here.

use std::collections::{BTreeMap, BTreeSet};

use automerge::{ActorId, Automerge};
use haversack_wire::{Device, Document, Lane, LaneTag, Relay};

use super::Engine;
use super::documents::registry;
use super::log::{DocumentRows, Row, RowHead, RowKind};
use super::state::{LaneState, Packed, Said, SpaceState};
use crate::Error;
use crate::docs::read;
use crate::members::device;
use crate::model::SiteCode;
use crate::seeded::{Bug, seeded};
use crate::view::{ClientId, ContactId};

/// Where a record is: the safest place that it is known to be in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum RecordState {
    /// On this device only.
    #[default]
    HereOnly,
    /// In a file for somebody to carry, or come by one: a file can be lost.
    Carried,
    /// Held by a relay, which proves nothing.
    Relayed,
    /// Acknowledged by the signature of a coordinator or an archive.
    Acknowledged,
}

impl RecordState {
    /// A short word for it, for programs.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::HereOnly => "here_only",
            Self::Carried => "carried",
            Self::Relayed => "relayed",
            Self::Acknowledged => "acknowledged",
        }
    }
}

/// How many are where: each counted in the safest place it is known to be in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ledger {
    /// Only on this device.
    pub here_only: u64,
    /// In a file for somebody to carry.
    pub carried: u64,
    /// Held by a relay.
    pub relayed: u64,
    /// Acknowledged by the signature of a coordinator or an archive.
    pub acknowledged: u64,
    /// Of those that are not acknowledged: in a body of which a coordinator or an archive has signed that it refused a part.
    /// Sending it again changes nothing.
    pub refused: u64,
}

impl Ledger {
    const fn count(&mut self, state: RecordState) {
        match state {
            RecordState::HereOnly => self.here_only += 1,
            RecordState::Carried => self.carried += 1,
            RecordState::Relayed => self.relayed += 1,
            RecordState::Acknowledged => self.acknowledged += 1,
        }
    }
}

/// A device that has signed that it has something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Witness {
    /// The device.
    pub device: Device,
    /// Whether it keeps the team's work: a coordinator or an archive. Only such a one's word makes a record *acknowledged*.
    pub keeps: bool,
}

/// Where one record is, and who says so.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Whereabouts {
    /// The safest place.
    pub state: RecordState,
    /// The relays that hold it, as far as they say.
    pub relays: Vec<Relay>,
    /// The devices that have signed that they have it, its author's among them unless that is this one.
    pub devices: Vec<Witness>,
    /// The devices that keep the team's work and have signed that they refused a part of what it came with.
    pub refused: Vec<Device>,
}

/// Names a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordId {
    /// A contact.
    Contact(ContactId),
    /// A client's file.
    Client(ClientId),
    /// A site.
    Site(SiteCode),
}

/// How much of this device's work a relay says that it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RelayHolds {
    /// The relay.
    pub relay: Relay,
    /// This device's changes that it holds.
    pub holds: u64,
    /// This device's changes that it does not.
    pub lacks: u64,
}

/// How much of this device's work another device has signed that it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceHas {
    /// The device, and whether it keeps the team's work.
    pub witness: Witness,
    /// This device's changes that it has.
    pub has: u64,
}

/// Where this device's work is, relay by relay and device by device.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Holders {
    /// The relays that the roster names or that were synced with.
    pub relays: Vec<RelayHolds>,
    /// The devices that have signed that they have any of it.
    pub devices: Vec<DeviceHas>,
}

/// Who has signed what about a lane.
struct Word<'a> {
    by: Witness,
    said: &'a Said,
}

/// What is known of where bodies are.
pub(super) struct Places<'a> {
    space: &'a SpaceState,
    me: Device,
    relays: BTreeMap<Lane, BTreeMap<Relay, u32>>,
    words: BTreeMap<Lane, Vec<Word<'a>>>,
    /// The places of bodies that this store wrote, and still keeps to send.
    written: BTreeSet<(Lane, u32)>,
}

impl<'a> Places<'a> {
    fn new(engine: &'a Engine, space: &'a SpaceState) -> Self {
        let me = engine.device();
        let own = engine.bodies.keys().map(|sequence| (space.lane, *sequence));
        let written = engine.former_places(space).into_iter().chain(own).collect();
        let (relays, words) = Default::default();
        let mut places = Self { space, me, relays, words, written };
        for ((relay, generation), route) in &space.routes {
            let Some(secret) = space.group.generations.get(generation) else { continue };
            for lane in space.lanes.keys() {
                let Some(next) = route.known.get(&secret.lane_tag(lane)) else { continue };
                let known = places.relays.entry(*lane).or_default().entry(*relay).or_default();
                *known = (*known).max(*next);
            }
        }
        for author in space.lanes.values() {
            let by = places.witness(author);
            for (lane, said) in &author.vector {
                if engine.names_what_is_here(lane, said) {
                    places.words.entry(*lane).or_default().push(Word { by, said });
                }
            }
        }
        for (lane, state) in &space.lanes {
            let Some(Packed { said, by, .. }) = &state.packed else { continue };
            let by = places.maker(by);
            places.words.entry(*lane).or_default().push(Word { by, said });
        }
        places
    }

    fn witness(&self, lane: &LaneState) -> Witness {
        let roster = &self.space.group.roster;
        let line = roster.standing().line(&lane.device_key);
        let device = line.unwrap_or_else(|| device(&lane.device_key));
        Witness { device, keeps: lane.keeps_work(roster) }
    }

    /// Who made a pack has signed that it has what is in it.
    fn maker(&self, key: &[u8; 32]) -> Witness {
        let standing = self.space.group.roster.standing();
        let device = standing.line(key).unwrap_or_else(|| device(key));
        Witness { device, keeps: self.space.is_keeper(key) }
    }

    fn author(&self, lane: &Lane) -> Option<Witness> {
        self.space.lanes.get(lane).map(|lane| self.witness(lane))
    }

    pub(super) fn is_own(&self, lane: &Lane) -> bool {
        *lane == self.space.lane || self.author(lane).is_some_and(|author| author.device == self.me)
    }

    /// Where the body of a row is.
    pub(super) fn of(&self, head: &RowHead) -> Whereabouts {
        let mut found = Whereabouts::default();
        let (Some(sequence), author) = (head.sequence, self.author(&head.lane)) else {
            return found;
        };
        let is_own = self.is_own(&head.lane);
        let relays = self.relays.get(&head.lane).into_iter().flatten();
        found.relays =
            relays.filter(|(_, next)| sequence < **next).map(|(relay, _)| *relay).collect();
        let mut devices: BTreeSet<Witness> = author.filter(|_| !is_own).into_iter().collect();
        for Word { by, said } in self.words.get(&head.lane).into_iter().flatten() {
            let is_its_author = author.is_some_and(|author| author.device == by.device);
            match said.quarantined.contains(&sequence) {
                _ if is_its_author || sequence >= said.next => {}
                true if by.keeps => found.refused.push(by.device),
                true => {}
                false => {
                    devices.insert(*by);
                }
            }
        }
        found.state = match () {
            () if devices.iter().any(|witness| witness.keeps) => RecordState::Acknowledged,
            () if !found.relays.is_empty() && seeded(Bug::SyncedWithoutAck) => {
                RecordState::Acknowledged
            }
            () if !found.relays.is_empty() => RecordState::Relayed,
            () if !is_own || self.is_filed(&head.lane, sequence) => RecordState::Carried,
            // Another life of this store wrote it, and it came from there.
            () if !self.written.contains(&(head.lane, sequence)) => RecordState::Carried,
            () => RecordState::HereOnly,
        };
        found.devices = devices.into_iter().collect();
        found
    }

    fn is_filed(&self, lane: &Lane, sequence: u32) -> bool {
        self.space.filed.get(lane).is_some_and(|next| sequence < *next)
    }

    /// Where something is that came with several rows: where the least safe of this device's is; where none is, of the others'.
    fn of_all<'b>(&self, rows: impl Iterator<Item = &'b Row>) -> Whereabouts {
        // What was said again on another lane is where that is.
        let stays = |row: &&Row| !self.space.has_left(&row.head.lane, row.head.sequence);
        let (own, others): (Vec<&Row>, Vec<&Row>) =
            rows.filter(stays).partition(|row| self.is_own(&row.head.lane));
        let counted = if own.is_empty() { others } else { own };
        let all = counted.into_iter().map(|row| self.of(&row.head));
        all.reduce(least).unwrap_or_default()
    }
}

/// Of two places the less safe one, and who says both.
fn least(a: Whereabouts, b: Whereabouts) -> Whereabouts {
    let mut refused: Vec<Device> = a.refused.into_iter().chain(b.refused).collect();
    refused.sort();
    refused.dedup();
    Whereabouts {
        state: a.state.min(b.state),
        relays: a.relays.into_iter().filter(|relay| b.relays.contains(relay)).collect(),
        devices: a.devices.into_iter().filter(|one| b.devices.contains(one)).collect(),
        refused,
    }
}

const fn is_work(kind: RowKind) -> bool {
    matches!(kind, RowKind::Changes | RowKind::Drop | RowKind::Carried | RowKind::Erased)
}

/// The rows that say what a record is.
fn said(entry: &DocumentRows) -> impl Iterator<Item = &Row> {
    let is_said = |kind| is_work(kind) || matches!(kind, RowKind::ClientKey | RowKind::Gone);
    entry.rows.iter().filter(move |row| is_said(row.head.kind))
}

impl Engine {
    /// Whether what was signed about a lane names a body that is believed here, or where a pack ends that was taken.
    pub(super) fn names_what_is_here(&self, lane: &Lane, said: &Said) -> bool {
        let last = said.next.checked_sub(1);
        let here = last.and_then(|last| self.index.bodies(lane)?.at(last));
        let is_it = |start: &[u8]| start.starts_with(&said.hash) || seeded(Bug::AckWithoutHash);
        here.is_some_and(|position| is_it(position.as_bytes()))
    }

    fn places(&self) -> Option<Places<'_>> {
        self.space.as_ref().map(|space| Places::new(self, space))
    }

    /// How many of this device's changes are where.
    pub(super) fn ledger(&self) -> Ledger {
        let mut ledger = Ledger::default();
        let Some(places) = self.places() else { return ledger };
        for head in self.own_work(&places) {
            let place = places.of(&head);
            ledger.count(place.state);
            let is_refused = place.state != RecordState::Acknowledged && !place.refused.is_empty();
            ledger.refused += u64::from(is_refused);
        }
        ledger
    }

    /// This device's changes: on its lane, and on former ones as far as it answers for them.
    fn own_work(&self, places: &Places<'_>) -> Vec<RowHead> {
        let space = places.space;
        let former = self.former_places(space);
        let rows = self.index.documents().flat_map(|(_, entry)| &entry.rows);
        let is_owed = |head: &RowHead| {
            let place = head.sequence.map(|sequence| (head.lane, sequence));
            head.lane == space.lane || place.is_some_and(|place| former.contains(&place))
        };
        let work = rows.map(|row| row.head).filter(|head| is_work(head.kind));
        work.filter(is_owed).collect()
    }

    /// Where this device's work is, relay by relay and device by device.
    #[must_use]
    pub fn holders(&self) -> Holders {
        let Some(places) = self.places() else { return Holders::default() };
        let space = places.space;
        let named = space.group.roster.relays().into_iter().map(|relay| relay.relay);
        let met = space.routes.keys().map(|(relay, _)| *relay);
        let mut relays: BTreeMap<Relay, (u64, u64)> =
            named.chain(met).map(|relay| (relay, (0, 0))).collect();
        let mut devices: BTreeMap<Witness, u64> = BTreeMap::new();
        for head in self.own_work(&places) {
            let place = places.of(&head);
            for (relay, (holds, lacks)) in &mut relays {
                let has = place.relays.contains(relay);
                *holds += u64::from(has);
                *lacks += u64::from(!has);
            }
            place.devices.iter().for_each(|one| *devices.entry(*one).or_default() += 1);
        }
        let relays = relays.into_iter();
        let devices = devices.into_iter().map(|(witness, has)| DeviceHas { witness, has });
        Holders {
            relays: relays
                .map(|(relay, (holds, lacks))| RelayHolds { relay, holds, lacks })
                .collect(),
            devices: devices.collect(),
        }
    }

    /// Where this device's changes lie that are shown as acknowledged, each with the start of its body's position.
    #[cfg(feature = "sim")]
    pub(super) fn shown_as_acknowledged(&self) -> Vec<(Lane, u32, [u8; 8])> {
        let Some(places) = self.places() else { return Vec::new() };
        let shown = |head: &RowHead| places.of(head).state == RecordState::Acknowledged;
        let start = |head: &RowHead| {
            let position = self.index.bodies(&head.lane)?.at(head.sequence?)?;
            position.as_bytes().first_chunk().copied()
        };
        let rows = self.own_work(&places).into_iter().filter(shown);
        rows.map(|head| {
            (head.lane, head.sequence.unwrap_or(u32::MAX), start(&head).unwrap_or_default())
        })
        .collect()
    }

    /// How many changes of this device the bodies at these places of its lane have.
    pub(super) fn own_changes_in(&self, sequences: &BTreeSet<u32>) -> u32 {
        let Some(space) = &self.space else { return 0 };
        let rows = self.index.documents().flat_map(|(_, entry)| &entry.rows);
        let is_sent = |head: &RowHead| {
            head.lane == space.lane
                && is_work(head.kind)
                && head.sequence.is_some_and(|sequence| sequences.contains(&sequence))
        };
        rows.filter(|row| is_sent(&row.head)).count() as u32
    }

    /// What somebody who keeps the team's work has acknowledged of lanes, by the tags that relays know them by.
    pub(super) fn acknowledged_tags(&self) -> AcknowledgedTags {
        let Some(places) = self.places() else { return AcknowledgedTags::default() };
        let mut all = AcknowledgedTags::default();
        for (lane, words) in &places.words {
            let keepers = words.iter().filter(|word| word.by.keeps && word.by.device != places.me);
            let said: Vec<Said> = keepers.map(|word| word.said.clone()).collect();
            for secret in places.space.group.generations.values().filter(|_| !said.is_empty()) {
                all.0.insert(secret.lane_tag(lane), said.clone());
            }
        }
        all
    }

    /// Where a record is, and who says so. A record that is not here is nowhere: on no device but, it may be, its author's.
    ///
    /// # Errors
    /// [`Error::Unknown`] for a record that is not here, [`Error::Damaged`] when the log does not open.
    pub fn whereabouts(&self, record: &RecordId) -> Result<Whereabouts, Error> {
        let unknown = |what| Error::Unknown { what };
        let places = self.places().ok_or(Error::NoSpace)?;
        let (id, key, what) = match record {
            RecordId::Contact(id) => (id.outing, Some(id.key.clone()), "contact"),
            RecordId::Client(id) => (id.0, None, "client"),
            RecordId::Site(code) => {
                let id = registry(places.space.space());
                (id, Some(format!("site.{}", code.as_str())), "site")
            }
        };
        let entry = self.index.document(&id).ok_or_else(|| unknown(what))?;
        let Some(key) = key else { return Ok(places.of_all(said(entry))) };
        let document = self.rebuild_document(&id)?;
        let touched = touched(&document, &key).ok_or_else(|| unknown(what))?;
        Ok(self.of_part(&places, entry, &touched))
    }

    /// Where the part of a document is that these changes made.
    fn of_part(
        &self,
        places: &Places<'_>,
        entry: &DocumentRows,
        touched: &BTreeSet<(ActorId, u64)>,
    ) -> Whereabouts {
        let rows: Vec<&Row> = said(entry).collect();
        let mut holding: Vec<&Row> = Vec::new();
        for (actor, sequence) in touched {
            let is_its = |row: &&&Row| {
                self.author(&row.head.lane).is_ok_and(|author| author.id() == actor)
                    && row.head.tip.sequence >= *sequence
            };
            let first = rows.iter().filter(is_its).min_by_key(|row| row.head.tip.sequence);
            holding.extend(first);
        }
        match holding.is_empty() {
            // What was carried from another space has its author's name, and is one record.
            true => places.of_all(rows.into_iter()),
            false => places.of_all(holding.into_iter()),
        }
    }

    /// Where contacts are, each in the safest place it is known to be in.
    pub(super) fn contact_states<'a>(
        &self,
        contacts: impl Iterator<Item = (Document, &'a str)>,
    ) -> Result<Vec<RecordState>, Error> {
        let Some(places) = self.places() else {
            return Ok(contacts.map(|_| RecordState::default()).collect());
        };
        let mut outings: BTreeMap<Document, Outing> = BTreeMap::new();
        let mut states = Vec::new();
        for (id, key) in contacts {
            if let std::collections::btree_map::Entry::Vacant(vacant) = outings.entry(id) {
                vacant.insert(self.outing_states(&places, &id)?);
            }
            let state = outings.get(&id).map(|outing| outing.of(key));
            states.push(state.unwrap_or_default());
        }
        Ok(states)
    }

    fn outing_states(&self, places: &Places<'_>, id: &Document) -> Result<Outing, Error> {
        let Some(entry) = self.index.document(id) else { return Ok(Outing::default()) };
        let all: BTreeSet<RecordState> =
            said(entry).map(|row| places.of(&row.head).state).collect();
        let least = places.of_all(said(entry)).state;
        if all.len() < 2 {
            return Ok(Outing { least, contacts: BTreeMap::new() });
        }
        let document = self.rebuild_document(id)?;
        let keys = read::contacts(&document).into_keys();
        let of = |key: String| {
            let touched = touched(&document, &key)?;
            Some((key, self.of_part(places, entry, &touched).state))
        };
        Ok(Outing { least, contacts: keys.filter_map(of).collect() })
    }

    /// How many contacts are where.
    pub(super) fn contact_ledger(&self) -> Result<Ledger, Error> {
        let keys = self.view()?.contact_keys()?;
        let keys = keys.iter().map(|(document, key)| (*document, key.as_str()));
        let mut ledger = Ledger::default();
        self.contact_states(keys)?.into_iter().for_each(|state| ledger.count(state));
        Ok(ledger)
    }

    /// Where a client's file is.
    pub(super) fn client_states<'a>(
        &self,
        clients: impl Iterator<Item = &'a ClientId>,
    ) -> Vec<RecordState> {
        let places = self.places();
        let state = |id: &ClientId| {
            let entry = self.index.document(&id.0)?;
            Some(places.as_ref()?.of_all(said(entry)).state)
        };
        clients.map(|id| state(id).unwrap_or_default()).collect()
    }
}

/// Where the contacts of an outing are: one by one only where it matters.
#[derive(Default)]
struct Outing {
    least: RecordState,
    contacts: BTreeMap<String, RecordState>,
}

impl Outing {
    fn of(&self, key: &str) -> RecordState {
        self.contacts.get(key).copied().unwrap_or(self.least)
    }
}

/// What is acknowledged, by lane tag.
#[derive(Default)]
pub(super) struct AcknowledgedTags(BTreeMap<LaneTag, Vec<Said>>);

impl AcknowledgedTags {
    pub(super) fn contains(&self, (tag, sequence): (LaneTag, u32)) -> bool {
        let mut said = self.0.get(&tag).into_iter().flatten();
        said.any(|said| sequence < said.next && !said.quarantined.contains(&sequence))
    }
}

/// The changes, by author and number, that left their mark on what a document has under a key.
fn touched(document: &Automerge, key: &str) -> Option<BTreeSet<(ActorId, u64)>> {
    let hashes = read::touched(document, key)?.into_iter();
    let changes = hashes.filter_map(|hash| document.get_change_meta_by_hash(&hash));
    Some(changes.map(|change| (change.actor.into_owned(), change.seq)).collect())
}

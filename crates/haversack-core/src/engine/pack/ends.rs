//! Where lanes go on after a pack.

use std::collections::{BTreeMap, BTreeSet};

use automerge::ChangeHash;
use haversack_wire::limits::{DOCUMENTS_MAX, WAITING_MAX};
use haversack_wire::{Document, Lane};

use super::super::Engine;
use super::super::log::{DocumentRows, Row, RowKind};
use super::super::state::SpaceState;
use super::make::authors;
use crate::docs::rebuild::Tip;
use crate::sync::pack::{LaneEnd, Segment};

impl Engine {
    /// Where lanes go on after the pack.
    pub(super) fn lane_ends(&self, space: &SpaceState, lanes: &[Lane]) -> Segment {
        let (authors, places) = authors(space, &lanes.iter().copied().collect());
        let orphans = self.orphans(lanes);
        let end = |id: &Lane| {
            let (author, lane) = (*places.get(id)?, space.lanes.get(id)?);
            let keeps = lane.keeps_work(&space.group.roster);
            let said = (1..).zip(&lane.mentions).filter(|_| keeps).filter_map(|(place, named)| {
                let said = lane.vector.get(named)?;
                Some((place, said.next, said.hash, ascending(&said.quarantined)))
            });
            let passed = lane.passed.iter().map(|(document, tip)| (*document, *tip));
            let passed = passed.chain(orphans.get(id).into_iter().flatten().copied());
            let passed: BTreeMap<Document, (u64, ChangeHash)> = passed
                .filter_map(|(document, tip)| Some((document, (tip.sequence, tip.hash?))))
                .collect();
            let passed = passed.into_iter().take(DOCUMENTS_MAX);
            Some(LaneEnd {
                author,
                next: lane.next,
                position: lane.position,
                mentions: lane.mentions.clone(),
                said: distinct(said),
                quarantined: ascending(&lane.quarantined),
                passed: passed
                    .map(|(document, (number, hash))| (document, number, hash.0))
                    .collect(),
            })
        };
        let lanes = lanes.iter().filter_map(end).collect();
        Segment { authors, lanes, ..Segment::default() }
    }

    /// What of these lanes is in no document here: believed and put aside all the same, or of documents that were let go. What goes on from
    /// it is passed over.
    fn orphans(&self, lanes: &[Lane]) -> BTreeMap<Lane, Vec<(Document, Tip)>> {
        let mut orphans: BTreeMap<Lane, Vec<_>> = BTreeMap::new();
        let is_it = |entry: &DocumentRows| entry.has_beside() || entry.is_gone();
        for (id, entry) in self.index.documents().filter(|(_, entry)| is_it(entry)) {
            let gone = entry.rows.iter().filter(|row| row.head.kind == RowKind::Gone);
            for row in gone.filter(|row| lanes.contains(&row.head.lane)) {
                orphans.entry(row.head.lane).or_default().push((*id, row.head.tip));
            }
            let is_change =
                |row: &&Row| matches!(row.head.kind, RowKind::Aside(..) | RowKind::Passed(_));
            let beside = entry.rows.iter().filter(is_change);
            let aside = beside.filter(|row| self.index.is_of_believed(&row.head));
            for row in aside.filter(|row| lanes.contains(&row.head.lane)) {
                orphans.entry(row.head.lane).or_default().push((*id, row.head.tip));
            }
        }
        orphans
    }
}

/// The newest of a lane's sequences, as they travel.
fn ascending(sequences: &[u32]) -> Vec<u32> {
    let all: BTreeSet<u32> = sequences.iter().copied().collect();
    let from = all.len().saturating_sub(WAITING_MAX);
    all.into_iter().skip(from).collect()
}

type Said = (u32, u32, [u8; 8], Vec<u32>);

/// A lane may be mentioned twice: what is said of it is said once.
fn distinct(said: impl Iterator<Item = Said>) -> Vec<Said> {
    let all: BTreeMap<u32, Said> = said.map(|said| (said.0, said)).collect();
    all.into_values().collect()
}

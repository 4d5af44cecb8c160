//! What a pack shows to have of the bodies that this device wrote on lanes which it left: as long as some of it is not shown, that
//! lane does not go on where the pack ends, since the pack's maker may know of another branch alone (PROTOCOL § 3.7).

use std::collections::{BTreeMap, BTreeSet};

use haversack_wire::{Document, Lane, Pack};

use super::super::Engine;
use super::super::batch::Batch;
use super::super::log::{RowHead, RowKind};
use super::apply::Held;
use super::part::tip_of;
use super::state::{FormerRow, Taking};
use crate::Error;
use crate::docs::ops::Part;
use crate::docs::rebuild::{self, Tip};
use crate::sync::drop::{Carried, Drop};
use crate::sync::pack::{PackAuthor, PartProof, Segment};
use crate::sync::tree::Tree;

/// The tips of such bodies' changes, by lane and document.
type Tips = BTreeMap<(Lane, Document), Vec<(FormerRow, Tip)>>;

impl Engine {
    /// Notes what segments show.
    pub(super) fn note_shown(
        &self,
        batch: &mut Batch,
        pack: &Pack,
        all: &[Held],
    ) -> Result<(), Error> {
        let former = self.former_places(&batch.space);
        let Some(taking) = batch.space.packs.taking.get_mut(pack).filter(|_| !former.is_empty())
        else {
            return Ok(());
        };
        let heads: Vec<&RowHead> = self.index.records_of(&former).collect();
        let rows: BTreeSet<FormerRow> = heads.iter().filter_map(|head| row_of(head)).collect();
        let mut tips = Tips::new();
        for head in heads.iter().filter(|head| head.kind == RowKind::Changes) {
            let of = tips.entry((head.lane, head.document)).or_default();
            of.extend(row_of(head).map(|row| (row, head.tip)));
        }
        let lanes: BTreeSet<Lane> = former.iter().map(|(lane, _)| *lane).collect();
        for Held { segment, .. } in all {
            taking.shown.extend(self.said_in(segment)?.filter(|row| rows.contains(row)));
            for (part, proof) in segment.parts.iter().zip(&segment.proofs) {
                let Some(author) = segment.authors.get(part.author) else { continue };
                let lane = author.lane(self.space()?.space());
                if !lanes.contains(&lane) {
                    continue;
                }
                if let Some(shared) = self.shared_place(&lane, part, proof)? {
                    let known = taking.shared.entry(lane).or_default();
                    *known = shared.max(*known);
                }
                taking.shown.extend(self.rows_in(author, part, &tips)?);
            }
        }
        Ok(())
    }

    /// What a segment says beside changes.
    fn said_in(&self, segment: &Segment) -> Result<impl Iterator<Item = FormerRow>, Error> {
        let space = *self.space()?.space();
        let keys = segment.client_keys.iter();
        let keys =
            keys.map(|key| (RowKind::ClientKey, key.author, Some(key.document), key.sequence));
        let erasures = segment.erasures.iter();
        let erasures = erasures.map(|e| (RowKind::Erased, e.author, Some(e.document), e.sequence));
        let drops = segment.drops.iter().map(|drop| {
            let id = Drop::decode(&drop.bytes).map(|drop| drop.id()).ok();
            (RowKind::Drop, drop.author, id, drop.sequence)
        });
        let carried = segment.carried.iter().map(move |drop| {
            let id = Carried::decode(&drop.bytes).map(|carried| carried.id(&space)).ok();
            (RowKind::Carried, drop.author, id, drop.sequence)
        });
        let all = keys.chain(erasures).chain(drops).chain(carried);
        Ok(all.filter_map(move |(kind, author, document, place)| {
            let lane = segment.authors.get(author)?.lane(&space);
            Some((lane, kind.number(), document?, place))
        }))
    }

    /// The rows whose changes, with all before them, are in a part: a change's hash says so.
    fn rows_in(
        &self,
        author: &PackAuthor,
        part: &Part,
        tips: &Tips,
    ) -> Result<Vec<FormerRow>, Error> {
        let space = self.space()?.space();
        let (id, lane) = (author.author(space), author.lane(space));
        let of = tips.get(&(lane, part.document));
        let (Some(of), Some(first)) = (of, part.changes.first()) else { return Ok(Vec::new()) };
        let here = self.index.tip(&part.document, &lane);
        let before = self.tip_at(&part.document, &lane, first.sequence, here)?;
        let made = before.map(|before| rebuild::changes(&id, part.changes.clone(), before));
        let Some(Ok(changes)) = made else { return Ok(Vec::new()) };
        let has = |tip: &Tip| changes.iter().any(|change| tip_of(change) == *tip);
        Ok(of.iter().filter(|(_, tip)| has(tip)).map(|(row, _)| *row).collect())
    }

    /// The place on its lane of the body that a part ends in, if that is the one that is believed here.
    fn shared_place(
        &self,
        lane: &Lane,
        part: &Part,
        proof: &PartProof,
    ) -> Result<Option<u32>, Error> {
        let Some((sequence, _)) = proof.runs.last() else { return Ok(None) };
        let believed = self.index.bodies(lane).and_then(|bodies| bodies.at(*sequence));
        let (Some(believed), Some(last)) = (believed, part.changes.last()) else { return Ok(None) };
        let here = self.index.tip(&part.document, lane);
        if here.sequence < last.sequence {
            return Ok(None);
        }
        let tip = self.tip_at(&part.document, lane, last.sequence + 1, here)?;
        let Some(hash) = tip.and_then(|tip| tip.hash) else { return Ok(None) };
        let tree = Tree::new(self.space()?.space());
        let root = tree.root_of(&proof.proof, &part.document, &hash);
        let is_it = tree.position(lane, *sequence, &root) == believed;
        Ok(is_it.then_some(*sequence))
    }

    /// The lanes that were this device's before of which it keeps a body that a pack does not show to have: neither is it, with a later
    /// one, the very one that is believed here, nor is all that it brought in the pack.
    pub(super) fn to_judge(&self, batch: &Batch, taking: &Taking) -> BTreeSet<Lane> {
        let is_shared = |(lane, place): &(Lane, u32)| {
            taking.shared.get(lane).is_some_and(|shared| place <= shared)
        };
        let mut former = self.former_places(&batch.space);
        former.retain(|body| !is_shared(body));
        let is_shown = |head: &RowHead| row_of(head).is_some_and(|row| taking.shown.contains(&row));
        let lacking = self.index.records_of(&former).filter(|head| !is_shown(head));
        lacking.map(|head| head.lane).collect()
    }
}

fn row_of(head: &RowHead) -> Option<FormerRow> {
    Some((head.lane, head.kind.number(), head.document, head.sequence?))
}

//! Taking a pack: each segment is applied, and durable, as it comes.

use haversack_wire::{Frame, FrameHash, Pack, PackHeader};

use super::super::Engine;
use super::super::batch::Batch;
use super::super::documents::Staged;
use super::super::incoming::{TakenIn, keep, quarantine};
use super::super::kept::Keep;
use super::super::refused::{Reason, Refused};
use super::super::state::{Mark, SpaceState};
use super::apply::{Became, Held};
use super::state::Taking;
use crate::Error;
use crate::members::Role;
use crate::sync::chunk;
use crate::sync::manifest::Manifest;
use crate::sync::pack::Segment;

/// Segments that are looked at together, because what one of them lacks another may have.
const TOGETHER_MAX: usize = 8;

/// A part of a pack that its key opens.
struct OpenedPart {
    pack: Pack,
    manifest: bool,
    raw: Result<Vec<u8>, haversack_wire::Error>,
}

impl Engine {
    /// Takes parts of packs, in any order and however often.
    pub(in crate::engine) fn take_packs(&mut self, frames: &[Vec<u8>]) -> Result<TakenIn, Error> {
        let mut taken = TakenIn::default();
        for (place, frame) in frames.iter().enumerate() {
            taken.add(self.take_pack_frame(frame)?);
            // What waited may have waited for its manifest, or for what all of them together bring.
            let is_manifest = matches!(Frame::parse(frame), Ok(Frame::Pack(h, _)) if h.manifest);
            if is_manifest || place + 1 == frames.len() {
                taken.add(self.take_kept_segments()?);
            }
        }
        Ok(taken)
    }

    fn take_pack_frame(&mut self, frame: &[u8]) -> Result<TakenIn, Error> {
        let mut batch = self.open_all(&[], &[], false)?.batch;
        let hash = FrameHash::of(frame);
        if self.waiting.holds(frame) {
            batch.received.known += 1;
        } else if self.mark.poison.contains(&hash) {
            quarantine(&mut batch, frame, Refused::unplaced(Reason::Crash));
        } else {
            self.mark_frames(vec![hash])?;
            match self.open_part(&batch.space, frame) {
                None => batch.received.foreign += 1,
                Some(OpenedPart { raw: Err(_), .. }) => {
                    quarantine(&mut batch, frame, Refused::unplaced(Reason::Pack));
                }
                Some(OpenedPart { pack, manifest, raw: Ok(raw) }) => match manifest {
                    true => self.take_manifest(&mut batch, &pack, &raw, frame),
                    false => self.take_segment(&mut batch, &pack, &raw, frame)?,
                },
            }
        }
        self.save_packs(batch)
    }

    fn mark_frames(&mut self, frames: Vec<FrameHash>) -> Result<(), Error> {
        let mark = Some(Mark { frames, ..self.mark.clone() });
        self.commit(Staged { mark, ..Staged::default() })
    }

    fn save_packs(&mut self, mut batch: Batch) -> Result<TakenIn, Error> {
        batch.staged.mark = Some(self.mark.after_success());
        batch.staged.space = Some(batch.space);
        let taken = TakenIn { received: batch.received, lost: batch.lost, keys: false };
        self.commit(batch.staged).map(|()| taken)
    }

    fn open_part(&self, space: &SpaceState, frame: &[u8]) -> Option<OpenedPart> {
        let Ok(Frame::Pack(header, sealed)) = Frame::parse(frame) else { return None };
        let PackHeader { manifest, .. } = header;
        space.group.packs.keys().iter().find_map(|(pack, key)| {
            let raw = chunk::open_pack((key, pack), space.space(), &header, sealed)?;
            Some(OpenedPart { pack: *pack, manifest, raw })
        })
    }

    fn take_manifest(&self, batch: &mut Batch, pack: &Pack, raw: &[u8], frame: &[u8]) {
        let Batch { space, .. } = batch;
        if space.group.packs.spent().contains(pack) || space.packs.taking.contains_key(pack) {
            batch.received.known += 1;
            return;
        }
        let Ok(manifest) = Manifest::decode(raw, space.space(), pack) else {
            return quarantine(batch, frame, Refused::unplaced(Reason::Pack));
        };
        let roster = &space.group.roster;
        let Some(stood) = roster.stood(&manifest.heads) else {
            // Until the roster that its signer had seen is here.
            batch.received.waiting += 1;
            batch.lost |= !keep(batch, Keep::Segment, frame);
            return;
        };
        let then = stood.current(&manifest.signer).and_then(|member| member.role);
        if !then.is_some_and(Role::keeps_work) || !space.is_keeper(&manifest.signer) {
            return quarantine(batch, frame, Refused::packed(manifest.signer, Reason::Pack));
        }
        let Manifest { signer, documents, segments, .. } = manifest;
        let (taken, ends, shared, shown) = Default::default();
        let taking = Taking { signer, documents, segments, taken, ends, shared, shown };
        batch.space.packs.taking.insert(*pack, taking);
        batch.received.applied += 1;
        self.finish_pack(batch, pack);
    }

    fn take_segment(
        &mut self,
        batch: &mut Batch,
        pack: &Pack,
        raw: &[u8],
        frame: &[u8],
    ) -> Result<(), Error> {
        if batch.space.group.packs.spent().contains(pack) {
            batch.received.known += 1;
            return Ok(());
        }
        if !batch.space.packs.taking.contains_key(pack) {
            batch.received.waiting += 1;
            batch.lost |= !keep(batch, Keep::Segment, frame);
            return Ok(());
        }
        match self.held(batch, pack, raw, (frame, None)) {
            Some(held) => self.apply_held(batch, pack, vec![held]),
            None => Ok(()),
        }
    }

    /// A segment that a manifest names and that is to be applied; what is none is settled here.
    fn held(
        &self,
        batch: &mut Batch,
        pack: &Pack,
        raw: &[u8],
        (frame, row): (&[u8], Option<i64>),
    ) -> Option<Held> {
        let taking = batch.space.packs.taking.get(pack)?;
        let (signer, hash) = (taking.signer, FrameHash::of(frame));
        let place = taking.segments.iter().position(|named| *named == hash);
        let refused = match place {
            None => Refused::unplaced(Reason::Pack),
            Some(place) if taking.taken.contains(&(place as u32)) => {
                batch.received.known += 1;
                batch.staged.drop_frames.extend(row);
                return None;
            }
            Some(_) if !batch.space.is_keeper(&signer) => Refused::packed(signer, Reason::Pack),
            Some(place) => match Segment::decode(raw, batch.space.space()) {
                Ok(segment) => {
                    return Some(Held { place: place as u32, frame: frame.to_vec(), row, segment });
                }
                Err(haversack_wire::Error::Unknown { .. }) if row.is_some() => return None,
                Err(haversack_wire::Error::Unknown { .. }) => {
                    batch.received.waiting += 1;
                    batch.lost |= !keep(batch, Keep::Segment, frame);
                    return None;
                }
                Err(_) => Refused::packed(signer, Reason::Pack),
            },
        };
        batch.staged.drop_frames.extend(row);
        quarantine(batch, frame, refused);
        None
    }

    /// Applies segments, and settles each.
    fn apply_held(
        &mut self,
        batch: &mut Batch,
        pack: &Pack,
        mut held: Vec<Held>,
    ) -> Result<(), Error> {
        let became = self.apply_segments(batch, pack, &mut held)?;
        for (held, became) in held.iter().zip(became) {
            let taking = batch.space.packs.taking.get_mut(pack);
            match (became, taking) {
                (Became::Whole, Some(taking)) => {
                    taking.taken.insert(held.place);
                    batch.received.applied += 1;
                    batch.staged.drop_frames.extend(held.row);
                    if !held.segment.other.is_empty() {
                        keep(batch, Keep::Newer, &held.frame);
                    }
                }
                (Became::Waits, _) if held.row.is_none() => {
                    batch.received.waiting += 1;
                    batch.lost |= !keep(batch, Keep::Segment, &held.frame);
                }
                (Became::Told, Some(taking)) => {
                    let refused = Refused::packed(taking.signer, Reason::Told);
                    batch.staged.drop_frames.extend(held.row);
                    quarantine(batch, &held.frame, refused);
                }
                _ => {}
            }
        }
        self.finish_pack(batch, pack);
        Ok(())
    }

    /// Tries kept parts of packs again: each by itself as long as that helps, then some together.
    pub(in crate::engine) fn take_kept_segments(&mut self) -> Result<TakenIn, Error> {
        let mut taken = TakenIn::default();
        loop {
            let before = self.kept_segments();
            for (row, frame) in &before {
                taken.add(self.take_again(&[(*row, frame.clone())])?);
            }
            let is_stuck = before.len() > 1 && self.kept_segments().len() == before.len();
            if is_stuck && !self.mark.cautious {
                let some: Vec<_> = before.iter().take(TOGETHER_MAX).cloned().collect();
                taken.add(self.take_again(&some)?);
            }
            if self.kept_segments().len() == before.len() {
                return Ok(taken);
            }
        }
    }

    /// How many parts of packs wait.
    pub(in crate::engine) fn segments_here(&self) -> usize {
        self.waiting.of(Keep::Segment).count()
    }

    fn kept_segments(&self) -> Vec<(i64, Vec<u8>)> {
        self.waiting.of(Keep::Segment).map(|(row, frame)| (row, frame.to_vec())).collect()
    }

    /// Takes kept parts once more, those of one pack together.
    fn take_again(&mut self, kept: &[(i64, Vec<u8>)]) -> Result<TakenIn, Error> {
        // Opening them may be what stops this process.
        let frames = kept.iter().map(|(_, frame)| FrameHash::of(frame)).collect();
        self.note_mark(Mark { frames, ..self.mark.clone() })?;
        let mut batch = self.open_all(&[], &[], false)?.batch;
        let mut of_pack: Option<(Pack, Vec<Held>)> = None;
        for (row, frame) in kept {
            if self.mark.poison.contains(&FrameHash::of(frame)) {
                batch.staged.drop_frames.push(*row);
                quarantine(&mut batch, frame, Refused::unplaced(Reason::Crash));
                continue;
            }
            let Some(opened) = self.open_part(&batch.space, frame) else {
                // Its key is gone: the pack is not needed any more.
                batch.staged.drop_frames.push(*row);
                continue;
            };
            let (pack, Ok(raw)) = (opened.pack, opened.raw) else { continue };
            if batch.space.group.packs.spent().contains(&pack) {
                batch.staged.drop_frames.push(*row);
            } else if opened.manifest {
                self.manifest_again(&mut batch, &pack, &raw, (*row, frame));
            } else if of_pack.as_ref().is_none_or(|(other, _)| *other == pack) {
                let held = self.held(&mut batch, &pack, &raw, (frame, Some(*row)));
                of_pack.get_or_insert((pack, Vec::new())).1.extend(held);
            }
        }
        if let Some((pack, held)) = of_pack.filter(|(_, held)| !held.is_empty()) {
            self.apply_held(&mut batch, &pack, held)?;
        }
        let (space, here) = (&batch.space, self.space()?);
        let is_as_before = (&space.packs, &space.lanes) == (&here.packs, &here.lanes);
        let is_as_before = is_as_before && batch.staged.is_empty();
        match is_as_before {
            true => self.note_mark(self.mark.after_success()).map(|()| TakenIn::default()),
            false => self.save_packs(batch),
        }
    }

    /// A manifest whose signer's roster may be here now.
    fn manifest_again(
        &self,
        batch: &mut Batch,
        pack: &Pack,
        raw: &[u8],
        (row, frame): (i64, &[u8]),
    ) {
        let manifest = Manifest::decode(raw, batch.space.space(), pack);
        let is_here = |heads: &[_]| batch.space.group.roster.stood(heads).is_some();
        if manifest.is_ok_and(|manifest| is_here(&manifest.heads)) {
            batch.staged.drop_frames.push(row);
            self.take_manifest(batch, pack, raw, frame);
        }
    }
}

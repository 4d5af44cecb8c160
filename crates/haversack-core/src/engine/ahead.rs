//! What of a batch's work needs nothing but a body and what the log has of its author, done ahead and on all processors: decoding,
//! making changes, checking signatures, building documents that are new here.
//!
//! It is a guess at the answers that the batch will give once it comes to the body: how far the author has come in each document. Where
//! they turn out to be others, the work is done once more in its turn, so that nothing depends on the guess.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{Builder, ScopedJoinHandle, available_parallelism, scope};

use automerge::Automerge;
use haversack_memory::in_clean_frame;
use haversack_wire::{Document, FrameHash, Incarnation, Space};

use super::Engine;
use super::apply::{Made, Verdict, lane_of_body, make};
use super::batch::{Batch, Opened};
use super::log::Index;
use super::state::LaneState;
use crate::compress::Reuse;
use crate::docs::rebuild::{self, Tip};
use crate::docs::{Author, DocumentChanges};
use crate::members::actor;
use crate::seeded::is_simulated;

/// Fewer bodies than this are not worth a thread.
const BODIES_MIN: usize = 4;
/// More threads than this wait for the disk and each other.
const THREADS_MAX: usize = 4;

/// How far an author had come in a document before some of its changes, and how far it has: nothing when that is not to be told.
pub(super) type Standing = Option<(Tip, Tip)>;

/// A body's work, and what it rests on.
pub(super) struct Ahead {
    key: [u8; 32],
    incarnation: Incarnation,
    /// What was asked for, a document and the first sequence there, and what was answered.
    asked: Vec<(Document, u64, Standing)>,
    made: Result<Made, Verdict>,
}

impl Ahead {
    /// The work, if everything that it rests on is as it was supposed to be.
    pub(super) fn made(
        self,
        lane: &LaneState,
        known: impl Fn(&Document, u64) -> Standing,
    ) -> Option<Result<Made, Verdict>> {
        let is_its = (self.key, self.incarnation) == (lane.device_key, lane.incarnation);
        let holds = self.asked.iter().all(|(id, first, answer)| known(id, *first) == *answer);
        (is_its && holds).then_some(self.made)
    }

    fn of(space: &Space, index: &Index, lane: &LaneState, chunk: &Opened) -> Self {
        let author = Author::new(&actor(space, &lane.device_key, lane.incarnation));
        let mut asked = Vec::new();
        let known = |part: &DocumentChanges| {
            let tip = index.tip(&part.document, &chunk.body.lane);
            asked.push((part.document, part.first(), Some((tip, tip))));
            Some((tip, tip))
        };
        let mut made = make(space, chunk, (&author, &lane.device_key), known);
        if let Ok(made) = &mut made {
            let new = made.parts.iter().filter(|part| index.document(&part.document).is_none());
            let built = new.map(|part| {
                let empty = Automerge::new();
                let built = rebuild::apply(&empty, &part.raw, &part.changes, part.before);
                (part.document, built)
            });
            made.built = built.collect();
        }
        Self { key: lane.device_key, incarnation: lane.incarnation, asked, made }
    }
}

impl Engine {
    /// Does what can be done ahead. Whatever it does not come to is done in its turn.
    pub(super) fn work_ahead(&self, batch: &mut Batch, opened: &[Opened]) {
        let threads = available_parallelism().map_or(1, usize::from).min(THREADS_MAX);
        if threads < 2 || opened.len() < BODIES_MIN || is_simulated() {
            return;
        }
        let (space, index, next) = (&batch.space, &self.index, AtomicUsize::new(0));
        let work = || {
            let _reuse = Reuse::begin();
            let mut done = Vec::new();
            while let Some(chunk) = opened.get(next.fetch_add(1, Ordering::Relaxed)) {
                if let Ok(lane) = lane_of_body(space, chunk) {
                    let work = Ahead::of(space.space(), index, &lane, chunk);
                    done.push((FrameHash::of(&chunk.frame), work));
                }
            }
            done
        };
        let done = scope(|scope| {
            // What such a thread leaves on its stack would outlive it.
            let run = || in_clean_frame(work);
            let others = (1..threads).map_while(|_| Builder::new().spawn_scoped(scope, run).ok());
            let others: Vec<ScopedJoinHandle<'_, _>> = others.collect();
            let mine = work();
            let others = others.into_iter().filter_map(|other| other.join().ok()).flatten();
            mine.into_iter().chain(others).collect::<Vec<_>>()
        });
        batch.ahead.extend(done);
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::engine::tests::{carry, engine, join};
    use crate::model::{Day, Mode, Site, SiteCode, SiteKind};
    use crate::sync::body::Body;
    use crate::sync::chunk;
    use crate::{ContactDraft, Role, WhoDraft};

    /// A coordinator who has logged twelve contacts of one outing, each in a body of its own; two members; and the frames.
    fn team(folder: &TempDir) -> ([Engine; 3], Vec<Vec<u8>>) {
        let [mut admin, mut phone, mut other] =
            [("admin", 1), ("phone", 2), ("other", 3)].map(|(name, n)| engine(folder, name, n));
        admin.found_space().unwrap();
        join(&mut admin, &mut phone, Role::Educator);
        join(&mut admin, &mut other, Role::Educator);
        carry(&mut admin, &mut phone);
        carry(&mut admin, &mut other);
        let code = SiteCode::new("VAN-1").unwrap();
        let kind = SiteKind::MOBILE_VAN;
        let site = Site { code: code.clone(), kind, setting: None, closes: None };
        admin.put_site(&site).unwrap();
        let day = Day::from_number(3_000).unwrap();
        for _ in 0..12 {
            let draft = ContactDraft {
                mode: Some(Mode::STREET),
                ..ContactDraft::new(WhoDraft::default(), code.clone())
            };
            admin.log(day, &[draft]).unwrap();
            admin.close_unsent().unwrap();
        }
        let bundle = admin.export_bundle().unwrap();
        let frames = haversack_wire::bundle::decode(&bundle).unwrap().frames;
        let frames = frames.into_iter().map(<[u8]>::to_vec).collect();
        ([admin, phone, other], frames)
    }

    /// Of all bodies but the first the guess is wrong, and they come out as if they had come one by one.
    #[test]
    fn a_wrong_guess_is_worked_out_again() {
        let folder = TempDir::new().unwrap();
        let ([mut admin, mut phone, mut other], frames) = team(&folder);
        let fresh: Vec<&Vec<u8>> = frames.iter().collect();
        let mut intake = phone.open_all(&fresh, &[], false).unwrap();
        phone.work_ahead(&mut intake.batch, &intake.opened);
        let is_alone = available_parallelism().map_or(1, usize::from) < 2;
        assert_eq!(intake.batch.ahead.len(), if is_alone { 0 } else { intake.opened.len() });
        phone.receive(&frames, false).unwrap();
        for frame in &frames {
            other.receive(std::slice::from_ref(frame), false).unwrap();
        }
        assert_eq!(phone.contact_count().unwrap(), 12);
        assert_eq!(phone.canonical().unwrap(), other.canonical().unwrap());
        assert_eq!(phone.canonical().unwrap(), admin.canonical().unwrap());
    }

    /// A member puts the author's own signatures under other words: what was found out about the author's is not taken for those, in
    /// whatever order they come.
    #[test]
    fn a_signature_under_other_words_vouches_for_nothing() {
        for forged_first in [false, true] {
            let folder = TempDir::new().unwrap();
            let ([mut admin, mut phone, mut other], mut frames) = team(&folder);
            let fresh: Vec<&Vec<u8>> = frames.iter().collect();
            let opened = other.open_all(&fresh, &[], false).unwrap().opened;
            let space = other.space().unwrap().clone();
            let forged: Vec<Vec<u8>> = opened
                .iter()
                .map(|chunk| {
                    let body = Body { other: vec![(99, b"forged".to_vec())], ..chunk.body.clone() };
                    let raw = [&body.encode().unwrap().bytes[..], &chunk.signature].concat();
                    let key = (&other.ring.epochs()[&chunk.epoch], &chunk.epoch);
                    let place = (chunk.tag, chunk.sequence);
                    chunk::seal(key, space.space(), place, &raw, &mut *other.random).unwrap()
                })
                .collect();
            let at = if forged_first { 0 } else { frames.len() };
            frames.splice(at..at, forged);
            let received = phone.receive(&frames, false).unwrap();
            // What comes behind the author's own finds its place taken.
            let refused = if forged_first { 12 } else { 0 };
            assert_eq!((received.applied, received.quarantined), (12, refused));
            assert_eq!(phone.canonical().unwrap(), admin.canonical().unwrap());
        }
    }
}

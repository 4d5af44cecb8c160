//! Opening frames: grants first, since they bring the keys; then rosters and chunks.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use haversack_wire::{Epoch, Frame, GrantHeader, Lane, LaneTag};

use super::Engine;
use super::batch::{Batch, Opened};
use super::incoming::{keep, quarantine};
use super::kept::{Keep, KeptFrame};
use super::refused::{Reason, Refused};
use super::room::{Room, tag_of};
use super::state::SpaceState;
use super::wait::{Need, Wait, version};
use crate::Error;
use crate::crypto::{GenerationSecret, Real};
use crate::members::{RosterSegment, statement_hash};
use crate::sync::body::Body;
use crate::sync::chunk;

/// Secrets of epochs that a device keeps at most: whoever is a member can grant what it likes.
const HELD_MAX: usize = 512;

/// What was made of a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GrantIs {
    /// It was for this device.
    Taken,
    /// It was for this device, and brought nothing new.
    Known,
    /// It is for another member.
    Passed,
    /// It is for nobody that is known here: the roster may say more later.
    Strange,
    /// It is for this device, and not what it should be.
    Broken,
}

/// Frames under way from the route to the documents.
pub(super) struct Intake {
    pub(super) batch: Batch,
    pub(super) segments: Vec<(Vec<u8>, RosterSegment)>,
    pub(super) opened: Vec<Opened>,
    pub(super) grants: Vec<(GrantIs, Vec<u8>)>,
    /// The lanes that are known here, by their tags.
    tags: OnceCell<BTreeMap<LaneTag, Lane>>,
}

impl Intake {
    /// Opens a frame, or keeps it. One that was kept before is in a row.
    fn open(&mut self, frame: &[u8], row: Option<i64>) {
        let space = *self.batch.space.space();
        let mut keys = self.batch.held.iter();
        let raw = match Frame::parse(frame) {
            Ok(Frame::Chunk(header, sealed)) => keys.find_map(|(id, secret)| {
                Some((*id, chunk::open((secret, id), &space, &header, sealed)?))
            }),
            Ok(Frame::Roster(header, sealed)) => keys.find_map(|(id, secret)| {
                Some((*id, chunk::open_roster((secret, id), &space, &header, sealed)?))
            }),
            // Packs are taken by themselves, and what is for a relay is nothing for a device.
            Ok(Frame::Grant(..) | Frame::Pack(..) | Frame::Retire(_)) => return,
            Ok(Frame::Other) => return self.pass_on(frame),
            Err(_) => return self.refuse(frame, Reason::Form),
        };
        match (raw, Frame::parse(frame)) {
            (None, _) if row.is_some() => {}
            (None, _) => self.keep_foreign(frame),
            (Some((_, raw)), Ok(Frame::Roster(..))) => {
                self.batch.staged.drop_frames.extend(row);
                match raw.and_then(|raw| RosterSegment::decode(&raw)) {
                    Ok(segment) => self.segments.push((frame.to_vec(), segment)),
                    Err(_) => self.refuse(frame, Reason::Roster),
                }
            }
            (Some((epoch, raw)), Ok(Frame::Chunk(header, _))) => {
                self.batch.staged.drop_frames.extend(row);
                self.take_body(frame, row, (epoch, header.tag, header.sequence), raw);
            }
            _ => {}
        }
    }

    /// Opens what was kept in a row. What waited for something, and whose key is gone meanwhile, waits for that key again.
    fn open_again(&mut self, kept: &KeptFrame, row: i64) {
        if kept.has_crashed() && matches!(Frame::parse(&kept.frame), Ok(Frame::Pack(..))) {
            // Parts of packs are taken by themselves.
            self.batch.staged.drop_frames.push(row);
            keep(&mut self.batch, Keep::Segment, &kept.frame);
            return;
        }
        let before = self.batch.staged.drop_frames.len();
        self.open(&kept.frame, Some(row));
        let stays = self.batch.staged.drop_frames.len() == before;
        if stays && matches!(kept.keep, Keep::Waiting(_) | Keep::Quarantined(_)) {
            self.batch.staged.drop_frames.push(row);
            self.keep_foreign(&kept.frame);
        }
    }

    fn refuse(&mut self, frame: &[u8], reason: Reason) {
        quarantine(&mut self.batch, frame, Refused::unplaced(reason));
    }

    /// Keeps what a newer version made: for the next relay if it came by file, else for the next file.
    fn pass_on(&mut self, frame: &[u8]) {
        self.batch.received.foreign += 1;
        let way = if self.batch.carry { Keep::Carried } else { Keep::Newer };
        keep(&mut self.batch, way, frame);
    }

    fn keep_foreign(&mut self, frame: &[u8]) {
        self.batch.received.foreign += 1;
        let space = &self.batch.space;
        let tags = self.tags.get_or_init(|| tags(space));
        let ours = tag_of(frame).is_some_and(|tag| tags.contains_key(&tag));
        self.batch.lost |= !keep(&mut self.batch, Keep::Foreign { ours }, frame) && ours;
    }

    fn take_body(
        &mut self,
        frame: &[u8],
        row: Option<i64>,
        (epoch, tag, sequence): (Epoch, LaneTag, u32),
        raw: Result<Vec<u8>, haversack_wire::Error>,
    ) {
        let size = raw.as_ref().map_or(frame.len(), Vec::len) as u32;
        match raw.and_then(|raw| Body::decode(&raw)) {
            Ok((body, rest, signature)) => {
                let (frame, need) = (frame.to_vec(), Need::Before);
                let place = (tag, sequence);
                let signed = (body, rest, signature);
                self.opened.push(Opened::new((frame, row), (epoch, place), signed, (size, need)));
            }
            Err(haversack_wire::Error::Unknown { .. }) => {
                let (lane, need, version) = (Lane::default(), Need::Version, version());
                let wait = Wait { lane, sequence, raw: size, stray: true, need, version };
                self.batch.received.waiting += u32::from(row.is_none());
                keep(&mut self.batch, Keep::Waiting(wait), frame);
            }
            Err(_) => self.refuse(frame, Reason::Form),
        }
    }

    /// Whether any of it says of a member, or of a key, that it is to be believed less.
    pub(super) fn judges(&self, space: &SpaceState) -> bool {
        let bodies = self.opened.iter().flat_map(|chunk| &chunk.body.statements);
        let segments = self.segments.iter().flat_map(|(_, segment)| &segment.statements);
        let news =
            |bytes: &&Vec<u8>| space.group.roster.statement(&statement_hash(bytes)).is_none();
        bodies.chain(segments).filter(news).any(|bytes| matches!(bytes.first(), Some(2..=4)))
    }
}

/// The lanes that are known here, by their tags in every generation whose secret is.
pub(super) fn tags(space: &SpaceState) -> BTreeMap<LaneTag, Lane> {
    let secrets = space.group.generations.values();
    let tag = |secret: &GenerationSecret, lane: &Lane| (secret.lane_tag(lane), *lane);
    secrets.flat_map(|secret| space.lanes.keys().map(move |lane| tag(secret, lane))).collect()
}

impl Engine {
    /// Opens frames with the secrets that are here and those that the frames bring: grants first, then rosters and chunks; and
    /// frames that are kept in rows, once more.
    pub(super) fn open_all(
        &self,
        fresh: &[&Vec<u8>],
        rows: &[i64],
        carry: bool,
    ) -> Result<Intake, Error> {
        let (space, room) = (self.space()?.clone(), Room::beside(&self.waiting, rows));
        let (staged, received) = Default::default();
        let held = self.ring.epochs().clone();
        let (tips, passed, marks, rivals, ahead) = Default::default();
        let lost = false;
        let mut batch = Batch {
            space,
            staged,
            received,
            carry,
            lost,
            held,
            room,
            tips,
            passed,
            marks,
            rivals,
            ahead,
        };
        let mut grants = Vec::new();
        for frame in fresh {
            if let Ok(Frame::Grant(header, sealed)) = Frame::parse(frame) {
                grants.push((self.take_grant(&mut batch, &header, sealed), (*frame).clone()));
            }
        }
        let (segments, opened, tags) = Default::default();
        let mut intake = Intake { batch, segments, opened, grants, tags };
        fresh.iter().for_each(|frame| intake.open(frame, None));
        for row in rows {
            if let Some(kept) = self.waiting.get(*row) {
                intake.open_again(kept, *row);
            }
        }
        Ok(intake)
    }

    /// Takes the secrets of a grant that is for this device; remembers for whom another is.
    fn take_grant(&self, batch: &mut Batch, header: &GrantHeader, sealed: &[u8]) -> GrantIs {
        let group = &mut batch.space.group;
        let before_packs = group.packs.keys().len();
        let taken =
            self.device.kems().find_map(|kem| group.take_grant::<Real>(kem, header, sealed));
        match taken {
            None if batch.space.group.saw_grant(header) => GrantIs::Passed,
            None => GrantIs::Strange,
            Some(Err(_)) => GrantIs::Broken,
            Some(Ok(secrets)) => {
                let before = batch.staged.epochs.len();
                for (epoch, secret) in secrets {
                    // What the grant is about is taken; of what it brings beside that, not without end.
                    let room = epoch == header.epoch || batch.held.len() < HELD_MAX;
                    if room && batch.held.len() < HELD_MAX * 8 && !batch.held.contains_key(&epoch) {
                        batch.held.insert(epoch, secret.clone());
                        batch.staged.epochs.push((epoch, secret));
                    }
                }
                let is_news = batch.staged.epochs.len() > before
                    || batch.space.group.packs.keys().len() > before_packs;
                if is_news { GrantIs::Taken } else { GrantIs::Known }
            }
        }
    }
}

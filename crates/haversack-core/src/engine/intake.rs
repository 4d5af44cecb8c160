//! Opening frames: grants first, since they bring the keys; then rosters and chunks.

use std::collections::BTreeMap;

use haversack_wire::{Epoch, Frame, GrantHeader};

use super::Engine;
use super::batch::{Batch, Opened};
use super::incoming::{keep, quarantine};
use super::kept::Keep;
use super::refused::{Reason, Refused};
use super::state::SpaceState;
use crate::Error;
use crate::crypto::Real;
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
            Ok(Frame::Grant(..)) => return,
            Ok(Frame::Other) => None,
            Err(_) => return self.refuse(frame, Reason::Form),
        };
        match (raw, Frame::parse(frame)) {
            (None, _) if row.is_some() => {}
            (None, _) => {
                self.batch.received.foreign += 1;
                keep(&mut self.batch, Keep::Foreign, frame);
            }
            (Some((_, raw)), Ok(Frame::Roster(..))) => {
                self.batch.staged.drop_frames.extend(row);
                match raw.and_then(|raw| RosterSegment::decode(&raw)) {
                    Ok(segment) => self.segments.push((frame.to_vec(), segment)),
                    Err(_) => self.refuse(frame, Reason::Form),
                }
            }
            (Some((epoch, raw)), Ok(Frame::Chunk(header, _))) => {
                let body = raw.and_then(|raw| Body::decode(&raw));
                self.take_body(frame, row, (epoch, header.sequence), body);
            }
            _ => {}
        }
    }

    fn refuse(&mut self, frame: &[u8], reason: Reason) {
        quarantine(&mut self.batch, frame, Refused::unplaced(reason));
    }

    fn take_body(
        &mut self,
        frame: &[u8],
        row: Option<i64>,
        (epoch, sequence): (Epoch, u32),
        body: Result<(Body, Vec<u8>, [u8; 64]), haversack_wire::Error>,
    ) {
        let frame = frame.to_vec();
        match body {
            Ok((body, rest, signature)) => {
                self.opened.push(Opened { frame, epoch, row, sequence, body, rest, signature });
            }
            Err(haversack_wire::Error::Unknown { .. }) if row.is_some() => {}
            Err(haversack_wire::Error::Unknown { .. }) => {
                keep(&mut self.batch, Keep::Waiting, &frame);
            }
            Err(_) => {
                self.batch.staged.drop_frames.extend(row);
                self.refuse(&frame, Reason::Form);
            }
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

impl Engine {
    /// Opens frames with the secrets that are here and those that the frames bring: grants first, then rosters and chunks. Frames that are
    /// kept are tried again.
    pub(super) fn open_all(&self, fresh: &[&Vec<u8>]) -> Result<Intake, Error> {
        let (space, room) = (self.space()?.clone(), self.waiting.room());
        let (staged, received) = Default::default();
        let held = self.ring.epochs().clone();
        let tips = BTreeMap::new();
        let mut batch = Batch { space, staged, received, carry: false, held, room, tips };
        let mut grants = Vec::new();
        for frame in fresh {
            if let Ok(Frame::Grant(header, sealed)) = Frame::parse(frame) {
                grants.push((self.take_grant(&mut batch, &header, sealed), (*frame).clone()));
            }
        }
        let mut intake = Intake { batch, segments: Vec::new(), opened: Vec::new(), grants };
        fresh.iter().for_each(|frame| intake.open(frame, None));
        let new_keys = !intake.batch.staged.epochs.is_empty();
        for (id, kept) in self.waiting.iter() {
            let again = match kept.keep {
                Keep::Waiting => true,
                Keep::Foreign => new_keys,
                Keep::Carried | Keep::Quarantined(_) | Keep::Former => false,
            };
            if again {
                intake.open(&kept.frame, Some(id));
            }
        }
        Ok(intake)
    }

    /// Takes the secrets of a grant that is for this device; remembers for whom another is.
    fn take_grant(&self, batch: &mut Batch, header: &GrantHeader, sealed: &[u8]) -> GrantIs {
        let group = &mut batch.space.group;
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
                if batch.staged.epochs.len() > before { GrantIs::Taken } else { GrantIs::Known }
            }
        }
    }
}

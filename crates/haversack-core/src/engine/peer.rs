//! The way by another device of the space: one phone asks, the other answers, over whatever carries bytes (PROTOCOL § 7.1).
//!
//! The request and the answer are those of a relay. But a member may know what another one has: the vector says everything that
//! the asking device has applied, and so one request is enough whatever was exchanged before. Neither remembers where the other
//! stands, and nothing counts as held by a relay.

use std::collections::{BTreeMap, BTreeSet};

use haversack_wire::request::{Basis, Section, SectionHead};
use haversack_wire::{CursorDigest, FrameHash, LaneTag, Relay};

use super::Engine;
use super::batch::Received;
use super::ending::SyncOutcome;
use super::incoming::TakenIn;
use super::state::SpaceState;
use crate::Error;
use crate::crypto::GenerationSecret;
use crate::members::Live;
use crate::sync::exchange::{Exchange, MailboxTrail, Pushed, Step, place};
use haversack_wire::answer::Stored;
use haversack_wire::limits::{LANES_MAX, PUSH_FRAMES_MAX};

/// Bytes of frames in one request; the rest goes with the next.
const PUSH_BYTES_MAX: usize = 8 << 20;
/// Own bodies that are read from the disk in one go.
pub(super) const PAGE_BODIES: usize = 16;

impl Engine {
    /// What this device is asked for by, where a relay has its id: `derive("relay", device key)[..16]`.
    #[must_use]
    pub fn peer_id(&self) -> Relay {
        Relay::of(&self.device.identity.sign.public())
    }

    /// Begins an exchange with another device of the space: everything that this one would put into a file goes into one request,
    /// in which it says what it has. Goes on `after` one with the same device that said there was more.
    ///
    /// Send [`Exchange::request`], then [`Engine::feed`] and [`Engine::end_exchange`], as with a relay.
    ///
    /// # Errors
    /// [`Error::NoSpace`], [`Error::Removed`], and the errors of saving.
    pub fn begin_meeting(
        &mut self,
        peer: &Relay,
        after: Option<&Exchange>,
    ) -> Result<Exchange, Error> {
        self.prepare()?;
        self.close_unsent()?;
        let space = self.space()?.clone();
        let live = space.live.ok_or(Error::Removed)?;
        let handed = after.map(|before| before.handed.clone()).unwrap_or_default();
        let (frames, more) = self.frames_to_hand(&space, &live, &handed)?;
        let (mut sections, mut mailboxes) = (Vec::new(), Vec::new());
        for (generation, number, secret) in space.group.mailboxes(&space.table, &[], |_| true) {
            let retire = space.group.roster.retire_hash(number).unwrap_or_default();
            let head = SectionHead {
                token: secret.token(peer),
                retire,
                admission: Vec::new(),
                cursor: 0,
                basis: Basis::Vector(CursorDigest::default(), self.vector(&space, secret)),
                resume: None,
                frames: 0,
            };
            sections.push(Section { head, frames: Vec::new() });
            mailboxes.push((generation, Vec::new()));
        }
        // The oldest generation is the one that the other is the most likely to know.
        if let (Some(section), Some((_, pushed))) = (sections.last_mut(), mailboxes.last_mut()) {
            *pushed = frames.iter().map(|frame| pushed_frame(frame)).collect();
            section.frames = frames;
        }
        let start = (0, CursorDigest::default());
        let trails = mailboxes.into_iter().map(|(id, pushed)| MailboxTrail::new(id, pushed, start));
        let mut exchange = Exchange::new(*peer, live.epoch, &sections, trails.collect())?;
        exchange.is_meeting = true;
        exchange.handed = handed;
        exchange.tally.again = more;
        exchange.tally.contacts_before = self.contact_count()?;
        Ok(exchange)
    }

    /// What is here and another device may lack, but for what was handed to it; and whether that is not all.
    fn frames_to_hand(
        &mut self,
        space: &SpaceState,
        live: &Live,
        handed: &BTreeSet<FrameHash>,
    ) -> Result<(Vec<Vec<u8>>, bool), Error> {
        let is_new = |frame: &Vec<u8>| !handed.contains(&FrameHash::of(frame));
        let mut frames = self.frames_at_hand(space, live)?;
        frames.retain(is_new);
        let mut bytes: usize = frames.iter().map(Vec::len).sum();
        let sequences: Vec<u32> = self.bodies.keys().copied().collect();
        for page in sequences.chunks(PAGE_BODIES) {
            if bytes > PUSH_BYTES_MAX {
                break;
            }
            let own = self.own_frames(space, page)?.into_iter().filter(is_new);
            own.for_each(|frame| {
                bytes += frame.len();
                frames.push(frame);
            });
        }
        let all = frames.len();
        let sizes = frames.iter().scan(0, |sum, frame| {
            *sum += frame.len();
            Some(*sum)
        });
        let fit = sizes.take(PUSH_FRAMES_MAX).take_while(|sum| *sum <= PUSH_BYTES_MAX).count();
        frames.truncate(fit);
        Ok((frames, fit < all))
    }

    /// What is not an own body: first what opens the rest.
    pub(super) fn frames_at_hand(
        &mut self,
        space: &SpaceState,
        live: &Live,
    ) -> Result<Vec<Vec<u8>>, Error> {
        let me = self.device.identity.sign.public();
        let owed = space.owed_by_file(live, &me);
        let grants = self.grants(space, live, owed).into_iter();
        let mut frames: Vec<Vec<u8>> = grants.map(|offer| offer.frame).collect();
        frames.extend(self.roster_frames(space)?);
        frames.extend(self.former_frames(space)?.into_iter().map(|(_, frame)| frame));
        frames.extend(self.waiting.handed_on().map(<[u8]>::to_vec));
        Ok(frames)
    }

    /// What is applied here of each lane, by its tag in one generation. Of a forked lane another body of a place may be news: it is
    /// left out.
    pub(super) fn vector(
        &self,
        space: &SpaceState,
        secret: &GenerationSecret,
    ) -> Vec<(LaneTag, u32)> {
        let forked: BTreeSet<_> = self.index.forked().map(|(lane, _)| *lane).collect();
        let lanes = space.lanes.iter().filter(|(lane, _)| !forked.contains(lane));
        let tags: BTreeMap<LaneTag, u32> =
            lanes.map(|(lane, state)| (secret.lane_tag(lane), state.next)).collect();
        tags.into_iter().filter(|(_, next)| *next > 0).take(LANES_MAX).collect()
    }

    /// As [`Engine::feed`]. What came is kept for the next relay as well.
    pub(super) fn feed_meeting(
        &mut self,
        exchange: &mut Exchange,
        bytes: &[u8],
    ) -> Result<Received, Error> {
        let mut frames = Vec::new();
        let (steps, nonsense) = exchange.feed(bytes);
        for (_, step) in steps {
            match step {
                Step::Frame(_, frame) => frames.push(frame),
                Step::Acknowledged(_, Stored::Full, _) => exchange.tally.full += 1,
                Step::Acknowledged(pushed, ..) => {
                    exchange.tally.pushed += 1;
                    exchange.tally.pushed_bytes += u64::from(pushed.size);
                    exchange.handed.insert(pushed.hash);
                }
                Step::Passed(..) | Step::Need | Step::End(..) => {}
            }
        }
        let TakenIn { received, .. } = match frames.is_empty() {
            true => TakenIn::default(),
            false => self.take_in(&frames, true)?,
        };
        exchange.tally.received.add(received);
        nonsense.map_or(Ok(received), |error| Err(error.into()))
    }

    /// As [`Engine::end_exchange`]. Another one is of use when not everything fitted, or when this device learned of keys under
    /// which to seal anew.
    pub(super) fn end_meeting(&mut self, exchange: &Exchange) -> Result<SyncOutcome, Error> {
        self.erase_due()?;
        let (tally, live) = (exchange.tally, self.space()?.live);
        let has_new_keys = live.is_some_and(|live| live.epoch != exchange.live);
        let moved = tally.pushed > 0;
        Ok(SyncOutcome {
            pushed: tally.pushed,
            pushed_bytes: tally.pushed_bytes,
            full: tally.full,
            received: tally.received,
            contacts: self.contact_count()?.saturating_sub(tally.contacts_before),
            complete: exchange.is_done(),
            again: exchange.is_done() && ((tally.again && moved) || has_new_keys),
            own: self.ledger(),
            ..SyncOutcome::default()
        })
    }
}

fn pushed_frame(frame: &[u8]) -> Pushed {
    let (hash, place, size) = (FrameHash::of(frame), place(frame), frame.len() as u32);
    let (carried, roster, grant, pack, epoch) = Default::default();
    Pushed { hash, size, place, carried, roster, grant, pack, epoch }
}

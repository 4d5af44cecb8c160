//! The way by a file. It ends in the same `receive` as that by a relay.

use haversack_wire::bundle::{self, Ending};
use haversack_wire::{Frame, GrantHeader};

use super::Engine;
use super::batch::Received;
use super::documents::Staged;
use super::state::SpaceState;
use crate::Error;

/// What importing a bundle did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BundleOutcome {
    /// Whole frames in the file.
    pub frames: u32,
    /// What they brought.
    pub received: Received,
    /// Contacts that are new here.
    pub contacts: u64,
    /// Whether the file goes to its end.
    pub whole: bool,
}

impl Engine {
    /// What every file for the team begins with: the keys and the roster that its readers may lack.
    fn begin_file(&mut self) -> Result<(SpaceState, Vec<Vec<u8>>), Error> {
        self.prepare()?;
        self.close_unsent()?;
        let space = self.space()?.clone();
        let live = space.live.ok_or(Error::Removed)?;
        let me = self.device.identity.sign.public();
        let owed = space.owed_by_file(&live, &me);
        let grants = self.grants(&space, &live, owed).into_iter();
        let mut frames: Vec<Vec<u8>> = grants.map(|offer| offer.frame).collect();
        frames.extend(self.roster_frames(&space)?);
        Ok((space, frames))
    }

    /// Writes a bundle: everything of this device that is not acknowledged, and what it carries for others.
    ///
    /// # Errors
    /// [`Error::NoSpace`], and the errors of saving.
    pub fn export_bundle(&mut self) -> Result<Vec<u8>, Error> {
        let (space, mut frames) = self.begin_file()?;
        frames.extend(self.former_frames(&space)?.into_iter().map(|(_, frame)| frame));
        frames.extend(self.waiting.handed_on().map(<[u8]>::to_vec));
        let sequences: Vec<u32> = self.bodies.keys().copied().collect();
        frames.extend(self.own_frames(&space, &sequences)?);
        self.note_filed(&space)?;
        Ok(bundle::encode(frames.iter().map(Vec::as_slice))?)
    }

    /// Remembers how far this device's lanes were written into a file.
    fn note_filed(&mut self, space: &SpaceState) -> Result<(), Error> {
        let own = self.bodies.last_key_value().map(|(last, _)| (space.lane, *last));
        let mut filed = space.filed.clone();
        for (lane, sequence) in self.former_places(space).into_iter().chain(own) {
            let next = filed.entry(lane).or_default();
            *next = (*next).max(sequence + 1);
        }
        if filed == space.filed {
            return Ok(());
        }
        let space = SpaceState { filed, ..self.space()?.clone() };
        self.commit(Staged { space: Some(space), ..Staged::default() })
    }

    /// Writes a bundle of this device's own pack, with the roster and the keys that its readers lack. Nothing when it has made none.
    ///
    /// # Errors
    /// [`Error::NoSpace`], and the errors of saving.
    pub fn export_pack(&mut self) -> Result<Option<Vec<u8>>, Error> {
        let (space, mut frames) = self.begin_file()?;
        let before = frames.len();
        for row in self.own_parts(&space) {
            frames.push(self.part(row)?);
        }
        match frames.len() > before {
            true => Ok(Some(bundle::encode(frames.iter().map(Vec::as_slice))?)),
            false => Ok(None),
        }
    }

    /// Takes a bundle. What is new is kept for the next relay as well.
    ///
    /// # Errors
    /// [`Error::Wire`] when it is not a bundle, [`Error::Foreign`] when nothing in it is for this space. Nothing
    /// is changed then.
    pub fn import_bundle(&mut self, bytes: &[u8]) -> Result<BundleOutcome, Error> {
        self.space()?;
        let parsed = bundle::decode(bytes)?;
        // What it grants opens the rest of it.
        let is_grant = |frame: &&&[u8]| matches!(Frame::parse(frame), Ok(Frame::Grant(..)));
        let grants = parsed.frames.iter().filter(is_grant).filter(|frame| self.is_ours(frame));
        let grants: Vec<Vec<u8>> = grants.map(|frame| frame.to_vec()).collect();
        let before = self.view()?.totals()?.0;
        let mut received = self.receive(&grants, true)?;
        let is_newer = |frame: &&&[u8]| matches!(Frame::parse(frame), Ok(Frame::Other));
        let ours = parsed.frames.iter().filter(|frame| self.is_ours(frame) && !is_grant(frame));
        let mut ours: Vec<Vec<u8>> = ours.map(|frame| frame.to_vec()).collect();
        if ours.is_empty() && grants.is_empty() && !parsed.frames.is_empty() {
            return Err(Error::Foreign { what: "bundle" });
        }
        // Among frames of this space, those of newer versions are taken to be of it too.
        ours.extend(parsed.frames.iter().filter(is_newer).map(|frame| frame.to_vec()));
        received.add(self.receive(&ours, true)?);
        self.let_go_of_erased()?;
        Ok(BundleOutcome {
            frames: parsed.frames.len() as u32,
            received,
            contacts: self.view()?.totals()?.0.saturating_sub(before),
            whole: parsed.ending == Ending::Whole,
        })
    }

    fn is_for_member(&self, header: &GrantHeader) -> bool {
        let is_for = |space: &SpaceState| {
            self.device.kems().any(|k| space.group.is_for(&k.public(), header))
        };
        self.space.as_ref().is_some_and(is_for)
    }

    /// Whether a frame's hint names an epoch that is held here.
    pub(super) fn is_ours(&self, frame: &[u8]) -> bool {
        let hinted = |nonce, hint| {
            self.ring.epochs().values().any(|secret| secret.hint_key().hint(nonce) == hint)
        };
        match Frame::parse(frame) {
            Ok(Frame::Chunk(header, _)) => hinted(&header.nonce, header.hint),
            Ok(Frame::Roster(header, _)) => hinted(&header.nonce, header.hint),
            Ok(Frame::Grant(header, _)) => self.is_for_member(&header),
            Ok(Frame::Pack(header, _)) => {
                let keys = self.space.iter().flat_map(|space| space.group.packs.keys().values());
                keys.into_iter().any(|key| key.hint_key().hint(&header.nonce) == header.hint)
            }
            _ => false,
        }
    }
}

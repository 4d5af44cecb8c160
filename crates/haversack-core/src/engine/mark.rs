//! The mark by which a frame is found out that stops this program (see [`super::incoming`]).

use haversack_wire::codec::put_varint;
use haversack_wire::{Error, FrameHash, Reader};

use super::wait::version;

/// A batch that was about to be applied. One that is still there at the next start was cut off, perhaps by
/// itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Mark {
    /// The frames of the batch.
    pub(super) frames: Vec<FrameHash>,
    /// Frames that were cut off alone, so often that it was no chance: this version does not try them again.
    pub(super) poison: Vec<FrameHash>,
    /// A frame that was cut off alone, and how often.
    pub(super) suspect: Option<(FrameHash, u8)>,
    /// Whether to apply one frame at a time, until a whole delivery went well.
    pub(super) cautious: bool,
    /// How often repairs of forks were begun at an opening, and did not come to their end.
    pub(super) mendings: u8,
}

impl Mark {
    /// A phone is switched off now and then: once or twice is no proof against a frame.
    const DEATHS_MAX: u8 = 3;

    /// Whether repairs of forks are left undone, since this program stopped over them at one opening after another: what is here
    /// is shown and can be added to, until a newer version comes.
    pub(super) const fn is_past_mending(&self) -> bool {
        self.mendings > Self::DEATHS_MAX
    }

    /// The mark of a store that stopped while applying.
    pub(super) fn after_crash(mut self) -> Self {
        if self.mendings == Self::DEATHS_MAX {
            self.mendings += 1;
        }
        match std::mem::take(&mut self.frames).as_slice() {
            [] => {}
            [frame] => {
                let before = self.suspect.filter(|(suspect, _)| suspect == frame);
                let deaths = before.map_or(1, |(_, deaths)| deaths + 1);
                self.suspect = Some((*frame, deaths));
                if deaths >= Self::DEATHS_MAX {
                    self.poison.push(*frame);
                    self.suspect = None;
                }
            }
            _ => self.cautious = true,
        }
        self
    }

    /// The mark after a batch that went well.
    pub(super) fn after_success(&self) -> Self {
        let suspect = self.suspect.filter(|(suspect, _)| !self.frames.contains(suspect));
        Self { frames: Vec::new(), suspect, ..self.clone() }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = vec![self.cautious.into()];
        for list in [&self.frames, &self.poison] {
            put_varint(&mut out, list.len() as u64);
            list.iter().for_each(|hash| out.extend_from_slice(hash.as_bytes()));
        }
        let (suspect, deaths) = self.suspect.unwrap_or_default();
        out.extend_from_slice(suspect.as_bytes());
        out.push(deaths);
        out.push(self.mendings);
        out.extend_from_slice(&version());
        out
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut r = Reader::new("mark", bytes);
        let cautious = r.u8()? == 1;
        let mut list = || -> Result<Vec<FrameHash>, Error> {
            (0..r.listed()?).map(|_| r.array().map(FrameHash::new)).collect()
        };
        let (frames, poison) = (list()?, list()?);
        let (suspect, deaths) = (FrameHash::new(r.array()?), r.u8()?);
        let suspect = (deaths > 0).then_some((suspect, deaths));
        let (mendings, by) = (r.u8()?, r.array()?);
        // Another version may manage.
        let (mendings, poison) =
            if by == version() { (mendings, poison) } else { Default::default() };
        r.end().map(|()| Self { frames, poison, suspect, cautious, mendings })
    }
}

//! Retire frames: what a relay may drop, and the proof that whoever says so may (§ 3.7).

use crate::codec::{Ascending, Reader, put_varint};
use crate::hash::{Label, derive};
use crate::limits::RETIRED_FRAMES_MAX;
use crate::request::{put_lanes, read_lanes};
use crate::{Error, FrameHash, LaneTag, RetireHash, VERSION};

/// What a mailbox needs no more.
#[derive(Clone, PartialEq, Eq)]
pub struct Retire {
    /// The preimage of the mailbox's retire hash: archives and admins alone know it.
    pub preimage: [u8; 32],
    /// Of each lane the first sequence that is still needed, ascending by tag.
    pub lanes: Vec<(LaneTag, u32)>,
    /// Frames of older packs, by hash, ascending.
    pub frames: Vec<FrameHash>,
}

impl std::fmt::Debug for Retire {
    /// Without the preimage.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Retire")
            .field("lanes", &self.lanes.len())
            .field("frames", &self.frames.len())
            .finish_non_exhaustive()
    }
}

impl Retire {
    /// Writes the frame.
    ///
    /// # Errors
    /// [`Error::Limit`] over a maximum, [`Error::Malformed`] when a list is out of order.
    pub fn encode(&self) -> Result<Vec<u8>, Error> {
        let mut out = vec![6, VERSION];
        out.extend_from_slice(&self.preimage);
        put_lanes(&mut out, &self.lanes)?;
        crate::codec::bounded("retired frames", self.frames.len() as u64, RETIRED_FRAMES_MAX)?;
        put_varint(&mut out, self.frames.len() as u64);
        let mut order = Ascending::new("retired frames");
        for hash in &self.frames {
            order.step(hash)?;
            out.extend_from_slice(hash.as_bytes());
        }
        let length = out.len() as u64;
        crate::codec::bounded("frame", length, crate::limits::FRAME_MAX).map(|_| out)
    }

    pub(crate) fn decode(frame: &[u8]) -> Result<Self, Error> {
        let mut r = Reader::new("retire", frame);
        r.take(2)?;
        let (preimage, lanes) = (r.array()?, read_lanes(&mut r)?);
        let mut order = Ascending::new("retired frames");
        let mut frames = Vec::new();
        for _ in 0..r.count(RETIRED_FRAMES_MAX)? {
            let hash = FrameHash::new(r.array()?);
            order.step(hash)?;
            frames.push(hash);
        }
        r.end()?;
        Ok(Self { preimage, lanes, frames })
    }

    /// Whether it proves the right to empty a mailbox with this retire hash.
    #[must_use]
    pub fn proves(&self, hash: &RetireHash) -> bool {
        derive(Label::RETIRE, &[&self.preimage]) == *hash.as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Retire {
        Retire {
            preimage: [1; 32],
            lanes: vec![(LaneTag::new([2; 8]), 3), (LaneTag::new([4; 8]), 300)],
            frames: vec![FrameHash::new([5; 16])],
        }
    }

    #[test]
    fn is_read_as_it_was_written_and_proves_one_mailbox() {
        let frame = sample().encode().unwrap();
        assert_eq!(Retire::decode(&frame), Ok(sample()));
        assert!(sample().proves(&RetireHash::new(derive(Label::RETIRE, &[&[1; 32]]))));
        assert!(!sample().proves(&RetireHash::new([1; 32])));
        (0..frame.len()).for_each(|end| assert!(Retire::decode(&frame[..end]).is_err(), "{end}"));
    }

    #[test]
    fn lists_are_ascending() {
        let mut twice = sample();
        twice.frames.push(FrameHash::new([5; 16]));
        assert!(twice.encode().is_err());
        let mut back = sample();
        back.lanes.reverse();
        assert!(back.encode().is_err());
    }
}

//! Frames and their clear headers (§ 3).

use crate::codec::Reader;
use crate::limits::{FRAME_MAX, FRAME_MIN};
use crate::{Epoch, Error, FrameHash, GrantTag, KeyHint, LaneTag, Retire};

/// The version byte of every format on this page.
pub const VERSION: u8 = 1;

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum FrameKind {
    /// A lane's next signed body, sealed.
    Chunk,
    /// A part of the roster under a new epoch.
    Roster,
    /// Keys for one device.
    Grant,
    /// A part of a pack.
    Pack,
    /// What a relay may drop.
    Retire,
    /// A kind or version that this code does not know: kept and passed on.
    Other,
}

/// The clear header of a chunk: 44 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkHeader {
    /// The lane, as this generation's relays see it.
    pub tag: LaneTag,
    /// Place on the lane, from 0.
    pub sequence: u32,
    /// Length of what follows, in bytes.
    pub length: u16,
    /// Nonce of the AEAD.
    pub nonce: [u8; 24],
    /// Which epoch opens it.
    pub hint: KeyHint,
}

impl ChunkHeader {
    /// Length in bytes.
    pub const LEN: usize = 44;

    /// Writes the header.
    #[must_use]
    pub fn encode(&self) -> [u8; Self::LEN] {
        let mut out = [0; Self::LEN];
        let parts: [&[u8]; 6] = [
            &[1, VERSION],
            self.tag.as_bytes(),
            &self.sequence.to_le_bytes(),
            &self.length.to_le_bytes(),
            &self.nonce,
            self.hint.as_bytes(),
        ];
        fill(&mut out, &parts);
        out
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, Error> {
        r.take(2)?;
        Ok(Self {
            tag: LaneTag::new(r.array()?),
            sequence: r.u32()?,
            length: r.u16()?,
            nonce: r.array()?,
            hint: KeyHint::new(r.array()?),
        })
    }
}

/// The clear header of a roster segment: 32 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RosterHeader {
    /// Length of what follows, in bytes.
    pub length: u16,
    /// Nonce of the AEAD.
    pub nonce: [u8; 24],
    /// Which epoch opens it.
    pub hint: KeyHint,
}

impl RosterHeader {
    /// Length in bytes.
    pub const LEN: usize = 32;

    /// Writes the header.
    #[must_use]
    pub fn encode(&self) -> [u8; Self::LEN] {
        let mut out = [0; Self::LEN];
        fill(
            &mut out,
            &[&[2, VERSION], &self.length.to_le_bytes(), &self.nonce, self.hint.as_bytes()],
        );
        out
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, Error> {
        r.take(2)?;
        Ok(Self { length: r.u16()?, nonce: r.array()?, hint: KeyHint::new(r.array()?) })
    }
}

/// The clear header of a grant: 66 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GrantHeader {
    /// Makes the tag another one each time.
    pub salt: [u8; 8],
    /// For whom it is.
    pub tag: GrantTag,
    /// The newest epoch granted.
    pub epoch: Epoch,
    /// HPKE encapsulated key.
    pub encapsulated: [u8; 32],
}

impl GrantHeader {
    /// Length in bytes.
    pub const LEN: usize = 66;
    /// How much of it, from the start, is the AEAD's associated data.
    pub const AAD_LEN: usize = 34;

    /// Writes the header.
    #[must_use]
    pub fn encode(&self) -> [u8; Self::LEN] {
        let mut out = [0; Self::LEN];
        fill(
            &mut out,
            &[
                &[3, VERSION],
                &self.salt,
                self.tag.as_bytes(),
                self.epoch.as_bytes(),
                &self.encapsulated,
            ],
        );
        out
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, Error> {
        r.take(2)?;
        Ok(Self {
            salt: r.array()?,
            tag: GrantTag::new(r.array()?),
            epoch: Epoch::new(r.array()?),
            encapsulated: r.array()?,
        })
    }
}

/// The clear header of a part of a pack: 32 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackHeader {
    /// Whether it is the manifest; a segment else.
    pub manifest: bool,
    /// Length of what follows, in bytes.
    pub length: u16,
    /// Nonce of the AEAD.
    pub nonce: [u8; 24],
    /// Which pack's key opens it.
    pub hint: KeyHint,
}

impl PackHeader {
    /// Length in bytes.
    pub const LEN: usize = 32;

    /// Writes the header.
    #[must_use]
    pub fn encode(&self) -> [u8; Self::LEN] {
        let mut out = [0; Self::LEN];
        let (kind, length) = ([4 + u8::from(self.manifest), VERSION], self.length.to_le_bytes());
        fill(&mut out, &[&kind, &length, &self.nonce, self.hint.as_bytes()]);
        out
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, Error> {
        let manifest = r.u8()? == 5;
        r.take(1)?;
        let (length, nonce) = (r.u16()?, r.array()?);
        Ok(Self { manifest, length, nonce, hint: KeyHint::new(r.array()?) })
    }
}

fn fill(out: &mut [u8], parts: &[&[u8]]) {
    let bytes = parts.iter().flat_map(|part| part.iter().copied());
    out.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
}

/// A sealed frame whose clear header and length are in order. What is inside is for those with keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame<'a> {
    /// A chunk and its sealed part.
    Chunk(ChunkHeader, &'a [u8]),
    /// A roster segment and its sealed part.
    Roster(RosterHeader, &'a [u8]),
    /// A grant and its sealed part.
    Grant(GrantHeader, &'a [u8]),
    /// A segment or the manifest of a pack, and its sealed part.
    Pack(PackHeader, &'a [u8]),
    /// What a relay may drop.
    Retire(Retire),
    /// A kind or version not known here.
    Other,
}

impl<'a> Frame<'a> {
    /// Reads the clear header of a whole frame.
    ///
    /// # Errors
    /// [`Error::Limit`] over 32,768 bytes, [`Error::Short`] and [`Error::Trailing`] when the length in
    /// the header is not the frame's, [`Error::Malformed`] when a chunk is below the padding floor, and whatever rule of § 3.7 a
    /// retire breaks.
    pub fn parse(frame: &'a [u8]) -> Result<Self, Error> {
        if frame.len() > FRAME_MAX {
            let found = frame.len() as u64;
            return Err(Error::Limit { what: "frame", found, limit: FRAME_MAX as u64 });
        }
        let mut r = Reader::new("frame", frame);
        match frame {
            [] | [_] => Err(Error::Short { what: "frame" }),
            [1, VERSION, ..] => {
                let header = ChunkHeader::read(&mut r)?;
                Ok(Self::Chunk(header, sealed(r, header.length, frame.len())?))
            }
            [2, VERSION, ..] => {
                let header = RosterHeader::read(&mut r)?;
                Ok(Self::Roster(header, sealed(r, header.length, frame.len())?))
            }
            [3, VERSION, ..] => {
                let header = GrantHeader::read(&mut r)?;
                let length = r.u16()?;
                Ok(Self::Grant(header, sealed(r, length, FRAME_MIN)?))
            }
            [4 | 5, VERSION, ..] => {
                let header = PackHeader::read(&mut r)?;
                Ok(Self::Pack(header, sealed(r, header.length, frame.len())?))
            }
            [6, VERSION, ..] => Retire::decode(frame).map(Self::Retire),
            _ => Ok(Self::Other),
        }
    }

    /// What the frame is.
    #[must_use]
    pub const fn kind(&self) -> FrameKind {
        match self {
            Self::Chunk(..) => FrameKind::Chunk,
            Self::Roster(..) => FrameKind::Roster,
            Self::Grant(..) => FrameKind::Grant,
            Self::Pack(..) => FrameKind::Pack,
            Self::Retire(_) => FrameKind::Retire,
            Self::Other => FrameKind::Other,
        }
    }

    /// The frame's hash.
    #[must_use]
    pub fn hash(frame: &[u8]) -> FrameHash {
        FrameHash::of(frame)
    }
}

/// The rest of a frame, which must be exactly as long as its header says and no shorter than the floor.
fn sealed<'a>(mut r: Reader<'a>, length: u16, frame_len: usize) -> Result<&'a [u8], Error> {
    let body = r.take(length.into())?;
    r.end()?;
    match frame_len < FRAME_MIN {
        true => Err(Error::Malformed { what: "frame", rule: "is below the padding floor" }),
        false => Ok(body),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(length: u16, sealed: usize) -> Vec<u8> {
        let header = ChunkHeader {
            tag: LaneTag::new([2; 8]),
            sequence: 3,
            length,
            nonce: [4; 24],
            hint: KeyHint::new([5; 4]),
        };
        [&header.encode()[..], &vec![6; sealed]].concat()
    }

    #[test]
    fn chunk_header_bytes() {
        insta::assert_debug_snapshot!(Frame::parse(&chunk(212, 212)).map(|f| match f {
            Frame::Chunk(header, sealed) => (header, sealed.len()),
            _ => panic!("a chunk"),
        }), @r"
        Ok(
            (
                ChunkHeader {
                    tag: LaneTag(02020202…),
                    sequence: 3,
                    length: 212,
                    nonce: [
                        4,
                        4,
                        4,
                        4,
                        4,
                        4,
                        4,
                        4,
                        4,
                        4,
                        4,
                        4,
                        4,
                        4,
                        4,
                        4,
                        4,
                        4,
                        4,
                        4,
                        4,
                        4,
                        4,
                        4,
                    ],
                    hint: KeyHint(05050505…),
                },
                212,
            ),
        )
        ");
    }

    #[test]
    fn lengths_must_agree() {
        let refused = |frame: Vec<u8>| assert!(Frame::parse(&frame).is_err());
        refused(chunk(212, 211));
        refused(chunk(212, 213));
        refused(chunk(100, 100));
        refused(chunk(0, 40_000));
        refused(vec![1]);
        assert_eq!(Frame::parse(&[9, 1]), Ok(Frame::Other));
        assert_eq!(Frame::parse(&[1, 2]), Ok(Frame::Other));
    }
}

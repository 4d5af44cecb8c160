//! The request of an exchange, written whole and read as a stream (§ 7).

use crate::codec::{Ascending, Reader, bounded, put_blob, put_varint};
use crate::limits::{ADMISSION_MAX, FRAME_MAX, LANES_MAX, PUSH_FRAMES_MAX, SECTIONS_MAX};
use crate::{CursorDigest, Error, FrameHash, LaneTag, Mailbox, RetireHash, Token, VERSION};

const WHAT: &str = "request";
const MAGIC: [u8; 2] = *b"HS";

/// The cursor of a device to which the relay's cursors say nothing. Beyond it a cursor counts nothing real.
pub const NO_CURSOR: u64 = 1 << 48;

/// What the device already has from this relay, with the digest at its cursor: of zeros at [`NO_CURSOR`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Basis {
    /// All up to the cursor.
    Digest(CursorDigest),
    /// The first sequence missing of each lane, ascending by tag.
    Vector(CursorDigest, Vec<(LaneTag, u32)>),
    /// It asks for everything but chunks, packs included: those that it needs it asks for once it has the pack.
    Loose,
    /// As [`Self::Vector`], but frames that are no chunks are here up to the cursor.
    Chunks(CursorDigest, Vec<(LaneTag, u32)>),
}

/// Where a frame broke off that the device has a part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resume {
    /// The relay's own mark of the frame.
    pub cursor: u64,
    /// Bytes of it that are already here.
    pub offset: u32,
    /// Their hash, as of a frame.
    pub frame: FrameHash,
}

/// The head of a section: one mailbox, which is not named but follows from what opens it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SectionHead {
    /// The right to use the mailbox.
    pub token: Token,
    /// The other half of the mailbox's name.
    pub retire: RetireHash,
    /// The right to create it, where a relay asks for one.
    pub admission: Vec<u8>,
    /// The relay's own mark of how far this device has read.
    pub cursor: u64,
    /// What this device has.
    pub basis: Basis,
    /// A frame to be gone on with.
    pub resume: Option<Resume>,
    /// How many frames follow.
    pub frames: u32,
}

impl SectionHead {
    /// The mailbox: `derive("mailbox", token ‖ retire hash)[..16]`.
    #[must_use]
    pub fn mailbox(&self) -> Mailbox {
        Mailbox::of(&self.token, &self.retire)
    }

    fn encode(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        out.extend_from_slice(self.token.as_bytes());
        out.extend_from_slice(self.retire.as_bytes());
        bounded("admission", self.admission.len() as u64, ADMISSION_MAX)?;
        put_blob(out, &self.admission);
        put_varint(out, self.cursor);
        match &self.basis {
            Basis::Digest(digest) => {
                out.push(0);
                out.extend_from_slice(digest.as_bytes());
            }
            Basis::Vector(digest, lanes) => {
                out.push(1);
                out.extend_from_slice(digest.as_bytes());
                put_lanes(out, lanes)?;
            }
            Basis::Loose => out.push(2),
            Basis::Chunks(digest, lanes) => {
                out.push(3);
                out.extend_from_slice(digest.as_bytes());
                put_lanes(out, lanes)?;
            }
        }
        put_resume(out, self.resume.as_ref());
        bounded("frames", self.frames.into(), PUSH_FRAMES_MAX)?;
        put_varint(out, self.frames.into());
        Ok(())
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(Self {
            token: Token::new(r.array()?),
            retire: RetireHash::new(r.array()?),
            admission: r.blob(ADMISSION_MAX)?.to_vec(),
            cursor: r.varint()?,
            basis: match r.u8()? {
                0 => Basis::Digest(CursorDigest::new(r.array()?)),
                1 => Basis::Vector(CursorDigest::new(r.array()?), read_lanes(r)?),
                2 => Basis::Loose,
                3 => Basis::Chunks(CursorDigest::new(r.array()?), read_lanes(r)?),
                other => {
                    return Err(Error::Unknown { what: "basis", found: other.into() });
                }
            },
            resume: read_resume(r)?,
            frames: r.count(PUSH_FRAMES_MAX)? as u32,
        })
    }
}

fn put_resume(out: &mut Vec<u8>, resume: Option<&Resume>) {
    out.push(resume.is_some().into());
    if let Some(resume) = resume {
        put_varint(out, resume.cursor);
        put_varint(out, resume.offset.into());
        out.extend_from_slice(resume.frame.as_bytes());
    }
}

fn read_resume(r: &mut Reader<'_>) -> Result<Option<Resume>, Error> {
    match r.u8()? {
        0 => Ok(None),
        1 => Ok(Some(Resume {
            cursor: r.varint()?,
            offset: r.count(FRAME_MAX)? as u32,
            frame: FrameHash::new(r.array()?),
        })),
        other => Err(Error::Unknown { what: "resume", found: other.into() }),
    }
}

/// Writes a list of (lane tag, next sequence).
pub(crate) fn put_lanes(out: &mut Vec<u8>, lanes: &[(LaneTag, u32)]) -> Result<(), Error> {
    bounded("lanes", lanes.len() as u64, LANES_MAX)?;
    put_varint(out, lanes.len() as u64);
    let mut order = Ascending::new("lanes");
    for (tag, next) in lanes {
        order.step(tag)?;
        out.extend_from_slice(tag.as_bytes());
        put_varint(out, (*next).into());
    }
    Ok(())
}

/// Reads a list of (lane tag, next sequence).
pub(crate) fn read_lanes(r: &mut Reader<'_>) -> Result<Vec<(LaneTag, u32)>, Error> {
    let count = r.count(LANES_MAX)?;
    let mut order = Ascending::new("lanes");
    let mut lanes = Vec::new();
    for _ in 0..count {
        let tag = LaneTag::new(r.array()?);
        order.step(tag)?;
        lanes.push((tag, r.varint_u32()?));
    }
    Ok(lanes)
}

/// One mailbox's part of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// Its head; `frames` is set when it is written.
    pub head: SectionHead,
    /// Frames to store.
    pub frames: Vec<Vec<u8>>,
}

/// Writes a request.
///
/// # Errors
/// [`Error::Limit`] over a maximum, [`Error::Malformed`] when a vector is out of order.
pub fn encode(sections: &[Section]) -> Result<Vec<u8>, Error> {
    let mut out = MAGIC.to_vec();
    out.push(VERSION);
    let count = bounded("sections", sections.len() as u64, SECTIONS_MAX)?;
    out.push(count as u8);
    for section in sections {
        let frames = bounded("frames", section.frames.len() as u64, PUSH_FRAMES_MAX)?;
        SectionHead { frames: frames as u32, ..section.head.clone() }.encode(&mut out)?;
        for frame in &section.frames {
            bounded("frame", frame.len() as u64, FRAME_MAX)?;
            put_blob(&mut out, frame);
        }
    }
    Ok(out)
}

/// What a request says next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A section begins.
    Section(SectionHead),
    /// The section's next frame.
    Frame(Vec<u8>),
}

/// Reads a request as its bytes arrive. Holds at most one head or one frame of them.
#[derive(Default)]
pub struct RequestReader {
    buffer: Vec<u8>,
    used: usize,
    sections: Option<u8>,
    frames: u32,
}

impl std::fmt::Debug for RequestReader {
    /// Without the bytes: tokens are among them.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RequestReader")
            .field("buffered", &self.buffer.len())
            .finish_non_exhaustive()
    }
}

impl RequestReader {
    /// A reader at the start of a request.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes more bytes.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.used);
        self.used = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// The next event, or `None` when more bytes are needed or the request is over.
    ///
    /// # Errors
    /// Whatever makes the request malformed; the reader is of no use after it.
    pub fn next_event(&mut self) -> Result<Option<Event>, Error> {
        let mut r = Reader::new(WHAT, self.buffer.get(self.used..).unwrap_or_default());
        let event = match self.sections {
            None => read_start(&mut r).map(|sections| (sections, None)),
            Some(left) if self.frames > 0 => {
                let frame = r.blob(FRAME_MAX);
                frame.map(|frame| (left, Some(Event::Frame(frame.to_vec()))))
            }
            Some(0) => return r.end().map(|()| None),
            Some(left) => {
                let head = SectionHead::read(&mut r);
                head.map(|head| (left - 1, Some(Event::Section(head))))
            }
        };
        let used = self.buffer.len() - r.rest().len();
        match event {
            Err(Error::Short { .. }) => Ok(None),
            Err(error) => Err(error),
            Ok((left, event)) => {
                self.used = used;
                self.sections = Some(left);
                match &event {
                    Some(Event::Section(head)) => self.frames = head.frames,
                    Some(Event::Frame(_)) => self.frames -= 1,
                    None => return self.next_event(),
                }
                Ok(event)
            }
        }
    }

    /// Checks that the request ended where it should.
    ///
    /// # Errors
    /// [`Error::Short`] when something is missing.
    pub fn finish(&self) -> Result<(), Error> {
        match (self.sections, self.frames, self.buffer.len()) {
            (Some(0), 0, used) if used == self.used => Ok(()),
            _ => Err(Error::Short { what: WHAT }),
        }
    }
}

fn read_start(r: &mut Reader<'_>) -> Result<u8, Error> {
    if r.array()? != MAGIC {
        return Err(r.malformed("is not one of this protocol"));
    }
    match r.u8()? {
        VERSION => {}
        other => {
            return Err(Error::Unknown { what: "request version", found: other.into() });
        }
    }
    let count = r.u8()?;
    match count {
        0 => Err(r.malformed("has no section")),
        _ => bounded("sections", count.into(), SECTIONS_MAX).map(|_| count),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn head() -> SectionHead {
        SectionHead {
            token: Token::new([1; 32]),
            retire: RetireHash::new([2; 32]),
            admission: b"let me in".to_vec(),
            cursor: 300,
            basis: Basis::Vector(
                CursorDigest::new([4; 16]),
                vec![(LaneTag::new([3; 8]), 4), (LaneTag::new([5; 8]), 600)],
            ),
            resume: Some(Resume { cursor: 290, offset: 100, frame: FrameHash::new([6; 16]) }),
            frames: 2,
        }
    }

    fn sample() -> (Vec<Section>, Vec<Event>) {
        let plain = SectionHead {
            basis: Basis::Digest(CursorDigest::new([9; 16])),
            resume: None,
            admission: Vec::new(),
            frames: 0,
            ..head()
        };
        let frames = vec![vec![7; 256], vec![8; 300]];
        let events = vec![
            Event::Section(head()),
            Event::Frame(vec![7; 256]),
            Event::Frame(vec![8; 300]),
            Event::Section(plain.clone()),
        ];
        (vec![Section { head: head(), frames }, Section { head: plain, frames: vec![] }], events)
    }

    fn events(reader: &mut RequestReader) -> Result<Vec<Event>, Error> {
        let mut events = Vec::new();
        while let Some(event) = reader.next_event()? {
            events.push(event);
        }
        Ok(events)
    }

    #[test]
    fn reads_in_pieces_of_any_size() {
        let (sections, expect) = sample();
        let bytes = encode(&sections).unwrap();
        for size in [1, 2, 3, 7, 100, bytes.len()] {
            let mut reader = RequestReader::new();
            let mut seen = Vec::new();
            for piece in bytes.chunks(size) {
                reader.feed(piece);
                seen.extend(events(&mut reader).unwrap());
            }
            reader.finish().unwrap();
            assert_eq!(seen, expect);
        }
    }

    #[test]
    fn another_token_is_another_mailbox() {
        let (sections, expect) = sample();
        let mut bytes = encode(&sections).unwrap();
        bytes[5] ^= 1;
        let mut reader = RequestReader::new();
        reader.feed(&bytes);
        let mailbox = |events: &[Event]| match events.first() {
            Some(Event::Section(head)) => Some(head.mailbox()),
            _ => None,
        };
        let found = mailbox(&events(&mut reader).unwrap());
        assert!(found.is_some() && found != mailbox(&expect));
    }

    #[test]
    fn refuses_too_much_and_too_little() {
        let (sections, _) = sample();
        let good = encode(&sections).unwrap();
        let read = |bytes: &[u8]| {
            let mut reader = RequestReader::new();
            reader.feed(bytes);
            events(&mut reader).and_then(|_| reader.finish())
        };
        assert_eq!(read(&good), Ok(()));
        assert!(read(&good[..good.len() - 1]).is_err());
        assert!(read(&[&good[..], &[0]].concat()).is_err());
        insta::assert_snapshot!(read(b"GET / HTTP").unwrap_err(), @"request: is not one of this protocol");
        insta::assert_snapshot!(read(b"HS\x01\x11").unwrap_err(), @"sections: 17 is over the limit of 16");
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), cut in 0..600_usize) {
            let mut reader = RequestReader::new();
            let (sections, _) = sample();
            let good = encode(&sections).unwrap();
            reader.feed(&good[..cut.min(good.len())]);
            reader.feed(&bytes);
            let _ = events(&mut reader);
            let _ = reader.finish();
        }
    }
}

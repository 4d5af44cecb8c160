//! The answer of an exchange, written and read part by part (§ 7).

use crate::codec::{Reader, bounded, put_blob, put_varint};
use crate::limits::{PART_MAX, PUSH_FRAMES_MAX};
use crate::request::{put_lanes, read_lanes};
use crate::{CursorDigest, Error, LaneTag, VERSION};

const WHAT: &str = "answer";

/// How an answer begins.
pub const START: [u8; 3] = [b'H', b'A', VERSION];

/// What became of a pushed frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    /// It is stored now.
    New,
    /// It was stored before.
    Duplicate,
    /// The lane position has too many candidates, or the mailbox no room.
    Full,
}

/// A part of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part<'a> {
    /// What follows is about this section of the request.
    Section(u8),
    /// What became of the n-th pushed frame.
    Ack {
        /// Which frame of the section, from 0.
        index: u32,
        /// What became of it.
        stored: Stored,
        /// Its cursor; 0 when full.
        cursor: u64,
    },
    /// A stored frame.
    Frame {
        /// Its cursor.
        cursor: u64,
        /// The frame.
        frame: &'a [u8],
    },
    /// The rest of a frame that broke off.
    Tail {
        /// Its cursor.
        cursor: u64,
        /// Where it goes on.
        offset: u32,
        /// The rest.
        rest: &'a [u8],
    },
    /// What the relay holds of each lane, from 0 without gaps, ascending by tag.
    Have(Vec<(LaneTag, u32)>),
    /// The digest is not the relay's: ask again with a vector.
    Need,
    /// The section's end.
    End {
        /// How far the device has read now.
        cursor: u64,
        /// The relay's digest there.
        digest: CursorDigest,
    },
    /// Between what was named before and this cursor there is nothing for the device: parts of packs, and what was dropped because a
    /// pack has it.
    Passed {
        /// The last of those cursors.
        cursor: u64,
        /// The relay's digest there.
        digest: CursorDigest,
    },
    /// The answer's end. Without it the answer was cut.
    Done,
    /// A part of a kind not known here.
    Other,
}

impl Part<'_> {
    /// Appends the part.
    ///
    /// # Errors
    /// [`Error::Limit`] over a maximum.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        let mut content = Vec::new();
        let kind = self.put(&mut content)?;
        bounded("part", content.len() as u64, PART_MAX)?;
        out.push(kind);
        put_blob(out, &content);
        Ok(())
    }

    fn put(&self, out: &mut Vec<u8>) -> Result<u8, Error> {
        match self {
            Self::Section(index) => out.push(*index),
            Self::Ack { index, stored, cursor } => {
                put_varint(out, (*index).into());
                out.push(*stored as u8);
                put_varint(out, *cursor);
            }
            Self::Frame { cursor, frame } => {
                put_varint(out, *cursor);
                out.extend_from_slice(frame);
            }
            Self::Tail { cursor, offset, rest } => {
                put_varint(out, *cursor);
                put_varint(out, (*offset).into());
                out.extend_from_slice(rest);
            }
            Self::Have(lanes) => put_lanes(out, lanes)?,
            Self::End { cursor, digest } | Self::Passed { cursor, digest } => {
                put_varint(out, *cursor);
                out.extend_from_slice(digest.as_bytes());
            }
            Self::Need | Self::Done | Self::Other => {}
        }
        Ok(self.kind())
    }

    const fn kind(&self) -> u8 {
        match self {
            Self::Section(_) => 1,
            Self::Ack { .. } => 2,
            Self::Frame { .. } => 3,
            Self::Tail { .. } => 4,
            Self::Have(_) => 5,
            Self::Need => 6,
            Self::End { .. } => 7,
            Self::Done => 8,
            Self::Passed { .. } => 9,
            Self::Other => u8::MAX,
        }
    }

    fn read(kind: u8, content: &[u8]) -> Result<Part<'_>, Error> {
        let mut r = Reader::new(WHAT, content);
        let part = match kind {
            1 => Part::Section(r.u8()?),
            2 => Part::Ack {
                index: r.count(PUSH_FRAMES_MAX)? as u32,
                stored: read_stored(&mut r)?,
                cursor: r.varint()?,
            },
            3 => Part::Frame { cursor: r.varint()?, frame: r.take(r.rest().len())? },
            4 => Part::Tail {
                cursor: r.varint()?,
                offset: r.varint_u32()?,
                rest: r.take(r.rest().len())?,
            },
            5 => Part::Have(read_lanes(&mut r)?),
            6 => Part::Need,
            7 => Part::End { cursor: r.varint()?, digest: CursorDigest::new(r.array()?) },
            8 => Part::Done,
            9 => Part::Passed { cursor: r.varint()?, digest: CursorDigest::new(r.array()?) },
            _ => return Ok(Part::Other),
        };
        r.end().map(|()| part)
    }
}

fn read_stored(r: &mut Reader<'_>) -> Result<Stored, Error> {
    match r.u8()? {
        0 => Ok(Stored::New),
        1 => Ok(Stored::Duplicate),
        2 => Ok(Stored::Full),
        other => Err(Error::Unknown { what: "acknowledgement", found: other.into() }),
    }
}

/// A part of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Broken<'a> {
    /// The relay's mark of the frame.
    pub cursor: u64,
    /// Where in the frame it begins: not at 0 when the answer itself went on with a frame.
    pub offset: u32,
    /// What is there of it.
    pub bytes: &'a [u8],
}

/// Reads an answer as its bytes arrive. Holds at most one part of them.
#[derive(Debug, Default)]
pub struct AnswerReader {
    buffer: Vec<u8>,
    used: usize,
    started: bool,
    done: bool,
}

impl AnswerReader {
    /// A reader at the start of an answer.
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

    /// The next whole part, or `None` when more bytes are needed or the answer is over.
    ///
    /// # Errors
    /// [`Error::Malformed`] when this is not an answer of the protocol, and whatever is wrong in a part.
    pub fn next_part(&mut self) -> Result<Option<Part<'_>>, Error> {
        if !self.started && !self.start()? {
            return Ok(None);
        }
        let mut r = Reader::new(WHAT, self.buffer.get(self.used..).unwrap_or_default());
        if self.done {
            return r.end().map(|()| None);
        }
        let (kind, content) = match read_raw(&mut r) {
            Err(Error::Short { .. }) => return Ok(None),
            other => other?,
        };
        self.used = self.buffer.len() - r.rest().len();
        self.done = kind == Part::Done.kind();
        Part::read(kind, content).map(Some)
    }

    fn start(&mut self) -> Result<bool, Error> {
        let mut r = Reader::new(WHAT, &self.buffer);
        match r.array() {
            Ok(START) => {
                self.used = START.len();
                self.started = true;
                Ok(true)
            }
            Ok(_) => Err(r.malformed("is not one of this protocol")),
            Err(_) => Ok(false),
        }
    }

    /// The frame in the middle of which the bytes so far end, if they do: to be gone on with by `resume`.
    #[must_use]
    pub fn broken_off(&self) -> Option<Broken<'_>> {
        let mut r = Reader::new(WHAT, self.buffer.get(self.used..)?);
        let kind = r.u8().ok()?;
        let length = r.varint().ok()?;
        if self.done || length > PART_MAX as u64 || length <= r.rest().len() as u64 {
            return None;
        }
        let cursor = r.varint().ok()?;
        let offset = match kind {
            3 => 0,
            4 => r.varint_u32().ok()?,
            _ => return None,
        };
        Some(Broken { cursor, offset, bytes: r.rest() })
    }

    /// Whether the last part has been read: an answer without it was cut.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        self.done
    }
}

fn read_raw<'a>(r: &mut Reader<'a>) -> Result<(u8, &'a [u8]), Error> {
    Ok((r.u8()?, r.blob(PART_MAX)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sample() -> Vec<Part<'static>> {
        vec![
            Part::Section(0),
            Part::Ack { index: 0, stored: Stored::New, cursor: 7 },
            Part::Ack { index: 1, stored: Stored::Full, cursor: 0 },
            Part::Tail { cursor: 8, offset: 100, rest: &[1; 156] },
            Part::Frame { cursor: 9, frame: &[2; 300] },
            Part::Passed { cursor: 12, digest: CursorDigest::new([5; 16]) },
            Part::Have(vec![(LaneTag::new([1; 8]), 3)]),
            Part::End { cursor: 9, digest: CursorDigest::new([4; 16]) },
            Part::Section(1),
            Part::Need,
            Part::Done,
        ]
    }

    fn encode(parts: &[Part<'_>]) -> Vec<u8> {
        let mut out = START.to_vec();
        parts.iter().for_each(|part| part.encode(&mut out).unwrap());
        out
    }

    #[test]
    fn reads_in_pieces_of_any_size() {
        let bytes = encode(&sample());
        for size in [1, 2, 3, 50, bytes.len()] {
            let mut reader = AnswerReader::new();
            let mut seen = 0;
            for piece in bytes.chunks(size) {
                reader.feed(piece);
                while let Some(part) = reader.next_part().unwrap() {
                    assert_eq!(part, sample()[seen]);
                    seen += 1;
                }
            }
            assert_eq!(seen, sample().len());
            assert!(reader.is_done());
        }
    }

    #[test]
    fn a_cut_answer_keeps_whole_parts() {
        let bytes = encode(&sample());
        let mut reader = AnswerReader::new();
        reader.feed(&bytes[..bytes.len() - 1]);
        while reader.next_part().unwrap().is_some() {}
        assert!(!reader.is_done());
    }

    #[test]
    fn says_where_a_frame_broke_off() {
        let bytes = encode(&sample());
        let mut seen = std::collections::BTreeSet::new();
        for cut in 0..bytes.len() {
            let mut reader = AnswerReader::new();
            reader.feed(&bytes[..cut]);
            while reader.next_part().unwrap().is_some() {}
            if let Some(Broken { cursor, offset, bytes }) = reader.broken_off() {
                let byte = if (cursor, offset) == (8, 100) { 1 } else { 2 };
                assert!(byte == 1 || (cursor, offset) == (9, 0));
                assert!(bytes.iter().all(|found| *found == byte));
                seen.insert((offset, bytes.len()));
            }
        }
        // At each of their bytes, and only there.
        assert_eq!(seen.len(), 156 + 300);
    }

    #[test]
    fn refuses_what_is_not_an_answer() {
        let check = |bytes: &[u8]| {
            let mut reader = AnswerReader::new();
            reader.feed(bytes);
            while reader.next_part()?.is_some() {}
            Ok::<_, Error>(())
        };
        insta::assert_snapshot!(check(b"<html>").unwrap_err(), @"answer: is not one of this protocol");
        insta::assert_snapshot!(check(b"HA\x01\x03\x81\x80\x04").unwrap_err(), @"answer: 65537 is over the limit of 65536");
        insta::assert_snapshot!(check(b"HA\x01\x01\x02\x00\x00").unwrap_err(), @"answer: 1 bytes too many");
        insta::assert_snapshot!(check(b"HA\x01\x08\x00x").unwrap_err(), @"answer: 1 bytes too many");
        assert_eq!(check(b"HA\x01\x63\x02??\x08\x00"), Ok(()), "unknown parts are skipped");
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), cut in 0..700_usize) {
            let good = encode(&sample());
            let mut reader = AnswerReader::new();
            reader.feed(&good[..cut.min(good.len())]);
            reader.feed(&bytes);
            while let Ok(Some(_)) = reader.next_part() {}
        }
    }
}

//! Frames in a file (§ 8).

use crate::codec::{Reader, put_blob};
use crate::limits::{BUNDLE_FRAMES_MAX, FRAME_MAX};
use crate::{Error, VERSION};

const WHAT: &str = "bundle";
const MAGIC: [u8; 3] = *b"HSB";
const WRAP_NONE: u8 = 0;

/// Writes a bundle.
///
/// # Errors
/// [`Error::Limit`] when a frame or their number is over its maximum.
pub fn encode<'a>(frames: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<u8>, Error> {
    let mut out = MAGIC.to_vec();
    out.extend([VERSION, WRAP_NONE]);
    let mut count = 0_u32;
    for frame in frames {
        crate::codec::bounded("frame", frame.len() as u64, FRAME_MAX)?;
        put_blob(&mut out, frame);
        count += 1;
        crate::codec::bounded("frames in a bundle", count.into(), BUNDLE_FRAMES_MAX)?;
    }
    out.push(0);
    out.extend(count.to_le_bytes());
    Ok(out)
}

/// What a bundle holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle<'a> {
    /// Its whole frames, in the order of the file.
    pub frames: Vec<&'a [u8]>,
    /// Whether the file goes to its end, or was cut.
    pub ending: Ending,
}

/// How a bundle ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// With its count of frames.
    Whole,
    /// Too early, or in something else: the frames before that are good.
    Cut,
}

/// Reads a bundle. One that was cut, or is damaged, gives its whole frames up to there: each proves itself.
///
/// # Errors
/// [`Error::Malformed`] when it is not a bundle, [`Error::Unknown`] for a newer version or a wrapped one; and, where no frame comes before
/// it, [`Error::Limit`] for one over its maximum, [`Error::Malformed`] for a wrong count, [`Error::Trailing`] when bytes follow its end.
pub fn decode(bytes: &[u8]) -> Result<Bundle<'_>, Error> {
    let mut r = Reader::new(WHAT, bytes);
    if r.array()? != MAGIC {
        return Err(r.malformed("is not a bundle file"));
    }
    for (what, known) in [("bundle version", VERSION), ("bundle wrapping", WRAP_NONE)] {
        let found = r.u8()?;
        if found != known {
            return Err(Error::Unknown { what, found: found.into() });
        }
    }
    let mut frames = Vec::new();
    match read_frames(r, &mut frames) {
        Err(error) if frames.is_empty() => Err(error),
        ending => Ok(Bundle { ending: ending.unwrap_or(Ending::Cut), frames }),
    }
}

fn read_frames<'a>(mut r: Reader<'a>, frames: &mut Vec<&'a [u8]>) -> Result<Ending, Error> {
    loop {
        match r.blob(FRAME_MAX) {
            Ok([]) => return read_end(r, frames.len()),
            Ok(frame) => {
                let what = "frames in a bundle";
                crate::codec::bounded(what, frames.len() as u64 + 1, BUNDLE_FRAMES_MAX)?;
                frames.push(frame);
            }
            Err(Error::Short { .. }) => return Ok(Ending::Cut),
            Err(error) => return Err(error),
        }
    }
}

fn read_end(mut r: Reader<'_>, frames: usize) -> Result<Ending, Error> {
    match r.u32() {
        Err(_) => Ok(Ending::Cut),
        Ok(count) if count as usize != frames => Err(r.malformed("count of frames is wrong")),
        Ok(_) => r.end().map(|()| Ending::Whole),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_prefix_gives_its_whole_frames() {
        let frames = [vec![1; 256], vec![2; 272]];
        let bytes = encode(frames.iter().map(Vec::as_slice)).unwrap();
        for len in 5..bytes.len() {
            let bundle = decode(&bytes[..len]).unwrap();
            assert_eq!(bundle.ending, Ending::Cut, "{len}");
            assert_eq!(bundle.frames.len(), usize::from(len >= 263) + usize::from(len >= 537));
        }
        let whole = decode(&bytes).unwrap();
        assert_eq!((whole.frames.len(), whole.ending), (2, Ending::Whole));
    }

    #[test]
    fn whatever_follows_them_whole_frames_are_good() {
        let frames = [vec![1; 256], vec![2; 272]];
        let bytes = encode(frames.iter().map(Vec::as_slice)).unwrap();
        let check = |damaged: &[u8], expect: usize| {
            let bundle = decode(damaged).unwrap();
            assert_eq!((bundle.frames.len(), bundle.ending), (expect, Ending::Cut));
            assert!(bundle.frames.iter().zip(&frames).all(|(found, frame)| found == frame));
        };
        // The end of a card's file is zeros, or what lay there before; a length is another one; the count is.
        check(&[&bytes[..263], &[0; 278]].concat(), 1);
        check(&[&bytes[..263], &[0xff; 274]].concat(), 1);
        check(&[&bytes[..], b"!"].concat(), 2);
        check(&[&bytes[..bytes.len() - 4], &[9, 0, 0, 0]].concat(), 2);
    }

    #[test]
    fn refuses() {
        let err = |bytes: &[u8]| decode(bytes).unwrap_err().to_string();
        insta::assert_snapshot!(err(b"PK\x03\x04"), @"bundle: is not a bundle file");
        insta::assert_snapshot!(err(b"HS"), @"bundle: ends too early");
        insta::assert_snapshot!(err(b"HSB\x02\x00"), @"bundle version: 2 is not known to this version");
        insta::assert_snapshot!(err(b"HSB\x01\x01"), @"bundle wrapping: 1 is not known to this version");
        insta::assert_snapshot!(err(b"HSB\x01\x00\x81\x80\x02"), @"bundle: 32769 is over the limit of 32768");
        insta::assert_snapshot!(err(b"HSB\x01\x00\x00\x01\x00\x00\x00"), @"bundle: count of frames is wrong");
        insta::assert_snapshot!(err(b"HSB\x01\x00\x00\x00\x00\x00\x00!"), @"bundle: 1 bytes too many");
    }
}

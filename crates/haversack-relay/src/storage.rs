//! What a relay keeps, and what it asks of whoever keeps it.

use std::ops::RangeInclusive;

use haversack_wire::{CursorDigest, Frame, FrameHash, LaneTag, Mailbox, Retire};

use crate::Error;

/// Where in a mailbox a frame belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A chunk: a position on a lane. Only [`CANDIDATES_MAX`](haversack_wire::limits::CANDIDATES_MAX)
    /// different ones are kept there.
    Lane(LaneTag, u32),
    /// A part of a pack: named by its hash alone, and sent only to whoever asks for packs.
    Pack,
    /// Anything else, also kinds and versions that this code does not know: named by its hash alone.
    Loose,
}

/// A frame that was pushed, checked as far as a relay can.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incoming {
    place: Place,
    hash: FrameHash,
    bytes: Vec<u8>,
}

impl Incoming {
    /// Reads a frame's clear header.
    ///
    /// # Errors
    /// Those of [`Frame::parse`].
    pub fn parse(bytes: Vec<u8>) -> Result<Self, haversack_wire::Error> {
        let place = match Frame::parse(&bytes)? {
            Frame::Chunk(header, _) => Place::Lane(header.tag, header.sequence),
            Frame::Pack(..) => Place::Pack,
            _ => Place::Loose,
        };
        let hash = FrameHash::of(&bytes);
        Ok(Self { place, hash, bytes })
    }

    /// Where it belongs.
    #[must_use]
    pub const fn place(&self) -> Place {
        self.place
    }

    /// Its hash.
    #[must_use]
    pub const fn hash(&self) -> FrameHash {
        self.hash
    }

    /// Drops its bytes.
    pub(crate) fn empty(&mut self) {
        self.bytes = Vec::new();
    }

    /// The whole frame.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// What became of a pushed frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Receipt {
    /// It is stored now, under this cursor.
    New(u64),
    /// It was stored before, under this cursor.
    Duplicate(u64),
    /// Its position has too many candidates, or its mailbox too many lanes.
    Full,
}

impl Receipt {
    /// The frame's cursor, if it is stored.
    #[must_use]
    pub const fn cursor(self) -> Option<u64> {
        match self {
            Self::New(cursor) | Self::Duplicate(cursor) => Some(cursor),
            Self::Full => None,
        }
    }
}

/// The newest cursor of a mailbox and the digest there: 0 and zeros while nothing was stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Head {
    /// How many frames were stored.
    pub cursor: u64,
    /// dₙ at that cursor.
    pub digest: CursorDigest,
}

/// A stored frame without its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Its cursor.
    pub cursor: u64,
    /// Where it belongs.
    pub place: Place,
    /// Its length in bytes.
    pub length: usize,
}

/// Keeps the frames of mailboxes.
///
/// Every operation names one mailbox, so that a shared database can be spread by it. A mailbox that
/// nobody pushed to is an empty one. Methods block; the server calls them where that is allowed.
pub trait Storage: Send + Sync {
    /// Stores frames, all of them or none, durably before it returns; one receipt each, in order.
    /// The cursor counts a mailbox's frames from 1 without gaps, also for concurrent pushes.
    ///
    /// # Errors
    /// [`Error`] when the frames may not be stored: they can be pushed again.
    fn push(&self, mailbox: Mailbox, frames: Vec<Incoming>) -> Result<Vec<Receipt>, Error>;

    /// The mailbox's newest cursor and digest.
    ///
    /// # Errors
    /// [`Error`] when it cannot be read.
    fn head(&self, mailbox: Mailbox) -> Result<Head, Error>;

    /// dₙ at a cursor, zeros at 0; `None` beyond the head.
    ///
    /// # Errors
    /// [`Error`] when it cannot be read.
    fn digest_at(&self, mailbox: Mailbox, cursor: u64) -> Result<Option<CursorDigest>, Error>;

    /// The first sequence missing of each lane, ascending by tag; lanes of which the first chunk
    /// is missing are left out.
    ///
    /// # Errors
    /// [`Error`] when it cannot be read.
    fn have(&self, mailbox: Mailbox) -> Result<Vec<(LaneTag, u32)>, Error>;

    /// At most `limit` frames of a range of cursors, ascending, without their bytes and without those that were dropped.
    ///
    /// # Errors
    /// [`Error`] when they cannot be read.
    fn entries(
        &self,
        mailbox: Mailbox,
        cursors: RangeInclusive<u64>,
        limit: usize,
    ) -> Result<Vec<Entry>, Error>;

    /// Drops what a retire names, whose proof the caller has checked. Parts of packs are dropped at once; chunks once another
    /// retire of the mailbox names lanes, and not the same ones: what devices are reading now they can read to its end.
    /// Of what is dropped its place, its hash and the digest stay, so that cursors and digests mean what they did. A storage that
    /// keeps everything does nothing.
    ///
    /// # Errors
    /// [`Error`] when it cannot be done: it can be asked for again.
    fn retire(&self, _mailbox: Mailbox, _retire: &Retire) -> Result<(), Error> {
        Ok(())
    }

    /// The frames at these cursors, in the order asked for, one that was dropped empty. The caller bounds their number.
    ///
    /// # Errors
    /// [`Error`] when one of them cannot be read.
    fn frames(&self, mailbox: Mailbox, cursors: &[u64]) -> Result<Vec<Vec<u8>>, Error>;
}

/// A storage over another one, that stores or reads in a way of its own and leaves all the rest to it.
pub trait Layer: Send + Sync {
    /// The one below.
    fn below(&self) -> &dyn Storage;

    /// [`Storage::push`].
    ///
    /// # Errors
    /// As there.
    fn store(&self, mailbox: Mailbox, frames: Vec<Incoming>) -> Result<Vec<Receipt>, Error> {
        self.below().push(mailbox, frames)
    }

    /// [`Storage::frames`].
    ///
    /// # Errors
    /// As there.
    fn read(&self, mailbox: Mailbox, cursors: &[u64]) -> Result<Vec<Vec<u8>>, Error> {
        self.below().frames(mailbox, cursors)
    }
}

impl<L: Layer> Storage for L {
    fn push(&self, mailbox: Mailbox, frames: Vec<Incoming>) -> Result<Vec<Receipt>, Error> {
        self.store(mailbox, frames)
    }

    fn head(&self, mailbox: Mailbox) -> Result<Head, Error> {
        self.below().head(mailbox)
    }

    fn digest_at(&self, mailbox: Mailbox, cursor: u64) -> Result<Option<CursorDigest>, Error> {
        self.below().digest_at(mailbox, cursor)
    }

    fn have(&self, mailbox: Mailbox) -> Result<Vec<(LaneTag, u32)>, Error> {
        self.below().have(mailbox)
    }

    fn entries(
        &self,
        mailbox: Mailbox,
        cursors: RangeInclusive<u64>,
        limit: usize,
    ) -> Result<Vec<Entry>, Error> {
        self.below().entries(mailbox, cursors, limit)
    }

    fn retire(&self, mailbox: Mailbox, retire: &Retire) -> Result<(), Error> {
        self.below().retire(mailbox, retire)
    }

    fn frames(&self, mailbox: Mailbox, cursors: &[u64]) -> Result<Vec<Vec<u8>>, Error> {
        self.read(mailbox, cursors)
    }
}

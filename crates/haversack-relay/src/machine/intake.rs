//! Reading a request and storing its frames.

use std::fmt;

use haversack_wire::limits::{PUSH_FRAMES_MAX, REQUEST_MAX};
use haversack_wire::request::{Basis, Event, RequestReader, Resume, SectionHead};
use haversack_wire::{Error as WireError, Frame, Mailbox, Retire, RetireHash, codec};

use super::{Answer, Refusal};
use crate::storage::{Incoming, Receipt, Storage};

/// Frames are stored once there are this many bytes of them, and at the end of each section.
pub const BATCH_BYTES: usize = 256 * 1024;

/// The reader gets its bytes in steps: it starts a head over with each, so crumbs would cost dearly,
/// and moves what follows a frame, so mouthfuls would too.
const STEP_BYTES: usize = 8 * 1024;

/// A section of the request, once its frames are stored.
#[derive(Debug)]
pub(super) struct Section {
    pub(super) mailbox: Mailbox,
    retire: RetireHash,
    pub(super) cursor: u64,
    pub(super) basis: Basis,
    pub(super) resume: Option<Resume>,
    pub(super) receipts: Vec<Receipt>,
}

impl Section {
    fn new(head: SectionHead) -> Self {
        Self {
            mailbox: head.mailbox(),
            retire: head.retire,
            cursor: head.cursor,
            basis: head.basis,
            resume: head.resume,
            receipts: Vec::new(),
        }
    }
}

/// A request while it arrives.
#[derive(Default)]
pub struct Intake {
    reader: RequestReader,
    crumbs: Vec<u8>,
    bytes: usize,
    frames: usize,
    sections: Vec<Section>,
    batch: Vec<Incoming>,
    batch_bytes: usize,
}

impl Intake {
    /// A request of which nothing has arrived.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes more bytes and stores the frames that are whole, at the latest when a batch is full.
    ///
    /// # Errors
    /// [`Refusal`], after which nothing more can be fed; whole frames before the fault are stored.
    pub fn feed(mut self, storage: &dyn Storage, bytes: &[u8]) -> Result<Self, Refusal> {
        let read = self.take(storage, bytes);
        self.settle(storage, read)
    }

    /// Ends the request.
    ///
    /// # Errors
    /// [`Refusal`], also when something is missing at the end; whole frames are stored.
    pub fn finish(mut self, storage: &dyn Storage) -> Result<Answer, Refusal> {
        let read = self.take_rest(storage);
        let ended = read.and_then(|()| self.reader.finish().map_err(Refusal::Malformed));
        let mut whole = self.settle(storage, ended)?;
        whole.store(storage)?;
        Ok(Answer::new(whole.sections))
    }

    /// Gives up on a request whose connection broke: its whole frames are stored.
    ///
    /// # Errors
    /// [`Refusal`] when what arrived was malformed before it broke, or the storage fails.
    pub fn cut(mut self, storage: &dyn Storage) -> Result<(), Refusal> {
        let read = self.take_rest(storage);
        self.settle(storage, read)?.store(storage)
    }

    /// On a fault, stores what came before it.
    fn settle(mut self, storage: &dyn Storage, read: Result<(), Refusal>) -> Result<Self, Refusal> {
        match read {
            Ok(()) => Ok(self),
            Err(refusal) => self.store(storage).and(Err(refusal)),
        }
    }

    fn take(&mut self, storage: &dyn Storage, bytes: &[u8]) -> Result<(), Refusal> {
        for piece in bytes.chunks(STEP_BYTES) {
            self.bytes += piece.len();
            if self.bytes > REQUEST_MAX {
                return Err(Refusal::TooLarge);
            }
            self.crumbs.extend_from_slice(piece);
            if self.crumbs.len() >= STEP_BYTES {
                self.take_rest(storage)?;
            }
        }
        Ok(())
    }

    fn take_rest(&mut self, storage: &dyn Storage) -> Result<(), Refusal> {
        self.reader.feed(&self.crumbs);
        self.crumbs.clear();
        while let Some(event) = self.reader.next_event().map_err(Refusal::Malformed)? {
            match event {
                Event::Section(head) => self.begin(storage, head)?,
                Event::Frame(frame) => self.add(storage, frame)?,
            }
        }
        Ok(())
    }

    fn begin(&mut self, storage: &dyn Storage, head: SectionHead) -> Result<(), Refusal> {
        self.store(storage)?;
        self.frames += head.frames as usize;
        codec::bounded("frames", self.frames as u64, PUSH_FRAMES_MAX)
            .map_err(Refusal::Malformed)?;
        self.sections.push(Section::new(head));
        Ok(())
    }

    fn add(&mut self, storage: &dyn Storage, frame: Vec<u8>) -> Result<(), Refusal> {
        if let Ok(Frame::Retire(retire)) = Frame::parse(&frame) {
            return self.retire(storage, &retire);
        }
        self.batch_bytes += frame.len();
        let frame: Result<_, WireError> = Incoming::parse(frame);
        self.batch.push(frame.map_err(Refusal::Malformed)?);
        match self.batch_bytes >= BATCH_BYTES {
            true => self.store(storage),
            false => Ok(()),
        }
    }

    /// Does what a retire asks for, if it proves its right; it is not stored, and nobody else gets to see it.
    fn retire(&mut self, storage: &dyn Storage, retire: &Retire) -> Result<(), Refusal> {
        self.store(storage)?;
        if let Some(section) = self.sections.last_mut() {
            section.receipts.push(match retire.proves(&section.retire) {
                true => {
                    let done = storage.retire(section.mailbox, retire);
                    done.map_err(Refusal::Unavailable).map(|()| Receipt::New(0))?
                }
                false => Receipt::Full,
            });
        }
        Ok(())
    }

    /// Stores the batch, which is all of one section: the last one.
    fn store(&mut self, storage: &dyn Storage) -> Result<(), Refusal> {
        self.batch_bytes = 0;
        let batch = std::mem::take(&mut self.batch);
        if let (Some(section), false) = (self.sections.last_mut(), batch.is_empty()) {
            let receipts = storage.push(section.mailbox, batch);
            section.receipts.extend(receipts.map_err(Refusal::Unavailable)?);
        }
        Ok(())
    }
}

impl fmt::Debug for Intake {
    /// Counts only: what waits to be read may hold a token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Intake")
            .field("bytes", &self.bytes)
            .field("sections", &self.sections.len())
            .field("frames", &self.frames)
            .finish_non_exhaustive()
    }
}

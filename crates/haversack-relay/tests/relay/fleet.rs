//! Devices that push and pull in any order.

use haversack_relay::{Memory, Storage, exchange};
use haversack_wire::CursorDigest;
use haversack_wire::answer::{AnswerReader, Part, Stored};
use haversack_wire::request::{Basis, Section};
use proptest::prelude::*;

use crate::frames::{chunk, mailbox, push, request, with_vector};

/// A device that follows the protocol: pushes, then believes the answer.
#[derive(Default)]
struct Device {
    frames: Vec<Vec<u8>>,
    cursor: u64,
    digest: CursorDigest,
}

#[derive(Debug, Clone)]
enum Step {
    Push(Vec<(u8, u32, u8)>),
    Sync,
    SyncByVector,
    LoseCursor,
}

fn step() -> impl Strategy<Value = Step> {
    let chunk = (0..3_u8, 0..4_u32, 0..6_u8);
    prop_oneof![
        prop::collection::vec(chunk, 1..5).prop_map(Step::Push),
        Just(Step::Sync),
        Just(Step::SyncByVector),
        Just(Step::LoseCursor),
    ]
}

impl Device {
    fn step(&mut self, storage: &Memory, step: &Step) {
        match step {
            Step::Push(chunks) => {
                let chunk = |(lane, sequence, fill): &(u8, u32, u8)| {
                    chunk((b'a' + lane) as char, *sequence, *fill)
                };
                let frames: Vec<_> = chunks.iter().map(chunk).collect();
                self.sync(storage, push(&frames));
            }
            Step::Sync => self.sync(storage, push(&[])),
            Step::SyncByVector => {
                self.frames.clear();
                self.exchange(storage, &with_vector(&[], push(&[])));
            }
            Step::LoseCursor => self.digest = CursorDigest::new([7; 16]),
        }
    }

    fn sync(&mut self, storage: &Memory, mut section: Section) {
        section.head.cursor = self.cursor;
        section.head.basis = Basis::Digest(self.digest);
        if !self.exchange(storage, &section) {
            self.frames.clear();
            assert!(self.exchange(storage, &with_vector(&[], push(&[]))));
        }
    }

    /// Returns whether the relay knew the digest.
    fn exchange(&mut self, storage: &Memory, section: &Section) -> bool {
        let answer = exchange(storage, &request(std::slice::from_ref(section))).unwrap();
        let mut reader = AnswerReader::new();
        reader.feed(&answer);
        let mut knew = true;
        while let Some(part) = reader.next_part().unwrap() {
            match part {
                Part::Ack { index, stored, .. } if stored != Stored::Full => {
                    self.frames.push(section.frames[index as usize].clone());
                }
                Part::Frame { frame, .. } => self.frames.push(frame.to_vec()),
                Part::Need => knew = false,
                Part::End { cursor, digest } => (self.cursor, self.digest) = (cursor, digest),
                _ => {}
            }
        }
        assert!(reader.is_done());
        self.frames.sort();
        self.frames.dedup();
        knew
    }
}

proptest! {
    #[test]
    fn devices_end_with_all_there_is(steps in prop::collection::vec((0..3_usize, step()), 0..40)) {
        let storage = Memory::new();
        let mut devices: [Device; 3] = Default::default();
        for (who, step) in &steps {
            devices[*who].step(&storage, step);
        }
        let head = storage.head(mailbox()).unwrap();
        let cursors: Vec<_> = (1..=head.cursor).collect();
        let mut all = storage.frames(mailbox(), &cursors).unwrap();
        all.sort();
        for mut device in devices {
            device.step(&storage, &Step::Sync);
            prop_assert_eq!(&device.frames, &all);
            prop_assert_eq!(device.digest, head.digest);
        }
    }
}

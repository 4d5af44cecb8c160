//! Exchanges in memory.

use haversack_relay::{Intake, Memory, Refusal, exchange};
use haversack_wire::answer::{AnswerReader, Part};
use proptest::prelude::*;

use crate::frames::{
    beyond, chunk, chunk_of, cursor, digest, elsewhere, from, holding, large, pull, push, request,
    resuming, roster, tag, tell, told, with_vector,
};

#[test]
fn idle() {
    insta::assert_snapshot!(tell(&Memory::new(), &[pull(&[])]), @r"
    Section(0)
    End 0 CursorDigest(00000000…)
    Done
    ");
    let frames = [chunk('a', 0, 1), roster(1)];
    let answer = exchange(&holding(&frames), &request(&[pull(&frames)])).unwrap();
    insta::assert_snapshot!(told(&answer), @r"
    Section(0)
    End 2 CursorDigest(b606edf0…)
    Done
    ");
    assert_eq!((request(&[pull(&frames)]).len(), answer.len()), (89, 27));
}

#[test]
fn pushed_frames_are_acknowledged_and_not_sent_back() {
    let storage = Memory::new();
    let frames = [chunk('a', 0, 1), roster(2), vec![99, 7, 7]];
    insta::assert_snapshot!(tell(&storage, &[push(&frames)]), @r"
    Section(0)
    Ack 0: New 1
    Ack 1: New 2
    Ack 2: New 3
    End 3 CursorDigest(3527d9fb…)
    Done
    ");
    insta::assert_snapshot!(tell(&storage, &[pull(&[])]), @r"
    Section(0)
    Frame 1: a0 of 1
    Frame 2: Roster
    Frame 3: Other
    End 3 CursorDigest(3527d9fb…)
    Done
    ");
    insta::assert_snapshot!(tell(&storage, &[with_vector(&[], push(&frames))]), @r"
    Section(0)
    Ack 0: Duplicate 1
    Ack 1: Duplicate 2
    Ack 2: Duplicate 3
    Have a<1
    End 3 CursorDigest(3527d9fb…)
    Done
    ");
}

#[test]
fn end_has_the_digest_of_everything() {
    let frames = [chunk('a', 0, 1), roster(2)];
    let answer = tell(&holding(&frames), &[pull(&frames[..1])]);
    assert!(answer.contains(&format!("End 2 {:?}", digest(&frames))), "{answer}");
}

#[test]
fn others_frames_are_sent_beside_a_push() {
    let known = [chunk('a', 0, 1)];
    let storage = holding(&[known[0].clone(), chunk('b', 0, 1)]);
    let section = from(&known, push(&[chunk('a', 1, 1), chunk('a', 0, 1), chunk('a', 1, 1)]));
    insta::assert_snapshot!(tell(&storage, &[section]), @r"
    Section(0)
    Ack 0: New 3
    Ack 1: Duplicate 1
    Ack 2: Duplicate 3
    Frame 2: b0 of 1
    End 3 CursorDigest(c430d47d…)
    Done
    ");
}

#[test]
fn the_fifth_candidate_is_full() {
    let storage = Memory::new();
    let squat: Vec<_> = (1..=6).map(|fill| chunk('a', 0, fill)).collect();
    insta::assert_snapshot!(tell(&storage, &[push(&squat)]), @r"
    Section(0)
    Ack 0: New 1
    Ack 1: New 2
    Ack 2: New 3
    Ack 3: New 4
    Ack 4: Full 0
    Ack 5: Full 0
    End 4 CursorDigest(1f84ca04…)
    Done
    ");
}

#[test]
fn a_digest_that_is_not_mine_needs_a_vector() {
    let frames = [chunk('a', 0, 1), chunk('a', 1, 1), chunk('b', 0, 1), roster(1)];
    let storage = holding(&frames);
    let foreign = pull(&[chunk('z', 0, 1)]);
    insta::assert_snapshot!(tell(&storage, &[foreign]), @r"
    Section(0)
    Need
    Done
    ");
    let beyond = pull(&[&frames[..], &[roster(9)]].concat());
    insta::assert_snapshot!(tell(&storage, &[beyond, pull(&frames)]), @r"
    Section(0)
    Need
    Section(1)
    End 4 CursorDigest(ed61b3d3…)
    Done
    ");
    let pushing = from(&[roster(3)], push(&[roster(4)]));
    insta::assert_snapshot!(tell(&storage, &[pushing]), @r"
    Section(0)
    Ack 0: New 5
    Need
    Done
    ");
    let vector = with_vector(&[('a', 1), ('c', 5)], push(&[]));
    insta::assert_snapshot!(tell(&storage, &[vector]), @r"
    Section(0)
    Frame 2: a1 of 1
    Frame 3: b0 of 1
    Frame 4: Roster
    Frame 5: Roster
    Have a<2 b<1
    End 5 CursorDigest(a5fdfad0…)
    Done
    ");
}

#[test]
fn have_tells_what_is_missing() {
    let storage = holding(&[chunk('b', 0, 1), chunk('b', 2, 1), chunk('c', 1, 1)]);
    let section = with_vector(&[('a', 4), ('b', 9), ('c', 9)], push(&[chunk('a', 0, 1)]));
    insta::assert_snapshot!(tell(&storage, &[section]), @r"
    Section(0)
    Ack 0: New 4
    Have a<1 b<1
    End 4 CursorDigest(6a96aa1b…)
    Done
    ");
}

#[test]
fn a_broken_frame_goes_on_where_it_broke_off() {
    let frames = [chunk('a', 0, 1), chunk('b', 0, 1), chunk('b', 1, 1)];
    let storage = holding(&frames);
    let at = |offset| resuming(2, &frames[1], offset, pull(&[]));
    insta::assert_snapshot!(tell(&storage, &[at(200)]), @r"
    Section(0)
    Tail 2: 56 bytes from 200
    Frame 1: a0 of 1
    Frame 3: b1 of 1
    End 3 CursorDigest(412c2a29…)
    Done
    ");
    insta::assert_snapshot!(tell(&storage, &[at(0)]), @r"
    Section(0)
    Tail 2: 256 bytes from 0
    Frame 1: a0 of 1
    Frame 3: b1 of 1
    End 3 CursorDigest(412c2a29…)
    Done
    ");
    let vector = with_vector(&[('a', 1)], resuming(3, &frames[2], 255, pull(&[])));
    insta::assert_snapshot!(tell(&storage, &[vector]), @r"
    Section(0)
    Tail 3: 1 bytes from 255
    Frame 2: b0 of 1
    Have a<1 b<2
    End 3 CursorDigest(412c2a29…)
    Done
    ");
}

#[test]
fn a_broken_frame_that_is_not_stored_is_not_gone_on_with() {
    let frames = [chunk('a', 0, 1), chunk('b', 0, 1)];
    let storage = holding(&frames);
    let whole = tell(&storage, &[pull(&[])]);
    for (cursor, frame, offset) in [
        (2, &frames[1], 256),
        (2, &frames[1], 300),
        (2, &frames[0], 200),
        (1, &frames[1], 200),
        (0, &frames[1], 200),
        (9, &frames[1], 200),
        (u64::MAX, &frames[1], 200),
    ] {
        let section = resuming(cursor, frame, offset, pull(&[]));
        assert_eq!(tell(&storage, &[section]), whole);
    }
    let need = resuming(2, &frames[1], 200, pull(&[roster(1)]));
    assert!(!tell(&storage, &[need]).contains("Tail"));
}

#[test]
fn a_second_chunk_at_a_place_reaches_who_has_the_first() {
    let frames = [chunk('a', 0, 1), chunk('a', 1, 1), chunk('a', 0, 2)];
    let storage = holding(&frames);
    let known = beyond(&frames[..2], &[('a', 2)], pull(&[]));
    insta::assert_snapshot!(tell(&storage, &[known]), @r"
    Section(0)
    Frame 3: a0 of 2
    Have a<2
    End 3 CursorDigest(353d6c49…)
    Done
    ");
    // Nor does a vector make up for another past: what is no chunk it does not speak of.
    let swapped = [frames[1].clone(), frames[0].clone()];
    for other in [&swapped[..], &[frames.clone().as_slice(), &swapped].concat()] {
        let of_another = beyond(other, &[('a', 2)], pull(&[]));
        assert_eq!(tell(&storage, &[of_another]), "Section(0)\nNeed\nDone");
    }
}

#[test]
fn sections_are_answered_in_order() {
    let storage = Memory::new();
    let sections = [
        push(&[chunk('a', 0, 1)]),
        elsewhere(9, push(&[chunk('a', 0, 1), chunk('a', 1, 1)])),
        pull(&[]),
        elsewhere(9, with_vector(&[], pull(&[]))),
    ];
    insta::assert_snapshot!(tell(&storage, &sections), @r"
    Section(0)
    Ack 0: New 1
    End 1 CursorDigest(726aba7f…)
    Section(1)
    Ack 0: New 1
    Ack 1: New 2
    End 2 CursorDigest(68e040bb…)
    Section(2)
    End 1 CursorDigest(726aba7f…)
    Section(3)
    Have a<2
    End 2 CursorDigest(68e040bb…)
    Done
    ");
}

#[test]
fn an_upload_cut_anywhere_keeps_its_whole_frames() {
    let frames = [chunk('a', 0, 1), chunk('a', 1, 2), roster(3)];
    let bytes = request(&[push(&frames)]);
    let first = bytes.len() - 3 * 258;
    for length in 0..bytes.len() {
        let storage = Memory::new();
        let intake = Intake::new().feed(&storage, &bytes[..length]).unwrap();
        intake.cut(&storage).unwrap();
        let whole = length.saturating_sub(first) / 258;
        assert_eq!(cursor(&storage), whole as u64, "{length}");
        let ended = exchange(&storage, &bytes[..length]);
        assert!(matches!(ended, Err(Refusal::Malformed(_))), "{length}");
        assert_eq!(cursor(&storage), whole as u64, "{length}");
    }
}

#[test]
fn a_malformed_frame_spoils_only_what_follows() {
    let mut short = chunk('a', 1, 1);
    short.pop();
    let sections = [push(&[chunk('a', 0, 1)]), push(&[roster(1), short, roster(2)])];
    let storage = Memory::new();
    let refused = exchange(&storage, &request(&sections)).unwrap_err();
    insta::assert_snapshot!(format!("{refused}: {refused:?}"), @r#"malformed request: Malformed(Short { what: "frame" })"#);
    assert_eq!(cursor(&storage), 2);
}

#[test]
fn debug_tells_nothing_of_a_request() {
    let bytes = request(&[push(&[roster(1)])]);
    let intake = Intake::new().feed(&Memory::new(), &bytes).unwrap();
    insta::assert_snapshot!(format!("{intake:?}"), @"Intake { bytes: 347, sections: 0, frames: 0, .. }");
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..600), cut in 0..900_usize) {
        let good = request(&[resuming(2, &roster(1), 9, push(&[chunk('a', 0, 1), roster(1)]))]);
        let mut mixed = good[..cut.min(good.len())].to_vec();
        mixed.extend(bytes);
        let _ = exchange(&Memory::new(), &mixed);
    }

    #[test]
    fn flipped_bytes_never_panic(at in 0..700_usize, to in any::<u8>()) {
        let section = with_vector(&[('a', 1)], push(&[chunk('a', 0, 1), roster(1)]));
        let mut bytes = request(&[section, elsewhere(4, pull(&[]))]);
        let at = at % bytes.len();
        bytes[at] = to;
        let _ = exchange(&Memory::new(), &bytes);
    }

    #[test]
    fn pieces_of_any_size_are_the_same_request(cuts in prop::collection::vec(1..20_000_usize, 1..40)) {
        let bytes = request(&[push(&large(3)), elsewhere(4, push(&[roster(1), roster(2)]))]);
        let storage = Memory::new();
        let (mut intake, mut rest) = (Intake::new(), &bytes[..]);
        for cut in cuts {
            let (piece, after) = rest.split_at(cut.min(rest.len()));
            intake = intake.feed(&storage, piece).unwrap();
            rest = after;
        }
        let mut answer = intake.feed(&storage, rest).unwrap().finish(&storage).unwrap();
        let page = answer.next_page(&storage).unwrap().unwrap();
        prop_assert_eq!(page, exchange(&Memory::new(), &bytes).unwrap());
    }
}

/// A download of 200 KB, cut at each of its bytes: the next request has the rest of the frame that broke off, and nothing twice.
#[test]
fn a_download_cut_at_every_byte_goes_on_there() {
    let lengths = [
        256, 272, 1_024, 2_048, 4_352, 8_192, 9_216, 16_384, 22_528, 30_720, 32_768, 32_768,
        16_384, 22_528, 8_192,
    ];
    let frame = |(n, length)| chunk_of(tag('a'), n, n as u8, length);
    let all: Vec<Vec<u8>> = (0..).zip(lengths).map(frame).collect();
    assert!(all.iter().map(Vec::len).sum::<usize>() > 200_000);
    let storage = Memory::new();
    for (n, frame) in all.iter().enumerate() {
        // Of what lies before, the cursor is enough; what comes after is not asked about here.
        exchange(&storage, &request(&[push(std::slice::from_ref(frame))])).unwrap();
        let asked = pull(&all[..n]);
        let whole = exchange(&storage, &request(std::slice::from_ref(&asked))).unwrap();
        let mut reader = AnswerReader::new();
        for cut in 0..whole.len() {
            let started = reader.broken_off().map(|broken| broken.bytes.to_vec());
            if let Some(started) = started.filter(|bytes| bytes.len() >= 44) {
                let offset = started.len() as u32;
                let section = resuming(n as u64 + 1, &started, offset, asked.clone());
                let answer = exchange(&storage, &request(&[section])).unwrap();
                let mut rest = AnswerReader::new();
                rest.feed(&answer);
                assert_eq!(rest.next_part().unwrap(), Some(Part::Section(0)));
                let Some(Part::Tail { cursor, offset: at, rest: tail }) = rest.next_part().unwrap()
                else {
                    panic!("cut at {cut}: no tail")
                };
                assert_eq!((cursor, at), (n as u64 + 1, offset));
                assert!(frame.ends_with(tail) && tail.len() + started.len() == frame.len());
                assert!(matches!(rest.next_part().unwrap(), Some(Part::End { .. })));
            }
            reader.feed(&whole[cut..=cut]);
            while reader.next_part().unwrap().is_some() {}
        }
        assert!(reader.is_done());
    }
}

//! Frames of one mailbox in another, and of one epoch under another: of a team whose mailbox has moved.

use super::*;

/// Where a chunk's header says how long what follows is.
const LENGTH: std::ops::Range<usize> = 14..16;

/// The frames of each section of an answer, which must be two at least.
fn by_section(all: &[Said]) -> Vec<Vec<Said>> {
    let mut sections: Vec<Vec<Said>> = Vec::new();
    for said in all {
        match said {
            Said::Section(_) => sections.push(Vec::new()),
            said if is_frame(said) => sections.last_mut().unwrap().push(said.clone()),
            _ => {}
        }
    }
    assert!(sections.len() > 1, "one mailbox alone");
    sections
}

/// Has each section say other frames, before its end.
fn saying_instead(all: &mut Vec<Said>, mut frames: Vec<Vec<Said>>) {
    frames.reverse();
    let old = std::mem::take(all);
    for said in old.into_iter().filter(|said| !is_frame(said)) {
        if matches!(said, Said::End(..) | Said::Need) {
            all.extend(frames.pop().unwrap_or_default());
        }
        all.push(said);
    }
}

/// What lies in the other mailboxes, each frame as if it were at a cursor there.
fn of_others(w: &World, request: &[u8], index: usize) -> Vec<Vec<u8>> {
    let own = World::asked(request)[index].0.mailbox();
    let others = w.mailboxes.iter().filter(|mailbox| **mailbox != own);
    others.flat_map(|mailbox| w.frames(*mailbox)).map(|frame| frame.bytes().to_vec()).collect()
}

pub(super) const SPLICES: &[(&str, Lie, Option<Fault>)] = &[
    (
        "gives each mailbox the frames of the other",
        |w, _, request| {
            changed(w, request, |all| {
                let mut frames = by_section(all);
                frames.rotate_right(1);
                saying_instead(all, frames);
            })
        },
        None,
    ),
    (
        "gives each mailbox what lies in the other as well",
        |w, _, request| {
            let mut all = said(&w.honest(request));
            let mut frames = by_section(&all);
            for (index, its) in frames.iter_mut().enumerate() {
                let others = of_others(w, request, index).into_iter();
                its.extend((1..).zip(others).map(|(cursor, frame)| Said::Frame(cursor, frame)));
            }
            saying_instead(&mut all, frames);
            Some(saying(&all))
        },
        None,
    ),
    (
        "puts what lies in one mailbox into the other for good",
        |w, _, request| {
            if w.turn == 0 {
                for mailbox in w.mailboxes.clone() {
                    for other in w.mailboxes.clone().into_iter().filter(|other| *other != mailbox) {
                        let frames = w.frames(other);
                        w.fleet.relay.push(mailbox, frames).unwrap();
                    }
                }
            }
            Some(w.honest(request))
        },
        None,
    ),
    (
        "puts what is sealed under one epoch behind the header of another",
        |w, _, request| {
            let sealed: Vec<Vec<u8>> = of_others(w, request, 0);
            let chunks: Vec<Vec<u8>> = sealed.into_iter().filter(|frame| frame[0] == 1).collect();
            framed(w, request, |n, frame| {
                let other = chunks.get(n % chunks.len().max(1));
                if let (1, Some(other)) = (frame[0], other) {
                    // The header says how long what follows is.
                    frame[LENGTH].copy_from_slice(&other[LENGTH]);
                    frame.truncate(ChunkHeader::LEN);
                    frame.extend_from_slice(&other[ChunkHeader::LEN..]);
                }
            })
        },
        None,
    ),
];

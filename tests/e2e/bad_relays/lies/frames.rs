//! Frames, places and pasts that are not as they were.

use super::*;

pub(super) const FORGING: &[(&str, Lie, Option<Fault>)] = &[
    (
        "acknowledges without storing",
        |w, _, request| {
            let all = World::asked(request);
            let mut out = Vec::new();
            for (index, (head, frames)) in (0..).zip(&all) {
                out.push(Said::Section(index));
                let mut digest = w.fleet.relay.head(head.mailbox()).unwrap().digest;
                let mut cursor = w.fleet.relay.head(head.mailbox()).unwrap().cursor;
                for (n, frame) in (0..).zip(frames) {
                    (cursor, digest) = (cursor + 1, digest.next(FrameHash::of(frame)));
                    out.push(Said::Ack(n, Stored::New, cursor));
                }
                out.push(Said::End(cursor, digest));
            }
            out.push(Said::Done);
            Some(saying(&out))
        },
        Some(Fault::OtherPast),
    ),
    (
        "acknowledges beyond its end",
        |w, _, request| {
            let all = World::asked(request);
            let mut out = Vec::new();
            for (index, (head, frames)) in (0..).zip(&all) {
                out.push(Said::Section(index));
                let acks = (0..frames.len() as u32).map(|n| (n, (1 << 40) + u64::from(n)));
                out.extend(acks.map(|(n, cursor)| Said::Ack(n, Stored::New, cursor)));
                let Head { cursor, digest } = w.fleet.relay.head(head.mailbox()).unwrap();
                out.push(Said::End(cursor, digest));
            }
            out.push(Said::Done);
            Some(saying(&out))
        },
        Some(Fault::Digest),
    ),
    (
        "stores without acknowledging",
        |w, _, request| {
            changed(w, request, |all| all.retain(|said| !matches!(said, Said::Ack(..))))
        },
        Some(Fault::Unconfirmed),
    ),
    (
        "acknowledges what was not sent",
        |w, _, request| adding(w, request, &[Said::Ack(4_000, Stored::New, 1)]),
        Some(Fault::Nonsense),
    ),
    (
        "acknowledges twice",
        |w, _, request| {
            changed(w, request, |all| {
                *all = all
                    .iter()
                    .flat_map(|s| vec![s.clone(); 1 + usize::from(matches!(s, Said::Ack(..)))])
                    .collect();
            })
        },
        Some(Fault::Nonsense),
    ),
    (
        "acknowledges at cursors that are none",
        |w, _, request| {
            changed(w, request, |all| {
                for said in all {
                    if let Said::Ack(_, _, cursor) = said {
                        *cursor = u64::MAX;
                    }
                }
            })
        },
        Some(Fault::Nonsense),
    ),
    (
        "acknowledges all as known",
        |w, _, request| {
            changed(w, request, |all| {
                for said in all {
                    if let Said::Ack(_, stored, _) = said {
                        *stored = Stored::Duplicate;
                    }
                }
            })
        },
        None,
    ),
    (
        "says that it is full, and is not",
        |w, _, request| {
            changed(w, request, |all| {
                for said in all {
                    if let Said::Ack(_, stored, cursor) = said {
                        (*stored, *cursor) = (Stored::Full, 0);
                    }
                }
            })
        },
        Some(Fault::Crowded),
    ),
    (
        "puts frames on another lane",
        |w, _, request| {
            framed(w, request, |_, frame| {
                if frame[0] == 1 {
                    frame[2] ^= 1;
                }
            })
        },
        None,
    ),
    (
        "puts frames at another place",
        |w, _, request| {
            framed(w, request, |n, frame| {
                if frame[0] == 1 {
                    frame[10] = frame[10].wrapping_add(1 + n as u8);
                }
            })
        },
        None,
    ),
    (
        "puts frames under another epoch",
        |w, _, request| {
            framed(w, request, |_, frame| {
                if frame[0] == 1 {
                    frame[40] ^= 1;
                }
            })
        },
        None,
    ),
    (
        "flips a bit of each frame",
        |w, _, request| {
            framed(w, request, |n, frame| {
                let at = frame.len() - 1 - n % 100;
                frame[at] ^= 4;
            })
        },
        None,
    ),
    (
        "cuts every frame short",
        |w, _, request| {
            framed(w, request, |_, frame| {
                frame.truncate(frame.len() - 1);
            })
        },
        None,
    ),
    ("says chunks to be grants", |w, _, request| framed(w, request, |_, frame| frame[0] = 3), None),
    (
        "says frames to be of a newer version",
        |w, _, request| {
            framed(w, request, |_, frame| {
                frame[1] = 7;
            })
        },
        None,
    ),
];

pub(super) const PAST: &[(&str, Lie, Option<Fault>)] = &[
    (
        "repeats what it said before",
        |w, n, request| {
            let first = w.past.iter().find(|(who, _)| *who == n).map(|(_, answer)| answer.clone());
            Some(first.unwrap_or_else(|| w.honest(request)))
        },
        None,
    ),
    (
        "says to one what it said to another",
        |w, n, request| {
            let other = w.past.iter().find(|(who, _)| *who != n).map(|(_, answer)| answer.clone());
            Some(other.unwrap_or_else(|| w.honest(request)))
        },
        None,
    ),
    (
        "serves one mailbox from another",
        |w, _, request| {
            let mut all = said(&w.honest(request));
            let frames: Vec<Said> = all.iter().filter(|s| is_frame(s)).cloned().collect();
            all.retain(|said| !is_frame(said));
            let last =
                all.iter().rposition(|said| matches!(said, Said::End(..) | Said::Need)).unwrap();
            all.splice(last..last, frames);
            Some(saying(&all))
        },
        None,
    ),
    (
        "goes back half of the way",
        |w, _, request| {
            if w.turn == 3 {
                let most = w.mailboxes.iter().map(|m| w.fleet.relay.head(*m).unwrap().cursor).max();
                roll_back(w, most.unwrap_or_default() / 2);
            }
            Some(w.honest(request))
        },
        Some(Fault::RolledBack),
    ),
    (
        "goes back to nothing",
        |w, _, request| {
            if w.turn == 2 {
                roll_back(w, 0);
            }
            Some(w.honest(request))
        },
        Some(Fault::RolledBack),
    ),
    (
        "goes back to nothing after every answer",
        |w, _, request| {
            let answer = w.honest(request);
            roll_back(w, 0);
            Some(answer)
        },
        Some(Fault::OtherPast),
    ),
    (
        "shows two halves of the team two worlds",
        |w, n, request| {
            if n < 2 {
                return Some(w.honest(request));
            }
            from_other(w, request, |w| w.copy(|_| true))
        },
        None,
    ),
    (
        "shows everybody a world of one's own, and unites them",
        |w, n, request| {
            while w.others.len() < 4 {
                let copy = w.copy(|_| true);
                w.others.push(copy);
            }
            let answer = exchange(&w.others[n], request).unwrap();
            if w.turn > 12 {
                for mailbox in w.mailboxes.clone() {
                    let last = w.others[n].head(mailbox).unwrap().cursor;
                    let cursors: Vec<u64> = (1..=last).collect();
                    let frames = w.others[n].frames(mailbox, &cursors).unwrap();
                    let frames =
                        frames.into_iter().map(|f| haversack_relay::Incoming::parse(f).unwrap());
                    w.fleet.relay.push(mailbox, frames.collect()).unwrap();
                }
            }
            Some(answer)
        },
        None,
    ),
];

pub(super) const CROWDING: &[(&str, Lie, Option<Fault>)] = &[
    (
        "squats on everybody's next place",
        |w, _, request| {
            let answer = w.honest(request);
            if w.turn == 0 {
                squat(w, 1, 0);
            }
            Some(answer)
        },
        Some(Fault::Squatted),
    ),
    (
        "squats on places to come",
        |w, _, request| {
            if w.turn == 0 {
                w.honest(request);
                squat(w, 2, 3);
            }
            Some(w.honest(request))
        },
        None,
    ),
    (
        "fills everybody's next place",
        |w, _, request| {
            if w.turn == 0 {
                squat(w, 4, 0);
            }
            Some(w.honest(request))
        },
        Some(Fault::Crowded),
    ),
    (
        "fills everybody's next place again and again",
        |w, _, request| {
            if w.turn % 4 == 0 {
                squat(w, 4, 0);
            }
            Some(w.honest(request))
        },
        Some(Fault::Crowded),
    ),
    (
        "fills everybody's first place once it has lost everything",
        |w, _, request| {
            if w.turn == 0 {
                let lanes = |mailbox: &Mailbox| w.fleet.relay.have(*mailbox).unwrap();
                let had: Vec<_> = w.mailboxes.iter().map(|m| (*m, lanes(m))).collect();
                roll_back(w, 0);
                for (mailbox, lanes) in had {
                    for (tag, _) in lanes {
                        let at = |n| haversack_relay::Incoming::parse(garbage(tag, 0, n)).unwrap();
                        w.fleet.relay.push(mailbox, (0..4).map(at).collect()).unwrap();
                    }
                }
            }
            Some(w.honest(request))
        },
        Some(Fault::Crowded),
    ),
    (
        "floods with lanes of nobody",
        |w, _, request| {
            let frame = |n: u32| garbage(LaneTag::new([n as u8; 8]), n, n);
            let flood: Vec<Said> =
                (0..600).map(|n| Said::Frame(u64::from(n) + 1, frame(n))).collect();
            adding(w, request, &flood)
        },
        None,
    ),
    (
        "floods with the largest frames",
        |w, _, request| {
            let frame = |n: u8| [&[9, 9, n][..], &vec![n; 32_765]].concat();
            let flood: Vec<Said> = (0..60).map(|n| Said::Frame(1, frame(n))).collect();
            adding(w, request, &flood)
        },
        None,
    ),
    (
        "goes on with a frame that nobody began",
        |w, _, request| adding(w, request, &[Said::Tail(1, 100, vec![0; 300])]),
        Some(Fault::Nonsense),
    ),
    (
        "sends a frame over the maximum",
        |w, _, request| adding(w, request, &[Said::Frame(1, vec![1; 40_000])]),
        None,
    ),
    (
        "claims a part of four gigabytes",
        |w, _, request| {
            let mut answer = w.honest(request);
            answer.truncate(3);
            answer.extend([3, 0xff, 0xff, 0xff, 0xff, 0x0f]);
            Some(answer)
        },
        Some(Fault::Nonsense),
    ),
    (
        "sends lanes that are not in order",
        |w, _, request| {
            let mut answer = w.honest(request)[..3].to_vec();
            answer.extend([1, 1, 0, 5, 19, 2]);
            answer.extend([[9; 8].as_slice(), &[1], &[3; 8], &[1]].concat());
            Some(answer)
        },
        Some(Fault::Nonsense),
    ),
    (
        "says more after its end",
        |w, _, request| {
            let mut answer = w.honest(request);
            answer.extend([7; 50]);
            Some(answer)
        },
        Some(Fault::Nonsense),
    ),
    (
        "speaks of what is not known yet between its parts",
        |w, _, request| {
            let answer = w.honest(request);
            Some([&answer[..3], &[0x63, 2, 1, 1][..], &answer[3..]].concat())
        },
        None,
    ),
    (
        "is a web page",
        |_, _, _| Some(b"<html><body>404</body></html>".to_vec()),
        Some(Fault::Nonsense),
    ),
];

//! What is said, and what is left out.

use super::*;

pub(super) const SILENT: &[(&str, Lie, Option<Fault>)] = &[
    ("hangs up", |_, _, _| None, None),
    (
        "takes what it is given and hangs up",
        |w, _, request| {
            w.honest(request);
            None
        },
        None,
    ),
    (
        "answers every other time",
        |w, _, request| (w.turn % 2 == 0).then(|| w.honest(request)),
        None,
    ),
    ("says nothing but hello", |_, _, _| Some(saying(&[])), None),
    (
        "breaks off half-way",
        |w, _, request| {
            let answer = w.honest(request);
            Some(answer[..answer.len() / 2].to_vec())
        },
        None,
    ),
    ("breaks off in the first part", |w, _, request| Some(w.honest(request)[..4].to_vec()), None),
    (
        "breaks off before its last byte",
        |w, _, request| {
            let answer = w.honest(request);
            Some(answer[..answer.len() - 1].to_vec())
        },
        None,
    ),
    (
        "drops every frame",
        |w, _, request| changed(w, request, |all| all.retain(|s| !is_frame(s))),
        Some(Fault::LeftOut),
    ),
    (
        "drops the first frame",
        |w, _, request| {
            changed(w, request, |all| {
                let first = all.iter().position(is_frame);
                first.into_iter().for_each(|at| drop(all.remove(at)));
            })
        },
        Some(Fault::LeftOut),
    ),
    (
        "drops every second frame",
        |w, _, request| {
            changed(w, request, |all| {
                let mut n = 0;
                all.retain(|said| {
                    n += usize::from(is_frame(said));
                    !is_frame(said) || n % 2 == 0
                });
            })
        },
        Some(Fault::LeftOut),
    ),
    (
        "drops grants and rosters",
        |w, _, request| {
            changed(w, request, |all| {
                let is_loose = |said: &Said| match said {
                    Said::Frame(_, frame) => !matches!(Frame::parse(frame), Ok(Frame::Chunk(..))),
                    _ => false,
                };
                all.retain(|said| !is_loose(said));
            })
        },
        None,
    ),
    (
        "delivers everything one answer late",
        |w, n, request| {
            let now = w.honest(request);
            let last =
                w.past.iter().rev().find(|(who, _)| *who == n).map(|(_, answer)| answer.clone());
            w.past.push((n, now));
            last
        },
        None,
    ),
    (
        "holds one lane back and says that it was never there",
        |w, _, request| {
            let tag =
                w.mailboxes.iter().find_map(|m| w.fleet.relay.have(*m).unwrap().pop()).unwrap().0;
            w.honest(request);
            from_other(w, request, |w| {
                w.copy(|frame| !matches!(frame.place(), haversack_relay::Place::Lane(its, _) if its == tag))
            })
        },
        None,
    ),
];

pub(super) const CONFUSED: &[(&str, Lie, Option<Fault>)] = &[
    (
        "turns the order round",
        |w, _, request| {
            changed(w, request, |all| {
                let at: Vec<usize> = (0..all.len()).filter(|n| is_frame(&all[*n])).collect();
                let frames: Vec<Said> = at.iter().rev().map(|n| all[*n].clone()).collect();
                at.into_iter().zip(frames).for_each(|(n, frame)| all[n] = frame);
            })
        },
        None,
    ),
    (
        "says everything twice",
        |w, _, request| {
            changed(w, request, |all| {
                *all = all
                    .iter()
                    .flat_map(|s| vec![s.clone(); 1 + usize::from(is_frame(s))])
                    .collect();
            })
        },
        None,
    ),
    (
        "says one frame a thousand times",
        |w, _, request| {
            changed(w, request, |all| {
                if let Some(at) = all.iter().position(is_frame) {
                    let one = all[at].clone();
                    all.splice(at..at, vec![one; 1_000]);
                }
            })
        },
        None,
    ),
    (
        "gives all frames one cursor",
        |w, _, request| {
            changed(w, request, |all| {
                for said in all {
                    if let Said::Frame(cursor, _) = said {
                        *cursor = 1;
                    }
                }
            })
        },
        None,
    ),
    (
        "gives frames cursors far beyond",
        |w, _, request| {
            changed(w, request, |all| {
                for said in all {
                    if let Said::Frame(cursor, _) = said {
                        *cursor += 1 << 40;
                    }
                }
            })
        },
        None,
    ),
    (
        "gives frames cursors that are none",
        |w, _, request| {
            changed(w, request, |all| {
                for said in all {
                    if let Said::Frame(cursor, _) = said {
                        *cursor = u64::MAX;
                    }
                }
            })
        },
        None,
    ),
    (
        "ends far beyond",
        |w, _, request| ending(w, request, |cursor, _| *cursor += 1_000_000),
        Some(Fault::LeftOut),
    ),
    (
        "ends beyond what can be",
        |w, _, request| ending(w, request, |cursor, _| *cursor = u64::MAX),
        Some(Fault::Nonsense),
    ),
    (
        "ends at the beginning",
        |w, _, request| ending(w, request, |cursor, _| *cursor = 0),
        Some(Fault::Digest),
    ),
    (
        "ends with another digest",
        |w, _, request| ending(w, request, |_, digest| *digest = CursorDigest::new([9; 16])),
        Some(Fault::Digest),
    ),
    (
        "ends twice",
        |w, _, request| {
            changed(w, request, |all| {
                *all = all
                    .iter()
                    .flat_map(|s| vec![s.clone(); 1 + usize::from(matches!(s, Said::End(..)))])
                    .collect();
            })
        },
        Some(Fault::Nonsense),
    ),
    (
        "never ends",
        |w, _, request| {
            changed(w, request, |all| all.retain(|said| !matches!(said, Said::End(..))))
        },
        None,
    ),
    (
        "has another memory each time",
        |_, _, _| Some(saying(&[Said::Section(0), Said::Need, Said::Done])),
        Some(Fault::OtherPast),
    ),
    (
        "claims to have everything",
        |w, _, request| {
            changed(w, request, |all| {
                for said in all {
                    if let Said::Have(lanes) = said {
                        lanes.iter_mut().for_each(|(_, next)| *next = u32::MAX);
                    }
                }
            })
        },
        None,
    ),
    (
        "claims to have nothing",
        |w, _, request| {
            // It asks for a vector first.
            let by_vector = matches!(
                World::asked(request)[0].0.basis,
                haversack_wire::request::Basis::Vector(..)
            );
            match by_vector {
                false => Some(saying(&[Said::Section(0), Said::Need, Said::Done])),
                true => changed(w, request, |all| {
                    all.iter_mut().for_each(|said| {
                        if let Said::Have(lanes) = said {
                            lanes.clear();
                        }
                    });
                }),
            }
        },
        Some(Fault::RolledBack),
    ),
    (
        "answers about a mailbox that nobody asked about",
        |w, _, request| {
            changed(w, request, |all| {
                all.iter_mut().for_each(|said| {
                    if let Said::Section(index) = said {
                        *index = 200;
                    }
                });
            })
        },
        Some(Fault::Nonsense),
    ),
];

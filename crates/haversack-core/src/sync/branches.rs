//! Which branch of a forked lane is believed (PROTOCOL § 4.2): a pure function of the bodies that are here and of what
//! the team's keepers name.

use std::collections::{BTreeMap, BTreeSet};

use haversack_wire::Position;

/// A body's place: its sequence and its position hash.
pub(crate) type Place = (u32, Position);

/// The positions that are believed from a place on, one a sequence. `bodies` gives the position before each body;
/// `named` are those that a keeper says it has applied.
///
/// At each fork the branch goes on on which a named body lies, among several of those the lowest position; where none
/// is named, the lowest position.
pub(crate) fn believed(
    (from, start): Place,
    bodies: &BTreeMap<Place, Position>,
    named: &BTreeSet<Place>,
) -> Vec<Position> {
    let favoured = with_ancestors(bodies, named);
    let (mut believed, mut at) = (Vec::new(), start);
    for sequence in from.. {
        let all = Position::new([0; 16])..=Position::new([255; 16]);
        let here = bodies.range((sequence, *all.start())..=(sequence, *all.end()));
        let next =
            here.filter(|(_, previous)| **previous == at).map(|((_, position), _)| *position);
        let best =
            next.min_by_key(|position| (!favoured.contains(&(sequence, *position)), *position));
        let Some(best) = best else { break };
        believed.push(best);
        at = best;
    }
    believed
}

fn with_ancestors(bodies: &BTreeMap<Place, Position>, named: &BTreeSet<Place>) -> BTreeSet<Place> {
    let mut all = BTreeSet::new();
    for place in named {
        let mut at = *place;
        while let Some(previous) = bodies.get(&at) {
            if !all.insert(at) {
                break;
            }
            match at.0.checked_sub(1) {
                Some(before) => at = (before, *previous),
                None => break,
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn position(n: u8) -> Position {
        Position::new([n; 16])
    }

    fn tree(edges: &[(u32, u8, u8)]) -> BTreeMap<Place, Position> {
        edges.iter().map(|(at, own, before)| ((*at, position(*own)), position(*before))).collect()
    }

    #[test]
    fn the_lowest_wins_unless_a_keeper_names_another() {
        let bodies = tree(&[(0, 9, 0), (1, 3, 9), (2, 8, 3), (1, 5, 9), (2, 1, 5), (1, 7, 9)]);
        let start = (0, position(0));
        let run = |named: &[(u32, u8)]| {
            let named = named.iter().map(|(at, own)| (*at, position(*own))).collect();
            believed(start, &bodies, &named).iter().map(|p| p.as_bytes()[0]).collect::<Vec<_>>()
        };
        assert_eq!(run(&[]), [9, 3, 8]);
        assert_eq!(run(&[(0, 9)]), [9, 3, 8], "what all branches share decides nothing");
        assert_eq!(run(&[(2, 1)]), [9, 5, 1], "whoever has a body has what lies before it");
        assert_eq!(run(&[(1, 7), (2, 1)]), [9, 5, 1], "the lowest of those that are named");
        assert_eq!(run(&[(1, 7), (1, 3)]), [9, 3, 8]);
        assert_eq!(run(&[(4, 4)]), [9, 3, 8], "what is not here yet names nothing");
    }

    /// Bodies of a lane on which several write, each on top of one of those before.
    fn bodies() -> impl Strategy<Value = Vec<(u32, u8, u8)>> {
        proptest::collection::vec((any::<u8>(), 0..8_usize), 1..24).prop_map(|picks| {
            let mut made: Vec<(u32, u8, u8)> = Vec::new();
            for (n, (own, before)) in picks.into_iter().enumerate() {
                let own = own.wrapping_mul(31).wrapping_add(n as u8);
                let below = made.len().checked_sub(1).and_then(|last| made.get(before.min(last)));
                let (at, before) = below.map_or((0, 0), |(at, own, _)| (at + 1, *own));
                if !made.iter().any(|(_, other, _)| *other == own) && own != 0 {
                    made.push((at, own, before));
                }
            }
            made
        })
    }

    proptest! {
        /// Keepers hear of bodies and of each other in any order, and each says now and then what it believes. Once all
        /// have heard everything and said so, they agree, and go on agreeing.
        #[test]
        fn keepers_come_to_one_mind(
            made in bodies(),
            acts in proptest::collection::vec((0..3_usize, 0..24_usize, 0..3_usize, any::<bool>()), 0..80),
        ) {
            let all = tree(&made);
            let start = (0, position(0));
            let mut heard: Vec<BTreeMap<Place, Position>> = vec![BTreeMap::new(); 3];
            // What each knows that each has last said, and when.
            let mut said: Vec<BTreeMap<usize, (u32, Place)>> = vec![BTreeMap::new(); 3];
            let mut clock = 0;
            let last = |heard: &BTreeMap<Place, Position>, said: &BTreeMap<usize, (u32, Place)>| {
                let named = said.values().map(|(_, place)| *place).collect();
                let path = believed(start, heard, &named);
                path.last().map(|position| (path.len() as u32 - 1, *position))
            };
            let mut end: Vec<(usize, usize, usize, bool)> = acts;
            for _ in 0..4 {
                let everything = (0..made.len()).flat_map(|n| (0..3).map(move |k| (k, n, 0, true)));
                end.extend(everything);
                end.extend((0..9).map(|n| (n % 3, usize::MAX, n / 3, false)));
                end.extend((0..9).map(|n| (n % 3, usize::MAX, n / 3, true)));
            }
            for (who, body, other, speaks) in end {
                if let Some((place, before)) = made.get(body).map(|(at, own, before)| ((*at, position(*own)), position(*before))) {
                    heard[who].insert(place, before);
                }
                let theirs = said[other].clone();
                for (keeper, word) in theirs {
                    let mine = said[who].entry(keeper).or_insert(word);
                    if word.0 > mine.0 { *mine = word; }
                }
                if speaks && let Some(place) = last(&heard[who], &said[who]) {
                    clock += 1;
                    said[who].insert(who, (clock, place));
                }
            }
            for keeper in &heard { prop_assert_eq!(keeper, &all); }
            let minds: Vec<_> = (0..3).map(|k| last(&heard[k], &said[k])).collect();
            prop_assert!(minds.iter().all(|mind| *mind == minds[0]), "{:?}", minds);
        }
    }
}

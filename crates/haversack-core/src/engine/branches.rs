//! Bodies that a relay has and does not show: branches of a fork, and what came as garbage. A request names what is here, and the relay
//! leaves that out: with it a second body at such a place, where cursors cannot tell that it is new.

use std::collections::BTreeMap;

use haversack_wire::Lane;

use super::Engine;
use super::documents::Staged;
use super::state::SpaceState;
use super::wait::Need;
use crate::Error;
use crate::sync::exchange::Exchange;

/// Looks that are remembered; beyond that each may be taken once more.
const LOOKS_MAX: usize = 1_024;

/// A lane, and what shows that there is a branch of it that is not here.
pub(super) type Look = (Lane, [u8; 8]);

impl Engine {
    /// Asks a relay for the lanes of which there is a branch, or a body before others, that is not here. Once for each sign of one: the
    /// relay may not have it either. Says whether it is to be asked.
    pub(super) fn look_for_branches(&mut self, exchange: &Exchange) -> Result<bool, Error> {
        let mut space = self.space()?.clone();
        let relay = exchange.relay();
        let mut looks = self.unseen_branches(&space);
        looks.retain(|look, _| !self.looked.contains(&(relay, *look)));
        if looks.is_empty() {
            return Ok(false);
        }
        let secrets = &space.group.generations;
        let routes = space.routes.iter_mut().filter(|((at, _), _)| *at == relay);
        for ((_, generation), route) in routes {
            let Some(secret) = secrets.get(generation) else { continue };
            for ((lane, _), from) in &looks {
                let tag = secret.lane_tag(lane);
                match (from, route.known.get_mut(&tag)) {
                    (0, _) => drop(route.known.remove(&tag)),
                    (from, Some(next)) => *next = (*next).min(*from),
                    (_, None) => {}
                }
            }
            // Also where nothing is named of the lane: behind a cursor it does not come either.
            route.needs_vector = true;
        }
        if self.looked.len() > LOOKS_MAX {
            self.looked.clear();
        }
        self.looked.extend(looks.into_keys().map(|look| (relay, look)));
        let asks = space.routes != self.space()?.routes;
        if asks {
            self.commit(Staged { space: Some(space), ..Staged::default() })?;
        }
        Ok(asks)
    }

    /// Where members have signed that they have another body than any that is here at its place, and where a body waits for the one before
    /// it: for another than is here, or for one that never came whole, which a cursor that said nothing just then took for delivered.
    /// With each the place from which on to ask: a gap is behind what is here, a branch may begin anywhere.
    fn unseen_branches(&self, space: &SpaceState) -> BTreeMap<Look, u32> {
        let is_another = |lane: &Lane, sequence: u32, start: &[u8; 8]| {
            self.index.bodies(lane).is_some_and(|bodies| {
                bodies.spine.contains_key(&sequence)
                    && !bodies
                        .marks_at(sequence)
                        .any(|mark| mark.position.as_bytes().starts_with(start))
            })
        };
        let said = space.lanes.values().flat_map(|lane| &lane.vector).filter_map(|(lane, said)| {
            let last = said.next.checked_sub(1)?;
            is_another(lane, last, &said.hash).then_some(((*lane, said.hash), 0))
        });
        let waits = self.waiting.waits().filter_map(|(_, wait, _)| {
            let is_of_lane = matches!(wait.need, Need::Before | Need::Branch(_));
            let next = space.lanes.get(&wait.lane).map_or(0, |lane| lane.next);
            let is_gap = wait.sequence > next && !self.index.is_forked(&wait.lane);
            // Whatever else comes to wait behind a gap, it is one gap.
            let (sign, from) = match is_gap {
                true => (!u64::from(next), next),
                false => (wait.sequence.into(), 0),
            };
            (is_of_lane && wait.sequence > 0).then_some(((wait.lane, sign.to_le_bytes()), from))
        });
        said.chain(waits).collect()
    }
}

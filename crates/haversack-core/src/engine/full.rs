//! A relay that has no room at this device's next place. Four others lie there already: whoever has the mailbox's token can
//! put them there. The device goes on as a new life, on a lane whose tag nobody could foresee, and says there again what
//! did not get through.

use haversack_wire::Lane;
use haversack_wire::limits::CUT_MAX;

use super::Engine;
use super::intake::tags;
use super::state::SpaceState;
use crate::Error;
use crate::sync::exchange::Exchange;

/// Lanes that a device opens at most because relays have no room; the rest of what one line may have is for what else befalls it.
const LANES_LEFT_MAX: usize = CUT_MAX / 2;

impl Engine {
    /// Goes on elsewhere if a relay had no room at a place of this device's lane. Says whether it did. (Where the first place of a
    /// lane is not taken, nor any after it, there is no room for any.)
    pub(super) fn leave_crowded(&mut self, exchange: &Exchange) -> Result<bool, Error> {
        let space = self.space()?;
        let known = tags(space);
        let is_own = |(tag, _): &(_, u32)| known.get(tag) == Some(&space.lane);
        let places = exchange.full.iter().filter_map(|pushed| pushed.place).filter(is_own);
        let Some(from) = places.map(|(_, sequence)| sequence).min() else { return Ok(false) };
        let has_room = from > 0 || !exchange.sent.is_empty();
        if !has_room || self.lanes_of_mine(space) >= LANES_LEFT_MAX || self.still_member().is_err()
        {
            return Ok(false);
        }
        self.begin_anew_from(self.device.place, Some(from))?;
        Ok(true)
    }

    fn lanes_of_mine(&self, space: &SpaceState) -> usize {
        let (standing, me) = (space.group.roster.standing(), self.device());
        let is_mine = |lane: &Lane| {
            let key = space.lanes.get(lane).map(|lane| lane.device_key);
            key.is_some_and(|key| standing.line(&key) == Some(me))
        };
        space.lanes.keys().filter(|lane| is_mine(lane)).count()
    }
}

//! How many lanes there are here of one line: no more are taken than a cut can name. Which ones depends on the order in which they came, so another
//! device may have others, and build on them.

use std::collections::BTreeMap;

use haversack_wire::Device;
use haversack_wire::limits::CUT_MAX;

use super::Engine;
use super::refused::Reason;
use super::room::Room;
use super::state::SpaceState;

/// A line, or a key that is in none.
type Line = Result<Device, [u8; 32]>;

fn line(space: &SpaceState, key: &[u8; 32]) -> Line {
    space.group.roster.standing().line(key).ok_or(*key)
}

/// Whether a line has room for another lane here.
pub(super) fn has_room(space: &SpaceState, key: &[u8; 32]) -> bool {
    let its = line(space, key);
    let lanes = space.lanes.values().filter(|other| line(space, &other.device_key) == its);
    lanes.count() < CUT_MAX
}

impl Engine {
    /// Whether lanes of some line may have been refused only because there are so many: some were, or nobody can say any more.
    pub(super) fn is_any_line_full(&self) -> bool {
        let Some(space) = self.space.as_ref().filter(|space| space.lanes.len() >= CUT_MAX) else {
            return false;
        };
        let mut refused = self.waiting.refused();
        let is_told = refused.any(|refused| refused.reason == Reason::Lanes);
        if !is_told && Room::beside(&self.waiting, &[]).has_room_for_refused() {
            return false;
        }
        let mut counts: BTreeMap<Line, usize> = BTreeMap::new();
        for lane in space.lanes.values() {
            *counts.entry(line(space, &lane.device_key)).or_default() += 1;
        }
        counts.into_values().any(|count| count >= CUT_MAX)
    }
}

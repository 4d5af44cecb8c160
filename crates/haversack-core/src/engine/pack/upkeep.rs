//! What packs make needless: a new one when it is time to, and less to keep here.

use haversack_wire::Lane;

use super::super::Engine;
use super::super::documents::Staged;
use super::super::incoming::acknowledged;
use super::super::kept::{Kept, KeptBody};
use crate::Error;
use crate::members::Role;
use crate::store::Table;

/// Bodies beyond the newest pack from which on another one is worth while.
const DUE_BODIES: u64 = 512;
/// Bodies that are let go in one commit.
const COMPACT_MAX: usize = 256;

impl Engine {
    /// Makes a pack if this device keeps the team's work and there is reason to: its last one has something that was erased since; a
    /// relay has lost something, after an erasure and with no pack of its own since, so that bodies may be needed which nobody offers any more; or,
    /// where the caller says that new keys were made, hundreds of bodies came since anybody's. Says whether it did.
    ///
    /// # Errors
    /// The errors of [`Engine::make_pack`].
    pub fn pack_when_due(&mut self, rotated: bool) -> Result<bool, Error> {
        if !self.role()?.is_some_and(Role::keeps_work) || self.has_let_go() {
            return Ok(false);
        }
        let space = self.space()?;
        let is_stale = space.packs.mine.as_ref().is_some_and(|mine| mine.is_stale);
        let own = space.lanes.get(&space.lane).filter(|own| own.next > 0);
        let can = own.is_none_or(|own| own.keeps_work(&space.group.roster));
        let is_grown = || rotated && self.bodies_beyond_packs() >= DUE_BODIES;
        let is_due = can && (is_stale || self.may_be_needed() || is_grown());
        if is_due {
            self.make_pack(&mut |_, _| {})?;
        }
        Ok(is_due)
    }

    /// Whether a relay may have lost bodies of which nobody has anything to send any more, since there was something of an erased file
    /// in them; and this device has made no pack since.
    fn may_be_needed(&self) -> bool {
        let Some(space) = self.space.as_ref().filter(|space| space.has_a_relay_lost()) else {
            return false;
        };
        // Another keeper's may lack what this one has.
        let is_made = space.packs.mine.as_ref().is_some_and(|mine| !mine.is_stale);
        !is_made && self.index.erased().any(|(id, _)| self.is_erased(id))
    }

    /// How many bodies are here that no pack is known to have.
    fn bodies_beyond_packs(&self) -> u64 {
        let Some(space) = &self.space else { return 0 };
        let retired = space.retired();
        let packed = |lane: &Lane| retired.get(lane).copied().unwrap_or_default();
        let lanes = space.lanes.iter().map(|(id, lane)| lane.next.saturating_sub(packed(id)));
        lanes.map(u64::from).sum()
    }

    /// Lets go of own bodies that a pack has and that somebody who keeps the team's work has acknowledged: nobody will ask for them
    /// here. Their positions stay, which acknowledgements name, and the records.
    pub(in crate::engine) fn compact(&mut self) -> Result<(), Error> {
        let space = self.space()?.clone();
        let packed = space.retired().get(&space.lane).copied().unwrap_or_default();
        let from = space.packs.compacted;
        if packed <= from {
            return Ok(());
        }
        let mine = acknowledged(&space, &self.bodies);
        let upto = (from..packed).find(|sequence| !mine.contains(sequence)).unwrap_or(packed);
        let all: Vec<Kept> = self.bodies.range(from..upto).map(|(_, kept)| *kept).collect();
        for some in all.chunks(COMPACT_MAX) {
            let resealed = self.emptied(some)?;
            self.commit(Staged { resealed, ..Staged::default() })?;
        }
        if upto > from {
            let mut space = self.space()?.clone();
            space.packs.compacted = upto;
            self.commit(Staged { space: Some(space), ..Staged::default() })?;
        }
        Ok(())
    }

    fn emptied(&self, bodies: &[Kept]) -> Result<Vec<(i64, KeptBody)>, Error> {
        let mut emptied = Vec::new();
        for kept in bodies {
            let row = self.db.row(Table::Bodies, &self.outbox_key()?, kept.row)?;
            let body = row.map(|bytes| KeptBody::decode(&bytes)).transpose()?;
            let whole = body.filter(|body| !body.is_empty());
            emptied.extend(whole.map(|body| (kept.row, body.emptied())));
        }
        Ok(emptied)
    }
}

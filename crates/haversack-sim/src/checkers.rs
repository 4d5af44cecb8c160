//! The promises, each looked at by a checker of its own.

mod converged;
mod ledger;
mod lost;
mod said_once;
mod saved;
mod sealed;
mod shown;

pub(crate) use ledger::ledger;
pub(crate) use saved::saved_here;
pub(crate) use sealed::{note_filed, note_sealed};

use crate::finding::Finding;
use crate::world::World;

/// All that is looked at once everybody has met.
pub(crate) fn at_the_end(world: &mut World) -> Result<(), Finding> {
    converged::work_is_done(world)?;
    saved::saved_everywhere(world)?;
    shown::nothing_without_authority(world)?;
    sealed::removed_are_blind(world)?;
    said_once::said_once(world)?;
    said_once::forks_are_noticed(world)?;
    converged::converged(world)
}

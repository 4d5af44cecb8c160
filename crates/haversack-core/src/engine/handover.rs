//! Giving a device away: what is still owed to the team, and the end of the store once nothing is.

use haversack_wire::StatementHash;

use super::Engine;
use super::kept::Keep;
use super::state::SpaceState;
use crate::Error;
use crate::members::statement_hash;
use crate::store::{Step, wipe_up_to};

/// What would be lost with this store, as far as is known here: nobody has said, signed, that they have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Owed {
    /// This device's own changes that no coordinator and no archive has acknowledged; a relay may hold them.
    pub changes: u64,
    /// What this device, or the root key, decided about the team, and no other member is known to have seen.
    pub decisions: u64,
    /// Frames that came by file and are carried to the next relay.
    pub carried: u64,
    /// Of the changes: those of which a coordinator or an archive has signed that it refused a part of what they came with.
    /// They are owed no more: sending them again changes nothing.
    pub refused: u64,
}

impl Owed {
    /// Whether nothing is.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        Self { refused: 0, ..*self } == Self::default()
    }

    /// Whether all of it was known before.
    const fn is_within(&self, known: &Self) -> bool {
        self.changes <= known.changes
            && self.decisions <= known.decisions
            && self.carried <= known.carried
    }
}

impl Engine {
    /// What would be lost with this store.
    #[must_use]
    pub fn owed(&self) -> Owed {
        let own = self.ledger();
        Owed {
            changes: own.here_only + own.carried + own.relayed - own.refused,
            decisions: self.space.as_ref().map_or(0, |space| self.untold(space)),
            carried: self.waiting.of(Keep::Carried).count() as u64,
            refused: own.refused,
        }
    }

    /// Makes sure that this store can be given up: that nothing is owed beyond what the caller says is taken care of, such as
    /// by a bundle that holds it.
    ///
    /// # Errors
    /// [`Error::Owed`]; [`Error::RootKept`] when the root key is here, which no bundle holds; [`Error::SpacesKept`] while there
    /// are further spaces, of which each owes its own team.
    pub fn check_owed(&self, settled: &Owed) -> Result<(), Error> {
        if !self.spaces()?.is_empty() {
            return Err(Error::SpacesKept);
        }
        if self.space.as_ref().is_some_and(|space| self.present_root(space).is_some()) {
            return Err(Error::RootKept);
        }
        let owed = self.owed();
        match owed.is_within(settled) {
            true => Ok(()),
            false => Err(Error::Owed { owed }),
        }
    }

    /// Destroys this store as [`wipe`](super::wipe) does, whatever is owed.
    ///
    /// # Errors
    /// [`Error::Inner`] for a further space, which [`Engine::drop_space`] destroys; [`Error::Io`] when the keys could not be
    /// overwritten.
    pub fn destroy(mut self) -> Result<(), Error> {
        self.check_first()?;
        let folder = self.vault.folder().to_owned();
        wipe_up_to(&folder, Step::KeysGone, &mut *self.random)?;
        let mut random = self.random;
        // Some systems remove no file that is open.
        drop((self.db, self.vault, self.ring));
        wipe_up_to(&folder, Step::Done, &mut *random)
    }

    /// How many statements of this device, or of the root key, nobody else has shown to have seen: no lane of another device
    /// names them, nor does anything that another has signed.
    fn untold(&self, space: &SpaceState) -> u64 {
        let (roster, me) = (&space.group.roster, self.device());
        let standing = roster.standing();
        let is_mine = |key: &[u8; 32]| standing.line(key) == Some(me);
        let all: Vec<(StatementHash, bool)> = roster
            .statements()
            .map(statement_hash)
            .filter_map(|hash| Some((hash, roster.statement(&hash)?.signer)))
            .map(|(hash, signer)| (hash, is_mine(&signer) || standing.roots.contains(&signer)))
            .collect();
        let others = space.lanes.values().filter(|lane| !is_mine(&lane.device_key));
        let named = others.flat_map(|lane| lane.heads()).copied();
        let signed = all.iter().filter(|(_, ours)| !ours).map(|(hash, _)| *hash);
        let heads: Vec<StatementHash> =
            named.chain(signed).filter(|hash| roster.statement(hash).is_some()).collect();
        let seen = roster.past(&heads).unwrap_or_default();
        all.iter().filter(|(hash, ours)| *ours && !roster.is_seen(&seen, hash)).count() as u64
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::Role;
    use crate::engine::tests::{carry, engine, join};
    use crate::model::Client;

    fn owed(changes: u64, decisions: u64, carried: u64) -> Owed {
        Owed { changes, decisions, carried, refused: 0 }
    }

    #[test]
    fn what_a_coordinator_decided_is_owed_until_another_shows_to_know() {
        let folder = TempDir::new().unwrap();
        let mut founder = engine(&folder, "founder", 1);
        assert_eq!(founder.owed(), Owed::default());
        founder.found_space().unwrap();
        assert!(matches!(founder.check_owed(&founder.owed()), Err(Error::RootKept)));
        founder.forget_root().unwrap();
        assert_eq!(founder.owed(), owed(0, 2, 0));
        let (mut phone, mut other) = (engine(&folder, "phone", 2), engine(&folder, "other", 3));
        join(&mut founder, &mut phone, Role::Educator);
        join(&mut founder, &mut other, Role::Coordinator);
        // Whoever was just invited knows what the answer told it, and has decided nothing.
        assert_eq!((phone.owed(), other.owed()), Default::default());
        assert_eq!(founder.owed(), owed(0, 4, 0));
        phone.add_client(&Client::default()).unwrap();
        carry(&mut phone, &mut founder);
        assert_eq!(founder.owed(), owed(0, 1, 1), "the phone does not know of the other one");
        carry(&mut founder, &mut other);
        carry(&mut other, &mut founder);
        assert_eq!(founder.owed().decisions, 0);
    }

    #[test]
    fn changes_are_owed_until_they_are_acknowledged() {
        let folder = TempDir::new().unwrap();
        let [mut office, mut phone, mut archive] =
            [("office", 1), ("phone", 2), ("archive", 3)].map(|(n, seed)| engine(&folder, n, seed));
        office.found_space().unwrap();
        join(&mut office, &mut phone, Role::Educator);
        join(&mut office, &mut archive, Role::Archive);
        phone.add_client(&Client::default()).unwrap();
        assert_eq!(phone.owed(), owed(1, 0, 0));
        assert!(matches!(phone.check_owed(&Owed::default()), Err(Error::Owed { .. })));
        // What the caller has taken care of is not asked for again; what came since is.
        let settled = phone.owed();
        phone.check_owed(&settled).unwrap();
        phone.add_client(&Client::default()).unwrap();
        assert!(
            matches!(phone.check_owed(&settled), Err(Error::Owed { owed }) if owed.changes == 2)
        );
        carry(&mut phone, &mut office);
        carry(&mut office, &mut phone);
        assert_eq!(phone.owed().changes, 0);
        phone.check_owed(&phone.owed()).unwrap();
        let place = phone.vault.folder().to_owned();
        phone.destroy().unwrap();
        assert_eq!(std::fs::read_dir(place).unwrap().count(), 0);
    }
}

//! What a device does for its team's keys: removing a member, changing a role, minting epochs when they are due.
//!
//! Each is one transaction. What is owed to others afterwards follows from the state (PROTOCOL § 6.3, R4), so that a
//! crash in between forgets nothing.

use haversack_wire::{Device, Epoch};

use super::Engine;
use super::documents::Staged;
use super::state::SpaceState;
use crate::Error;
use crate::crypto::{EpochSecret, Real, SignKey};
use crate::members::{Content, Cut, Role, statement_hash};
use crate::model::Day;

/// Days after which a device that may rotate does so.
const ROTATION_DAYS: u16 = 7;

impl Engine {
    /// Removes a member for good: from here on nothing is sealed to it, and nothing more of it is believed. The
    /// revocation and the epoch that answers it are saved in one step.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] when this device is no admin, [`Error::Unknown`] for a device that is no member, and the
    /// errors of saving.
    pub fn revoke(&mut self, device: Device) -> Result<(), Error> {
        self.admin("remove a device")?;
        self.prepare()?;
        let space = self.space()?;
        let known = space.group.roster.members().any(|member| member.device == device);
        let cut = known.then(|| cut_of(space, &device)).ok_or(Error::Unknown { what: "device" })?;
        self.decide(Content::Revoke { device, cut })
    }

    /// Gives a member another role.
    ///
    /// # Errors
    /// As [`Engine::revoke`].
    pub fn set_role(&mut self, device: Device, role: Role) -> Result<(), Error> {
        self.admin("change a role")?;
        self.prepare()?;
        let space = self.space()?;
        let known = space.group.roster.members().any(|member| member.device == device);
        let cut = known.then(|| cut_of(space, &device)).ok_or(Error::Unknown { what: "device" })?;
        self.decide(Content::SetRole { device, role: Some(role), cut })
    }

    /// Signs something that changes who may do what, and mints the epoch that it calls for.
    fn decide(&mut self, content: Content) -> Result<(), Error> {
        self.close_unsent()?;
        let mut space = self.space()?.clone();
        let sign = self.device.identity.sign.clone();
        self.say(&mut space, &sign, content)?;
        let epochs = self.minted(&mut space);
        self.commit(Staged { space: Some(space), epochs, ..Staged::default() })
    }

    /// Mints an epoch on top of those that are known: what is sealed from here on, older secrets do not open.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] for a device that may not rotate, and the errors of saving.
    pub fn rotate(&mut self) -> Result<(), Error> {
        let me = self.device.identity.sign.public();
        let member = self.space()?.group.roster.member(&me);
        if !member.ok_or(Error::Removed)?.may_rotate {
            return Err(Error::NotAllowed { what: "rotate keys" });
        }
        self.close_unsent()?;
        let mut space = self.space()?.clone();
        let sign = &self.device.identity.sign;
        let minted = space.group.mint::<Real>(sign, self.ring.epochs(), &mut *self.random);
        self.adopt(&mut space, &minted);
        self.commit(Staged { space: Some(space), epochs: vec![minted], ..Staged::default() })
    }

    /// Rotates if this device may and a week has passed since it first saw the present epoch, by its own clock (R6). A clock that
    /// jumps rotates at most once more; nothing is ever destroyed by a clock. Says whether it did.
    ///
    /// # Errors
    /// The errors of saving.
    pub fn rotate_when_due(&mut self, today: Day) -> Result<bool, Error> {
        let Some(space) = &self.space else { return Ok(false) };
        let me = space.group.roster.member(&self.device.identity.sign.public());
        if !me.is_some_and(|member| member.may_rotate) {
            return Ok(false);
        }
        let today = today.number();
        let seen = space.rotated_on;
        if seen.is_some_and(|day| day.abs_diff(today) < ROTATION_DAYS) {
            return Ok(false);
        }
        if seen.is_some() {
            self.rotate()?;
        }
        let mut space = self.space()?.clone();
        space.rotated_on = Some(today);
        self.commit(Staged { space: Some(space), ..Staged::default() })?;
        Ok(seen.is_some())
    }

    /// Makes sure that there is an epoch to write under, minting one if a revocation calls for it (R2).
    pub(super) fn prepare(&mut self) -> Result<(), Error> {
        let space = self.space()?;
        if space.live.is_some() {
            return self.still_member();
        }
        self.still_member()?;
        let mut space = space.clone();
        let epochs = self.minted(&mut space);
        self.commit(Staged { space: Some(space), epochs, ..Staged::default() })
    }

    /// An epoch, if there is none to write under.
    fn minted(&mut self, space: &mut SpaceState) -> Vec<(Epoch, EpochSecret)> {
        space.refresh(self.ring.epochs());
        if space.live.is_some() {
            return Vec::new();
        }
        let sign = &self.device.identity.sign;
        let minted = space.group.mint::<Real>(sign, self.ring.epochs(), &mut *self.random);
        self.adopt(space, &minted);
        vec![minted]
    }

    fn adopt(&self, space: &mut SpaceState, minted: &(Epoch, EpochSecret)) {
        let mut held = self.ring.epochs().clone();
        held.insert(minted.0, minted.1.clone());
        space.refresh(&held);
    }

    /// Signs a statement, takes it in, and keeps it for the next body.
    pub(super) fn say(
        &self,
        space: &mut SpaceState,
        signer: &SignKey,
        content: Content,
    ) -> Result<(), Error> {
        let bytes = space.group.say::<Real>(signer, content, None)?;
        space.unsent.push(bytes);
        space.unsent.sort_by_key(|bytes| statement_hash(bytes));
        Ok(())
    }

    pub(super) fn still_member(&self) -> Result<(), Error> {
        let me = self.device.identity.sign.public();
        let current = |member: &crate::members::Member| member.current.contains_key(&me);
        match self.space()?.group.roster.member(&me).is_some_and(current) {
            true => Ok(()),
            false => Err(Error::Removed),
        }
    }

    pub(super) fn admin(&self, what: &'static str) -> Result<(), Error> {
        self.still_member()?;
        match self.role()?.is_some_and(Role::is_admin) {
            true => Ok(()),
            false => Err(Error::NotAllowed { what }),
        }
    }

    /// What this device may do in its space; `None` once it was removed, or for a role of a newer version.
    ///
    /// # Errors
    /// [`Error::NoSpace`].
    pub fn role(&self) -> Result<Option<Role>, Error> {
        let me = self.device.identity.sign.public();
        Ok(self.space()?.group.roster.member(&me).and_then(|member| member.role))
    }

    /// This device, as others name it.
    #[must_use]
    pub fn device(&self) -> Device {
        let me = self.device.identity.sign.public();
        let line = self.space.as_ref().and_then(|space| space.group.roster.standing().line(&me));
        line.unwrap_or_else(|| crate::members::device(&me))
    }
}

/// How far each lane of a device is known here: what is believed of it when it is removed.
fn cut_of(space: &SpaceState, device: &Device) -> Cut {
    let standing = space.group.roster.standing();
    let own =
        space.lanes.iter().filter(|(_, lane)| standing.line(&lane.device_key) == Some(*device));
    own.map(|(id, lane)| (*id, lane.next)).collect()
}

//! Going on under new keys (PROTOCOL § 6.1, RenewDevice): for a device whose keys somebody may have seen, and that is in the
//! right hands all the same.

use super::Engine;
use super::documents::Staged;
use super::state::{DeviceState, LaneState, SpaceState};
use super::team::say_after;
use crate::Error;
use crate::members::{Content, Identity};

impl Engine {
    /// Goes on under new keys, which the old one vouches for: the same member, on a lane of its own. What was not sent yet is
    /// signed by the old key first, and offered until somebody who keeps the team's work has it.
    ///
    /// This does not lock out whoever has the old keys: that takes a removal, and an invitation.
    ///
    /// # Errors
    /// [`Error::NoSpace`], [`Error::Removed`], [`Error::NotAllowed`] in a role of a newer version, and the errors of
    /// saving: nothing has changed then, but that what was unsent may be signed.
    pub fn renew_device(&mut self) -> Result<(), Error> {
        self.prepare()?;
        self.role()?.ok_or(Error::NotAllowed { what: "renew a device's keys" })?;
        self.close_unsent()?;
        let new = Identity::make(&mut *self.random);
        let (device_key, kem_key) = (new.sign.public(), new.kem.public());
        let mut space = self.space()?.clone();
        let (parents, old) = (space.group.roster.parents(), &self.device.identity.sign);
        let content = Content::RenewDevice { device_key, kem_key };
        say_after(&mut space, (old, Some(&new.sign)), parents, content)?;
        move_to(&mut space, &new);
        space.packs.disown();
        space.refresh(self.ring.epochs());
        let staged = Staged {
            frames: self.hand_over_bodies(None)?,
            clear_bodies: true,
            device: Some(self.device.renewed(new)),
            space: Some(space),
            ..Staged::default()
        };
        self.commit(staged)?;
        self.reload()
    }

    /// Forgets keys for being sealed to from before a renewal, once another member has said that it knows of the new ones:
    /// whoever learns what it knows grants to those.
    pub(super) fn forget_former_keys(&mut self) -> Result<(), Error> {
        let (space, me) = (self.space()?, self.device.identity.sign.public());
        let roster = &space.group.roster;
        let knows = |lane: &LaneState| {
            let is_other = roster.standing().line(&lane.device_key) != roster.standing().line(&me);
            is_other && roster.stood(lane.heads()).is_some_and(|then| then.current(&me).is_some())
        };
        if self.device.former_kems.is_empty() || !space.lanes.values().any(knows) {
            return Ok(());
        }
        let device = DeviceState { former_kems: Vec::new(), ..self.device.clone() };
        self.commit(Staged { device: Some(device), ..Staged::default() })
    }
}

/// Begins a lane; one on which nothing was said leaves nothing.
fn move_to(space: &mut SpaceState, identity: &Identity) {
    let old = space.lane;
    space.lanes.retain(|id, lane| *id != old || lane.next > 0);
    space.lane = identity.lane(space.space());
    let own = LaneState::new(identity.sign.public(), identity.incarnation);
    space.lanes.insert(space.lane, own);
}

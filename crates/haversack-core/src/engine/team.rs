//! What a device does for its team's keys: removing a member, changing a role, minting epochs when they are due.
//!
//! Each is one transaction. What is owed to others afterwards follows from the state (PROTOCOL § 6.3, R4), so that a
//! crash in between forgets nothing.

use std::collections::BTreeMap;

use haversack_wire::limits::{CUT_MAX, LINEAGE_MAX};
use haversack_wire::{Device, Epoch, EpochHash, Generation, Lane, StatementHash, bundle};

use super::Engine;
use super::documents::Staged;
use super::state::{LaneState, SpaceState};
use crate::Error;
use crate::crypto::{EpochSecret, Real, SignKey};
use crate::members::{
    Content, Cut, EpochStatement, Facts, Role, RosterSegment, Statement, statement_hash,
};
use crate::model::Day;
use crate::seeded::{Bug, seeded};
use crate::sync::chunk;

/// Days after which a device that may rotate does so.
const ROTATION_DAYS: u16 = 7;

/// Something to be signed that changes who may do what.
pub(super) struct Decision {
    pub(super) what: &'static str,
    pub(super) content: Content,
    /// What it is to have seen.
    pub(super) parents: Vec<StatementHash>,
    /// What takes the place of the root key that is kept here.
    pub(super) root: Option<SignKey>,
}

impl Engine {
    /// Removes a device for good: from here on nothing is sealed to it, and nothing more of it is believed. The
    /// revocation and the epoch that answers it are saved in one step. Signed by the root key when it is kept here, else
    /// by this device.
    ///
    /// `undo` takes back what the device decided before: its removals of others and its changes of roles are void from
    /// then on. An admin may do so whom that device has removed; it stays removed itself unless the root key signs, since
    /// nobody can tell which of the two was seized.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] and [`Error::Removed`] when neither this device nor a root key that is here may,
    /// [`Error::Unknown`] for a device that is no member (with `undo`: never was one), [`Error::Invalid`] for this
    /// very device, and the errors of saving.
    pub fn revoke(&mut self, device: Device, undo: bool) -> Result<(), Error> {
        let space = self.space()?;
        let roster = &space.group.roster;
        let unknown = Error::Unknown { what: "device" };
        let line = roster.standing().device(&device).ok_or(unknown)?;
        if line == self.device() {
            return Err(Error::invalid("device", "is this one: another coordinator removes it"));
        }
        if !undo && !roster.standing().members.contains_key(&line) {
            return Err(Error::Unknown { what: "device" });
        }
        let parents = if undo { roster.parents_without(&line) } else { roster.parents() };
        let content = Content::Revoke { device: line, cut: cut_of(space, &line) };
        self.decide(Decision { what: "remove a device", content, parents, root: None })
    }

    /// Gives a member another role. Signed as a revocation is.
    ///
    /// # Errors
    /// As [`Engine::revoke`].
    pub fn set_role(&mut self, device: Device, role: Role) -> Result<(), Error> {
        let space = self.space()?;
        let roster = &space.group.roster;
        let line = roster.standing().device(&device);
        let line = line.filter(|line| roster.standing().members.contains_key(line));
        let device = line.ok_or(Error::Unknown { what: "device" })?;
        let (cut, parents) = (cut_of(space, &device), roster.parents());
        let content = Content::SetRole { device, role: Some(role), cut };
        self.decide(Decision { what: "change a role", content, parents, root: None })
    }

    /// Whether the present root key is kept here.
    ///
    /// # Errors
    /// [`Error::NoSpace`].
    pub fn keeps_root(&self) -> Result<bool, Error> {
        Ok(self.present_root(self.space()?).is_some())
    }

    /// Makes a new root key, which the old one signs; the new one is kept here and the old one forgotten. Shares and
    /// copies of the old one are worth nothing to the team any more, but they are to be destroyed: who has it could have
    /// replaced it just as well, and of two replacements only one stands.
    ///
    /// # Errors
    /// [`Error::Unknown`] when the root key is not here, and the errors of saving.
    pub fn replace_root(&mut self) -> Result<(), Error> {
        let space = self.space()?;
        self.present_root(space).ok_or(Error::Unknown { what: "root key" })?;
        let parents = space.group.roster.parents();
        let new = SignKey::make(&mut *self.random);
        let content = Content::ReplaceRoot { root: new.public() };
        let what = "replace the root key";
        self.decide(Decision { what, content, parents, root: Some(new) })
    }

    /// Forgets the root key that is kept here. Where no shares of it are, nobody has it then.
    ///
    /// # Errors
    /// [`Error::Unknown`] when there is none, and the errors of saving.
    pub fn forget_root(&mut self) -> Result<(), Error> {
        let mut space = self.space()?.clone();
        space.root.take().ok_or(Error::Unknown { what: "root key" })?;
        self.commit(Staged { space: Some(space), ..Staged::default() })
    }

    /// The root key, if it is here and none took its place.
    pub(super) fn present_root<'a>(&self, space: &'a SpaceState) -> Option<&'a SignKey> {
        let present = space.group.roster.standing().roots.last();
        space.root.as_ref().filter(|root| present == Some(&root.public()))
    }

    /// Signs something that changes who may do what, and mints the epoch that it calls for.
    pub(super) fn decide(&mut self, decision: Decision) -> Result<(), Error> {
        let signer = self.signer(&decision)?;
        if self.still_member().is_ok() {
            self.prepare()?;
            self.close_unsent()?;
        }
        let mut space = self.space()?.clone();
        say_after(&mut space, (&signer, None), decision.parents, decision.content)?;
        space.root = decision.root.or(space.root);
        space.refresh(self.ring.epochs());
        let epochs = match self.is_member_of(&space) {
            true => self.minted(&mut space),
            // Whoever has removed this device too: others will answer.
            false => Vec::new(),
        };
        self.commit(Staged { space: Some(space), epochs, ..Staged::default() })
    }

    /// Which key here may sign a decision. That is judged by what the decision will have seen and not by what stands now,
    /// so that an admin can undo what removed it.
    fn signer(&self, decision: &Decision) -> Result<SignKey, Error> {
        let space = self.space()?;
        let missing = Error::damaged("state", "a statement is missing");
        let stood = space.group.roster.stood(&decision.parents).ok_or(missing)?;
        let device = &self.device.identity.sign;
        let mut keys = self.present_root(space).into_iter().chain([device]);
        let may = keys.find(|key| stood.admits(&key.public(), &decision.content));
        match (may, self.still_member()) {
            (Some(key), _) => Ok(key.clone()),
            (None, Err(removed)) => Err(removed),
            (None, Ok(())) => Err(Error::NotAllowed { what: decision.what }),
        }
    }

    /// Writes a bundle of what is known of the team, under the newest keys that were had here: all that a device can still
    /// say which was removed. What it decided before, or undid since, travels with it.
    ///
    /// # Errors
    /// [`Error::NoSpace`], [`Error::Removed`] when it has no key any more.
    pub fn export_roster(&mut self) -> Result<Vec<u8>, Error> {
        let space = self.space()?.clone();
        let (mut frames, mut read) = (Vec::new(), space.group.read_generations(&space.table));
        if self.still_member().is_ok() {
            read.truncate(1);
        }
        // The newest may be one that nobody else has: it answers a removal that nobody else has heard of.
        for (generation, _, _) in read {
            let statements = space.group.roster.statements();
            frames.extend(self.sealed_roster(
                &space,
                |e| e.generation == generation,
                statements,
            )?);
        }
        match frames.is_empty() {
            true => Err(Error::Removed),
            false => Ok(bundle::encode(frames.iter().map(Vec::as_slice))?),
        }
    }

    /// What tells devices that read in a generation's mailbox that their keys count no more: what had been seen of the team by
    /// whoever removed them, or by who renewed their keys before that mailbox moved, under a key that they have. Of what came after,
    /// they learn nothing.
    pub(super) fn notices(
        &mut self,
        space: &SpaceState,
        generation: &Generation,
    ) -> Result<Vec<Vec<u8>>, Error> {
        let (roster, held) = (&space.group.roster, self.ring.epochs());
        let is_its = |epoch: &EpochStatement| epoch.generation == *generation;
        let Some((last, _)) = newest(space, held, is_its) else { return Ok(Vec::new()) };
        let before = roster.past(&last.statement.heads).unwrap_or_default();
        // Each under the newest epoch that may have been granted to the key that it ended.
        let mut told: BTreeMap<EpochHash, Vec<StatementHash>> = BTreeMap::new();
        for end in roster.ends_of_keys(&before) {
            let granted = |epoch: &EpochStatement| {
                let stood = is_its(epoch).then(|| roster.stood(&epoch.heads)).flatten();
                stood.is_some_and(|stood| !roster.had_ended(&end, &stood))
            };
            if let Some((facts, _)) = newest(space, held, granted) {
                told.entry(facts.hash).or_default().push(end);
            }
        }
        let mut frames = Vec::new();
        for (epoch, ends) in told {
            let past = roster.past(&ends).unwrap_or_default();
            let seen = roster.statements().filter(|b| roster.is_seen(&past, &statement_hash(b)));
            frames.extend(self.sealed_roster(space, |other| other.hash() == epoch, seen)?);
        }
        Ok(frames)
    }

    /// Statements, sealed under the newest epoch of some whose secret is here; nothing when there is none.
    fn sealed_roster<'a>(
        &mut self,
        space: &SpaceState,
        is_it: impl Fn(&EpochStatement) -> bool,
        statements: impl Iterator<Item = &'a [u8]>,
    ) -> Result<Vec<Vec<u8>>, Error> {
        let Some((best, secret)) = newest(space, self.ring.epochs(), is_it) else {
            return Ok(Vec::new());
        };
        let key = (secret, &best.statement.epoch);
        let lineage = space.table.lineage(&best.hash, LINEAGE_MAX);
        let mut frames = Vec::new();
        for segment in RosterSegment::split(&best.statement.bytes, &lineage, statements)? {
            let random = &mut *self.random;
            let content = (&segment.encode()[..], space.padding);
            frames.push(chunk::seal_roster_padded(key, space.space(), content, random)?);
        }
        Ok(frames)
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
        self.prepare()?;
        self.close_unsent()?;
        let mut space = self.space()?.clone();
        let sign = &self.device.identity.sign;
        let minted = space.group.mint::<Real>(sign, self.ring.epochs(), &mut *self.random);
        self.adopt(&mut space, &minted);
        space.owes_word = true;
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
        let same_week = |day: u16| match seeded(Bug::TrustTheClock) {
            true => day / ROTATION_DAYS == today / ROTATION_DAYS,
            false => day.abs_diff(today) < ROTATION_DAYS,
        };
        if seen.is_some_and(same_week) {
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
        self.begin_as_keeper()?;
        self.let_go_of_erased()?;
        let space = self.space()?;
        if space.live.is_none() {
            self.still_member()?;
            let mut space = space.clone();
            let epochs = self.minted(&mut space);
            self.commit(Staged { space: Some(space), epochs, ..Staged::default() })?;
        }
        self.still_member()?;
        // What cannot be offered keeps nobody from what is their own: it is tried again with the next thing to be sent.
        drop(self.keep_named());
        Ok(())
    }

    /// What a device says that it has counts as kept only on a lane that it began as one that keeps the team's work: who was made
    /// one begins another lane, unless it has let go of something that it would then say it has.
    fn begin_as_keeper(&mut self) -> Result<(), Error> {
        let space = self.space()?;
        let keeps = self.role()?.is_some_and(Role::keeps_work);
        let said = space.lanes.get(&space.lane).filter(|own| own.next > 0);
        let is_late = said.is_some_and(|own| !own.keeps_work(&space.group.roster));
        let has_let_go = self.has_let_go();
        match keeps && is_late && !has_let_go {
            true => self.begin_anew(self.device.place),
            false => Ok(()),
        }
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

    /// Signs a statement on top of all that is here, takes it in, and keeps it for the next body.
    pub(super) fn say(
        &self,
        space: &mut SpaceState,
        signer: &SignKey,
        content: Content,
    ) -> Result<(), Error> {
        let parents = space.group.roster.parents();
        say_after(space, (signer, None), parents, content)
    }

    pub(super) fn still_member(&self) -> Result<(), Error> {
        match self.is_member_of(self.space()?) {
            true => Ok(()),
            false => Err(Error::Removed),
        }
    }

    fn is_member_of(&self, space: &SpaceState) -> bool {
        let me = self.device.identity.sign.public();
        let member = space.group.roster.member(&me);
        member.is_some_and(|member| member.current.contains_key(&me))
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

/// Signs a statement on top of some that are here, takes it in, and keeps it for the next body. A renewal takes the new key's
/// consent.
pub(super) fn say_after(
    space: &mut SpaceState,
    (signer, consent): (&SignKey, Option<&SignKey>),
    parents: Vec<StatementHash>,
    content: Content,
) -> Result<(), Error> {
    let statement = Statement::sign::<Real>(space.space(), signer, parents, content, consent)?;
    let bytes = statement.bytes;
    if space.group.roster.add::<Real>([bytes.as_slice()])? == 0 {
        let (what, rule) = ("statement", "is not its signer's to make");
        return Err(haversack_wire::Error::Malformed { what, rule }.into());
    }
    space.unsent.push(bytes);
    space.unsent.sort_by_key(|bytes| statement_hash(bytes));
    Ok(())
}

/// How far each lane of a device is known here: what is believed of it when it is removed.
fn cut_of(space: &SpaceState, device: &Device) -> Cut {
    let standing = space.group.roster.standing();
    let is_of = |lane: &LaneState| standing.line(&lane.device_key) == Some(*device);
    let mut own: Vec<(Lane, u32)> = space
        .lanes
        .iter()
        .filter(|(_, lane)| is_of(lane))
        .map(|(id, lane)| (*id, lane.next))
        .collect();
    // A device can open as many lanes as it likes, and must not be safe behind them.
    own.sort_by_key(|(id, next)| (std::cmp::Reverse(*next), *id));
    own.truncate(CUT_MAX);
    own.into_iter().collect()
}

/// The newest epoch of some whose secret is held.
fn newest<'a>(
    space: &'a SpaceState,
    held: &'a BTreeMap<Epoch, EpochSecret>,
    is_it: impl Fn(&EpochStatement) -> bool,
) -> Option<(&'a Facts, &'a EpochSecret)> {
    let epochs = space.group.epochs.statements().filter(|epoch| is_it(epoch));
    let facts = epochs.filter_map(|epoch| space.table.get(&epoch.hash()));
    let ours = facts.filter(|facts| held.contains_key(&facts.statement.epoch));
    let best = ours.max_by_key(|facts| (facts.number(), facts.statement.depth, facts.hash))?;
    Some((best, held.get(&best.statement.epoch)?))
}

#[cfg(test)]
mod tests;

//! Founding a space, asking to join one, inviting, joining.

use haversack_wire::hash::{Label, derive};
use haversack_wire::{Epoch, RetireHash};

use super::Engine;
use super::documents::Staged;
use super::state::{DeviceState, LaneState, SpaceState};
use super::team::Decision;
use crate::Error;
use crate::crypto::{EpochSecret, Real, SignKey, bytes};
use crate::members::{
    Answer, Content, EpochStatement, Group, Member, Pending, RelayAddress, Request, Role, Words,
    statement_hash,
};

/// Retire hashes that a founder signs ahead.
const RETIRE_HASHES: usize = 32;
/// Epoch statements that an answer brings.
const LINEAGE: usize = 64;

/// Secrets of epochs, to be kept.
type Secrets = Vec<(Epoch, EpochSecret)>;

impl Engine {
    /// Founds a space: a root key, this device as its first coordinator, a first epoch.
    ///
    /// # Errors
    /// [`Error::InSpace`], and the errors of saving.
    pub fn found_space(&mut self) -> Result<(), Error> {
        self.outside()?;
        let random = &mut *self.random;
        let root = SignKey::make(random);
        let identity = &self.device.identity;
        let preimages: Vec<[u8; 32]> = (0..RETIRE_HASHES).map(|_| bytes(random)).collect();
        let hashes =
            preimages.iter().map(|p| RetireHash::new(derive(Label::RETIRE, &[p]))).collect();
        let first = (identity.sign.public(), identity.kem.public());
        let mut group = Group::found::<Real>(&root, first, hashes)?;
        let minted = group.mint::<Real>(&identity.sign, self.ring.epochs(), random);
        let mut state = self.new_space(group);
        state.root = Some(root);
        state.retire_preimages = preimages;
        self.enter(state, vec![minted])
    }

    /// Makes the text that an admin's `invite` takes. Asking again makes the one before useless.
    ///
    /// # Errors
    /// [`Error::InSpace`], and the errors of saving.
    pub fn request_to_join(&mut self) -> Result<String, Error> {
        self.outside()?;
        let pending = Pending::make(&self.device.identity, &mut *self.random);
        let text = pending.text();
        let device = DeviceState { pending: Some(pending), ..self.device.clone() };
        self.commit(Staged { device: Some(device), ..Staged::default() })?;
        Ok(text)
    }

    /// The request that waits for its answer, if there is one.
    #[must_use]
    pub fn pending_request(&self) -> Option<String> {
        self.device.pending.as_ref().map(Pending::text)
    }

    /// Takes the request back: no answer to it is of use any more.
    ///
    /// # Errors
    /// [`Error::Unknown`] when there is none, and the errors of saving.
    pub fn forget_request(&mut self) -> Result<(), Error> {
        self.device.pending.as_ref().ok_or(Error::Unknown { what: "request" })?;
        let device = DeviceState { pending: None, ..self.device.clone() };
        self.commit(Staged { device: Some(device), ..Staged::default() })
    }

    /// Answers a request: signs the device into the roster, and gives the text that its `join` takes, with
    /// six words to compare. Where this device may not, or was removed, the root key signs, if it is kept here: so a team that
    /// has nobody left goes on, with the keys of before that are here.
    ///
    /// # Errors
    /// [`Error::Enrolment`] for a text that is not a request or is of a device that was removed, [`Error::NotAllowed`] and
    /// [`Error::Removed`] when neither this device nor a root key that is here may, [`Error::NotAllowed`] when the device is a member in another role, and the errors of saving.
    pub fn invite(
        &mut self,
        request: &str,
        role: Role,
        relays: &[RelayAddress],
    ) -> Result<(String, Words), Error> {
        let request = Request::from_text(request)?;
        let sign = self.inviter()?;
        if self.still_member().is_ok() {
            self.prepare()?;
        }
        let mut space = self.space()?.clone();
        let known = space.group.roster.member(&request.device_key).map(|member| member.role);
        let member = space.group.roster.member(&request.device_key);
        let kem_key = member.and_then(|member| member.current.get(&request.device_key));
        if known.is_some() && kem_key != Some(&request.kem_key) {
            let why = "names a member, with a key that is not that member's";
            return Err(Error::Enrolment { what: "request", why });
        }
        if known.is_some_and(|known| known != Some(role)) {
            return Err(Error::NotAllowed { what: "change a role by inviting again" });
        }
        let line = space.group.roster.standing().line(&request.device_key);
        if known.is_none() && line.is_some() {
            let why = "is of a device that was removed: it has to begin with a new store";
            return Err(Error::Enrolment { what: "request", why });
        }
        if known.is_none() {
            let (device_key, kem_key) = (request.device_key, request.kem_key);
            let add =
                Content::AddDevice { device_key, kem_key, role: Some(role), may_rotate: false };
            self.say(&mut space, &sign, add)?;
        }
        if !relays.is_empty() && space.group.roster.relays() != relays {
            self.say(&mut space, &sign, Content::SetRelays(relays.to_vec()))?;
        }
        let answer = self.answer(&mut space, &sign, &request.device_key)?;
        let sealed = request.answer(&answer, &sign, &mut *self.random)?;
        self.commit(Staged { space: Some(space), ..Staged::default() })?;
        Ok(sealed)
    }

    /// The key here that lets others in: this device's, or else the root's.
    fn inviter(&self) -> Result<SignKey, Error> {
        match (self.admin("invite"), self.present_root(self.space()?)) {
            (Ok(()), _) => Ok(self.device.identity.sign.clone()),
            (Err(_), Some(root)) => Ok(root.clone()),
            (Err(error), None) => Err(error),
        }
    }

    /// What a member that was just invited gets: everything that this device goes by, and the keys.
    fn answer(
        &self,
        space: &mut SpaceState,
        inviter: &SignKey,
        recipient: &[u8; 32],
    ) -> Result<Answer, Error> {
        let held = self.ring.epochs();
        space.refresh(held);
        let last = || space.group.last(&space.table, held);
        let live = space.live.or_else(last).ok_or(Error::Removed)?;
        // What is in this answer need not be granted once more.
        space.group.delivered.insert((live.epoch, *recipient));
        let group = &space.group;
        Ok(Answer {
            root: *group.roster.first_root(),
            statements: group.roster.statements().map(<[u8]>::to_vec).collect(),
            grant: group.entries(&live, &space.table, held),
            epochs: space.table.lineage(&live.hash, LINEAGE),
            inviter: inviter.public(),
        })
    }

    /// Takes the answer to this device's request, and gives the six words to compare with whoever invited.
    ///
    /// # Errors
    /// [`Error::Enrolment`] when there is no request, or the answer is for another one, or by nobody who may;
    /// [`Error::InSpace`]; the errors of saving.
    pub fn join(&mut self, answer: &str) -> Result<Words, Error> {
        let (state, secrets, words) = self.joined(answer)?;
        self.enter(state, secrets)?;
        Ok(words)
    }

    /// The six words of an answer, before it is taken: nothing changes.
    ///
    /// # Errors
    /// As [`Engine::join`].
    pub fn words_of(&self, answer: &str) -> Result<Words, Error> {
        self.joined(answer).map(|(_, _, words)| words)
    }

    fn joined(&self, answer: &str) -> Result<(SpaceState, Secrets, Words), Error> {
        self.outside()?;
        let refused = |why| Error::Enrolment { what: "answer", why };
        let none = refused("has no request here that it could answer");
        let pending = self.device.pending.clone().ok_or(none)?;
        let (answer, words) = pending.open(&self.device.identity, answer)?;
        let mut group = Group::new(answer.root);
        // What the inviter goes by is gone by here.
        group.roster.want(answer.statements.iter().map(|bytes| statement_hash(bytes)));
        group.roster.add::<Real>(answer.statements.iter().map(Vec::as_slice))?;
        let is_member = |key: &[u8; 32]| group.roster.member(key).is_some();
        let by_root = group.roster.standing().roots.last() == Some(&answer.inviter);
        let inviter = group.roster.member(&answer.inviter).and_then(|m| m.role);
        let may_invite = by_root || inviter.is_some_and(Role::is_admin);
        if !may_invite || !is_member(&self.device.identity.sign.public()) {
            return Err(refused("is not signed by an admin of its space"));
        }
        let space = *group.space();
        for bytes in &answer.epochs {
            group.epochs.add(EpochStatement::decode::<Real>(&space, bytes)?);
        }
        group.epochs.anchor();
        let secrets = group.take_entries(answer.grant);
        let mut state = self.new_space(group);
        // That this device is here nobody may know but itself, when whoever let it in is put back to before that.
        state.owes_word = true;
        state.refresh(&secrets.iter().cloned().collect());
        match state.live {
            Some(_) => Ok((state, secrets, words)),
            // Nobody is left who could have minted one: this device does.
            None if by_root => Ok((state, secrets, words)),
            None => Err(refused("holds no key that stands")),
        }
    }

    fn outside(&self) -> Result<(), Error> {
        match self.space {
            None => Ok(()),
            Some(_) => Err(Error::InSpace),
        }
    }

    fn new_space(&self, group: Group) -> SpaceState {
        let identity = &self.device.identity;
        let lane = identity.lane(group.space());
        SpaceState::new(group, lane, LaneState::new(identity.sign.public(), identity.incarnation))
    }

    fn enter(&mut self, mut space: SpaceState, epochs: Secrets) -> Result<(), Error> {
        space.refresh(&epochs.iter().cloned().collect());
        let device = DeviceState { pending: None, ..self.device.clone() };
        let (device, space) = (Some(device), Some(space));
        self.commit(Staged { epochs, device, space, ..Staged::default() })
    }

    /// The members of the space, as far as the roster here tells.
    ///
    /// # Errors
    /// [`Error::NoSpace`].
    pub fn members(&self) -> Result<Vec<Member>, Error> {
        Ok(self.space()?.group.roster.members().cloned().collect())
    }

    /// Names relays of the team: each in place of what was said of it before. One that is named without an address answers
    /// nowhere any more; those that are left out stay as they are.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] and [`Error::Removed`] when neither this device nor a root key that is here may,
    /// [`Error::Wire`] for more than a statement holds, and the errors of saving.
    pub fn set_relays(&mut self, relays: &[RelayAddress]) -> Result<(), Error> {
        let parents = self.space()?.group.roster.parents();
        let mut relays = relays.to_vec();
        relays.sort_by_key(|relay| relay.relay);
        let content = Content::SetRelays(relays);
        self.decide(Decision { what: "name relays", content, parents, root: None })
    }

    /// The relays that the roster names.
    ///
    /// # Errors
    /// [`Error::NoSpace`].
    pub fn relays(&self) -> Result<Vec<RelayAddress>, Error> {
        Ok(self.space()?.group.roster.relays())
    }
}

//! Founding a space, asking to join one, inviting, joining.

use haversack_wire::hash::{Label, derive};
use haversack_wire::{RetireHash, StatementHash};

use super::Engine;
use super::documents::Staged;
use super::state::{DeviceState, LaneState, SpaceState};
use crate::Error;
use crate::crypto::{EpochSecret, GenerationSecret, SignKey, bytes};
use crate::members::{
    Answer, EpochStatement, GrantEntry, Member, Pending, RelayAddress, Request, Role, Roster,
    Statement, Words, lane,
};

/// Retire hashes that a founder signs ahead.
const RETIRE_HASHES: usize = 8;

impl Engine {
    /// Founds a space: a root key, this device as its first coordinator, a first epoch.
    ///
    /// # Errors
    /// [`Error::InSpace`], and the errors of saving.
    pub fn found_space(&mut self) -> Result<(), Error> {
        self.outside()?;
        let random = &mut *self.random;
        let root = SignKey::make(random);
        let mut roster = Roster::new(root.public());
        let space = *roster.space();
        let identity = &self.device.identity;
        let (key, kem) = (identity.sign.public(), identity.kem.public());
        let preimages: Vec<[u8; 32]> = (0..RETIRE_HASHES).map(|_| bytes(random)).collect();
        let hashes =
            preimages.iter().map(|p| RetireHash::new(derive(Label::RETIRE, &[p]))).collect();
        let statements = [
            Statement::add_device(&space, &root, key, kem, Role::Coordinator),
            Statement::retire_hashes(&space, &root, 0, hashes),
        ];
        roster.add(statements.iter().map(|statement| statement.bytes.as_slice()))?;
        let secret = EpochSecret::make(random);
        let epoch =
            EpochStatement::first(&space, secret.id(&space), roster.digest(), &identity.sign);
        let generation = (0, secret.generation());
        let mut state = self.new_space(roster, epoch, generation);
        state.root = Some(root);
        state.retire_preimages = preimages;
        self.enter(state, secret)
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

    /// Answers a request: signs the device into the roster, and gives the text that its `join` takes, with
    /// six words to compare.
    ///
    /// # Errors
    /// [`Error::Enrolment`] for a text that is not a request, [`Error::NotAllowed`] when this device is no
    /// admin or the device is a member in another role, and the errors of saving.
    pub fn invite(
        &mut self,
        request: &str,
        role: Role,
        relays: &[RelayAddress],
    ) -> Result<(String, Words), Error> {
        let request = Request::from_text(request)?;
        let mut space = self.space()?.clone();
        let sign = self.device.identity.sign.clone();
        let me = space.roster.member(&sign.public()).and_then(|member| member.role);
        if !me.is_some_and(Role::is_admin) {
            return Err(Error::NotAllowed { what: "invite" });
        }
        let known = space.roster.member(&request.device_key).map(|member| member.role);
        if known.is_some_and(|known| known != Some(role)) {
            return Err(Error::NotAllowed { what: "change a role by inviting again" });
        }
        let id = *space.space();
        let mut new = Vec::new();
        if known.is_none() {
            new.push(
                Statement::add_device(&id, &sign, request.device_key, request.kem_key, role).bytes,
            );
        }
        if !relays.is_empty() && space.roster.relays() != relays {
            new.push(Statement::set_relays(&id, &sign, relays.to_vec())?.bytes);
        }
        space.roster.add(new.iter().map(Vec::as_slice))?;
        space.unsent = sorted(&space, space.unsent.iter().chain(&new));
        let answer = self.answer(&space, &request, &sign)?;
        let sealed = request.answer(&answer, &sign, &mut *self.random)?;
        self.commit(Staged { space: Some(space), ..Staged::default() })?;
        Ok(sealed)
    }

    fn answer(
        &self,
        space: &SpaceState,
        request: &Request,
        sign: &SignKey,
    ) -> Result<Answer, Error> {
        let mut statements = space.roster.chain(&request.device_key);
        statements.extend(space.roster.chain(&sign.public()));
        statements.extend(space.roster.chain(&space.epoch.minter));
        statements.extend(space.roster.settings());
        let missing = Error::damaged("keyring", "the write key is missing");
        let secret = self.ring.epochs().get(&space.epoch_id()).ok_or(missing)?;
        let (number, generation) = &space.generation;
        Ok(Answer {
            root: *space.roster.root(),
            roster: space.roster.digest(),
            statements: statements.into_values().collect(),
            grant: vec![
                GrantEntry::Epoch(secret.clone()),
                GrantEntry::Generation(*number, generation.clone()),
            ],
            epoch: space.epoch.bytes.clone(),
            inviter: sign.public(),
        })
    }

    /// Takes the answer to this device's request. It can be used once.
    ///
    /// # Errors
    /// [`Error::Enrolment`] when there is no request, or the answer is for another one, forged or incomplete,
    /// [`Error::InSpace`], and the errors of saving.
    pub fn join(&mut self, answer: &str) -> Result<Words, Error> {
        self.outside()?;
        let refused = |why| Error::Enrolment { what: "answer", why };
        let none = refused("has no request here that it could answer");
        let pending = self.device.pending.clone().ok_or(none)?;
        let (answer, words) = pending.open(&self.device.identity, answer)?;
        let mut roster = Roster::new(answer.root);
        roster.add(answer.statements.iter().map(Vec::as_slice))?;
        let is_member = |key: &[u8; 32]| roster.member(key).is_some();
        let inviter_may =
            roster.member(&answer.inviter).and_then(|m| m.role).is_some_and(Role::is_admin);
        if !inviter_may || !is_member(&self.device.identity.sign.public()) {
            return Err(refused("is not signed by an admin of its space"));
        }
        let epoch = EpochStatement::decode(roster.space(), &answer.epoch)?;
        if !is_member(&epoch.minter) {
            return Err(refused("names an epoch that no member made"));
        }
        let (secret, generation) = granted(&answer.grant).ok_or(refused("lacks a key"))?;
        if secret.id(roster.space()) != epoch.epoch || epoch.generation() != generation.0 {
            return Err(refused("holds keys that do not fit together"));
        }
        let state = self.new_space(roster, epoch, generation);
        self.enter(state, secret)?;
        Ok(words)
    }

    fn outside(&self) -> Result<(), Error> {
        match self.space {
            None => Ok(()),
            Some(_) => Err(Error::InSpace),
        }
    }

    fn new_space(
        &self,
        roster: Roster,
        epoch: EpochStatement,
        generation: (u64, GenerationSecret),
    ) -> SpaceState {
        let identity = &self.device.identity;
        let (key, incarnation) = (identity.sign.public(), identity.incarnation);
        let own = lane(roster.space(), &key, incarnation);
        debug_assert_eq!(own, identity.lane(roster.space()));
        SpaceState {
            roster,
            root: None,
            epoch,
            generation,
            retire_preimages: Vec::new(),
            lane: own,
            lanes: [(own, LaneState::new(key, incarnation))].into(),
            relays: Default::default(),
            unsent: Vec::new(),
        }
    }

    fn enter(&mut self, space: SpaceState, secret: EpochSecret) -> Result<(), Error> {
        let epoch = space.epoch_id();
        let device = DeviceState { pending: None, ..self.device.clone() };
        self.commit(Staged {
            epochs: vec![(epoch, secret)],
            device: Some(device),
            space: Some(space),
            ..Staged::default()
        })
    }

    /// The members of the space, as far as the roster here tells.
    ///
    /// # Errors
    /// [`Error::NoSpace`].
    pub fn members(&self) -> Result<Vec<Member>, Error> {
        Ok(self.space()?.roster.members().cloned().collect())
    }

    /// The relays that the roster names.
    ///
    /// # Errors
    /// [`Error::NoSpace`].
    pub fn relays(&self) -> Result<Vec<RelayAddress>, Error> {
        Ok(self.space()?.roster.relays())
    }
}

fn granted(entries: &[GrantEntry]) -> Option<(EpochSecret, (u64, GenerationSecret))> {
    let secret = entries.iter().find_map(|entry| match entry {
        GrantEntry::Epoch(secret) => Some(secret.clone()),
        _ => None,
    });
    let generation = entries.iter().find_map(|entry| match entry {
        GrantEntry::Generation(number, secret) => Some((*number, secret.clone())),
        _ => None,
    });
    secret.zip(generation)
}

/// Statements in ascending order of their hashes, each once.
fn sorted<'a>(space: &SpaceState, statements: impl Iterator<Item = &'a Vec<u8>>) -> Vec<Vec<u8>> {
    let hashed = statements.filter_map(|bytes| {
        let hash: StatementHash = Statement::decode(space.space(), bytes).ok()?.hash();
        Some((hash, bytes.clone()))
    });
    hashed.collect::<std::collections::BTreeMap<_, _>>().into_values().collect()
}

//! A scene: a team whose members do what a case says, far from each other, and learn of it in an order that is drawn.

use std::collections::BTreeSet;

use haversack_wire::{Device, Epoch, StatementHash};

use super::super::group::{Group, Live};
use super::super::statement::{Content, Cut, Role, Statement};
use super::super::{identity, statement_hash};
use super::phone::{Chunk, Frame, Phone};
use super::world::World;
use super::{Dice, Keys, check};

/// Who is there at first: two coordinators and two educators.
pub(super) const A: usize = 0;
pub(super) const B: usize = 1;
pub(super) const C: usize = 2;
pub(super) const D: usize = 3;

pub(super) struct Scene<S: Keys> {
    pub(super) world: World<S>,
    pub(super) dice: Dice,
}

impl<S: Keys> Scene<S> {
    /// A team in which everybody knows everybody.
    pub(super) fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let world = World::found(&mut dice);
        let mut scene = Self { world, dice };
        scene.settle();
        scene
    }

    pub(super) fn phone(&self, phone: usize) -> &Phone<S> {
        &self.world.phones[phone]
    }

    pub(super) fn group(&self, phone: usize) -> &Group {
        &self.phone(phone).group
    }

    pub(super) fn live(&self, phone: usize) -> Live {
        self.phone(phone).live().expect("something to write under")
    }

    /// What a phone's roster calls another.
    pub(super) fn device(&self, phone: usize) -> Device {
        identity::device(&self.phone(phone).key())
    }

    /// Offline: a phone signs a statement, and mints where one is called for.
    pub(super) fn say(&mut self, phone: usize, content: Content) -> StatementHash {
        let hash = self.say_only(phone, content);
        self.world.phones[phone].mint_if_needed(&mut self.dice);
        hash
    }

    /// The same, by a phone whose power fails before it mints.
    pub(super) fn say_only(&mut self, phone: usize, content: Content) -> StatementHash {
        let phone = &mut self.world.phones[phone];
        assert!(phone.say(content), "is its signer's to say");
        statement_hash(phone.unsent.last().unwrap())
    }

    pub(super) fn revoke(&mut self, by: usize, whom: usize) -> StatementHash {
        let device = self.device(whom);
        self.say(by, Content::Revoke { device, cut: Cut::new() })
    }

    /// The root key is taken from the safe, and typed into somebody's phone. It speaks on top of all that is known there, or
    /// of the statements that are named.
    pub(super) fn root_revokes(
        &mut self,
        at: usize,
        whom: usize,
        parents: Option<Vec<StatementHash>>,
    ) -> StatementHash {
        let content = Content::Revoke { device: self.device(whom), cut: Cut::new() };
        let phone = &mut self.world.phones[at];
        let parents = parents.unwrap_or_else(|| phone.group.roster.parents());
        let (space, root) = (*phone.group.space(), &self.world.root);
        let said = Statement::sign::<S>(&space, root, parents, content, None).unwrap();
        phone.take_statements(std::slice::from_ref(&said.bytes));
        phone.unsent.push(said.bytes.clone());
        phone.mint_if_needed(&mut self.dice);
        statement_hash(&said.bytes)
    }

    pub(super) fn invite(&mut self, by: usize, role: Role) -> usize {
        let signer = self.phone(by).sign.clone();
        self.admit(by, &signer, role)
    }

    pub(super) fn root_invites(&mut self, at: usize, role: Role) -> usize {
        let root = self.world.root.clone();
        self.admit(at, &root, role)
    }

    fn admit(&mut self, by: usize, signer: &S::Sign, role: Role) -> usize {
        assert!(self.world.admit(by, signer, role), "lets somebody in");
        let newcomer = self.world.phones.len() - 1;
        self.world.phones[newcomer].mint_if_needed(&mut self.dice);
        newcomer
    }

    /// A phone that may mints because a week is over; one that may not, because it likes.
    pub(super) fn mint(&mut self, phone: usize) {
        self.world.phones[phone].mint(&mut self.dice);
    }

    /// One phone hands another its statements, and no keys.
    pub(super) fn tell(&mut self, from: usize, to: usize) {
        let known: Vec<_> = self.group(from).roster.statements().map(<[u8]>::to_vec).collect();
        let to = &mut self.world.phones[to];
        to.take_statements(&known);
        to.mint_if_needed(&mut self.dice);
        self.world.note_fallen();
    }

    /// One phone hands another all that it would send to a relay.
    pub(super) fn give(&mut self, from: usize, to: usize) {
        self.world.give(&mut self.dice, from, to);
        self.world.note_fallen();
    }

    /// Some meet, some reach a relay, some lose the line: any number of them, in any order.
    pub(super) fn wander(&mut self) {
        for _ in 0..self.dice.below(24) {
            let all = self.world.phones.len();
            let phone = self.dice.below(all);
            let other = (phone + 1 + self.dice.below(all - 1)) % all;
            match self.dice.one_in(3) {
                true => self.world.give(&mut self.dice, phone, other),
                false => self.world.sync(&mut self.dice, phone, true),
            }
            self.world.note_fallen();
        }
    }

    /// Everybody reaches a relay until nothing new comes, in another order each time; then all that must hold of any history
    /// must hold here.
    pub(super) fn settle(&mut self) {
        for _ in 0..8 {
            let mut order: Vec<usize> = (0..self.world.phones.len()).collect();
            while !order.is_empty() {
                let phone = order.swap_remove(self.dice.below(order.len()));
                self.world.sync(&mut self.dice, phone, false);
                self.world.note_fallen();
            }
        }
        check::all(&self.world);
    }

    pub(super) fn wander_and_settle(&mut self) {
        self.wander();
        self.settle();
    }

    /// What one knows gets to everybody, by hand.
    pub(super) fn tell_all(&mut self, from: usize) {
        (0..self.world.phones.len()).for_each(|to| self.tell(from, to));
    }

    /// In whatever order several things happen.
    pub(super) fn either(&mut self, one: impl FnOnce(&mut Self), other: impl FnOnce(&mut Self)) {
        if self.dice.one_in(2) {
            one(self);
            self.wander();
            other(self);
        } else {
            other(self);
            self.wander();
            one(self);
        }
    }

    /// The phones that are members, by what a phone knows.
    pub(super) fn members(&self, phone: usize) -> Vec<usize> {
        let roster = &self.group(phone).roster;
        let is_member = |of: &usize| roster.standing().current(&self.phone(*of).key()).is_some();
        (0..self.world.phones.len()).filter(is_member).collect()
    }

    /// All of them write under one key, and know the same.
    pub(super) fn are_one_team(&self, phones: &[usize]) {
        for phone in phones {
            assert_eq!(self.members(*phone), phones, "members");
            assert_eq!(self.live(*phone).hash, self.live(phones[0]).hash, "one key");
            assert_eq!(self.group(*phone).roster.heads(), self.group(phones[0]).roster.heads());
        }
    }

    /// What a phone ever held opens nothing that was sealed by somebody who had seen a statement. Gives how many chunks that
    /// were.
    pub(super) fn is_blind(&self, phone: usize, since: &StatementHash) -> usize {
        let all = check::everything(&self.world.phones.iter().collect::<Vec<_>>());
        let mut after = 0;
        for chunk in &self.world.sealed {
            let past = all.roster.past(&chunk.heads).unwrap();
            if all.roster.is_seen(&past, since) {
                after += 1;
                assert!(!self.phone(phone).ever.contains(&chunk.epoch), "opens what came after");
            }
        }
        after
    }

    /// The epochs under which something was sealed by some phones, since so many chunks were.
    pub(super) fn sealed_by(&self, phones: &[usize], since: usize) -> BTreeSet<Epoch> {
        let keys: BTreeSet<_> = phones.iter().map(|phone| self.phone(*phone).key()).collect();
        let chunks = self.world.sealed[since..].iter();
        chunks.filter(|chunk| keys.contains(&chunk.author)).map(|chunk| chunk.epoch).collect()
    }

    /// A phone has the key of every chunk that lies on the relay.
    pub(super) fn opens_all(&self, phone: usize) {
        for frame in self.world.mailboxes.values().flatten() {
            let Frame::Chunk(Chunk { epoch, author, .. }) = frame else { continue };
            let by = self.world.phones.iter().position(|one| one.key() == *author);
            let opens = self.phone(phone).ever.contains(epoch);
            assert!(opens, "{phone} cannot open what {by:?} sealed under {epoch:?}");
        }
    }

    /// Who minted what a phone writes under.
    pub(super) fn minter(&self, phone: usize) -> [u8; 32] {
        let table = self.group(phone).table();
        table.get(&self.live(phone).hash).unwrap().statement.minter
    }

    /// How many counted rotations and revocations lie between an epoch and what a phone writes under.
    pub(super) fn age(&self, phone: usize, epoch: &Epoch) -> u64 {
        let group = self.group(phone);
        group.table().age(epoch, &self.live(phone).hash, &group.roster)
    }
}

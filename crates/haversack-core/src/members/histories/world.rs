//! A team, its mailboxes, and what befalls them.

use std::collections::{BTreeMap, BTreeSet};

use haversack_wire::{Generation, RetireHash, StatementHash};

use super::super::group::Group;
use super::super::identity;
use super::super::statement::{Content, Cut, Role, Statement};
use super::phone::{Chunk, Frame, Phone};
use super::{Dice, Keys};

pub(super) struct World<S: Keys> {
    pub(super) root: S::Sign,
    pub(super) phones: Vec<Phone<S>>,
    pub(super) mailboxes: BTreeMap<Generation, Vec<Frame>>,
    /// Everything that was sealed, with who was no member in its author's eyes.
    pub(super) sealed: Vec<Chunk>,
    /// Whether somebody says what an honest device would not.
    pub(super) hostile: bool,
    /// Removals that somebody knew of and held for void.
    pub(super) fallen: BTreeSet<StatementHash>,
    next: u64,
}

/// Rounds without news after which there will be none: another's grant is waited for three exchanges long, then one's own is
/// pushed, and fetched.
const QUIET: usize = 6;
const ROLES: [Role; 4] = [Role::Educator, Role::Coordinator, Role::Supervisor, Role::Archive];

impl<S: Keys> World<S> {
    /// Two coordinators and two more, who all know each other.
    pub(super) fn found(dice: &mut Dice) -> Self {
        let root = S::sign_key(0);
        let first = (S::public(&S::sign_key(1)), S::kem_public(&S::kem_key(1)));
        let hashes = vec![RetireHash::new([1; 32])];
        let group = Group::found::<S>(&root, first, hashes).unwrap();
        let mut founder = Phone::new(1, group);
        founder.mint(dice);
        let mut world = Self {
            root,
            phones: vec![founder],
            mailboxes: BTreeMap::new(),
            sealed: Vec::new(),
            hostile: false,
            fallen: BTreeSet::new(),
            next: 2,
        };
        for role in [Role::Coordinator, Role::Educator, Role::Educator] {
            world.invite(0, role);
        }
        world
    }

    pub(super) fn step(&mut self, dice: &mut Dice) {
        let phone = dice.below(self.phones.len());
        match dice.below(if self.hostile { 16 } else { 13 }) {
            0 => self.invite(phone, *dice.pick(&ROLES).unwrap()),
            1 => self.revoke(dice, phone),
            2 => self.set_role(dice, phone),
            3 if self.may_rotate(phone) => self.phones[phone].mint(dice),
            4 => self.renew(phone),
            5 => self.meet(dice, phone),
            6 => self.restore(dice, phone),
            7 => self.root_speaks(dice, phone),
            8..=12 | 3 => self.sync(dice, phone, true),
            _ => self.lie(dice, phone),
        }
        self.note_fallen();
    }

    pub(super) fn note_fallen(&mut self) {
        for phone in &self.phones {
            let roster = &phone.group.roster;
            let fallen = roster.hashes().filter(|hash| {
                roster.is_revocation(hash) && !roster.standing().attackers.contains_key(hash)
            });
            self.fallen.extend(fallen);
        }
    }

    fn may_rotate(&self, phone: usize) -> bool {
        let phone = &self.phones[phone];
        phone.group.roster.standing().current(&phone.key()).is_some_and(|m| m.may_rotate)
    }

    /// An admin lets a new phone in.
    fn invite(&mut self, admin: usize, role: Role) {
        if self.phones.len() > 9 || self.phones[admin].live().is_none() {
            return;
        }
        let signer = self.phones[admin].sign.clone();
        let all = self.phones.len();
        if self.admit(admin, &signer, role) {
            assert!(self.phones[all].live().is_some(), "an invitation brings a key that stands");
        }
    }

    /// A new phone, let in by a member's key or a root's.
    pub(super) fn admit(&mut self, by: usize, signer: &S::Sign, role: Role) -> bool {
        let Some(new) = self.phones[by].invite(self.next, signer, role) else { return false };
        self.next += 1;
        self.phones.push(new);
        true
    }

    fn member(&self, dice: &mut Dice, phone: usize) -> Option<haversack_wire::Device> {
        let members: Vec<_> =
            self.phones[phone].group.roster.members().map(|member| member.device).collect();
        dice.pick(&members).copied()
    }

    fn revoke(&mut self, dice: &mut Dice, phone: usize) {
        let Some(device) = self.member(dice, phone) else { return };
        let phone = &mut self.phones[phone];
        if phone.say(Content::Revoke { device, cut: Cut::new() }) {
            phone.mint_if_needed(dice);
        }
    }

    fn set_role(&mut self, dice: &mut Dice, phone: usize) {
        let Some(device) = self.member(dice, phone) else { return };
        let role = dice.pick(&ROLES).copied();
        let phone = &mut self.phones[phone];
        if phone.say(Content::SetRole { device, role, cut: Cut::new() }) {
            phone.mint_if_needed(dice);
        }
    }

    /// A phone goes on under new keys.
    pub(super) fn renew(&mut self, phone: usize) {
        let n = self.next;
        let (sign, kem) = (S::sign_key(n), S::kem_key(n));
        let content =
            Content::RenewDevice { device_key: S::public(&sign), kem_key: S::kem_public(&kem) };
        let phone = &mut self.phones[phone];
        let old = phone.sign.clone();
        if let Ok(bytes) = phone.group.say::<S>(&old, content, Some(&sign)) {
            phone.unsent.push(bytes);
            phone.old_kems.push(std::mem::replace(&mut phone.kem, kem));
            phone.sign = sign;
            // A copy from before would be another device by now.
            phone.backup = None;
            self.next += 1;
        }
    }

    fn meet(&mut self, dice: &mut Dice, phone: usize) {
        let other = dice.below(self.phones.len());
        self.give(dice, phone, other);
    }

    /// Two phones beside each other: one takes what the other has.
    pub(super) fn give(&mut self, dice: &mut Dice, phone: usize, other: usize) {
        let mut frames = self.phones[phone].duties(dice, false);
        self.seal(phone, |_, chunk| frames.push(Frame::Chunk(chunk)));
        self.phones[other].take(frames);
        self.phones[other].mint_if_needed(dice);
    }

    /// A phone's store is copied, or an older copy takes its place.
    fn restore(&mut self, dice: &mut Dice, phone: usize) {
        let phone = &mut self.phones[phone];
        match dice.one_in(2) {
            true => phone.copy_store(),
            false => phone.restore(),
        }
    }

    /// The root key is taken from the safe.
    fn root_speaks(&mut self, dice: &mut Dice, phone: usize) {
        if !dice.one_in(3) {
            return;
        }
        let device = self.member(dice, phone);
        let next = S::sign_key(self.next + (1 << 20));
        let content = match (dice.below(3), device) {
            (0, Some(device)) => Content::Revoke { device, cut: Cut::new() },
            (1, _) => Content::ReplaceRoot { root: S::public(&next) },
            _ => Content::SetRelays(Vec::new()),
        };
        let replaced = matches!(content, Content::ReplaceRoot { .. });
        let root = self.root.clone();
        let phone = &mut self.phones[phone];
        if let Ok(bytes) = phone.group.say::<S>(&root, content, None) {
            phone.unsent.push(bytes);
            phone.mint_if_needed(dice);
            if replaced {
                self.root = next;
                self.next += 1;
            }
        }
    }

    /// Somebody who was seized, or ill-willed: says it had seen less than it had, and decides what it likes.
    fn lie(&mut self, dice: &mut Dice, liar: usize) {
        let victim = self.member(dice, liar).unwrap_or_default();
        let phone = &self.phones[liar];
        let known: Vec<_> = phone.group.roster.hashes().collect();
        let mut parents: Vec<_> =
            (0..=dice.below(2)).filter_map(|_| dice.pick(&known).copied()).collect();
        parents.sort();
        parents.dedup();
        let n = self.next + (1 << 24);
        let (device_key, kem_key) = (S::public(&S::sign_key(n)), S::kem_public(&S::kem_key(n)));
        let content = match dice.below(5) {
            0 | 1 => Content::Revoke { device: victim, cut: Cut::new() },
            2 => Content::SetRole {
                device: victim,
                role: dice.pick(&ROLES).copied(),
                cut: Cut::new(),
            },
            3 => {
                let role = dice.pick(&ROLES).copied();
                Content::AddDevice { device_key, kem_key, role, may_rotate: dice.one_in(2) }
            }
            _ => {
                let own = identity::device(&phone.key());
                Content::SetRole { device: own, role: Some(Role::Coordinator), cut: Cut::new() }
            }
        };
        let puppet = matches!(content, Content::AddDevice { .. });
        let space = *phone.group.space();
        let lie =
            Statement::sign::<S>(&space, &phone.sign.clone(), parents, content, None).unwrap();
        let phone = &mut self.phones[liar];
        if phone.group.roster.add::<S>([lie.bytes.as_slice()]).unwrap_or(0) > 0 {
            phone.unsent.push(lie.bytes);
            if puppet {
                self.next += 1;
                let group = self.phones[liar].group.clone();
                let held = self.phones[liar].held.clone();
                let mut new = Phone::new(n, group);
                new.hold(held.into_iter().collect());
                self.phones.push(new);
            }
        }
    }

    /// Seals what a phone has to say, and gives it to who carries it.
    pub(super) fn seal(&mut self, phone: usize, mut put: impl FnMut(Generation, Chunk)) {
        if let Some((live, chunk)) = self.phones[phone].write() {
            self.sealed.push(chunk.clone());
            put(live.generation, chunk);
        }
    }

    /// A phone and the relay: duties and a chunk go up, mailboxes come down as far as the connection holds.
    pub(super) fn sync(&mut self, dice: &mut Dice, phone: usize, cut: bool) {
        self.phones[phone].mint_if_needed(dice);
        let mut push = Vec::new();
        let boxes: Vec<Generation> = {
            let phone = &self.phones[phone];
            let table = phone.group.table();
            let live = phone.live().map(|live| live.epoch).unwrap_or_default();
            let owed = phone.group.owed(live, &table, &phone.key(), None);
            phone
                .group
                .mailboxes(&table, &owed, |id| !phone.read.contains_key(id))
                .into_iter()
                .map(|(id, _, _)| id)
                .collect()
        };
        let duties = self.phones[phone].duties(dice, true);
        for id in &boxes {
            let lies = self.mailboxes.get(id).map(Vec::as_slice).unwrap_or_default();
            let news = duties.iter().filter(|frame| !frame.is_repeated_in(lies));
            push.extend(news.map(|frame| (*id, frame.clone())));
        }
        self.seal(phone, |generation, chunk| push.push((generation, Frame::Chunk(chunk))));
        if cut && dice.one_in(6) {
            // The line breaks before anything arrives: grants are owed once more.
            let phone = &mut self.phones[phone];
            phone.group.delivered.clear();
            let lost = push.into_iter().filter_map(|(_, frame)| match frame {
                Frame::Chunk(chunk) => Some(chunk.statements),
                _ => None,
            });
            lost.for_each(|statements| phone.unsent.extend(statements));
            return;
        }
        push.into_iter().for_each(|(id, frame)| self.mailboxes.entry(id).or_default().push(frame));
        self.fetch(dice, phone, &boxes, cut);
    }

    fn fetch(&mut self, dice: &mut Dice, phone: usize, boxes: &[Generation], cut: bool) {
        for id in boxes {
            let frames = self.mailboxes.entry(*id).or_default();
            let phone = &mut self.phones[phone];
            let from = phone.read.get(id).copied().unwrap_or(0);
            let all = frames.len();
            let to = if cut { from + dice.below(all - from + 1) } else { all };
            phone.take(frames[from..to].to_vec());
            phone.read.insert(*id, to);
        }
        let phone = &mut self.phones[phone];
        phone.group.exchanged();
        phone.mint_if_needed(dice);
    }

    /// Everybody who still takes part syncs until nothing new comes, and has come for so long that nothing will.
    pub(super) fn settle(&mut self, dice: &mut Dice) {
        let mut quiet = 0;
        for _ in 0..16 {
            let before = self.known();
            for phone in 0..self.phones.len() {
                self.sync(dice, phone, false);
                self.note_fallen();
            }
            quiet = if self.known() == before { quiet + 1 } else { 0 };
            if quiet == QUIET {
                return;
            }
        }
    }

    /// How much each phone knows: of all but what is unsent it only ever becomes more.
    fn known(&self) -> Vec<[usize; 5]> {
        let known = |phone: &Phone<S>| {
            let group = &phone.group;
            let (statements, epochs) =
                (group.roster.hashes().count(), group.epochs.statements().count());
            [statements, epochs, group.generations.len(), phone.held.len(), phone.unsent.len()]
        };
        self.phones.iter().map(known).collect()
    }
}

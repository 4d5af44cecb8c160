//! A phone of a history: a group, its secrets, and what it has read.

use std::collections::{BTreeMap, BTreeSet};

use haversack_wire::{Epoch, Frame as WireFrame, Generation, StatementHash};

use super::super::epoch::{EpochStatement, RosterSegment};
use super::super::group::{Group, Live};
use super::super::{Content, Held, Role};
use super::{Dice, Keys};

/// What lies in a mailbox.
#[derive(Debug, Clone)]
pub(super) enum Frame {
    Grant(Vec<u8>),
    Segment(Epoch, RosterSegment),
    Chunk(Chunk),
}

impl Frame {
    /// Whether it is part of a roster, and lies in a mailbox already: who reads there has read it, or will.
    pub(super) fn is_repeated_in(&self, mailbox: &[Self]) -> bool {
        let Self::Segment(epoch, segment) = self else { return false };
        let is_it = |other: &Self| matches!(other, Self::Segment(of, same) if of == epoch && same == segment);
        mailbox.iter().rev().any(is_it)
    }
}

/// A chunk: under which epoch, by whom, who had seen what, and the statements in it.
#[derive(Debug, Clone)]
pub(super) struct Chunk {
    pub(super) epoch: Epoch,
    pub(super) author: [u8; 32],
    pub(super) heads: Vec<StatementHash>,
    pub(super) statements: Vec<Vec<u8>>,
}

#[derive(Clone)]
pub(super) struct Phone<S: Keys> {
    pub(super) sign: S::Sign,
    pub(super) kem: S::Kem,
    pub(super) group: Group,
    pub(super) held: Held,
    /// Every secret that it ever had.
    pub(super) ever: BTreeSet<Epoch>,
    pub(super) unsent: Vec<Vec<u8>>,
    pub(super) read: BTreeMap<Generation, usize>,
    /// Frames that it could not open yet.
    pub(super) waiting: Vec<Frame>,
    /// Keys for being sealed to that it had before.
    pub(super) old_kems: Vec<S::Kem>,
    /// Its store as it was copied once.
    pub(super) backup: Option<Backup>,
}

/// What a copy of a phone's store brings back.
#[derive(Clone)]
pub(super) struct Backup {
    group: Group,
    held: Held,
    unsent: Vec<Vec<u8>>,
    read: BTreeMap<Generation, usize>,
    waiting: Vec<Frame>,
}

impl<S: Keys> Phone<S> {
    pub(super) fn new(n: u64, group: Group) -> Self {
        let (sign, kem) = (S::sign_key(n), S::kem_key(n));
        let (held, ever, unsent, read) = Default::default();
        let (waiting, old_kems) = Default::default();
        Self { sign, kem, group, held, ever, unsent, read, waiting, old_kems, backup: None }
    }

    pub(super) fn copy_store(&mut self) {
        let (group, held) = (self.group.clone(), self.held.clone());
        let (unsent, read) = (self.unsent.clone(), self.read.clone());
        let waiting = self.waiting.clone();
        self.backup = Some(Backup { group, held, unsent, read, waiting });
    }

    pub(super) fn restore(&mut self) {
        let Some(Backup { group, held, unsent, read, waiting }) = self.backup.clone() else {
            return;
        };
        (self.group, self.held, self.unsent) = (group, held, unsent);
        (self.read, self.waiting) = (read, waiting);
    }

    pub(super) fn key(&self) -> [u8; 32] {
        S::public(&self.sign)
    }

    pub(super) fn role(&self) -> Option<Role> {
        self.group.roster.standing().current(&self.key()).and_then(|member| member.role)
    }

    pub(super) fn live(&self) -> Option<Live> {
        self.group.live(&self.group.table(), &self.held)
    }

    pub(super) fn hold(&mut self, secrets: Vec<(Epoch, crate::crypto::EpochSecret)>) {
        self.ever.extend(secrets.iter().map(|(epoch, _)| *epoch));
        self.held.extend(secrets);
    }

    /// R2.
    pub(super) fn mint_if_needed(&mut self, dice: &mut Dice) {
        if self.role().is_some() && self.live().is_none() {
            let before = self.group.clone();
            let minted = self.group.mint::<S>(&self.sign, &self.held, &mut dice.0);
            let mut held = self.held.clone();
            held.insert(minted.0, minted.1.clone());
            match self.group.live(&self.group.table(), &held) {
                Some(_) => self.hold(vec![minted]),
                None => self.group = before,
            }
        }
    }

    pub(super) fn mint(&mut self, dice: &mut Dice) {
        let minted = self.group.mint::<S>(&self.sign, &self.held, &mut dice.0);
        self.hold(vec![minted]);
    }

    /// Signs a statement on top of all that it knows.
    pub(super) fn say(&mut self, content: Content) -> bool {
        let said = self.group.say::<S>(&self.sign.clone(), content, None);
        said.map(|bytes| self.unsent.push(bytes)).is_ok()
    }

    /// A new phone, and what its invitation brings: the roster, and the keys, where there are any.
    pub(super) fn invite(&mut self, n: u64, signer: &S::Sign, role: Role) -> Option<Self> {
        let (device_key, kem_key) = (S::public(&S::sign_key(n)), S::kem_public(&S::kem_key(n)));
        let add = Content::AddDevice { device_key, kem_key, role: Some(role), may_rotate: false };
        self.unsent.push(self.group.say::<S>(signer, add, None).ok()?);
        let mut group = Group::new(*self.group.roster.first_root());
        let statements: Vec<_> = self.group.roster.statements().map(<[u8]>::to_vec).collect();
        group.roster.add::<S>(statements.iter().map(Vec::as_slice)).unwrap();
        let mut secrets = Vec::new();
        if let Some(live) = self.live() {
            let table = self.group.table();
            self.group.delivered.insert((live.epoch, device_key));
            let space = *group.space();
            for bytes in table.lineage(&live.hash, 3) {
                group.epochs.add(EpochStatement::decode::<S>(&space, &bytes).unwrap());
            }
            group.epochs.anchor();
            secrets = group.take_entries(self.group.entries(&live, &table, &self.held));
        }
        let mut new = Self::new(n, group);
        new.hold(secrets);
        Some(new)
    }

    /// Takes frames as they come; those that need a key wait.
    pub(super) fn take(&mut self, frames: impl IntoIterator<Item = Frame>) {
        let mut open: Vec<Frame> = std::mem::take(&mut self.waiting);
        open.extend(frames);
        loop {
            let before = open.len();
            open.retain(|frame| !self.take_one(frame));
            if open.len() == before {
                break;
            }
        }
        self.waiting = open;
    }

    fn take_one(&mut self, frame: &Frame) -> bool {
        match frame {
            Frame::Grant(bytes) => {
                let Ok(WireFrame::Grant(header, sealed)) = WireFrame::parse(bytes) else {
                    return true;
                };
                let kems = [&[self.kem.clone()][..], &self.old_kems].concat();
                let opened =
                    kems.iter().find_map(|kem| self.group.take_grant::<S>(kem, &header, sealed));
                match opened {
                    Some(Ok(secrets)) => self.hold(secrets),
                    Some(Err(_)) => {}
                    None => drop(self.group.saw_grant(&header)),
                }
                true
            }
            Frame::Segment(epoch, segment) => {
                self.held.contains_key(epoch) && {
                    let _ = self.group.take_segment::<S>(segment);
                    true
                }
            }
            Frame::Chunk(chunk) => {
                self.held.contains_key(&chunk.epoch) && {
                    self.take_statements(&chunk.statements);
                    self.group.wrote_under(&chunk.author, &chunk.epoch);
                    true
                }
            }
        }
    }

    pub(super) fn take_statements(&mut self, statements: &[Vec<u8>]) {
        for bytes in statements {
            let _ = self.group.roster.add::<S>([bytes.as_slice()]);
        }
    }

    /// Seals a chunk under the live epoch.
    pub(super) fn write(&mut self) -> Option<(Live, Chunk)> {
        let live = self.live()?;
        let (epoch, author, heads) = (live.epoch, self.key(), self.group.roster.heads());
        let statements = std::mem::take(&mut self.unsent);
        Some((live, Chunk { epoch, author, heads, statements }))
    }

    /// What it has for a mailbox: grants that are owed, the roster of an epoch that the mailbox lacks.
    pub(super) fn duties(&mut self, dice: &mut Dice, delivered: bool) -> Vec<Frame> {
        let Some(live) = self.live() else { return Vec::new() };
        let table = self.group.table();
        let mut frames = Vec::new();
        for owed in self.group.owed(live.epoch, &table, &self.key(), None) {
            let keys = (&live, &table, &self.held);
            if let Some(frame) = self.group.grant::<S>(owed, keys, &mut dice.0) {
                if delivered {
                    self.group.delivered.insert((live.epoch, owed.key));
                }
                frames.push(Frame::Grant(frame));
            }
        }
        let segments = self.group.segments(&live, &table).unwrap_or_default();
        frames.extend(segments.into_iter().map(|segment| Frame::Segment(live.epoch, segment)));
        frames
    }

    /// What can be told of it, when a history fails.
    pub(super) fn told(&self, others: &[&Self]) -> String {
        let live = self.live();
        let mut told = format!(
            "{:?} {:?} live {:?} heads {:?} waiting {} unsent {} generations {:?} held {:?}",
            &self.key()[..2],
            self.role(),
            live.map(|live| (live.epoch, live.generation)),
            self.group.roster.heads(),
            self.waiting.len(),
            self.unsent.len(),
            self.group.table().generations(),
            self.held.keys().collect::<Vec<_>>(),
        );
        for other in others {
            let now = other.live().map(|live| live.epoch).unwrap_or_default();
            let grant = (now, self.key());
            let group = &other.group;
            told += &format!(
                "\n  to {:?}: delivered {} seen {:?} wrote {:?} member {}",
                &other.key()[..2],
                group.delivered.contains(&grant),
                group.seen.get(&grant),
                group.wrote.get(&self.key()),
                group.roster.standing().current(&self.key()).is_some(),
            );
        }
        told
    }
}

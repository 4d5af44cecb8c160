//! Every history of a small team, not some: all orders of a few decisions and of who meets whom.
//!
//! A step is a decision, of which there are only so many, or that one phone gives another what it has: its roster under what
//! it writes under, and the keys that the other is owed. Giving changes nothing once all is known, so that the histories end;
//! states are told apart by what their phones know. Secrets follow from what their minter knew: the same steps by different
//! phones lead to one state, in whatever order they are taken.
//!
//! The search is a few lines of our own. The crate for this, `stateright`, brings an HTTP server, `getrandom` 0.3 and
//! `rand_core` 0.9, a second generation of what this workspace holds at one (and has no features to leave them out).

use std::collections::{BTreeMap, BTreeSet, HashSet};

use haversack_wire::{Device, Epoch, StatementHash, hash};

use super::super::group::Group;
use super::super::statement::{Content, Cut, Role};
use super::phone::{Frame, Phone};
use super::{Dice, Keys, check};
use crate::crypto::{Suite, Symbolic};

type Team = Vec<Phone<Symbolic>>;

/// How many decisions there may be of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Left {
    removals: u8,
    rotations: u8,
    invitations: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Revoke(usize, Device),
    Rotate(usize),
    Invite(usize),
    Give(usize, usize),
}

#[derive(Clone)]
struct State {
    phones: Team,
    left: Left,
    /// What somebody would have sealed under, with the removals that stood for them then.
    sealed: BTreeSet<(Epoch, StatementHash, Device)>,
    /// Removals that somebody knew of and held for void.
    fallen: BTreeSet<StatementHash>,
}

/// What a phone knows, in 32 bytes.
fn known(phone: &Phone<Symbolic>) -> [u8; 32] {
    let group = &phone.group;
    let mut parts: Vec<Vec<u8>> = Vec::new();
    let mut list = |ids: Vec<[u8; 16]>| parts.push(ids.concat());
    list(group.roster.heads().iter().map(|id| id.to_bytes()).collect());
    list(group.epochs.statements().map(|epoch| epoch.hash().to_bytes()).collect());
    list(group.epochs.anchors().iter().map(|id| id.to_bytes()).collect());
    list(group.generations.keys().map(|id| id.to_bytes()).collect());
    list(phone.held.keys().map(|id| id.to_bytes()).collect());
    list(phone.ever.iter().map(|id| id.to_bytes()).collect());
    list(phone.live().iter().map(|live| live.hash.to_bytes()).collect());
    parts.push(phone.key().to_vec());
    let lengths: Vec<u8> = parts.iter().flat_map(|part| part.len().to_le_bytes()).collect();
    let all: Vec<&[u8]> =
        [lengths.as_slice()].into_iter().chain(parts.iter().map(Vec::as_slice)).collect();
    hash::keyed(&[8; 32], &all)
}

/// Dice that always fall the same for who knows the same.
fn dice(phone: &Phone<Symbolic>) -> Dice {
    let known = known(phone);
    Dice::new(u64::from_le_bytes(std::array::from_fn(|i| known[i])))
}

impl State {
    /// A coordinator and some more, who all know each other.
    fn new(more: &[Role], left: Left) -> Self {
        let root = Symbolic::sign_key(0);
        let key = Symbolic::sign_key(1);
        let first = (Symbolic::public(&key), Symbolic::kem_public(&Symbolic::kem_key(1)));
        let group = Group::found::<Symbolic>(&root, first, Vec::new()).unwrap();
        let mut founder = Phone::new(1, group);
        founder.mint(&mut Dice::new(1));
        let mut phones: Team = Vec::new();
        for (n, role) in (2..).zip(more) {
            phones.extend(founder.invite(n, &key, *role));
        }
        phones.iter_mut().for_each(|phone| phone.group.roster = founder.group.roster.clone());
        founder.unsent.clear();
        phones.insert(0, founder);
        let (sealed, fallen) = Default::default();
        let mut state = Self { phones, left, sealed, fallen };
        state.note();
        state
    }

    fn fingerprint(&self) -> [u8; 32] {
        let mut all: Vec<u8> = self.phones.iter().flat_map(known).collect();
        all.extend([self.left.removals, self.left.rotations, self.left.invitations]);
        for (epoch, removal, device) in &self.sealed {
            all.extend([epoch.to_bytes(), removal.to_bytes(), device.to_bytes()].concat());
        }
        all.extend(self.fallen.iter().flat_map(|hash| hash.to_bytes()));
        hash::keyed(&[9; 32], &[&all])
    }

    /// The decisions that may be taken now.
    fn decisions(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        for (n, phone) in self.phones.iter().enumerate() {
            let standing = phone.group.roster.standing();
            let Some(me) = standing.current(&phone.key()) else { continue };
            let is_admin = me.role.is_some_and(Role::is_admin);
            if is_admin && self.left.removals > 0 {
                let others = standing.members.keys().filter(|device| **device != me.device);
                steps.extend(others.map(|device| Step::Revoke(n, *device)));
            }
            if me.may_rotate && self.left.rotations > 0 {
                steps.push(Step::Rotate(n));
            }
            if is_admin && self.left.invitations > 0 && phone.live().is_some() {
                steps.push(Step::Invite(n));
            }
        }
        steps
    }

    fn gifts(&self) -> Vec<Step> {
        let all = 0..self.phones.len();
        let pairs = all.clone().flat_map(|from| all.clone().map(move |to| (from, to)));
        pairs.filter(|(from, to)| from != to).map(|(from, to)| Step::Give(from, to)).collect()
    }

    fn after(&self, step: Step) -> Self {
        let mut next = self.clone();
        match step {
            Step::Revoke(by, device) => {
                let by = &mut next.phones[by];
                assert!(by.say(Content::Revoke { device, cut: Cut::new() }));
                by.unsent.clear();
                by.mint_if_needed(&mut dice(by));
                next.left.removals -= 1;
            }
            Step::Rotate(by) => {
                let by = &mut next.phones[by];
                by.mint(&mut dice(by));
                next.left.rotations -= 1;
            }
            Step::Invite(by) => {
                let key = next.phones[by].sign;
                let new = next.phones[by].invite(100 + by as u64, &key, Role::Educator);
                next.phones[by].unsent.clear();
                next.phones.extend(new);
                next.left.invitations -= 1;
            }
            Step::Give(from, to) => next.give(from, to),
        }
        next.note();
        next
    }

    /// One phone gives another what it has for it.
    fn give(&mut self, from: usize, to: usize) {
        let (giver, taker) = (&self.phones[from], &self.phones[to]);
        let Some(live) = giver.live() else { return };
        let (group, table) = (&giver.group, giver.group.table());
        let mut frames = Vec::new();
        let owed = group.owed(live.epoch, &table, &giver.key(), None);
        for owed in owed.into_iter().filter(|owed| owed.key == taker.key()) {
            let keys = (&live, &table, &giver.held);
            frames
                .extend(group.grant::<Symbolic>(owed, keys, &mut dice(giver).0).map(Frame::Grant));
        }
        let segments = group.segments(&live, &table).unwrap();
        frames.extend(segments.into_iter().map(|segment| Frame::Segment(live.epoch, segment)));
        let taker = &mut self.phones[to];
        taker.take(frames);
        // What it cannot open it is given again.
        taker.waiting.clear();
        taker.mint_if_needed(&mut dice(taker));
    }

    fn note(&mut self) {
        for phone in &self.phones {
            let roster = &phone.group.roster;
            let standing = roster.standing();
            for hash in roster.hashes() {
                if roster.is_revocation(&hash) && !standing.attackers.contains_key(&hash) {
                    self.fallen.insert(hash);
                }
            }
            if let Some(live) = phone.live() {
                let removals = standing.attackers.iter();
                self.sealed.extend(removals.map(|(hash, line)| (live.epoch, *hash, *line)));
            }
        }
    }

    /// What must hold in every state.
    fn check(&self) {
        for (epoch, removal, line) in &self.sealed {
            for phone in self.phones.iter().filter(|phone| phone.ever.contains(epoch)) {
                let is_it = phone.group.roster.standing().line(&phone.key()) == Some(*line);
                assert!(!is_it || self.fallen.contains(removal), "a removed device reads on");
            }
        }
        let members = check::members(&self.phones);
        if members.is_empty() {
            return;
        }
        let all = check::everything(&members);
        for phone in members {
            let knows_all = phone.group.roster.heads() == all.roster.heads();
            assert!(!knows_all || phone.live().is_some(), "has nothing to write under");
        }
    }

    /// What must hold where nobody has anything to give: members know the same, and write under one key.
    fn check_end(&self) {
        let members = check::members(&self.phones);
        let ends: BTreeMap<_, _> = members
            .iter()
            .map(|phone| ((phone.group.roster.heads(), phone.live().map(|live| live.hash)), ()))
            .collect();
        assert!(ends.len() <= 1, "members end with different keys");
    }
}

/// What was found.
#[derive(Debug, Default)]
struct Found {
    states: usize,
    steps: usize,
    ends: usize,
}

/// Every state that can be reached, each looked at once.
fn explore(first: State) -> Found {
    let mut seen = HashSet::from([first.fingerprint()]);
    let mut found = Found::default();
    let mut open = vec![(first, Vec::new())];
    while let Some((state, path)) = open.pop() {
        found.states += 1;
        let here = state.fingerprint();
        let mut ends = true;
        let mut nexts = Vec::new();
        for step in state.decisions().into_iter().chain(state.gifts()) {
            let next = state.after(step);
            found.steps += 1;
            let fingerprint = next.fingerprint();
            ends &= fingerprint == here || !matches!(step, Step::Give(..));
            if seen.insert(fingerprint) {
                nexts.push((next, [&path[..], &[step]].concat()));
            }
        }
        found.ends += usize::from(ends);
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            state.check();
            if ends {
                state.check_end();
            }
        }));
        assert!(caught.is_ok(), "after {path:?}");
        open.extend(nexts);
    }
    found
}

/// Explores what follows from so many removals, rotations and invitations. How much it was is told, and is not nothing.
fn all_of(more: &[Role], left: (u8, u8, u8), least: usize) {
    let (removals, rotations, invitations) = left;
    let found = explore(State::new(more, Left { removals, rotations, invitations }));
    println!("{} phones, {left:?}: {found:?}", more.len() + 1);
    assert!(found.ends > 0 && found.states >= least);
}

const COORDINATOR: Role = Role::Coordinator;
const EDUCATOR: Role = Role::Educator;

#[test]
fn two_coordinators_and_one_more() {
    all_of(&[COORDINATOR, EDUCATOR], (3, 1, 0), 1_500);
}

#[test]
fn with_somebody_who_is_let_in() {
    all_of(&[COORDINATOR, EDUCATOR], (2, 0, 1), 3_000);
    all_of(&[COORDINATOR], (1, 1, 1), 490);
}

#[test]
fn three_coordinators_and_one_more() {
    all_of(&[COORDINATOR, COORDINATOR, EDUCATOR], (2, 0, 0), 1_500);
}

#[test]
fn three_removals_among_four() {
    all_of(&[COORDINATOR, EDUCATOR, EDUCATOR], (3, 0, 0), 6_500);
}

#[test]
fn two_removals_and_a_rotation_among_four() {
    all_of(&[COORDINATOR, EDUCATOR, EDUCATOR], (2, 1, 0), 15_000);
}

/// Numbers, separated by commas: phones, coordinators among them, removals, rotations, invitations.
#[test]
fn as_many_as_are_asked_for() {
    let Ok(text) = std::env::var("HAVERSACK_EXHAUSTIVE") else { return };
    let numbers: Vec<u8> = text.split(',').map(|number| number.parse().unwrap()).collect();
    let [phones, coordinators, removals, rotations, invitations] = numbers[..] else {
        panic!("five numbers")
    };
    let role = |n| if n < coordinators { COORDINATOR } else { EDUCATOR };
    let more: Vec<_> = (1..phones).map(role).collect();
    all_of(&more, (removals, rotations, invitations), 1);
}

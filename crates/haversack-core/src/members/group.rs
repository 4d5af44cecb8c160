//! A space's keys: who is owed what, and what is written under (PROTOCOL § 6.3).
//!
//! Everything follows from the statements, the epochs and the secrets that are here, in whatever order they came.
//! Nothing is queued: what is owed is what is not yet so.

use std::collections::{BTreeMap, BTreeSet};

use haversack_wire::limits::{LINEAGE_MAX, SECTIONS_MAX};
use haversack_wire::{Epoch, EpochHash, Error, Generation, GrantHeader, RetireHash, Space};
use rand_core::CryptoRng;

use super::epoch::{EpochStatement, NewEpoch, RosterSegment};
use super::epochs::{Epochs, Facts, Held, Table};
use super::grant::{self, GrantEntry};
use super::packs::Packs;
use super::roster::Roster;
use super::statement::{Content, Role, Statement};
use crate::crypto::{EpochSecret, GenerationSecret, Suite};

/// Mailboxes that are read at a time.
const GENERATIONS_READ: usize = 4;
/// Counted rotations after which a field device destroys an epoch's secret (R6).
pub(crate) const FIELD_AGE: u64 = 5;
/// The same for who keeps documents: half a year of weeks.
const KEEPER_AGE: u64 = 26;
/// Exchanges for which another's grant is taken to have arrived.
const SEEN_COUNTS: u8 = 3;
/// Grants of others that are remembered: a grant can name any epoch.
const SEEN_MAX: usize = 4_096;
/// Secrets of older epochs that a grant brings beside the live one's.
pub(super) const GRANTED_EPOCHS: usize = 40;

/// What a device knows of its space's keys, the epochs' secrets excepted: those are the keyring's.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub(crate) roster: Roster,
    pub(crate) epochs: Epochs,
    pub(crate) generations: BTreeMap<Generation, GenerationSecret>,
    /// Own grants that were delivered: (epoch, recipient's signing key).
    pub(crate) delivered: BTreeSet<(Epoch, [u8; 32])>,
    /// Others' grants that were seen, and for how many exchanges more they count: whether they open is not known.
    pub(crate) seen: BTreeMap<(Epoch, [u8; 32]), u8>,
    /// The epoch under which each key was last seen to write: it has that secret.
    pub(crate) wrote: BTreeMap<[u8; 32], Epoch>,
    /// The keys of packs.
    pub(crate) packs: Packs,
}

/// A key that lacks a grant of the live epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Owed {
    pub(crate) epoch: Epoch,
    pub(crate) key: [u8; 32],
    pub(crate) kem_key: [u8; 32],
}

/// An epoch to write under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Live {
    pub(crate) hash: EpochHash,
    pub(crate) epoch: Epoch,
    pub(crate) generation: Generation,
    pub(crate) number: u64,
}

impl Group {
    pub(crate) fn new(root: [u8; 32]) -> Self {
        Self {
            roster: Roster::new(root),
            epochs: Epochs::default(),
            generations: BTreeMap::new(),
            delivered: BTreeSet::new(),
            seen: BTreeMap::new(),
            wrote: BTreeMap::new(),
            packs: Packs::default(),
        }
    }

    /// Founds a space: the root's first statements.
    ///
    /// # Errors
    /// [`Error::Limit`] for too many hashes.
    pub(crate) fn found<S: Suite>(
        root: &S::Sign,
        first: ([u8; 32], [u8; 32]),
        hashes: Vec<RetireHash>,
    ) -> Result<Self, Error> {
        let mut group = Self::new(S::public(root));
        let (device_key, kem_key) = first;
        let role = Some(Role::Coordinator);
        let add = Content::AddDevice { device_key, kem_key, role, may_rotate: false };
        group.say::<S>(root, add, None)?;
        group.say::<S>(root, Content::RetireHashes { first: 0, hashes }, None)?;
        Ok(group)
    }

    pub(crate) fn space(&self) -> &Space {
        self.roster.space()
    }

    /// Signs a statement on top of all that is here, and takes it in. Gives its bytes, to be sent.
    ///
    /// # Errors
    /// [`Error::Limit`] when it is too long, [`Error::Malformed`] when its signer may not say it.
    pub(crate) fn say<S: Suite>(
        &mut self,
        signer: &S::Sign,
        content: Content,
        consent: Option<&S::Sign>,
    ) -> Result<Vec<u8>, Error> {
        let parents = self.roster.parents();
        let statement = Statement::sign::<S>(self.space(), signer, parents, content, consent)?;
        match self.roster.add::<S>([statement.bytes.as_slice()])? {
            0 => Err(Error::Malformed { what: "statement", rule: "is not its signer's to make" }),
            _ => Ok(statement.bytes),
        }
    }

    /// Judges the epochs.
    pub(crate) fn table(&self) -> Table {
        self.epochs.table(&self.roster)
    }

    /// Whether an epoch's secret and its generation's are here.
    fn here<'a>(&'a self, held: &'a Held) -> impl Fn(&EpochStatement) -> bool + use<'a> {
        |epoch| held.contains_key(&epoch.epoch) && self.generations.contains_key(&epoch.generation)
    }

    /// R1: the epoch to write under, if there is one.
    pub(crate) fn live(&self, table: &Table, held: &Held) -> Option<Live> {
        table.live(&self.roster, self.here(held)).map(Facts::live)
    }

    /// The best epoch that is here, whether or not anybody may write under it: where nobody is left who could mint another.
    pub(crate) fn last(&self, table: &Table, held: &Held) -> Option<Live> {
        table.leaves(&self.roster, self.here(held)).first().map(|facts| facts.live())
    }

    /// Mints an epoch: the first, or because there is none to write under (R2), or because a week is over (R6).
    pub(crate) fn mint<S: Suite>(
        &mut self,
        minter: &S::Sign,
        held: &Held,
        random: &mut dyn CryptoRng,
    ) -> (Epoch, EpochSecret) {
        let table = self.table();
        let secret = EpochSecret::make(random);
        let (space, heads) = (*self.space(), self.roster.heads());
        let epoch = secret.id(&space);
        let turns = self.roster.turns(self.roster.standing());
        let leaves = table.leaves(&self.roster, self.here(held));
        let mut parents: Vec<EpochHash> = leaves.iter().map(|facts| facts.hash).collect();
        parents.sort();
        let deepest = leaves.iter().map(|facts| facts.statement.depth).max();
        let depth = deepest.map_or(0, |deepest| deepest + 1);
        // The leaves come best first.
        let same = leaves.iter().find(|facts| facts.answers_just(&turns));
        let generation =
            same.map_or_else(|| secret.generation().id(&space), |facts| facts.statement.generation);
        if same.is_none() {
            self.generations.insert(generation, secret.generation());
        }
        let new = NewEpoch { epoch, generation, depth, heads, parents };
        self.epochs.add(EpochStatement::sign::<S>(&space, new, minter));
        (epoch, secret)
    }

    /// R3: the keys of members that should have the live epoch's secret and, as far as is known here, do not. One's own is among them
    /// where one minted it, or where another life of this device lacks what packs have: an older copy of this store, put back or gone on
    /// with elsewhere, has the key and not the secret. Who writes under the epoch has it, but not for that the key of a pack: where there
    /// is one, `packed` are those who said that they have what is in it.
    pub(crate) fn owed(
        &self,
        live: Epoch,
        table: &Table,
        me: &[u8; 32],
        packed: Option<&BTreeSet<[u8; 32]>>,
    ) -> Vec<Owed> {
        let wrote =
            |key: &[u8; 32]| self.wrote.get(key).is_some_and(|epoch| table.implies(epoch, &live));
        let has = |key: &[u8; 32]| {
            self.delivered.contains(&(live, *key))
                || self.seen.get(&(live, *key)).is_some_and(|left| *left > 0)
                || (wrote(key) && packed.is_none_or(|packed| packed.contains(key)))
        };
        let keys = self.roster.members().flat_map(|member| &member.current);
        let is_mine =
            table.minter(&live) == Some(*me) || packed.is_some_and(|packed| !packed.contains(me));
        let lacking = keys.filter(|(key, _)| (*key != me || is_mine) && !has(key));
        lacking.map(|(key, kem_key)| Owed { epoch: live, key: *key, kem_key: *kem_key }).collect()
    }

    /// As far as files go: what a relay was given reaches nobody who takes files only.
    pub(crate) fn by_files(&self) -> Self {
        Self { delivered: BTreeSet::new(), seen: BTreeMap::new(), ..self.clone() }
    }

    /// An exchange has ended: grants of others count for one less.
    pub(crate) fn exchanged(&mut self) {
        self.seen.values_mut().for_each(|left| *left = left.saturating_sub(1));
        self.seen.retain(|_, left| *left > 0);
    }

    /// Seals what a key is owed: the live epoch's secret and its generation's, and those of older epochs and generations, so
    /// that a newcomer can read what there is.
    pub(crate) fn grant<S: Suite>(
        &self,
        owed: Owed,
        (live, table, held): (&Live, &Table, &Held),
        random: &mut dyn CryptoRng,
    ) -> Option<Vec<u8>> {
        let entries = self.entries(live, table, held);
        grant::seal::<S>(self.space(), &owed.kem_key, owed.epoch, &entries, random)
    }

    /// What a grant of an epoch, or an invitation, brings.
    pub(crate) fn entries(&self, live: &Live, table: &Table, held: &Held) -> Vec<GrantEntry> {
        let age = |id: &Epoch| table.age(id, &live.hash, &self.roster);
        // Of an epoch that does not stand here it is not known who was removed before it: its secret is not passed on.
        let stands = |id: &Epoch| table.stands(id);
        let others = held.iter().filter(|(id, _)| **id != live.epoch && stands(id));
        let mut others: Vec<_> = others.collect();
        others.sort_by_key(|(id, _)| age(id));
        let epochs = others.into_iter().take(GRANTED_EPOCHS).chain(held.get_key_value(&live.epoch));
        let epochs = epochs.map(|(_, secret)| GrantEntry::Epoch(secret.clone()));
        let generations = self.known_generations(table).into_iter();
        let generations = generations.map(|(_, _, secret)| GrantEntry::Generation(secret.clone()));
        let packs = self.packs.newest().map(|key| GrantEntry::Pack(key.clone()));
        epochs.chain(generations).chain(packs).collect()
    }

    /// Opens a grant that is for this device, and takes its generations. Gives the epochs' secrets.
    pub(crate) fn take_grant<S: Suite>(
        &mut self,
        kem: &S::Kem,
        header: &GrantHeader,
        sealed: &[u8],
    ) -> Option<Result<Vec<(Epoch, EpochSecret)>, Error>> {
        let opened = grant::open::<S>(self.space(), kem, header, sealed)?;
        Some(opened.and_then(|entries| {
            let secrets = self.take_entries(entries);
            match secrets.iter().any(|(epoch, _)| *epoch == header.epoch) {
                true => Ok(secrets),
                false => Err(Error::Malformed { what: "grant", rule: "lacks the epoch it names" }),
            }
        }))
    }

    pub(crate) fn take_entries(&mut self, entries: Vec<GrantEntry>) -> Vec<(Epoch, EpochSecret)> {
        let space = *self.space();
        let mut secrets = Vec::new();
        for entry in entries {
            match entry {
                GrantEntry::Epoch(secret) => secrets.push((secret.id(&space), secret)),
                GrantEntry::Generation(secret) => {
                    let known = self.generations.insert(secret.id(&space), secret);
                    if known.is_none() {
                        // A mailbox that had none of the grants so far, and that somebody may read in place of those that had.
                        self.delivered.clear();
                    }
                }
                GrantEntry::Pack(key) => self.packs.take(&space, key),
                GrantEntry::Other(..) => {}
            }
        }
        secrets
    }

    /// Everybody is owed a grant anew: there is something more to give.
    pub(crate) fn owe_all(&mut self) {
        self.delivered.clear();
        self.seen.clear();
        self.wrote.clear();
    }

    /// Whether a grant is for a key, or for a member.
    pub(crate) fn is_for(&self, kem_key: &[u8; 32], header: &GrantHeader) -> bool {
        let keys = self.roster.members().flat_map(|member| member.current.values());
        let is_for = |key| grant::tag(self.roster.space(), key, &header.salt) == header.tag;
        keys.chain([kem_key]).any(is_for)
    }

    /// Remembers for whom somebody else's grant is; says whether it is for a member.
    pub(crate) fn saw_grant(&mut self, header: &GrantHeader) -> bool {
        let keys = self.roster.members().flat_map(|member| &member.current);
        let is_for = |kem_key| grant::tag(self.roster.space(), kem_key, &header.salt) == header.tag;
        let recipient = keys.into_iter().find(|(_, kem_key)| is_for(kem_key)).map(|(key, _)| *key);
        recipient.is_some_and(|key| {
            if self.seen.len() < SEEN_MAX {
                self.seen.entry((header.epoch, key)).or_insert(SEEN_COUNTS);
            }
            true
        })
    }

    /// A device sealed something under an epoch: it has that secret now, and perhaps no better one, whatever it had before its
    /// store was restored from a copy.
    pub(crate) fn wrote_under(&mut self, key: &[u8; 32], epoch: &Epoch) {
        self.wrote.insert(*key, *epoch);
    }

    /// The roster under an epoch, as frames' contents.
    ///
    /// # Errors
    /// [`Error::Limit`] when it is too long.
    pub(crate) fn segments(&self, live: &Live, table: &Table) -> Result<Vec<RosterSegment>, Error> {
        let lineage = table.lineage(&live.hash, LINEAGE_MAX);
        let own =
            table.get(&live.hash).map(|facts| facts.statement.bytes.clone()).unwrap_or_default();
        RosterSegment::split(&own, &lineage, self.roster.statements())
    }

    /// Takes a roster segment; says how many statements were new.
    ///
    /// # Errors
    /// When something in it is not what it should be: nothing is taken then.
    pub(crate) fn take_segment<S: Suite>(
        &mut self,
        segment: &RosterSegment,
    ) -> Result<usize, Error> {
        let space = *self.space();
        let decode = |bytes: &Vec<u8>| EpochStatement::decode::<S>(&space, bytes);
        let epochs: Vec<_> = segment.epochs.iter().map(decode).collect::<Result<_, _>>()?;
        let new = self.roster.add::<S>(segment.statements.iter().map(Vec::as_slice))?;
        epochs.into_iter().for_each(|epoch| self.epochs.add(epoch));
        Ok(new)
    }

    /// R7: the mailboxes of an exchange: those that are read, those that were never read to their end, and all that are known when
    /// somebody is owed a grant.
    pub(crate) fn mailboxes(
        &self,
        table: &Table,
        owed: &[Owed],
        is_unread: impl Fn(&Generation) -> bool,
    ) -> Vec<(Generation, u64, &GenerationSecret)> {
        // Where somebody reads whose store is a copy from long ago, nobody knows: a grant goes everywhere.
        let everywhere = !owed.is_empty();
        let known = self.known_generations(table).into_iter().enumerate();
        let is_read =
            |place: usize, id: &Generation| place < GENERATIONS_READ || everywhere || is_unread(id);
        known.filter(|(place, (id, ..))| is_read(*place, id)).map(|(_, known)| known).collect()
    }

    /// The generations whose mailboxes are always read, the best first, with their numbers.
    pub(crate) fn read_generations(
        &self,
        table: &Table,
    ) -> Vec<(Generation, u64, &GenerationSecret)> {
        let mut known = self.known_generations(table);
        known.truncate(GENERATIONS_READ);
        known
    }

    /// The same of all generations that are here, as many as one request reads.
    fn known_generations(&self, table: &Table) -> Vec<(Generation, u64, &GenerationSecret)> {
        let known = table.generations().into_iter();
        let held = known.filter_map(|(id, number)| Some((id, number, self.generations.get(&id)?)));
        held.take(SECTIONS_MAX).collect()
    }

    /// R6: the epochs whose secrets are to be destroyed.
    pub(crate) fn outlived(
        &self,
        live: &Live,
        role: Role,
        table: &Table,
        held: &Held,
    ) -> Vec<Epoch> {
        let most = if role.rotates() { KEEPER_AGE } else { FIELD_AGE };
        let is_old = |id: &&Epoch| table.age(id, &live.hash, &self.roster) >= most;
        held.keys().filter(|id| **id != live.epoch && is_old(id)).copied().collect()
    }
}

//! The keys of packs that are here, and which packs need not be taken any more.

use std::collections::BTreeMap;

use haversack_wire::{Pack, Space};

use crate::crypto::PackKey;

/// Packs that are remembered as done with.
const SPENT_MAX: usize = 64;
/// Keys that are kept: whoever is a member can grant what it likes.
const KEYS_MAX: usize = 64;
/// Keys that a grant brings.
const GRANTED: usize = 4;

/// The keys of packs, as they came.
#[derive(Debug, Clone, Default)]
pub(crate) struct Packs {
    keys: BTreeMap<Pack, PackKey>,
    /// In which order they came, oldest first.
    order: Vec<Pack>,
    /// Packs that were taken, or are not needed: their keys are taken no more.
    spent: Vec<Pack>,
    /// The pack that this device made.
    own: Option<Pack>,
}

impl Packs {
    /// Packs as they were saved.
    pub(crate) fn load(keys: BTreeMap<Pack, PackKey>, order: Vec<Pack>, spent: Vec<Pack>) -> Self {
        let order = order.into_iter().filter(|pack| keys.contains_key(pack)).collect();
        Self { keys, order, spent, own: None }
    }

    /// Takes a key, unless its pack is done with, or there are too many.
    pub(crate) fn take(&mut self, space: &Space, key: PackKey) {
        let pack = key.id(space);
        let has_room = self.keys.len() < KEYS_MAX;
        if has_room && !self.spent.contains(&pack) && !self.keys.contains_key(&pack) {
            self.keys.insert(pack, key);
            self.order.push(pack);
        }
    }

    pub(crate) const fn keys(&self) -> &BTreeMap<Pack, PackKey> {
        &self.keys
    }

    pub(crate) fn order(&self) -> &[Pack] {
        &self.order
    }

    pub(crate) fn spent(&self) -> &[Pack] {
        &self.spent
    }

    /// That of this device's own pack, and the newest that came: who is granted anything gets them as well. Not one alone: of two who make
    /// packs each has what the other does not.
    pub(crate) fn newest(&self) -> impl Iterator<Item = &PackKey> {
        let others = self.order.iter().rev().filter(|pack| self.own != Some(**pack));
        let newest = self.own.iter().chain(others);
        newest.filter_map(|pack| self.keys.get(pack)).take(GRANTED)
    }

    /// This device has made a pack: its key is kept, however many others are.
    pub(crate) fn make(&mut self, space: &Space, key: PackKey) {
        let pack = key.id(space);
        self.keys.insert(pack, key);
        self.order.push(pack);
        self.spend(pack);
        self.own(pack);
    }

    /// The pack that this device made.
    pub(crate) const fn own(&mut self, pack: Pack) {
        self.own = Some(pack);
    }

    /// The packs whose keys are here and that are still to be taken.
    pub(crate) fn pending(&self) -> impl Iterator<Item = &Pack> {
        self.order.iter().filter(|pack| !self.spent.contains(pack))
    }

    /// A pack was taken, or is not needed.
    pub(crate) fn spend(&mut self, pack: Pack) {
        if !self.spent.contains(&pack) {
            self.spent.push(pack);
            let from = self.spent.len().saturating_sub(SPENT_MAX);
            self.spent.drain(..from);
        }
    }

    /// Forgets the keys of packs.
    pub(crate) fn forget(&mut self, packs: &[Pack]) {
        self.keys.retain(|pack, _| !packs.contains(pack));
        self.order.retain(|pack| !packs.contains(pack));
    }
}

//! The vault: an opened header, and all that changes one.

use std::path::Path;
use std::time::Duration;

use rand_core::CryptoRng;

use super::attempts::wait;
use super::header::{Header, KeyringBox, Live};
use super::header_files::HeaderFiles;
use super::slots::{Found, Kind, fill, try_all};
use crate::Error;
use crate::crypto::{
    Bind, Cost, KeyringKey, Passphrase, SlotKey, Stretched, VaultKey, bytes, stretch,
};

/// A passphrase, or a recovery code's, and the hardware that it is bound to.
#[derive(Clone, Copy)]
pub(crate) struct Secret<'a> {
    pub(crate) passphrase: &'a Passphrase,
    pub(crate) hardware: Option<&'a dyn Bind>,
}

/// What opened a store, and what can change how it is opened. Its keys are gone from memory when it is dropped.
pub(crate) struct Vault {
    files: HeaderFiles,
    header: Header,
    key: VaultKey,
    content: KeyringBox,
    opened_by: Kind,
}

impl Vault {
    /// The vault of a new store; nothing is written yet.
    pub(crate) fn make(
        files: HeaderFiles,
        secret: Secret<'_>,
        (cost, wipe_after): (Cost, u16),
        random: &mut dyn CryptoRng,
    ) -> Result<Self, Error> {
        let mut header = Header::make(cost, wipe_after, random);
        let stretched = stretch(secret.passphrase, &header.salt, cost)?;
        let slot = stretched.bound(secret.hardware)?;
        let key = VaultKey::make(random);
        let mut content = empty_box(Live::First, random);
        put(&mut header, &mut content, (&slot, Kind::Normal), &key, random);
        Ok(Self { files, header, key, content, opened_by: Kind::Normal })
    }

    /// The vault of a store within another one, which keeps its key: its slots are all unused. Nothing is written yet.
    pub(crate) fn make_inner(
        files: HeaderFiles,
        key: VaultKey,
        random: &mut dyn CryptoRng,
    ) -> Self {
        let header = Header::make(Cost::FLOOR, 0, random);
        let content = empty_box(Live::First, random);
        Self { files, header, key, content, opened_by: Kind::Normal }
    }

    /// Opens the vault of a store within another one. (That one's own header is written anew with every opening.)
    pub(crate) fn open_inner(files: HeaderFiles, key: VaultKey) -> Result<Self, Error> {
        files.settle()?;
        let header = files.read()?;
        let content = header.open_box(&key)?;
        Ok(Self { files, header, key, content, opened_by: Kind::Normal })
    }

    /// Tries a secret. The attempt is counted, durably, before anything is tried; whatever the outcome, the same
    /// work is done: two writings of the header, one stretching, every slot with and without hardware, one box.
    pub(crate) fn unlock(
        files: HeaderFiles,
        secret: Secret<'_>,
        waited: Duration,
        random: &mut dyn CryptoRng,
    ) -> Result<Self, Error> {
        let mut header = files.read()?;
        if is_spent(&header) {
            return Err(Error::Wiped);
        }
        let wait = wait(header.attempts);
        if waited < wait {
            return Err(Error::TooSoon { wait });
        }
        header.attempts = header.attempts.saturating_add(1);
        header.generation += 1;
        // Two waits in one: nothing is tried before both are over.
        let stretching = || stretch(secret.passphrase, &header.salt, header.cost);
        let stretched = files.write_beside(&header, random, stretching)??;
        let (keys, hardware_failed) = slot_keys(&stretched, secret.hardware, random);
        match try_all(&keys, &header.salt, &header.slots) {
            Some(found) if found.kind == Kind::Duress => renew(files, header, &found, random),
            Some(found) => open(files, header, found, random),
            None => Err(refuse(&files, header, hardware_failed, random)),
        }
    }

    /// The folder of the store.
    pub(crate) fn folder(&self) -> &Path {
        self.files.folder()
    }

    /// The keyring's key.
    pub(crate) const fn keyring_key(&self) -> &KeyringKey {
        &self.content.key
    }

    /// Where the keyring's rows are.
    pub(crate) const fn live(&self) -> Live {
        self.content.live
    }

    /// What the store was opened with.
    pub(crate) const fn opened_by(&self) -> Kind {
        self.opened_by
    }

    /// Whether a slot of this kind is in use.
    pub(crate) fn has(&self, kind: Kind) -> bool {
        self.content.kinds.contains(&(kind as u8))
    }

    /// Whether no secret opens it, but the key that another store keeps.
    pub(crate) fn is_inner(&self) -> bool {
        self.content.kinds.iter().all(|kind| *kind == 0)
    }

    /// What stretching costs.
    pub(crate) const fn cost(&self) -> Cost {
        self.header.cost
    }

    /// After how many wrong attempts in a row the store is wiped; 0 for never.
    pub(crate) const fn wipe_after(&self) -> u16 {
        self.header.wipe_after
    }

    /// Says durably after how many.
    pub(crate) fn set_wipe_after(
        &mut self,
        wipe_after: u16,
        random: &mut dyn CryptoRng,
    ) -> Result<(), Error> {
        let mut header = self.header.clone();
        header.wipe_after = wipe_after;
        self.save(header, self.content.clone(), random)
    }

    /// Writes the header of a new store.
    pub(crate) fn write_new(&mut self, random: &mut dyn CryptoRng) -> Result<(), Error> {
        self.header.generation += 1;
        self.header.seal_box(&self.key, &self.content, random);
        self.files.write_new(&self.header, random)
    }

    /// Says durably that the keyring is now under another key, in another half.
    pub(crate) fn turn_to(
        &mut self,
        live: Live,
        key: KeyringKey,
        random: &mut dyn CryptoRng,
    ) -> Result<(), Error> {
        let content = KeyringBox { live, kinds: self.content.kinds, key };
        self.save(self.header.clone(), content, random)
    }

    /// Replaces the passphrase. The cost is never lowered; when it is raised, every other slot is dropped, since its
    /// secret is not known here.
    pub(crate) fn change_passphrase(
        &mut self,
        secret: Secret<'_>,
        cost: Cost,
        random: &mut dyn CryptoRng,
    ) -> Result<(), Error> {
        let (mut header, mut content) = (self.header.clone(), self.content.clone());
        header.cost = header.cost.at_least(cost);
        let slot = self.slot_for(secret, header.cost, &[Kind::Normal])?;
        if header.cost != self.header.cost {
            header.clear_slots(random);
            content.kinds.fill(0);
        }
        clear(&mut header, &mut content, Kind::Normal, random);
        put(&mut header, &mut content, (&slot, Kind::Normal), &self.key, random);
        self.save(header, content, random)
    }

    /// Puts a secret into a slot of its kind, in place of the one before. A duress slot holds no key.
    pub(crate) fn set(
        &mut self,
        kind: Kind,
        secret: Secret<'_>,
        random: &mut dyn CryptoRng,
    ) -> Result<(), Error> {
        let (mut header, mut content) = (self.header.clone(), self.content.clone());
        let slot = self.slot_for(secret, header.cost, &[kind])?;
        let key = match kind {
            Kind::Duress => VaultKey::make(random),
            Kind::Normal | Kind::Recovery => self.key.clone(),
        };
        clear(&mut header, &mut content, kind, random);
        put(&mut header, &mut content, (&slot, kind), &key, random);
        self.save(header, content, random)
    }

    /// Makes the slot of a kind an unused one.
    pub(crate) fn clear(&mut self, kind: Kind, random: &mut dyn CryptoRng) -> Result<(), Error> {
        let (mut header, mut content) = (self.header.clone(), self.content.clone());
        clear(&mut header, &mut content, kind, random);
        self.save(header, content, random)
    }

    /// What kind of slot a secret opens without hardware, if any. Counts as no attempt.
    pub(crate) fn kind_of(&self, passphrase: &Passphrase) -> Result<Option<Kind>, Error> {
        let slot = stretch(passphrase, &self.header.salt, self.header.cost)?.plain();
        let found = try_all(&[slot], &self.header.salt, &self.header.slots);
        Ok(found.map(|found| found.kind))
    }

    /// The slot key of a new secret. One that opens a slot already is refused, but for slots that it replaces: what it
    /// does must not depend on the order of trying.
    fn slot_for(
        &self,
        secret: Secret<'_>,
        cost: Cost,
        replaces: &[Kind],
    ) -> Result<SlotKey, Error> {
        let stretched = stretch(secret.passphrase, &self.header.salt, cost)?;
        let slot = stretched.bound(secret.hardware)?;
        let keys = [slot.clone(), stretched.plain()];
        match try_all(&keys, &self.header.salt, &self.header.slots) {
            Some(found) if !replaces.contains(&found.kind) => {
                Err(Error::invalid("passphrase", "opens this store already, in another way"))
            }
            _ => Ok(slot),
        }
    }

    /// Writes a changed header. What is held here stays as it was until both copies are written.
    fn save(
        &mut self,
        mut header: Header,
        content: KeyringBox,
        random: &mut dyn CryptoRng,
    ) -> Result<(), Error> {
        header.generation += 1;
        header.seal_box(&self.key, &content, random);
        self.files.write(&header, random)?;
        (self.header, self.content) = (header, content);
        Ok(())
    }
}

fn empty_box(live: Live, random: &mut dyn CryptoRng) -> KeyringBox {
    KeyringBox { live, kinds: Default::default(), key: KeyringKey::make(random) }
}

/// Whether so many attempts were begun and not found right that the store is to be gone.
const fn is_spent(header: &Header) -> bool {
    header.wipe_after > 0 && header.attempts >= header.wipe_after as u32
}

/// The keys to try: with hardware, and without. A hardware key that fails is replaced by a random one.
fn slot_keys(
    stretched: &Stretched,
    hardware: Option<&dyn Bind>,
    random: &mut dyn CryptoRng,
) -> ([SlotKey; 2], bool) {
    let bound = stretched.bound(hardware);
    let failed = bound.is_err();
    let none = SlotKey { key: bytes(random), commitment: bytes(random) };
    ([bound.unwrap_or(none), stretched.plain()], failed)
}

fn open(
    files: HeaderFiles,
    mut header: Header,
    found: Found,
    random: &mut dyn CryptoRng,
) -> Result<Vault, Error> {
    let content = header.open_box(&found.vault);
    header.attempts = 0;
    header.generation += 1;
    files.write(&header, random)?;
    Ok(Vault { files, header, key: found.vault, content: content?, opened_by: found.kind })
}

/// Under duress: the other slots are gone, durably, before anything else happens; the one that opened becomes the
/// passphrase of a store that is still to be made.
fn renew(
    files: HeaderFiles,
    mut header: Header,
    found: &Found,
    random: &mut dyn CryptoRng,
) -> Result<Vault, Error> {
    // The same work as for any other secret; it opens nothing.
    let _ = header.open_box(&found.vault);
    header.clear_slots(random);
    header.attempts = 0;
    let key = VaultKey::make(random);
    let mut content = empty_box(Live::Renew, random);
    let salt = header.salt;
    if let Some(slot) = header.slots.get_mut(found.place) {
        *slot = fill(&found.slot, &salt, Kind::Normal, &key, random);
    }
    content.kinds.iter_mut().skip(found.place).take(1).for_each(|kind| *kind = Kind::Normal as u8);
    let mut vault = Vault { files, header, key, content, opened_by: Kind::Normal };
    let (header, content) = (vault.header.clone(), vault.content.clone());
    vault.save(header, content, random).map(|()| vault)
}

/// A wrong secret. An attempt at which the hardware failed is not counted: it may have been right.
fn refuse(
    files: &HeaderFiles,
    mut header: Header,
    hardware_failed: bool,
    random: &mut dyn CryptoRng,
) -> Error {
    let _ = header.open_box(&VaultKey::make(random));
    if hardware_failed {
        header.attempts = header.attempts.saturating_sub(1);
    }
    header.generation += 1;
    match files.write(&header, random) {
        Err(error) => error,
        Ok(()) if hardware_failed => Error::Hardware,
        Ok(()) if is_spent(&header) => Error::Wiped,
        Ok(()) => Error::WrongPassphrase,
    }
}

/// Puts a key into a random slot that is not used.
fn put(
    header: &mut Header,
    content: &mut KeyringBox,
    (slot, kind): (&SlotKey, Kind),
    key: &VaultKey,
    random: &mut dyn CryptoRng,
) {
    let unused = || content.kinds.iter().enumerate().filter(|(_, kind)| **kind == 0);
    let nth = random.next_u32() as usize % unused().count().max(1);
    let Some(place) = unused().nth(nth).map(|(place, _)| place) else { return };
    let sealed = fill(slot, &header.salt, kind, key, random);
    header.slots.iter_mut().skip(place).take(1).for_each(|slot| *slot = sealed);
    content.kinds.iter_mut().skip(place).take(1).for_each(|used| *used = kind as u8);
}

/// Makes every slot of a kind an unused one.
fn clear(header: &mut Header, content: &mut KeyringBox, kind: Kind, random: &mut dyn CryptoRng) {
    for (slot, used) in header.slots.iter_mut().zip(&mut content.kinds) {
        if *used == kind as u8 {
            *slot = bytes(random);
            *used = 0;
        }
    }
}

#[cfg(feature = "forensic")]
mod forensic;
#[cfg(test)]
mod tests;

//! What opens the store, what ends it, and what deletes for good.

use std::path::Path;

use rand_core::CryptoRng;

use super::options::check_wipe_after;
use super::{Engine, SecretOptions};
use crate::Error;
use crate::crypto::{Cost, Passphrase, RecoveryCode};
use crate::store::{
    Dropped, HeaderFiles, Keyring, Kind, Lock, Log, Purpose, Secret, Step, Table, wipe_up_to,
};

/// What a store can be opened with, beside its passphrase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Slots {
    /// A recovery code.
    pub recovery: bool,
    /// A duress passphrase.
    pub duress: bool,
}

/// What a store was opened with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenedBy {
    /// Its passphrase.
    Passphrase,
    /// Its recovery code: somebody should set a new passphrase now.
    Recovery,
}

/// Destroys the store of a folder: first its keys, which takes no longer for more records, then its data, which takes what
/// the file system needs to free it. Needs no passphrase, and works while the store is open here or elsewhere. When it is
/// cut off before the first tombstone is on the disk, the store is as it was; after that nothing opens it, and the next
/// wipe or attempt to open it finishes.
///
/// # Errors
/// [`Error::NoStore`] when there is nothing, also the second time; [`Error::Io`] when the keys could not be
/// overwritten.
pub fn wipe(folder: &Path, random: &mut dyn CryptoRng) -> Result<(), Error> {
    wipe_up_to(folder, Step::Done, random)
}

/// Makes sure that no process has the store of a folder open.
///
/// # Errors
/// [`Error::NoStore`]; [`Error::Busy`] when one has.
pub fn check_locked(folder: &Path) -> Result<(), Error> {
    match HeaderFiles::in_folder(folder).exist() {
        true => Lock::take(folder).map(drop),
        false => Err(Error::NoStore),
    }
}

impl Engine {
    /// Replaces the passphrase. Whoever has a copy of the store from before opens that copy with the old one, and
    /// could take from it what opens the keyring of a later copy.
    ///
    /// # Errors
    /// [`Error::WeakPassphrase`], [`Error::Hardware`], [`Error::Invalid`] when the passphrase is the duress
    /// one, [`Error::Inner`], and the errors of saving. Nothing is changed then. Says what raising the cost dropped.
    pub fn change_passphrase(
        &mut self,
        new: &Passphrase,
        options: SecretOptions<'_>,
    ) -> Result<Slots, Error> {
        options.check(new)?;
        self.check_first()?;
        let before = self.slots();
        let cost = options.cost.unwrap_or(self.vault.cost());
        let secret = Secret { passphrase: new, hardware: options.hardware };
        self.vault.change_passphrase(secret, cost, &mut *self.random)?;
        let after = self.slots();
        Ok(Slots {
            recovery: before.recovery && !after.recovery,
            duress: before.duress && !after.duress,
        })
    }

    /// What the store can be opened with, beside its passphrase.
    #[must_use]
    pub fn slots(&self) -> Slots {
        let has = |kind| self.vault.has(kind);
        Slots { recovery: has(Kind::Recovery), duress: has(Kind::Duress) }
    }

    /// What this store was opened with.
    #[must_use]
    pub const fn opened_by(&self) -> OpenedBy {
        match self.vault.opened_by() {
            Kind::Recovery => OpenedBy::Recovery,
            Kind::Normal | Kind::Duress => OpenedBy::Passphrase,
        }
    }

    /// What stretching the passphrase costs.
    #[must_use]
    pub const fn cost(&self) -> Cost {
        self.vault.cost()
    }

    /// After how many wrong attempts in a row the store is wiped; 0 for never.
    #[must_use]
    pub const fn wipe_after(&self) -> u16 {
        self.vault.wipe_after()
    }

    /// Changes after how many wrong attempts in a row the store is wiped; 0 for never.
    ///
    /// # Errors
    /// [`Error::Invalid`] for 1 and 2, [`Error::Inner`] within a further space, and the errors of saving.
    pub fn set_wipe_after(&mut self, attempts: u16) -> Result<(), Error> {
        self.check_first()?;
        check_wipe_after(attempts)?;
        self.vault.set_wipe_after(attempts, &mut *self.random)
    }

    /// Makes a recovery code, to be printed and locked away; the one before, if any, opens nothing any more. Its words,
    /// as a passphrase, open the store without hardware.
    ///
    /// # Errors
    /// [`Error::Inner`], and the errors of saving.
    pub fn add_recovery(&mut self) -> Result<RecoveryCode, Error> {
        self.check_first()?;
        let code = RecoveryCode::make(&mut *self.random);
        let passphrase = code.passphrase();
        let secret = Secret { passphrase: &passphrase, hardware: None };
        self.vault.set(Kind::Recovery, secret, &mut *self.random)?;
        Ok(code)
    }

    /// Proves that a recovery code opens this store. Changes nothing, and counts as no attempt.
    ///
    /// # Errors
    /// [`Error::WrongRecoveryCode`].
    pub fn rehearse_recovery(&self, code: &RecoveryCode) -> Result<(), Error> {
        match self.vault.kind_of(&code.passphrase())? {
            Some(Kind::Recovery) => Ok(()),
            _ => Err(Error::WrongRecoveryCode),
        }
    }

    /// Sets the duress passphrase. Opening with it destroys what is here before anything shows, and shows an empty store.
    /// Whoever has copied the store before, or knows this program, can tell.
    ///
    /// # Errors
    /// As [`Engine::change_passphrase`].
    pub fn set_duress(
        &mut self,
        passphrase: &Passphrase,
        options: SecretOptions<'_>,
    ) -> Result<(), Error> {
        options.check(passphrase)?;
        self.check_first()?;
        let secret = Secret { passphrase, hardware: options.hardware };
        self.vault.set(Kind::Duress, secret, &mut *self.random)
    }

    /// Makes the duress passphrase a wrong one.
    ///
    /// # Errors
    /// [`Error::Inner`], and the errors of saving.
    pub fn clear_duress(&mut self) -> Result<(), Error> {
        self.check_first()?;
        self.vault.clear(Kind::Duress, &mut *self.random)
    }

    /// Closes the store at once: its keys are gone from memory, and so is the view. What was saved is safe; the
    /// next opening is slower than after [`Engine::close`].
    pub fn lock(self) {
        drop(self);
    }

    /// Deletes documents for good, and epochs: drops their rows, and their keys from the keyring, which is written
    /// anew under a key whose only copy is the header. From then on neither this store nor a copy of it that is made
    /// later opens them, whatever passphrase is known.
    ///
    /// # Errors
    /// The errors of saving. Cut short, it leaves the store open with either keyring; then it has to be done again.
    pub(crate) fn drop_keys(&mut self, dropped: &Dropped) -> Result<(), Error> {
        self.rewrite_keyring(dropped)?;
        self.reload()
    }

    /// The same, but for what is here of documents in memory.
    pub(super) fn rewrite_keyring(&mut self, dropped: &Dropped) -> Result<(), Error> {
        let next = self.write_other_half(dropped)?;
        let (live, key) = next.key();
        self.vault.turn_to(live, key, &mut *self.random)?;
        self.ring = next;
        self.clear_other_half()
    }

    /// Writes the keyring that is to be into the half that is not live, together with all that follows from it. The live
    /// half opens everything too, until the header is turned.
    pub(super) fn write_other_half(&mut self, dropped: &Dropped) -> Result<Keyring, Error> {
        // The header may say already that the other half lives.
        self.ring.check()?;
        let random = &mut *self.random;
        let next = self.ring.without(dropped, random);
        let outbox = (self.ring.purpose(Purpose::Outbox)?, next.purpose(Purpose::Outbox)?);
        let outbox = (outbox.0.expose(), outbox.1.expose());
        let mut writer = self.db.write()?;
        for document in &dropped.documents {
            let rows = self.index.document(document).into_iter().flat_map(|entry| entry.left());
            let ids: Vec<i64> = rows.map(|row| row.id).collect();
            writer.delete_entries(Log::Changes, &ids)?;
            writer.delete_entries(Log::Caches, self.caches.get(document).copied().as_slice())?;
        }
        next.write(&mut writer, random)?;
        self.ring.add_renewed(&next, &mut writer, random)?;
        writer.reseal(Table::Bodies, outbox, random)?;
        writer.reseal(Table::Frames, outbox, random)?;
        writer.clear(Table::Snapshot)?;
        writer.commit()?;
        self.ring.take_renewed(&next);
        Ok(next)
    }

    /// Clears the half of the keyring that is not live, also out of SQLite's journal.
    pub(super) fn clear_other_half(&mut self) -> Result<(), Error> {
        let table = Keyring::table(Keyring::other(self.vault.live()));
        if self.db.has_rows(table)? {
            let mut writer = self.db.write()?;
            writer.clear(table)?;
            writer.commit()?;
            self.db.checkpoint()?;
        }
        Ok(())
    }

    /// Reads again what is here of documents. What cannot be read leaves all as it was, the view aside: that is made anew.
    pub(super) fn reload(&mut self) -> Result<(), Error> {
        let before = (
            std::mem::take(&mut self.index),
            std::mem::take(&mut self.caches),
            std::mem::take(&mut self.client_keys),
            std::mem::take(&mut self.strangers),
        );
        self.documents.clear();
        self.view_is_due = true;
        if let Err(error) = self.load_index().and_then(|()| self.load_caches()) {
            (self.index, self.caches, self.client_keys, self.strangers) = before;
            return Err(error);
        }
        self.show_all()
    }
}

#[cfg(test)]
mod tests;

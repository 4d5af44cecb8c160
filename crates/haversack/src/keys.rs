//! What opens a notebook, what ends it, and locking it when nobody uses it.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use haversack_core::{
    Attempts, Cost, Engine, FileKey, OpenedBy, Owed, Passphrase, RecoveryCode, SecretOptions, Slots,
};
use haversack_memory::in_clean_frame;

use crate::notebook::system_random;
use crate::{Error, Notebook};

/// After what time a request to join should be forgotten that nobody answered: long enough for two people at one table.
pub const REQUEST_LIFETIME: Duration = Duration::from_secs(15 * 60);

/// What stretching a passphrase should cost on this device: 0.6 to 1.0 s, by its clock. Takes about as long itself.
#[must_use]
pub fn calibrated() -> Cost {
    Cost::calibrate(|cost| {
        // The faster of two: whatever else the device does this moment must not make the store weaker.
        let times = [(); 2].map(|()| {
            let start = Instant::now();
            // A device that refuses a cost is as good as one that is too slow for it.
            cost.try_out().map_or(Duration::MAX, |()| start.elapsed())
        });
        times.into_iter().min().unwrap_or(Duration::MAX)
    })
}

/// Six random words: a passphrase that nobody can find by trying.
#[must_use]
pub fn suggest_passphrase() -> Passphrase {
    Passphrase::suggest(&mut *system_random())
}

/// Makes a secret in a new file, to be used in place of hardware; see [`FileKey`] for what it is worth.
///
/// # Errors
/// `Io` when the file is there already or cannot be written.
pub fn make_file_key(path: &Path) -> Result<FileKey, Error> {
    Ok(FileKey::make(path, &mut *system_random())?)
}

/// Destroys the store of a folder, keys first, whether it is open or not, without its passphrase.
///
/// # Errors
/// `NoStore` when there is nothing, also the second time; `Io` when the keys could not be overwritten.
pub fn wipe(folder: &Path) -> Result<(), Error> {
    Ok(haversack_core::wipe(folder, &mut *system_random())?)
}

/// Makes sure that no process has the store of a folder open.
///
/// # Errors
/// `NoStore`; `Busy` when one has.
pub fn check_locked(folder: &Path) -> Result<(), Error> {
    Ok(haversack_core::check_locked(folder)?)
}

/// Where the count of wrong passphrases of a folder's store stands. Tries nothing.
///
/// # Errors
/// `NoStore`, `Wiped`, `Damaged`, `Newer`, `Io`.
pub fn attempts(folder: &Path) -> Result<Attempts, Error> {
    Ok(haversack_core::attempts(folder)?)
}

impl Notebook {
    /// Replaces the passphrase. Says what raising the cost of stretching dropped.
    ///
    /// # Errors
    /// `WeakPassphrase`, `Hardware`, `Invalid` for the duress passphrase, and the errors of saving; nothing is changed
    /// then.
    pub fn change_passphrase(
        &self,
        new: &Passphrase,
        options: SecretOptions<'_>,
    ) -> Result<Slots, Error> {
        self.with(|engine| engine.change_passphrase(new, options))
    }

    /// What the store can be opened with, beside its passphrase.
    ///
    /// # Errors
    /// [`Error::Closed`].
    pub fn slots(&self) -> Result<Slots, Error> {
        self.with(|engine| Ok(engine.slots()))
    }

    /// What the store was opened with.
    ///
    /// # Errors
    /// [`Error::Closed`].
    pub fn opened_by(&self) -> Result<OpenedBy, Error> {
        self.with(|engine| Ok(engine.opened_by()))
    }

    /// Makes a recovery code; the one before opens nothing any more.
    ///
    /// # Errors
    /// The errors of saving.
    pub fn add_recovery(&self) -> Result<RecoveryCode, Error> {
        self.with(Engine::add_recovery)
    }

    /// Proves that a recovery code opens this store. Changes nothing.
    ///
    /// # Errors
    /// `WrongRecoveryCode`.
    pub fn rehearse_recovery(&self, code: &RecoveryCode) -> Result<(), Error> {
        self.with(|engine| engine.rehearse_recovery(code))
    }

    /// Sets the passphrase that destroys the store and shows an empty one.
    ///
    /// # Errors
    /// As [`Notebook::change_passphrase`].
    pub fn set_duress(
        &self,
        passphrase: &Passphrase,
        options: SecretOptions<'_>,
    ) -> Result<(), Error> {
        self.with(|engine| engine.set_duress(passphrase, options))
    }

    /// Makes the duress passphrase a wrong one.
    ///
    /// # Errors
    /// The errors of saving.
    pub fn clear_duress(&self) -> Result<(), Error> {
        self.with(Engine::clear_duress)
    }

    /// After how many wrong passphrases in a row the store is wiped; 0 for never.
    ///
    /// # Errors
    /// [`Error::Closed`].
    pub fn wipe_after(&self) -> Result<u16, Error> {
        self.with(|engine| Ok(engine.wipe_after()))
    }

    /// Changes after how many wrong passphrases in a row the store is wiped; 0 for never.
    ///
    /// # Errors
    /// `Invalid` for 1 and 2, and the errors of saving.
    pub fn set_wipe_after(&self, attempts: u16) -> Result<(), Error> {
        self.with(|engine| engine.set_wipe_after(attempts))
    }

    /// What would be lost with this store.
    ///
    /// # Errors
    /// [`Error::Closed`].
    pub fn owed(&self) -> Result<Owed, Error> {
        self.with(|engine| Ok(engine.owed()))
    }

    /// Makes sure that [`Notebook::hand_over`] would do it now.
    ///
    /// # Errors
    /// `Owed`, `RootKept`, `SpacesKept`.
    pub fn check_owed(&self, settled: &Owed) -> Result<(), Error> {
        self.with(|engine| engine.check_owed(settled))
    }

    /// Gives the device away: destroys its store, for every clone, provided that nothing is owed beyond `settled`, which the
    /// caller has taken care of. What [`Notebook::owed`] said before [`Notebook::export_bundle`] is settled once that bundle is
    /// kept elsewhere; [`Owed::default`] stands for nothing. For an emergency there is [`wipe`](crate::wipe), which asks for
    /// nothing.
    ///
    /// # Errors
    /// `Owed`, `RootKept`, `SpacesKept`: the store is as it was. `Inner` for a further space, and `Io` when the keys could not be
    /// overwritten: it is closed then.
    pub fn hand_over(&self, settled: &Owed) -> Result<(), Error> {
        let mut engine = self.engine();
        engine.as_ref().ok_or(Error::Closed)?.check_owed(settled)?;
        engine.take().ok_or(Error::Closed)?.destroy().map_err(Error::from)
    }

    /// Locks at once, for every clone and every further space: the keys are gone from memory, and every later call is refused. What was saved
    /// is safe; the next opening is slower than after [`Notebook::close`].
    ///
    /// # Errors
    /// [`Error::Closed`] when it is locked already.
    pub fn lock(&self) -> Result<(), Error> {
        let spaces = std::mem::take(&mut *self.shared.spaces());
        spaces.values().for_each(|space| drop(space.lock()));
        let lock = || self.engine().take().map(Engine::lock).ok_or(Error::Closed);
        in_clean_frame(lock)
    }

    /// Locks once nobody has used the notebook for so long. Spawn what this gives: it ends when the notebook is locked,
    /// or gone, and keeps nothing open by itself.
    ///
    /// ```no_run
    /// # async fn example(notebook: haversack::Notebook) {
    /// tokio::spawn(notebook.lock_when_idle(std::time::Duration::from_secs(120)));
    /// # }
    /// ```
    pub fn lock_when_idle(
        &self,
        idle: Duration,
    ) -> impl Future<Output = ()> + Send + use<> + 'static {
        let shared = Arc::downgrade(&self.shared);
        async move {
            while let Some(left) = shared.upgrade().and_then(|shared| shared.lock_if_idle(idle)) {
                tokio::time::sleep(left).await;
            }
        }
    }

    /// Forgets the request to join that waits in this store once so much time has passed, unless it was answered, or another
    /// was made: whoever photographed it can make nothing of it then. Spawn what this gives, as with
    /// [`Notebook::lock_when_idle`], with [`REQUEST_LIFETIME`] when in doubt. A store that is opened with a request in it has no
    /// record of its age: begin to count anew.
    pub fn forget_request_after(
        &self,
        lifetime: Duration,
    ) -> impl Future<Output = ()> + Send + use<> + 'static {
        let shared = Arc::downgrade(&self.shared);
        let request = self.pending_request().ok().flatten();
        async move {
            let Some(request) = request else { return };
            tokio::time::sleep(lifetime).await;
            let Some(notebook) = shared.upgrade().map(Self::of) else { return };
            // Where it was closed, or nothing can be saved, it stays until it is used or forgotten otherwise.
            let _ = tokio::task::spawn_blocking(move || notebook.forget_if(&request)).await;
        }
    }

    /// Forgets the pending request if it is this one.
    fn forget_if(&self, request: &str) -> Result<(), Error> {
        match self.pending_request()?.as_deref() == Some(request) {
            true => self.forget_request(),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;

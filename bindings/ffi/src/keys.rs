//! What opens a store and what ends it. Secrets are byte arrays: an app can clear its own copies, and should.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use haversack::{Bind, EngineError, Passphrase, RecoveryCode, SecretOptions};

use crate::{HaversackError, Notebook};

type Outcome<T> = Result<T, HaversackError>;

/// The device's own key, which never leaves its hardware: an HMAC key of the Android Keystore, or a key of the Secure
/// Enclave. Implemented by the app.
#[uniffi::export(with_foreign)]
pub trait HardwareKey: Send + Sync {
    /// Answers 32 bytes with 32 bytes that only this device can make, and always the same for the same.
    ///
    /// # Errors
    /// When the key is gone, or the hardware refuses.
    fn bind(&self, stretched: Vec<u8>) -> Result<Vec<u8>, HardwareFailure>;
}

/// The hardware did not answer.
#[derive(Debug, thiserror::Error, uniffi::Error)]
#[non_exhaustive]
pub enum HardwareFailure {
    /// The key is gone, or the hardware refuses. Not counted as a wrong passphrase.
    #[error("the hardware key did not answer")]
    Gone,
}

impl From<uniffi::UnexpectedUniFFICallbackError> for HardwareFailure {
    fn from(_: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::Gone
    }
}

/// A foreign key, as the engine asks it.
pub(crate) struct Foreign(pub(crate) Arc<dyn HardwareKey>);

impl std::fmt::Debug for Foreign {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Foreign(…)")
    }
}

impl Bind for Foreign {
    fn bind(&self, stretched: [u8; 32]) -> Result<[u8; 32], EngineError> {
        let answer = self.0.bind(stretched.to_vec()).map_err(|_| EngineError::Hardware)?;
        answer.try_into().map_err(|_| EngineError::Hardware)
    }
}

/// What opens a store beside its passphrase, and what it was opened with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Record)]
pub struct Slots {
    /// A recovery code opens it.
    pub recovery: bool,
    /// A duress passphrase is set.
    pub duress: bool,
    /// It was opened with its recovery code: a new passphrase should be set now.
    pub opened_by_recovery: bool,
}

/// Where the count of wrong passphrases of a folder's store stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Record)]
pub struct Attempts {
    /// Wrong ones since the last right one, and one that may be under way.
    pub wrong: u32,
    /// Seconds before the next is taken.
    pub wait_seconds: u64,
    /// How many more wrong ones wipe the store; absent when none do.
    pub left: Option<u32>,
}

fn options<'a>(hardware: Option<&'a Foreign>) -> SecretOptions<'a> {
    let hardware = hardware.map(|key| key as &dyn Bind);
    SecretOptions { hardware, ..SecretOptions::default() }
}

#[uniffi::export(async_runtime = "tokio")]
impl Notebook {
    /// Locks at once, without saving what makes the next opening fast. Every later call raises `Unlock`.
    ///
    /// # Errors
    /// `Unlock` when it is locked already.
    pub fn lock_at_once(&self) -> Outcome<()> {
        Ok(self.0.lock()?)
    }

    /// Locks once no call was made for so many seconds, and then returns. Start it beside the app's other work.
    pub async fn lock_when_idle(&self, seconds: u64) {
        self.0.lock_when_idle(Duration::from_secs(seconds)).await;
    }

    /// Forgets this device's request to join once so many seconds have passed, unless it was answered or another was made. Start it
    /// beside the app's other work: with [`request_lifetime`] when in doubt, and again after opening a store that has a
    /// request in it.
    pub async fn forget_request_after(&self, seconds: u64) {
        self.0.forget_request_after(Duration::from_secs(seconds)).await;
    }

    /// After how many wrong passphrases in a row the store is wiped; 0 for never.
    ///
    /// # Errors
    /// `Unlock`.
    pub fn wipe_after(&self) -> Outcome<u16> {
        Ok(self.0.wipe_after()?)
    }

    /// Changes after how many wrong passphrases in a row the store is wiped; 0 for never.
    ///
    /// # Errors
    /// `FixInput` for 1 and 2.
    pub fn set_wipe_after(&self, attempts: u16) -> Outcome<()> {
        Ok(self.0.set_wipe_after(attempts)?)
    }

    /// Replaces the passphrase, bound to hardware if there is any. Copies of the store from before still open with the
    /// old one.
    ///
    /// # Errors
    /// `FixInput` for a weak one, `Unlock` when the hardware does not answer.
    pub fn change_passphrase(
        &self,
        passphrase: Vec<u8>,
        hardware: Option<Arc<dyn HardwareKey>>,
    ) -> Outcome<()> {
        let (passphrase, key) = (Passphrase::new(passphrase)?, hardware.map(Foreign));
        self.0.change_passphrase(&passphrase, options(key.as_ref()))?;
        Ok(())
    }

    /// Makes a recovery code and gives its twelve words as UTF-8; the one before opens nothing any more.
    ///
    /// # Errors
    /// `FreeSpace`, `ReportFault`.
    pub fn add_recovery(&self) -> Outcome<Vec<u8>> {
        Ok(self.0.add_recovery()?.words().to_vec())
    }

    /// What opens this store beside its passphrase, and what it was opened with.
    ///
    /// # Errors
    /// `Unlock`.
    pub fn slots(&self) -> Outcome<Slots> {
        let haversack::Slots { recovery, duress } = self.0.slots()?;
        let opened_by_recovery = self.0.opened_by()? == haversack::OpenedBy::Recovery;
        Ok(Slots { recovery, duress, opened_by_recovery })
    }

    /// Proves that a recovery code opens this store. Changes nothing.
    ///
    /// # Errors
    /// `FixInput` when it does not.
    pub fn rehearse_recovery(&self, code: Vec<u8>) -> Outcome<()> {
        Ok(self.0.rehearse_recovery(&recovery_code(code)?)?)
    }

    /// Sets the passphrase that destroys the store and shows an empty one.
    ///
    /// # Errors
    /// As [`Notebook::change_passphrase`].
    pub fn set_duress(
        &self,
        passphrase: Vec<u8>,
        hardware: Option<Arc<dyn HardwareKey>>,
    ) -> Outcome<()> {
        let (passphrase, key) = (Passphrase::new(passphrase)?, hardware.map(Foreign));
        Ok(self.0.set_duress(&passphrase, options(key.as_ref()))?)
    }

    /// Makes the duress passphrase a wrong one.
    ///
    /// # Errors
    /// `FreeSpace`, `ReportFault`.
    pub fn clear_duress(&self) -> Outcome<()> {
        Ok(self.0.clear_duress()?)
    }
}

/// Reads a code whose text is gone from memory afterwards, as far as it is ours.
pub(crate) fn recovery_code(text: Vec<u8>) -> Outcome<RecoveryCode> {
    let text = Passphrase::new(text)?;
    Ok(RecoveryCode::parse(text.expose())?)
}

/// Gives six random words as UTF-8: a passphrase that nobody can find by trying.
#[uniffi::export]
pub fn suggest_passphrase() -> Vec<u8> {
    haversack::suggest_passphrase().expose().to_vec()
}

/// After how many seconds a request to join should be forgotten that nobody answered.
#[uniffi::export]
pub fn request_lifetime() -> u64 {
    haversack::REQUEST_LIFETIME.as_secs()
}

/// Where the count of wrong passphrases of a folder's store stands: to be shown before somebody types. Tries nothing.
///
/// # Errors
/// `FixInput` when there is no store, `Upgrade`, `ReportFault`.
#[uniffi::export]
pub fn attempts(folder: &str) -> Outcome<Attempts> {
    let haversack::Attempts { wrong, wait, left } = haversack::attempts(Path::new(folder))?;
    // A part of a second is waited for as one.
    let wait_seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    Ok(Attempts { wrong, wait_seconds, left })
}

/// Destroys the store of a folder, keys first, whether it is open or not, without its passphrase. Delete the hardware
/// key too.
///
/// # Errors
/// `FixInput` when there is none, `ReportFault` when the keys could not be overwritten.
#[uniffi::export]
pub fn wipe(folder: &str) -> Outcome<()> {
    Ok(haversack::wipe(Path::new(folder))?)
}

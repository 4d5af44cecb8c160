//! How a store is made, opened, and locked anew.

use std::time::Duration;

use crate::crypto::{Bind, Cost, Guesses, Passphrase};
use crate::error::Error;

/// How a new store is made.
#[derive(Debug, Clone, Copy)]
pub struct CreateOptions<'a> {
    /// What stretching the passphrase costs.
    pub cost: Cost,
    /// The hardware that the passphrase is bound to, if the device has any.
    pub hardware: Option<&'a dyn Bind>,
    /// After how many wrong attempts in a row the store is wiped; 0 for never. At least 3.
    pub wipe_after: u16,
    /// Whether to take a passphrase that could be found by trying.
    pub accept_weak: bool,
}

impl Default for CreateOptions<'_> {
    fn default() -> Self {
        Self { cost: Cost::DEFAULT, hardware: None, wipe_after: 0, accept_weak: false }
    }
}

impl CreateOptions<'_> {
    /// The fewest wrong attempts after which a store may be wiped.
    pub const WIPE_AFTER_MIN: u16 = 3;

    /// The cheapest store, with any passphrase: for tests and demonstrations, whose data is nobody's.
    #[must_use]
    pub fn cheapest() -> Self {
        Self { cost: Cost::FLOOR, accept_weak: true, ..Self::default() }
    }

    pub(super) fn check(&self, passphrase: &Passphrase) -> Result<(), Error> {
        check_wipe_after(self.wipe_after)?;
        check_strength(passphrase, self.hardware, self.accept_weak)
    }
}

/// How a store is opened.
#[derive(Debug, Clone, Copy, Default)]
pub struct OpenOptions<'a> {
    /// The hardware that the passphrase is bound to, if the device has any.
    pub hardware: Option<&'a dyn Bind>,
    /// How long the caller has waited since [`Error::TooSoon`] told it to.
    pub waited: Duration,
}

/// How a passphrase is set on an open store.
#[derive(Debug, Clone, Copy, Default)]
pub struct SecretOptions<'a> {
    /// The hardware that the passphrase is bound to, if the device has any.
    pub hardware: Option<&'a dyn Bind>,
    /// What stretching costs from now on, if it is more than before: it is never lowered. Raising it drops the
    /// recovery code and the duress passphrase, which cannot be stretched anew. For a passphrase only.
    pub cost: Option<Cost>,
    /// Whether to take a passphrase that could be found by trying.
    pub accept_weak: bool,
}

impl SecretOptions<'_> {
    pub(super) fn check(&self, passphrase: &Passphrase) -> Result<(), Error> {
        check_strength(passphrase, self.hardware, self.accept_weak)
    }
}

/// Refuses so few wrong attempts that somebody's slips would wipe the store.
pub(super) fn check_wipe_after(attempts: u16) -> Result<(), Error> {
    match (1..CreateOptions::WIPE_AFTER_MIN).contains(&attempts) {
        true => {
            Err(Error::invalid("wipe after", "must be 0 for never, or 3 wrong attempts or more"))
        }
        false => Ok(()),
    }
}

fn check_strength(
    passphrase: &Passphrase,
    hardware: Option<&dyn Bind>,
    accept_weak: bool,
) -> Result<(), Error> {
    passphrase.check_is_some()?;
    let guesses = match hardware {
        Some(_) => Guesses::NeedHardware,
        None => Guesses::AreFree,
    };
    match accept_weak {
        true => Ok(()),
        false => passphrase.check_strength(guesses),
    }
}

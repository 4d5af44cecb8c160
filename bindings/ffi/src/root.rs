//! The key above the team: on a device, or on paper in shares. A share is its printed text as UTF-8, so that an app can clear its
//! copies.

use haversack::{Passphrase, RootShare};

use crate::{HaversackError, Notebook};

type Outcome<T> = Result<T, HaversackError>;

#[uniffi::export]
impl Notebook {
    /// Whether the team's root key is kept on this device.
    ///
    /// # Errors
    /// `JoinSpace`.
    pub fn keeps_root(&self) -> Outcome<bool> {
        Ok(self.0.keeps_root()?)
    }

    /// Splits the root key into shares to be printed, `needed` of which give it back. Then prove that they were copied well, with
    /// [`Notebook::rehearse_root`], and take the key off this device, with [`Notebook::forget_root`].
    ///
    /// # Errors
    /// `FixInput` when the root key is not here, and unless 2 ≤ needed ≤ shares ≤ 16.
    pub fn split_root(&self, needed: u8, shares: u8) -> Outcome<Vec<Vec<u8>>> {
        let shares = self.0.split_root(needed, shares)?;
        Ok(shares.iter().map(|share| share.text().to_vec()).collect())
    }

    /// Proves that shares give the present root key. Changes nothing.
    ///
    /// # Errors
    /// `FixInput` for a slip, for too few shares, and for those of another key.
    pub fn rehearse_root(&self, shares: Vec<Vec<u8>>) -> Outcome<()> {
        Ok(self.0.rehearse_root(&read_shares(shares)?)?)
    }

    /// Keeps the root key here, made of its shares: from then on it signs what this device decides.
    ///
    /// # Errors
    /// As [`Notebook::rehearse_root`].
    pub fn use_root(&self, shares: Vec<Vec<u8>>) -> Outcome<()> {
        Ok(self.0.use_root(&read_shares(shares)?)?)
    }

    /// Makes a new root key, which is kept here; shares of the old one are worth nothing to the team any more.
    ///
    /// # Errors
    /// `FixInput` when the root key is not here.
    pub fn replace_root(&self) -> Outcome<()> {
        Ok(self.0.replace_root()?)
    }

    /// Forgets the root key that is kept here. Where no shares of it are, nobody has it then.
    ///
    /// # Errors
    /// `FixInput` when there is none.
    pub fn forget_root(&self) -> Outcome<()> {
        Ok(self.0.forget_root()?)
    }
}

/// Reads shares whose texts are gone from memory afterwards, as far as they are ours.
fn read_shares(texts: Vec<Vec<u8>>) -> Outcome<Vec<RootShare>> {
    let texts: Vec<Passphrase> =
        texts.into_iter().map(Passphrase::new).collect::<Result<_, _>>()?;
    Ok(texts.iter().map(|text| RootShare::parse(text.expose())).collect::<Result<_, _>>()?)
}

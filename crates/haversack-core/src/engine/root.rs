//! The root key in shares: made, tried, put together (PROTOCOL § 9a).

use super::Engine;
use super::documents::Staged;
use crate::Error;
use crate::crypto::{RootShare, SignKey, join_shares, split_key};

impl Engine {
    /// Splits the root key into shares, `needed` of which give it back. Shares that were made before stay good.
    ///
    /// # Errors
    /// [`Error::Unknown`] when the present root key is not here, [`Error::Invalid`] unless
    /// 2 ≤ needed ≤ shares ≤ 16.
    pub fn split_root(&mut self, needed: u8, shares: u8) -> Result<Vec<RootShare>, Error> {
        let none = Error::Unknown { what: "root key" };
        let root = self.present_root(self.space()?).ok_or(none)?.clone();
        split_key(&root, needed, shares, &mut *self.random)
    }

    /// Proves that shares give the present root key. Changes nothing.
    ///
    /// # Errors
    /// [`Error::Shares`], [`Error::SharesMissing`].
    pub fn rehearse_root(&self, shares: &[RootShare]) -> Result<(), Error> {
        self.joined_root(shares).map(drop)
    }

    /// Keeps the root key that shares give here: from then on it signs removals and changes of roles, until it is
    /// forgotten.
    ///
    /// # Errors
    /// As [`Engine::rehearse_root`], and the errors of saving.
    pub fn use_root(&mut self, shares: &[RootShare]) -> Result<(), Error> {
        let root = self.joined_root(shares)?;
        let mut space = self.space()?.clone();
        space.root = Some(root);
        self.commit(Staged { space: Some(space), ..Staged::default() })
    }

    fn joined_root(&self, shares: &[RootShare]) -> Result<SignKey, Error> {
        let roots = &self.space()?.group.roster.standing().roots;
        let key = join_shares(shares)?;
        match (roots.last() == Some(&key.public()), roots.contains(&key.public())) {
            (true, _) => Ok(key),
            (_, true) => Err(Error::Shares { why: "are of a root key that was replaced" }),
            _ => Err(Error::Shares { why: "are of another team's root key" }),
        }
    }
}

//! Every secret of an open vault.

use super::Vault;
use crate::Error;
use crate::crypto::{Passphrase, stretch};
use crate::forensic::Named;

impl Vault {
    pub(crate) fn secrets(&self, passphrase: &Passphrase) -> Result<Vec<Named>, Error> {
        let stretched = stretch(passphrase, &self.header.salt, self.header.cost)?;
        let slot = stretched.plain();
        Ok(vec![
            ("vault key", *self.key.expose()),
            ("keyring key", *self.content.key.expose()),
            ("stretched passphrase", stretched.expose()),
            ("slot key", slot.key),
        ])
    }
}

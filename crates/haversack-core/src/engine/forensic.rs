//! Every secret of an open store.

use super::Engine;
use super::kept::KeptBody;
use crate::Error;
use crate::compress::{For, compress};
use crate::crypto::Passphrase;
use crate::forensic::Named;
use crate::store::Table;

impl Engine {
    /// Every secret that this store works with, those derived from others too. For tests.
    ///
    /// # Errors
    /// Those of stretching.
    pub fn secrets(&self, passphrase: &Passphrase) -> Result<Vec<Named>, Error> {
        let mut all = self.vault.secrets(passphrase)?;
        all.extend(self.ring.every_key().into_iter().map(|key| ("keyring", key)));
        all.push(("signing seed", *self.device.identity.sign.expose()));
        all.push(("key to be sealed to", *self.device.identity.kem.expose()));
        all.extend(self.client_keys.values().map(|key| ("client key", *key.expose())));
        for secret in self.ring.epochs().values() {
            all.push(("chunk key", *secret.chunk_key().expose()));
            all.push(("roster key", *secret.roster_key().expose()));
            all.push(("hint key", *secret.hint_key().expose()));
            all.push(("generation", *secret.generation().expose()));
        }
        if let Some(space) = &self.space {
            for secret in space.group.generations.values() {
                all.push(("generation", *secret.expose()));
                all.push(("drop-box key", *secret.drop_key().expose()));
            }
            for relay in space.pinned.keys() {
                let tokens = space.group.generations.values().map(|key| key.token(relay));
                all.extend(tokens.map(|token| ("token", *token.as_bytes())));
            }
            all.extend(space.root.iter().map(|root| ("root key", *root.expose())));
            all.extend(space.retire_preimages.iter().map(|image| ("retire preimage", *image)));
        }
        Ok(all)
    }
}

impl Engine {
    /// Of each own body that is kept: bytes of its sealed frame, and what they would be without padding. For tests.
    ///
    /// # Errors
    /// The errors of reading.
    pub fn frame_sizes(&self) -> Result<Vec<(usize, usize)>, Error> {
        const AROUND: usize = haversack_wire::ChunkHeader::LEN + 16;
        let rows = self.db.rows(Table::Bodies, &self.outbox_key()?)?;
        let mut sizes = Vec::new();
        for (_, bytes) in rows {
            let body = KeptBody::decode(&bytes)?;
            let packed = compress(&body.raw, For::Sending)?.len();
            let lengths = [body.raw.len(), packed].map(|length| if length < 128 { 1 } else { 2 });
            sizes.push((body.frame.len(), AROUND + 1 + lengths.iter().sum::<usize>() + packed));
        }
        Ok(sizes)
    }
}

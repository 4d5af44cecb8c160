//! A type for each role of a key, and what is derived from it (PROTOCOL § 2).

use haversack_wire::hash::{Label, cut, derive, derive_cut, keyed};
use haversack_wire::{Epoch, Generation, KeyHint, Lane, LaneTag, Pack, Relay, Space, Token};
use rand_core::CryptoRng;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::KemSecret;

macro_rules! key {
    ($(#[$doc:meta])* $vis:vis $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
        $vis struct $name([u8; 32]);

        #[allow(dead_code, reason = "not every role is both made and loaded")]
        impl $name {
            /// Takes 32 bytes as this key.
            $vis const fn new(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            /// Makes a random key.
            $vis fn make(random: &mut dyn CryptoRng) -> Self {
                Self(super::bytes(random))
            }

            /// The key itself: for sealing and for the sealed state, nowhere else.
            $vis const fn expose(&self) -> &[u8; 32] {
                &self.0
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    };
}

key!(/// Opens the keyring box of the header; sealed in the header's slots.
    pub(crate) VaultKey);
key!(/// Opens the rows of the keyring; new at each rewrite.
    pub(crate) KeyringKey);
key!(/// Opens the rows of one document: dropping it deletes the document.
    pub(crate) DocumentKey);
key!(/// Opens rows of one purpose: the state, or the view's snapshot.
    pub(crate) PurposeKey);
key!(/// The secret of an epoch.
    pub(crate) EpochSecret);
key!(/// Seals the chunks of an epoch.
    pub(crate) ChunkKey);
key!(/// Seals the roster segments of an epoch.
    pub(crate) RosterKey);
key!(/// Makes the key hints of an epoch.
    pub(crate) HintKey);
key!(/// Names lanes and mailboxes during one generation; opens no content.
    pub(crate) GenerationSecret);
key!(/// Opens a pack.
    pub(crate) PackKey);
key!(/// Makes a client's tags; born with the client's file.
    pub ClientKey);
key!(/// Protects one invitation.
    pub(crate) OneTimeKey);

impl EpochSecret {
    pub(crate) fn id(&self, space: &Space) -> Epoch {
        Epoch::new(self.generation().id(space).to_bytes())
    }

    pub(crate) fn chunk_key(&self) -> ChunkKey {
        ChunkKey(derive(Label::CHUNK_KEY, &[&self.0]))
    }

    pub(crate) fn roster_key(&self) -> RosterKey {
        RosterKey(derive(Label::ROSTER_KEY, &[&self.0]))
    }

    pub(crate) fn hint_key(&self) -> HintKey {
        HintKey(derive(Label::HINT_KEY, &[&self.0]))
    }

    pub(crate) fn generation(&self) -> GenerationSecret {
        GenerationSecret(derive(Label::GENERATION, &[&self.0]))
    }
}

impl PackKey {
    pub(crate) fn id(&self, space: &Space) -> Pack {
        Pack::new(derive_cut(Label::PACK, &[space.as_bytes(), &self.0]))
    }

    /// The key of its manifest, or of its segments.
    pub(crate) fn chunk_key(&self, manifest: bool) -> ChunkKey {
        let label = if manifest { Label::PACK_MANIFEST_KEY } else { Label::PACK_SEGMENT_KEY };
        ChunkKey(derive(label, &[&self.0]))
    }

    pub(crate) fn hint_key(&self) -> HintKey {
        HintKey(derive(Label::PACK_HINT_KEY, &[&self.0]))
    }
}

impl HintKey {
    pub(crate) fn hint(&self, nonce: &[u8; 24]) -> KeyHint {
        KeyHint::new(cut(keyed(&self.0, &[nonce])))
    }
}

impl GenerationSecret {
    /// The id of the generation: that of the epoch that began it.
    pub(crate) fn id(&self, space: &Space) -> Generation {
        Generation::new(derive_cut(Label::EPOCH_ID, &[space.as_bytes(), &self.0]))
    }

    pub(crate) fn lane_tag(&self, lane: &Lane) -> LaneTag {
        let key = derive(Label::LANE_TAG, &[&self.0]);
        LaneTag::new(cut(keyed(&key, &[lane.as_bytes()])))
    }

    /// The key of the space's drop-boxes: renewed with each generation, and held by whoever reads the space.
    pub(crate) fn drop_key(&self) -> KemSecret {
        KemSecret::new(derive(Label::DROP_KEY, &[&self.0]))
    }

    pub(crate) fn token(&self, relay: &Relay) -> Token {
        Token::new(derive(Label::TOKEN, &[&self.0, relay.as_bytes()]))
    }
}

impl ClientKey {
    /// The client's tag in a month: `keyed(derive("client tag", key), year u16 ‖ month u8)[..8]`.
    #[must_use]
    pub fn tag(&self, year: u16, month: u8) -> [u8; 8] {
        let key = derive(Label::CLIENT_TAG, &[&self.0]);
        cut(keyed(&key, &[&year.to_le_bytes(), &[month]]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_key() {
        let keys = (
            VaultKey([1; 32]),
            KeyringKey([1; 32]),
            DocumentKey([1; 32]),
            PurposeKey([1; 32]),
            EpochSecret([1; 32]),
            ChunkKey([1; 32]),
            RosterKey([1; 32]),
            HintKey([1; 32]),
            GenerationSecret([1; 32]),
            ClientKey([1; 32]),
            OneTimeKey([1; 32]),
            PackKey([1; 32]),
        );
        insta::assert_snapshot!(format!("{keys:?}"), @"(VaultKey(…), KeyringKey(…), DocumentKey(…), PurposeKey(…), EpochSecret(…), ChunkKey(…), RosterKey(…), HintKey(…), GenerationSecret(…), ClientKey(…), OneTimeKey(…), PackKey(…))");
    }
}

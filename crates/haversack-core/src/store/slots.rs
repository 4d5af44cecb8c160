//! The slots of a header: each used one holds the vault key under a secret of its own.

use haversack_wire::codec::Reader;
use rand_core::CryptoRng;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::header::pack;
use crate::crypto::{AadLabel, SlotKey, VaultKey, bytes, open, seal};

pub(crate) const SLOTS: usize = 8;
const SLOT_LEN: usize = 105;

/// A commitment (32), a nonce (24), and the sealed kind and key (49); or random bytes.
pub(crate) type Slot = [u8; SLOT_LEN];

/// What a slot is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// The passphrase.
    Normal = 1,
    /// The recovery code: works without hardware.
    Recovery = 2,
    /// Destroys the other slots. Its key is random: it opens nothing, on no copy of the store.
    Duress = 3,
}

impl Kind {
    const fn of(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Normal),
            2 => Some(Self::Recovery),
            3 => Some(Self::Duress),
            _ => None,
        }
    }
}

/// A slot that opened.
pub(crate) struct Found {
    pub(crate) place: usize,
    pub(crate) kind: Kind,
    pub(crate) vault: VaultKey,
    /// The key that opened it.
    pub(crate) slot: SlotKey,
}

pub(crate) fn fill(
    slot: &SlotKey,
    salt: &[u8; 32],
    kind: Kind,
    vault: &VaultKey,
    random: &mut dyn CryptoRng,
) -> Slot {
    let nonce: [u8; 24] = bytes(random);
    let content = Zeroizing::new([&[kind as u8][..], vault.expose()].concat());
    let sealed = seal(&slot.key, &nonce, &AadLabel::SLOT.with(&[salt]), &content);
    pack(&[&slot.commitment, &nonce, &sealed])
}

/// Tries every slot with every key, always, with the same work. A duress slot goes before all others.
pub(crate) fn try_all(keys: &[SlotKey], salt: &[u8; 32], slots: &[Slot; SLOTS]) -> Option<Found> {
    let mut found: Option<Found> = None;
    for slot in keys {
        for (place, bytes) in slots.iter().enumerate() {
            let opened = open_slot(slot, salt, bytes);
            let Some((kind, vault)) = opened else { continue };
            if found.as_ref().is_none_or(|before| before.kind < kind) {
                found = Some(Found { place, kind, vault, slot: slot.clone() });
            }
        }
    }
    found
}

fn open_slot(slot: &SlotKey, salt: &[u8; 32], bytes: &Slot) -> Option<(Kind, VaultKey)> {
    let mut r = Reader::new("header", bytes);
    let commitment: [u8; 32] = r.array().ok()?;
    let nonce: [u8; 24] = r.array().ok()?;
    let matches: bool = commitment.ct_eq(&slot.commitment).into();
    let aad = AadLabel::SLOT.with(&[salt]);
    let content = open(&slot.key, &nonce, &aad, r.rest()).map(Zeroizing::new);
    let (kind, key) = content.as_ref()?.split_first()?;
    match (matches, Kind::of(*kind)) {
        (true, Some(kind)) => Some((kind, key.try_into().map(VaultKey::new).ok()?)),
        _ => None,
    }
}

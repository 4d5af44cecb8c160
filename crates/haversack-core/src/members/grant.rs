//! Grants: keys for one device, in a frame of its own (PROTOCOL § 3.4).

use haversack_wire::codec::{put_blob, put_varint};
use haversack_wire::hash::{Label, derive_cut};
use haversack_wire::limits::GRANT_ENTRIES_MAX;
use haversack_wire::{Epoch, Error, GrantHeader, GrantTag, Reader, Space};
use rand_core::CryptoRng;

use crate::crypto::{AadLabel, EpochSecret, GenerationSecret, PackKey, Sealed, Suite, bytes};

const BLOCK: usize = 256;
const ENTRY_MAX: usize = 64;

/// What a grant gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum GrantEntry {
    /// The secret of an epoch.
    Epoch(EpochSecret),
    /// The secret of a generation.
    Generation(GenerationSecret),
    /// The key of a pack.
    Pack(PackKey),
    /// Something of a newer version.
    Other(u64, Vec<u8>),
}

impl GrantEntry {
    fn parts(&self) -> (u64, Vec<u8>) {
        match self {
            Self::Epoch(secret) => (1, secret.expose().to_vec()),
            Self::Generation(secret) => (2, secret.expose().to_vec()),
            Self::Pack(key) => (3, key.expose().to_vec()),
            Self::Other(kind, blob) => (*kind, blob.clone()),
        }
    }
}

/// Writes the entries of a grant, ascending.
pub(crate) fn put_entries(out: &mut Vec<u8>, entries: &[GrantEntry]) {
    let mut parts: Vec<_> = entries.iter().map(GrantEntry::parts).collect();
    parts.sort();
    put_varint(out, parts.len() as u64);
    for (kind, blob) in parts {
        put_varint(out, kind);
        put_blob(out, &blob);
    }
}

/// Reads the entries of a grant.
pub(crate) fn read_entries(r: &mut Reader<'_>) -> Result<Vec<GrantEntry>, Error> {
    let mut order = haversack_wire::codec::Ascending::new("grant");
    let mut entries = Vec::new();
    for _ in 0..r.count(GRANT_ENTRIES_MAX)? {
        let kind = r.varint()?;
        let blob = r.blob(ENTRY_MAX)?;
        order.step((kind, blob))?;
        entries.push(read_entry(kind, blob)?);
    }
    Ok(entries)
}

fn read_entry(kind: u64, blob: &[u8]) -> Result<GrantEntry, Error> {
    let mut r = Reader::new("grant", blob);
    let entry = match kind {
        1 => GrantEntry::Epoch(EpochSecret::new(r.array()?)),
        2 => GrantEntry::Generation(GenerationSecret::new(r.array()?)),
        3 => GrantEntry::Pack(PackKey::new(r.array()?)),
        _ => return Ok(GrantEntry::Other(kind, blob.to_vec())),
    };
    r.end().map(|()| entry)
}

/// The mark by which a device finds what is for its key.
pub(crate) fn tag(space: &Space, kem_key: &[u8; 32], salt: &[u8; 8]) -> GrantTag {
    GrantTag::new(derive_cut(Label::GRANT_TAG, &[space.as_bytes(), kem_key, salt]))
}

fn info(space: &Space, kem_key: &[u8; 32]) -> Vec<u8> {
    AadLabel::GRANT.with(&[space.as_bytes(), kem_key])
}

fn associated(header: &GrantHeader) -> Vec<u8> {
    header.encode().into_iter().take(GrantHeader::AAD_LEN).collect()
}

/// Seals a grant to a device's KEM key. `None` when the key is not one.
pub(crate) fn seal<S: Suite>(
    space: &Space,
    kem_key: &[u8; 32],
    epoch: Epoch,
    entries: &[GrantEntry],
    random: &mut dyn CryptoRng,
) -> Option<Vec<u8>> {
    let salt = bytes(random);
    let mut header =
        GrantHeader { salt, tag: tag(space, kem_key, &salt), epoch, encapsulated: [0; 32] };
    let mut plain = Vec::new();
    put_entries(&mut plain, entries);
    plain.resize(plain.len().next_multiple_of(BLOCK), 0);
    let aad = associated(&header);
    let Sealed { encapsulated, ciphertext } =
        S::seal_to(kem_key, &info(space, kem_key), &aad, &plain, random)?;
    header.encapsulated = encapsulated;
    let mut out = header.encode().to_vec();
    out.extend(u16::try_from(ciphertext.len()).ok()?.to_le_bytes());
    out.extend(ciphertext);
    Some(out)
}

/// Opens a grant that is for this device; `None` when it is for another.
pub(crate) fn open<S: Suite>(
    space: &Space,
    kem: &S::Kem,
    header: &GrantHeader,
    sealed: &[u8],
) -> Option<Result<Vec<GrantEntry>, Error>> {
    let kem_key = S::kem_public(kem);
    if tag(space, &kem_key, &header.salt) != header.tag {
        return None;
    }
    let info = info(space, &kem_key);
    let plain = S::open(kem, (&header.encapsulated, sealed), &info, &associated(header));
    let plain = plain.ok_or(Error::Malformed { what: "grant", rule: "does not open" });
    Some(plain.and_then(|plain| {
        let mut r = Reader::new("grant", &plain);
        let entries = read_entries(&mut r)?;
        let padding = r.rest();
        let whole = padding.len() < BLOCK && plain.len().is_multiple_of(BLOCK);
        match (padding.iter().all(|byte| *byte == 0), whole) {
            (true, true) => Ok(entries),
            (false, _) => Err(r.malformed("padding is not zero")),
            (true, false) => Err(r.malformed("padding is not to a whole block")),
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{KemSecret, Real};
    use haversack_wire::Frame;
    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

    #[test]
    fn opens_for_its_device_only() {
        let random = &mut ChaCha20Rng::seed_from_u64(1);
        let space = Space::new([1; 16]);
        let (mine, other) = (KemSecret::new([2; 32]), KemSecret::new([3; 32]));
        let entries = vec![
            GrantEntry::Epoch(EpochSecret::new([4; 32])),
            GrantEntry::Generation(GenerationSecret::new([5; 32])),
            GrantEntry::Pack(PackKey::new([7; 32])),
            GrantEntry::Other(9, vec![1]),
        ];
        let frame =
            seal::<Real>(&space, &mine.public(), Epoch::new([6; 16]), &entries, random).unwrap();
        let Ok(Frame::Grant(header, sealed)) = Frame::parse(&frame) else { panic!("a grant") };
        assert_eq!(open::<Real>(&space, &mine, &header, sealed).unwrap().unwrap(), entries);
        assert!(open::<Real>(&space, &other, &header, sealed).is_none());
        assert!(open::<Real>(&Space::new([9; 16]), &mine, &header, sealed).is_none());
        let moved = GrantHeader { epoch: Epoch::new([7; 16]), ..header };
        assert!(open::<Real>(&space, &mine, &moved, sealed).unwrap().is_err());
    }
}

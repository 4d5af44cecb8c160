//! The header: what is needed to try a passphrase, eight slots that all look alike, and the keyring's key
//! (PROTOCOL § 10).

use haversack_wire::codec::Reader;
use haversack_wire::hash::{Label, derive};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::slots::{SLOTS, Slot};
use crate::Error;
use crate::crypto::{AadLabel, Cost, KeyringKey, VaultKey, bytes, open, seal};

const MAGIC: [u8; 3] = *b"HSK";
const VERSION: u8 = 1;
pub(crate) const HEADER_LEN: usize = 1_280;
const BOX_LEN: usize = 81;
const CHECKSUM_AT: usize = HEADER_LEN - 32;
const WHAT: &str = "header";

/// The header as read or to be written.
#[derive(Clone)]
pub(crate) struct Header {
    pub(crate) generation: u64,
    pub(crate) cost: Cost,
    pub(crate) salt: [u8; 32],
    /// Wrong attempts since the last right one, and one that may be under way.
    pub(crate) attempts: u32,
    /// After how many of them the store is wiped; 0 for never.
    pub(crate) wipe_after: u16,
    pub(crate) slots: [Slot; SLOTS],
    keyring_box: [u8; BOX_LEN],
}

/// Which half of the keyring is live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Live {
    /// Table `a`.
    First = 0,
    /// Table `h`.
    Second = 1,
    /// Neither is written yet: the database is to be made anew, and then it is the first.
    Renew = 2,
}

/// What the vault key opens: the keyring's key, where its rows are, and what each slot is used for.
#[derive(Clone)]
pub(crate) struct KeyringBox {
    pub(crate) live: Live,
    /// The kind of each slot; 0 for one that is not used.
    pub(crate) kinds: [u8; SLOTS],
    pub(crate) key: KeyringKey,
}

impl KeyringBox {
    fn encode(&self) -> Zeroizing<Vec<u8>> {
        let live = [self.live as u8];
        Zeroizing::new([&live, &self.kinds[..], self.key.expose()].concat())
    }

    fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut r = Reader::new(WHAT, bytes);
        let live = match r.u8()? {
            0 => Live::First,
            1 => Live::Second,
            2 => Live::Renew,
            other => return Err(Error::Newer { what: WHAT, found: other.into() }),
        };
        let (kinds, key) = (r.array()?, KeyringKey::new(r.array()?));
        r.end()?;
        Ok(Self { live, kinds, key })
    }
}

impl Header {
    /// A header of a new salt whose slots are all unused.
    pub(crate) fn make(cost: Cost, wipe_after: u16, random: &mut dyn CryptoRng) -> Self {
        Self {
            generation: 0,
            cost,
            salt: bytes(random),
            attempts: 0,
            wipe_after,
            slots: std::array::from_fn(|_| bytes(random)),
            keyring_box: bytes(random),
        }
    }

    /// Makes every slot an unused one.
    pub(crate) fn clear_slots(&mut self, random: &mut dyn CryptoRng) {
        self.slots = std::array::from_fn(|_| bytes(random));
    }

    pub(crate) fn seal_box(
        &mut self,
        vault: &VaultKey,
        content: &KeyringBox,
        random: &mut dyn CryptoRng,
    ) {
        let nonce: [u8; 24] = bytes(random);
        let aad = AadLabel::KEYRING_BOX.with(&[&self.salt]);
        self.keyring_box = pack(&[&nonce, &seal(vault.expose(), &nonce, &aad, &content.encode())]);
    }

    pub(crate) fn open_box(&self, vault: &VaultKey) -> Result<KeyringBox, Error> {
        let damaged = || Error::damaged(WHAT, "its keyring box does not open");
        let (nonce, sealed) = self.keyring_box.split_first_chunk::<24>().ok_or_else(damaged)?;
        let aad = AadLabel::KEYRING_BOX.with(&[&self.salt]);
        let content = open(vault.expose(), nonce, &aad, sealed).ok_or_else(damaged)?;
        KeyringBox::decode(&Zeroizing::new(content))
    }

    pub(crate) fn encode(&self, random: &mut dyn CryptoRng) -> Vec<u8> {
        let (memory, passes, lanes) = self.cost.parts();
        let mut out = MAGIC.to_vec();
        out.push(VERSION);
        out.extend(self.generation.to_le_bytes());
        [memory, passes, lanes].iter().for_each(|part| out.extend(part.to_le_bytes()));
        out.extend(self.salt);
        out.extend(self.attempts.to_le_bytes());
        out.extend(self.wipe_after.to_le_bytes());
        self.slots.iter().for_each(|slot| out.extend(slot));
        out.extend(self.keyring_box);
        let mut filler = vec![0; CHECKSUM_AT - out.len()];
        random.fill_bytes(&mut filler);
        out.extend(filler);
        let checksum = derive(Label::HEADER, &[&out]);
        out.extend(checksum);
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut r = Reader::new(WHAT, bytes);
        if r.array()? != MAGIC {
            return Err(Error::damaged(WHAT, "it is not one"));
        }
        let version = r.u8()?;
        if version != VERSION {
            return Err(Error::Newer { what: WHAT, found: version.into() });
        }
        check_sum(bytes, Label::HEADER)?;
        let generation = r.u64()?;
        let cost = Cost::new(r.u32()?, r.u32()?, r.u32()?)?;
        let (salt, attempts) = (r.array()?, r.u32()?);
        let wipe_after = u16::from_le_bytes(r.array()?);
        let mut header = Self {
            generation,
            cost,
            salt,
            attempts,
            wipe_after,
            slots: [[0; _]; SLOTS],
            keyring_box: [0; BOX_LEN],
        };
        for slot in &mut header.slots {
            *slot = r.array()?;
        }
        header.keyring_box = r.array()?;
        Ok(header)
    }
}

fn check_sum(bytes: &[u8], label: Label) -> Result<(), Error> {
    let (body, checksum) = match bytes.len() {
        HEADER_LEN => bytes.split_at_checked(CHECKSUM_AT),
        0..HEADER_LEN => None,
        _ => return Err(Error::damaged(WHAT, "it is too long")),
    }
    .ok_or(Error::damaged(WHAT, "it is cut"))?;
    match derive(label, &[body]) == checksum {
        true => Ok(()),
        false => Err(Error::damaged(WHAT, "its checksum is wrong")),
    }
}

/// What a wiped store has in place of a header: random bytes, and a checksum that says that they are meant.
pub(crate) fn tombstone(random: &mut dyn CryptoRng) -> Vec<u8> {
    let body: [u8; CHECKSUM_AT] = bytes(random);
    [&body[..], &derive(Label::WIPED, &[&body])].concat()
}

pub(crate) fn is_tombstone(bytes: &[u8]) -> bool {
    check_sum(bytes, Label::WIPED).is_ok()
}

pub(super) fn pack<const N: usize>(parts: &[&[u8]]) -> [u8; N] {
    let mut out = [0; N];
    let bytes = parts.iter().flat_map(|part| part.iter().copied());
    out.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

    fn sample() -> (VaultKey, KeyringKey, Vec<u8>) {
        let random = &mut ChaCha20Rng::seed_from_u64(1);
        let (vault, key) = (VaultKey::make(random), KeyringKey::make(random));
        let mut header = Header::make(Cost::FLOOR, 9, random);
        let content = KeyringBox { live: Live::Second, kinds: [1; SLOTS], key: key.clone() };
        header.seal_box(&vault, &content, random);
        (vault, key, header.encode(random))
    }

    #[test]
    fn is_read_as_it_was_written() {
        let (vault, key, bytes) = sample();
        assert_eq!(bytes.len(), HEADER_LEN);
        let header = Header::decode(&bytes).unwrap();
        assert_eq!((header.attempts, header.wipe_after), (0, 9));
        let content = header.open_box(&vault).unwrap();
        assert_eq!((content.live, content.kinds, content.key), (Live::Second, [1; SLOTS], key));
        assert!(header.open_box(&VaultKey::new([0; 32])).is_err());
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_noticed() {
        let (_, _, bytes) = sample();
        for at in 0..HEADER_LEN {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1;
            assert!(Header::decode(&flipped).is_err(), "{at}");
            assert!(Header::decode(&bytes[..at]).is_err(), "{at}");
        }
        assert!(Header::decode(&[&bytes[..], &[0]].concat()).is_err());
    }

    #[test]
    fn hostile_costs_are_refused_before_memory_is_taken() {
        let (_, _, mut bytes) = sample();
        bytes[12..16].copy_from_slice(&u32::MAX.to_le_bytes());
        let checksum = derive(Label::HEADER, &[&bytes[..CHECKSUM_AT]]);
        bytes[CHECKSUM_AT..].copy_from_slice(&checksum);
        let refused = Header::decode(&bytes).err().unwrap();
        insta::assert_snapshot!(refused, @"key stretching cost is out of bounds");
    }

    #[test]
    fn a_tombstone_is_no_header_and_a_header_no_tombstone() {
        let random = &mut ChaCha20Rng::seed_from_u64(2);
        let (_, _, header) = sample();
        let stone = tombstone(random);
        assert!(is_tombstone(&stone) && !is_tombstone(&header) && Header::decode(&stone).is_err());
        (0..HEADER_LEN).for_each(|at| {
            let torn = [&stone[..at], &header[at..]].concat();
            assert!(at == 0 || (!is_tombstone(&torn) && Header::decode(&torn).is_err()), "{at}");
        });
    }
}

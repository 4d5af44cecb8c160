//! The header: eight slots that all look alike, and the keyring's key (PROTOCOL § 10).

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use haversack_wire::codec::Reader;
use haversack_wire::hash::{Label, derive};
use rand_core::CryptoRng;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::Error;
use crate::crypto::{
    AadLabel, Bind, Cost, KeyringKey, Passphrase, SlotKey, VaultKey, bytes, open, seal, stretch,
};

const MAGIC: [u8; 3] = *b"HSK";
const VERSION: u8 = 1;
const LEN: usize = 1_280;
const SLOTS: usize = 8;
const SLOT_LEN: usize = 104;
const BOX_LEN: usize = 72;
const CHECKSUM_AT: usize = LEN - 32;
const WHAT: &str = "header";

/// The header as read or to be written.
#[derive(Clone)]
pub(crate) struct Header {
    generation: u64,
    cost: Cost,
    salt: [u8; 32],
    slots: [[u8; SLOT_LEN]; SLOTS],
    keyring_box: [u8; BOX_LEN],
}

impl Header {
    /// Makes a header whose one used slot opens with the passphrase; its place is random.
    pub(crate) fn make(
        passphrase: &Passphrase,
        cost: Cost,
        hardware: &dyn Bind,
        random: &mut dyn CryptoRng,
    ) -> Result<(Self, KeyringKey), Error> {
        let salt = bytes(random);
        let vault = VaultKey::make(random);
        let keyring = KeyringKey::make(random);
        let slot = stretch(passphrase, &salt, cost, hardware)?;
        let mut slots = std::array::from_fn(|_| bytes(random));
        let used = random.next_u32() as usize % SLOTS;
        if let Some(place) = slots.get_mut(used) {
            *place = fill_slot(&slot, &salt, &vault, random);
        }
        let keyring_box = seal_keyring_key(&vault, 1, &keyring, random);
        Ok((Self { generation: 1, cost, salt, slots, keyring_box }, keyring))
    }

    /// Opens the keyring's key. Tries every slot, always.
    pub(crate) fn unlock(
        &self,
        passphrase: &Passphrase,
        hardware: &dyn Bind,
    ) -> Result<KeyringKey, Error> {
        let slot = stretch(passphrase, &self.salt, self.cost, hardware)?;
        let opened = self.slots.map(|bytes| open_slot(&slot, &self.salt, &bytes));
        let vault = opened.into_iter().flatten().next().ok_or(Error::WrongPassphrase)?;
        self.open_keyring_key(&vault)
    }

    fn open_keyring_key(&self, vault: &VaultKey) -> Result<KeyringKey, Error> {
        let damaged = || Error::damaged(WHAT, "its keyring box does not open");
        let (nonce, sealed) = self.keyring_box.split_first_chunk::<24>().ok_or_else(damaged)?;
        let aad = AadLabel::KEYRING_BOX.with(&[&self.generation.to_le_bytes()]);
        let key = Zeroizing::new(open(vault.expose(), nonce, &aad, sealed).ok_or_else(damaged)?);
        key.as_slice().try_into().map(KeyringKey::new).map_err(|_| damaged())
    }

    pub(crate) fn encode(&self, random: &mut dyn CryptoRng) -> Vec<u8> {
        let (memory, passes, lanes) = self.cost.parts();
        let mut out = MAGIC.to_vec();
        out.push(VERSION);
        out.extend(self.generation.to_le_bytes());
        [memory, passes, lanes].iter().for_each(|part| out.extend(part.to_le_bytes()));
        out.extend(self.salt);
        self.slots.iter().for_each(|slot| out.extend(slot));
        out.extend(self.keyring_box);
        let mut filler = vec![0; CHECKSUM_AT - out.len()];
        random.fill_bytes(&mut filler);
        out.extend(filler);
        let checksum = derive(Label::HEADER, &[&out]);
        out.extend(checksum);
        out
    }

    fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut r = Reader::new(WHAT, bytes);
        if r.array()? != MAGIC {
            return Err(Error::damaged(WHAT, "it is not one"));
        }
        let version = r.u8()?;
        if version != VERSION {
            return Err(Error::Newer { what: WHAT, found: version.into() });
        }
        let (body, checksum) =
            bytes.split_at_checked(CHECKSUM_AT).ok_or(Error::damaged(WHAT, "it is cut"))?;
        if derive(Label::HEADER, &[body]) != checksum {
            return Err(Error::damaged(WHAT, "its checksum is wrong"));
        }
        let generation = r.u64()?;
        let cost = Cost::new(r.u32()?, r.u32()?, r.u32()?)?;
        let salt = r.array()?;
        let mut slots = [[0; SLOT_LEN]; SLOTS];
        for slot in &mut slots {
            *slot = r.array()?;
        }
        Ok(Self { generation, cost, salt, slots, keyring_box: r.array()? })
    }
}

fn seal_keyring_key(
    vault: &VaultKey,
    generation: u64,
    keyring: &KeyringKey,
    random: &mut dyn CryptoRng,
) -> [u8; BOX_LEN] {
    let aad = AadLabel::KEYRING_BOX.with(&[&generation.to_le_bytes()]);
    let nonce: [u8; 24] = bytes(random);
    pack(&[&nonce, &seal(vault.expose(), &nonce, &aad, keyring.expose())])
}

fn fill_slot(
    slot: &SlotKey,
    salt: &[u8; 32],
    vault: &VaultKey,
    random: &mut dyn CryptoRng,
) -> [u8; SLOT_LEN] {
    let nonce: [u8; 24] = bytes(random);
    let sealed = seal(&slot.key, &nonce, &AadLabel::SLOT.with(&[salt]), vault.expose());
    pack(&[&slot.commitment, &nonce, &sealed])
}

fn open_slot(slot: &SlotKey, salt: &[u8; 32], bytes: &[u8; SLOT_LEN]) -> Option<VaultKey> {
    let mut r = Reader::new(WHAT, bytes);
    let commitment: [u8; 32] = r.array().ok()?;
    let nonce: [u8; 24] = r.array().ok()?;
    let matches: bool = commitment.ct_eq(&slot.commitment).into();
    let vault =
        open(&slot.key, &nonce, &AadLabel::SLOT.with(&[salt]), r.rest()).map(Zeroizing::new);
    match (matches, vault) {
        (true, Some(key)) => key.as_slice().try_into().map(VaultKey::new).ok(),
        _ => None,
    }
}

fn pack<const N: usize>(parts: &[&[u8]]) -> [u8; N] {
    let mut out = [0; N];
    let bytes = parts.iter().flat_map(|part| part.iter().copied());
    out.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
    out
}

/// The two copies of the header in a store's folder.
#[derive(Debug, Clone)]
pub(crate) struct HeaderFiles {
    a: PathBuf,
    b: PathBuf,
}

impl HeaderFiles {
    pub(crate) fn in_folder(folder: &Path) -> Self {
        Self { a: folder.join("key.a"), b: folder.join("key.b") }
    }

    pub(crate) fn exist(&self) -> bool {
        self.a.exists() || self.b.exists()
    }

    /// Writes copy B, then copy A, each down to the disk, so that one is whole at any moment.
    pub(crate) fn write(&self, header: &Header, random: &mut dyn CryptoRng) -> Result<(), Error> {
        let bytes = header.encode(random);
        write_through(&self.b, &bytes)
            .and_then(|()| write_through(&self.a, &bytes))
            .map_err(Error::io(WHAT))
    }

    /// Reads the valid copy of the highest generation. When none is valid, says what is wrong with the first.
    pub(crate) fn read(&self) -> Result<Header, Error> {
        if !self.exist() {
            return Err(Error::NoStore);
        }
        match (read_copy(&self.a), read_copy(&self.b)) {
            (Ok(a), Ok(b)) => Ok(if b.generation > a.generation { b } else { a }),
            (Ok(header), Err(_)) | (Err(_), Ok(header)) => Ok(header),
            (Err(error), Err(_)) => Err(error),
        }
    }
}

fn write_through(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.set_len(bytes.len() as u64)?;
    file.sync_all()
}

fn read_copy(path: &Path) -> Result<Header, Error> {
    let mut bytes = Vec::with_capacity(LEN + 1);
    let file = File::open(path).map_err(Error::io(WHAT))?;
    file.take(LEN as u64 + 1).read_to_end(&mut bytes).map_err(Error::io(WHAT))?;
    match bytes.len() {
        LEN => Header::decode(&bytes),
        0..LEN => Err(Error::damaged(WHAT, "it is cut")),
        _ => Err(Error::damaged(WHAT, "it is too long")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::NoHardware;
    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

    fn pass(text: &str) -> Passphrase {
        Passphrase::new(text.into()).unwrap()
    }

    fn sample() -> (Header, KeyringKey, Vec<u8>) {
        let random = &mut ChaCha20Rng::seed_from_u64(1);
        let (header, key) = Header::make(&pass("right"), Cost::FLOOR, &NoHardware, random).unwrap();
        let bytes = header.encode(random);
        (header, key, bytes)
    }

    #[test]
    fn opens_with_the_passphrase_only() {
        let (_, key, bytes) = sample();
        assert_eq!(bytes.len(), LEN);
        let header = Header::decode(&bytes).unwrap();
        assert_eq!(header.unlock(&pass("right"), &NoHardware).unwrap(), key);
        assert!(matches!(header.unlock(&pass("wrong"), &NoHardware), Err(Error::WrongPassphrase)));
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_noticed() {
        let (_, _, bytes) = sample();
        for at in 0..LEN {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1;
            assert!(Header::decode(&flipped).is_err(), "{at}");
            assert!(Header::decode(&bytes[..at]).is_err(), "{at}");
        }
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
    fn one_good_copy_is_enough() {
        let folder = tempfile::tempdir().unwrap();
        let files = HeaderFiles::in_folder(folder.path());
        assert!(matches!(files.read(), Err(Error::NoStore)));
        let (header, _, bytes) = sample();
        files.write(&header, &mut ChaCha20Rng::seed_from_u64(2)).unwrap();
        for broken in [&files.a, &files.b] {
            std::fs::write(broken, &bytes[..700]).unwrap();
            assert_eq!(files.read().unwrap().generation, 1);
            std::fs::write(broken, &bytes).unwrap();
        }
        std::fs::write(&files.a, b"").unwrap();
        std::fs::remove_file(&files.b).unwrap();
        insta::assert_snapshot!(files.read().err().unwrap(), @"the store's header is damaged: it is cut");
    }
}

//! Sealed rows (PROTOCOL § 10): padded, and bound to their place.

use haversack_wire::codec::{Reader, put_varint};
use haversack_wire::padme;
use rand_core::CryptoRng;

use crate::Error;
use crate::crypto::{AadLabel, bytes, open as open_aead, seal as seal_aead};

const FLOOR: usize = 64;
const NONCE: usize = 24;

/// Seals a row's content for one place.
pub(crate) fn seal(
    key: &[u8; 32],
    place: &[u8],
    content: &[u8],
    random: &mut dyn CryptoRng,
) -> Vec<u8> {
    let mut plain = Vec::with_capacity(content.len() + FLOOR);
    put_varint(&mut plain, content.len() as u64);
    plain.extend_from_slice(content);
    plain.resize(padme(plain.len()).max(FLOOR), 0);
    let nonce: [u8; NONCE] = bytes(random);
    let mut out = nonce.to_vec();
    out.extend(seal_aead(key, &nonce, &AadLabel::ROW.with(&[place]), &plain));
    out
}

/// Opens a row.
pub(crate) fn open(
    key: &[u8; 32],
    place: &[u8],
    sealed: &[u8],
    what: &'static str,
) -> Result<Vec<u8>, Error> {
    let damaged = || Error::damaged(what, "a row does not open at its place");
    let (nonce, sealed) = sealed.split_first_chunk::<NONCE>().ok_or_else(damaged)?;
    let plain = open_aead(key, nonce, &AadLabel::ROW.with(&[place]), sealed).ok_or_else(damaged)?;
    let mut reader = Reader::new(what, &plain);
    let length = reader.count(plain.len())?;
    Ok(reader.take(length)?.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

    #[test]
    fn sizes_hide_the_content_and_places_bind() {
        let random = &mut ChaCha20Rng::seed_from_u64(1);
        let key = [1; 32];
        let short = seal(&key, b"p", b"a", random);
        assert_eq!(short.len(), seal(&key, b"p", &[7; 60], random).len());
        assert_eq!(open(&key, b"p", &short, "row").unwrap(), b"a");
        assert!(open(&key, b"q", &short, "row").is_err());
        assert!(open(&key, b"p", &short[..20], "row").is_err());
    }
}

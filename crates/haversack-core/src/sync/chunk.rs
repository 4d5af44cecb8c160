//! Sealing bodies and roster segments into frames (PROTOCOL § 3.2, § 3.3).

use haversack_wire::hash::{Label, derive_cut};
use haversack_wire::{
    ChunkHeader, Epoch, Error, KeyHint, LaneTag, Pack, PackHeader, Padding, RosterHeader, Space,
};
use rand_core::CryptoRng;

use super::envelope::{pack as pack_envelope, unpack};
use crate::crypto::{AadLabel, EpochSecret, PackKey, bytes, open as open_aead, seal as seal_aead};

const TAG: usize = 16;

/// Seals a signed body at its lane position.
///
/// # Errors
/// [`Error::Limit`] when it is too large for a frame.
pub(crate) fn seal_padded(
    epoch: (&EpochSecret, &Epoch),
    space: &Space,
    place: (LaneTag, u32),
    (raw, padding): (&[u8], Padding),
    random: &mut dyn CryptoRng,
) -> Result<Vec<u8>, Error> {
    let plain = pack_envelope(raw, ChunkHeader::LEN + TAG, padding)?;
    Ok(seal_plain(epoch, space, place, &plain, random))
}

/// Seals a body of somebody else's: whoever does it under this key makes the same frame, so that a relay keeps it once. The nonce follows
/// from what is sealed, and is that of nothing else.
///
/// # Errors
/// [`Error::Limit`] when it is too large for a frame.
pub(crate) fn seal_again(
    epoch: (&EpochSecret, &Epoch),
    space: &Space,
    place: (LaneTag, u32),
    (raw, padding): (&[u8], Padding),
) -> Result<Vec<u8>, Error> {
    let plain = pack_envelope(raw, ChunkHeader::LEN + TAG, padding)?;
    let key = epoch.0.chunk_key();
    let parts: [&[u8]; 4] =
        [key.expose(), place.0.as_bytes(), &place.1.to_le_bytes(), plain.as_slice()];
    Ok(seal_with(epoch, space, place, &plain, derive_cut(Label::OFFERED_AGAIN, &parts)))
}

/// Seals an envelope at a lane position.
pub(crate) fn seal_plain(
    epoch: (&EpochSecret, &Epoch),
    space: &Space,
    place: (LaneTag, u32),
    plain: &[u8],
    random: &mut dyn CryptoRng,
) -> Vec<u8> {
    seal_with(epoch, space, place, plain, bytes(random))
}

fn seal_with(
    epoch: (&EpochSecret, &Epoch),
    space: &Space,
    place: (LaneTag, u32),
    plain: &[u8],
    nonce: [u8; 24],
) -> Vec<u8> {
    let header = ChunkHeader {
        tag: place.0,
        sequence: place.1,
        length: (plain.len() + TAG) as u16,
        nonce,
        hint: epoch.0.hint_key().hint(&nonce),
    };
    let clear = header.encode();
    let aad = AadLabel::CHUNK.with(&[space.as_bytes(), epoch.1.as_bytes(), &clear]);
    let sealed = seal_aead(epoch.0.chunk_key().expose(), &nonce, &aad, plain);
    [&clear[..], &sealed].concat()
}

/// Seals a body, padded as usual.
#[cfg(test)]
pub(crate) fn seal(
    epoch: (&EpochSecret, &Epoch),
    space: &Space,
    place: (LaneTag, u32),
    raw: &[u8],
    random: &mut dyn CryptoRng,
) -> Result<Vec<u8>, Error> {
    seal_padded(epoch, space, place, (raw, Padding::default()), random)
}

/// Opens a chunk under the epoch that its hint names. `None` when the key is another one.
pub(crate) fn open(
    epoch: (&EpochSecret, &Epoch),
    space: &Space,
    header: &ChunkHeader,
    sealed: &[u8],
) -> Option<Result<Vec<u8>, Error>> {
    hinted(epoch.0, &header.nonce, header.hint)?;
    let aad = AadLabel::CHUNK.with(&[space.as_bytes(), epoch.1.as_bytes(), &header.encode()]);
    let plain = open_aead(epoch.0.chunk_key().expose(), &header.nonce, &aad, sealed)?;
    Some(unpack(&plain))
}

/// Seals a roster segment.
///
/// # Errors
/// As [`seal_padded`].
pub(crate) fn seal_roster_padded(
    epoch: (&EpochSecret, &Epoch),
    space: &Space,
    (content, padding): (&[u8], Padding),
    random: &mut dyn CryptoRng,
) -> Result<Vec<u8>, Error> {
    let plain = pack_envelope(content, RosterHeader::LEN + TAG, padding)?;
    let nonce = bytes(random);
    let length = (plain.len() + TAG) as u16;
    let clear = RosterHeader { length, nonce, hint: epoch.0.hint_key().hint(&nonce) }.encode();
    let aad = AadLabel::ROSTER_SEGMENT.with(&[space.as_bytes(), epoch.1.as_bytes(), &clear]);
    let sealed = seal_aead(epoch.0.roster_key().expose(), &nonce, &aad, &plain);
    Ok([&clear[..], &sealed].concat())
}

/// The same, padded as usual.
#[cfg(test)]
pub(crate) fn seal_roster(
    epoch: (&EpochSecret, &Epoch),
    space: &Space,
    content: &[u8],
    random: &mut dyn CryptoRng,
) -> Result<Vec<u8>, Error> {
    seal_roster_padded(epoch, space, (content, Padding::default()), random)
}

/// Opens a roster segment. `None` when the key is another one.
pub(crate) fn open_roster(
    epoch: (&EpochSecret, &Epoch),
    space: &Space,
    header: &RosterHeader,
    sealed: &[u8],
) -> Option<Result<Vec<u8>, Error>> {
    hinted(epoch.0, &header.nonce, header.hint)?;
    let aad =
        AadLabel::ROSTER_SEGMENT.with(&[space.as_bytes(), epoch.1.as_bytes(), &header.encode()]);
    let plain = open_aead(epoch.0.roster_key().expose(), &header.nonce, &aad, sealed)?;
    Some(unpack(&plain))
}

/// Seals a pack's manifest, or a segment.
///
/// # Errors
/// As [`seal_padded`].
pub(crate) fn seal_pack(
    (key, pack): (&PackKey, &Pack),
    space: &Space,
    (manifest, content): (bool, &[u8]),
    random: &mut dyn CryptoRng,
) -> Result<Vec<u8>, Error> {
    let plain = pack_envelope(content, PackHeader::LEN + TAG, Padding::default())?;
    let nonce = bytes(random);
    let (length, hint) = ((plain.len() + TAG) as u16, key.hint_key().hint(&nonce));
    let clear = PackHeader { manifest, length, nonce, hint }.encode();
    let aad = pack_label(manifest).with(&[space.as_bytes(), pack.as_bytes(), &clear]);
    let sealed = seal_aead(key.chunk_key(manifest).expose(), &nonce, &aad, &plain);
    Ok([&clear[..], &sealed].concat())
}

/// Opens a manifest or a segment. `None` when it is another pack's.
pub(crate) fn open_pack(
    (key, pack): (&PackKey, &Pack),
    space: &Space,
    header: &PackHeader,
    sealed: &[u8],
) -> Option<Result<Vec<u8>, Error>> {
    if key.hint_key().hint(&header.nonce) != header.hint {
        return None;
    }
    let label = pack_label(header.manifest);
    let aad = label.with(&[space.as_bytes(), pack.as_bytes(), &header.encode()]);
    let key = key.chunk_key(header.manifest);
    let plain = open_aead(key.expose(), &header.nonce, &aad, sealed)?;
    Some(unpack(&plain))
}

const fn pack_label(manifest: bool) -> AadLabel {
    if manifest { AadLabel::PACK_MANIFEST } else { AadLabel::PACK_SEGMENT }
}

fn hinted(epoch: &EpochSecret, nonce: &[u8; 24], hint: KeyHint) -> Option<()> {
    (epoch.hint_key().hint(nonce) == hint).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use haversack_wire::Frame;
    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

    fn sealed() -> (EpochSecret, Epoch, Space, Vec<u8>) {
        let space = Space::new([1; 16]);
        let secret = EpochSecret::new([2; 32]);
        let epoch = secret.id(&space);
        let random = &mut ChaCha20Rng::seed_from_u64(1);
        let frame = seal((&secret, &epoch), &space, (LaneTag::new([3; 8]), 4), b"raw body", random)
            .unwrap();
        (secret, epoch, space, frame)
    }

    fn try_open(
        frame: &[u8],
        secret: &EpochSecret,
        epoch: &Epoch,
        space: &Space,
    ) -> Option<Vec<u8>> {
        let Ok(Frame::Chunk(header, sealed)) = Frame::parse(frame) else {
            return None;
        };
        open((secret, epoch), space, &header, sealed)?.ok()
    }

    #[test]
    fn opens_under_its_epoch_and_space_only() {
        let (secret, epoch, space, frame) = sealed();
        assert_eq!(frame.len(), 256);
        assert_eq!(try_open(&frame, &secret, &epoch, &space).as_deref(), Some(&b"raw body"[..]));
        let other = EpochSecret::new([9; 32]);
        assert_eq!(try_open(&frame, &other, &other.id(&space), &space), None);
        assert_eq!(try_open(&frame, &secret, &epoch, &Space::new([9; 16])), None);
    }

    #[test]
    fn a_body_that_is_sealed_again_is_one_frame_and_another_is_none_of_it() {
        let (secret, epoch, space, _) = sealed();
        let other = EpochSecret::new([9; 32]);
        let seal = |secret: &EpochSecret, at: u32, raw: &[u8]| {
            let (key, place) = ((secret, &secret.id(&space)), (LaneTag::new([3; 8]), at));
            seal_again(key, &space, place, (raw, Padding::default())).unwrap()
        };
        let frame = seal(&secret, 4, b"raw body");
        assert_eq!(frame, seal(&secret, 4, b"raw body"));
        assert_eq!(try_open(&frame, &secret, &epoch, &space).as_deref(), Some(&b"raw body"[..]));
        let nonce = |frame: &[u8]| match Frame::parse(frame) {
            Ok(Frame::Chunk(header, _)) => header.nonce,
            _ => [0; 24],
        };
        let others = [
            seal(&secret, 5, b"raw body"),
            seal(&secret, 4, b"raw bodi"),
            seal(&other, 4, b"raw body"),
        ];
        let nonces: std::collections::BTreeSet<_> =
            others.iter().chain([&frame]).map(|frame| nonce(frame)).collect();
        assert_eq!(nonces.len(), 4);
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_refused() {
        let (secret, epoch, space, frame) = sealed();
        for at in 0..frame.len() {
            let mut flipped = frame.clone();
            flipped[at] ^= 1;
            assert_eq!(try_open(&flipped, &secret, &epoch, &space), None, "{at}");
            assert_eq!(try_open(&frame[..at], &secret, &epoch, &space), None, "{at}");
        }
    }
}

//! HPKE (RFC 9180): X25519, HKDF-SHA256, ChaCha20-Poly1305.

use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{
    Deserializable, Kem, OpModeR, OpModeS, PskBundle, Serializable, single_shot_open,
    single_shot_seal_with_rng,
};
use rand_core::CryptoRng;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::OneTimeKey;

type Dh = X25519HkdfSha256;

/// A device's secret X25519 key.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub(crate) struct KemSecret([u8; 32]);

impl KemSecret {
    pub(crate) fn make(random: &mut dyn CryptoRng) -> Self {
        Self(super::bytes(random))
    }

    pub(crate) const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The secret: for the sealed state only.
    pub(crate) const fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    fn private(&self) -> Option<<Dh as Kem>::PrivateKey> {
        <Dh as Kem>::PrivateKey::from_bytes(&self.0).ok()
    }

    /// The public key. Every 32 bytes are a valid X25519 secret.
    pub(crate) fn public(&self) -> [u8; 32] {
        self.private().map(|key| Dh::sk_to_pk(&key).to_bytes().into()).unwrap_or_default()
    }
}

impl std::fmt::Debug for KemSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KemSecret(…)")
    }
}

/// What HPKE makes of a plaintext.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sealed {
    pub(crate) encapsulated: [u8; 32],
    pub(crate) ciphertext: Vec<u8>,
}

/// Seals to a public key in base mode. `None` when the key is not one.
pub(crate) fn seal_to(
    public: &[u8; 32],
    info: &[u8],
    aad: &[u8],
    plain: &[u8],
    random: &mut dyn CryptoRng,
) -> Option<Sealed> {
    seal(&OpModeS::Base, public, info, aad, plain, random)
}

/// Seals to a public key and a one-time key.
pub(crate) fn seal_with_psk(
    public: &[u8; 32],
    psk: (&OneTimeKey, &[u8; 16]),
    info: &[u8],
    plain: &[u8],
    random: &mut dyn CryptoRng,
) -> Option<Sealed> {
    seal_psk((psk.0.expose(), psk.1), public, info, &[], plain, random)
}

/// PSK mode with a name and associated data of any length, as the published vectors have them.
pub(super) fn seal_psk(
    psk: (&[u8], &[u8]),
    public: &[u8; 32],
    info: &[u8],
    aad: &[u8],
    plain: &[u8],
    random: &mut dyn CryptoRng,
) -> Option<Sealed> {
    let bundle = PskBundle::new(psk.0, psk.1).ok()?;
    seal(&OpModeS::Psk(bundle), public, info, aad, plain, random)
}

fn seal(
    mode: &OpModeS<'_, Dh>,
    public: &[u8; 32],
    info: &[u8],
    aad: &[u8],
    plain: &[u8],
    mut random: &mut dyn CryptoRng,
) -> Option<Sealed> {
    let public = <Dh as Kem>::PublicKey::from_bytes(public).ok()?;
    let (key, ciphertext) = single_shot_seal_with_rng::<ChaCha20Poly1305, HkdfSha256, Dh>(
        mode,
        &public,
        info,
        plain,
        aad,
        &mut random,
    )
    .ok()?;
    Some(Sealed { encapsulated: key.to_bytes().into(), ciphertext })
}

/// Opens what [`seal_to`] sealed.
pub(crate) fn open_from_anyone(
    secret: &KemSecret,
    encapsulated: &[u8; 32],
    info: &[u8],
    aad: &[u8],
    ciphertext: &[u8],
) -> Option<Vec<u8>> {
    open(&OpModeR::Base, secret, encapsulated, info, aad, ciphertext)
}

/// Opens what [`seal_with_psk`] sealed.
pub(crate) fn open_with_psk(
    secret: &KemSecret,
    psk: (&OneTimeKey, &[u8; 16]),
    encapsulated: &[u8; 32],
    info: &[u8],
    ciphertext: &[u8],
) -> Option<Vec<u8>> {
    open_psk((psk.0.expose(), psk.1), secret, encapsulated, info, &[], ciphertext)
}

/// The other side of [`seal_psk`].
pub(super) fn open_psk(
    psk: (&[u8], &[u8]),
    secret: &KemSecret,
    encapsulated: &[u8; 32],
    info: &[u8],
    aad: &[u8],
    ciphertext: &[u8],
) -> Option<Vec<u8>> {
    let bundle = PskBundle::new(psk.0, psk.1).ok()?;
    open(&OpModeR::Psk(bundle), secret, encapsulated, info, aad, ciphertext)
}

fn open(
    mode: &OpModeR<'_, Dh>,
    secret: &KemSecret,
    encapsulated: &[u8; 32],
    info: &[u8],
    aad: &[u8],
    ciphertext: &[u8],
) -> Option<Vec<u8>> {
    let encapsulated = <Dh as Kem>::EncappedKey::from_bytes(encapsulated).ok()?;
    single_shot_open::<ChaCha20Poly1305, HkdfSha256, Dh>(
        mode,
        &secret.private()?,
        &encapsulated,
        info,
        ciphertext,
        aad,
    )
    .ok()
}

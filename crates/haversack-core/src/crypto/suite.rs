//! What membership needs of cryptography: the part that costs, so that its rules can also be tried over a
//! stand-in, a hundred thousand histories at a time.

use rand_core::CryptoRng;

use super::{KemSecret, Sealed, SignKey};

/// Signing, and sealing to a device.
pub(crate) trait Suite {
    /// A signing key.
    type Sign: Clone;
    /// A key for being sealed to.
    type Kem: Clone;

    fn public(sign: &Self::Sign) -> [u8; 32];
    fn sign(sign: &Self::Sign, message: &[u8]) -> [u8; 64];
    fn verify(public: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool;

    fn kem_public(kem: &Self::Kem) -> [u8; 32];
    /// Seals to a public key; `None` when the key is not one.
    fn seal_to(
        public: &[u8; 32],
        info: &[u8],
        aad: &[u8],
        plain: &[u8],
        random: &mut dyn CryptoRng,
    ) -> Option<Sealed>;
    /// Opens what [`Suite::seal_to`] sealed.
    fn open(
        kem: &Self::Kem,
        sealed: (&[u8; 32], &[u8]),
        info: &[u8],
        aad: &[u8],
    ) -> Option<Vec<u8>>;
}

/// Ed25519 and HPKE.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Real {}

impl Suite for Real {
    type Sign = SignKey;
    type Kem = KemSecret;

    fn public(sign: &SignKey) -> [u8; 32] {
        sign.public()
    }

    fn sign(sign: &SignKey, message: &[u8]) -> [u8; 64] {
        sign.sign(message)
    }

    fn verify(public: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
        super::verify(public, message, signature)
    }

    fn kem_public(kem: &KemSecret) -> [u8; 32] {
        kem.public()
    }

    fn seal_to(
        public: &[u8; 32],
        info: &[u8],
        aad: &[u8],
        plain: &[u8],
        random: &mut dyn CryptoRng,
    ) -> Option<Sealed> {
        super::seal_to(public, info, aad, plain, random)
    }

    fn open(
        kem: &KemSecret,
        sealed: (&[u8; 32], &[u8]),
        info: &[u8],
        aad: &[u8],
    ) -> Option<Vec<u8>> {
        super::open_from_anyone(kem, sealed.0, info, aad, sealed.1)
    }
}

#[cfg(test)]
pub(crate) use symbolic::Symbolic;

/// A stand-in that is as good as real against a test, which never guesses: a public key is a hash of the
/// secret, and whoever knows only that can neither sign nor open by calling what is here.
#[cfg(test)]
mod symbolic {
    use super::*;

    #[derive(Debug, Clone, Copy)]
    pub(crate) enum Symbolic {}

    fn hash(parts: &[&[u8]]) -> [u8; 32] {
        let lengths: Vec<u8> = parts.iter().flat_map(|part| part.len().to_le_bytes()).collect();
        let all: Vec<&[u8]> =
            std::iter::once(lengths.as_slice()).chain(parts.iter().copied()).collect();
        haversack_wire::hash::keyed(&[0; 32], &all)
    }

    impl Suite for Symbolic {
        type Sign = [u8; 32];
        type Kem = [u8; 32];

        fn public(sign: &[u8; 32]) -> [u8; 32] {
            hash(&[b"public", sign])
        }

        fn sign(sign: &[u8; 32], message: &[u8]) -> [u8; 64] {
            let mut out = [0; 64];
            out[..32].copy_from_slice(&hash(&[b"signature", &Self::public(sign), message]));
            out
        }

        fn verify(public: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
            signature[..32] == hash(&[b"signature", public, message])
        }

        fn kem_public(kem: &[u8; 32]) -> [u8; 32] {
            hash(&[b"public", kem])
        }

        fn seal_to(
            public: &[u8; 32],
            info: &[u8],
            aad: &[u8],
            plain: &[u8],
            _: &mut dyn CryptoRng,
        ) -> Option<Sealed> {
            let tag = hash(&[public, info, aad, plain]);
            Some(Sealed { encapsulated: *public, ciphertext: [&tag[..], plain].concat() })
        }

        fn open(
            kem: &[u8; 32],
            (public, sealed): (&[u8; 32], &[u8]),
            info: &[u8],
            aad: &[u8],
        ) -> Option<Vec<u8>> {
            let (tag, plain) = sealed.split_first_chunk::<32>()?;
            let right =
                Self::kem_public(kem) == *public && *tag == hash(&[public, info, aad, plain]);
            right.then(|| plain.to_vec())
        }
    }
}

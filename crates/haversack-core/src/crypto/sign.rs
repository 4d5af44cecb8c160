//! Ed25519, verified strictly.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use rand_core::CryptoRng;

use super::AadLabel;

/// A signing key: a device's, or the root's.
#[derive(Clone)]
pub(crate) struct SignKey(SigningKey);

impl SignKey {
    pub(crate) fn make(random: &mut dyn CryptoRng) -> Self {
        Self(SigningKey::from_bytes(&super::bytes(random)))
    }

    pub(crate) fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// The secret seed: for the sealed state only.
    pub(crate) fn expose(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    pub(crate) fn public(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }

    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

impl std::fmt::Debug for SignKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SignKey(…)")
    }
}

/// `"haversack v1 <label>" ‖ 0x00 ‖ parts…`
pub(crate) fn message(label: AadLabel, parts: &[&[u8]]) -> Vec<u8> {
    label.with(parts)
}

/// Whether the signature is this key's over the message, by the strict rule of RFC 8032.
pub(crate) fn verify(public: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
    VerifyingKey::from_bytes(public)
        .is_ok_and(|key| key.verify_strict(message, &Signature::from_bytes(signature)).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_and_refuses() {
        let key = SignKey::from_seed(&[7; 32]);
        let signature = key.sign(b"m");
        assert!(verify(&key.public(), b"m", &signature));
        assert!(!verify(&key.public(), b"n", &signature));
        assert!(!verify(&SignKey::from_seed(&[8; 32]).public(), b"m", &signature));
        assert!(!verify(&[0; 32], b"m", &[0; 64]), "a small-order key signs nothing");
        insta::assert_snapshot!(format!("{key:?}"), @"SignKey(…)");
    }
}

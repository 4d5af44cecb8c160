//! XChaCha20-Poly1305 with associated data that says what and where.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};

/// The first part of associated data and of signed messages: `"haversack v1 <label>" ‖ 0x00`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AadLabel(&'static str);

macro_rules! labels {
    ($($name:ident = $text:literal;)*) => {
        impl AadLabel {
            $(pub(crate) const $name: Self = Self(concat!("haversack v1 ", $text, "\0"));)*
        }
    };
}

labels! {
    CHUNK = "chunk";
    ROSTER_SEGMENT = "roster segment";
    GRANT = "grant";
    BODY = "body";
    STATEMENT = "statement";
    RENEWAL = "renewal";
    EPOCH = "epoch";
    INVITATION = "invitation";
    SLOT = "slot";
    KEYRING_BOX = "keyring box";
    ROW = "row";
    RELAY_PROOF = "relay proof";
    DROP = "drop";
    NOTE = "note";
    BUNDLE = "bundle";
    PACK = "pack";
    PACK_SEGMENT = "pack segment";
    PACK_MANIFEST = "pack manifest";
}

impl AadLabel {
    /// The label followed by the parts.
    pub(crate) fn with(self, parts: &[&[u8]]) -> Vec<u8> {
        let mut out = self.0.as_bytes().to_vec();
        parts.iter().for_each(|part| out.extend_from_slice(part));
        out
    }
}

/// Seals: the result is 16 bytes longer.
pub(crate) fn seal(key: &[u8; 32], nonce: &[u8; 24], aad: &[u8], plain: &[u8]) -> Vec<u8> {
    let cipher = XChaCha20Poly1305::new(&(*key).into());
    let sealed = cipher.encrypt(&XNonce::from(*nonce), Payload { msg: plain, aad });
    // Fails only beyond 256 GiB, which no limit of the protocol comes near.
    sealed.unwrap_or_default()
}

/// Opens, or gives nothing: there is one way to fail and nothing to say about it.
pub(crate) fn open(key: &[u8; 32], nonce: &[u8; 24], aad: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    #[cfg(test)]
    super::count::add(super::count::Work::Open);
    let cipher = XChaCha20Poly1305::new(&(*key).into());
    cipher.decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad }).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_only_with_the_same_key_nonce_and_place() {
        let aad = AadLabel::ROW.with(&[b"here"]);
        let sealed = seal(&[1; 32], &[2; 24], &aad, b"text");
        assert_eq!(sealed.len(), 20);
        assert_eq!(open(&[1; 32], &[2; 24], &aad, &sealed).as_deref(), Some(&b"text"[..]));
        assert_eq!(open(&[3; 32], &[2; 24], &aad, &sealed), None);
        assert_eq!(open(&[1; 32], &[3; 24], &aad, &sealed), None);
        assert_eq!(open(&[1; 32], &[2; 24], &AadLabel::ROW.with(&[b"there"]), &sealed), None);
        assert_eq!(open(&[1; 32], &[2; 24], &aad, &sealed[1..]), None);
        assert_eq!(open(&[1; 32], &[2; 24], &aad, &[]), None);
    }
}

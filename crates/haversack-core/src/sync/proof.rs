//! That a relay is who it says: it signs our nonce with its long-term key (PROTOCOL § 7).

use haversack_wire::{Reader, Relay};

use crate::Error;
use crate::crypto::{AadLabel, message, verify};

const VERSION: u8 = 1;

/// Reads a relay's proof over a nonce and gives the relay's id.
///
/// # Errors
/// [`Error::Relay`] when it is not a proof over this nonce.
pub fn relay_of_proof(nonce: &[u8; 32], proof: &[u8]) -> Result<Relay, Error> {
    let refused = Error::Relay { why: "it is not a proof of its key" };
    let read = || {
        let mut r = Reader::new("relay proof", proof);
        let parts = (r.u8()?, r.array()?, r.array()?);
        r.end().map(|()| parts)
    };
    match read() {
        Ok((VERSION, key, signature))
            if verify(&key, &message(AadLabel::RELAY_PROOF, &[nonce]), &signature) =>
        {
            Ok(Relay::of(&key))
        }
        _ => Err(refused),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::SignKey;

    #[test]
    fn a_proof_is_for_one_nonce() {
        let key = SignKey::from_seed(&[1; 32]);
        let signature = key.sign(&message(AadLabel::RELAY_PROOF, &[&[2; 32]]));
        let proof = [&[1][..], &key.public(), &signature].concat();
        assert_eq!(relay_of_proof(&[2; 32], &proof).unwrap(), Relay::of(&key.public()));
        assert!(relay_of_proof(&[3; 32], &proof).is_err());
        assert!(relay_of_proof(&[2; 32], &proof[..96]).is_err());
        assert!(relay_of_proof(&[2; 32], b"<html>").is_err());
    }
}

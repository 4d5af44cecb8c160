//! RFC 9180, A.2: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20Poly1305.
//!
//! Both directions, byte for byte: the ephemeral key comes from the randomness that is handed in, as RFC 9180's own
//! `DeriveKeyPair` makes it of the published `ikmE`. Sequence number 0 only: one key seals one message here. The modes
//! that authenticate the sender's key are not used by this protocol.

use std::convert::Infallible;

use data_encoding::HEXLOWER;
use rand_core::{TryCryptoRng, TryRng};

use crate::crypto::hpke::{KemSecret, Sealed, open_from_anyone, open_psk, seal_psk, seal_to};

const INFO: &[u8] = b"Ode on a Grecian Urn";
const AAD: &[u8] = b"Count-0";
const PLAIN: &[u8] = b"Beauty is truth, truth beauty";

struct Setup {
    ephemeral: &'static str,
    recipient: &'static str,
    recipient_public: &'static str,
    encapsulated: &'static str,
    ciphertext: &'static str,
}

const BASE: Setup = Setup {
    ephemeral: "909a9b35d3dc4713a5e72a4da274b55d3d3821a37e5d099e74a647db583a904b",
    recipient: "8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb",
    recipient_public: "4310ee97d88cc1f088a5576c77ab0cf5c3ac797f3d95139c6c84b5429c59662a",
    encapsulated: "1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a",
    ciphertext: "1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db21993c62ce81883d2dd1b51a28",
};

const PSK: Setup = Setup {
    ephemeral: "35706a0b09fb26fb45c39c2f5079c709c7cf98e43afa973f14d88ece7e29c2e3",
    recipient: "77d114e0212be51cb1d76fa99dd41cfd4d0166b08caa09074430a6c59ef17879",
    recipient_public: "13640af826b722fc04feaa4de2f28fbd5ecc03623b317834e7ff4120dbe73062",
    encapsulated: "2261299c3f40a9afc133b969a97f05e95be2c514e54f3de26cbe5644ac735b04",
    ciphertext: "4a177f9c0d6f15cfdf533fb65bf84aecdc6ab16b8b85b4cf65a370e07fc1d78d28fb073214525276f4a89608ff",
};

const PSK_KEY: &str = "0247fd33b913760fa1fa51e1892d9f307fbe65eb171e8132c2af18555a738b82";
const PSK_ID: &[u8] = b"Ennyn Durin aran Moria";

fn bytes(text: &str) -> Vec<u8> {
    HEXLOWER.decode(text.as_bytes()).unwrap()
}

fn read(setup: &Setup) -> (KemSecret, [u8; 32], Vec<u8>) {
    let secret = KemSecret::new(bytes(setup.recipient).try_into().unwrap());
    assert_eq!(secret.public()[..], bytes(setup.recipient_public));
    (secret, bytes(setup.encapsulated).try_into().unwrap(), bytes(setup.ciphertext))
}

/// Randomness that is the published `ikmE`, once.
struct Published(Vec<u8>);

impl TryRng for Published {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        panic!("an ephemeral key takes 32 bytes at once")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        panic!("an ephemeral key takes 32 bytes at once")
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        out.copy_from_slice(&std::mem::take(&mut self.0));
        Ok(())
    }
}

impl TryCryptoRng for Published {}

#[test]
fn base_mode() {
    let (secret, encapsulated, sealed) = read(&BASE);
    let open = |info, aad| open_from_anyone(&secret, &encapsulated, info, aad, &sealed);
    assert_eq!(open(INFO, AAD).as_deref(), Some(PLAIN));
    assert_eq!(open(INFO, b"Count-1"), None);
    assert_eq!(open(b"another", AAD), None);
    let random = &mut Published(bytes(BASE.ephemeral));
    let made = seal_to(&secret.public(), INFO, AAD, PLAIN, random);
    assert_eq!(made, Some(Sealed { encapsulated, ciphertext: sealed }));
}

#[test]
fn psk_mode() {
    let (secret, encapsulated, sealed) = read(&PSK);
    let key = bytes(PSK_KEY);
    let open = |psk| open_psk(psk, &secret, &encapsulated, INFO, AAD, &sealed);
    assert_eq!(open((&key, PSK_ID)).as_deref(), Some(PLAIN));
    assert_eq!(open((&key, b"another")), None);
    assert_eq!(open((&[7; 32], PSK_ID)), None);
    assert_eq!(open_from_anyone(&secret, &encapsulated, INFO, AAD, &sealed), None);
    let random = &mut Published(bytes(PSK.ephemeral));
    let made = seal_psk((&key, PSK_ID), &secret.public(), INFO, AAD, PLAIN, random);
    assert_eq!(made, Some(Sealed { encapsulated, ciphertext: sealed }));
}

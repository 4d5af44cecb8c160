"""RFC 9180 by hand: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305; the base mode and the PSK mode, one message."""

import hashlib
import hmac

from nacl.bindings import crypto_aead_chacha20poly1305_ietf_decrypt as decrypt
from nacl.bindings import crypto_scalarmult, crypto_scalarmult_base
from nacl.exceptions import CryptoError

from . import refusal
from .refusal import Refused

KEM_SUITE = b"KEM" + (0x0020).to_bytes(2, "big")
SUITE = b"HPKE" + (0x0020).to_bytes(2, "big") + (0x0001).to_bytes(2, "big") + (0x0003).to_bytes(2, "big")
BASE, PSK = 0, 1


def extract(salt: bytes, key: bytes) -> bytes:
    return hmac.new(salt or bytes(32), key, hashlib.sha256).digest()


def expand(key: bytes, info: bytes, length: int) -> bytes:
    out, block, index = b"", b"", 1
    while len(out) < length:
        block = hmac.new(key, block + info + bytes([index]), hashlib.sha256).digest()
        out, index = out + block, index + 1
    return out[:length]


def labeled_extract(suite: bytes, salt: bytes, label: bytes, key: bytes) -> bytes:
    return extract(salt, b"HPKE-v1" + suite + label + key)


def labeled_expand(suite: bytes, key: bytes, label: bytes, info: bytes, length: int) -> bytes:
    return expand(key, length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info, length)


def decapsulate(encapsulated: bytes, secret: bytes) -> bytes:
    try:
        shared = crypto_scalarmult(secret, encapsulated)
    except (CryptoError, RuntimeError) as error:
        raise Refused(refusal.DOES_NOT_OPEN) from error
    context = encapsulated + crypto_scalarmult_base(secret)
    key = labeled_extract(KEM_SUITE, b"", b"eae_prk", shared)
    return labeled_expand(KEM_SUITE, key, b"shared_secret", context, 32)


def open_one(secret: bytes, encapsulated: bytes, sealed: bytes, info: bytes, associated: bytes,
             psk: bytes = b"", psk_id: bytes = b"") -> bytes:
    """Opens the only message of a context; with a `psk` in PSK mode."""
    mode = PSK if psk else BASE
    context = bytes([mode])
    context += labeled_extract(SUITE, b"", b"psk_id_hash", psk_id)
    context += labeled_extract(SUITE, b"", b"info_hash", info)
    schedule = labeled_extract(SUITE, decapsulate(encapsulated, secret), b"secret", psk)
    key = labeled_expand(SUITE, schedule, b"key", context, 32)
    nonce = labeled_expand(SUITE, schedule, b"base_nonce", context, 12)
    try:
        return decrypt(sealed, associated, nonce, key)
    except (CryptoError, ValueError) as error:
        raise Refused(refusal.DOES_NOT_OPEN) from error

"""§ 1: XChaCha20-Poly1305, opened or refused."""

from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_decrypt as decrypt
from nacl.exceptions import CryptoError

from . import refusal
from .refusal import Refused


def open_sealed(key: bytes, nonce: bytes, sealed: bytes, associated: bytes) -> bytes:
    if len(sealed) < 16:
        raise Refused(refusal.DOES_NOT_OPEN)
    try:
        return decrypt(sealed, associated, nonce, key)
    except CryptoError as error:
        raise Refused(refusal.DOES_NOT_OPEN) from error

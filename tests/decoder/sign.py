"""§ 1: Ed25519, strictly.

libsodium refuses an S that is not below the group order and a key or a first half of small order, and compares the first half
itself: the cofactorless equation.
"""

from nacl.bindings import crypto_sign_open
from nacl.exceptions import BadSignatureError

from . import refusal
from .refusal import Refused


def message(label: str, data: bytes) -> bytes:
    return b"haversack v1 " + label.encode() + b"\x00" + data


def verify(key: bytes, label: str, data: bytes, signature: bytes, reason: str = refusal.SIGNATURE) -> None:
    try:
        crypto_sign_open(signature + message(label, data), key)
    except BadSignatureError as error:
        raise Refused(reason) from error

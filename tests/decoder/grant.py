"""§ 3.4: a grant: keys for one device."""

from dataclasses import dataclass

from nacl.bindings import crypto_scalarmult_base

from . import derive, envelope, frame, hpke, limits, refusal, sign
from .reader import Reader, require_ascending
from .refusal import Refused

TAG = "the tag is another device's"
LACKS = "lacks the epoch it names"
MULTIPLE = "padding is not to a multiple of 256"
EPOCH, GENERATION, PACK = 1, 2, 3


@dataclass
class Grant:
    epoch: bytes
    entries: list[tuple[int, bytes]]

    def keys(self, kind: int) -> list[bytes]:
        return [key for its_kind, key in self.entries if its_kind == kind]


def open_grant(data: bytes, space: bytes, kem_secret: bytes) -> Grant:
    reader = frame.begin(data, frame.GRANT)
    salt, tag, epoch = reader.bytes(8), reader.bytes(8), reader.bytes(16)
    associated, encapsulated = data[: reader.at], reader.bytes(32)
    sealed = frame.body(reader, reader.integer(2))
    kem_key = crypto_scalarmult_base(kem_secret)
    if tag != derive.grant_tag(space, kem_key, salt):
        raise Refused(TAG)
    info = sign.message("grant", space + kem_key)
    plaintext = hpke.open_one(kem_secret, encapsulated, sealed, info, associated)
    grant = Grant(epoch, padded_entries(plaintext))
    if epoch not in [derive.epoch_id(space, key) for key in grant.keys(EPOCH)]:
        raise Refused(LACKS)
    return grant


def padded_entries(plaintext: bytes) -> list[tuple[int, bytes]]:
    reader = Reader(plaintext)
    found = entries(reader)
    envelope.end_of_block(reader, plaintext, MULTIPLE)
    return found


def entries(reader: Reader) -> list[tuple[int, bytes]]:
    found = reader.list(limits.GRANT_ENTRIES, lambda: (reader.varint(), reader.blob(limits.FRAME)))
    require_ascending(found)
    for kind, key in found:
        if kind in (EPOCH, GENERATION, PACK):
            check_width(key)
    return found


def check_width(key: bytes) -> None:
    reader = Reader(key)
    reader.bytes(32)
    reader.end()

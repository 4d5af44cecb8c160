"""§ 3.2: a chunk: clear header, sealed body."""

from dataclasses import dataclass

from . import derive, envelope, frame, sign
from .refusal import Refused
from .seal import open_sealed

HINT = "the hint names another key"


@dataclass
class Chunk:
    tag: bytes
    sequence: int
    body: bytes


def open_chunk(data: bytes, space: bytes, epoch_secret: bytes) -> Chunk:
    reader = frame.begin(data, frame.CHUNK)
    tag, sequence, length = reader.bytes(8), reader.integer(4), reader.integer(2)
    nonce, hint = reader.bytes(24), reader.bytes(4)
    header = data[: reader.at]
    sealed = frame.body(reader, length)
    if hint != derive.key_hint(epoch_secret, nonce):
        raise Refused(HINT)
    associated = sign.message("chunk", space + derive.epoch_id(space, epoch_secret) + header)
    key = derive.derive("chunk key", epoch_secret)
    return Chunk(tag, sequence, envelope.read(open_sealed(key, nonce, sealed, associated)))

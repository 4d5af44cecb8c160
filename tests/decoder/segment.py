"""§ 3.3: a roster segment."""

from dataclasses import dataclass

from . import chunk, derive, envelope, frame, limits, refusal, sign
from .reader import Reader, require_ascending
from .refusal import Refused
from .seal import open_sealed



@dataclass
class Segment:
    epochs: list[bytes]
    index: int
    count: int
    statements: list[bytes]


def open_segment(data: bytes, space: bytes, epoch_secret: bytes) -> Segment:
    reader = frame.begin(data, frame.SEGMENT)
    length, nonce, hint = reader.integer(2), reader.bytes(24), reader.bytes(4)
    header = data[: reader.at]
    sealed = frame.body(reader, length)
    if hint != derive.key_hint(epoch_secret, nonce):
        raise Refused(chunk.HINT)
    associated = sign.message("roster segment", space + derive.epoch_id(space, epoch_secret) + header)
    key = derive.derive("roster key", epoch_secret)
    return content(envelope.read(open_sealed(key, nonce, sealed, associated)))


def content(data: bytes) -> Segment:
    reader = Reader(data)
    epochs = reader.list(limits.EPOCHS_IN_SEGMENT, reader.blob)
    require_ascending(derive.derive("epoch statement", one, 16) for one in epochs)
    index, count = reader.varint(), reader.varint()
    if max(index, count) > limits.SEGMENTS:
        raise Refused(refusal.MAXIMUM)
    statements = reader.list(limits.STATEMENTS, reader.blob)
    require_ascending(derive.derive("statement", one, 16) for one in statements)
    reader.end()
    return Segment(epochs, index, count, statements)

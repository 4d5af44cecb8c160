"""§ 3: the two bytes that every frame begins with."""

from . import limits, refusal
from .reader import Reader
from .refusal import Refused

CHUNK, SEGMENT, GRANT, PACK_SEGMENT, MANIFEST, RETIRE = range(1, 7)
VERSION = 1


def begin(data: bytes, kind: int) -> Reader:
    """A reader behind kind and version. What this version does not know is kept as it is."""
    if len(data) > limits.FRAME:
        raise Refused(refusal.MAXIMUM)
    reader = Reader(data)
    if (reader.u8(), reader.u8()) != (kind, VERSION):
        raise Refused(refusal.KEPT)
    return reader


def body(reader: Reader, length: int) -> bytes:
    """The rest of the frame, which must be of the length that its header says."""
    if reader.left() != length:
        raise Refused(refusal.LENGTH)
    return reader.rest()

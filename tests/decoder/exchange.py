"""§ 7: a request to a relay, and its answer."""

from dataclasses import dataclass, field

from . import derive, limits, refusal
from .reader import Reader, require_ascending
from .refusal import Refused

MAGIC = "is not one of this protocol"
SECTIONS = "has no section"
CUT = "cut: whole parts count"


@dataclass
class Section:
    mailbox: bytes
    token: bytes
    admission: bytes
    basis: int
    cursor: int
    digest: bytes | None
    vector: list[tuple[bytes, int]] | None
    resume: tuple[int, int, bytes] | None
    frames: list[bytes]


def request(data: bytes) -> list[Section]:
    if len(data) > limits.REQUEST:
        raise Refused(refusal.MAXIMUM)
    reader = Reader(data)
    if reader.bytes(2) != b"HS":
        raise Refused(MAGIC)
    if reader.u8() != 1:
        raise refusal.unknown("request version")
    count = reader.u8()
    if count == 0:
        raise Refused(SECTIONS)
    if count > limits.SECTIONS:
        raise Refused(refusal.MAXIMUM)
    pushed = 0
    found = []
    for _ in range(count):
        found.append(section(reader, limits.PUSHED - pushed))
        pushed += len(found[-1].frames)
    reader.end()
    return found


def section(reader: Reader, frames_most: int) -> Section:
    token, retire = reader.bytes(32), reader.bytes(32)
    admission = reader.blob(limits.ADMISSION)
    cursor, basis = reader.varint(), reader.u8()
    if basis > 3:
        raise refusal.unknown("basis")
    digest = reader.bytes(16) if basis != 2 else None
    vector = lanes(reader) if basis in (1, 3) else None
    resume = reader.u8()
    if resume > 1:
        raise refusal.unknown("resume")
    place = None
    if resume:
        place = (reader.varint(), reader.varint(), reader.bytes(16))
    frames = reader.list(frames_most, lambda: reader.blob(limits.FRAME))
    mailbox = derive.mailbox(token, retire)
    return Section(mailbox, token, admission, basis, cursor, digest, vector, place, frames)


def lanes(reader: Reader) -> list[tuple[bytes, int]]:
    found = reader.list(limits.VECTOR, lambda: (reader.bytes(8), reader.varint()))
    require_ascending(tag for tag, _ in found)
    return found


SECTION, ACK, FRAME, TAIL, HAVE, NEED, END, DONE, PASSED = range(1, 10)


@dataclass
class Answer:
    parts: list[tuple[int, object]] = field(default_factory=list)


def answer(data: bytes) -> Answer:
    parts, is_done = read_parts(data)
    if not is_done:
        raise Refused(CUT)
    return Answer(parts)


def read_parts(data: bytes) -> tuple[list[tuple[int, object]], bool]:
    """The parts, and whether the last of an answer is among them."""
    reader = Reader(data)
    if reader.bytes(3) != b"HA\x01":
        raise Refused(MAGIC)
    found: list[tuple[int, object]] = []
    while True:
        try:
            kind, blob = reader.u8(), reader.blob(limits.ANSWER_PART)
        except Refused as refused:
            if refused.reason == refusal.ENDS_EARLY:
                return found, False
            raise
        if kind in PARTS:
            inner = Reader(blob)
            found.append((kind, PARTS[kind](inner)))
            inner.end()
        if kind == DONE:
            reader.end()
            return found, True


def ack(reader: Reader) -> tuple[int, int, int]:
    index, status, cursor = reader.varint(), reader.u8(), reader.varint()
    if status > 2:
        raise refusal.unknown("acknowledgement")
    return index, status, cursor


PARTS = {
    SECTION: lambda reader: reader.u8(),
    ACK: ack,
    FRAME: lambda reader: (reader.varint(), reader.rest()),
    TAIL: lambda reader: (reader.varint(), reader.varint(), reader.rest()),
    HAVE: lanes,
    NEED: lambda reader: None,
    END: lambda reader: (reader.varint(), reader.bytes(16)),
    DONE: lambda reader: None,
    PASSED: lambda reader: (reader.varint(), reader.bytes(16)),
}


def cursor_digest(frames: list[bytes]) -> bytes:
    digest = bytes(16)
    for frame in frames:
        digest = derive.derive("cursor", digest + derive.derive("frame", frame, 16), 16)
    return digest

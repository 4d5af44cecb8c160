"""§ 4: the body of a chunk."""

from dataclasses import dataclass

from . import derive, limits, refusal
from .reader import Reader, hashes, require_ascending
from .refusal import Refused

HEADS_ABSENT = "roster heads are absent at sequence 0"
PREVIOUS = "previous is not zeros at sequence 0"
OPENING_ABSENT = "lane opening is absent at sequence 0"
OPENING_LATE = "lane opening after sequence 0"
RETIRED_NOTHING = "nothing of a lane is retired"
LANE = "lane is not that of its opening"
NOTHING_ERASED = "erasures of nothing"
QUARANTINE = "quarantined sequences are not ascending"

CHANGES, STATEMENTS, OPENING, CLIENT_KEYS, DROPS, RETIRED, ERASURES, CARRIED = 1, 2, 3, 4, 5, 6, 7, 8


@dataclass
class Acknowledged:
    """An entry of the vector."""

    reference: int
    lane: bytes | None
    next: int
    hash: bytes
    quarantined: list[int]


@dataclass
class Body:
    lane: bytes
    heads: list[bytes] | None
    previous: bytes
    vector: list[Acknowledged]
    items: dict[int, bytes]
    signature: bytes
    leaf: bytes  # what leaf 0 is the hash of


def read(data: bytes) -> Body:
    if len(data) > limits.ENVELOPE:
        raise Refused(refusal.MAXIMUM)
    reader = Reader(data)
    lane, flags = reader.bytes(16), reader.u8()
    if flags & ~1:
        raise refusal.unknown("body flags")
    heads = hashes(reader, limits.HEADS) if flags else None
    previous = reader.bytes(16)
    vector = read_vector(reader)
    leaf = data[: reader.at]
    items, covered = read_items(reader)
    signature = reader.bytes(64)
    reader.end()
    return Body(lane, heads, previous, vector, items, signature, leaf + covered)


def read_vector(reader: Reader) -> list[Acknowledged]:
    entries = reader.list(limits.VECTOR, lambda: read_entry(reader))
    known = [entry.reference for entry in entries if entry.reference]
    if [entry.reference for entry in entries][: len(known)] != known:
        raise Refused(refusal.NOT_ASCENDING)  # a new lane before a known one
    require_ascending(known)
    require_ascending(entry.lane for entry in entries if entry.lane)
    return entries


def read_entry(reader: Reader) -> Acknowledged:
    reference = reader.varint()
    lane = None if reference else reader.bytes(16)
    following, position = reader.varint(), reader.bytes(8)
    if following >= 2**32:
        raise Refused(refusal.MAXIMUM)
    steps = reader.list(limits.QUARANTINED, reader.varint)
    if any(step == 0 for step in steps[1:]):
        raise Refused(QUARANTINE)
    quarantined = [sum(steps[: count + 1]) for count in range(len(steps))]
    if any(sequence >= 2**32 for sequence in quarantined):
        raise Refused(refusal.MAXIMUM)
    return Acknowledged(reference, lane, following, position, quarantined)


def read_items(reader: Reader) -> tuple[dict[int, bytes], bytes]:
    """The items, and the bytes of them that leaf 0 covers."""
    start = reader.at
    count = reader.varint()
    if count > limits.ITEMS:
        raise Refused(refusal.MAXIMUM)
    covered = reader.data[start : reader.at]
    items: dict[int, bytes] = {}
    for _ in range(count):
        start = reader.at
        kind = reader.varint()
        after_kind = reader.at
        blob = reader.blob()
        require_ascending([*items, kind])
        items[kind] = blob
        covered += reader.data[start : after_kind if kind == CHANGES else reader.at]
    return items, covered


@dataclass
class Opening:
    key: bytes
    incarnation: bytes


def opening(blob: bytes) -> Opening:
    reader = Reader(blob)
    found = Opening(reader.bytes(32), reader.bytes(8))
    reader.end()
    return found


def statements(blob: bytes) -> list[bytes]:
    reader = Reader(blob)
    found = reader.list(limits.STATEMENTS, reader.blob)
    reader.end()
    require_ascending(derive.derive("statement", one, 16) for one in found)
    return found


def client_keys(blob: bytes) -> list[tuple[bytes, bytes]]:
    reader = Reader(blob)
    found = reader.list(limits.DOCUMENTS, lambda: (reader.bytes(16), reader.bytes(32)))
    reader.end()
    require_ascending(document for document, _ in found)
    return found


def erasures(blob: bytes) -> list[bytes]:
    reader = Reader(blob)
    found = hashes(reader, limits.ERASURES)
    if not found:
        raise Refused(NOTHING_ERASED)
    reader.end()
    return found


def drops(blob: bytes) -> list[bytes]:
    """Those of items 5 and 8: what does not decode among them is passed over, and makes no body bad."""
    reader = Reader(blob)
    found = reader.list(limits.DROPS, reader.blob)
    reader.end()
    return found


def retired(blob: bytes) -> list[tuple[bytes, int]]:
    """Of each lane, the first sequence that no pack has."""
    reader = Reader(blob)
    found = reader.list(limits.RETIRED, lambda: (reader.bytes(16), reader.varint()))
    reader.end()
    require_ascending(lane for lane, _ in found)
    if not all(following for _, following in found):
        raise Refused(RETIRED_NOTHING)
    return found


def check_place(body: Body, sequence: int, space: bytes) -> Opening | None:
    """What sequence 0 must have, and what only it may have."""
    opened = opening(body.items[OPENING]) if OPENING in body.items else None
    if sequence > 0:
        if opened:
            raise Refused(OPENING_LATE)
        return None
    if opened is None:
        raise Refused(OPENING_ABSENT)
    if body.heads is None:
        raise Refused(HEADS_ABSENT)
    if any(body.previous):
        raise Refused(PREVIOUS)
    if body.lane != derive.lane(space, opened.key, opened.incarnation):
        raise Refused(LANE)
    return opened

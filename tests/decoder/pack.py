"""§ 3.5 to § 3.7: a pack's manifest and segments, and what a relay may drop."""

from dataclasses import dataclass, field

from . import changes, chunk, columns, derive, envelope, frame, limits, refusal, sign
from .automerge import Change
from .columns import Columns
from .reader import Reader, hashes, require_ascending
from .refusal import Refused
from .seal import open_sealed

AUTHOR = "an author is not in the list"
ORDER = "a part comes before one that it follows"
SEQUENCES = "sequences are not ascending"
RUN = "a run is empty"
RUNS = "runs do not make up their part"
BODIES = "bodies are not in the order of their parts"
ONE_BODY = "parts are not of one body"
NO_PART = "a body has no part"
WAY = "a proof is not a way to a root"
PART_SIGNATURE = "a part's signature does not verify"
MENTION = "a lane is not among the mentions"
TWICE = "a segment stands twice"
MANIFEST_SIGNATURE = "its signature is not good"

CHANGES, PROOFS, AUTHORS, CLIENT_KEYS, DROPS, ERASURES, CARRIED, LANES = 1, 2, 3, 4, 5, 7, 8, 9


def open_part(data: bytes, kind: int, space: bytes, key: bytes) -> bytes:
    reader = frame.begin(data, kind)
    length, nonce, hint = reader.integer(2), reader.bytes(24), reader.bytes(4)
    header = data[: reader.at]
    sealed = frame.body(reader, length)
    if hint != derive.keyed(derive.derive("pack hint key", key), nonce, 4):
        raise Refused(chunk.HINT)
    name = "pack manifest" if kind == frame.MANIFEST else "pack segment"
    associated = sign.message(name, space + derive.pack(space, key) + header)
    return envelope.read(open_sealed(derive.derive(f"{name} key", key), nonce, sealed, associated))


@dataclass
class Author:
    key: bytes
    incarnation: bytes
    rosters: list[tuple[int, list[bytes]]]


@dataclass
class Part:
    document: bytes
    author: int
    made: list[Change]


@dataclass
class Proof:
    """Where a part belongs: the sequences of its changes, the body, its leaf there."""

    runs: list[tuple[int, int]]
    body: int
    index: int

    def last(self) -> int | None:
        return self.runs[-1][0] if self.runs else None


@dataclass
class Body:
    signature: bytes
    count: int
    told: list[bytes]


@dataclass
class Segment:
    raw: bytes
    authors: list[Author] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    roots: list[bytes] = field(default_factory=list)


def segment(data: bytes, space: bytes) -> Segment:
    found, items = Segment(data), read_items(data)
    if AUTHORS in items:
        found.authors = whole(items[AUTHORS], lambda reader: reader.list(limits.PACK_AUTHORS, lambda: author(reader)))
        require_ascending((one.key, one.incarnation) for one in found.authors)
    if CHANGES in items:
        found.parts = parts(items[CHANGES], [derive.actor(space, one.key, one.incarnation) for one in found.authors])
    proofs, bodies = read_proofs(Reader(items.get(PROOFS, b"\x00")), found.parts)
    check_rest(items, found.authors, space)
    found.roots = roots(found, proofs, bodies, space)
    return found


def whole(data: bytes, read):
    reader = Reader(data)
    found = read(reader)
    reader.end()
    return found


def read_items(data: bytes) -> dict[int, bytes]:
    reader = Reader(data)
    items: dict[int, bytes] = {}
    count = reader.varint()
    if count > limits.ITEMS:
        raise Refused(refusal.MAXIMUM)
    for _ in range(count):
        kind = reader.varint()
        require_ascending([*items, kind])
        items[kind] = reader.blob(limits.ENVELOPE)
    reader.end()
    return items


def author(reader: Reader) -> Author:
    found = Author(reader.bytes(32), reader.bytes(8), [])
    found.rosters = reader.list(limits.VECTOR, lambda: (reader.varint(), hashes(reader, limits.HEADS)))
    require_ascending(start for start, _ in found.rosters)
    return found


def place(reader: Reader, count: int) -> int:
    """Which of the authors an entry is by."""
    found = reader.varint()
    if found > count:
        raise Refused(refusal.MAXIMUM)
    if found == count:
        raise Refused(AUTHOR)
    return found


def parts(item: bytes, actors: list[bytes]) -> list[Part]:
    if not actors:
        raise Refused(AUTHOR)
    source = Columns(item, actors[0], alone=False)
    found: list[Part] = []
    ends: dict[tuple[bytes, int], int] = {}
    for _ in range(bounded(source.documents.varint(), limits.DOCUMENTS)):
        document, by = source.documents.bytes(16), place(source.documents, len(actors))
        source.author = actors[by]
        count = bounded(source.documents.varint(), limits.OPERATIONS)
        if count == 0:
            raise Refused(columns.NO_CHANGE)
        made = changes.DocumentReader(source, None, in_the_middle=True).read(count)
        if ends.get((document, by), 0) >= made[0].sequence:
            raise Refused(ORDER)
        ends[document, by] = made[-1].sequence
        found.append(Part(document, by, made))
    source.end()
    return found


def bounded(value: int, most: int) -> int:
    if value > most:
        raise Refused(refusal.MAXIMUM)
    return value


def read_proofs(reader: Reader, found: list[Part]) -> tuple[list[Proof], list[Body]]:
    bodies = reader.list(limits.DOCUMENTS, lambda: body(reader))
    proofs = [proof(reader, part) for part in found]
    reader.end()
    groups: list[list[int]] = []
    for at, one in enumerate(proofs):
        if one.body > len(groups):
            raise Refused(BODIES)
        if one.body == len(groups):
            groups.append([])
        groups[one.body].append(at)
        check_group(groups[one.body], found, proofs)
    if len(groups) != len(bodies):
        raise Refused(NO_PART)
    for group, one in zip(groups, bodies):
        leaves = {proofs[at].index for at in group}
        if len(needed(leaves, one.count)) != len(one.told) or not all(0 < leaf < one.count for leaf in leaves):
            raise Refused(WAY)
    return proofs, bodies


def body(reader: Reader) -> Body:
    signature, count = reader.bytes(64), bounded(reader.varint(), limits.DOCUMENTS + 1)
    return Body(signature, count, reader.list(limits.DOCUMENTS + 1, lambda: reader.bytes(32)))


def proof(reader: Reader, part: Part) -> Proof:
    runs: list[tuple[int, int]] = []
    for _ in range(bounded(reader.varint(), limits.OPERATIONS)):
        sequence = step(reader, runs[-1][0] if runs else None)
        count = bounded(reader.varint(), limits.OPERATIONS)
        if count == 0:
            raise Refused(RUN)
        runs.append((sequence, count))
    if sum(count for _, count in runs) != len(part.made):
        raise Refused(RUNS)
    return Proof(runs, bounded(reader.varint(), limits.DOCUMENTS), reader.varint())


def step(reader: Reader, last: int | None) -> int:
    """The first absolute, then differences of at least 1."""
    found = reader.varint()
    if last is None:
        return found
    if found == 0:
        raise Refused(SEQUENCES)
    return last + found


def steps(reader: Reader) -> list[int]:
    found: list[int] = []
    for _ in range(bounded(reader.varint(), limits.QUARANTINED)):
        found.append(step(reader, found[-1] if found else None))
    return found


def check_group(group: list[int], found: list[Part], proofs: list[Proof]) -> None:
    """Parts of one body: of one author and sequence, each with a leaf of its own, each from its first change on."""
    if len(group) == 1:
        return
    same = {(found[at].author, proofs[at].last()) for at in group}
    begin = all(found[at].made[0].sequence == 1 for at in group)
    if len(same) > 1 or not begin or len({proofs[at].index for at in group}) < len(group):
        raise Refused(ONE_BODY)


def needed(leaves: set[int], count: int) -> list[tuple[int, int]]:
    """(level, place) of the nodes that have to be told with some leaves."""
    found, level = [], 0
    while count > 1:
        sisters = [leaf ^ 1 for leaf in sorted(leaves)]
        found += [(level, sister) for sister in sisters if sister < count and sister not in leaves]
        leaves = {leaf // 2 for leaf in leaves}
        count, level = -(-count // 2), level + 1
    return found


def roots(found: Segment, proofs: list[Proof], bodies: list[Body], space: bytes) -> list[bytes]:
    """The root that each part leads to, which its author must have signed."""
    key = derive.derive("tree", space)
    signed = []
    for number, one in enumerate(bodies):
        group = [at for at, proof in enumerate(proofs) if proof.body == number]
        nodes = dict(zip(needed({proofs[at].index for at in group}, one.count), one.told))
        for at in group:
            part = found.parts[at]
            if part.made[0].sequence > 1:
                raise Refused(refusal.MISSING)
            nodes[0, proofs[at].index] = derive.keyed(key, b"\x01" + part.document + part.made[-1].hash())
        signed.append(climb(key, nodes, one.count))
    for part, proof in zip(found.parts, proofs):
        by = found.authors[part.author]
        lane = derive.lane(space, by.key, by.incarnation)
        data = space + lane + proof.last().to_bytes(4, "little") + signed[proof.body]
        sign.verify(by.key, "body", data, bodies[proof.body].signature, PART_SIGNATURE)
    return [signed[proof.body] for proof in proofs]


def climb(key: bytes, nodes: dict[tuple[int, int], bytes], count: int) -> bytes:
    level = 0
    while count > 1:
        for left in range(0, count, 2):
            pair = [nodes.get((level, at)) for at in (left, left + 1)]
            if all(pair):
                nodes.setdefault((level + 1, left // 2), derive.keyed(key, b"\x02" + pair[0] + pair[1]))
            elif pair[0] and left + 1 == count:
                nodes.setdefault((level + 1, left // 2), pair[0])
        count, level = -(-count // 2), level + 1
    return nodes[level, 0]


def check_rest(items: dict[int, bytes], authors: list[Author], space: bytes) -> None:
    count = len(authors)
    if CLIENT_KEYS in items:
        entry = lambda reader: (reader.bytes(16), place(reader, count), reader.varint(), reader.bytes(32))
        found = whole(items[CLIENT_KEYS], lambda reader: reader.list(limits.DOCUMENTS, lambda: entry(reader)))
        require_ascending(document for document, *_ in found)
    if ERASURES in items:
        entry = lambda reader: (reader.bytes(16), place(reader, count), reader.varint())
        require_ascending(whole(items[ERASURES], lambda reader: reader.list(limits.DOCUMENTS, lambda: entry(reader))))
    for kind in (DROPS, CARRIED):
        if kind in items:
            entry = lambda reader: (place(reader, count), reader.varint(), reader.blob(limits.FRAME))
            whole(items[kind], lambda reader: reader.list(limits.DOCUMENTS, lambda: entry(reader)))
    if LANES in items:
        whole(items[LANES], lambda reader: reader.list(limits.PACK_AUTHORS, lambda: lane_end(reader, count)))


def lane_end(reader: Reader, authors: int) -> None:
    place(reader, authors), reader.varint(), reader.bytes(16)
    mentions = reader.list(limits.VECTOR, lambda: bounded(reader.varint(), authors) or reader.bytes(16))
    said = reader.list(len(mentions), lambda: said_of(reader, len(mentions)))
    require_ascending(said)
    steps(reader)
    passed = reader.list(limits.DOCUMENTS, lambda: (reader.bytes(16), reader.varint(), reader.bytes(32)))
    require_ascending(document for document, *_ in passed)


def said_of(reader: Reader, mentions: int) -> int:
    found = reader.varint()
    if not 0 < found <= mentions:
        raise Refused(MENTION)
    reader.varint(), reader.bytes(8), steps(reader)
    return found


@dataclass
class Manifest:
    signer: bytes
    heads: list[bytes]
    documents: int
    segments: list[bytes]


def manifest(data: bytes, space: bytes, pack: bytes) -> Manifest:
    reader = Reader(data)
    found = Manifest(reader.bytes(32), hashes(reader, limits.HEADS), reader.varint(), [])
    found.segments = reader.list(limits.PACK_SEGMENTS, lambda: reader.bytes(16))
    if len(set(found.segments)) != len(found.segments):
        raise Refused(TWICE)
    content = data[: reader.at]
    signature = reader.bytes(64)
    reader.end()
    sign.verify(found.signer, "pack", space + pack + content, signature, MANIFEST_SIGNATURE)
    return found


@dataclass
class Retire:
    preimage: bytes
    lanes: list[tuple[bytes, int]]
    frames: list[bytes]


def retire(data: bytes) -> Retire:
    reader = frame.begin(data, frame.RETIRE)
    preimage = reader.bytes(32)
    lanes = reader.list(limits.VECTOR, lambda: (reader.bytes(8), reader.varint()))
    require_ascending(tag for tag, _ in lanes)
    found = Retire(preimage, lanes, hashes(reader, limits.RETIRED_FRAMES))
    reader.end()
    return found

"""§ 5: the twelve columns of a changes item, and the reading of numbers, words and op ids out of them."""

from pathlib import Path

from . import limits, refusal
from .reader import Reader, require_ascending
from .refusal import Refused

COLUMN_LEFT = "a column is not used up"
ORDER = "a table is not in order of first use"
BEYOND = "a place is not in its table"
TWICE = "a table has an entry twice"
UNUSED = "a table has an entry that nothing uses"
NO_CHANGE = "a document has no change"
OP_ID = "an op id is 0"
WORD = "waits for a word"
SHAPE = "a shape is not given, or needlessly"
DECIMAL_KEY, FIRST_WORD = 1, 4
NAMES = "documents changes hashes actors shapes objects keys numbers bytes texts predecessors counts".split()
WORDS = (Path(__file__).parents[2] / "fixtures" / "words.txt").read_text().splitlines()


def word(index: int) -> str:
    if index >= len(WORDS):
        raise Refused(WORD)
    return WORDS[index]


class FirstUse:
    """A table whose entries must be used in their order, the first time."""

    def __init__(self, entries: list[bytes], others: tuple[bytes, ...] = ()) -> None:
        self.entries, self.used = entries, 0
        if len({*entries, *others}) != len(entries) + len(others):
            raise Refused(TWICE)

    def take(self, number: int) -> bytes:
        """`number` counts from 1."""
        if number > self.used + 1:
            raise Refused(ORDER)
        if number > len(self.entries):
            raise Refused(BEYOND)
        self.used = max(self.used, number)
        return self.entries[number - 1]

    def end(self) -> None:
        if self.used < len(self.entries):
            raise Refused(UNUSED)


class Columns:
    """All twelve, each with its own reader."""

    def __init__(self, item: bytes, author: bytes) -> None:
        reader = Reader(item)
        blobs = {name: Reader(reader.blob()) for name in NAMES}
        reader.end()
        self.documents, self.changes = blobs["documents"], blobs["changes"]
        self.shapes, self.objects, self.keys = blobs["shapes"], blobs["objects"], blobs["keys"]
        self.numbers, self.bytes, self.texts = blobs["numbers"], blobs["bytes"], blobs["texts"]
        self.predecessors, self.counts = blobs["predecessors"], blobs["counts"]
        self.shape_of: dict[int, tuple[int, int]] = {}
        self.usual_left: int | None = None
        self.author = author
        self.hashes = FirstUse(pieces(blobs["hashes"], 32))
        self.actors = FirstUse(pieces(blobs["actors"], 16), (author,))

    def actor(self, number: int) -> bytes:
        return self.actors.take(number) if number else self.author

    def shape(self, key: int) -> tuple[int, int]:
        """The two bytes of an operation with this key number: the usual ones, or those that the column gives."""
        if self.usual_left is None and self.shapes.left():
            self.usual_left = self.shapes.varint()
        usual = self.shape_of.get(key) or first_shape(key)
        if self.usual_left == 0:
            self.usual_left = None
            given = self.shapes.u8(), self.shapes.u8()
            if given == usual:
                raise Refused(SHAPE)
        else:
            self.usual_left = None if self.usual_left is None else self.usual_left - 1
            if usual is None:
                raise Refused(SHAPE)
            given = usual
        self.shape_of[key] = given
        return given

    def object_id(self) -> tuple[int, bytes]:
        return self.op_id(self.objects)

    def op_id(self, reader: Reader) -> tuple[int, bytes]:
        counter, number = reader.varint(), reader.varint()
        return checked(counter, OP_ID), self.actor(number)

    def end(self) -> None:
        readers = [self.documents, self.changes, self.shapes, self.objects, self.keys]
        readers += [self.numbers, self.bytes, self.texts, self.predecessors, self.counts]
        self.hashes.end()
        self.actors.end()
        if self.usual_left is not None or any(reader.left() for reader in readers):
            raise Refused(COLUMN_LEFT)


def is_line(key: int) -> bool:
    return 0 <= key - FIRST_WORD < len(WORDS) and WORDS[key - FIRST_WORD][:2] in ("o.", "f.", "i.")


def first_shape(key: int) -> tuple[int, int] | None:
    if key == DECIMAL_KEY:
        return 0x00, 0x00
    if is_line(key):
        return 0x11, 0x05
    if 0 <= key - FIRST_WORD < len(WORDS) and WORDS[key - FIRST_WORD].startswith("v."):
        return 0x11, 0x03
    return None


def checked(counter: int, zero: str) -> int:
    """A counter or a sequence: from 1, below 2³⁰."""
    if counter >= limits.COUNTER:
        raise Refused(refusal.MAXIMUM)
    if counter < 1:
        raise Refused(zero)
    return counter


def pieces(reader: Reader, width: int) -> list[bytes]:
    found = []
    while reader.left():
        found.append(reader.bytes(width))
    return found


def documents(reader: Reader, most: int) -> list[tuple[bytes, int]]:
    """Column 0: the documents and how many changes each has."""
    found = reader.list(most, lambda: (reader.bytes(16), reader.varint()))
    if reader.left():
        raise Refused(COLUMN_LEFT)
    require_ascending(document for document, _ in found)
    if any(count == 0 for _, count in found):
        raise Refused(NO_CHANGE)
    return found

"""§ 5: the eleven columns of a changes item, and the reading of numbers, words and op ids out of them."""

from pathlib import Path

from . import refusal
from .reader import Reader, require_ascending
from .refusal import Refused

COLUMN_LEFT = "a column is not used up"
ACTOR = "an actor is not in order of first use"
HASH = "a hash is not in order of first use"
WORD = "waits for a word"
COUNTER = "a counter is too large"
NAMES = "documents changes hashes actors shapes objects keys numbers bytes texts predecessors".split()
WORDS = (Path(__file__).parents[2] / "fixtures" / "words.txt").read_text().splitlines()


def word(index: int) -> str:
    if index >= len(WORDS):
        raise Refused(WORD)
    return WORDS[index]


class FirstUse:
    """A table whose entries must be used in their order, the first time."""

    def __init__(self, entries: list[bytes], reason: str) -> None:
        self.entries, self.reason, self.used = entries, reason, 0
        if len(set(entries)) != len(entries):
            raise Refused(reason)

    def take(self, number: int) -> bytes:
        """`number` counts from 1."""
        if number > self.used + 1 or number > len(self.entries):
            raise Refused(self.reason)
        self.used = max(self.used, number)
        return self.entries[number - 1]

    def end(self) -> None:
        if self.used < len(self.entries):
            raise Refused(COLUMN_LEFT)


class Columns:
    """All eleven, each with its own reader."""

    def __init__(self, item: bytes, author: bytes) -> None:
        reader = Reader(item)
        blobs = {name: Reader(reader.blob()) for name in NAMES}
        reader.end()
        self.documents, self.changes = blobs["documents"], blobs["changes"]
        self.shapes, self.objects, self.keys = blobs["shapes"], blobs["objects"], blobs["keys"]
        self.numbers, self.bytes, self.texts = blobs["numbers"], blobs["bytes"], blobs["texts"]
        self.predecessors = blobs["predecessors"]
        self.author = author
        self.hashes = FirstUse(pieces(blobs["hashes"], 32), HASH)
        actors = pieces(blobs["actors"], 16)
        self.actors = FirstUse(actors, ACTOR)
        if author in actors:
            raise Refused(ACTOR)

    def actor(self, number: int) -> bytes:
        return self.actors.take(number) if number else self.author

    def object_id(self) -> tuple[int, bytes]:
        return self.op_id(self.objects)

    def op_id(self, reader: Reader) -> tuple[int, bytes]:
        counter, number = reader.varint(), reader.varint()
        return checked(counter), self.actor(number)

    def end(self) -> None:
        readers = [self.documents, self.changes, self.shapes, self.objects, self.keys]
        readers += [self.numbers, self.bytes, self.texts, self.predecessors]
        if any(reader.left() for reader in readers):
            raise Refused(COLUMN_LEFT)
        self.hashes.end()
        self.actors.end()


def checked(counter: int) -> int:
    """A counter or a sequence: from 1, below 2³⁰."""
    if not 0 < counter < 2**30:
        raise Refused(COUNTER)
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
        raise Refused("a document without changes")
    return found

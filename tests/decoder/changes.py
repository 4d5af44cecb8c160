"""§ 5: item 1, from eleven columns to Automerge's changes."""

from dataclasses import dataclass, field

from . import columns, limits, operation, refusal
from .automerge import Change
from .columns import Columns, checked
from .operation import Place
from .refusal import Refused

NONE_BEFORE = "a first change names one before it"
ZERO = "a sequence or start op is 0"
TWICE = "a dependency stands twice"
REPEATED = "a change sequence is repeated"


@dataclass
class History:
    """What is known of an author before: the last change of each document, with its sequence."""

    last: dict[bytes, tuple[int, bytes]] = field(default_factory=dict)


def read(item: bytes, author: bytes, history: History | None = None) -> dict[bytes, list[Change]]:
    """The changes of each document, in order."""
    source = Columns(item, author)
    known = (history or History()).last
    found = {}
    for document, count in columns.documents(source.documents, limits.DOCUMENTS):
        found[document] = DocumentReader(source, known.get(document)).read(count)
    source.end()
    return found


class DocumentReader:
    """Reads the changes of one document one after another."""

    def __init__(self, source: Columns, before: tuple[int, bytes] | None, in_the_middle: bool = False) -> None:
        self.source, self.place, self.in_the_middle = source, Place(), in_the_middle
        self.sequence, self.hash = before or (0, None)
        self.next_start: int | None = None

    def read(self, count: int) -> list[Change]:
        known = self.hash is not None
        return [self.change(first=index == 0, known=known) for index in range(count)]

    def change(self, first: bool, known: bool) -> Change:
        reader = self.source.changes
        sequence = checked(reader.varint() if first else self.sequence + 1, ZERO)
        if not known and first and sequence > 1 and not self.in_the_middle:
            raise Refused(refusal.MISSING)
        if known and sequence <= self.sequence:
            raise Refused(REPEATED)
        start = checked(reader.varint() if first else self.next_start + reader.zigzag(), ZERO)
        dependencies = reader.list(limits.DEPENDENCIES, lambda: self.dependency(reader.varint(), sequence))
        if len(set(dependencies)) != len(dependencies):
            raise Refused(TWICE)
        length = reader.varint()
        if length > limits.OPERATIONS:
            raise Refused(refusal.MAXIMUM)
        if start + length - 1 >= limits.COUNTER:
            raise Refused(refusal.MAXIMUM)
        operations = [self.operation(start + index) for index in range(length)]
        change = Change(self.source.author, sequence, start, dependencies, operations)
        self.sequence, self.hash, self.next_start = sequence, change.hash(), start + length
        return change

    def operation(self, counter: int) -> operation.Operation:
        return operation.read(self.source, self.place, (counter, self.source.author))

    def dependency(self, number: int, sequence: int) -> bytes:
        if number:
            return self.source.hashes.take(number)
        if self.hash is None and self.in_the_middle and sequence > 1:
            return bytes(32)  # whoever needs its hash has to know what was before
        if self.hash is None:
            raise Refused(NONE_BEFORE if sequence == 1 else refusal.MISSING)
        return self.hash


def last_changes(changes: dict[bytes, list[Change]]) -> dict[bytes, bytes]:
    return {document: made[-1].hash() for document, made in changes.items()}

"""§ 4.1: a note, and the drop that brings it into another space."""

from dataclasses import dataclass

from nacl.bindings import crypto_scalarmult_base

from . import changes, columns, derive, document, envelope, hpke, limits, refusal, sign
from .automerge import Change
from .reader import Reader
from .refusal import Refused

KEY = "its key is another generation's"
SIGNATURE = "a note's signature does not verify"
NOT_ONE = "a note's changes are not those of one new document"
LENGTH = "length is wrong"
UNNAMED = bytes(16)
NO_OUTING = "a note is no outing"
OUTING = (6, b"outing")  # Automerge's type code of a string


@dataclass
class Note:
    raw: bytes
    author: bytes
    salt: bytes
    signature: bytes
    changes: bytes

    def verify(self, home: bytes, target: bytes) -> None:
        data = home + target + self.salt + self.changes
        sign.verify(self.author, "note", data, self.signature, SIGNATURE)

    def id(self, home: bytes, target: bytes) -> bytes:
        return derive.note(home, target, self.author, self.salt, self.changes)

    def rebuilt(self, actor: bytes) -> list[Change]:
        """The changes of the one document that it begins, by the note's own actor."""
        check_one(self.changes, actor)
        try:
            found = changes.read(self.changes, actor)
        except Refused as refused:  # what it waits for would be before the first change, where nothing ever is
            raise (Refused(NOT_ONE) if refused.reason == refusal.MISSING else refused) from refused
        document.accept(found)
        if not is_outing(found[UNNAMED]):
            raise Refused(NO_OUTING)
        return found[UNNAMED]


def is_outing(made: list[Change]) -> bool:
    """Whether the type that its one author said last is that of an outing (§ 11)."""
    said = [one for change in made for one in change.operations if one.object is None and one.key == "t"]
    return bool(said) and said[-1].value == OUTING


def check_one(item: bytes, actor: bytes) -> None:
    try:
        source = columns.Columns(item, actor)
        named = columns.documents(source.documents, limits.DOCUMENTS)
    except Refused as refused:
        raise Refused(NOT_ONE) from refused
    if [name for name, _ in named] != [UNNAMED] or source.hashes.entries:
        raise Refused(NOT_ONE)


def read(reader: Reader) -> Note:
    start = reader.at
    author, salt, signature, item = reader.bytes(32), reader.bytes(16), reader.bytes(64), reader.blob(limits.NOTE)
    return Note(reader.data[start : reader.at], author, salt, signature, item)


@dataclass
class Drop:
    target: bytes
    key: bytes
    encapsulated: bytes
    sealed: bytes

    def id(self) -> bytes:
        return derive.drop(self.target, self.key, self.encapsulated, self.sealed)

    def open(self, secret: bytes, home: bytes) -> Note:
        if self.key != crypto_scalarmult_base(secret):
            raise Refused(KEY)
        info = sign.message("drop", self.target + self.key)
        found = padded(hpke.open_one(secret, self.encapsulated, self.sealed, info, home))
        found.verify(home, self.target)
        return found


def read_drop(data: bytes) -> Drop:
    reader = Reader(data)
    found = Drop(reader.bytes(16), reader.bytes(32), reader.bytes(32), reader.blob(limits.DROP))
    reader.end()
    return found


def padded(plaintext: bytes) -> Note:
    reader = Reader(plaintext)
    found = read(reader)
    envelope.end_of_block(reader, plaintext, LENGTH)
    return found

"""§ 4.1: a carried drop: a note, and the statements that introduce its author to those who do not know its space."""

from dataclasses import dataclass

from . import derive, limits, note, refusal, statement
from .note import Note
from .reader import Reader, require_ascending
from .refusal import Refused
from .standing import ADMIN
from .statement import ADD_DEVICE, RENEW_DEVICE, REPLACE_ROOT, SET_ROLE, Statement

STRANGER = "a note's author is not shown to be a member who may write"
WRITERS = range(1, 5)  # roles that may write records


@dataclass
class Carried:
    root: bytes
    note: Note
    statements: list[bytes]

    @property
    def home(self) -> bytes:
        return derive.space(self.root)

    def check(self, target: bytes) -> None:
        self.note.verify(self.home, target)
        if not Introduction(self.root, self.statements).roles(self.note.author) & set(WRITERS):
            raise Refused(STRANGER)


def read(data: bytes) -> Carried:
    reader = Reader(data)
    found = Carried(reader.bytes(32), note.read(reader), reader.list(limits.INTRODUCING, reader.blob))
    if sum(map(len, found.statements)) > limits.INTRODUCTION:
        raise Refused(refusal.MAXIMUM)
    reader.end()
    require_ascending(derive.derive("statement", one, 16) for one in found.statements)
    return found


class Introduction:
    """What some statements of a space say to whoever knows its first root key alone. If one of them is bad, nobody is introduced."""

    def __init__(self, root: bytes, statements: list[bytes]) -> None:
        self.roots = {root}
        self.given: dict[bytes, set[int]] = {}  # roles, by the device that they were given to
        self.before: dict[bytes, set[bytes]] = {}  # the keys that a key was renewed from
        left = [readable(data, derive.space(root)) for data in statements]
        while counting := [one for one in left if self.counts(one)]:
            for one in counting:
                self.take(one)
                left.remove(one)

    def counts(self, one: Statement) -> bool:
        if one.kind == RENEW_DEVICE or one.signer in self.roots:
            return True
        return one.kind != REPLACE_ROOT and ADMIN in self.roles(one.signer)

    def take(self, one: Statement) -> None:
        if one.kind == REPLACE_ROOT:
            self.roots.add(one.key)
        elif one.kind == RENEW_DEVICE:
            self.before.setdefault(one.key, set()).add(one.signer)
        elif one.kind in (ADD_DEVICE, SET_ROLE):
            device = one.device or derive.device(one.key)
            self.given.setdefault(device, set()).add(one.role)

    def roles(self, key: bytes) -> set[int]:
        """Those given to a key, or to one that it was renewed from."""
        line, new = set(), {key}
        while new:
            line |= new
            new = set().union(*(self.before.get(one, set()) for one in new)) - line
        return set().union(*(self.given.get(derive.device(one), set()) for one in line))


def readable(data: bytes, space: bytes) -> Statement:
    try:
        return statement.read(data, space)
    except Refused as refused:
        raise Refused(STRANGER) from refused

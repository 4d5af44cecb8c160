"""Automerge's change format: a change is written as its author's Automerge wrote it, and hashed."""

import hashlib
from dataclasses import dataclass

from .operation import Operation, signed
from .reader import varint

MAGIC = bytes.fromhex("856f4a83")
CHANGE = b"\x01"


@dataclass
class Change:
    actor: bytes
    sequence: int
    start: int
    dependencies: list[bytes]
    operations: list[Operation]

    def encoded(self) -> bytes:
        body = self.content()
        framed = CHANGE + varint(len(body)) + body
        return MAGIC + hashlib.sha256(framed).digest()[:4] + framed

    def hash(self) -> bytes:
        return hashlib.sha256(self.encoded()[8:]).digest()

    def others(self) -> list[bytes]:
        """Actors other than the author, ascending."""
        named = {id[1] for operation in self.operations for id in named_ids(operation)}
        return sorted(named - {self.actor})

    def content(self) -> bytes:
        others = self.others()
        out = varint(len(self.dependencies)) + b"".join(sorted(self.dependencies))
        out += varint(len(self.actor)) + self.actor + varint(self.sequence) + varint(self.start)
        out += signed(0) + varint(0)  # time, message
        out += varint(len(others)) + b"".join(varint(len(one)) + one for one in others)
        columns = [(spec, data) for spec, data in self.columns([self.actor, *others]) if data]
        out += varint(len(columns))
        out += b"".join(varint(spec) + varint(len(data)) for spec, data in columns)
        return out + b"".join(data for _, data in columns)

    def columns(self, actors: list[bytes]) -> list[tuple[int, bytes]]:
        """Each column with its specification, ascending."""
        place = {actor: index for index, actor in enumerate(actors)}
        operations = self.operations
        objects = [operation.object for operation in operations]
        keys = [operation.key for operation in operations]
        elements = [key if isinstance(key, tuple) else None for key in keys]
        counters = [0 if key is None else key[0] if isinstance(key, tuple) else None for key in keys]
        names = [key if isinstance(key, str) else None for key in keys]
        metadata = [len(data) << 4 | code for code, data in (operation.value for operation in operations)]
        predecessors = [id for operation in operations for id in operation.predecessors]
        return [
            (0x01, runs([id and place[id[1]] for id in objects], varint)),
            (0x02, runs([id and id[0] for id in objects], varint)),
            (0x11, runs([id and place[id[1]] for id in elements], varint)),
            (0x13, deltas(counters)),
            (0x15, runs(names, string)),
            (0x34, booleans([operation.insert for operation in operations])),
            (0x42, runs([operation.action for operation in operations], varint)),
            (0x56, runs(metadata, varint)),
            (0x57, b"".join(operation.value[1] for operation in operations)),
            (0x70, runs([len(operation.predecessors) for operation in operations], varint)),
            (0x71, runs([place[id[1]] for id in predecessors], varint)),
            (0x73, deltas([id[0] for id in predecessors])),
        ]


def named_ids(operation: Operation) -> list[tuple[int, bytes]]:
    found = list(operation.predecessors)
    if operation.object is not None:
        found.append(operation.object)
    if isinstance(operation.key, tuple):
        found.append(operation.key)
    return found


def string(text: str) -> bytes:
    return varint(len(text.encode())) + text.encode()


def runs(values: list, write) -> bytes:
    """Run-length encoding: a run of one value, a stretch of single ones, or a run of absent ones. All absent: nothing."""
    if all(value is None for value in values):
        return b""
    out, literal = b"", []
    for value, count in grouped(values):
        if value is not None and count == 1:
            literal.append(value)
            continue
        out += stretch(literal, write)
        literal = []
        out += signed(0) + varint(count) if value is None else signed(count) + write(value)
    return out + stretch(literal, write)


def stretch(literal: list, write) -> bytes:
    return signed(-len(literal)) + b"".join(map(write, literal)) if literal else b""


def grouped(values: list) -> list[tuple[object, int]]:
    groups: list[list] = []
    for value in values:
        if groups and groups[-1][0] == value:
            groups[-1][1] += 1
        else:
            groups.append([value, 1])
    return [(value, count) for value, count in groups]


def deltas(values: list[int | None]) -> bytes:
    before, steps = 0, []
    for value in values:
        steps.append(None if value is None else value - before)
        before = before if value is None else value
    return runs(steps, signed)


def booleans(values: list[bool]) -> bytes:
    """Lengths of alternating runs, the first of `False`."""
    out, current, count = b"", False, 0
    for value in values:
        if value != current:
            out, current, count = out + varint(count), value, 0
        count += 1
    return out + varint(count) if values else b""

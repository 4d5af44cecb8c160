"""§ 6.3: epoch statements, and which of them stand."""

import contextlib
from dataclasses import dataclass

from . import derive, limits, sign
from .reader import Reader, hashes
from .refusal import Refused
from .roster import Roster
from .standing import ADMIN, KNOWN_ROLES, Standing
from .statement import REPLACE_ROOT

HEADS = "a head is not of the roster"
MINTER = "its minter may not mint"
TOO_DEEP = "is deeper than epochs get"
WAITS = "waits for a parent"
TURNS = "a parent has a turn that it lacks"
DEPTH = "depth is wrong"
NOT_CALLED = "not called for"
GENERATION = "generation is wrong"


@dataclass
class Epoch:
    raw: bytes
    id: bytes
    generation: bytes
    depth: int
    heads: list[bytes]
    parents: list[bytes]
    minter: bytes
    signature: bytes
    hash: bytes


def read(data: bytes, space: bytes) -> Epoch:
    reader = Reader(data)
    id, generation, depth = reader.bytes(16), reader.bytes(16), reader.varint()
    heads, parents = hashes(reader, limits.HEADS), hashes(reader, limits.EPOCH_PARENTS)
    minter = reader.bytes(32)
    signed = data[: reader.at]
    signature = reader.bytes(64)
    reader.end()
    sign.verify(minter, "epoch", space + signed, signature)
    if depth > limits.EPOCH_DEPTH:
        raise Refused(TOO_DEEP)
    hash = derive.derive("epoch statement", data, 16)
    return Epoch(data, id, generation, depth, heads, parents, minter, signature, hash)


@dataclass
class Judged:
    """What the past of an epoch's heads says."""

    view: Standing
    turns: set[tuple[int, bytes]]
    may_rotate: bool


class Ledger:
    """The epochs that stand, by the statements of one roster."""

    def __init__(self, roster: Roster) -> None:
        self.roster = roster
        self.standing: dict[bytes, Epoch] = {}
        self.judged: dict[bytes, Judged] = {}

    def add(self, data: bytes, anchor: bool = False) -> Epoch:
        one = read(data, self.roster.space)
        judged = self.judge(one)
        if not one.parents:
            self.check_first(one, judged)
        elif all(parent in self.standing for parent in one.parents):
            self.check_child(one, judged)
        elif not anchor:
            raise Refused(WAITS)
        self.standing[one.hash], self.judged[one.hash] = one, judged
        return one

    def add_all(self, data: list[bytes]) -> None:
        """Takes what an invitation brings, parents first: an epoch whose parents it does not bring is an anchor."""
        read_ones = sorted((read(one, self.roster.space) for one in data), key=lambda one: (one.depth, one.hash))
        brought = {one.hash for one in read_ones}
        for one in read_ones:
            with contextlib.suppress(Refused):
                self.add(one.raw, anchor=not brought.issuperset(one.parents))

    def judge(self, one: Epoch) -> Judged:
        if any(head not in self.roster.all for head in one.heads):
            raise Refused(HEADS)
        past = self.roster.past_of_heads(one.heads)
        view = self.roster.view(past)
        minter = view.member_of_key(one.minter)
        if minter is None or minter.role not in KNOWN_ROLES:
            raise Refused(MINTER)
        return Judged(view, turns(view), minter.may_rotate)

    def check_first(self, one: Epoch, judged: Judged) -> None:
        if one.depth != 0:
            raise Refused(DEPTH)
        if judged.view.member_of_key(one.minter).role != ADMIN:
            raise Refused(MINTER)
        if one.generation != one.id:
            raise Refused(GENERATION)

    def check_child(self, one: Epoch, judged: Judged) -> None:
        parents = [self.standing[parent] for parent in one.parents]
        if any(not self.judged[parent.hash].turns <= judged.turns for parent in parents):
            raise Refused(TURNS)
        if one.depth != 1 + max(parent.depth for parent in parents):
            raise Refused(DEPTH)
        if not (judged.may_rotate or all(self.outdated(parent, judged) for parent in parents)):
            raise Refused(NOT_CALLED)
        same = [one for one in parents if len(self.judged[one.hash].turns) == len(judged.turns)]
        expected = min(same, key=self.rank).generation if same else one.id
        if one.generation != expected:
            raise Refused(GENERATION)

    def outdated(self, parent: Epoch, judged: Judged) -> bool:
        """Whether a parent lacks an attacker, or a new root, that stands by the past of the child's heads."""
        seen = set(self.judged[parent.hash].view.all)
        needed = judged.view.standing + judged.view.roots.replacements
        return any(one.hash not in seen for one in needed)

    def rank(self, one: Epoch) -> tuple[int, bool, int, bytes]:
        """The order of R1; the best is the least."""
        judged = self.judged[one.hash]
        return -len(judged.turns), not judged.may_rotate, -one.depth, one.hash


def turns(view: Standing) -> set[tuple[int, bytes]]:
    found = set()
    for one in view.all.values():
        if one.is_attacker():
            found.add((one.kind, one.device))
        elif one.kind == REPLACE_ROOT:
            found.add((one.kind, one.key))
    return found

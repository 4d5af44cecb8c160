"""§ 6.1: the graph of statements: what belongs to it, what is whose past."""

from . import derive, statement
from .lines import Lines
from .refusal import Refused
from .standing import Standing
from .statement import REPLACE_ROOT, Statement

NO_PARENTS = "only the first root may have no parents"
WAITS = "waits for a parent"
SIGNER = "is not its signer's to make"
KEY_USED = "its key was there before"
DEVICE = "it names no device"


class Roster:
    def __init__(self, root: bytes) -> None:
        self.root, self.space = root, derive.space(root)
        self.all: dict[bytes, Statement] = {}
        self.pasts: dict[bytes, set[bytes]] = {}

    def past(self, hash: bytes) -> set[bytes]:
        return self.pasts[hash]

    def past_of_heads(self, heads: list[bytes]) -> set[bytes]:
        return set(heads).union(*(self.past(head) for head in heads))

    def add(self, data: bytes) -> Statement:
        """Adds a statement that belongs here."""
        one = statement.read(data, self.space)
        if any(parent not in self.all for parent in one.parents):
            raise Refused(WAITS)
        past = self.past_of_heads(one.parents)
        self.judge(one, self.view(past))
        self.all[one.hash], self.pasts[one.hash] = one, past
        return one

    def judge(self, one: Statement, before: Standing) -> None:
        if not one.parents and one.signer != self.root:
            raise Refused(NO_PARENTS)
        if not before.may_sign(one.signer, one.kind):
            raise Refused(SIGNER)
        lines = Lines(before.all.values(), before.roots.keys)
        made = {other.key for other in before.all.values() if other.kind == REPLACE_ROOT}
        if one.key is not None and one.key in lines.keys | made | {self.root}:
            raise Refused(KEY_USED)
        if one.device is not None and lines.of_device(one.device) is None:
            raise Refused(DEVICE)

    def add_all(self, statements: list[bytes]) -> dict[bytes, str]:
        """Adds in any order what belongs; returns why the others do not."""
        left, reasons = list(statements), {}
        while True:
            reasons, before = {}, len(left)
            for data in list(left):
                try:
                    self.add(data)
                    left.remove(data)
                except Refused as refused:
                    reasons[data] = refused.reason
            if not left or len(left) == before:
                return reasons

    def view(self, hashes: set[bytes] | None = None) -> Standing:
        chosen = self.all.values() if hashes is None else [self.all[hash] for hash in hashes]
        return Standing(self.root, list(chosen), self.past)

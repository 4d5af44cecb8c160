"""§ 6.2, steps 1 and 2: the root, and which keys are one line."""

from collections.abc import Callable, Iterable

from . import derive
from .statement import ADD_DEVICE, RENEW_DEVICE, REPLACE_ROOT, Statement

Past = Callable[[bytes], set[bytes]]


class Roots:
    """The chain of roots in a set, and what it makes void."""

    def __init__(self, first: bytes, statements: list[Statement], past: Past) -> None:
        self.keys, self.void = [first], set()
        self.replacements: list[Statement] = []
        while chosen := self.next(statements):
            spared = past(chosen.hash) | {chosen.hash}
            self.void |= {one.hash for one in statements if one.signer == self.keys[-1]} - spared
            self.replacements.append(chosen)
            self.keys.append(chosen.key)

    def next(self, statements: list[Statement]) -> Statement | None:
        found = [one for one in statements if one.kind == REPLACE_ROOT]
        found = [one for one in found if one.signer == self.keys[-1] and one.key not in self.keys]
        return min(found, key=lambda one: one.hash, default=None)

    @property
    def present(self) -> bytes:
        return self.keys[-1]


class Lines:
    """From a key to the first key of its line."""

    def __init__(self, statements: Iterable[Statement], roots: list[bytes]) -> None:
        statements = list(statements)
        self.before: dict[bytes, bytes] = {}
        for one in sorted(statements, key=lambda one: one.hash, reverse=True):
            if one.kind == RENEW_DEVICE:
                self.before[one.key] = one.signer  # the lowest hash comes last and stays
        added = {one.key for one in statements if one.kind == ADD_DEVICE}
        self.roots = set(roots)
        self.first = added - set(self.before) - self.roots
        self.keys = {key for key in added | set(self.before) if self.of(key)}

    def of_device(self, device: bytes) -> bytes | None:
        """The line that a device id means: that of any key of it."""
        return next((self.of(key) for key in self.keys if derive.device(key) == device), None)

    def of(self, key: bytes) -> bytes | None:
        seen = set()
        while key in self.before and key not in seen and key not in self.roots:
            seen.add(key)
            key = self.before[key]
        return key if key in self.first else None

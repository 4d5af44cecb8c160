"""§ 5: a change is accepted only as its author's own Automerge would have made it. For documents whose every change is here."""

from dataclasses import dataclass, field

from . import limits, refusal
from .automerge import Change
from .operation import DELETE, INCREMENT, MAKE_LIST, MAKE_MAP, MAKE_TABLE, MAKE_TEXT, Operation, OpId
from .refusal import Refused

START = "a start op does not follow from what the change builds on"
ORPHAN = "a change does not build on its author's one before"
OBJECT = "an operation is about an object that does not exist"
REPLACES = "an operation replaces other values than its author saw"
DEPTH = "objects are nested too deep"


@dataclass
class Document:
    """Values by place, and the depth of every map."""

    depths: dict[OpId | None, int] = field(default_factory=lambda: {None: 0})
    values: dict[tuple[OpId | None, str], set[OpId]] = field(default_factory=dict)
    highest: int = 0
    last: bytes | None = None

    def apply(self, change: Change) -> None:
        if any(is_newer(operation) for operation in change.operations):
            raise Refused(refusal.MISSING)
        if change.start != 1 + (self.highest if change.dependencies else 0):
            raise Refused(START)
        if self.last and self.last not in change.dependencies:
            raise Refused(ORPHAN)
        for operation in change.operations:
            self.operate(operation)
        self.last = change.hash()
        self.highest = change.start + len(change.operations) - 1

    def operate(self, operation: Operation) -> None:
        if operation.object not in self.depths:
            raise Refused(OBJECT)
        place = (operation.object, operation.key)
        stood = self.values.get(place, set())
        if set(operation.predecessors) != stood or len(operation.predecessors) != len(stood):
            raise Refused(REPLACES)
        if operation.action == DELETE:
            if not stood:
                raise Refused(REPLACES)
            self.values[place] = set()
            return
        self.values[place] = {operation.id}
        if operation.action == MAKE_MAP:
            self.make(operation)

    def make(self, operation: Operation) -> None:
        depth = self.depths[operation.object] + 1
        if depth > limits.DEPTH:
            raise Refused(DEPTH)
        self.depths[operation.id] = depth


def is_newer(operation: Operation) -> bool:
    lists = operation.action in (MAKE_LIST, MAKE_TEXT, MAKE_TABLE, INCREMENT)
    return lists or operation.insert or not isinstance(operation.key, str)


def accept(changes: dict[bytes, list[Change]]) -> None:
    """Judges the documents that begin here and depend on nobody else."""
    for made in changes.values():
        own = {change.hash() for change in made}
        if made[0].sequence == 1 and all(set(change.dependencies) <= own for change in made):
            document = Document()
            for change in made:
                document.apply(change)

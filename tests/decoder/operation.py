"""§ 5: one operation: shape, object, key, predecessors, value."""

from dataclasses import dataclass

from . import limits, refusal
from .columns import FIRST_WORD, Columns, is_line, word
from .reader import Reader, varint
from .refusal import Refused

ACTION = "an action is not known"
BITS = "a shape has bits that are not known"
LOWEST = "an object is not in its lowest form"
NONE_MADE = "no object was made before"
VALUE_KIND = "a value kind is not known"
NO_VALUE = "a value stands where none belongs"
INCREMENT_BY = "an increment is not an int"
TYPE_CODE = "a type code is one of Automerge's own"
SHORT_FORM = "a count of predecessors is not in its short form"
DECIMAL = "a decimal key is out of range"
BEFORE = "a predecessor does not come before"
ORDER = "predecessors are not strictly ascending"
MAKE_MAP, PUT, MAKE_LIST, DELETE, MAKE_TEXT, INCREMENT, MAKE_TABLE = range(7)
INT, UNKNOWN = 4, 12
MAKES = (MAKE_MAP, MAKE_LIST, MAKE_TEXT, MAKE_TABLE)

OpId = tuple[int, bytes]


@dataclass
class Operation:
    id: OpId
    action: int
    insert: bool
    object: OpId | None  # none: the root
    key: "str | OpId | None"  # none: the head of a list
    value: tuple[int, bytes]  # Automerge's type code, content
    predecessors: list[OpId]


class Place:
    """What the operations of one document refer back to."""

    def __init__(self) -> None:
        self.object: OpId | None = None
        self.made: OpId | None = None
        self.decimal = 0
        self.operations = 0
        self.inline = 0

    def spend(self, data: bytes) -> bytes:
        """Counts inline texts, keys and byte values against the document's bound."""
        if len(data) > limits.VALUE:
            raise Refused(refusal.MAXIMUM)
        self.inline += len(data)
        if self.inline > limits.DOCUMENT_BYTES:
            raise Refused(refusal.MAXIMUM)
        return data


def read(columns: Columns, place: Place, id: OpId) -> Operation:
    place.operations += 1
    if place.operations > limits.OPERATIONS:
        raise Refused(refusal.MAXIMUM)
    number, key = read_key(columns, place)
    first, second = columns.shape(number)
    if first >> 6:
        raise Refused(BITS)
    action, insert = first & 7, bool(first & 8)
    kind, count = second & 15, second >> 4
    check_shape(action, kind)
    object = read_object(columns, place, first >> 4 & 3)
    if count == 15 and (count := columns.numbers.varint()) < 15:
        raise Refused(SHORT_FORM)
    if count > limits.PREDECESSORS:
        raise Refused(refusal.MAXIMUM)
    value = read_value(columns, place, kind, columns.counts if is_line(number) else columns.numbers)
    predecessors = [predecessor(columns, id[0]) for _ in range(count)]
    if any(not first < second for first, second in zip(predecessors, predecessors[1:])):
        raise Refused(ORDER)
    place.object = object
    if action in MAKES:
        place.made = id
    return Operation(id, action, insert, object, key, value, predecessors)


def check_shape(action: int, kind: int) -> None:
    if action == 7:
        raise Refused(ACTION)
    if action == INCREMENT and kind != INT:
        raise Refused(INCREMENT_BY)
    if action == PUT and not 0 < kind <= UNKNOWN:
        raise Refused(VALUE_KIND)
    if action not in (PUT, INCREMENT) and kind != 0:
        raise Refused(NO_VALUE)


def read_object(columns: Columns, place: Place, mode: int) -> OpId | None:
    if mode == 0:
        return None
    if mode == 3:
        return columns.object_id()
    object = place.object if mode == 1 else place.made
    if object is None:
        raise Refused(LOWEST if mode == 1 else NONE_MADE)
    return object


def read_key(columns: Columns, place: Place) -> tuple[int, "str | OpId | None"]:
    number = columns.keys.varint()
    if number == 0:
        return number, text(columns, place)
    if number == 2:
        return number, None
    if number == 3:
        return number, columns.op_id(columns.keys)
    if number >= FIRST_WORD:
        return number, word(number - FIRST_WORD)
    place.decimal += columns.keys.zigzag()
    if not 0 <= place.decimal < 2**32:
        raise Refused(DECIMAL)
    return number, str(place.decimal)


def text(columns: Columns, place: Place) -> str:
    found = columns.texts.text(limits.VALUE)
    place.spend(found.encode())
    return found


def predecessor(columns: Columns, counter: int) -> OpId:
    step, number = columns.predecessors.varint(), columns.predecessors.varint()
    if step < 1 or step >= counter:
        raise Refused(BEFORE)
    return counter - step, columns.actor(number)


def read_value(columns: Columns, place: Place, kind: int, uints: Reader) -> tuple[int, bytes]:
    """The value as Automerge writes it: type code and bytes."""
    numbers = columns.numbers
    if kind < 4:
        return (0, 0, 1, 2)[kind], b""
    if kind in (4, 10, 11):
        return {4: 4, 10: 9, 11: 8}[kind], signed(numbers.zigzag())
    if kind == 5:
        return 3, varint(uints.varint())
    if kind == 6:
        return 5, columns.bytes.bytes(8)
    if kind == 7:
        return 6, text(columns, place).encode()
    if kind == 8:
        return 6, word(numbers.varint()).encode()
    code = 7 if kind == 9 else numbers.varint()
    return unknown_code(code, kind), place.spend(columns.bytes.bytes(bounded(numbers.varint())))


def bounded(length: int) -> int:
    if length > limits.VALUE:
        raise Refused(refusal.MAXIMUM)
    return length


def unknown_code(code: int, kind: int) -> int:
    """Kind 12 is for what no other kind says: Automerge's own codes end at 9, and four bits hold them."""
    if code > 15:
        raise Refused(refusal.MAXIMUM)
    if kind == UNKNOWN and code < 10:
        raise Refused(TYPE_CODE)
    return code


def signed(value: int) -> bytes:
    """Signed LEB128."""
    out = bytearray()
    while not -64 <= value < 64:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value & 0x7F)
    return bytes(out)

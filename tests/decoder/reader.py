"""§ 1: integers, blobs, lists. Whatever is not exactly as written there is refused."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from . import refusal
from .refusal import Refused

T = TypeVar("T")


class Reader:
    """Takes values from the front of some bytes."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def left(self) -> int:
        return len(self.data) - self.at

    def bytes(self, count: int) -> bytes:
        if count > self.left():
            raise Refused(refusal.ENDS_EARLY)
        self.at += count
        return self.data[self.at - count : self.at]

    def rest(self) -> bytes:
        return self.bytes(self.left())

    def integer(self, width: int) -> int:
        return int.from_bytes(self.bytes(width), "little")

    def u8(self) -> int:
        return self.integer(1)

    def varint(self) -> int:
        value = 0
        for index in range(10):
            byte = self.u8()
            value |= (byte & 0x7F) << (7 * index)
            if byte < 0x80:
                if byte == 0 and index > 0:
                    raise Refused(refusal.NOT_MINIMAL)
                if value >= 2**64:
                    raise Refused(refusal.TOO_WIDE)
                return value
        raise Refused(refusal.TOO_WIDE)

    def zigzag(self) -> int:
        coded = self.varint()
        return (coded >> 1) ^ -(coded & 1)

    def blob(self, most: int | None = None) -> bytes:
        length = self.varint()
        if most is not None and length > most:
            raise Refused(refusal.MAXIMUM)
        return self.bytes(length)

    def text(self, most: int | None = None) -> str:
        try:
            return self.blob(most).decode()
        except UnicodeDecodeError as error:
            raise Refused(refusal.NOT_UTF8) from error

    def list(self, most: int, read: Callable[[], T]) -> "list[T]":
        count = self.varint()
        if count > most:
            raise Refused(refusal.MAXIMUM)
        return [read() for _ in range(count)]

    def end(self) -> None:
        if self.left():
            raise refusal.trailing(self.left())


def require_ascending(keys: Iterable[object]) -> None:
    """Strictly: a duplicate is as wrong as a step back."""
    keys = list(keys)
    if any(not first < second for first, second in zip(keys, keys[1:])):
        raise Refused(refusal.NOT_ASCENDING)


def hashes(reader: Reader, most: int, width: int = 16) -> "list[bytes]":
    """An ascending list of hashes."""
    found = reader.list(most, lambda: reader.bytes(width))
    require_ascending(found)
    return found


def varint(value: int) -> bytes:
    """The one encoding of a number."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)

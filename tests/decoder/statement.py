"""§ 6.1: one statement, by itself."""

import re
from dataclasses import dataclass, field

from . import derive, limits, refusal, sign
from .reader import Reader, hashes, require_ascending
from .refusal import Refused

ADD_DEVICE, SET_ROLE, RENEW_DEVICE, REVOKE, SET_RELAYS, RETIRE_HASHES, REPLACE_ROOT, DROP_BOX, TAKE_DROPS = range(1, 10)
CONSENT = "the new key did not agree"
ADDRESS = "not an address of a relay"
NAME = "a name is not one"
NAME_DIGITS = 6


@dataclass
class Statement:
    raw: bytes
    kind: int
    signer: bytes
    parents: list[bytes]
    key: bytes | None = None  # that it adds, renews to or makes root
    kem: bytes | None = None
    device: bytes | None = None  # that it names
    role: int | None = None
    flags: int = 0
    cut: list[tuple[bytes, int]] = field(default_factory=list)
    relays: list[bytes] = field(default_factory=list)
    retire: list[tuple[int, bytes]] = field(default_factory=list)
    box: tuple[bytes, bytes, str] | None = None  # of what space, its drop key, its name
    taken: bytes | None = None  # first root key of the space whose drops are taken
    hash: bytes = b""

    def is_attacker(self) -> bool:
        return self.kind == REVOKE or (self.kind == SET_ROLE and self.role != 3)


def read(data: bytes, space: bytes) -> Statement:
    """A statement whose signature verifies and whose payload is of its kind."""
    reader = Reader(data)
    kind, signer = reader.u8(), reader.bytes(32)
    parents = hashes(reader, limits.PARENTS)
    payload = reader.blob(limits.PAYLOAD)
    signed = data[: reader.at]
    signature = reader.bytes(64)
    reader.end()
    sign.verify(signer, "statement", space + signed, signature)
    found = Statement(data, kind, signer, parents, hash=derive.derive("statement", data, 16))
    if kind in PAYLOADS:
        inner = Reader(payload)
        PAYLOADS[kind](found, inner, space)
        inner.end()
    return found


def add_device(found: Statement, reader: Reader, space: bytes) -> None:
    found.key, found.kem = reader.bytes(32), reader.bytes(32)
    found.role, found.flags = reader.u8(), reader.u8()


def set_role(found: Statement, reader: Reader, space: bytes) -> None:
    found.device, found.role, found.cut = reader.bytes(16), reader.u8(), read_cut(reader)


def renew_device(found: Statement, reader: Reader, space: bytes) -> None:
    found.key, found.kem = reader.bytes(32), reader.bytes(32)
    data = space + found.signer + found.key + found.kem
    sign.verify(found.key, "renewal", data, reader.bytes(64), CONSENT)


def revoke(found: Statement, reader: Reader, space: bytes) -> None:
    found.device, found.cut = reader.bytes(16), read_cut(reader)


def read_cut(reader: Reader) -> list[tuple[bytes, int]]:
    cut = reader.list(limits.CUT, lambda: (reader.bytes(16), reader.integer(4)))
    require_ascending(lane for lane, _ in cut)
    return cut


def set_relays(found: Statement, reader: Reader, space: bytes) -> None:
    found.relays = reader.list(limits.RELAYS, lambda: read_relay(reader))
    require_ascending(found.relays)


def read_relay(reader: Reader) -> bytes:
    relay = reader.bytes(16)
    for address in reader.list(limits.ADDRESSES, reader.text):
        check_address(address)
    reader.list(limits.PINS, lambda: reader.bytes(32))
    return relay


def check_address(address: str) -> None:
    match = re.fullmatch(r"https?://(\[[0-9A-Fa-f:.]+\]|[^\s/?#@:\[\]]+):([0-9]{1,5})", address)
    if not match or int(match[2]) > 65_535:
        raise Refused(ADDRESS)


def retire_hashes(found: Statement, reader: Reader, space: bytes) -> None:
    first = reader.varint()
    listed = reader.list(limits.PAYLOAD // 32, lambda: reader.bytes(32))
    found.retire = [(first + index, one) for index, one in enumerate(listed)]


def replace_root(found: Statement, reader: Reader, space: bytes) -> None:
    found.key = reader.bytes(32)


def drop_box(found: Statement, reader: Reader, space: bytes) -> None:
    found.box = (reader.bytes(16), reader.bytes(32), read_name(reader))


def read_name(reader: Reader) -> str:
    name = reader.text(limits.BOX_NAME)
    if not re.fullmatch(r"[A-Za-z0-9-]+", name) or sum(letter.isdigit() for letter in name) > NAME_DIGITS:
        raise Refused(NAME)
    return name


def take_drops(found: Statement, reader: Reader, space: bytes) -> None:
    found.taken = reader.bytes(32)


PAYLOADS = {
    ADD_DEVICE: add_device,
    SET_ROLE: set_role,
    RENEW_DEVICE: renew_device,
    REVOKE: revoke,
    SET_RELAYS: set_relays,
    RETIRE_HASHES: retire_hashes,
    REPLACE_ROOT: replace_root,
    DROP_BOX: drop_box,
    TAKE_DROPS: take_drops,
}

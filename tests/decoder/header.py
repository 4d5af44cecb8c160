"""§ 10: the header of a store."""

from dataclasses import dataclass

from argon2.low_level import Type, hash_secret_raw

from . import derive, hpke, sign
from .reader import Reader
from .refusal import Refused
from .seal import open_sealed

LENGTH = 1_280
CUT = "it is cut"
CHECKSUM = "checksum is wrong"
MAGIC = "it is not one"
NEWER = "header is of a newer version"
TOO_LONG = "it is too long"
BOX = "its keyring box does not open"
BOUNDS = "parameters are out of bounds"
NO_SLOT = "the passphrase opens no slot"
WIPED = "it is wiped"
PASSPHRASE, RECOVERY, DURESS = 1, 2, 3


@dataclass
class Slot:
    commitment: bytes
    nonce: bytes
    sealed: bytes


@dataclass
class Header:
    generation: int
    memory: int
    passes: int
    lanes: int
    salt: bytes
    attempts: int
    wipe_after: int
    slots: list[Slot]
    box: Slot  # without a commitment


def checked_content(data: bytes) -> bytes:
    """Everything but the checksum, if it is right."""
    if len(data) != LENGTH:
        raise Refused(CUT if len(data) < LENGTH else TOO_LONG)
    content, checksum = data[:-32], data[-32:]
    if checksum == derive.derive("wiped", content):
        raise Refused(WIPED)
    if checksum != derive.derive("header", content):
        raise Refused(CHECKSUM)
    return content


def read(data: bytes) -> Header:
    reader = Reader(checked_content(data))
    if reader.bytes(3) != b"HSK":
        raise Refused(MAGIC)
    if reader.u8() != 1:
        raise Refused(NEWER)
    generation = reader.integer(8)
    memory, passes, lanes = cost(reader)
    salt, attempts, wipe_after = reader.bytes(32), reader.integer(4), reader.integer(2)
    slots = [Slot(reader.bytes(32), reader.bytes(24), reader.bytes(49)) for _ in range(8)]
    box = Slot(b"", reader.bytes(24), reader.bytes(57))
    return Header(generation, memory, passes, lanes, salt, attempts, wipe_after, slots, box)


def cost(reader: Reader) -> tuple[int, int, int]:
    """Memory in KiB, passes, lanes: bounded before anything is allocated."""
    memory, passes, lanes = (reader.integer(4) for _ in range(3))
    if not (19_456 <= memory <= 1_048_576 and 2 <= passes <= 16 and 1 <= lanes <= 4):
        raise Refused(BOUNDS)
    return memory, passes, lanes


def best(copies: list[bytes]) -> Header:
    """The valid copy of the highest generation; a tombstone outdoes every copy."""
    found, refusals = [], []
    for copy in copies:
        try:
            found.append(read(copy))
        except Refused as refused:
            refusals.append(refused)
    wiped = [refused for refused in refusals if refused.reason == WIPED]
    if wiped or not found:
        raise (wiped or refusals)[0]
    return max(found, key=lambda header: header.generation)


def stretch(header: Header, secret: bytes) -> bytes:
    return argon2id(secret, header.salt, header.memory, header.passes, header.lanes)


def argon2id(secret: bytes, salt: bytes, memory: int, passes: int, lanes: int) -> bytes:
    return hash_secret_raw(secret, salt, time_cost=passes, memory_cost=memory,
                           parallelism=lanes, hash_len=32, type=Type.ID, version=0x13)


@dataclass
class SlotKeys:
    key: bytes
    commitment: bytes


def slot_keys(stretched: bytes) -> SlotKeys:
    secret = hpke.extract(b"", stretched)
    key = hpke.expand(secret, b"haversack v1 slot key", 32)
    return SlotKeys(key, hpke.expand(secret, b"haversack v1 slot commitment", 32))


def bind(key_file: bytes, stretched: bytes) -> bytes:
    """What a key file answers."""
    if key_file[:4] != b"HSF1" or len(key_file) != 36:
        raise Refused(MAGIC)
    file_secret = key_file[4:]
    return derive.keyed(derive.derive("file key", file_secret), stretched)


@dataclass
class Opened:
    kind: int
    key: bytes
    slot: int


def open_slots(header: Header, keys: list[SlotKeys]) -> Opened:
    """Tries all slots with all keys; duress goes first."""
    found = []
    for index, slot in enumerate(header.slots):
        for pair in keys:
            if slot.commitment == pair.commitment:
                found.append(open_slot(header, slot, index, pair.key))
    opened = [one for one in found if one]
    if not opened:
        raise Refused(NO_SLOT)
    return max(opened, key=lambda one: one.kind == DURESS)


def open_slot(header: Header, slot: Slot, index: int, key: bytes) -> Opened | None:
    try:
        plain = open_sealed(key, slot.nonce, slot.sealed, sign.message("slot", header.salt))
    except Refused:
        return None
    return Opened(plain[0], plain[1:], index)


@dataclass
class Keyring:
    live: int
    kinds: bytes
    key: bytes


def open_box(header: Header, vault_key: bytes) -> Keyring:
    associated = sign.message("keyring box", header.salt)
    try:
        plain = open_sealed(vault_key, header.box.nonce, header.box.sealed, associated)
    except Refused as refused:
        raise Refused(BOX) from refused
    return Keyring(plain[0], plain[1:9], plain[9:])

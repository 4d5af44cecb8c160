"""§ 9: requests and answers as text, whole and in parts; the six words."""

import base64
import binascii
import re

from mnemonic import Mnemonic

from . import derive, limits, refusal
from .refusal import Refused

REQUEST, ANSWER = "HSR1", "HSA1"
MARK = "the mark is another's"
BASE32 = "has a slip in it"
MIXED = "has parts of different texts among its own"
PART = "has a part whose number is not clear"


def plain(text: str) -> str:
    """Without what readers ignore."""
    return re.sub(r"[\s-]", "", text).upper()


def unarmor(text: str, mark: str) -> bytes:
    if len(text) > limits.TEXT:
        raise Refused(refusal.MAXIMUM)
    compact = plain(text)
    if not compact.startswith(mark):
        raise Refused(MARK)
    return base32(compact[len(mark) :])


def base32(text: str) -> bytes:
    """Unused bits are zero and there is no padding: one text for some bytes."""
    try:
        data = base64.b32decode(text + "=" * (-len(text) % 8))
    except binascii.Error as error:
        raise Refused(BASE32) from error
    if base64.b32encode(data).decode().rstrip("=") != text:
        raise Refused(BASE32)
    return data


def missing(numbers: list[int]) -> Refused:
    return Refused("these are missing: " + ", ".join(map(str, numbers)))


def slip(number: int) -> Refused:
    return Refused(f"part {number} has a slip in it")


def join(texts: list[str], mark: str) -> bytes:
    """Puts the parts of one whole together."""
    if sum(map(len, texts)) > limits.PARTS:
        raise Refused(refusal.MAXIMUM)
    stream = plain("".join(texts))
    places = [found.start() for found in re.finditer(f"{mark}\\.", stream)]
    if not places or places[0] != 0:
        raise Refused(PART)
    pieces: dict[int, bytes] = {}
    wholes = set()
    for start, end in zip(places, [*places[1:], len(stream)]):
        number, count, tag, piece = read_part(stream[start:end], mark)
        wholes.add((count, tag))
        if len(wholes) > 1 or pieces.setdefault(number, piece) != piece:
            raise Refused(MIXED)
    gone = [number for number in range(1, count + 1) if number not in pieces]
    if gone:
        raise missing(gone)
    whole = b"".join(pieces[number] for number in sorted(pieces))
    if derive.derive("parts", mark.encode() + whole, 4) != tag:
        raise Refused(MIXED)
    return whole


def read_part(text: str, mark: str) -> tuple[int, int, bytes, bytes]:
    match = re.fullmatch(mark + r"\.([1-9][0-9]{0,2})\.([1-9][0-9]{0,2})\.([A-Z2-7]*)", text)
    if not match:
        raise Refused(PART)
    number, count = int(match[1]), int(match[2])
    if not (1 <= number <= count and 2 <= count <= 255):
        raise Refused(PART)
    try:
        data = base32(match[3])
    except Refused as refused:
        raise slip(number) from refused
    tag, piece, check = data[:4], data[4:-4], data[-4:]
    covered = mark.encode() + bytes([number, count]) + tag + piece
    if len(data) < 8 or check != derive.derive("part check", covered, 4):
        raise slip(number)
    return number, count, tag, piece


def words(request: bytes, answer: bytes) -> list[str]:
    """The first 66 bits, eleven a word."""
    bits = int.from_bytes(derive.derive("words", request + answer), "big") >> (256 - 66)
    listed = Mnemonic("english").wordlist
    return [listed[bits >> (11 * place) & 2047] for place in reversed(range(6))]

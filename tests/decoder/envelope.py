"""§ 3.1: what is inside of a sealed frame: one zstd frame, then zeros."""

import io
from pathlib import Path

import zstandard

from . import limits, refusal
from .reader import Reader
from .refusal import Refused

PADDING = "padding is not zero"
RAW_LENGTH = "length is wrong inside"
COMPRESSION = "does not decompress"
DICTIONARY = "waits for a dictionary"

MAGIC = bytes.fromhex("28b52ffd")
TRAINED = Path(__file__).parents[2] / "fixtures" / "dictionary-1.zdict"
DICTIONARIES = {0: None, 1: zstandard.ZstdCompressionDict(TRAINED.read_bytes())}


def read(plaintext: bytes) -> bytes:
    reader = Reader(plaintext)
    dictionary, length = reader.varint(), reader.varint()
    if length > limits.ENVELOPE:
        raise Refused(refusal.MAXIMUM)
    packed = reader.blob()
    if any(reader.rest()):
        raise Refused(PADDING)
    if dictionary not in DICTIONARIES:
        raise Refused(DICTIONARY)
    return unpack(MAGIC + packed, length, DICTIONARIES[dictionary])


def unpack(packed: bytes, length: int, dictionary: zstandard.ZstdCompressionDict | None) -> bytes:
    """Never takes more memory than `length`: the bounded reader goes first, the one that knows about the end after it."""
    tool = zstandard.ZstdDecompressor(dict_data=dictionary, max_window_size=2**23)
    try:
        with tool.stream_reader(io.BytesIO(packed)) as stream:
            raw = stream.read(length + 1)
        if len(raw) > length:
            raise Refused(COMPRESSION)
        once = tool.decompressobj()
        once.decompress(packed)
    except zstandard.ZstdError as error:
        raise Refused(COMPRESSION) from error
    if not once.eof or once.unused_data:
        raise Refused(COMPRESSION)
    if len(raw) < length:
        raise Refused(RAW_LENGTH)
    return raw


def end_of_block(reader: Reader, plaintext: bytes, reason: str) -> None:
    """Zeros to a multiple of 256, and no more of them than that takes."""
    zeros = reader.rest()
    if any(zeros):
        raise Refused(PADDING)
    if len(zeros) > 255 or len(plaintext) % 256:
        raise Refused(reason)


def padded(length: int) -> int:
    """PADMÉ, within bounds, of a whole frame's length."""
    exponent = length.bit_length() - 1
    low = exponent - exponent.bit_length()
    rounded = -(-length >> low) << low
    return min(max(256, rounded), limits.FRAME)

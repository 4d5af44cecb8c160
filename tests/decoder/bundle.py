"""§ 8: frames in a file, and § 8.1: the same under a passphrase."""

from . import header, hpke, limits, refusal, sign
from .reader import Reader
from .refusal import Refused
from .seal import open_sealed

MAGIC = "is not a bundle file"
COUNT = "count of frames is wrong"
PASSPHRASE = "the passphrase does not open it"
START, WRAPPED = b"HSB\x01\x00", b"HSB\x01\x01"
PIECE = 65_536 + 16


def cut(frames: int) -> Refused:
    return Refused(f"cut: {frames} whole frame{'' if frames == 1 else 's'}")


def read(data: bytes) -> list[bytes]:
    reader = Reader(data)
    if reader.bytes(3) != b"HSB":
        raise Refused(MAGIC)
    if reader.u8() != 1:
        raise refusal.unknown("bundle version")
    if reader.u8() != 0:
        raise refusal.unknown("bundle wrapping")
    frames: list[bytes] = []
    try:
        while frame := reader.blob(limits.FRAME):
            if len(frames) == limits.BUNDLE_FRAMES:
                raise Refused(refusal.MAXIMUM)
            frames.append(frame)
        if reader.integer(4) != len(frames):
            raise Refused(COUNT)
        reader.end()
    except Refused as refused:
        is_cut = bool(frames) or refused.reason == refusal.ENDS_EARLY
        raise (cut(len(frames)) if is_cut else refused) from refused
    return frames


def read_under(data: bytes, passphrase: bytes) -> list[bytes]:
    """One under a passphrase, or one that is not."""
    return read(unwrap(data, passphrase) if data.startswith(WRAPPED) else data)


def unwrap(data: bytes, passphrase: bytes) -> bytes:
    """The plain bundle, as far as its pieces open in their order."""
    reader = Reader(data)
    reader.bytes(len(WRAPPED))
    cost = header.cost(reader)
    salt, commitment, prefix = reader.bytes(32), reader.bytes(32), reader.bytes(19)
    associated = sign.message("bundle", data[: reader.at])
    secret = hpke.extract(b"", header.argon2id(passphrase, salt, *cost))
    if commitment != hpke.expand(secret, b"haversack v1 bundle commitment", 32):
        raise Refused(PASSPHRASE)
    key = hpke.expand(secret, b"haversack v1 bundle key", 32)
    plain, number = START, 0
    while reader.left():
        sealed = reader.bytes(min(PIECE, reader.left()))
        piece, is_last = open_piece(key, prefix + number.to_bytes(4, "little"), sealed, associated)
        plain += piece
        if is_last:
            break
        number += 1
    return plain


def open_piece(key: bytes, nonce: bytes, sealed: bytes, associated: bytes) -> tuple[bytes, bool]:
    """What is in it, and whether nothing comes after it: also because it does not open."""
    for last in (0, 1):
        try:
            return open_sealed(key, nonce + bytes([last]), sealed, associated), bool(last)
        except Refused:
            continue
    return b"", True

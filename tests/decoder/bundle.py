"""§ 8: frames in a file."""

from . import limits, refusal
from .reader import Reader
from .refusal import Refused

MAGIC = "is not a bundle file"
COUNT = "count of frames is wrong"


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
            frames.append(frame)
            if len(frames) > limits.BUNDLE_FRAMES:
                raise Refused(refusal.MAXIMUM)
        count = reader.integer(4)
    except Refused as refused:
        raise (cut(len(frames)) if refused.reason == refusal.ENDS_EARLY else refused) from refused
    if count != len(frames):
        raise Refused(COUNT)
    reader.end()
    return frames

"""§ 2: the tree that a body is signed through, and the position of a lane that it gives."""

from . import derive, limits, refusal, sign
from .body import Body
from .derive import keyed
from .refusal import Refused

BODY_SIGNATURE = "the body's signature does not verify"


def root(space: bytes, leaf: bytes, last_changes: dict[bytes, bytes]) -> bytes:
    """`last_changes` has the hash of the author's last change of each document."""
    key = derive.derive("tree", space)
    level = [keyed(key, b"\x00" + leaf)]
    level += [keyed(key, b"\x01" + document + last) for document, last in sorted(last_changes.items())]
    if len(last_changes) > limits.DOCUMENTS:
        raise Refused(refusal.MAXIMUM)
    while len(level) > 1:
        pairs = zip(level[::2], level[1::2])
        odd = level[-1:] if len(level) % 2 else []
        level = [keyed(key, b"\x02" + left + right) for left, right in pairs] + odd
    return level[0]


def position(space: bytes, lane: bytes, sequence: int, root: bytes) -> bytes:
    key = derive.derive("tree", space)
    return keyed(key, b"\x03" + lane + sequence.to_bytes(4, "little") + root, 16)


def verify(space: bytes, body: Body, sequence: int, root: bytes, key: bytes) -> None:
    data = space + body.lane + sequence.to_bytes(4, "little") + root
    sign.verify(key, "body", data, body.signature, BODY_SIGNATURE)

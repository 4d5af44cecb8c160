"""Why something is not read: the words are those of a vector's `expect`, so that the reason is a part of the test."""


class Refused(Exception):
    """A rule is broken, or the thing waits, or it is meant for another. `reason` says which."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


ENDS_EARLY = "ends too early"
NOT_MINIMAL = "varint is not minimal"
TOO_WIDE = "varint is over 64 bits"
NOT_ASCENDING = "is not strictly ascending"
NOT_UTF8 = "text is not UTF-8"
MAXIMUM = "over a maximum"
DOES_NOT_OPEN = "does not open"
SIGNATURE = "signature does not verify"
LENGTH = "length is wrong"
KEPT = "kept and passed on"
MISSING = "waits for something that is not here"


def unknown(what: str) -> Refused:
    return Refused(f"{what} is unknown")


def trailing(count: int) -> Refused:
    return Refused(f"{count} bytes too many")

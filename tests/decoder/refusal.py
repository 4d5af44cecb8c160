"""Why something is not read: the words are those of a vector's `expect`, so that the reason is a part of the test."""


class Refused(Exception):
    """A rule is broken, or the thing waits, or it is meant for another. `reason` says which."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


ENDS_EARLY = "ends too early"
NOT_MINIMAL = "a number is not minimal"
NUMBER_TOO_LARGE = "a number is too large"
NOT_ASCENDING = "entries are not ascending"
NOT_UTF8 = "not UTF-8"
TOO_MANY = "too many"
TOO_LONG = "too long"
DOES_NOT_OPEN = "does not open"
SIGNATURE = "signature does not verify"
LENGTH = "length is wrong"
KEPT = "kept and passed on"


def trailing(count: int) -> Refused:
    return Refused(f"{count} bytes too many")

"""Opens every vector of a folder; ends with 1 if one of them does not do what it states."""

import sys
import traceback
from pathlib import Path

from .checks import CHECKS
from .refusal import Refused
from .vector import Mismatch, Vector


def outcome(vector: Vector) -> str:
    """`ok`, or the reason why it is not."""
    try:
        CHECKS[vector.text("what")](vector)
    except Refused as refused:
        return refused.reason
    return "ok"


def complaint(vector: Vector) -> str | None:
    expected = vector.text("expect")
    try:
        found = outcome(vector)
    except Mismatch as mismatch:
        return str(mismatch)
    except Exception:  # a decoder that stumbles has refused nothing
        return traceback.format_exc()
    if found != expected:
        return f"{found!r}, not {expected!r}"
    if expected == "ok" and vector.unused():
        return f"not looked at: {', '.join(vector.unused())}"
    return None


def main(folder: Path) -> int:
    vectors = [Vector(path) for path in sorted(folder.glob("*.txt"))]
    complaints = [(vector.name, complaint(vector)) for vector in vectors]
    wrong = [(name, text) for name, text in complaints if text]
    for name, text in wrong:
        print(f"{name}: {text}")
    positive = sum(vector.text("expect") == "ok" for vector in vectors)
    print(f"{len(vectors)} vectors, {positive} to open and {len(vectors) - positive} to refuse: {len(wrong)} wrong")
    return 1 if wrong or not vectors else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))

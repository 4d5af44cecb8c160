"""§ 13: a vector: `what`, `expect`, then fields."""

from pathlib import Path


class Vector:
    """The fields of one file. A field may come more than once."""

    def __init__(self, path: Path) -> None:
        self.name = path.stem
        self.fields: list[tuple[str, str]] = []
        for line in path.read_text().splitlines():
            name, found, value = line.partition(": ")
            if not found and not line.endswith(":"):
                raise ValueError(f"{path.name}: a line without a field: {line[:40]}")
            self.fields.append((name.removesuffix(":"), value))
        self.used: set[str] = set()

    def texts(self, name: str) -> list[str]:
        self.used.add(name)
        return [value for its_name, value in self.fields if its_name == name]

    def text(self, name: str) -> str:
        (value,) = self.texts(name)
        return value

    def bytes(self, name: str) -> bytes:
        return bytes.fromhex(self.text(name))

    def all_bytes(self, name: str) -> list[bytes]:
        return [bytes.fromhex(value) for value in self.texts(name)]

    def has(self, name: str) -> bool:
        return any(its_name == name for its_name, _ in self.fields)

    def expect(self, name: str, found: "bytes | str | int") -> None:
        """Compares a field, if the vector has it, with what was found."""
        if not self.has(name):
            return
        shown = found.hex() if isinstance(found, bytes) else str(found)
        if shown != self.text(name):
            raise Mismatch(f"{name}: {shown[:80]}, not {self.text(name)[:80]}")

    def unused(self) -> list[str]:
        return sorted({name for name, _ in self.fields} - self.used - {"what", "expect"})


class Mismatch(Exception):
    """A value is not the one that the vector states."""

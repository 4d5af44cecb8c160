"""Parses every Swift file in the folders given and fails at the first construct that is not Swift."""

import sys
from pathlib import Path

import tree_sitter
import tree_sitter_swift

# Valid Swift that the grammar does not know. Each is blanked with text of the same length, so that positions stay true.
UNKNOWN_TO_THE_GRAMMAR = {
    b"@_documentation(visibility: private)": b" " * 36,
    b"{ () }": b"{ 00 }",
}

MUST_FAIL = b"public struct Outing {\n    func close( -> Int\n}\n"


def parse(source: bytes) -> tree_sitter.Node:
    for construct, blank in UNKNOWN_TO_THE_GRAMMAR.items():
        source = source.replace(construct, blank)
    language = tree_sitter.Language(tree_sitter_swift.language())
    return tree_sitter.Parser(language).parse(source).root_node


def faults(node: tree_sitter.Node) -> list[tree_sitter.Node]:
    if node.is_error or node.is_missing:
        return [node]
    return [fault for child in node.children if child.has_error for fault in faults(child)]


def check(path: Path) -> list[str]:
    found = faults(parse(path.read_bytes()))
    return [f"{path}:{fault.start_point[0] + 1}: not Swift: {fault.text!r:.80}" for fault in found]


def main(folders: list[str]) -> int:
    if not faults(parse(MUST_FAIL)):
        print("the checker accepts what is not Swift")
        return 1
    files = sorted(path for folder in folders for path in Path(folder).rglob("*.swift"))
    found = [line for path in files for line in check(path)]
    print("\n".join(found) or f"{len(files)} Swift files parsed")
    return 1 if found or not files else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

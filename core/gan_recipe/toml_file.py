"""A TOML file as values and, for every key, the line that states it.

``tomllib`` reads the values and knows no positions; tree-sitter's TOML grammar gives the positions. The tree is walked
first, without recursion, so that depth and dotted keys are bounded before ``tomllib`` (which recurses) sees the text.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gan_recipe.errors import Problem, RecipeError

MAX_BYTES = 1_000_000
MAX_DEPTH = 16
MAX_KEYS = 20_000

Key = tuple[str, ...]


def read_toml(path: Path, shown: str) -> tuple[dict[str, Any], dict[Key, int]]:
    """The values of the file and the line (from 1) of every key; elements of arrays are not keys.

    ``shown`` is how errors name the file. Raises RecipeError for whatever keeps the file from being read.
    """

    def refuse(what: str, line: int | None = None) -> RecipeError:
        return RecipeError([Problem(shown if line is None else f"{shown}:{line}", "", what)])

    try:
        with path.open("rb") as file:
            source = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise refuse("no such file") from None
    except OSError as error:
        raise refuse(f"cannot be read: {error.strerror}") from None
    if len(source) > MAX_BYTES:
        raise refuse(f"the file is larger than {MAX_BYTES:,} bytes; a recipe is a short text")
    if source.startswith(b"\xef\xbb\xbf"):
        raise refuse("the file starts with a byte order mark; save it as plain UTF-8", 1)
    try:
        text = source.decode("utf-8")
    except UnicodeDecodeError as error:
        line = source.count(b"\n", 0, error.start) + 1
        raise refuse(f"byte {source[error.start]:#04x} is no UTF-8; save the file as UTF-8", line) from None

    lines: dict[Key, int] = {}
    for key, line in _positions(source):
        if len(key) > MAX_DEPTH:
            raise refuse(f"keys are nested more than {MAX_DEPTH} deep", line)
        lines.setdefault(key, line)
        if len(lines) > MAX_KEYS:
            raise refuse(f"more than {MAX_KEYS:,} keys", line)
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        # The message ends with "(at line 3, column 7)"; its line is moved to where every other message has it.
        message, _, place = str(error).partition(" (at ")
        found = [int(word.rstrip(",)")) for word in place.split() if word.rstrip(",)").isdigit()]
        raise refuse(f"this is no TOML: {message}", found[0] if found else text.count("\n") + 1) from None
    except (ValueError, RecursionError) as error:
        raise refuse(f"this is no TOML: {error}") from None
    for key, value in _leaves(values):
        if isinstance(value, float) and not math.isfinite(value):
            raise refuse(f"{'.'.join(key)}: {value} is not a finite number", lines.get(key))
        if isinstance(value, int) and abs(value) >= 2**63:
            raise refuse(f"{'.'.join(key)}: the number does not fit 64 bits", lines.get(key))
    return values, lines


def _positions(source: bytes) -> Iterator[tuple[Key, int]]:
    import tree_sitter
    import tree_sitter_toml

    tree = tree_sitter.Parser(tree_sitter.Language(tree_sitter_toml.language())).parse(source)
    pending: list[tuple[Any, Key, int]] = [(tree.root_node, (), 0)]
    while pending:
        node, prefix, depth = pending.pop()
        if depth > 4 * MAX_DEPTH:
            # Deeper than any key can be: reported as a key too deep, which is what it is.
            yield ("…",) * (MAX_DEPTH + 1), node.start_point[0] + 1
            return
        below = prefix
        if node.type in ("pair", "table", "table_array_element"):
            name = next((child for child in node.named_children if child.type.endswith("_key")), None)
            if name is not None:
                for part, line in _parts(name):
                    below = (*below, part)
                    yield below, line
                    if len(below) > MAX_DEPTH:
                        return
        elif node.type.endswith(("_key", "string", "comment")):
            continue
        pending.extend((child, below, depth + 1) for child in reversed(node.named_children))


def _parts(node: Any) -> Iterator[tuple[str, int]]:
    """The parts of a key, in order; a dotted key nests to the left, as deep as it has dots."""
    parts: list[Any] = []
    while node is not None and node.type == "dotted_key" and len(parts) <= MAX_DEPTH:
        named = node.named_children
        parts.append(named[-1])
        node = named[0] if len(named) > 1 else None
    if node is not None:
        parts.append(node)
    for part in reversed(parts):
        text = part.text.decode("utf-8", "replace")
        if part.type == "quoted_key":
            try:
                text = next(iter(tomllib.loads(f"{text} = 0")))
            except tomllib.TOMLDecodeError:
                text = text.strip("\"'")
        yield text, part.start_point[0] + 1


def _leaves(values: Any) -> Iterator[tuple[Key, Any]]:
    pending: list[tuple[Key, Any]] = [((), values)]
    while pending:
        key, value = pending.pop()
        if isinstance(value, dict):
            pending.extend(((*key, name), inner) for name, inner in value.items())
        elif isinstance(value, list):
            pending.extend((key, inner) for inner in value)
        else:
            yield key, value

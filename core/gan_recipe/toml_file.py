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
from gan_recipe.toml_value import as_key, shortened

# A recipe has some hundred keys in a few thousand bytes. At these bounds the worst text is refused within 0.1 s.
MAX_BYTES = 100_000
MAX_DEPTH = 16
MAX_KEYS = 5_000

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
        raise refuse("the file starts with a byte order mark; save it as UTF-8 without one", 1)
    try:
        text = source.decode("utf-8")
    except UnicodeDecodeError as error:
        line = source.count(b"\n", 0, error.start) + 1
        raise refuse(f"byte {source[error.start]:#04x} is no UTF-8; save the file as UTF-8", line) from None

    lines: dict[Key, int] = {}
    for key, line in _positions(source):
        if len(key) > MAX_DEPTH:
            raise refuse(f"this is nested more than {MAX_DEPTH} deep; no recipe needs that", line)
        lines.setdefault(key, line)
        if len(lines) > MAX_KEYS:
            raise refuse(f"the file states more than {MAX_KEYS:,} keys; split the recipe", line)
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        what, line = _told(error, text)
        raise refuse(what, line) from None
    except RecursionError:
        raise refuse("brackets are nested too deep", _line_with_most("[{", text)) from None
    except ValueError:  # Python converts no number of more than 4,300 digits
        raise refuse("this is no TOML: a number is too long", _line_with_most("0123456789", text)) from None
    if problems := [
        Problem(f"{shown}:{lines.get(key, 1)}", ".".join(map(as_key, key)), what)
        for key, what in value_problems(values)
    ]:
        raise RecipeError(problems)
    return values, lines


def value_problems(values: Any, at: Key = ()) -> Iterator[tuple[Key, str]]:
    """What nothing in a recipe can be set to, although TOML can hold it: by key, what is wrong."""
    pending: list[tuple[Key, Any, int]] = [(at, values, len(at))]
    while pending:
        key, value, depth = pending.pop()
        if isinstance(value, (dict, list)) and depth > 2 * MAX_DEPTH:
            yield key, f"this is nested more than {MAX_DEPTH} deep; no recipe needs that"
        elif isinstance(value, dict):
            pending.extend(((*key, name), inner, depth + 1) for name, inner in value.items())
        elif isinstance(value, list):
            pending.extend((key, inner, depth + 1) for inner in value)
        elif isinstance(value, float) and not math.isfinite(value):
            yield key, f"{value} is not a finite number"
        elif isinstance(value, int) and abs(value) >= 2**63:
            yield key, "the number does not fit 64 bits"


def _told(error: tomllib.TOMLDecodeError, text: str) -> tuple[str, int]:
    """What is wrong, with the line of text that shows it, and that line's number."""
    # The message ends with "(at line 3, column 7)" or "(at end of document)".
    message, _, place = str(error).rpartition(" (at ")
    found = [int(word.rstrip(",)")) for word in place.split() if word.rstrip(",)").isdigit()]
    line = found[0] if found else text.rstrip().count("\n") + 1
    stated = text.split("\n")[line - 1].strip()
    return f"this is no TOML: {message}: {shortened(stated)}" if stated else f"this is no TOML: {message}", line


def _line_with_most(characters: str, text: str) -> int:
    counts = [sum(map(line.count, characters)) for line in text.split("\n")]
    return counts.index(max(counts)) + 1


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

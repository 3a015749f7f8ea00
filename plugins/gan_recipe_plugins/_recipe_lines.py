"""Lines of a recipe that extends the one that fails, as cures state them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Lines = tuple[str, ...]
# A value of the recipe, as contests hold them: its name, its arguments, and the networks that it depends on.
Node = Any


def under(lines: Lines, table: str, line: str) -> Lines:
    """The lines with one more in ``table``, which is added at the end where it is not there."""
    if table not in lines:
        return (*lines, table, line)
    at = lines.index(table) + 1
    return (*lines[:at], line, *lines[at:])


def call(node: Node, of: Callable[[Node], str]) -> str:
    """The call that a node is, each of its arguments written by ``of``."""
    return f"{node.name}({', '.join(map(of, node.arguments or ()))})"

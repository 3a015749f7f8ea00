"""Where and with what a run was made: its description as rows of names and values."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from gan_recipe.report.page import cut

# Told elsewhere on the page.
_ELSEWHERE = {"figures", "baseline", "changes", "parents", "outcome", "why", "round", "rounds"}
_FIRST = ("recipe", "command", "started", "ended", "device", "precision", "threads", "versions", "code", "data")
_MOST, _LONGEST, _LONGEST_NAME, _DEEPEST = 80, 400, 120, 4


def facts(told: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The known ones first; those that a later version writes are shown as well."""
    names = [*(name for name in _FIRST if name in told), *(name for name in told if name not in _FIRST)]
    rows = []
    for name in names:
        if name in _ELSEWHERE:
            continue
        rows += list(_rows(str(name), told[name]))
    return [(name[:_LONGEST_NAME], value) for name, value in rows[:_MOST]]


def _rows(name: str, value: Any, depth: int = 1) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and depth < _DEEPEST:
        for key, each in list(value.items())[:_MOST]:
            yield from _rows(f"{name} · {key}", each, depth + 1)
    elif name == "command" and isinstance(value, list) and all(isinstance(word, str) for word in value):
        yield name, cut(shlex.join(["gan-recipe", *value]), _LONGEST)
    elif isinstance(value, list):
        yield name, cut(", ".join(map(str, value[:_MOST])), _LONGEST)
    elif value is not None:
        yield name, cut(str(value), _LONGEST)

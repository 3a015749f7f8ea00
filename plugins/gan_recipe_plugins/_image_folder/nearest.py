"""Sentences that help whoever mistyped a name."""

from __future__ import annotations

from collections.abc import Iterable

_SHOWN = 12


def nearest(name: str, known: Iterable[str]) -> str:
    """``Did you mean ...?``, or what is known when nothing is near."""
    import difflib

    known = sorted(set(known))
    if near := difflib.get_close_matches(name, known, n=1):
        return f"Did you mean {near[0]!r}?"
    more = "" if len(known) <= _SHOWN else f" and {len(known) - _SHOWN} more"
    return f"Known: {quoted(known[:_SHOWN])}{more}."


def quoted(names: Iterable[str]) -> str:
    """Names for a message. ``repr`` also makes control characters and broken encodings in file names harmless."""
    return ", ".join(map(repr, names))

"""Values out of JSON that anybody may have written: what makes no sense is left out."""

from __future__ import annotations

from typing import Any


def table(stated: Any) -> dict[str, Any]:
    """A table; an empty one for anything else."""
    return stated if isinstance(stated, dict) else {}


def numbers(stated: Any) -> dict[str, float]:
    """Those of a table's values that are numbers, by name."""
    found = table(stated).items()
    return {name: float(value) for name, value in found if isinstance(value, float) or _is_count(value)}


def count(stated: Any) -> int:
    """A whole number of 64 bits; 0 for anything else."""
    return stated if _is_count(stated) else 0


def texts(stated: Any) -> tuple[str, ...]:
    """The elements of a list as texts; none of anything else."""
    return tuple(map(str, stated)) if isinstance(stated, list) else ()


def _is_count(stated: Any) -> bool:
    return type(stated) is int and abs(stated) < 2**63

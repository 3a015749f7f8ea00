"""What a setting ``norm`` tells of a network before it is built."""

from __future__ import annotations

from typing import Literal

from gan_recipe import Traits


def traits(norm: str, last: Literal["norm", "tanh"] | None = None) -> Traits:
    """``last`` is what the output goes through last; a norm that is "none" is no norm."""
    kinds = frozenset() if norm == "none" else frozenset({norm})
    return Traits(kinds, last if kinds or last != "norm" else None)

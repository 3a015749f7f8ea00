"""The one line that says what a component is, for listings; it needs little, so that listing all is quick."""

from __future__ import annotations

import inspect
from typing import Any


def summary(cls: type[Any]) -> str:
    """The docstring's first sentence."""
    text = " ".join((inspect.getdoc(cls) or "").split("\n\n")[0].split())
    end = text.find(". ")
    return text if end < 0 else text[: end + 1]

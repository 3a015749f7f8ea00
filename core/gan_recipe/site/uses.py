"""Which shipped recipes use a component, read from their files alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from gan_recipe.language.recipe_file import load, shipped_recipes

# Tables whose ``use`` names a function of torch's.
_OF_TORCH = ("optimizer", "lr_schedule", "init")


@cache
def shipped_uses() -> Mapping[str, tuple[str, ...]]:
    """By component, the shipped recipes that name it, what they extend included."""
    found: dict[str, list[str]] = {}
    for recipe in shipped_recipes():
        for use in dict.fromkeys(_named(load(recipe).tables)):
            found.setdefault(use, []).append(recipe)
    return {use: tuple(recipes) for use, recipes in found.items()}


def _named(table: Mapping[str, Any]) -> Iterator[str]:
    for key, value in table.items():
        if key == "use" and isinstance(value, str):
            yield value
        elif isinstance(value, dict) and key not in _OF_TORCH:
            yield from _named(value)

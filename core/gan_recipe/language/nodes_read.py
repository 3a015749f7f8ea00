"""Everything that a recipe computes, in the order in which its networks are built."""

from __future__ import annotations

from collections.abc import Iterable

from gan_recipe.language.dataflow import Node
from gan_recipe.language.recipe import Recipe
from gan_recipe.language.toml_file import Key


def nodes_read(recipe: Recipe) -> Iterable[tuple[Key, Node, Node | None]]:
    """Every node of the recipe with the key that reads it and, for a function, what its hole is tried with."""
    for name, node in recipe.values.items():
        yield ("values", name), node, None
    for player in recipe.players.values():
        for loss in player.losses.values():
            for parameter, node in loss.reads.items():
                yield (*loss.key, parameter), node, None
            example = next(iter(loss.reads.values()), None)
            for parameter, node in loss.functions.items():
                yield (*loss.key, parameter), node, example
    for column in recipe.columns:
        yield ("sheet", "columns"), column, None
    for metric in recipe.metrics.values():
        for parameter, node in {**metric.reads, **metric.examples}.items():
            yield (*metric.key, parameter), node, None
        for parameter, node in (metric.baseline or {}).items():
            yield (*metric.key, "baseline", parameter), node, None

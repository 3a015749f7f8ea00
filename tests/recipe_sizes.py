"""The table of the shipped recipes' sizes, ``recipes/sizes.json``: ``python tests/recipe_sizes.py`` makes it.

Checkpoints are measured on networks without memory (torch's meta device), sheets on the first one that a run would
draw. It takes some minutes, most of them for the faces that no cache holds yet; ``NAME ...`` measures those alone.
"""

from __future__ import annotations

import json
import sys
from types import SimpleNamespace
from typing import Any, cast

import torch
from attrs import evolve

from gan_recipe.engine.build import build_networks
from gan_recipe.engine.checkpoint_size import checkpoint_size
from gan_recipe.engine.graph import Graph
from gan_recipe.engine.player import Player
from gan_recipe.engine.rehearsal import first_sheet
from gan_recipe.engine.training import Training
from gan_recipe.errors import RecipeError
from gan_recipe.language.recipe import Recipe
from gan_recipe.language.recipe_file import shipped_recipes
from gan_recipe.runs.check_recipe import check
from gan_recipe.runs.known_sizes import shape_digest, sizes_table


def fresh(name: str) -> Recipe | None:
    """A shipped recipe whose networks begin with fresh weights; None for one that needs a folder of photographs."""
    try:
        recipe = check(name, starts=None)
    except RecipeError:
        return None
    networks = {key: evolve(spec, start=None, start_file=None) for key, spec in recipe.networks.items()}
    return evolve(recipe, networks=networks)


def phantom_checkpoint(recipe: Recipe) -> int:
    """The bytes of a checkpoint, by networks that have shapes and no memory."""
    with torch.device("meta"):
        batch = {
            name: torch.zeros(recipe.run.batch, *field.shape, dtype=getattr(torch, field.dtype))
            for name, field in recipe.fields.items()
        }
        networks = build_networks(recipe, batch)
        for player in recipe.players.values():
            for constraint in player.constraints.values():
                for each in constraint.on:
                    constraint.component.attach(networks[each])
        graph = Graph(networks, device="meta")
        players = {name: Player(recipe, spec, graph) for name, spec in recipe.players.items()}
        return checkpoint_size(cast(Training, SimpleNamespace(graph=graph, players=players)))


def measured(recipe: Recipe) -> dict[str, Any]:
    """A row of the table."""
    return {
        "recipe": shape_digest(recipe),
        "checkpoint": phantom_checkpoint(recipe),
        "sheet": first_sheet(Training(recipe)) if recipe.columns else 0,
    }


if __name__ == "__main__":
    table = json.loads(sizes_table().read_text()) if sys.argv[1:] else {}
    for name in sys.argv[1:] or shipped_recipes():
        if (recipe := fresh(name)) is not None:
            table[name] = measured(recipe)
            print(name, table[name]["checkpoint"], table[name]["sheet"], flush=True)
    sizes_table().write_text(json.dumps(dict(sorted(table.items())), indent=1) + "\n")

"""What a new run remembers of where it comes from: its recipe's changes against its parents', and its code."""

from __future__ import annotations

import sys
from typing import Any

import gan_recipe
from gan_recipe.components.registry import Registry
from gan_recipe.errors import UserError
from gan_recipe.language.recipe import Recipe
from gan_recipe.language.recipe_defaults import RecipeDefaults
from gan_recipe.language.recipe_diff import as_json, difference
from gan_recipe.runs.code_version import code_version
from gan_recipe.runs.recoveries import in_force
from gan_recipe.runs.run_folder import RunFolder, find_run
from gan_recipe.runs.warm_start import find_start


def changes_against(recipe: Recipe, name: str, registry: Registry) -> dict[str, list[dict[str, Any]]]:
    """By run, what ``recipe`` changes against each run that its weights come from.

    One that starts afresh is held against the run before it: the newest of the same ``name``. A run that keeps no
    recipe is left out.
    """
    found = {}
    for run in _parents(recipe) or _before(name):
        try:
            tables = in_force(run).tables
        except UserError:
            continue
        changes = difference(tables, recipe.resolved_tables, RecipeDefaults(registry))
        found[run.name] = [as_json(change) for change in changes]
    return found


def code_versions(registry: Registry) -> dict[str, Any]:
    """The state of the sources of the framework, and of each plugin in use, where these are run from a checkout."""
    plugins = {}
    for name, plugin in registry.plugins.items():
        module = sys.modules.get(plugin.entry_point.value.partition(":")[0].strip())
        if plugin.components is not None and module is not None and module.__file__:
            plugins[name] = code_version(module.__file__)
    return {"gan-recipe": code_version(gan_recipe.__file__), "plugins": plugins}


def _parents(recipe: Recipe) -> list[RunFolder]:
    starts = [find_start(spec.start, spec.name, recipe.run.scale) for spec in recipe.networks.values() if spec.start]
    return list({start.run.name: start.run for start in starts}.values())


def _before(name: str) -> list[RunFolder]:
    try:
        return [find_run(name.partition("/")[0])]
    except UserError:
        return []

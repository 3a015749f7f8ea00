"""The weights that networks begin with: another run's or a file's, where the recipe says so, and their constraints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import Factory, frozen
from torch import nn

from gan_recipe.components.failure import raised
from gan_recipe.engine.randomness import seeded
from gan_recipe.errors import Problem, RecipeError
from gan_recipe.language.recipe import ConstraintSpec, Recipe
from gan_recipe.runs.warm_start import Beginning, beginning


@frozen
class Origins:
    """Where weights come from, by network; those that are not among them are fresh."""

    #: Another run, its round and its network, and the networks here that could begin with weights of that round.
    runs: dict[str, dict[str, Any]] = Factory(dict)
    #: A file, which no run made.
    files: dict[str, dict[str, Any]] = Factory(dict)


def begin(recipe: Recipe, networks: Mapping[str, nn.Module]) -> Origins:
    """Load what ``start`` names and attach the constraints. Raises RecipeError for whatever does not fit."""
    origins, problems = Origins(), list[Problem]()
    begun_by: dict[str, Beginning] = {}
    for name, spec in recipe.networks.items():
        network = networks[name]
        constraints = [
            constraint
            for player in recipe.players.values()
            for constraint in player.constraints.values()
            if name in constraint.on
        ]
        try:
            begun = beginning(spec, recipe.run.scale)
            kept = origins.files if spec.start_file else origins.runs
            if begun and not spec.start_file:
                begun_by[name] = begun
            if begun and begun.fits(network):
                kept[name] = begun.load(network)
            with seeded("constraints", name, recipe.run.seed):
                for constraint in constraints:
                    problems += _attached(recipe, constraint, network)
            if begun and name not in kept:
                # The other run's network may have had such constraints itself, and their tensors with them.
                kept[name] = begun.load(network)
        except ValueError as error:
            problems.append(Problem(recipe.file.origin((*spec.key, "start")).where, ".".join(spec.key), str(error)))
    if problems:
        raise RecipeError(problems)
    for name, begun in begun_by.items():
        origins.runs[name]["fitting"] = begun.fitting(networks)
    return origins


def _attached(recipe: Recipe, constraint: ConstraintSpec, network: nn.Module) -> list[Problem]:
    try:
        constraint.component.attach(network)
    except Exception as error:  # a stranger's constraint may raise anything
        what = raised(error, constraint.component)
        return [Problem(recipe.file.origin(constraint.key).where, ".".join(constraint.key), what)]
    return []

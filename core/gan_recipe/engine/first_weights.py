"""The weights that networks begin with: another run's or a file's, where the recipe says so, and their constraints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import Factory, frozen
from torch import Tensor, nn

from gan_recipe.components.failure import raised
from gan_recipe.engine.randomness import seeded
from gan_recipe.errors import Problem, RecipeError, did_you_mean
from gan_recipe.language.recipe import ConstraintSpec, NetworkSpec, Recipe
from gan_recipe.runs.checkpoint import BrokenCheckpointError, load
from gan_recipe.runs.foreign_weights import read_weights
from gan_recipe.runs.warm_start import find_start


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
    begun_by: dict[str, _Beginning] = {}
    for name, spec in recipe.networks.items():
        network = networks[name]
        constraints = [
            constraint
            for player in recipe.players.values()
            for constraint in player.constraints.values()
            if name in constraint.on
        ]
        try:
            begun = _beginning(spec, recipe.run.scale)
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


def _beginning(spec: NetworkSpec, scale: float) -> _Beginning | None:
    """The weights that a network starts with; None for fresh ones. Raises ValueError when they cannot be read."""
    if spec.start_file:
        weights, told = read_weights(spec.start_file)
        return _Beginning(str(spec.start_file.path), weights, told, {})
    if spec.start is None:
        return None
    start = find_start(spec.start, spec.name, scale)
    try:
        checkpoint = load(start.run, start.round)
    except BrokenCheckpointError as error:
        raise ValueError(f"the checkpoint {start.run.name}@{start.round} is damaged: {error}") from error
    networks = checkpoint.tensors["networks"]
    weights = _of_network(networks, start.network)
    if not weights:
        known = {key.partition("/")[0] for key in networks}
        raise ValueError(f"{start.run.name} has no network {start.network!r}.{did_you_mean(start.network, known)}")
    told = {"run": start.run.name, "round": start.round, "network": start.network, "sha256": checkpoint.sha256}
    return _Beginning(f"{start.run.name}@{start.round}:{start.network}", weights, told, networks)


@frozen
class _Beginning:
    """Weights that a network starts with."""

    #: Where they come from, for messages.
    where: str
    _weights: Mapping[str, Tensor]
    #: What a run remembers of them.
    told: dict[str, Any]
    #: The tensors of all networks of the checkpoint, as ``NETWORK/KEY``; none of a file, which says of no run's phase.
    _beside: Mapping[str, Tensor]

    def fits(self, module: nn.Module) -> bool:
        return not _misfits(self._weights, module)

    def fitting(self, networks: Mapping[str, nn.Module]) -> list[str]:
        """Which of these networks could begin with the checkpoint's weights of that name."""
        theirs = {name: _of_network(self._beside, name) for name in networks}
        return [name for name, network in networks.items() if theirs[name] and not _misfits(theirs[name], network)]

    def load(self, module: nn.Module) -> dict[str, Any]:
        """Load the weights and tell where they came from. Raises ValueError listing every shape that does not fit."""
        if wrong := _misfits(self._weights, module):
            listed = "; ".join(wrong[:8]) + (f"; and {len(wrong) - 8} more" if len(wrong) > 8 else "")
            raise ValueError(f"the weights of {self.where} do not fit: {listed}")
        module.load_state_dict(self._weights)
        return self.told


def _of_network(tensors: Mapping[str, Tensor], network: str) -> dict[str, Tensor]:
    """The tensors of one network of a checkpoint."""
    prefix = f"{network}/"
    return {key.removeprefix(prefix): tensor for key, tensor in tensors.items() if key.startswith(prefix)}


def _misfits(theirs: Mapping[str, Tensor], module: nn.Module) -> list[str]:
    mine = module.state_dict()
    return [
        *(f"{key} is missing there" for key in mine if key not in theirs),
        *(f"{key} is unknown here" for key in theirs if key not in mine),
        *(
            f"{key} has shape {tuple(theirs[key].shape)} there and {tuple(value.shape)} here"
            for key, value in mine.items()
            if key in theirs and theirs[key].shape != value.shape
        ),
    ]

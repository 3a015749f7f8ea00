"""``start = "siamese@31600"``: a network that begins with another run's weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import frozen

from gan_recipe.components.toml_value import cut
from gan_recipe.errors import UserError, did_you_mean, nearest
from gan_recipe.language.recipe import NetworkSpec
from gan_recipe.language.recipe_file import shipped_recipes
from gan_recipe.language.scale import scaled
from gan_recipe.language.start import Wanted
from gan_recipe.runs.foreign_weights import read_weights
from gan_recipe.runs.run_folder import NAME, RunFolder, checkpoint_rounds, find_run, runs_named

if TYPE_CHECKING:
    from torch import Tensor, nn


_LONGEST_ROUND = 12


@frozen
class Start:
    """Where a network's weights are found."""

    run: RunFolder
    round: int
    network: str


def existing(wanted: Wanted) -> None:
    """The weights are there. Raises ValueError that names the command which makes them."""
    try:
        find_start(wanted.stated, wanted.network, wanted.scale)
    except ValueError as error:
        if recipe_of_run(wanted):
            cure = f"To train it first: gan-recipe run {wanted.recipe} --with-parents"
        else:
            cure = missing_recipe(wanted)
        raise ValueError(f"{error} {cure}") from None


def recipe_of_run(wanted: Wanted) -> Path | None:
    """The recipe that makes the run: the file of that name beside this recipe, else the shipped one."""
    name = wanted.parts[0].partition("/")[0]
    if not NAME.fullmatch(name):
        return None
    beside = [folder / f"{name}.toml" for folder in wanted.folders]
    shipped = [path for path in shipped_recipes().values() if path.stem == name]
    found = [path for path in beside if path.is_file()] or (shipped if len(shipped) == 1 else [])
    return found[0] if found else None


def missing_recipe(wanted: Wanted) -> str:
    """A sentence for a run that no recipe would make."""
    name = wanted.parts[0].partition("/")[0]
    shipped = {path.stem for path in shipped_recipes().values()}
    hint = did_you_mean(name, shipped) if nearest(name, shipped) else ""
    return f"No {cut(name)}.toml that would make it lies beside this recipe, nor is one shipped.{hint}"


def find_start(stated: str, network: str, scale: float = 1.0) -> Start:
    """Look up ``RUN``, ``RUN@ROUND`` or ``RUN@ROUND:NETWORK``. Raises ValueError for what is not there.

    Of the runs of one name, the newest that has the checkpoint; those at the same ``scale`` come before others.
    """
    place, _, other = stated.partition(":")
    name, at, round = place.partition("@")
    try:
        newest = find_run(name)
    except UserError as error:
        raise ValueError(str(error)) from None
    runs = [*reversed(runs_named(name))] if NAME.fullmatch(name) and newest.path.parent.name == name else [newest]
    problem: ValueError | None = None
    for run in sorted(runs, key=lambda run: run.scale != scale):
        have = checkpoint_rounds(run)
        try:
            if not have:
                raise ValueError(f"the run {run.name} has no checkpoint.")
            return Start(run, _round_of(run, round, have) if at else have[-1], other or network)
        except ValueError as error:
            problem = problem or error
    assert problem is not None, "find_run found one"
    raise problem


def _round_of(run: RunFolder, stated: str, have: list[int]) -> int:
    """The round of a run that a recipe calls ``stated``: it counts as the run's recipe does, before ``run.scale``."""
    kept = ", ".join(map(str, have))
    if not is_round(stated):
        raise ValueError(
            f"the run {run.name} has no checkpoint of round {cut(stated) or '(none stated)'}; it has: {kept}."
        )
    scale = run.scale
    round = scaled(int(stated), scale)
    if round not in have:
        shortened = f" (its {round}, for it ran at scale {scale:g})" if scale != 1 else ""
        raise ValueError(
            f"the run {run.name} has no checkpoint of round {stated}{shortened}; it has: {kept}. "
            f"A recipe that states run.keep_at = [{int(stated)}] keeps that one"
        )
    return round


def is_round(stated: str) -> bool:
    """Whether a text is the number of a round."""
    return stated.isdecimal() and len(stated) <= _LONGEST_ROUND


def beginning(spec: NetworkSpec, scale: float) -> Beginning | None:
    """The weights that a network starts with; None for fresh ones. Raises ValueError when they cannot be read."""
    if spec.start_file:
        weights, told = read_weights(spec.start_file)
        return Beginning(str(spec.start_file.path), weights, told, {})
    if spec.start is None:
        return None
    from gan_recipe.runs.checkpoint import BrokenCheckpointError, load

    start = find_start(spec.start, spec.name, scale)
    try:
        checkpoint = load(start.run, start.round)
    except BrokenCheckpointError as error:
        raise ValueError(f"the checkpoint {start.run.name}@{start.round} is damaged: {error}") from error
    prefix = f"{start.network}/"
    networks = checkpoint.tensors["networks"]
    weights = {key.removeprefix(prefix): v for key, v in networks.items() if key.startswith(prefix)}
    if not weights:
        known = {key.partition("/")[0] for key in networks}
        raise ValueError(f"{start.run.name} has no network {start.network!r}.{did_you_mean(start.network, known)}")
    told = {"run": start.run.name, "round": start.round, "network": start.network, "sha256": checkpoint.sha256}
    return Beginning(f"{start.run.name}@{start.round}:{start.network}", weights, told, networks)


@frozen
class Beginning:
    """Weights that a network starts with."""

    #: Where they come from, for messages.
    where: str
    _weights: Mapping[str, Tensor]
    #: What a run remembers of them.
    told: dict[str, Any]
    #: The tensors of all networks of the checkpoint, as ``NETWORK/KEY``; none of a file, which says of no run's phase.
    _beside: Mapping[str, Tensor]

    def fits(self, module: nn.Module) -> bool:
        return not self._misfits(module)

    def fitting(self, networks: Mapping[str, nn.Module]) -> list[str]:
        """Which of these networks could begin with the checkpoint's weights of that name."""
        theirs: dict[str, dict[str, tuple[int, ...]]] = {}
        for path, tensor in self._beside.items():
            name, _, key = path.partition("/")
            theirs.setdefault(name, {})[key] = tuple(tensor.shape)
        mine = {
            name: {key: tuple(tensor.shape) for key, tensor in network.state_dict().items()}
            for name, network in networks.items()
        }
        return [name for name, shapes in mine.items() if shapes and theirs.get(name) == shapes]

    def load(self, module: nn.Module) -> dict[str, Any]:
        """Load the weights and tell where they came from. Raises ValueError listing every shape that does not fit."""
        if wrong := self._misfits(module):
            listed = "; ".join(wrong[:8]) + (f"; and {len(wrong) - 8} more" if len(wrong) > 8 else "")
            raise ValueError(f"the weights of {self.where} do not fit: {listed}")
        module.load_state_dict(self._weights)
        return self.told

    def _misfits(self, module: nn.Module) -> list[str]:
        theirs, mine = self._weights, module.state_dict()
        return [
            *(f"{key} is missing there" for key in mine if key not in theirs),
            *(f"{key} is unknown here" for key in theirs if key not in mine),
            *(
                f"{key} has shape {tuple(theirs[key].shape)} there and {tuple(value.shape)} here"
                for key, value in mine.items()
                if key in theirs and theirs[key].shape != value.shape
            ),
        ]

"""``start = "siamese@31600"``: a network that begins with another run's weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import frozen

from gan_recipe.errors import UserError, did_you_mean
from gan_recipe.recipe import NetworkSpec
from gan_recipe.run_folder import RunFolder, checkpoint_rounds, find_run
from gan_recipe.scale import scaled
from gan_recipe.toml_value import cut

if TYPE_CHECKING:
    from torch import nn


_LONGEST_ROUND = 12


@frozen
class Start:
    """Where a network's weights are found."""

    run: RunFolder
    round: int
    network: str


def find_start(stated: str, network: str) -> Start:
    """Look up ``RUN``, ``RUN@ROUND`` or ``RUN@ROUND:NETWORK``. Raises ValueError that names the cure."""
    place, _, other = stated.partition(":")
    name, at, round = place.partition("@")
    try:
        run = find_run(name)
    except UserError as error:
        raise ValueError(f"{error} Train it first: gan-recipe run {name.partition('/')[0]}") from None
    have = checkpoint_rounds(run)
    if not have:
        raise ValueError(f"the run {run.name} has no checkpoint")
    return Start(run, _round_of(run, round, have) if at else have[-1], other or network)


def _round_of(run: RunFolder, stated: str, have: list[int]) -> int:
    """The round of a run that a recipe calls ``stated``: it counts as the run's recipe does, before ``run.scale``."""
    kept = ", ".join(map(str, have))
    if not stated.isdecimal() or len(stated) > _LONGEST_ROUND:
        raise ValueError(
            f"the run {run.name} has no checkpoint of round {cut(stated) or '(none stated)'}; it has: {kept}"
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


class Beginning:
    """The weights that a network starts with. Raises ValueError when they cannot be read."""

    def __init__(self, spec: NetworkSpec) -> None:
        from gan_recipe.checkpoint import BrokenCheckpointError, load

        assert spec.start is not None
        self._start = start = find_start(spec.start, spec.name)
        try:
            checkpoint = load(start.run, start.round)
        except BrokenCheckpointError as error:
            raise ValueError(f"the checkpoint {start.run.name}@{start.round} is damaged: {error}") from error
        prefix = f"{start.network}/"
        networks = checkpoint.tensors["networks"]
        self._weights = {key.removeprefix(prefix): v for key, v in networks.items() if key.startswith(prefix)}
        if not self._weights:
            known = {key.partition("/")[0] for key in networks}
            raise ValueError(f"{start.run.name} has no network {start.network!r}.{did_you_mean(start.network, known)}")
        self._sha256 = checkpoint.sha256

    def fits(self, module: nn.Module) -> bool:
        return not self._misfits(module)

    def load(self, module: nn.Module) -> dict[str, Any]:
        """Load the weights and tell where they came from. Raises ValueError listing every shape that does not fit."""
        start = self._start
        if wrong := self._misfits(module):
            listed = "; ".join(wrong[:8]) + (f"; and {len(wrong) - 8} more" if len(wrong) > 8 else "")
            raise ValueError(f"the weights of {start.run.name}@{start.round}:{start.network} do not fit: {listed}")
        module.load_state_dict(self._weights)
        return {"run": start.run.name, "round": start.round, "network": start.network, "sha256": self._sha256}

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

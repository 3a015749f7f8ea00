"""``start = "siamese@31600"``: a network that begins with another run's weights."""

from __future__ import annotations

from pathlib import Path

from attrs import frozen

from gan_recipe.components.toml_value import cut
from gan_recipe.errors import UserError, did_you_mean, nearest
from gan_recipe.language.recipe_file import shipped_recipes
from gan_recipe.language.scale import scaled
from gan_recipe.language.start import Wanted
from gan_recipe.runs.run_folder import NAME, RunFolder, checkpoint_rounds, find_run, runs_named

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

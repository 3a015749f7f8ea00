"""What can be told of a run from its folder alone: verdicts, and what was not measured. No torch."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from attrs import frozen

from gan_recipe.components.registry import Registry
from gan_recipe.health.bench import Bench
from gan_recipe.language.recipe import Recipe
from gan_recipe.runs.check_recipe import check_run
from gan_recipe.runs.recoveries import recoveries
from gan_recipe.runs.run_folder import RunFolder
from gan_recipe.runs.verdicts import Told, verdicts


@frozen
class Diagnosis:
    """One run's verdicts."""

    folder: RunFolder
    outcome: str
    rounds: int
    is_off: bool
    told: tuple[Told, ...]
    #: Each time that the run went back to an earlier checkpoint, in plain words.
    recoveries: tuple[str, ...]
    #: What the doctor could not measure in this recipe, and why.
    unmeasured: Mapping[str, str]


def diagnosis(folder: RunFolder) -> Diagnosis:
    """Gather what was told; a run without ``verdicts.jsonl`` is judged now, from its figures. Raises UserError."""
    described = folder.describe()
    recipe = check_run(folder, Registry.installed(), starts=None)
    told = verdicts(folder)
    if not os.path.exists(folder.verdicts):
        told = judged_again(folder, recipe, described.get("parents") or {})
    rounds = described.get("round", 0)
    return Diagnosis(
        folder,
        str(described.get("outcome", "?")),
        rounds if isinstance(rounds, int) else 0,
        not recipe.doctor.settings.enabled,
        tuple(told),
        tuple(recovery.sentence() for recovery in recoveries(folder)),
        unmeasured(recipe),
    )


def judged_again(folder: RunFolder, recipe: Recipe, parents: Mapping[str, Any]) -> list[Told]:
    """What the verdicts say of the figures on file."""
    bench = Bench(recipe, parents)
    return [told for line in folder.lines() for told in bench.hear(line.get("round", 0), line)]


def unmeasured(recipe: Recipe) -> dict[str, str]:
    """What the signals leave out in this recipe."""
    case = Bench(recipe).case
    found: dict[str, str] = {}
    for name, signal in recipe.doctor.signals.items():
        try:
            found |= signal.without(case)
        except Exception as error:  # a stranger's signal may raise anything; the others are told
            found[name] = f"this signal fails when it is asked: {type(error).__name__}: {error}"
    return found

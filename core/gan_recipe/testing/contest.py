"""The contest that signals and verdicts are tried on: a recipe, a few rounds of it, and figures of a healthy run."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gan_recipe.errors import UserError
from gan_recipe.health.case import Case
from gan_recipe.health.contests import contests, meetings
from gan_recipe.language.recipe import Recipe
from gan_recipe.runs.check_recipe import check
from gan_recipe.runs.figure_names import SIGNAL_PREFIX
from gan_recipe.testing.trial import Failure, Trial

if TYPE_CHECKING:
    from torch import Tensor

    from gan_recipe.engine.training import Training
    from gan_recipe.health.moment import Moment

#: How often a course of figures is looked at, and how many rounds lie between.
LOOKS, EVERY = 40, 50
#: The run whose weights the networks start from, generators' ones from a round of their own.
_PARENT, _ROUND, _GENERATORS_ROUND = "parent/1", 900, 800

Figures = Mapping[str, "Tensor | float"]
#: Is given the name of the signal's method, a call of it, the training, and the moment where there is one.
Look = Callable[[str, Callable[[], Figures], "Training", "Moment | None"], None]


def recipe_path(trial: Trial) -> str:
    """The recipe that the trial states, or the kit's own."""
    if not trial.recipe:
        return str(Path(__file__).with_name("contest.toml"))
    return str(Path(trial.recipe).resolve()) if Path(trial.recipe).exists() else trial.recipe


def recipe_of(trial: Trial) -> Recipe:
    """That recipe, checked. Raises Failure."""
    try:
        return _checked(recipe_path(trial))
    except UserError as error:
        raise Failure(str(error), "a sound recipe to try it on", "state a sound one as the trial's recipe") from error


@cache
def _checked(path: str) -> Recipe:
    return check(path)


def case_of(trial: Trial) -> Case:
    """The recipe as a verdict sees it before the first figure, in a run all of whose networks were warm-started."""
    recipe = recipe_of(trial)
    generators = {contest.generator for contest in contests(recipe)}
    parents: dict[str, Mapping[str, str | int]] = {}
    for name, player in recipe.players.items():
        round = _GENERATORS_ROUND if name in generators else _ROUND
        parents |= {network: {"run": _PARENT, "round": round} for network in player.trains}
    return Case(recipe, parents)


def train(trial: Trial, look: Look | None, rounds: int = 2) -> Training:
    """Play some rounds, and look as the doctor does: at every move, at its step, and between two rounds."""
    import torch

    from gan_recipe.engine.training import Training
    from gan_recipe.health.moment import Look as RunLook
    from gan_recipe.health.moment import Moment

    recipe, signal = recipe_of(trial), trial.made()
    every = contests(recipe)
    training = Training(recipe)
    moments: list[Moment] = []

    def watch(round: int, move: Any, store: Any, values: Any) -> None:
        at = Moment.of(training, every, meetings(recipe, move.player), round, move, store, values)
        moments.append(at)
        if look is not None:
            with torch.no_grad():
                look("at_move", lambda: signal.at_move(at), training, at)

    for round in range(rounds):
        moments.clear()
        training.play(round, training.stream.batch(round), watch)
        if look is None:
            continue
        with torch.no_grad():
            for moment in moments:
                look("at_step", lambda moment=moment: signal.at_step(moment), training, moment)  # type: ignore[misc]
            seen = RunLook(round + 1, recipe, every, training)
            with training.averaged():
                look("at_round", lambda seen=seen: signal.at_round(seen), training, None)  # type: ignore[misc]
    return training


def healthy(trial: Trial) -> dict[str, Sequence[float]]:
    """What the built-in signals tell of a healthy run of the recipe, one number for each look, and what the trial adds.

    The numbers are of the kind that docs/doctor.md shows: a critic that is right more often than not and doubts,
    outputs nearly as varied as the data, losses that share the gradient, nothing that grows.
    """
    recipe = recipe_of(trial)
    found: dict[str, float] = {}
    for contest in contests(recipe):
        at = f"{contest.critic}/{contest.loss}"
        found |= {f"{at}/gap": 0.5, f"{at}/real": 0.3, f"{at}/fake": -0.2, f"{at}/ranked": 0.75, f"{at}/sign": 0.3}
        found |= {f"{at}/doubt": 0.8, f"{at}/saturated": 0.1, f"{at}/apart": 0.7, f"{at}/copies": 0.0}
        found |= {f"{at}/diversity": 0.95, f"{at}/modes": 0.95, f"{at}/detail": 1.0, f"{at}/limits": 0.0}
        found |= {f"held_out/{contest.loss}/{name}": value for name, value in _HELD_OUT.items()}
        found[f"{contest.generator}/{contest.generator_loss}/distance"] = 0.3
    for name, player in recipe.players.items():
        found |= {f"{name}/weights": 10.0, f"{name}/gradient": 1.0, f"{name}/step": 0.5, f"{name}/average": 0.01}
        found |= {f"{name}/spectrum/{network}": 2.0 for network in player.trains}
        for loss in player.losses.values():
            labels = loss.reads.get("labels")
            classes = case_of(trial).fields_of(labels).get(labels.name) if labels is not None else None
            found[f"{name}/loss/{loss.name}"] = math.log(classes) / 2 if classes else 0.7
        for meeting in meetings(recipe, player):
            found |= {f"{name}/{meeting.label}/share/{loss}": 1 / len(meeting.losses) for loss in meeting.losses}
    return _courses(found | dict(trial.healthy))


_HELD_OUT = {"gap": 0.05, "ranked": 0.55, "share": 0.1, "copied": 0.3, "distance": 0.1}


def failing(trial: Trial) -> dict[str, Sequence[float]]:
    """The same of a run that fails as the trial says."""
    return {**healthy(trial), **_courses(trial.failing)}


def _courses(figures: Mapping[str, float | Sequence[float]]) -> dict[str, Sequence[float]]:
    """One number for each look; the last of a shorter course stays."""
    found: dict[str, Sequence[float]] = {}
    for name, course in figures.items():
        stated = [float(course)] if isinstance(course, (int, float)) else [float(value) for value in course]
        found[name.removeprefix(SIGNAL_PREFIX)] = [stated[min(look, len(stated) - 1)] for look in range(LOOKS)]
    return found


@contextmanager
def without_torch() -> Iterator[None]:
    """Within the block an import of torch fails: recipes are checked, and finished runs judged, without it."""
    kept = sys.modules.get("torch")
    sys.modules["torch"] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        if kept is None:
            del sys.modules["torch"]
        else:
            sys.modules["torch"] = kept

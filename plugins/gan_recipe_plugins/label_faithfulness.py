"""Whether outputs show what their labels say, through the run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from attrs import frozen

from gan_recipe import Signal

if TYPE_CHECKING:
    from torch import Tensor

    from gan_recipe import Case, Look


@frozen
class LabelFaithfulness(Signal):
    """The recipe's judged metrics through the run: ``label/pose`` is the metric ``judged_pose``.

    Taken over 64 held-out samples, for every metric that learns from examples first (``judged_accuracy`` and the like)
    and has done so already: ``gan-recipe judge RECIPE`` trains the judges and keeps them, and the end of a run does.
    """

    sparse = 10

    def at_round(self, look: Look) -> Mapping[str, Tensor | float]:
        figures = {_short(name): look.figure(name, samples=64) for name in _judged(look)}
        return {f"label/{name}": value for name, value in figures.items() if value is not None}

    def without(self, case: Case) -> Mapping[str, str]:
        if not _judged(case):
            return {"label faithfulness": "no metric of the recipe is judged; judged_accuracy is one"}
        return {}


def _judged(seen: Look | Case) -> list[str]:
    return [name for name, metric in seen.recipe.metrics.items() if metric.examples]


def _short(metric: str) -> str:
    return metric.removeprefix("judged_")

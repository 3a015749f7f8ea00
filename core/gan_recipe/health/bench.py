"""The bench: the verdicts of a run, told from its figures as they come. No torch: files of a finished run will do."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import Any

from attrs import define, field

from gan_recipe.health.case import Case
from gan_recipe.interfaces import Finding
from gan_recipe.language.recipe import Recipe
from gan_recipe.runs.figure_names import SIGNAL_PREFIX
from gan_recipe.runs.verdicts import Told


@define
class Bench:
    """Hears every line of figures, and says what is wrong: once, and again when it comes back after a long while."""

    recipe: Recipe
    parents: Mapping[str, Mapping[str, Any]] = field(factory=dict)
    case: Case = field(init=False)
    #: The round in which each failure was last seen, told or not.
    _seen: dict[tuple[str, str], int] = field(factory=dict, init=False)
    _silenced: set[str] = field(factory=set, init=False)

    def __attrs_post_init__(self) -> None:
        self.case = Case(self.recipe, self.parents)

    def hear(self, round: int, figures: Mapping[str, Any]) -> list[Told]:
        """Take up a line of ``metrics.jsonl``; returns what is to be told now."""
        self.case.learn(round, figures)
        if not any(name.startswith(SIGNAL_PREFIX) or "/loss/" in name for name in figures):
            return []
        new = []
        for name, verdict in self.recipe.doctor.verdicts.items():
            if name in self._silenced:
                continue
            try:
                found: Iterable[Finding] = list(verdict.judge(self.case))
            except Exception as error:  # a stranger's verdict may raise anything; training goes on
                self._silenced.add(name)
                told = f"the verdict {name!r} failed and judges no more: {type(error).__name__}: {error}"
                warnings.warn(told, RuntimeWarning, stacklevel=2)
                continue
            for finding in found:
                key = (name, finding.about)
                if key not in self._seen or round - self._seen[key] > self.recipe.doctor.settings.again:
                    told_now = (finding.told, finding.figures, finding.cure, finding.about, finding.since)
                    new.append(Told(round, name, *told_now, finding.others))
                self._seen[key] = round
        return new

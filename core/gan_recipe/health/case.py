"""What a verdict sees: the recipe, and every figure of the run so far by round. No torch: a finished run will do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import define, field, frozen

from gan_recipe.health.contests import Contest, Meeting, contests, handed_on, label_fields, meetings, written
from gan_recipe.language.dataflow import Node
from gan_recipe.language.recipe import Recipe
from gan_recipe.runs.figure_names import SIGNAL_PREFIX


@frozen
class Series:
    """One figure over the rounds in which it was measured."""

    rounds: tuple[int, ...]
    values: tuple[float, ...]

    def __len__(self) -> int:
        return len(self.values)

    @property
    def last(self) -> float:
        return self.values[-1]

    def since(self, round: int) -> Series:
        """The part from ``round`` on."""
        first = next((place for place, at in enumerate(self.rounds) if at >= round), len(self.rounds))
        return Series(self.rounds[first:], self.values[first:])

    def recent(self, count: int) -> Series:
        return Series(self.rounds[-count:], self.values[-count:])

    def mean(self) -> float:
        """The mean of the values. Raises ValueError when there are none."""
        if not self.values:
            raise ValueError("a series without values has no mean")
        return sum(self.values) / len(self.values)

    def median(self) -> float:
        """The middle value. Raises ValueError when there are none."""
        if not self.values:
            raise ValueError("a series without values has no median")
        ordered = sorted(self.values)
        middle = len(ordered) // 2
        return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2

    def stayed(self, count: int, *, above: float | None = None, below: float | None = None) -> bool:
        """Whether the last ``count`` values were all there, and all beyond the bounds."""
        last = self.values[-count:]
        return len(last) == count and all(
            (above is None or value > above) and (below is None or value < below) for value in last
        )


_EMPTY = Series((), ())


@define
class Case:
    """A run as its verdicts see it."""

    recipe: Recipe
    #: Where the weights of each warm-started network come from: ``{"run": ..., "round": ..., "fitting": [...]}``, the
    #: last being the networks that could begin with weights of that round.
    parents: Mapping[str, Mapping[str, Any]] = field(factory=dict)
    #: The last round of which there are figures.
    round: int = 0
    contests: tuple[Contest, ...] = field(init=False)
    _rounds: dict[str, list[int]] = field(factory=dict, init=False)
    _values: dict[str, list[float]] = field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        self.contests = contests(self.recipe)

    def learn(self, round: int, figures: Mapping[str, Any]) -> None:
        """Take up one line of figures."""
        self.round = max(self.round, round)
        for name, value in figures.items():
            if isinstance(value, (int, float)):
                name = name.removeprefix(SIGNAL_PREFIX)
                self._rounds.setdefault(name, []).append(round)
                self._values.setdefault(name, []).append(float(value))

    def series(self, figure: str) -> Series:
        """A figure by name, without ``signals/``; an empty one when it was never measured."""
        if figure not in self._values:
            return _EMPTY
        return Series(tuple(self._rounds[figure]), tuple(self._values[figure]))

    def figures(self) -> Iterable[str]:
        """The names of all figures there are."""
        return self._values.keys()

    def meetings(self, player: str) -> tuple[Meeting, ...]:
        """Where the losses of a player meet."""
        return meetings(self.recipe, self.recipe.players[player])

    def fields_of(self, node: Node) -> Mapping[str, int | None]:
        """The fields of the batch that a value reads, and their classes where they are labels."""
        return label_fields(self.recipe, node)

    # ------------------------------------------------------------------------------------------------ for cures

    def function(self, contest: Contest) -> str | None:
        """The contest's critic as a function of the sample, as a penalty is handed it: ``verdict(trunk(_))``.

        What changes samples on their way to the critic is part of it, ``verdict(trunk(augment(_)))``; what watches its
        scores is not.
        """
        return None if contest.real is None else written(handed_on(self.recipe, contest.real_score), contest.real)

    def text(self, node: Node) -> str:
        """The node as a recipe writes it."""
        return written(node)

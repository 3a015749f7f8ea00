"""When the cured run of faces ends healthy, in figures: beside healthy runs of as many rounds, people and pixels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import log, sqrt
from statistics import mean
from typing import Any

from attrs import frozen

Row = dict[str, Any]

# What a cured run must have of the healthy ones' variety, and of what their critics have learnt of the light.
_PART = 0.75
_LIGHTS = 20


@frozen
class Figure:
    """A figure of the last three looks, and its bound by those of the healthy runs."""

    key: str
    title: str
    form: str
    bound: Callable[[Sequence[float]], float]
    is_upper: bool
    #: The only verdict after which the bound is asked for; None after any.
    after: str | None = None

    def asked(self, case: Any) -> bool:
        return self.after in (None, case.verdict)

    def stated(self, healthy: Sequence[Row]) -> float:
        return self.bound([float(row["last"][self.key]) for row in healthy])


FIGURES = (
    # Half of what is new stands nearer to a training sample by chance; 1 / 2 sqrt(32) is that share's deviation.
    Figure("copied", "copies", ".0%", lambda healthy: max(0.5, max(healthy) + 0.5 / sqrt(32)), True),
    Figure("distance", "distance", ".3f", lambda healthy: 1.1 * mean(healthy), True),
    Figure("diversity", "diversity", ".2f", lambda healthy: _PART * mean(healthy), False),
    Figure("modes", "modes", ".2f", lambda healthy: _PART * mean(healthy), False),
    Figure(
        "light",
        "loss of light",
        ".2f",
        lambda healthy: log(_LIGHTS) * (1 - _PART) + _PART * mean(healthy),
        True,
        after="factor_lost",
    ),
)


def lacks(case: Any, row: Row, healthy: Sequence[Row]) -> list[str]:
    """What the cured run of ``row`` lacks of a healthy end, in words; empty where it lacks nothing."""
    cured = row["cured"]
    found = [verdict for _, verdict in cured["told"]] + ([] if cured["outcome"] == "done" else [cured["outcome"]])
    for figure in FIGURES:
        value, bound = cured["last"][figure.key], figure.stated(healthy)
        if figure.asked(case) and (value > bound if figure.is_upper else value < bound):
            found.append(f"{figure.title} {value:{figure.form}}")
    if case.verdict == "overfitting" and cured["last"]["distance"] > row["last"]["nearest"]:
        found.append("further from its targets than the failed run at best")
    return found


def table(rows: Sequence[tuple[Any, Row]], healthy: Sequence[Row]) -> Iterator[str]:
    """A row for each cured run: what the failed one had, what it has, and the bound."""
    yield f"| case | seed | beside | {' | '.join(each.title for each in FIGURES)} | ends healthy |"
    yield f"|---|---|---|{'---|' * len(FIGURES)}---|"
    for case, row in rows:
        like = [each for each in healthy if each["case"] == case.like]
        cells = [case.name, str(row["seed"]), case.like, *(_cell(case, row, figure, like) for figure in FIGURES)]
        ends = ", ".join(lacks(case, row, like))
        yield f"| {' | '.join(cells)} | {f'no: {ends}' if ends else 'yes'} |"


def _cell(case: Any, row: Row, figure: Figure, healthy: Sequence[Row]) -> str:
    failed, cured, bound = row["last"][figure.key], row["cured"]["last"][figure.key], figure.stated(healthy)
    best = f" ({row['last']['nearest']:{figure.form}} at best)" if figure.key == "distance" else ""
    ran = f"{failed:{figure.form}}{best} to {cured:{figure.form}}"
    if not figure.asked(case):
        return ran
    return f"{ran}, at {'most' if figure.is_upper else 'least'} {bound:{figure.form}}"

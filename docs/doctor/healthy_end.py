"""When a cured run ends healthy, in figures: beside healthy runs of as many rounds, and as many people and pixels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import log, sqrt
from statistics import mean
from typing import Any

from attrs import frozen

Row = dict[str, Any]

# What a cured run must have of the healthy ones' variety, and of what their critics have learnt of the light; of the
# samples that they have near a cluster; of their least variety after a load.
_PART, _NEAR, _DIP = 0.75, 2 / 3, 0.95
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


_VARIETY = (
    Figure("diversity", "diversity", ".2f", lambda healthy: _PART * mean(healthy), False),
    Figure("modes", "modes", ".2f", lambda healthy: _PART * mean(healthy), False),
)
RING = (
    Figure("found", "clusters", ".0f", min, False),
    Figure("good", "near one", ".0%", lambda healthy: _NEAR * mean(healthy), False),
    *_VARIETY,
    Figure(
        "lowest",
        "diversity at worst",
        ".2f",
        lambda healthy: _DIP * mean(healthy),
        False,
        after="phase_mismatch_after_load",
    ),
)
FACES = (
    # Half of what is new stands nearer to a training sample by chance; 1 / 2 sqrt(32) is that share's deviation.
    Figure("copied", "copies", ".0%", lambda healthy: max(0.5, max(healthy) + 0.5 / sqrt(32)), True),
    Figure("distance", "distance", ".3f", lambda healthy: 1.1 * mean(healthy), True),
    *_VARIETY,
    Figure(
        "light",
        "loss of light",
        ".2f",
        lambda healthy: log(_LIGHTS) * (1 - _PART) + _PART * mean(healthy),
        True,
        after="factor_lost",
    ),
)


FIGURES = {"ring": RING, "faces": FACES}


def lacks(case: Any, row: Row, rows: Sequence[Row]) -> list[str]:
    """What the cured run of ``row`` lacks of a healthy end, in words; empty where it lacks nothing.

    ``rows`` are all of the table, the healthy ones that it is held against among them.
    """
    cured, healthy = row["cured"], _beside(case, rows)
    found = [verdict for _, verdict in cured["told"]] + ([] if cured["outcome"] == "done" else [cured["outcome"]])
    for figure in FIGURES[case.base]:
        value, bound = cured["last"].get(figure.key), figure.stated(healthy)
        if not figure.asked(case):
            continue
        if value is None:
            found.append(f"no figure of {figure.title}")
        elif value > bound if figure.is_upper else value < bound:
            found.append(f"{figure.title} {value:{figure.form}}")
    if (
        case.verdict == "overfitting"
        and "distance" in cured["last"]
        and cured["last"]["distance"] > row["last"]["nearest"]
    ):
        found.append("further from its targets than the failed run at best")
    return found


def table(base: str, cured: Sequence[tuple[Any, Row]], rows: Sequence[Row]) -> Iterator[str]:
    """A row for each cured run over ``base``: what the failed one had, what it has, and the bound."""
    figures = FIGURES[base]
    yield f"| case | seed | cured of | beside | {' | '.join(each.title for each in figures)} | ends healthy |"
    yield f"|---|---|---|---|{'---|' * len(figures)}---|"
    for case, row in cured:
        if case.base == base:
            healthy = _beside(case, rows)
            cells = [case.name, str(row["seed"]), case.verdict, case.like]
            cells += [_cell(case, row, figure, healthy) for figure in figures]
            cells += [f"no: {', '.join(ends)}" if (ends := lacks(case, row, rows)) else "yes"]
            yield f"| {' | '.join(cells)} |"


def _beside(case: Any, rows: Sequence[Row]) -> list[Row]:
    """The healthy runs that a case's cured ones are held against."""
    return [each for each in rows if each["case"] == case.like]


def _cell(case: Any, row: Row, figure: Figure, healthy: Sequence[Row]) -> str:
    # A run that broke off has no figures of its end.
    failed, cured = (
        f"{last[figure.key]:{figure.form}}" if figure.key in last else "-"
        for last in (row["last"], row["cured"]["last"])
    )
    best = f" ({row['last']['nearest']:{figure.form}} at best)" if figure.key == "distance" else ""
    ran, bound = f"{failed}{best} to {cured}", figure.stated(healthy)
    if not figure.asked(case):
        return ran
    return f"{ran}, at {'most' if figure.is_upper else 'least'} {bound:{figure.form}}"

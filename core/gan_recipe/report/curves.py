"""The lines of ``metrics.jsonl`` as curves: one by figure, and figures in charts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

from attrs import define, field, frozen

from gan_recipe.report.thinning import thinned
from gan_recipe.runs.run_folder import RunFolder

# Anybody may have written the file: what is beyond these makes a page slow and nobody wiser.
_MOST_FIGURES = 300
_LONGEST_NAME = 100
_LATEST_ROUND = 10**12
#: Points of all curves of a page together, each a dozen bytes or two.
_POINTS = 14_000
_FEWEST_BUCKETS, _MOST_BUCKETS = 8, 600

Kind = Literal["losses", "metrics", "signals", "other"]


@define
class Curve:
    """A figure over the rounds."""

    rounds: list[int] = field(factory=list)
    values: list[float] = field(factory=list)
    #: Rounds in which it was no finite number.
    broken: list[int] = field(factory=list)

    def sorted(self) -> Curve:
        """By round, where the file was not."""
        order = sorted(range(len(self.rounds)), key=self.rounds.__getitem__)
        return Curve([self.rounds[i] for i in order], [self.values[i] for i in order], sorted(self.broken))

    def thinned(self, buckets: int) -> Curve:
        kept = thinned(self.rounds, self.values, buckets)
        return Curve([self.rounds[i] for i in kept], [self.values[i] for i in kept], self.broken[:buckets])


@frozen
class Line:
    """One line of a chart."""

    #: Which of the page's runs it belongs to.
    run: int
    #: The loss term, or the figure.
    name: str
    raw: Curve
    #: As it counts in its player's sum; None for what is no loss term.
    weighted: Curve | None = None


@frozen
class Chart:
    """Lines that share an axis: the terms of a player, or one figure."""

    title: str
    kind: Kind
    lines: list[Line]


def read_curves(run: RunFolder) -> dict[str, Curve]:
    """Every figure of the run by name, at most 300 of them; what is no figure is left out."""
    found: dict[str, Curve] = {}
    for line in run.lines():
        round = line.get("round")
        if type(round) is not int or not 0 <= round <= _LATEST_ROUND:
            continue
        for name, value in line.items():
            if name == "round" or type(value) not in (int, float) or len(name) > _LONGEST_NAME:
                continue
            if name not in found and len(found) >= _MOST_FIGURES:
                continue
            series = found.setdefault(name, Curve())
            if _is_finite(value):
                series.rounds.append(round)
                series.values.append(float(value))
            else:
                series.broken.append(round)
    return {name: series.sorted() for name, series in found.items()}


def charts(runs: Sequence[Mapping[str, Curve]]) -> list[Chart]:
    """The figures of one run or several as charts: players first, then what is measured, then the rest."""
    number = sum(map(len, runs))
    buckets = max(_FEWEST_BUCKETS, min(_MOST_BUCKETS, _POINTS // (4 * max(1, number))))
    losses: dict[str, list[Line]] = {}
    others: dict[str, list[Line]] = {}
    for index, figures in enumerate(runs):
        for name, series in figures.items():
            player, kind, term = _parts(name)
            if kind == "loss":
                weighted = figures.get(f"{player}/weighted/{term}")
                line = Line(index, term, series.thinned(buckets), weighted.thinned(buckets) if weighted else None)
                losses.setdefault(player, []).append(line)
            elif kind != "weighted" or f"{player}/loss/{term}" not in figures:
                others.setdefault(name, []).append(Line(index, name, series.thinned(buckets)))
    found = [Chart(player, "losses", lines) for player, lines in losses.items()]
    found += [Chart(*_place(name), lines) for name, lines in others.items()]
    order = get_args(Kind)
    return sorted(found, key=lambda chart: order.index(chart.kind))


def curves(names: Sequence[str], series: Sequence[Mapping[str, Curve]], marks: Sequence[Any] = ()) -> dict[str, Any]:
    """For the page's script: the runs' charts, and the doctor's verdicts as marks on them."""
    return {"runs": names, "several": len(names) > 1, "charts": as_json(charts(series)), "verdicts": marks}


def as_json(charts: Sequence[Chart]) -> list[dict[str, Any]]:
    """For the page's script; numbers in five digits."""

    def told(series: Curve) -> dict[str, Any]:
        return {"rounds": series.rounds, "values": [float(f"{v:.5g}") for v in series.values], "broken": series.broken}

    return [
        {
            "title": chart.title,
            "kind": chart.kind,
            "lines": [
                {
                    "run": line.run,
                    "name": line.name,
                    "raw": told(line.raw),
                    # A weight of 1 need not be told twice.
                    "weighted": None if line.weighted in (None, line.raw) else told(line.weighted or line.raw),
                }
                for line in chart.lines
            ],
        }
        for chart in charts
    ]


def _place(name: str) -> tuple[str, Kind]:
    """The title and the kind of a figure that is no loss."""
    first, _, rest = name.partition("/")
    if rest and first == "metrics":
        return rest, "metrics"
    if rest and first == "signals":
        return rest, "signals"
    return name, "other"


def _parts(name: str) -> tuple[str, str, str]:
    """Player, ``loss`` or ``weighted``, and term; no kind for what is no loss."""
    player, _, rest = name.partition("/")
    kind, _, term = rest.partition("/")
    return (player, kind, term) if kind in ("loss", "weighted") and term else ("", "", "")


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond any float
        return False

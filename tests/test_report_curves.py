"""Figures become charts, and a thinned curve draws the same line."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_pages import made

from gan_recipe.report.curves import Curve, as_json, charts, read_curves
from gan_recipe.report.thinning import thinned

pytestmark = pytest.mark.usefixtures("runs")


@st.composite
def curve(draw: st.DrawFn) -> tuple[list[int], list[float]]:
    rounds = sorted(draw(st.lists(st.integers(0, 3_000), min_size=1, max_size=400)))
    number = st.floats(-1e3, 1e3)
    return rounds, draw(st.lists(number, min_size=len(rounds), max_size=len(rounds)))


@settings(max_examples=200, deadline=None)
@given(curve=curve(), buckets=st.integers(1, 40))
def test_a_thinned_curve_has_the_same_lowest_and_highest_point_in_every_pixel(
    curve: tuple[list[int], list[float]], buckets: int
) -> None:
    """Its points are some of the curve's own, in order, at most four to a pixel; and each pixel's column of it begins,
    ends and reaches as far as the curve's does."""
    rounds, values = curve
    kept = thinned(rounds, values, buckets)
    assert kept == sorted(set(kept)) and len(kept) <= max(4 * buckets, 0)
    span = rounds[-1] - rounds[0] + 1

    def columns(indices: list[int]) -> dict[int, list[float]]:
        found: dict[int, list[float]] = {}
        for index in indices:
            found.setdefault((rounds[index] - rounds[0]) * buckets // span, []).append(values[index])
        return found

    whole, thin = columns(list(range(len(rounds)))), columns(kept)
    assert whole.keys() == thin.keys()
    for pixel, inside in whole.items():
        assert (min(inside), max(inside), inside[0], inside[-1]) == (
            min(thin[pixel]),
            max(thin[pixel]),
            thin[pixel][0],
            thin[pixel][-1],
        )


def test_few_points_are_kept_as_they_are() -> None:
    """Thinning begins where the page would suffer."""
    assert thinned([0, 5, 9, 9], [1.0, 2.0, 1.5, 1.7], 1) == [0, 1, 2, 3]
    assert thinned([], [], 8) == []


def test_figures_become_charts_by_player_with_raw_and_weighted_terms() -> None:
    """A weight of 1 is not told twice; numbers that are none are marked, not drawn; other figures stand apart."""
    run = made("a")
    lines: list[dict[str, Any]] = [
        {"round": 4, "g/loss/l1": 2.0, "g/weighted/l1": 20.0, "g/loss/gan": 1.0, "g/weighted/gan": 1.0},
        {"round": 2, "g/loss/l1": 3.0, "g/weighted/l1": 30.0, "g/loss/gan": float("nan"), "g/weighted/gan": 1.0},
        {"round": 4, "metrics/l1": 7, "signals/g/gap": 0.1, "lr/g": 1e-4, "metrics/no": "x", "metrics/yes": True},
        {"round": "5", "metrics/l1": 8.0},
        {"round": 6, "metrics/l1": 10**400},
    ]
    run.metrics.write_text("".join(f"{json.dumps(line)}\n" for line in lines) + "[1]\nnull\n" + '{"round": 9, "cut sh')
    told = as_json(charts([read_curves(run)]))
    assert [(chart["kind"], chart["title"]) for chart in told] == [
        ("losses", "g"),
        ("metrics", "l1"),
        ("signals", "g/gap"),
        ("other", "lr/g"),
    ]
    l1, gan = told[0]["lines"]
    assert l1["raw"] == {"rounds": [2, 4], "values": [3.0, 2.0], "broken": []} and l1["weighted"]["values"] == [30, 20]
    assert gan["raw"] == {"rounds": [4], "values": [1.0], "broken": [2]}
    assert told[1]["lines"][0]["raw"] == {"rounds": [4], "values": [7.0], "broken": [6]}
    same = Curve([1, 2], [1.0, 2.0])
    assert as_json(charts([{"p/loss/x": same, "p/weighted/x": same}]))[0]["lines"][0]["weighted"] is None

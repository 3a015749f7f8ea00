"""Thousands of points made few enough for a page, without a change to the line that is drawn through them."""

from __future__ import annotations

from collections.abc import Sequence


def thinned(rounds: Sequence[int], values: Sequence[float], buckets: int) -> list[int]:
    """The indices of the points to keep: of each of ``buckets`` equal stretches of rounds the first, the lowest, the
    highest and the last one.

    Through these at most ``4 * buckets`` points goes the same line, drawn ``buckets`` pixels wide, as through all of
    them. ``rounds`` rise; ``values`` are finite. Source: Jugel et al., "M4: A Visualization-Oriented Time Series Data
    Aggregation", VLDB 2014.
    """
    if len(rounds) <= 4 * buckets:
        return list(range(len(rounds)))
    kept: dict[int, None] = {}
    begin = 0
    while begin < len(rounds):
        bucket = _bucket(rounds, begin, buckets)
        end = begin + 1
        while end < len(rounds) and _bucket(rounds, end, buckets) == bucket:
            end += 1
        here = range(begin, end)
        lowest, highest = min(here, key=values.__getitem__), max(here, key=values.__getitem__)
        kept.update(dict.fromkeys(sorted({begin, lowest, highest, end - 1})))
        begin = end
    return list(kept)


def _bucket(rounds: Sequence[int], index: int, buckets: int) -> int:
    return (rounds[index] - rounds[0]) * buckets // (rounds[-1] - rounds[0] + 1)

"""Small drawings as SVG on one line. Colours come from the page's style sheet: dark and light are one drawing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

#: A name and its points.
Line = tuple[str, Sequence[tuple[float, float]]]

_WIDE, _HIGH = 480, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 12, 30, 40


def chart(lines: Sequence[Line], along: str, caption: str) -> str:
    """Curves over one axis, their names above them."""
    points = [point for _, line in lines for point in line]
    least_x, most_x = min(x for x, _ in points), max(x for x, _ in points)
    ticks = _ticks(min(y for _, y in points), max(y for _, y in points))
    least_y, most_y = ticks[0], ticks[-1]

    def at(x: float, y: float) -> tuple[float, float]:
        across = (x - least_x) / (most_x - least_x) * (_WIDE - _LEFT - _RIGHT)
        up = (y - least_y) / (most_y - least_y) * (_HIGH - _TOP - _BOTTOM)
        return _LEFT + across, _HIGH - _BOTTOM - up

    parts = []
    for tick in ticks:
        _, y = at(least_x, tick)
        parts += [
            f"<path class='grid' d='M{_LEFT} {y:.1f}H{_WIDE - _RIGHT}'/>",
            text(_LEFT - 6, y + 4, f"{tick:g}", "end"),
        ]
    for tick in _ticks(least_x, most_x):
        if least_x <= tick <= most_x:
            x, _ = at(tick, least_y)
            parts.append(text(x, _HIGH - _BOTTOM + 16, f"{tick:g}", "middle"))
    parts.append(text(_LEFT + (_WIDE - _LEFT - _RIGHT) / 2, _HIGH - 6, along, "middle"))
    for number, (name, line) in enumerate(lines):
        path = "L".join("{:.1f} {:.1f}".format(*at(x, y)) for x, y in line)
        parts.append(f"<path class='line c{number}' d='M{path}'/>")
        x = _LEFT + number * 150
        parts += [f"<path class='line c{number}' d='M{x} 12h18'/>", text(x + 24, 16, name)]
    return drawing(_WIDE, _HIGH, parts, caption)


def timeline(rows: Sequence[tuple[str, Sequence[bool]]], caption: str) -> str:
    """A row a player, a mark in every round in which it moves."""
    rounds = max(len(moves) for _, moves in rows)
    left = 16 + 7.5 * max(len(name) for name, _ in rows)
    step = (_WIDE * 1.3 - left - 12) / rounds
    parts = []
    for number, (name, moves) in enumerate(rows):
        y = 12 + number * 30
        parts.append(text(left - 10, y + 14, name, "end"))
        for round, moving in enumerate(moves):
            look, x = f"mark c{number % 4}" if moving else "rest", left + round * step
            parts.append(f"<rect class='{look}' x='{x:.1f}' y='{y}' width='{step - 2:.1f}' height='20' rx='2'/>")
    under = 12 + len(rows) * 30 + 10
    for round in range(0, rounds, 4):
        parts.append(text(left + (round + 0.5) * step, under, str(round), "middle"))
    parts.append(text(left + rounds * step / 2, under + 18, "round", "middle"))
    return drawing(_WIDE * 1.3, under + 26, parts, caption)


def drawing(wide: float, high: float, parts: Sequence[str], caption: str) -> str:
    """The parts in one SVG that is read aloud as its caption."""
    inside = "".join(parts)
    return (
        f"<svg role='img' viewBox='0 0 {wide:g} {high:g}' width='{wide:g}' height='{high:g}' "
        f"aria-label='{escape(caption)}' xmlns='http://www.w3.org/2000/svg'>{inside}</svg>"
    )


def text(x: float, y: float, words: str, anchor: str = "start", look: str = "") -> str:
    """A line of words."""
    shown = f" class='{look}'" if look else ""
    return f"<text{shown} x='{x:.1f}' y='{y:.1f}' text-anchor='{anchor}'>{escape(words)}</text>"


def _ticks(least: float, most: float) -> list[float]:
    """Three to seven round numbers from at most ``least`` to at least ``most``."""
    span = most - least or 1.0
    unit = 10.0 ** math.floor(math.log10(span / 4))
    step = next(unit * factor for factor in (1, 2, 5, 10) if span / (unit * factor) <= 5)
    first, last = math.floor(least / step + 1e-9), math.ceil(most / step - 1e-9)
    return [round(step * number, 10) for number in range(first, max(last, first + 1) + 1)]

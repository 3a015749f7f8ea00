"""The few curves that heads are made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Floating point numbers; float32 throughout in practice, which mypy cannot follow through numpy's promotions.
Array = NDArray[np.floating[Any]]


def bell(x: Array, width: float | Array) -> Array:
    """A Gaussian bump of height 1."""
    return np.exp(-np.square(x / width))  # type: ignore[no-any-return]


def rise(x: Array, start: float | Array, end: float | Array) -> Array:
    """0 before ``start``, 1 after ``end``, smooth between (``start`` may lie after ``end``)."""
    t = np.clip((x - start) / (end - start), 0, 1)
    return t * t * (3 - 2 * t)  # type: ignore[no-any-return]


def curve(x: Array, knots: Sequence[float], values: Sequence[float]) -> Array:
    """A smooth curve through ``values`` at ascending ``knots`` (cubic Hermite), constant outside."""
    at = np.asarray(knots, np.float32)
    value = np.asarray(values, np.float32)
    slope = np.zeros_like(value)
    slope[1:-1] = (value[2:] - value[:-2]) / (at[2:] - at[:-2])
    # A local extreme gets a flat tangent: no overshoot, so a hairline or a jaw never bulges between its knots.
    slope[1:-1][(value[2:] - value[1:-1]) * (value[1:-1] - value[:-2]) <= 0] = 0
    i = np.clip(np.searchsorted(at, x) - 1, 0, len(at) - 2)
    gap = at[i + 1] - at[i]
    t = np.clip((x - at[i]) / gap, 0, 1)
    return (  # type: ignore[no-any-return]
        value[i] * (1 + 2 * t) * (1 - t) ** 2
        + value[i + 1] * (3 - 2 * t) * t**2
        + gap * t * (1 - t) * (slope[i] * (1 - t) - slope[i + 1] * t)
    )


def noise(lattice: Array, row: Array, column: Array) -> Array:
    """Smooth noise: ``lattice`` read at ``row`` (R, 1) and ``column`` (1, C) in lattice units, wrapping in both.

    Reading a fixed lattice makes the same person the same at every image size.
    """
    rows, columns = lattice.shape

    def blend(at: Array, count: int) -> tuple[NDArray[np.int64], NDArray[np.int64], Array]:
        low = np.floor(at).astype(np.int64)
        part = (at - low).astype(np.float32)
        return low % count, (low + 1) % count, part * part * (3 - 2 * part)

    low, high, part = blend(row.ravel(), rows)
    across = lattice[low] * (1 - part[:, None]) + lattice[high] * part[:, None]
    low, high, part = blend(column.ravel(), columns)
    return across[:, low] * (1 - part) + across[:, high] * part

"""Which texel each fine pixel sees, camera by camera: rasterising slices, one image row at a time, all rows at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gan_recipe_plugins._faces.sheet import Sheet

#: The picture shows this much around the axis: half its width, and the height of its middle.
HALF = 0.88
MIDDLE = 0.045

#: What ``see`` says where there is no texel, and where a gap between hair and neck shows.
NOTHING = -1
GAP = -2

Index = NDArray[np.int32]


def rows(size: int) -> NDArray[np.float32]:
    """The heights of the fine rows of a picture of ``size`` fine rows, top first."""
    return (MIDDLE + HALF * (1 - (2 * np.arange(size) + 1) / size)).astype(np.float32)


def see(sheets: Sequence[Sheet], yaw: float, size: int) -> Index:
    """The texel in each of ``size`` x ``size`` fine pixels, flat; or ``NOTHING`` or ``GAP``.

    Texels count through the sheets in order.
    """
    pixels, depths, texels = [], [], []
    first = 0
    for sheet in sheets:
        pixel, depth, texel = _fragments(sheet, np.radians(yaw), size)
        pixels.append(pixel)
        depths.append(depth)
        texels.append(np.where(texel == GAP, GAP, texel + first))
        first += sheet.x.size
    pixel, depth, texel = np.concatenate(pixels), np.concatenate(depths), np.concatenate(texels)
    nearest = np.full(size * size, -np.inf, np.float32)
    np.maximum.at(nearest, pixel, depth)
    seen = np.full(size * size, NOTHING, np.int32)
    wins = depth >= nearest[pixel]
    seen[pixel[wins]] = texel[wins]
    return seen


def _fragments(sheet: Sheet, yaw: float, size: int) -> tuple[Index, NDArray[np.float32], Index]:
    """The pixels that the sheet covers, with depth and texel."""
    sin, cos = np.float32(np.sin(yaw)), np.float32(np.cos(yaw))
    across = (sheet.x * cos - sheet.z * sin) * np.float32(0.5 * size / HALF) + np.float32(0.5 * size - 0.5)
    depth = sheet.x * sin + sheet.z * cos
    height, width = sheet.x.shape
    start = np.arange(height * width, dtype=np.int32).reshape(height, width)
    if sheet.closed:
        end, to, to_depth = np.roll(start, -1, 1), np.roll(across, -1, 1), np.roll(depth, -1, 1)
        at, at_depth, there = across, depth, sheet.there
    else:
        start, end = start[:, :-1], start[:, 1:]
        at, to, at_depth, to_depth = across[:, :-1], across[:, 1:], depth[:, :-1], depth[:, 1:]
        there = sheet.there[:, :-1] & sheet.there[:, 1:]
    low, high = np.ceil(at), np.ceil(to)
    if not sheet.closed:
        low, high = np.minimum(low, high), np.maximum(low, high)
    low, high = np.clip(low, 0, size), np.clip(high, 0, size)
    line, segment = np.nonzero((high > low) & there)
    low = low[line, segment].astype(np.int32)
    count = high[line, segment].astype(np.int32) - low
    of = np.repeat(np.arange(len(count)), count)
    x = np.arange(len(of), dtype=np.int32) - np.repeat(np.cumsum(count) - count, count).astype(np.int32) + low[of]
    line, segment = line[of], segment[of]
    a, b = at[line, segment], to[line, segment]
    t = np.clip((x.astype(np.float32) - a) / (b - a), 0, 1)
    far, near = at_depth[line, segment], to_depth[line, segment]
    one, other = start[line, segment], end[line, segment]
    texel = np.where(t < 0.5, one, other)
    if sheet.hair is not None:
        # A long segment bridges the jump from the neck to hair that hangs before it: first a lock, then the gap.
        hair = sheet.hair.ravel()
        inwards = 3 * size // 128  # away from the ragged edge
        bridge = (b - a > 0.03 * size) & (hair[one] != hair[other])
        texel = np.where(bridge, np.where(hair[one], one - inwards, other + inwards), texel)
        texel[bridge & (np.where(hair[one], t, 1 - t) > 0.35)] = GAP
    return ((line + sheet.top) * size + x).astype(np.int32), far + t * (near - far), texel

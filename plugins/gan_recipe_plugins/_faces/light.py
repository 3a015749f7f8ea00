"""What the flashes do to a surface: attached and cast shadows, and the light of the room.

The flashes stand still in the room and so does the head, only the camera moves: a surface is lit once per person, not
once per image.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gan_recipe_plugins._faces.room import FLASHES
from gan_recipe_plugins._faces.shapes import Array, rise

#: Distances, in head units, at which a ray towards a flash looks whether the head is in its way.
_STEPS = (0.032, 0.05, 0.07, 0.1, 0.135, 0.175, 0.22, 0.275, 0.34, 0.42, 0.52, 0.66, 0.85)
#: How many rays are followed at a time: their places fit a core's cache.
_RAYS = 8192
_AMBIENT = 0.13
_FLASH = 1.12
_ROOM = 0.62
#: Skin lets light through: its shadow edge is soft and reddish, so each colour wraps around by its own amount.
_WRAP = (0.16, 0.06, 0.03)

_LEVELS = 4096
_TONE = np.zeros(0, np.uint8)


def directions() -> Array:
    """The unit vectors towards the flashes (x right, y up, z towards the frontal camera), (flashes, 3)."""
    angles = np.radians(np.array([flash for flash in FLASHES if flash], np.float64))
    azimuth, elevation = angles[:, 0], angles[:, 1]
    level = np.cos(elevation)
    return np.stack([level * np.sin(azimuth), np.sin(elevation), level * np.cos(azimuth)], 1).astype(np.float32)


def visibility(points: Array, normals: Array, r: Array, y: Array, column_of: Array) -> Array:
    """How much of each flash a point sees past the head, (points, flashes), soft-edged.

    ``r`` (R, C) is the head's radius at heights ``y`` (R,) and ``column_of`` maps an angle, cut into equal parts from
    -180 degrees on, to a place between columns. Points that face away from a flash are not followed.
    """
    towards = directions()
    facing = _cosine(normals, towards) > -0.05
    point, flash = np.nonzero(facing)
    seen = np.zeros((len(points), len(towards)), np.float32)
    for first in range(0, len(point), _RAYS):
        rays = np.s_[first : first + _RAYS]
        at = point[rays]
        clear = _clearance(points[at] + 0.012 * normals[at], towards[flash[rays]], r, y, column_of)
        seen[at, flash[rays]] = rise(clear, -0.07, 0.07)
    return seen


def _clearance(start: Array, way: Array, r: Array, y: Array, column_of: Array) -> Array:
    """How far rays stay away from the head, as the smallest slope above it; negative for those that enter it."""
    x, h, z = start.T
    along_x, along_y, along_z = way.T
    flat, width = r.ravel(), r.shape[1]
    top, per_row = y[0], (len(y) - 1) / (y[0] - y[-1])
    per_angle = np.float32(len(column_of) / (2 * np.pi))
    clear = np.full(len(start), 1.0, np.float32)
    for t in _STEPS:
        px, py, pz = x + t * along_x, h + t * along_y, z + t * along_z
        row = np.clip((top - py) * per_row + 0.5, 0, len(y) - 1).astype(np.int32)
        angle = np.arctan2(px, pz)
        # Between columns the radius is interpolated: steps of it would speckle the edges of grazing shadows.
        place = column_of[((angle + np.float32(np.pi)) * per_angle).astype(np.int32) % len(column_of)]
        column = place.astype(np.int32)
        left = row * width + column
        near = flat[left]
        near += (place - column) * (flat[left + 1 - width * (column == width - 1)] - near)
        gap = np.sqrt(px * px + pz * pz) - near
        np.minimum(clear, gap / np.float32(t), out=clear)
    return clear


def shade(albedo: Array, normals: Array, seen: Array, openness: Array) -> NDArray[np.uint8]:
    """Light a surface with every flash in turn: sRGB texels, (points, lights, 3).

    ``openness`` (points,) is the share of the room that a point sees: folds and the skin under the chin are darker.
    """
    facing = _cosine(normals, directions())
    count, flashes = facing.shape
    sky = (_ROOM + 0.25 * normals[:, 1] + 0.1 * normals[:, 2]) * openness
    out = np.empty((count, flashes + 1, 3), np.uint8)
    tone = _tone()
    for c, wrap in enumerate(_WRAP):
        bright = np.clip((facing + wrap) / (1 + wrap), 0, 1)
        bright *= seen * (1 - wrap) + wrap * np.sqrt(seen)
        bright *= _FLASH
        bright += (_AMBIENT * sky)[:, None]
        bright *= albedo[:, c, None] * (_LEVELS / 1.5)
        out[:, :flashes, c] = tone[np.minimum(bright, _LEVELS - 1).astype(np.int32)]
        room = albedo[:, c] * sky * (_LEVELS / 1.5)
        out[:, flashes, c] = tone[np.minimum(room, _LEVELS - 1).astype(np.int32)]
    return out


def _cosine(normals: Array, towards: Array) -> Array:
    """``normals @ towards.T``, spelled out: a BLAS may round by its number of threads, and pixels must not."""
    cosine = normals[:, :1] * towards[:, 0]
    cosine += normals[:, 1:2] * towards[:, 1]
    cosine += normals[:, 2:] * towards[:, 2]
    return cosine


def _tone() -> NDArray[np.uint8]:
    """Linear light, in steps of 1.5 / _LEVELS, to sRGB with a soft shoulder instead of burnt-out cheeks."""
    global _TONE
    if not len(_TONE):
        light = (np.arange(_LEVELS) + 0.5) * 1.5 / _LEVELS
        shoulder = np.where(light < 0.55, light, 0.55 + 0.45 * np.tanh((light - 0.55) / 0.45))
        _TONE = np.clip(np.round(255 * shoulder ** (1 / 2.2)), 0, 255).astype(np.uint8)
    return _TONE

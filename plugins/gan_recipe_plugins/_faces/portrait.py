"""All the images of one person."""

from __future__ import annotations

from typing import Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from gan_recipe_plugins._faces import extras, light, raster
from gan_recipe_plugins._faces.genes import Genes, draw
from gan_recipe_plugins._faces.head import shape
from gan_recipe_plugins._faces.paint import linear, paint
from gan_recipe_plugins._faces.room import FLASHES, YAWS
from gan_recipe_plugins._faces.shapes import Array
from gan_recipe_plugins._faces.sheet import Sheet

#: Each pixel is the mean of this many fine pixels squared, or of more in small images: fewer than 128 fine rows would
#: lose eyelids and the frames of glasses.
FINE = 2
FEWEST_ROWS = 128

#: How many texels are lit at a time: their light fits a core's cache.
_CHUNK = 4096

Bytes = NDArray[np.uint8]
Index = NDArray[np.integer[Any]]


@frozen
class Portrait:
    """What is kept of one person."""

    #: Every pose and light: (poses, lights, 3, size, size).
    images: Bytes
    #: 1 in a band around the facial outline, 0 elsewhere: (poses, size, size).
    contours: Bytes


def portrait(seed: int, part: int, number: int, size: int) -> Portrait:
    """Render every image of a person."""
    return render(draw(seed, part, number), size)


def render(g: Genes, size: int) -> Portrait:
    """Render every image of the person with these genes."""
    each = max(FINE, -(-FEWEST_ROWS // size))
    fine = each * size
    sheets = _sheets(g, fine)
    gap = sum(sheet.x.size for sheet in sheets)
    views = [raster.see(sheets, yaw, fine) for yaw in YAWS]
    backdrop = (gap + 1 + np.repeat(np.arange(fine), fine)).astype(np.int32)
    for view in views:
        np.copyto(view, backdrop, where=view == raster.NOTHING)
        view[view == raster.GAP] = gap
    used = np.zeros(gap + 1 + fine, np.bool_)
    for view in views:
        used[view] = True
    texels = np.concatenate([_lit(sheets, used), _depths(g), _backdrop(fine)])
    inside = np.concatenate([*(sheet.inside.ravel() for sheet in sheets), [True], np.zeros(fine, np.bool_)])
    images = np.empty((len(YAWS), len(FLASHES), 3, size, size), np.uint8)
    contours = np.empty((len(YAWS), size, size), np.uint8)
    for pose, view in enumerate(views):
        fine_pixels = view.reshape(size, each, size, each)
        total = np.zeros((size * size, texels.shape[1]), np.uint16)
        for i in range(each):
            for j in range(each):
                total += texels[fine_pixels[:, i, :, j].ravel()]
        total += each * each // 2
        total //= each * each
        images[pose] = total.T.reshape(len(FLASHES), 3, size, size)
        contours[pose] = _band(inside[fine_pixels].mean((1, 3)) > 0.5)
    return Portrait(images=images, contours=contours)


def _sheets(g: Genes, fine: int) -> list[Sheet]:
    """The surfaces of a person; the head comes first."""
    y = raster.rows(fine)[:, None]
    turn = (np.arange(2 * fine, dtype=np.float32)[None] / fine - 1) * np.float32(np.pi)
    phi = turn - np.float32(0.4) * np.sin(turn)  # denser in front
    head = shape(g, y, phi)
    colour = paint(g, head)
    whole = np.ones(head.r.shape, np.bool_)
    sheets = [
        Sheet(
            top=0, x=head.r * np.sin(phi), y=y, z=head.r * np.cos(phi), albedo=colour, there=whole,
            inside=(head.neck < 0.5) | (head.hair.cover > 0.5), closed=True, hair=head.hair.cover > 0.5,
        )
    ]  # fmt: skip
    pieces = [extras.ear(g, head, colour, side, fine // 4) for side in (-1, 1)] + [extras.glasses(g, head)]
    return sheets + [piece for piece in pieces if piece is not None]


def _lit(sheets: list[Sheet], used: NDArray[np.bool_]) -> Bytes:
    """The texels of all sheets under every light, (texels, lights * 3); those that no camera sees are left black."""
    head = sheets[0]
    height, width = head.x.shape
    y = head.y[:, 0]
    r = np.hypot(head.x, head.z)
    angle = np.arctan2(head.x, head.z)[height // 2]
    angle[0] = -np.pi  # which arctan2 may call +pi
    even = ((np.arange(4096) + 0.5) / 4096 * 2 - 1) * np.pi
    column_of = np.interp(even, angle, np.arange(width)).astype(np.float32)

    # Cast shadows on the head are found on a coarse grid and spread smoothly over the texels.
    points, normals = head.points(), head.normals()
    cells = 88 * max(1.0, height / 256) ** 0.5
    down = np.linspace(0, height - 1, int(cells)).round().astype(np.int32)
    across = np.linspace(0, width - 1, int(1.5 * cells)).round().astype(np.int32)
    pick = (down[:, None] * width + across).ravel()
    coarse = light.visibility(points[pick], normals[pick], r, y, column_of)

    texels = np.zeros((sum(sheet.x.size for sheet in sheets), 3 * len(FLASHES)), np.uint8)
    first = 0
    for sheet in sheets:
        wanted = np.flatnonzero(used[first : first + sheet.x.size])
        if sheet is not head:
            points, normals = sheet.points(), sheet.normals()
        albedo = sheet.albedo.reshape(-1, 3)
        for start in range(0, len(wanted), _CHUNK):
            some = wanted[start : start + _CHUNK]
            if sheet is head:
                seen = _between(coarse, down, across, some // width, some % width)
                openness = 0.55 + 0.45 * np.sqrt(seen.mean(1))
            else:
                seen = light.visibility(points[some], normals[some], r, y, column_of)
                openness = np.full(len(some), 0.9, np.float32)
            texels[first + some] = light.shade(albedo[some], normals[some], seen, openness).reshape(len(some), -1)
        first += sheet.x.size
    return texels


def _between(values: Array, down: Index, across: Index, row: Index, column: Index) -> Array:
    """Values of a coarse grid (its rows and columns at ``down`` and ``across``), interpolated at finer places."""
    i = np.clip(np.searchsorted(down, row, side="right") - 1, 0, len(down) - 2)
    j = np.clip(np.searchsorted(across, column, side="right") - 1, 0, len(across) - 2)
    s = ((row - down[i]) / (down[i + 1] - down[i])).astype(np.float32)[:, None]
    t = ((column - across[j]) / (across[j + 1] - across[j])).astype(np.float32)[:, None]
    corner = i * len(across) + j
    above = values[corner] * (1 - t) + values[corner + 1] * t
    below = values[corner + len(across)] * (1 - t) + values[corner + len(across) + 1] * t
    between: Array = above * (1 - s) + below * s
    return between


def _depths(g: Genes) -> Bytes:
    """The one texel that is seen through a gap between hanging hair and the neck: more hair, in the dark."""
    up = np.array([[0, 0.3, 0.95]], np.float32)
    seen = np.full((1, len(light.directions())), 0.4, np.float32)
    return light.shade(0.6 * linear(g.hair)[None], up, seen, np.full(1, 0.7, np.float32)).reshape(1, -1)


def _backdrop(fine: int) -> Bytes:
    """A wall that darkens downwards, the same in every image: it tells nothing about person, pose or light."""
    fade = np.linspace(0, 1, fine)[:, None]
    wall = np.array([126.0, 134.0, 144.0]) * (1 - fade) + np.array([84.0, 90.0, 100.0]) * fade
    levels: Bytes = np.tile(wall, (1, len(FLASHES))).round().astype(np.uint8)
    return levels


def _band(inside: NDArray[np.bool_]) -> Bytes:
    """The pixels near the outline of a mask: within 1/32 of the picture's width of it."""
    reach = max(1, inside.shape[0] // 32)
    offsets = [
        (i, j) for i in range(-reach, reach + 1) for j in range(-reach, reach + 1) if i * i + j * j <= reach * reach
    ]
    padded = np.pad(inside, reach, mode="edge")
    size = inside.shape[0]
    near = [padded[reach + i : reach + i + size, reach + j : reach + j + size] for i, j in offsets]
    grown, shrunk = np.logical_or.reduce(near), np.logical_and.reduce(near)
    band: Bytes = (grown & ~shrunk).astype(np.uint8)
    return band

"""All the images of one person."""

from __future__ import annotations

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

#: Each pixel is the mean of this many fine pixels squared.
FINE = 2

Bytes = NDArray[np.uint8]


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
    fine = FINE * size
    sheets = _sheets(g, fine)
    texels = np.concatenate([*_lit(sheets), _depths(g), _backdrop(fine)])
    inside = np.concatenate([*(sheet.inside.ravel() for sheet in sheets), [True], np.zeros(fine, np.bool_)])
    backdrop = (len(texels) - fine + np.repeat(np.arange(fine), fine)).astype(np.int32)
    images = np.empty((len(YAWS), len(FLASHES), 3, size, size), np.uint8)
    contours = np.empty((len(YAWS), size, size), np.uint8)
    for pose, yaw in enumerate(YAWS):
        seen = raster.see(sheets, yaw, fine)
        seen = np.where(seen == raster.NOTHING, backdrop, seen)
        seen[seen == raster.GAP] = len(texels) - fine - 1
        seen = seen.reshape(size, FINE, size, FINE)
        total = np.zeros((size * size, texels.shape[1]), np.uint16)
        for i in range(FINE):
            for j in range(FINE):
                total += texels[seen[:, i, :, j].ravel()]
        mean = ((total + FINE * FINE // 2) // (FINE * FINE)).astype(np.uint8)
        images[pose] = mean.T.reshape(len(FLASHES), 3, size, size)
        contours[pose] = _band(inside[seen].mean((1, 3)) > 0.5)
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


def _lit(sheets: list[Sheet]) -> list[Bytes]:
    """The texels of every sheet under every light, (texels, lights * 3)."""
    head = sheets[0]
    height, width = head.x.shape
    y = head.y[:, 0]
    r = np.hypot(head.x, head.z)
    angle = np.arctan2(head.x, head.z)[height // 2]
    angle[0] = -np.pi  # which arctan2 may call +pi
    even = ((np.arange(4096) + 0.5) / 4096 * 2 - 1) * np.pi
    column_of = np.interp(even, angle, np.arange(width)).astype(np.float32)
    lit = []
    for sheet in sheets:
        normals = sheet.normals()
        points = sheet.points()
        if sheet is head:
            seen, openness = _shadows(head, points, normals, r, y, column_of)
        else:
            seen = np.repeat(light.visibility(points[::4], normals[::4], r, y, column_of), 4, 0)[: len(points)]
            openness = np.full(len(points), 0.9, np.float32)
        texels = light.shade(sheet.albedo.reshape(-1, 3), normals, seen, openness)
        lit.append(texels.reshape(len(texels), -1))
    return lit


def _shadows(head: Sheet, points: Array, normals: Array, r: Array, y: Array, column_of: Array) -> tuple[Array, Array]:
    """Cast shadows on the head, found on a coarse grid and spread smoothly over the fine one."""
    height, width = r.shape
    cells = 88 * max(1.0, height / 256) ** 0.5
    down = np.linspace(0, height - 1, int(cells)).round().astype(int)
    across = np.linspace(0, width - 1, int(1.5 * cells)).round().astype(int)
    pick = (down[:, None] * width + across).ravel()
    coarse = light.visibility(points[pick], normals[pick], r, y, column_of).reshape(len(down), len(across), -1)
    seen = _spread(_spread(coarse, down, height, 0), across, width, 1).reshape(height * width, -1)
    return seen, (0.55 + 0.45 * np.sqrt(seen.mean(1))).astype(np.float32)


def _spread(values: Array, at: NDArray[np.int64], count: int, axis: int) -> Array:
    """Linear interpolation along an axis from the places ``at`` to every place."""
    place = np.arange(count)
    low = np.clip(np.searchsorted(at, place, side="right") - 1, 0, len(at) - 2)
    part = ((place - at[low]) / (at[low + 1] - at[low])).astype(np.float32)
    part = part.reshape([-1 if i == axis else 1 for i in range(values.ndim)])
    return values.take(low, axis) * (1 - part) + values.take(low + 1, axis) * part


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
